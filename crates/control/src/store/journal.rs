//! What makes records durable.

use super::StoreError;

/// One changed record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The table's name.
    pub table: &'static str,
    /// The record's key.
    pub key: String,
    /// The record as JSON; `None` when it was removed.
    pub value: Option<String>,
}

/// Durable storage of records, newest value per key.
pub trait Journal: Send + 'static {
    /// Calls `each` with table, key and value of every record.
    fn load(&mut self, each: &mut dyn FnMut(&str, &str, &str) -> Result<(), StoreError>) -> Result<(), StoreError>;

    /// Writes the changes in order, all or none, and returns when they are durable.
    fn append<'a>(&mut self, changes: impl Iterator<Item = &'a Change>) -> Result<(), StoreError>;
}

/// Keeps nothing; for records that are only tried out.
pub(super) struct NoJournal;

impl Journal for NoJournal {
    fn load(&mut self, _: &mut dyn FnMut(&str, &str, &str) -> Result<(), StoreError>) -> Result<(), StoreError> {
        Ok(())
    }

    fn append<'a>(&mut self, _: impl Iterator<Item = &'a Change>) -> Result<(), StoreError> {
        Ok(())
    }
}
