//! Secrets Manager through its handlers.
