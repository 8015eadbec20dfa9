//! `GetSessionToken`: temporary credentials of a user, with the user's own rights.

use std::sync::Arc;

use api::sts::{GetSessionTokenInput, GetSessionTokenOutput};
use domain::iam::{Caller, Identity, SessionContext};

use super::described;
use crate::iam::credentials::issue;
use crate::iam::{prove, validation};
use crate::{App, Authorized, Request, ServiceError};

const DEFAULT_SECONDS: i32 = 43_200;
/// The root user's sessions are at most this long.
const ROOT_SECONDS: i32 = 3600;

/// `GetSessionToken`
pub(super) async fn run(
    app: Arc<App>,
    request: Request<GetSessionTokenInput>,
) -> Result<GetSessionTokenOutput, ServiceError> {
    // The user's own rights come with the token, so asking for it takes no permission.
    let Authorized { input, caller, .. } = request.without_permission();
    if is_session(&caller) {
        return Err(
            ServiceError::new("AccessDenied", "Cannot call GetSessionToken with session credentials").with_status(403)
        );
    }
    let wanted = input.duration_seconds.unwrap_or(DEFAULT_SECONDS);
    if !(900..=129_600).contains(&wanted) {
        return Err(validation("DurationSeconds must be between 900 and 129600."));
    }
    let seconds = if caller.identity == Identity::Root { wanted.min(ROOT_SECONDS) } else { wanted };
    let with_mfa = prove_if_given(&app, &caller, input.serial_number.as_deref(), input.token_code.as_deref()).await?;
    let now = crate::iam::now(&app);
    let begun = match caller.identity {
        Identity::User { arn, id, .. } => {
            let mfa_at = with_mfa.then_some(now);
            let context = SessionContext { issued_at: Some(now), mfa_at, ..SessionContext::default() };
            Caller { identity: Identity::User { arn, id, context }, ..caller }
        }
        _ => caller,
    };
    let issued = issue(&app, &begun, now.plus_seconds(i64::from(seconds)))?;
    Ok(GetSessionTokenOutput { credentials: Some(described(issued)) })
}

/// Whether the caller has proved to have its MFA device, with a serial number and a code.
///
/// # Errors
/// `AccessDenied` when it did not succeed, or gave only one of the two.
pub(super) async fn prove_if_given(
    app: &App,
    caller: &Caller,
    serial_number: Option<&str>,
    token_code: Option<&str>,
) -> Result<bool, ServiceError> {
    match (serial_number, token_code) {
        (Some(serial), Some(code)) => prove(app, caller, serial, code).await.map(|()| true),
        (None, None) => Ok(false),
        _ => {
            let message =
                "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.";
            Err(ServiceError::new("AccessDenied", message).with_status(403))
        }
    }
}

fn is_session(caller: &Caller) -> bool {
    matches!(caller.identity, Identity::Role { .. }) || caller.access_key_id.starts_with("ASIA")
}
