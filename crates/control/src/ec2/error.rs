//! EC2's errors as its clients know them.

use crate::ServiceError;

/// `The <kind> '<id>' does not exist`
pub(super) fn not_found(code: &'static str, kind: &str, id: &str) -> ServiceError {
    ServiceError::new(code, format!("The {kind} '{id}' does not exist"))
}
