//! The demo's own server: `tidegate serve` as a child, on a free port, with a fresh data directory.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use ipnet::Ipv4Net;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use node::network::{Network, Settings};

use super::registry::free_address;
use crate::credentials::Credentials;

const PATIENCE: Duration = Duration::from_secs(20);

/// Public addresses of the demo: a range for documentation (RFC 5737) other than the default one, so that a server that
/// already runs on this machine keeps its own.
const PUBLIC_POOL: &str = "198.51.100.0/24";

/// A running server. It is cut off when this is dropped, unless it was ended or left running.
pub(super) struct Server {
    process: Option<Child>,
    pub(super) data_directory: PathBuf,
    log: PathBuf,
}

impl Server {
    /// Starts it and waits until it listens.
    pub(super) async fn start(directory: &Path) -> anyhow::Result<(Self, Credentials)> {
        let data_directory = directory.join("data");
        let log = directory.join("server.log");
        let output = fs::File::create(&log)?;
        let network = network_settings();
        let process = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg("--data-dir")
            .arg(&data_directory)
            .args(["--listen", &free_address()?.to_string(), "--public-pool", PUBLIC_POOL])
            .args(["--network-name", &network.name, "--network-link", &network.link.to_string()])
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // A group of its own: Ctrl-C in the demo's terminal is not meant for a server that stays.
            .process_group(0)
            .spawn()
            .context("cannot start tidegate serve")?;
        let mut server = Self { process: Some(process), data_directory, log };
        let credentials = server.wait_until_it_listens().await?;
        Ok((server, credentials))
    }

    async fn wait_until_it_listens(&mut self) -> anyhow::Result<Credentials> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(credentials) = Credentials::read(&self.data_directory) {
                let address = credentials.endpoint.trim_start_matches("http://");
                if tokio::net::TcpStream::connect(address).await.is_ok() {
                    return Ok(credentials);
                }
            }
            let ended = self.process.as_mut().map(Child::try_wait).transpose()?.flatten();
            if let Some(status) = ended {
                bail!("tidegate serve ended ({status}):\n{}", fs::read_to_string(&self.log).unwrap_or_default());
            }
            if Instant::now() > deadline {
                bail!("tidegate serve did not listen within {} s; see {}", PATIENCE.as_secs(), self.log.display());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The server's process id.
    pub(super) fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Leaves it running.
    pub(super) fn leave_running(mut self) {
        self.process = None;
    }

    /// Asks it to end, waits for that, and takes its network away.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        let Some(process) = &mut self.process else { return Ok(()) };
        kill(Pid::from_raw(i32::try_from(process.id())?), Signal::SIGTERM)?;
        let deadline = Instant::now() + PATIENCE;
        while process.try_wait()?.is_none() {
            ensure!(Instant::now() < deadline, "tidegate serve did not end within {} s", PATIENCE.as_secs());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.process = None;
        Network::open(network_settings())?.uninstall().await?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// The demo's network stands beside that of another server.
fn network_settings() -> Settings {
    let mut settings = Settings::new("us-east-1");
    settings.name = "tgdemo".into();
    settings.link = Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 173, 0), 30);
    settings
}
