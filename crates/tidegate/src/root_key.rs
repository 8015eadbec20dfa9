//! Where the root key comes from: a file of the data directory, the environment, or a command, so that a hardware or cloud
//! key store can hold it.
//!
//! The variable is taken out of the environment before anything else happens, so no child process and no `/proc` shows
//! it. What the command prints is the key, so it is never shown, neither in an error nor in a log. Deliberately not
//! here: whether the key is the right one for the data directory ([`control::seal::first_start`]).

use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use control::seal::RootKey;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use zeroize::Zeroizing;

/// The environment variable that can hold the key.
pub(crate) const VARIABLE: &str = "TIDEGATE_ROOT_KEY";
/// How long the command may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// How much of a command's output is read; a key is shorter.
const OUTPUT_BYTES: u64 = 4096;
/// How often it is seen whether the command has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// The key that the environment holds, which is taken out of it. To be called before a second thread exists.
///
/// # Errors
/// There is a second thread, or the variable is not a key.
pub(crate) fn of_environment() -> anyhow::Result<Option<RootKey>> {
    let value = node::take_variable(VARIABLE)?.filter(|value| !value.is_empty());
    value.map(|value| RootKey::from_text(&value)).transpose().context(VARIABLE)
}

/// The key of this server: the one the environment held, the one that a command prints, or the data directory's.
///
/// # Errors
/// Two keys are given, the command does not print one, or the data directory's cannot be read or made.
pub(crate) fn open(directory: &Path, given: Option<RootKey>, command: Option<&str>) -> anyhow::Result<RootKey> {
    let key = match (given, command) {
        (None, None) => return Ok(RootKey::of_directory(directory)?),
        (Some(_), Some(_)) => bail!("give the root key by {VARIABLE} or by --root-key-command, not by both"),
        (Some(key), None) => key,
        (None, Some(command)) => of_command(command, DEADLINE).context("--root-key-command")?,
    };
    if directory.join(RootKey::FILE).exists() {
        tracing::warn!(
            "the root key comes from elsewhere, but the data directory still has a file {}; take it away when the key is \
             safe where it is",
            RootKey::FILE
        );
    }
    Ok(key)
}

fn of_command(command: &str, deadline: Duration) -> anyhow::Result<RootKey> {
    let end = Instant::now() + deadline;
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .env_remove("TIDEGATE_ROOT_SECRET_ACCESS_KEY")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // It may hold parts of the key too.
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("the command cannot be started")?;
    let result = output(&mut child, end);
    // All of its group, so that nothing of it outlives the deadline. When it has ended there is nobody to kill.
    let _ = i32::try_from(child.id()).map(|id| killpg(Pid::from_raw(id), Signal::SIGKILL));
    let _ = child.wait();
    let Some((text, status)) = result.context("the command's output cannot be read")? else {
        bail!("the command did not end within {} s", deadline.as_secs_f32());
    };
    if !status.success() {
        bail!("the command failed ({status}); run it by hand to see why, its output is not shown here");
    }
    RootKey::from_text(&text).context("the command printed no key (its output is not shown here)")
}

/// What the command prints and how it ends; `None` when it takes too long.
fn output(child: &mut Child, end: Instant) -> io::Result<Option<(Zeroizing<Vec<u8>>, ExitStatus)>> {
    let Some(pipe) = child.stdout.take() else { return Ok(None) };
    let (done, read) = mpsc::channel();
    thread::spawn(move || {
        // Its full size from the start: nothing of the key is left behind in a moved allocation.
        let mut text = Zeroizing::new(Vec::with_capacity(8192));
        let result = pipe.take(OUTPUT_BYTES).read_to_end(&mut text).map(|_| text);
        // Nobody listens any more when the deadline has passed.
        let _ = done.send(result);
    });
    let Ok(text) = read.recv_timeout(end.saturating_duration_since(Instant::now())) else { return Ok(None) };
    let text = text?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some((text, status)));
        }
        if Instant::now() >= end {
            return Ok(None);
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a child that has closed its output is about to end, unannounced"
        )]
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(command: &str, deadline: Duration) -> String {
        format!("{:#}", of_command(command, deadline).expect_err("refused"))
    }

    #[test]
    fn a_command_prints_the_key_in_either_form() {
        for key in [format!("{}\n", "0f".repeat(32)), "Dw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8=".to_owned()] {
            assert!(of_command(&format!("printf '%s' '{key}'"), DEADLINE).is_ok(), "{key}");
        }
    }

    #[test]
    fn a_command_that_does_not_print_a_key_is_refused_without_its_words() {
        for command in ["echo s3cret", "true", "echo s3cret; exit 3", "echo s3cret >&2; exit 3", "none-such-command"] {
            let said = refusal(command, DEADLINE);
            assert!(!said.contains("s3cret"), "{said}");
        }
        assert!(refusal("exit 3", DEADLINE).contains("exit status: 3"));
        assert!(refusal("yes", DEADLINE).contains("the command failed"));
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended_with_all_it_started() {
        let begin = Instant::now();
        for command in ["sleep 60", "sleep 60 & sleep 60", "exec 1>&-; sleep 60"] {
            let said = refusal(command, Duration::from_millis(300));
            assert!(said.contains("did not end within"), "{said}");
        }
        assert!(begin.elapsed() < Duration::from_secs(30));
    }
}
