//! Any OCI runtime's command instead of the linked one: `runc`, `crun`, or gVisor's `runsc` for stronger isolation.
//!
//! Such a command reads its whole configuration, environment included, from a file, and some keep a copy. Therefore the
//! files and the runtime's own state lie on a small memory file system in a mount namespace of the shim's own: nobody
//! else sees them, and they vanish with the shim. Secrets in them never reach a disk (a host with swap on disk aside).

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use domain::failure::{Failure, FailureName};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::confinement::confine;
use super::execute::Secrets;
use super::{Output, Running, Runtime, RuntimeError, chain};
use crate::shim::plan::ContainerPlan;

/// An OCI runtime command of one task.
pub(crate) struct CommandRuntime {
    command: String,
    memory: PathBuf,
    secrets: Secrets,
}

impl CommandRuntime {
    /// Makes the private memory file system at `memory`, a directory of the task.
    pub(crate) fn new(command: String, memory: PathBuf, secrets: Secrets) -> Result<Self, RuntimeError> {
        let named = RuntimeError::PrivateMemory;
        fs::create_dir_all(&memory).map_err(RuntimeError::file(&memory))?;
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

    fn prepare(&self, container: &ContainerPlan) -> Result<PathBuf, RuntimeError> {
        let path = container.bundle.join("config.json");
        let text = fs::read(&path).map_err(RuntimeError::file(&path))?;
        let mut config: Value =
            serde_json::from_slice(&text).map_err(|source| RuntimeError::Config { path, source })?;
        config["process"]["env"] = json!(self.environment(container));
        config["process"]["args"] = json!(container.arguments);
        let bundle = self.memory.join(&container.name);
        fs::create_dir_all(&bundle).map_err(RuntimeError::file(&bundle))?;
        let path = bundle.join("config.json");
        fs::write(&path, config.to_string()).map_err(RuntimeError::file(&path))?;
        Ok(bundle)
    }

    fn cannot_execute(&self) -> impl FnOnce(io::Error) -> RuntimeError {
        let command = self.command.clone();
        |source| RuntimeError::Execute { command, source }
    }

    fn create(&self, container: &ContainerPlan, stdout: OwnedFd, stderr: OwnedFd) -> Result<Pid, RuntimeError> {
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
            .map_err(self.cannot_execute())?;
        if !status.success() {
            let log = fs::read_to_string(&log).unwrap_or_default();
            let said = last_message(&log).unwrap_or_else(|| format!("{} create: {status}", self.command));
            return Err(RuntimeError::Said(said));
        }
        let pid = fs::read_to_string(&pid_file).map_err(RuntimeError::file(&pid_file))?;
        let pid = pid.trim().parse().map_err(|_| RuntimeError::NoProcess(self.command.clone()))?;
        let pid = Pid::from_raw(pid);
        if self.kernel() == Kernel::Hosts {
            confine(pid, &container.bundle)?;
        }
        Ok(pid)
    }

    /// gVisor's process is not the container's: what shuts that in is not this host's to show.
    fn kernel(&self) -> Kernel {
        let name = Path::new(&self.command).file_name().unwrap_or_default();
        if name.to_string_lossy().starts_with("runsc") { Kernel::Own } else { Kernel::Hosts }
    }
}

/// Which kernel a container's processes call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kernel {
    /// This host's, so it can tell what shuts the container in.
    Hosts,
    /// One of its own.
    Own,
}

impl Runtime for CommandRuntime {
    fn start(&self, container: &ContainerPlan, output: Output) -> Result<Running, Failure> {
        let cannot = |name, error: &RuntimeError| Failure::new(name, chain(error)).of_container(container.name.clone());
        let cannot_start = |error: RuntimeError| cannot(FailureName::CannotStartContainerError, &error);
        let Output::Pipes(stdout, stderr) = output else {
            return Err(cannot_start(RuntimeError::OnlyLinked("pseudoTerminal")));
        };
        if container.init_process {
            return Err(cannot_start(RuntimeError::OnlyLinked("initProcessEnabled")));
        }
        let pid = self.create(container, stdout, stderr).map_err(|error| match error {
            RuntimeError::Confinement(_) => cannot(FailureName::CannotCreateContainerError, &error),
            error => cannot_start(error),
        })?;
        let started = self.command().arg("start").arg(&container.name).output();
        let started = started.map_err(self.cannot_execute()).map_err(cannot_start)?;
        if !started.status.success() {
            let said = String::from_utf8_lossy(&started.stderr).trim().to_owned();
            return Err(cannot_start(RuntimeError::Said(said)));
        }
        Ok(Running { pid, terminal: None })
    }

    /// The command's own process stands for the one inside; it ends with its code.
    fn execute(&self, container: &ContainerPlan, command: &[String]) -> Result<Pid, RuntimeError> {
        let child = self
            .command()
            .arg("exec")
            .arg(&container.name)
            .args(command)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(self.cannot_execute())?;
        i32::try_from(child.id()).map(Pid::from_raw).map_err(|_| RuntimeError::NoProcess(self.command.clone()))
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
