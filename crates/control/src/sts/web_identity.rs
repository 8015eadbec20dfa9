//! `AssumeRoleWithWebIdentity`: a role's session for a token of an identity provider. Nobody signs this call; the token
//! proves who asks, and the role's trust policy must name its provider.

use std::sync::Arc;

use api::sts::{AssumeRoleWithWebIdentityInput, AssumeRoleWithWebIdentityOutput, AssumedRoleUser};
use domain::iam::{Caller, Identity, ResourcePolicyRule, SessionContext, WebToken, WebTokenError};

use super::assume_role::{check_arn, check_duration};
use super::{described, issuer, session};
use crate::iam::authorization::authorize;
use crate::iam::credentials::issue;
use crate::iam::{now, oidc_provider_arn, role_by_arn, without_scheme};
use crate::{Access, App, Authorized, Request, ServiceError};

/// `AssumeRoleWithWebIdentity`
pub(super) async fn run(
    app: Arc<App>,
    request: Request<AssumeRoleWithWebIdentityInput>,
) -> Result<AssumeRoleWithWebIdentityOutput, ServiceError> {
    // Who asks is known only from the input; the role's trust policy is asked below.
    let Authorized { input, caller, .. } = request.without_permission();
    check_arn(&input.role_arn)?;
    let text = input.web_identity_token.expose();
    let token = WebToken::parse(text).map_err(|error| refused(&error))?;
    let account = input.role_arn.split(':').nth(4).unwrap_or_default().to_owned();
    let provider_arn = oidc_provider_arn(&account, &token.issuer)?;
    let unknown = || {
        let message = format!("No OpenIDConnect provider found in your account for {}", token.issuer);
        ServiceError::new("InvalidIdentityToken", message)
    };
    let state = app.store.read();
    let client_ids = state.iam_oidc_providers.get(&provider_arn).ok_or_else(unknown)?.client_ids.clone();
    issuer::verify(&token, text).await?;
    let now = now(&app);
    let audience = token.check(now.seconds(), &client_ids).map_err(|error| refused(&error))?.to_owned();

    let state = app.store.read();
    let denied = || {
        ServiceError::new("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity").with_status(403)
    };
    let role = role_by_arn(&state, &input.role_arn).ok_or_else(denied)?;
    let asking = Caller {
        account: account.clone(),
        identity: Identity::WebIdentity { provider: provider_arn.clone(), subject: token.subject.clone() },
        ..caller
    };
    let access = access(&input, &role.entity.arn, &role.trust, &token, &audience, &provider_arn);
    authorize(&app, &state, &asking, &access).map_err(|error| ServiceError { chain: error.chain, ..denied() })?;
    let seconds = check_duration(input.duration_seconds, role)?;
    let (policies, policy_arns) = session::policies(input.policy.as_ref(), input.policy_arns.as_deref(), &state)?;
    let context = SessionContext {
        policies,
        policy_arns,
        issued_at: Some(now),
        federated_provider: Some(provider_arn.clone()),
        ..SessionContext::default()
    };
    let packed = session::packed_percent_if_any(&context)?;
    let begun = Caller {
        identity: Identity::Role {
            role_arn: role.entity.arn.clone(),
            role_id: role.entity.id.clone(),
            session_name: input.role_session_name,
            context,
        },
        ..asking
    };
    let issued = issue(&app, &begun, now.plus_seconds(i64::from(seconds)))?;
    Ok(AssumeRoleWithWebIdentityOutput {
        credentials: Some(described(issued)),
        subject_from_web_identity_token: Some(token.subject),
        assumed_role_user: Some(AssumedRoleUser { assumed_role_id: begun.user_id(), arn: begun.arn() }),
        packed_policy_size: packed,
        provider: Some(provider_arn),
        audience: Some(audience),
        source_identity: None,
    })
}

/// What the trust policy is asked, with the keys that the token supplies under its issuer's name.
fn access(
    input: &AssumeRoleWithWebIdentityInput,
    role_arn: &str,
    trust: &str,
    token: &WebToken,
    audience: &str,
    provider_arn: &str,
) -> Access {
    let issuer = without_scheme(&token.issuer);
    let mut access = Access::to("sts:AssumeRoleWithWebIdentity", role_arn)
        .with_resource_policy(Some(trust.to_owned()))
        .with_context("sts:RoleSessionName", &input.role_session_name)
        .with_context("aws:FederatedProvider", provider_arn)
        .with_context(format!("{issuer}:aud"), audience)
        .with_context(format!("{issuer}:sub"), &token.subject);
    access.resource_policy_rule = ResourcePolicyRule::MustAllow;
    token.methods.iter().fold(access, |access, method| access.with_context(format!("{issuer}:amr"), method))
}

fn refused(error: &WebTokenError) -> ServiceError {
    let code = match error {
        WebTokenError::Expired { .. } => "ExpiredTokenException",
        _ => "InvalidIdentityToken",
    };
    ServiceError::new(code, error.to_string())
}
