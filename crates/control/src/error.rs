//! An error as a service tells it: a code of its model and a message in its own words.

use std::borrow::Cow;
use std::fmt;

use domain::failure::Link;

use crate::store::{JournalError, StoreError};

/// What a handler answers when it cannot do what was asked. The front door writes it in the protocol's form.
#[derive(Clone, Debug)]
pub struct ServiceError {
    /// The error code of the service's model, without `#` prefix: `ClientException`, `NoSuchEntity`.
    pub code: Cow<'static, str>,
    /// The message, in the service's own words.
    pub message: String,
    /// The HTTP status.
    pub status: u16,
    /// For `explain`: what was asked, which statement decided, what to do. Never sent to the client.
    pub chain: Vec<Link>,
}

impl ServiceError {
    /// A client error (HTTP 400).
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: 400, chain: Vec::new() }
    }

    /// The same error with another HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same error with one more link of its cause.
    #[must_use]
    pub fn with_link(mut self, link: Link) -> Self {
        self.chain.push(link);
        self
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ServiceError {}

/// What is said while nothing can be written.
pub(crate) const NO_ROOM: &str = "There is no room on the disk of the data directory, so nothing can be changed. Make room; Tidegate goes on by itself.";

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        if let StoreError::Journal(JournalError::NoRoom { .. }) = error {
            // The store says so in the log, once. Clients may try again: nothing of the call was written.
            return Self::new("ServiceUnavailable", NO_ROOM).with_status(503);
        }
        tracing::error!(error = &error as &dyn std::error::Error, "the store failed");
        Self::new("InternalFailure", "The record could not be made durable; see the server's log.").with_status(500)
    }
}
