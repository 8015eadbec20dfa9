//! What every handler gets: the store, the settings, the clock, the random source, the keys. No compute.

use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use ipnet::Ipv4Net;
use wire::Timestamp;

use crate::seal::RootKey;
use crate::store::Store;

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
}

impl Settings {
    /// 203.0.113.0/24, a range for documentation (RFC 5737): nothing real is shadowed by it.
    pub fn default_public_pool() -> Vec<Ipv4Net> {
        vec![Ipv4Net::new_assert(std::net::Ipv4Addr::new(203, 0, 113, 0), 24)]
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
    pub root_key: RootKey,
    random: SystemRandom,
}

impl App {
    /// An app on an open store.
    pub fn new(store: Store, settings: Settings, clock: Clock, root_key: RootKey) -> Self {
        Self { store, settings, clock, root_key, random: SystemRandom::new() }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Cryptographically random bytes.
    ///
    /// # Panics
    /// When the operating system has no random source; nothing safe can be done then.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        #[expect(clippy::expect_used, reason = "without a random source no secret can be made")]
        self.random.fill(&mut bytes).expect("the operating system's random source answers");
        bytes
    }
}
