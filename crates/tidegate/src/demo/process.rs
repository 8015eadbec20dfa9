//! The processes that the demo starts, and finds again when it is to end them.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A process that goes on when this is dropped; a child that was not left is cut off then.
pub(super) struct Process {
    id: Pid,
    child: Option<Child>,
}

impl Process {
    /// Starts a program whose output goes to this file.
    pub(super) fn start(command: &mut Command, log: &Path) -> std::io::Result<Self> {
        let log = fs::File::create(log)?;
        // A group of its own: Ctrl-C in the demo's terminal is not meant for what stays.
        let command = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let child = command.spawn()?;
        Ok(Self { id: Pid::from_raw(child.id().cast_signed()), child: Some(child) })
    }

    /// A process that an earlier demo left, if it still runs: its command line names the demo's directory.
    pub(super) fn find(id: u32, directory: &Path) -> Option<Self> {
        let line = fs::read(format!("/proc/{id}/cmdline")).ok()?;
        let named = String::from_utf8_lossy(&line).contains(&*directory.to_string_lossy());
        named.then(|| Self { id: Pid::from_raw(id.cast_signed()), child: None })
    }

    pub(super) fn id(&self) -> u32 {
        self.id.as_raw().cast_unsigned()
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> std::io::Result<Option<String>> {
        match &mut self.child {
            Some(child) => Ok(child.try_wait()?.map(|status| status.to_string())),
            None => Ok((kill(self.id, None).is_err()).then(|| "ended".to_owned())),
        }
    }

    /// Leaves it running.
    pub(super) fn leave(mut self) {
        self.child = None;
    }

    /// Asks it to end, and waits for that.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        kill(self.id, Signal::SIGTERM)?;
        let deadline = Instant::now() + PATIENCE;
        while self.ended()?.is_none() {
            ensure!(Instant::now() < deadline, "process {} did not end within {} s", self.id, PATIENCE.as_secs());
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        self.child = None;
        Ok(())
    }

    /// Waits until something answers on this address.
    pub(super) async fn wait_until_it_answers(&mut self, address: &str, log: &Path) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if let Some(how) = self.ended()? {
                bail!("it ended ({how}):\n{}", fs::read_to_string(log).unwrap_or_default());
            }
            ensure!(Instant::now() < deadline, "nothing answers on {address} after {} s", PATIENCE.as_secs());
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
