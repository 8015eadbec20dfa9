//! The default journal: one SQLite file in WAL mode with full synchronisation, so that a commit survives a power cut
//! and a person can look inside with `sqlite3`.

use std::path::Path;

use rusqlite::{Connection, params};

use super::{Change, Journal, StoreError};

/// Records in a SQLite file.
pub struct SqliteJournal {
    connection: Connection,
}

impl SqliteJournal {
    /// Opens the file, or makes it. Only one server may have it open.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS record (
                 name TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name, key)
             ) WITHOUT ROWID, STRICT;",
        )?;
        Ok(Self { connection })
    }
}

impl Journal for SqliteJournal {
    fn load(&mut self, each: &mut dyn FnMut(&str, &str, &str) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare("SELECT name, key, value FROM record")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?, &row.get::<_, String>(2)?)?;
        }
        Ok(())
    }

    fn append<'a>(&mut self, changes: impl Iterator<Item = &'a Change>) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        {
            let mut put = transaction.prepare_cached("INSERT OR REPLACE INTO record VALUES (?1, ?2, ?3)")?;
            let mut remove = transaction.prepare_cached("DELETE FROM record WHERE name = ?1 AND key = ?2")?;
            for change in changes {
                match &change.value {
                    Some(value) => put.execute(params![change.table, change.key, value])?,
                    None => remove.execute(params![change.table, change.key])?,
                };
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Journal(error.to_string())
    }
}
