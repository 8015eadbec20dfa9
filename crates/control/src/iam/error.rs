//! IAM's errors in IAM's words.

use domain::iam::MalformedPolicy;

use crate::ServiceError;

/// Something is not there.
pub(crate) fn no_such_entity(message: impl Into<String>) -> ServiceError {
    ServiceError::new("NoSuchEntity", message).with_status(404)
}

/// Something is already there.
pub(super) fn already_exists(message: impl Into<String>) -> ServiceError {
    ServiceError::new("EntityAlreadyExists", message).with_status(409)
}

/// Something must go first.
pub(super) fn delete_conflict(message: impl Into<String>) -> ServiceError {
    ServiceError::new("DeleteConflict", message).with_status(409)
}

/// There are too many, or it is too long.
pub(super) fn limit_exceeded(message: impl Into<String>) -> ServiceError {
    ServiceError::new("LimitExceeded", message).with_status(409)
}

/// A value does not make sense where it stands.
pub(super) fn invalid_input(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidInput", message)
}

/// A value does not have its form.
pub(crate) fn validation(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ValidationError", message)
}

/// A policy document is refused.
pub(crate) fn malformed(error: &MalformedPolicy) -> ServiceError {
    ServiceError::new("MalformedPolicyDocument", error.to_string())
}

/// Something could not be sealed or opened; the reason is in the log, never in the answer.
pub(crate) fn unsealable(error: &crate::seal::SealError) -> ServiceError {
    tracing::error!(%error, "a credential could not be sealed or opened");
    ServiceError::new("ServiceFailure", "A credential could not be sealed or opened; see the server's log.")
        .with_status(500)
}
