//! An input that ECS refuses, in ECS's own words.

use std::fmt;

/// Why ECS does not do what is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code of ECS's model.
    pub code: &'static str,
    /// ECS's sentence.
    pub message: String,
}

impl Refusal {
    /// What a definition or a request as a whole does wrong.
    pub fn client(message: impl Into<String>) -> Self {
        Self { code: "ClientException", message: message.into() }
    }

    /// What one parameter does wrong.
    pub fn parameter(message: impl Into<String>) -> Self {
        Self { code: "InvalidParameterException", message: message.into() }
    }

    /// What ECS does and Tidegate does not.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self { code: "UnsupportedFeatureException", message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Refusal {}
