//! What a shim is told when it begins: which containers, from which bundles, with which secrets.
//!
//! The plan travels over an inherited socket and never through a file, because it carries the secret environment. All
//! that is not secret was decided before and lies in the containers' bundles.

use std::path::PathBuf;

use domain::compute::{Dependency, HealthCheck, RestartPolicy};
use serde::{Deserialize, Serialize};
use wire::Sensitive;

use crate::runtime::RuntimeChoice;

/// A whole task as its shim sees it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShimPlan {
    /// 32 hexadecimal digits.
    pub(crate) task_id: String,
    /// The task's ARN, for failures that name it.
    pub(crate) task_arn: String,
    /// The task's directory.
    pub(crate) directory: PathBuf,
    /// What runs the containers.
    pub(crate) runtime: RuntimeChoice,
    /// In the order of the task definition.
    pub(crate) containers: Vec<ContainerPlan>,
}

/// One container as its shim sees it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ContainerPlan {
    /// The name in the task definition.
    pub(crate) name: String,
    /// The directory with the OCI `config.json`.
    pub(crate) bundle: PathBuf,
    /// The task ends with this container.
    pub(crate) essential: bool,
    /// What must be true of others before it starts.
    pub(crate) depends_on: Vec<Dependency>,
    /// How long others wait for it to complete or become healthy, in seconds.
    pub(crate) start_timeout_seconds: Option<u32>,
    /// From the stop signal to SIGKILL, in seconds.
    pub(crate) stop_timeout_seconds: u32,
    /// The signal that asks it to stop.
    pub(crate) stop_signal: i32,
    /// The health check.
    pub(crate) health_check: Option<HealthCheck>,
    /// Start it again when it ends.
    pub(crate) restart: Option<RestartPolicy>,
    /// What is executed.
    pub(crate) arguments: Vec<String>,
    /// The plain environment, complete.
    pub(crate) environment: Vec<(String, String)>,
    /// The environment that is in no file.
    pub(crate) secret_environment: Vec<(String, Sensitive)>,
    /// A small init reaps and forwards signals.
    pub(crate) init_process: bool,
    /// A terminal instead of two pipes.
    pub(crate) pseudo_terminal: bool,
    /// What becomes of old output.
    pub(crate) output: OutputKeeping,
}

/// What becomes of output that nobody has read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OutputKeeping {
    /// All of it is kept. While this much is unread, in bytes, the container's writes wait.
    Blocking(u64),
    /// As much is kept as this, in bytes. What is printed beyond is dropped and counted.
    NonBlocking(u64),
    /// Nobody reads it: only the newest part is kept.
    NewestOnly,
}
