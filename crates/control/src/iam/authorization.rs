//! Gathers from the store what `domain::iam` needs to decide, and tells the decision in the service's words.

use domain::iam::{Caller, Identity};

use crate::request::Access;
use crate::store::State;
use crate::{App, ServiceError};

/// Decides whether the caller may do this on every one of the resources.
pub fn authorize(_app: &App, _state: &State, caller: &Caller, access: &Access) -> Result<(), ServiceError> {
    match caller.identity {
        Identity::Root => Ok(()),
        _ => Err(ServiceError::new(
            "AccessDeniedException",
            format!("User: {} is not authorized to perform: {}", caller.arn(), access.action),
        )),
    }
}
