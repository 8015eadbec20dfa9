//! KMS's errors in its own words.

use domain::iam::MalformedPolicy;
use domain::kms::{KeyReferenceError, StateError};

use crate::ServiceError;

/// `NotFoundException` for a key's ARN.
pub(super) fn key_not_found(arn: &str) -> ServiceError {
    ServiceError::new("NotFoundException", format!("Key '{arn}' does not exist"))
}

/// `NotFoundException` for an alias's ARN.
pub(super) fn alias_not_found(arn: &str) -> ServiceError {
    ServiceError::new("NotFoundException", format!("Alias {arn} is not found."))
}

/// `ValidationException`.
pub(super) fn validation(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ValidationException", message)
}

/// Something AWS has and this server does not.
pub(super) fn unsupported(what: &str) -> ServiceError {
    ServiceError::new("UnsupportedOperationException", format!("{what} is not served by Tidegate."))
}

/// A ciphertext that does not open. KMS says nothing more, so that nobody learns why.
pub(super) fn invalid_ciphertext() -> ServiceError {
    ServiceError::new("InvalidCiphertextException", "")
}

/// A document that is no key policy.
pub(super) fn malformed_policy(error: &MalformedPolicy) -> ServiceError {
    ServiceError::new("MalformedPolicyDocumentException", error.to_string())
}

/// What `DryRun` answers instead of doing it.
pub(super) fn dry_run(asked: Option<bool>) -> Result<(), ServiceError> {
    match asked {
        Some(true) => Err(ServiceError::new(
            "DryRunOperationException",
            "The request would have succeeded, but the DryRun option is set.",
        )
        .with_status(412)),
        _ => Ok(()),
    }
}

impl From<StateError> for ServiceError {
    fn from(error: StateError) -> Self {
        let code = match error {
            StateError::Disabled(_) => "DisabledException",
            StateError::PendingDeletion(_) | StateError::NotPendingDeletion(_) => "KMSInvalidStateException",
        };
        Self::new(code, error.to_string())
    }
}

impl From<KeyReferenceError> for ServiceError {
    fn from(error: KeyReferenceError) -> Self {
        let code = match error {
            KeyReferenceError::KeyId(_) => "NotFoundException",
            KeyReferenceError::Arn(_) => "InvalidArnException",
        };
        Self::new(code, error.to_string())
    }
}
