//! `GetFederationToken`: a session for somebody whom a user knows by name, with what both the user's policies and the
//! session's allow.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::sts::{FederatedUser, GetFederationTokenInput, GetFederationTokenOutput};
use domain::iam::{Caller, FederatedBy, Identity, SessionContext};

use super::{described, session};
use crate::iam::authorization::authorize;
use crate::iam::credentials::issue;
use crate::iam::{now, validation};
use crate::{Access, App, Authorized, Request, ServiceError};

const DEFAULT_SECONDS: i32 = 43_200;
/// The root user's sessions are at most this long.
const ROOT_SECONDS: i32 = 3600;

/// `GetFederationToken`
pub(super) async fn run(
    app: Arc<App>,
    request: Request<GetFederationTokenInput>,
) -> Result<GetFederationTokenOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let to = |action| {
            let arn = format!("arn:aws:sts::{}:federated-user/{}", caller.account, input.name);
            session::requesting(Access::to(action, arn), input.tags.as_deref())
        };
        if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
            authorize(&app, state, caller, &to("sts:TagSession"))?;
        }
        Ok(to("sts:GetFederationToken"))
    })?;
    let by = match &caller.identity {
        Identity::Root if !caller.access_key_id.starts_with("ASIA") => FederatedBy::Root,
        Identity::User { arn, id, context } if context.issued_at.is_none() => {
            FederatedBy::User { arn: arn.clone(), id: id.clone() }
        }
        _ => {
            let message = "Cannot call GetFederationToken with session credentials";
            return Err(ServiceError::new("AccessDenied", message).with_status(403));
        }
    };
    let wanted = input.duration_seconds.unwrap_or(DEFAULT_SECONDS);
    let seconds = if by == FederatedBy::Root { wanted.min(ROOT_SECONDS) } else { wanted };
    if !(900..=129_600).contains(&seconds) {
        return Err(validation("DurationSeconds must be between 900 and 129600."));
    }
    let now = now(&app);
    let (policies, policy_arns) =
        session::policies(input.policy.as_ref(), input.policy_arns.as_deref(), &app.store.read())?;
    let mut tags = BTreeMap::new();
    session::add_tags(&mut tags, input.tags.as_deref().unwrap_or_default())?;
    let context = SessionContext { policies, policy_arns, tags, issued_at: Some(now), ..SessionContext::default() };
    let packed = session::packed_percent(&context)?;
    let begun = Caller {
        identity: Identity::FederatedUser { name: input.name, by, context },
        access_key_id: String::new(),
        ..caller
    };
    let issued = issue(&app, &begun, now.plus_seconds(i64::from(seconds)))?;
    Ok(GetFederationTokenOutput {
        credentials: Some(described(issued)),
        federated_user: Some(FederatedUser { federated_user_id: begun.user_id(), arn: begun.arn() }),
        packed_policy_size: Some(packed),
    })
}
