//! KMS through its handlers.
