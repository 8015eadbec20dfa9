//! KMS's errors in its own words.

use domain::iam::MalformedPolicy;
use domain::kms::{KeyReferenceError, StateError, UnknownSpec, UsageError};

use super::record::KeyRecord;
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

/// An operation that this key, of another kind, does not have. KMS says nothing more.
pub(super) fn unsupported_by(arn: &str) -> ServiceError {
    let message = format!("{arn} does not support this operation.");
    ServiceError::new("UnsupportedOperationException", message)
}

/// An operation that is for keys of another origin.
pub(super) fn wrong_origin(key: &KeyRecord) -> ServiceError {
    let message = format!("{} origin is {} which is not valid for this operation.", key.arn, key.origin.name());
    ServiceError::new("UnsupportedOperationException", message)
}

/// Imported material that is not what the key needs.
pub(super) fn incorrect_material() -> ServiceError {
    let message = "The key material in the request is not the expected one: it has another length or format than the \
                   key spec asks for, or is not the material that was imported before.";
    ServiceError::new("IncorrectKeyMaterialException", message)
}

/// Too much is asked at a time.
pub(super) fn throttled() -> ServiceError {
    ServiceError::new(
        "ThrottlingException",
        "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
    )
}

/// Something failed that cannot.
pub(super) fn internal() -> ServiceError {
    ServiceError::new("KMSInternalException", "The work could not be finished; see the server's log.").with_status(500)
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
        )),
        _ => Ok(()),
    }
}

impl From<StateError> for ServiceError {
    fn from(error: StateError) -> Self {
        let code = match error {
            StateError::Disabled(_) => "DisabledException",
            _ => "KMSInvalidStateException",
        };
        Self::new(code, error.to_string())
    }
}

impl From<KeyReferenceError> for ServiceError {
    fn from(error: KeyReferenceError) -> Self {
        let code = match error {
            KeyReferenceError::KeyId(_) | KeyReferenceError::Region(_) => "NotFoundException",
            KeyReferenceError::Arn(_) => "InvalidArnException",
        };
        Self::new(code, error.to_string())
    }
}

impl From<UnknownSpec> for ServiceError {
    fn from(error: UnknownSpec) -> Self {
        Self::new("UnsupportedOperationException", error.to_string())
    }
}

impl From<UsageError> for ServiceError {
    fn from(error: UsageError) -> Self {
        Self::new("ValidationException", error.to_string())
    }
}
