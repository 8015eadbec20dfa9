//! Secrets Manager's errors in its own words, with the link that says what to do.

use domain::failure::{Link, LinkKind, Outcome};

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
            format!("aws secretsmanager restore-secret --secret-id {arn}"),
        ),
    )
}

fn broken(subject: &str, detail: String, mend: String) -> Link {
    Link { kind: LinkKind::Secret, subject: subject.to_owned(), outcome: Outcome::Broken, detail, mend }
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
    let (mut detail, mut mend) = (refused.message.clone(), String::new());
    if let Some(link) = refused.chain.into_iter().next_back() {
        detail = link.detail;
        mend = link.mend;
    }
    if mend.is_empty() {
        mend = mend_of_state(&refused.code, key_id);
    }
    let link = Link { kind: LinkKind::Key, subject: key_id.to_owned(), outcome: Outcome::Broken, detail, mend };
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

fn mend_of_state(code: &str, key_id: &str) -> String {
    match code {
        "DisabledException" => format!("aws kms enable-key --key-id {key_id}"),
        "KMSInvalidStateException" => {
            format!("aws kms cancel-key-deletion --key-id {key_id} && aws kms enable-key --key-id {key_id}")
        }
        "NotFoundException" => "Choose a key that exists: aws kms list-aliases; then aws secretsmanager update-secret \
                                --secret-id … --kms-key-id … with the value again."
            .into(),
        _ => String::new(),
    }
}
