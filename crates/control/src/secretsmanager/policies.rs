//! PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy, ValidateResourcePolicy.

use std::sync::Arc;

use api::secretsmanager::{
    DeleteResourcePolicyInput, DeleteResourcePolicyOutput, GetResourcePolicyInput, GetResourcePolicyOutput,
    PutResourcePolicyInput, PutResourcePolicyOutput, ValidateResourcePolicyInput, ValidateResourcePolicyOutput,
    ValidationErrorsEntry,
};
use domain::iam::{Policy, PolicyKind};
use domain::secrets::is_public;

use super::lookup::{Secrets, change};
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
    let policy = Policy::parse(&input.resource_policy, PolicyKind::Resource)
        .map_err(|malformed| ServiceError::new("MalformedPolicyDocumentException", malformed.to_string()))?;
    if input.block_public_policy == Some(true) && is_public(&policy) {
        return Err(ServiceError::new(
            "PublicPolicyException",
            "The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad access to the \
             secret.",
        ));
    }
    let (arn, name) = change(&app, &caller, &input.secret_id, |secret| {
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
    let secret = Secrets::new(&app, &app.store.read(), &caller).find_usable(&input.secret_id)?;
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

/// ValidateResourcePolicy: the grammar, and whether it lets everyone in.
pub(super) async fn validate(
    app: Arc<App>,
    request: Request<ValidateResourcePolicyInput>,
) -> Result<ValidateResourcePolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let action = "secretsmanager:ValidateResourcePolicy";
        Ok(match &input.secret_id {
            Some(secret_id) => Secrets::new(&app, state, caller).access(action, secret_id),
            None => Access::to_any(action),
        })
    })?;
    if let Some(secret_id) = &input.secret_id {
        Secrets::new(&app, &app.store.read(), &caller).find_usable(secret_id)?;
    }
    let policy = Policy::parse(&input.resource_policy, PolicyKind::Resource)
        .map_err(|malformed| ServiceError::new("MalformedPolicyDocumentException", malformed.to_string()))?;
    let errors = is_public(&policy).then(|| ValidationErrorsEntry {
        check_name: Some("PUBLIC_POLICY_CHECK".into()),
        error_message: Some("The resource policy grants broad access to the secret.".into()),
    });
    Ok(ValidateResourcePolicyOutput {
        policy_validation_passed: Some(errors.is_none()),
        validation_errors: Some(errors.into_iter().collect()),
    })
}
