//! Commands of the operator's: one that prints the root key, one that rotates secrets.
//!
//! A command is given to the shell and runs in a process group of its own. When it has ended, takes too long or is cut
//! off, everything that is left of its group is killed: nothing that it started outlives what it was started for. What
//! is to stay must leave the group by itself (`setsid`). A server that is killed leaves its commands behind.

use std::future::Future;
use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use zeroize::Zeroizing;

use crate::limits::{COMMAND_OUTPUT_BYTES, COMMAND_POLL_MILLISECONDS};

/// Why a command did not do what it was for.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no shell, or no process for it.
    #[error("the command cannot be started")]
    Start(#[source] io::Error),
    /// It cannot be waited for, or its output cannot be read.
    #[error("the command cannot be waited for")]
    Wait(#[source] io::Error),
    /// It took too long.
    #[error("the command did not end within {} s", _0.as_secs_f32())]
    Deadline(Duration),
    /// The server ends.
    #[error("the command was cut off, because the server ends")]
    CutOff,
    /// It says itself that it failed.
    #[error("the command failed ({0})")]
    Failed(ExitStatus),
}

/// A command as the shell reads it, without a terminal and without the server's own secrets in its environment.
pub fn shell(text: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", text])
        .env_remove("TIDEGATE_ROOT_ACCESS_KEY_ID")
        .env_remove("TIDEGATE_ROOT_SECRET_ACCESS_KEY")
        .stdin(Stdio::null());
    command
}

/// Runs a command until it ends, or the deadline or `cut_off` comes.
///
/// # Errors
/// [`CommandError`].
pub async fn run(command: Command, deadline: Duration, cut_off: impl Future<Output = ()>) -> Result<(), CommandError> {
    let mut group = Group::start(command)?;
    let ended = async {
        while !group.leader_has_ended()? {
            tokio::time::sleep(Duration::from_millis(COMMAND_POLL_MILLISECONDS)).await;
        }
        Ok(())
    };
    tokio::select! {
        ended = tokio::time::timeout(deadline, ended) => ended.map_err(|_| CommandError::Deadline(deadline))??,
        () = cut_off => return Err(CommandError::CutOff),
    }
    succeeded(group.end()?)
}

/// Runs a command that prints a secret, and answers what it printed (at most [`COMMAND_OUTPUT_BYTES`]). Its other output
/// is shown to nobody: it may hold parts of the secret too.
///
/// # Errors
/// [`CommandError`].
pub fn secret_output(mut command: Command, deadline: Duration) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let end = Instant::now() + deadline;
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut group = Group::start(command)?;
    let text = match group.child.stdout.take() {
        Some(pipe) => read(pipe, end),
        None => Ok(None),
    };
    let text = text.map_err(CommandError::Wait)?.ok_or(CommandError::Deadline(deadline))?;
    while !group.leader_has_ended()? {
        if Instant::now() >= end {
            return Err(CommandError::Deadline(deadline));
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a child that has closed its output is about to end, unannounced"
        )]
        thread::sleep(Duration::from_millis(COMMAND_POLL_MILLISECONDS));
    }
    succeeded(group.end()?)?;
    Ok(text)
}

/// All that comes from the pipe; `None` when it takes too long.
fn read(pipe: impl io::Read + Send + 'static, end: Instant) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let (done, read) = mpsc::channel();
    thread::spawn(move || {
        // More than its full size from the start: nothing of the secret is left behind in a moved allocation.
        let mut text = Zeroizing::new(Vec::with_capacity(2 * COMMAND_OUTPUT_BYTES));
        let result = pipe.take(COMMAND_OUTPUT_BYTES as u64).read_to_end(&mut text).map(|_| text);
        // Nobody listens any more when the deadline has passed.
        let _ = done.send(result);
    });
    read.recv_timeout(end.saturating_duration_since(Instant::now())).ok().transpose()
}

fn succeeded(status: ExitStatus) -> Result<(), CommandError> {
    if status.success() { Ok(()) } else { Err(CommandError::Failed(status)) }
}

/// A running command with all that it started. Ends them when it is dropped.
struct Group {
    child: Child,
    leader: Option<Pid>,
}

impl Group {
    fn start(mut command: Command) -> Result<Self, CommandError> {
        let child = command.process_group(0).spawn().map_err(CommandError::Start)?;
        let leader = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Ok(Self { child, leader })
    }

    /// Whether the command itself has ended. It is not reaped yet, so its number and its group's are still its own.
    fn leader_has_ended(&mut self) -> Result<bool, CommandError> {
        let Some(leader) = self.leader else { return Ok(true) };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let ended = waitid(WaitId::Pid(leader), options);
        ended.map(|status| status.is_some()).map_err(|error| CommandError::Wait(error.into()))
    }

    /// Ends what is left, and answers how the command itself ended.
    fn end(&mut self) -> Result<ExitStatus, CommandError> {
        if let Some(leader) = self.leader.take() {
            // There may be nobody left to kill.
            let _ = kill_process_group(leader, Signal::KILL);
        }
        self.child.wait().map_err(CommandError::Wait)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.leader.is_some()
            && let Err(error) = self.end()
        {
            tracing::warn!(%error, "a command that was cut off is left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a process of this number is there and is no zombie.
    fn runs(pid: &str) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        status.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    }

    #[tokio::test]
    async fn nothing_of_a_command_outlives_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("pid");
        // How the command ends beside a child that goes on.
        for (ending, deadline, expected) in [
            ("exit 0", 60_000, "well"),
            ("exit 3", 60_000, "the command failed (exit status: 3)"),
            ("sleep 3600", 300, "the command did not end within 0.3 s"),
            ("sleep 3600", 60_000, "the command was cut off, because the server ends"),
        ] {
            let text = format!("sleep 3600 & echo $! > {0}.new; mv {0}.new {0}; {ending}", file.display());
            let begun = async {
                while !file.exists() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                if !expected.contains("cut off") {
                    std::future::pending::<()>().await;
                }
            };
            let ended = run(shell(&text), Duration::from_millis(deadline), begun).await;
            assert_eq!(ended.map_or_else(|error| error.to_string(), |()| "well".into()), expected);
            if let Ok(pid) = std::fs::read_to_string(&file) {
                let gone = async {
                    while runs(&pid) {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                };
                tokio::time::timeout(Duration::from_secs(20), gone).await.expect("the child is gone");
                std::fs::remove_file(&file).expect("removed");
            }
        }
    }

    #[test]
    fn a_command_that_is_not_there_has_failed() {
        let failed = secret_output(shell("none-such-command"), Duration::from_mins(1)).expect_err("failed");
        assert_eq!(failed.to_string(), "the command failed (exit status: 127)");
    }
}
