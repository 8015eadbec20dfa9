//! The data directory of a server: only one server has it, and it is never taken for a new one when its records are gone.
//!
//! The order of a first start makes the difference visible: the database comes first and has its table when the root key
//! is made; the account's records are one commit after it; only then comes everything else. So a root key beside an empty
//! database is a first start that was cut off and goes on; anything else beside it, or any of it without a database, is
//! an account whose records are lost.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use control::seal::RootKey;
use control::store::{SqliteJournal, Store};

/// The file of all records.
const DATABASE: &str = "tidegate.db";
/// What a server has from the moment on at which its database has a table.
const BEGUN: [&str; 2] = ["tidegate.db-wal", RootKey::FILE];
/// What a server has once it has records.
const FOUNDED: [&str; 4] = ["credentials", "audit", "logs", "tasks"];

/// How long the lock may still be held by what a killed server had just begun to start.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// From one look at the lock to the next.
const LOCK_POLL: Duration = Duration::from_millis(10);

/// A data directory that is this server's as long as the value lives.
pub(crate) struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Makes the directory if it is not there, and takes it.
    ///
    /// # Errors
    /// It cannot be made, or another server has it.
    pub(crate) fn take(path: &Path) -> anyhow::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("the data directory {} cannot be made", path.display()))?;
        Ok(Self { path: path.to_owned(), _lock: lock(path)? })
    }

    /// Opens the records, or begins with none if the directory is new.
    ///
    /// # Errors
    /// They cannot be read, or they are gone while other things of the account are there.
    pub(crate) fn records(&self) -> anyhow::Result<Store> {
        let database = self.path.join(DATABASE);
        if fs::metadata(&database).map_or(0, |file| file.len()) == 0 {
            self.refuse_beside(&[&BEGUN[..], &FOUNDED].concat())?;
        }
        let store = SqliteJournal::open(&database).map_err(Into::into).and_then(Store::open);
        let store = store.with_context(|| {
            let directory = self.path.display();
            format!(
                "the records of {directory} cannot be read. If the file is damaged, put {DATABASE} and \
                 {DATABASE}-wal back from a backup, or save what can be read of it (sqlite3 {DATABASE} .recover); to \
                 begin anew, empty the directory or choose another with --data-dir"
            )
        })?;
        if store.read().server.is_empty() {
            self.refuse_beside(&FOUNDED)?;
        }
        Ok(store)
    }

    /// Refuses to begin an account beside what is left of another one.
    fn refuse_beside(&self, names: &[&str]) -> anyhow::Result<()> {
        let found: Vec<&str> = names.iter().copied().filter(|name| holds_something(&self.path.join(name))).collect();
        if found.is_empty() {
            return Ok(());
        }
        let directory = self.path.display();
        bail!(
            "{directory} has no records ({DATABASE} is missing, empty or cut off), but it has {}: it belongs to an account whose \
             records are lost. Nothing was changed. Put {DATABASE} (and {DATABASE}-wal, if you have it) back from a \
             backup; or, to begin a new account, empty the directory or choose another with --data-dir (tasks that still \
             run are ended by the next server of this network name)",
            found.join(", ")
        )
    }
}

/// Whether there is a file with something in it, or a directory with an entry.
fn holds_something(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => fs::metadata(path).is_ok_and(|file| file.len() > 0),
    }
}

/// Only one server may have a data directory. The lock goes with the process, however it ends.
fn lock(directory: &Path) -> anyhow::Result<File> {
    let path = directory.join("lock");
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let end = Instant::now() + LOCK_PATIENCE;
    let mut locked = file.try_lock();
    while matches!(locked, Err(TryLockError::WouldBlock)) && Instant::now() < end {
        #[expect(
            clippy::disallowed_methods,
            reason = "nobody tells when a lock is given back, and it is waited for briefly"
        )]
        std::thread::sleep(LOCK_POLL);
        locked = file.try_lock();
    }
    match locked {
        Ok(()) => {
            if let Err(error) = write_holder(&mut file) {
                // It is for a message only; a full disk must not be in the way of a start.
                tracing::warn!(%error, path = %path.display(), "the process id could not be written into the lock");
            }
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(&path).unwrap_or_default();
            bail!(
                "another Tidegate server (process {holder}) already serves {directory}; end it first, or choose another \
                 directory with --data-dir",
                holder = holder.trim(),
                directory = directory.display()
            )
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// Over what is there and never shorter, so that its block stays and a full disk has room for it.
fn write_holder(file: &mut File) -> std::io::Result<()> {
    file.rewind()?;
    write!(file, "{:<10}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(directory: &Path) -> String {
        let taken = DataDirectory::take(directory).expect("taken");
        format!("{:#}", taken.records().err().expect("refused"))
    }

    #[test]
    fn a_first_start_that_was_cut_off_goes_on() {
        let directory = tempfile::tempdir().expect("a directory");
        for step in ["", "lock", RootKey::FILE] {
            if !step.is_empty() {
                fs::write(directory.path().join(step), "x").expect("written");
            }
            let taken = DataDirectory::take(directory.path()).expect("taken");
            let store = taken.records().unwrap_or_else(|error| panic!("after {step}: {error:#}"));
            assert!(store.read().server.is_empty());
            drop(store);
            // The journal closes its file a moment after the store is dropped.
            while SqliteJournal::open(&directory.path().join(DATABASE)).is_err() {
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn an_account_whose_records_are_gone_is_no_new_one() {
        for left in [RootKey::FILE, "tidegate.db-wal", "credentials", "audit/a", "logs/a", "tasks/a"] {
            for database in [None, Some("")] {
                let directory = tempfile::tempdir().expect("a directory");
                let path = directory.path().join(left);
                fs::create_dir_all(path.parent().expect("a parent")).expect("made");
                fs::write(path, "x").expect("written");
                if let Some(text) = database {
                    fs::write(directory.path().join(DATABASE), text).expect("written");
                }
                let said = refusal(directory.path());
                let name = left.split('/').next().expect("a name");
                assert!(said.contains(&format!("but it has {name}")) && said.contains("--data-dir"), "{said}");
                assert!(fs::metadata(directory.path().join(DATABASE)).map_or(0, |file| file.len()) == 0);
            }
        }
    }

    #[test]
    fn a_damaged_database_is_told_with_what_to_do() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join(DATABASE), "no database at all".repeat(400)).expect("written");
        let said = refusal(directory.path());
        assert!(said.contains("file is not a database") && said.contains("backup"), "{said}");
    }
}
