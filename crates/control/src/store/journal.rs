//! What makes records durable.

use super::{JournalError, StoreError};

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

/// Takes over one record: table, key and value.
pub type Loading<'a> = dyn FnMut(&str, &str, &str) -> Result<(), StoreError> + 'a;

/// Durable storage of records, newest value per key.
pub trait Journal: Send + 'static {
    /// Calls `each` with table, key and value of every record.
    fn load(&mut self, each: &mut Loading<'_>) -> Result<(), StoreError>;

    /// Writes the changes in order, all or none, and returns when they are durable.
    fn append<'a>(&mut self, changes: impl Iterator<Item = &'a Change>) -> Result<(), JournalError>;

    /// Writes something that is no record, durably, to see whether there is room again.
    fn probe(&mut self) -> Result<(), JournalError>;
}

/// Keeps nothing; for records that are only tried out.
pub(super) struct NoJournal;

impl Journal for NoJournal {
    fn load(&mut self, _: &mut Loading<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn append<'a>(&mut self, _: impl Iterator<Item = &'a Change>) -> Result<(), JournalError> {
        Ok(())
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        Ok(())
    }
}
