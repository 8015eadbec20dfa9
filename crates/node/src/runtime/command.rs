//! Any OCI runtime's command instead of the linked one: `runc`, `crun`, or gVisor's `runsc` for stronger isolation.
//!
//! Such a command reads its whole configuration, environment included, from a file, and some keep a copy. Therefore the
//! files and the runtime's own state lie on a small memory file system in a mount namespace of the shim's own: nobody
//! else sees them, and they vanish with the shim. Secrets in them never reach a disk (a host with swap on disk aside).

use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use domain::failure::{Failure, FailureName};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::execute::Secrets;
use super::{Output, Running, Runtime};
use crate::shim::plan::ContainerPlan;

/// An OCI runtime command of one task.
pub(crate) struct CommandRuntime {
    command: String,
    memory: PathBuf,
    secrets: Secrets,
}

impl CommandRuntime {
    /// Makes the private memory file system at `memory`, a directory of the task.
    pub(crate) fn new(command: String, memory: PathBuf, secrets: Secrets) -> Result<Self, String> {
        let named = |errno: nix::Error| format!("cannot make a private memory file system: {errno}");
        fs::create_dir_all(&memory).map_err(|error| format!("{}: {error}", memory.display()))?;
        unshare(CloneFlags::CLONE_NEWNS).map_err(named)?;
        // Unmounts by the server must still arrive here, ours must not leave.
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_SLAVE, None::<&str>).map_err(named)?;
        mount(
            Some("tmpfs"),
            &memory,
            Some("tmpfs"),
            MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC,
            Some("size=64m,mode=0700"),
        )
        .map_err(named)?;
        Ok(Self { command, memory, secrets })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.command);
        command.arg("--root").arg(self.memory.join("state"));
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::null());
        command
    }

    /// The container's environment entries, secrets included.
    fn environment(&self, container: &ContainerPlan) -> Vec<String> {
        let secrets = self.secrets.borrow();
        let secrets = secrets.iter().find(|(name, _)| *name == container.name).map(|(_, secrets)| secrets);
        let plain = container.environment.iter().map(|(name, value)| format!("{name}={value}"));
        plain.chain(secrets.into_iter().flatten().map(|(name, value)| format!("{name}={}", value.expose()))).collect()
    }

    fn prepare(&self, container: &ContainerPlan) -> Result<PathBuf, String> {
        let text = fs::read(container.bundle.join("config.json")).map_err(|error| error.to_string())?;
        let mut config: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        config["process"]["env"] = json!(self.environment(container));
        config["process"]["args"] = json!(container.arguments);
        let bundle = self.memory.join(&container.name);
        fs::create_dir_all(&bundle).map_err(|error| error.to_string())?;
        fs::write(bundle.join("config.json"), config.to_string()).map_err(|error| error.to_string())?;
        Ok(bundle)
    }

    fn create(&self, container: &ContainerPlan, stdout: OwnedFd, stderr: OwnedFd) -> Result<Pid, String> {
        let bundle = self.prepare(container)?;
        let pid_file = bundle.join("pid");
        let log = bundle.join("log");
        let status = self
            .command()
            .arg("--log")
            .arg(&log)
            .arg("create")
            .arg("--bundle")
            .arg(&bundle)
            .arg("--pid-file")
            .arg(&pid_file)
            .arg(&container.name)
            .stdout(Stdio::from(stdout))
            .stderr(Stdio::from(stderr))
            .status()
            .map_err(|error| format!("{}: {error}", self.command))?;
        if !status.success() {
            let log = fs::read_to_string(&log).unwrap_or_default();
            return Err(last_message(&log).unwrap_or_else(|| format!("{} create: {status}", self.command)));
        }
        let pid = fs::read_to_string(&pid_file).map_err(|error| error.to_string())?;
        pid.trim().parse().map(Pid::from_raw).map_err(|_| format!("{}: no process id", self.command))
    }
}

impl Runtime for CommandRuntime {
    fn start(&self, container: &ContainerPlan, output: Output) -> Result<Running, Failure> {
        let cannot = |message: String| {
            Failure::new(FailureName::CannotStartContainerError, message).of_container(container.name.clone())
        };
        let Output::Pipes(stdout, stderr) = output else {
            return Err(cannot("pseudoTerminal is only served by the libcontainer runtime".to_owned()));
        };
        if container.init_process {
            return Err(cannot("initProcessEnabled is only served by the libcontainer runtime".to_owned()));
        }
        let pid = self.create(container, stdout, stderr).map_err(cannot)?;
        let started = self.command().arg("start").arg(&container.name).output();
        match started {
            Ok(output) if output.status.success() => Ok(Running { pid, terminal: None }),
            Ok(output) => Err(cannot(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
            Err(error) => Err(cannot(format!("{}: {error}", self.command))),
        }
    }

    /// The command's own process stands for the one inside; it ends with its code.
    fn execute(&self, container: &ContainerPlan, command: &[String]) -> Result<Pid, String> {
        let child = self
            .command()
            .arg("exec")
            .arg(&container.name)
            .args(command)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", self.command))?;
        i32::try_from(child.id()).map(Pid::from_raw).map_err(|error| error.to_string())
    }

    fn delete(&self, container: &ContainerPlan) {
        let _ = self
            .command()
            .args(["delete", "--force"])
            .arg(&container.name)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let _ = fs::remove_dir_all(self.memory.join(&container.name));
    }
}

/// The text of the last `msg="…"` of a runtime's log.
fn last_message(log: &str) -> Option<String> {
    let line = log.lines().rfind(|line| line.contains("msg="))?;
    let (_, message) = line.split_once("msg=")?;
    Some(message.trim_matches('"').replace("\\\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_s_own_words_are_found_in_its_log() {
        let log =
            "time=\"x\" level=warning msg=\"first\"\ntime=\"y\" level=error msg=\"exec: \\\"nope\\\": not found\"\n";
        assert_eq!(last_message(log).as_deref(), Some("exec: \"nope\": not found"));
        assert_eq!(last_message(""), None);
    }
}
