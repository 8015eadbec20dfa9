//! What `domain` refuses, as errors of the service.

use domain::ecs::Refusal;

use crate::ServiceError;

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}

/// One parameter is wrong.
pub(super) fn parameter(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidParameterException", message)
}

/// The request as a whole is wrong.
pub(super) fn client(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ClientException", message)
}
