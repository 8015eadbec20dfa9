//! `GetSessionToken`: temporary credentials of a user, with the user's own rights.

use std::sync::Arc;

use api::sts::{GetSessionTokenInput, GetSessionTokenOutput};
use domain::iam::{Caller, Identity};

use super::described;
use crate::iam::credentials::issue;
use crate::iam::validation;
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
    if input.serial_number.is_some() || input.token_code.is_some() {
        return Err(ServiceError::new(
            "AccessDenied",
            "MultiFactorAuthentication failed, unable to validate MFA code.",
        )
        .with_status(403));
    }
    let wanted = input.duration_seconds.unwrap_or(DEFAULT_SECONDS);
    if !(900..=129_600).contains(&wanted) {
        return Err(validation("DurationSeconds must be between 900 and 129600."));
    }
    let seconds = if caller.identity == Identity::Root { wanted.min(ROOT_SECONDS) } else { wanted };
    let issued = issue(&app, &caller, crate::iam::now(&app).plus_seconds(i64::from(seconds)))?;
    Ok(GetSessionTokenOutput { credentials: Some(described(issued)) })
}

fn is_session(caller: &Caller) -> bool {
    matches!(caller.identity, Identity::Role { .. }) || caller.access_key_id.starts_with("ASIA")
}
