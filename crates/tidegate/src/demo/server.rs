//! The demo's own server: `tidegate serve` as a child, on a free port, with a fresh data directory.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use ipnet::Ipv4Net;
use node::network::{Network, Settings};

use super::process::Process;
use super::registry::free_address;
use crate::credentials::Credentials;

/// A running server. It is cut off when this is dropped, unless it was ended or left.
pub(super) struct Server {
    process: Process,
    place: Place,
    pub(super) data_directory: PathBuf,
}

/// Where a demo's network lies on this machine: beside that of the usual server and of other demos.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(pub(super) u8);

impl Place {
    fn settings(self) -> Settings {
        let mut settings = Settings::new("us-east-1");
        settings.name = format!("tgdemo{:02x}", self.0);
        let link = Ipv4Addr::new(169, 254, 176 + self.0 / 64, self.0 % 64 * 4);
        settings.link = Ipv4Net::new_assert(link, 30);
        settings
    }

    /// Sixteen public addresses of a range for documentation (RFC 5737).
    fn public_pool(self) -> Ipv4Net {
        Ipv4Net::new_assert(Ipv4Addr::new(203, 0, 113, 128 + self.0 % 4 * 16), 28)
    }
}

impl Server {
    /// Starts it and waits until it listens.
    pub(super) async fn start(directory: &Path, place: Place) -> anyhow::Result<(Self, Credentials)> {
        let data_directory = directory.join("data");
        let log = directory.join("server.log");
        let address = free_address()?.to_string();
        let settings = place.settings();
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").arg("--data-dir").arg(&data_directory);
        command.args(["--listen", &address, "--public-pool", &place.public_pool().to_string()]);
        command.args(["--network-name", &settings.name, "--network-link", &settings.link.to_string()]);
        let mut process = Process::start(&mut command, &log).context("cannot start tidegate serve")?;
        process.wait_until_it_answers(&address, &log).await.context("tidegate serve")?;
        // It answers a moment before it has written where: health is asked for by name.
        let health = format!("http://{address}/_tidegate/health");
        reqwest::Client::builder().no_proxy().build()?.get(health).send().await?.error_for_status()?;
        let credentials = Credentials::read(&data_directory)?;
        Ok((Self { process, place, data_directory }, credentials))
    }

    /// A server that an earlier demo left in this directory; `None` when it is gone.
    pub(super) fn find(id: u32, directory: &Path, place: Place) -> Option<Self> {
        let process = Process::find(id, directory)?;
        Some(Self { process, place, data_directory: directory.join("data") })
    }

    /// The server's process id.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The number of its place.
    pub(super) fn place(&self) -> u8 {
        self.place.0
    }

    /// Leaves it running.
    pub(super) fn leave(self) {
        self.process.leave();
    }

    /// Asks it to end, waits for that, and takes its network away.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        self.process.end().await?;
        Network::open(self.place.settings())?.uninstall().await?;
        Ok(())
    }
}
