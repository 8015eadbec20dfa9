//! Why a signature does not count, in each protocol's words.

use crate::Protocol;

/// A refusal. Its text is the message that the client gets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The request is not signed.
    #[error("Missing Authentication Token")]
    Missing,
    /// What it says of its signature is not complete or not readable.
    #[error("{0}")]
    Incomplete(String),
    /// It is signed for another region, service or day.
    #[error("{0}")]
    Scope(String),
    /// It is too old, or its presigned time is over.
    #[error("Signature expired: {signed} is now earlier than {earliest} ({now} - {minutes} min.)")]
    Expired {
        /// When it was signed.
        signed: String,
        /// The earliest time that would do.
        earliest: String,
        /// Our time.
        now: String,
        /// The difference that is accepted.
        minutes: i64,
    },
    /// It is from the future.
    #[error("Signature not yet current: {signed} is still later than {latest} ({now} + {minutes} min.)")]
    NotYetCurrent {
        /// When it was signed.
        signed: String,
        /// The latest time that would do.
        latest: String,
        /// Our time.
        now: String,
        /// The difference that is accepted.
        minutes: i64,
    },
    /// It was made with another secret key, or of another request.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    /// Nobody has this access key, or not with this session token.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The session is over.
    #[error("The security token included in the request is expired")]
    SessionExpired,
}

impl SignatureError {
    /// The error code in a protocol.
    pub fn code(&self, protocol: Protocol) -> &'static str {
        match protocol {
            Protocol::Json => match self {
                Self::Missing => "MissingAuthenticationTokenException",
                Self::Incomplete(_) => "IncompleteSignatureException",
                Self::UnknownKey => "UnrecognizedClientException",
                Self::SessionExpired => "ExpiredTokenException",
                Self::Scope(_) | Self::Expired { .. } | Self::NotYetCurrent { .. } | Self::Mismatch => {
                    "InvalidSignatureException"
                }
            },
            Protocol::Query => match self {
                Self::Missing => "MissingAuthenticationToken",
                Self::Incomplete(_) => "IncompleteSignature",
                Self::UnknownKey => "InvalidClientTokenId",
                Self::SessionExpired => "ExpiredToken",
                Self::Scope(_) | Self::Expired { .. } | Self::NotYetCurrent { .. } | Self::Mismatch => {
                    "SignatureDoesNotMatch"
                }
            },
            Protocol::Ec2 => match self {
                Self::Missing => "MissingAuthenticationToken",
                Self::Incomplete(_) => "IncompleteSignature",
                Self::SessionExpired | Self::Expired { .. } | Self::NotYetCurrent { .. } => "RequestExpired",
                Self::UnknownKey | Self::Scope(_) | Self::Mismatch => "AuthFailure",
            },
        }
    }

    /// The message in a protocol.
    pub fn message(&self, protocol: Protocol) -> String {
        match (protocol, self) {
            (Protocol::Ec2, Self::UnknownKey | Self::Mismatch) => {
                String::from("AWS was not able to validate the provided access credentials")
            }
            _ => self.to_string(),
        }
    }

    /// The HTTP status in a protocol.
    pub fn status(&self, protocol: Protocol) -> u16 {
        match (protocol, self) {
            (Protocol::Ec2, Self::UnknownKey | Self::Mismatch | Self::Scope(_)) => 401,
            (Protocol::Query, Self::Incomplete(_)) | (Protocol::Json | Protocol::Ec2, _) => 400,
            (Protocol::Query, _) => 403,
        }
    }
}
