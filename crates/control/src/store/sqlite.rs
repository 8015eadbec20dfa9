//! The default journal: one SQLite file in WAL mode with full synchronisation, so that a commit survives a power cut
//! and a person can look inside with `sqlite3`.
//!
//! When SQLite says FULL, a frame could not be added to the WAL, so the frame that commits is not there: nothing was
//! written, now and after any restart. An error of the synchronisation or of anything else says no such thing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, Transaction, params};

use super::journal::Loading;
use super::{Change, Journal, JournalError, StoreError};
use crate::limits::JOURNAL_PROBE_BYTES;

/// The table's name of what is no record.
const NO_TABLE: &str = "";

/// Records in a SQLite file.
pub struct SqliteJournal {
    connection: Connection,
    path: PathBuf,
}

impl SqliteJournal {
    /// Opens the file, or makes it. Only one server may have it open.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let opened = || {
            let connection = Connection::open(path)?;
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.execute_batch(
                "CREATE TABLE IF NOT EXISTS record (
                     name TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name, key)
                 ) WITHOUT ROWID, STRICT;",
            )?;
            Ok(connection)
        };
        let connection = opened().map_err(|source| failed("opened", path, source))?;
        Ok(Self { connection, path: path.to_owned() })
    }

    fn transact(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>) -> Result<(), JournalError> {
        let worked = self.connection.transaction().and_then(|transaction| {
            work(&transaction)?;
            transaction.commit()
        });
        worked.map_err(|source| {
            // A transaction that could not be rolled back would be in the way of the next one.
            if source.sqlite_error_code() == Some(ErrorCode::DiskFull) && self.connection.is_autocommit() {
                JournalError::NoRoom { path: self.path.clone(), source: Arc::new(source) }
            } else {
                failed("written", &self.path, source)
            }
        })
    }
}

impl Journal for SqliteJournal {
    fn load(&mut self, each: &mut Loading<'_>) -> Result<(), StoreError> {
        let failed = |source| failed("read", &self.path, source);
        let select = "SELECT name, key, value FROM record WHERE name <> ?1";
        let mut statement = self.connection.prepare(select).map_err(failed)?;
        let mut rows = statement.query([NO_TABLE]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let column = |index| row.get_ref(index)?.as_str().map_err(rusqlite::Error::from);
            each(column(0).map_err(failed)?, column(1).map_err(failed)?, column(2).map_err(failed)?)?;
        }
        Ok(())
    }

    fn append<'a>(&mut self, changes: impl Iterator<Item = &'a Change>) -> Result<(), JournalError> {
        self.transact(|transaction| {
            let mut put = transaction.prepare_cached("INSERT OR REPLACE INTO record VALUES (?1, ?2, ?3)")?;
            let mut remove = transaction.prepare_cached("DELETE FROM record WHERE name = ?1 AND key = ?2")?;
            for change in changes {
                match &change.value {
                    Some(value) => put.execute(params![change.table, change.key, value])?,
                    None => remove.execute(params![change.table, change.key])?,
                };
            }
            Ok(())
        })
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        let text = " ".repeat(JOURNAL_PROBE_BYTES);
        self.transact(|transaction| {
            transaction.execute("INSERT OR REPLACE INTO record VALUES (?1, 'probe', ?2)", params![NO_TABLE, text])?;
            Ok(())
        })?;
        self.transact(|transaction| transaction.execute("DELETE FROM record WHERE name = ?1", [NO_TABLE]).map(drop))
    }
}

fn failed(operation: &'static str, path: &Path, source: rusqlite::Error) -> JournalError {
    JournalError::Failed { operation, path: path.to_owned(), source: Arc::new(source) }
}
