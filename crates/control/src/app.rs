//! What every handler gets: the store, the settings, the clock, the random source, the keys. No compute.

use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use ipnet::Ipv4Net;
use wire::Timestamp;

use crate::audit::last_used::LastUses;
use crate::audit::{AuditFiles, Retention};
use crate::iam::documents::Documents;
use crate::logs::LogFiles;
use crate::seal::RootKey;
use crate::secretsmanager::last_access::LastAccesses;
use crate::store::{Store, StoreError};

/// What the operator chose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where everything durable lies.
    pub data_directory: PathBuf,
    /// The one region of this server.
    pub region: String,
    /// The account that exists from the start: 12 digits.
    pub account: String,
    /// The ranges from which public addresses are given ([`Settings::default_public_pool`] unless the operator has real
    /// ones).
    pub public_pool: Vec<Ipv4Net>,
    /// Host names under which the web console may be opened, beside `localhost` and addresses.
    pub console_hosts: Vec<String>,
    /// How long audit events are kept.
    pub audit_retention: Retention,
    /// What rotates secrets, if the operator has something that does.
    pub rotation: Option<RotationCommand>,
}

/// A command of the operator's that stands for rotation functions.
#[derive(Clone, Debug)]
pub struct RotationCommand {
    /// Given to `/bin/sh -c`.
    pub command: String,
    /// The URL at which it reaches this server.
    pub endpoint: String,
}

impl Settings {
    /// 198.51.100.0/24, a range for documentation (RFC 5737): nothing real is shadowed by it.
    pub fn default_public_pool() -> Vec<Ipv4Net> {
        vec![Ipv4Net::new_assert(std::net::Ipv4Addr::new(198, 51, 100, 0), 24)]
    }
}

/// The clock; tests have a fixed one.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Everything a handler may use.
pub struct App {
    /// The records.
    pub store: Store,
    /// What the operator chose.
    pub settings: Settings,
    /// Asked once per request.
    pub clock: Clock,
    /// The key above all keys; see [`crate::seal`].
    pub root_key: Arc<RootKey>,
    /// The log events, which are not records.
    pub logs: LogFiles,
    /// The events of all calls, which are not records.
    pub audit: Arc<AuditFiles>,
    /// When keys and roles were used last.
    pub last_uses: LastUses,
    /// When secrets were last read.
    pub last_accesses: LastAccesses,
    /// Parsed policy documents.
    pub policies: Documents,
    /// Whether what is done on it really happens.
    pub(crate) stage: Stage,
    random: SystemRandom,
}

/// Whether what is done on an app happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It happens.
    Real,
    /// It is tried out, on a copy.
    Rehearsal,
}

impl App {
    /// An app on an open store.
    pub fn new(store: Store, settings: Settings, clock: Clock, root_key: RootKey) -> Self {
        let logs = LogFiles::new(settings.data_directory.join("logs"));
        let audit = Arc::new(AuditFiles::new(settings.data_directory.join("audit"), settings.audit_retention));
        let root_key = Arc::new(root_key);
        Self {
            store,
            settings,
            clock,
            root_key,
            logs,
            audit,
            last_uses: LastUses::default(),
            last_accesses: LastAccesses::default(),
            policies: Documents::default(),
            stage: Stage::Real,
            random: SystemRandom::new(),
        }
    }

    /// A copy on which calls can be tried out; see [`Rehearsal`].
    ///
    /// # Errors
    /// There are no resources for it.
    pub fn rehearsal(&self) -> Result<Rehearsal, StoreError> {
        // What is read to try something out has been read.
        self.copy(Arc::clone(&self.audit))
    }

    /// The same for what would be if something were changed: it leaves no events.
    ///
    /// # Errors
    /// There are no resources for it.
    pub(crate) fn rehearsal_of_change(&self) -> Result<Rehearsal, StoreError> {
        self.copy(Arc::new(AuditFiles::nowhere()))
    }

    fn copy(&self, audit: Arc<AuditFiles>) -> Result<Rehearsal, StoreError> {
        let app = Self {
            store: self.store.rehearsal()?,
            settings: self.settings.clone(),
            clock: Arc::clone(&self.clock),
            root_key: Arc::clone(&self.root_key),
            // Below a device nothing can be made.
            logs: LogFiles::new(PathBuf::from("/dev/null/logs")),
            audit,
            last_uses: LastUses::default(),
            last_accesses: LastAccesses::default(),
            policies: Documents::default(),
            stage: Stage::Rehearsal,
            random: SystemRandom::new(),
        };
        Ok(Rehearsal(Arc::new(app)))
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Cryptographically random bytes.
    ///
    /// # Panics
    /// As [`App::fill_random`].
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill_random(&mut bytes);
        bytes
    }

    /// Fills a buffer with cryptographically random bytes.
    ///
    /// # Panics
    /// When the operating system has no random source; nothing safe can be done then.
    pub fn fill_random(&self, bytes: &mut [u8]) {
        #[expect(clippy::expect_used, reason = "without a random source no secret can be made")]
        self.random.fill(bytes).expect("the operating system's random source answers");
    }

    /// A random UUID (version 4 of RFC 9562).
    pub fn uuid(&self) -> String {
        let mut bytes: [u8; 16] = self.random_bytes();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut text = hex::encode(bytes);
        for place in [20, 16, 12, 8] {
            text.insert(place, '-');
        }
        text
    }
}

/// An app with the same records, settings and keys as the real one, whose writes reach no disk and nobody else. The same
/// handlers run on it as on the real one, so what works here works there.
pub struct Rehearsal(Arc<App>);

impl Rehearsal {
    /// The app to call handlers with.
    pub fn app(&self) -> &Arc<App> {
        &self.0
    }
}

/// Makes the cryptographic library gather its entropy, which it does once and for some tens of milliseconds. Called on a
/// thread of its own at the start, so that neither the first start nor the first request waits for all of it.
pub fn gather_entropy() {
    // What matters is that it was asked; who needs random bytes asks again and sees an error then.
    let _ = SystemRandom::new().fill(&mut [0]);
}
