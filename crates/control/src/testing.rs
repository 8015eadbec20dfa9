//! An app for tests: its own data directory, a clock that stands still until it is moved, a fixed root key.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::iam::{Caller, Identity};
use wire::Timestamp;

use crate::seal::{KEY_BYTES, RootKey};
use crate::store::{SqliteJournal, Store};
use crate::{App, Settings};

/// The account of every test.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The region of every test.
pub(crate) const REGION: &str = "us-east-1";

/// An app and what must live as long as it does.
pub(crate) struct TestApp {
    pub(crate) app: Arc<App>,
    directory: tempfile::TempDir,
    milliseconds: Arc<AtomicI64>,
}

impl TestApp {
    /// A fresh app with empty tables.
    pub(crate) fn new() -> Self {
        Self::with_root_key(RootKey::from_bytes([7; KEY_BYTES]))
    }

    /// The same under another root key.
    pub(crate) fn with_root_key(root_key: RootKey) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let milliseconds = Arc::new(AtomicI64::new(1_790_000_000_000));
        let hand = Arc::clone(&milliseconds);
        let journal = SqliteJournal::open(&directory.path().join("tidegate.db")).expect("opens");
        let store = Store::open(journal).expect("loads");
        let settings = Settings {
            data_directory: directory.path().to_owned(),
            region: REGION.into(),
            account: ACCOUNT.into(),
            public_pool: Settings::default_public_pool(),
        };
        let clock = Arc::new(move || Timestamp::from_milliseconds(hand.load(Ordering::Relaxed)));
        let app = Arc::new(App::new(store, settings, clock, root_key));
        Self { app, directory, milliseconds }
    }

    /// Where the database lies.
    pub(crate) fn data_directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// Moves the clock.
    pub(crate) fn pass_seconds(&self, seconds: i64) {
        self.milliseconds.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

/// The account's root user.
pub(crate) fn root() -> Caller {
    Caller {
        account: ACCOUNT.into(),
        identity: Identity::Root,
        access_key_id: "AKIATEST".into(),
        source_ip: None,
        via_service: None,
    }
}
