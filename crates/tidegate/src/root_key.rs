//! Where the root key comes from: a file of the data directory, the environment, or a command, so that a hardware or cloud
//! key store can hold it.
//!
//! The variable is taken out of the environment before anything else happens, so no child process and no `/proc` shows
//! it. What the command prints is the key, so it is never shown, neither in an error nor in a log. Deliberately not
//! here: whether the key is the right one for the data directory ([`control::seal::first_start`]).

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use control::commands::{self, CommandError};
use control::seal::RootKey;
use control::store::State;

/// The environment variable that can hold the key.
pub(crate) const VARIABLE: &str = "TIDEGATE_ROOT_KEY";
/// How long the command may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// The key that the environment holds, which is taken out of it. To be called before a second thread exists.
///
/// # Errors
/// There is a second thread, or the variable is not a key.
pub(crate) fn of_environment() -> anyhow::Result<Option<RootKey>> {
    let value = node::take_variable(VARIABLE)?.filter(|value| !value.is_empty());
    value.map(|value| RootKey::from_text(&value)).transpose().context(VARIABLE)
}

/// The key of this server: the one the environment held, the one that a command prints, or the data directory's, which
/// is made if there are no `records` yet.
///
/// # Errors
/// Two keys are given, the command does not print one, or the data directory's cannot be read or made.
pub(crate) fn open(
    directory: &Path,
    given: Option<RootKey>,
    command: Option<&str>,
    records: &State,
) -> anyhow::Result<RootKey> {
    let key = match (given, command) {
        (None, None) => return Ok(RootKey::of_directory(directory, records)?),
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
    let text = commands::secret_output(commands::shell(command), deadline).map_err(|error| match error {
        CommandError::Failed(_) => {
            anyhow::Error::new(error).context("run it by hand to see why, its output is not shown here")
        }
        error => error.into(),
    })?;
    RootKey::from_text(&text).context("the command printed no key (its output is not shown here)")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

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
