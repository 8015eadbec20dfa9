//! How a container is started: one trait, two ways.
//!
//! | file | holds |
//! |---|---|
//! | `linked` | the default: youki's libcontainer in the shim's own process, nothing to install |
//! | `command` | any OCI runtime command (`runc`, `crun`, gVisor's `runsc`) |
//! | `spec`, `process`, `seccomp`, `limits`, `user` | the container's `config.json` |
//! | `execute` | the last steps inside a container: signals, secrets, exec, the small init |
//! | `ground`, `inside` | where everything goes in a root that is an image's |
//! | `confinement` | what shuts a container in, read back before its program begins |
//! | `cgroup` | the groups of tasks: limits, counts, kill, removal |
//! | `error` | why a container does not start |
//!
//! Only a shim starts containers, and a shim has one thread: libcontainer runs Rust code in a cloned child.

pub(crate) mod cgroup;
pub(crate) mod command;
mod confinement;
mod error;
pub(crate) mod execute;
pub(crate) mod ground;
mod inside;
pub(crate) mod limits;
pub(crate) mod linked;
pub(crate) mod process;
mod seccomp;
pub(crate) mod spec;
pub(crate) mod user;

use std::os::fd::OwnedFd;
use std::str::FromStr;

use domain::failure::Failure;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

pub(crate) use error::{RuntimeError, chain};

use crate::shim::plan::ContainerPlan;

/// What runs containers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuntimeChoice {
    /// libcontainer, linked in.
    #[default]
    Linked,
    /// An OCI runtime's command.
    Command(String),
}

impl FromStr for RuntimeChoice {
    type Err = std::convert::Infallible;

    /// `libcontainer` is the linked one, anything else a command.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "libcontainer" { Self::Linked } else { Self::Command(text.to_owned()) })
    }
}

/// Where a container's output goes.
pub(crate) enum Output {
    /// Standard output and error.
    Pipes(OwnedFd, OwnedFd),
    /// A terminal is made; its other side is handed back.
    Terminal,
}

/// A container that executes its program.
pub(crate) struct Running {
    pub(crate) pid: Pid,
    /// The terminal's other side, when one was asked for.
    pub(crate) terminal: Option<OwnedFd>,
}

/// What a shim needs of an OCI runtime.
pub(crate) trait Runtime {
    /// Starts the container of a bundle; returns when its program executes.
    fn start(&self, container: &ContainerPlan, output: Output) -> Result<Running, Failure>;

    /// Runs a command inside a running container; returns its process, a child of the caller.
    fn execute(&self, container: &ContainerPlan, command: &[String]) -> Result<Pid, RuntimeError>;

    /// Forgets a container whose process has ended.
    fn delete(&self, container: &ContainerPlan);
}
