//! Secrets Manager's errors in its own words, with the link that says what to do.

use domain::failure::{Link, LinkKind};
use domain::mend::Fault;

use crate::ServiceError;

/// `InvalidParameterException`.
pub(super) fn invalid_parameter(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidParameterException", message)
}

/// `InvalidRequestException`.
pub(super) fn invalid_request(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidRequestException", message)
}

/// A name, or a `SecretId` that is no ARN, with characters that no name has.
pub(super) fn invalid_name() -> ServiceError {
    ServiceError::new(
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    )
}

/// The token that makes a new version's id, and that every SDK sends by itself.
pub(super) fn no_token(code: &'static str) -> ServiceError {
    ServiceError::new(code, "You must provide a ClientRequestToken value. We recommend a UUID-type value.")
}

/// A change of a replica.
pub(super) fn is_replica() -> ServiceError {
    invalid_parameter("Operation not permitted on a replica secret. Call must be made in primary secret's region.")
}

/// No secret of this name or ARN.
pub(super) fn not_found(secret_id: &str) -> ServiceError {
    ServiceError::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        .with_link(broken(
        secret_id,
        "There is no secret of this name or ARN in this account and region.".into(),
        "Compare it with: aws secretsmanager list-secrets --include-planned-deletion. A secret that was deleted and \
         made again has another ARN."
            .into(),
    ))
}

/// No version with this id or label.
pub(super) fn version_not_found(arn: &str, what: &str) -> ServiceError {
    let message = format!("Secrets Manager can't find the specified secret value for {what}");
    ServiceError::new("ResourceNotFoundException", message).with_link(broken(
        arn,
        format!("The secret has no version for {what}."),
        format!("Give it a value: aws secretsmanager put-secret-value --secret-id {arn} --secret-string …"),
    ))
}

/// The secret is scheduled for deletion.
pub(super) fn marked_for_deletion(arn: &str) -> ServiceError {
    invalid_request("You can't perform this operation on the secret because it was marked for deletion.").with_link(
        broken(
            arn,
            "The secret is scheduled for deletion; until it is restored its value is not given out.".into(),
            "Restore the secret.".into(),
        )
        .with_fault(Fault::SecretMarked { secret: arn.to_owned() }),
    )
}

fn broken(subject: &str, detail: String, mend: String) -> Link {
    Link::broken(LinkKind::Secret, subject, detail, mend)
}

/// A kind of use of KMS that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyUse {
    /// To seal a value.
    Encrypt,
    /// To open one.
    Decrypt,
}

/// What KMS answered, as Secrets Manager tells it; the link keeps what KMS really said.
pub(super) fn of_kms(refused: ServiceError, key_id: &str, key_use: KeyUse) -> ServiceError {
    let link = match refused.chain.into_iter().next_back() {
        Some(link) => Link { kind: LinkKind::Key, subject: key_id.to_owned(), ..link },
        None => Link::broken(LinkKind::Key, key_id, refused.message, mend_of_state(&refused.code))
            .with_fault(Fault::of_key_state(&refused.code, key_id)),
    };
    let error = match (&*refused.code, key_use) {
        ("AccessDeniedException", _) => ServiceError::new("AccessDeniedException", "Access to KMS is not allowed"),
        ("InternalFailure", _) => {
            ServiceError::new("InternalServiceError", "An error occurred on the server side.").with_status(500)
        }
        (_, KeyUse::Encrypt) => ServiceError::new(
            "EncryptionFailure",
            "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that the KMS key \
             is available, enabled, and not in an invalid state.",
        ),
        (_, KeyUse::Decrypt) => ServiceError::new(
            "DecryptionFailure",
            "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
        ),
    };
    error.with_link(link)
}

/// What to do about a key that is there, but may not be used.
fn mend_of_state(code: &str) -> &'static str {
    match code {
        "DisabledException" => "Enable the key.",
        "KMSInvalidStateException" => {
            "Cancel the deletion of the key and enable it; one with imported material may want it again."
        }
        "NotFoundException" => {
            "Choose a key that exists (aws kms list-aliases), and put the secret's value again with it (aws \
             secretsmanager update-secret)."
        }
        _ => "",
    }
}
