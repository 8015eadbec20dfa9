//! Parameter Store's errors in its own words, with the link that says what to do.

use domain::failure::{Link, LinkKind};
use domain::mend::Fault;
use domain::ssm::{DataTypeError, FilterError, NameError, PatternError, PolicyError, TierError};

use crate::ServiceError;

/// `ValidationException`.
pub(super) fn validation(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ValidationException", message)
}

/// No parameter of this name.
pub(super) fn not_found(asked: &str) -> ServiceError {
    ServiceError::new("ParameterNotFound", format!("Parameter {asked} not found.")).with_link(unknown(asked))
}

/// The link that tells of a parameter that is not there.
pub(super) fn unknown(asked: &str) -> Link {
    Link::broken(
        LinkKind::Secret,
        asked,
        "There is no parameter (or no version or label of it) of this name or ARN in this account and region.",
        "Compare it with: aws ssm describe-parameters. Names are case-sensitive, and a hierarchy begins with a slash.",
    )
}

/// The parameter has no such version or label.
pub(super) fn version_not_found(name: &str, selector: &str) -> ServiceError {
    let (what, verify) = if selector.parse::<i64>().is_ok() { ("version", "version") } else { ("label", "label") };
    let message =
        format!("Systems Manager could not find {what} {selector} of {name}. Verify the {verify} and try again.");
    ServiceError::new("ParameterVersionNotFound", message).with_link(unknown(&format!("{name}:{selector}")))
}

/// A page token that is none of ours.
pub(super) fn invalid_token() -> ServiceError {
    ServiceError::new("InvalidNextToken", "The specified token isn't valid.")
}

/// What KMS answered, as Parameter Store tells it: KMS's own words, and which service said them. The link keeps who
/// decided.
pub(super) fn of_kms(refused: &ServiceError, key_id: &str, request_id: &str) -> ServiceError {
    let link = match refused.chain.last() {
        Some(link) => Link { kind: LinkKind::Key, subject: key_id.to_owned(), ..link.clone() },
        None => Link::broken(LinkKind::Key, key_id, &refused.message, mend_of_state(&refused.code))
            .with_fault(Fault::of_key_state(&refused.code, key_id)),
    };
    let message = format!(
        "{} (Service: AWSKMS; Status Code: {}; Error Code: {}; Request ID: {request_id}; Proxy: null)",
        refused.message, refused.status, refused.code
    );
    let error = match &*refused.code {
        "AccessDeniedException" => ServiceError::new("AccessDeniedException", message),
        "InternalFailure" => {
            ServiceError::new("InternalServerError", "An error occurred on the server side.").with_status(500)
        }
        _ => ServiceError::new("InvalidKeyId", message),
    };
    error.with_link(link)
}

/// What to do about a key that may not be used.
fn mend_of_state(code: &str) -> &'static str {
    match code {
        "DisabledException" => "Enable the key.",
        "KMSInvalidStateException" => {
            "Cancel the deletion of the key and enable it; one with imported material may want it again."
        }
        _ => "Put the parameter again with a key that exists (aws ssm put-parameter --overwrite).",
    }
}

impl From<NameError> for ServiceError {
    fn from(error: NameError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<FilterError> for ServiceError {
    fn from(error: FilterError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<PolicyError> for ServiceError {
    fn from(error: PolicyError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<TierError> for ServiceError {
    fn from(error: TierError) -> Self {
        validation(error.to_string())
    }
}

impl From<DataTypeError> for ServiceError {
    fn from(error: DataTypeError) -> Self {
        validation(error.to_string())
    }
}

impl From<PatternError> for ServiceError {
    fn from(error: PatternError) -> Self {
        let code = match error {
            PatternError::Pattern(_) => "InvalidAllowedPatternException",
            PatternError::Mismatch(_) => "ParameterPatternMismatchException",
        };
        Self::new(code, error.to_string())
    }
}
