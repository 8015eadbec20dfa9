//! PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy, ValidateResourcePolicy.

use std::sync::Arc;

use api::secretsmanager::{
    DeleteResourcePolicyInput, DeleteResourcePolicyOutput, GetResourcePolicyInput, GetResourcePolicyOutput,
    PutResourcePolicyInput, PutResourcePolicyOutput, ValidateResourcePolicyInput, ValidateResourcePolicyOutput,
    ValidationErrorsEntry,
};
use domain::iam::{Caller, Policy, PolicyKind};
use domain::secrets::is_public;

use super::lookup::{Secrets, change, change_with};
use super::record::SecretRecord;
use super::replication::Copies;
use crate::iam::authorization::{authorize, decide};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// PutResourcePolicy.
pub(super) async fn put(
    app: Arc<App>,
    request: Request<PutResourcePolicyInput>,
) -> Result<PutResourcePolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Secrets::new(&app, state, caller).access("secretsmanager:PutResourcePolicy", &input.secret_id);
        let block = input.block_public_policy.unwrap_or_default();
        Ok(access.with_context("secretsmanager:BlockPublicPolicy", block.to_string()))
    })?;
    let (arn, name) = change_with(&app, &caller, &input.secret_id, Copies::new(), |state, secret| {
        let policy = parse(&input.resource_policy)?;
        if locks_out(&app, state, &caller, secret, &input.resource_policy)? {
            return Err(ServiceError::new("MalformedPolicyDocumentException", LOCKS_OUT));
        }
        if input.block_public_policy == Some(true) && is_public(&policy) {
            return Err(ServiceError::new(
                "PublicPolicyException",
                "The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad access to \
                 the secret.",
            ));
        }
        secret.policy = Some(input.resource_policy);
        Ok((secret.arn.clone(), secret.name.clone()))
    })
    .await?;
    Ok(PutResourcePolicyOutput { arn: Some(arn), name: Some(name) })
}

/// GetResourcePolicy.
pub(super) async fn get(
    app: Arc<App>,
    request: Request<GetResourcePolicyInput>,
) -> Result<GetResourcePolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Secrets::new(&app, state, caller).access("secretsmanager:GetResourcePolicy", &input.secret_id))
    })?;
    let secret = Secrets::new(&app, &app.store.read(), &caller).find_primary(&input.secret_id)?;
    Ok(GetResourcePolicyOutput {
        arn: Some(secret.arn.clone()),
        name: Some(secret.name.clone()),
        resource_policy: secret.policy.clone(),
    })
}

/// DeleteResourcePolicy.
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteResourcePolicyInput>,
) -> Result<DeleteResourcePolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Secrets::new(&app, state, caller).access("secretsmanager:DeleteResourcePolicy", &input.secret_id))
    })?;
    let (arn, name) = change(&app, &caller, &input.secret_id, |secret| {
        secret.policy = None;
        Ok((secret.arn.clone(), secret.name.clone()))
    })
    .await?;
    Ok(DeleteResourcePolicyOutput { arn: Some(arn), name: Some(name) })
}

/// ValidateResourcePolicy: the grammar, whether it lets everyone in, and whether it shuts the caller out.
pub(super) async fn validate(
    app: Arc<App>,
    request: Request<ValidateResourcePolicyInput>,
) -> Result<ValidateResourcePolicyOutput, ServiceError> {
    let access_to = |app: &App, state: &State, caller: &Caller, action, secret_id: Option<&str>| match secret_id {
        Some(secret_id) => Secrets::new(app, state, caller).access(action, secret_id),
        None => Access::to_any(action),
    };
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(access_to(&app, state, caller, "secretsmanager:ValidateResourcePolicy", input.secret_id.as_deref()))
    })?;
    let state = app.store.read();
    let putting = access_to(&app, &state, &caller, "secretsmanager:PutResourcePolicy", input.secret_id.as_deref());
    authorize(&app, &state, &caller, &putting)?;
    let secret = match &input.secret_id {
        Some(secret_id) => Some(Secrets::new(&app, &state, &caller).find_usable(secret_id)?),
        None => None,
    };
    let policy = parse(&input.resource_policy)?;
    let mut errors = Vec::new();
    if is_public(&policy) {
        errors.push(failed("PUBLIC_POLICY_CHECK", "The resource policy grants broad access to the secret."));
    }
    if let Some(secret) = secret
        && locks_out(&app, &state, &caller, &secret, &input.resource_policy)?
    {
        errors.push(failed("LOCKOUT_CHECK", LOCKS_OUT));
    }
    Ok(ValidateResourcePolicyOutput {
        policy_validation_passed: Some(errors.is_empty()),
        validation_errors: Some(errors),
    })
}

const LOCKS_OUT: &str = "This resource policy will not allow you to manage this secret in the future.";

fn failed(check: &str, message: &str) -> ValidationErrorsEntry {
    ValidationErrorsEntry { check_name: Some(check.into()), error_message: Some(message.into()) }
}

fn parse(document: &str) -> Result<Policy, ServiceError> {
    Policy::parse(document, PolicyKind::Resource).map_err(|malformed| {
        let message = format!("This policy has invalid syntax. {malformed}");
        ServiceError::new("MalformedPolicyDocumentException", message)
    })
}

/// Whether the caller could not put another policy in the place of this one.
fn locks_out(
    app: &App,
    state: &State,
    caller: &Caller,
    secret: &SecretRecord,
    document: &str,
) -> Result<bool, ServiceError> {
    let access = Secrets::new(app, state, caller)
        .access("secretsmanager:PutResourcePolicy", &secret.arn)
        .with_resource_policy(Some(document.to_owned()))
        .with_context("secretsmanager:BlockPublicPolicy", "false");
    let (decision, _) = decide(app, state, caller, &access)?;
    Ok(!decision.is_allowed())
}
