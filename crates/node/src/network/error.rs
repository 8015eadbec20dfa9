//! What can go wrong with the network of this machine.

use std::io;
use std::path::PathBuf;

use ipnet::Ipv4Net;

/// A step of the network that failed.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// Namespaces and routes need root.
    #[error("the network of tasks needs root")]
    NotRoot,
    /// nftables' command is missing.
    #[error("the command nft cannot be run; install the package nftables")]
    NoNft(#[source] io::Error),
    /// Another server holds the names.
    #[error("another Tidegate server runs this machine's network (it holds {})", .0.display())]
    InUse(PathBuf),
    /// The host uses the public pool for something else.
    #[error("the public pool {pool} overlaps with {used} on {device} of this host; choose another pool")]
    PoolInUse {
        /// The range of public addresses.
        pool: Ipv4Net,
        /// What the host has.
        used: Ipv4Net,
        /// Where the host has it.
        device: String,
    },
    /// A namespace could not be made, entered or taken away.
    #[error("network namespace {}", path.display())]
    Namespace {
        /// Its path.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The kernel refused a change of links, addresses or routes.
    #[error("{what}: {source}")]
    Netlink {
        /// What should have been done.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A kernel parameter could not be set.
    #[error("kernel parameter {}: {source}", path.display())]
    Parameter {
        /// Its file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// nft refused a ruleset.
    #[error("nft: {0}")]
    Ruleset(String),
    /// The resolver or the lock could not be opened.
    #[error("{what}: {source}")]
    Open {
        /// What should have been opened.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// No plan with the task's interface was loaded in time.
    #[error("no network plan with the interface {interface} was loaded within {seconds} s{reason}")]
    NotPlanned {
        /// `eni-…`
        interface: String,
        /// How long was waited.
        seconds: u64,
        /// Why the last plan could not be loaded, if it could not.
        reason: String,
    },
    /// A MAC address that is none.
    #[error("'{0}' is not a MAC address")]
    MacAddress(String),
    /// A worker ended early.
    #[error("internal: {0}")]
    Internal(String),
}
