//! The seam between the control plane and what runs tasks.
//!
//! `control` writes intentions and reconciles them through [`Compute`]; `node` implements it for this machine, tests
//! have a fake one. In the other direction a compute asks [`TaskServices`], at the last moment, for what must never be
//! written down (registry credentials, secret environment, role credentials) and hands it the lines containers print.
//!
//! Every action is idempotent and may be cut off at any point: applying it again leads to the same end.

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use wire::{Sensitive, Timestamp};

use crate::failure::Failure;
use crate::network::NetworkPlan;

/// A boxed future, so that the traits below can be used behind a pointer.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where tasks run.
pub trait Compute: Send + Sync + 'static {
    /// Begins to make the action true and returns; how far it got is seen by [`Compute::observe`].
    ///
    /// An error here means that the action could not even begin (the compute is gone); it is tried again.
    fn apply<'a>(&'a self, spec: &'a Arc<TaskSpec>, action: TaskAction) -> BoxFuture<'a, Result<(), ComputeError>>;

    /// Ends and takes away, at once and without grace, a task that no record knows (its records were lost or restored
    /// from a backup). The same as [`TaskAction::Remove`] for a task whose spec nobody has.
    fn discard<'a>(&'a self, task_id: &'a str) -> BoxFuture<'a, Result<(), ComputeError>>;

    /// Makes the network of the whole node as planned, atomically. Running tasks feel it at once.
    fn apply_network(&self, plan: Arc<NetworkPlan>) -> BoxFuture<'_, Result<(), ComputeError>>;

    /// What is really there of one task; `None` when nothing of it is left (or ever was). Answers `Some` from the
    /// moment [`Compute::apply`] of [`TaskAction::Start`] has returned, and for everything an earlier process left.
    fn observe(&self, task_id: &str) -> Option<TaskObservation>;

    /// Every task of which something is there, also those that nobody wants any more.
    fn task_ids(&self) -> Vec<String>;

    /// Resolves with the current change count as soon as it is above `seen`. "Look again", never an event.
    fn changed(&self, seen: u64) -> BoxFuture<'_, u64>;
}

/// What a compute may be told to do with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskAction {
    /// Network, secrets, pulls, then the containers in dependency order.
    Start,
    /// The stop signal to every container in reverse dependency order, after its timeout SIGKILL. A task that is still
    /// starting stops starting.
    Stop,
    /// Take away every trace: namespace, mounts, cgroups, directories. Afterwards `observe` answers `None`.
    Remove,
}

/// Why a compute cannot do what it is told.
#[derive(Debug, thiserror::Error)]
pub enum ComputeError {
    /// What was asked of a task could not begin.
    #[error("the compute cannot begin with the task {task_id}")]
    Task {
        /// Its id.
        task_id: String,
        /// The compute's own error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The network is not as planned.
    #[error("the compute cannot make the network as planned")]
    Network(#[source] Box<dyn Error + Send + Sync>),
}

impl ComputeError {
    /// What was asked of a task could not begin.
    pub fn of_task(task_id: &str, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Task { task_id: task_id.to_owned(), source: Box::new(source) }
    }

    /// The network is not as planned.
    pub fn of_network(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Network(Box::new(source))
    }
}

/// What a compute asks of the control plane while it runs a task.
pub trait TaskServices: Send + Sync + 'static {
    /// The registry's user name and password for one container, read with the execution role; `None` when the container
    /// names no secret. Asked for every pull, never cached.
    fn registry_auth<'a>(
        &'a self,
        task_id: &'a str,
        container: &'a str,
    ) -> BoxFuture<'a, Result<Option<RegistryCredentials>, Failure>>;

    /// The container's `secrets`, as environment variables.
    fn secret_environment<'a>(
        &'a self,
        task_id: &'a str,
        container: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(String, Sensitive)>, Failure>>;

    /// Fresh credentials of the task role, for the endpoint inside the task; `None` when the task has no role.
    fn task_role_credentials<'a>(&'a self, task_id: &'a str)
    -> BoxFuture<'a, Result<Option<RoleCredentials>, Failure>>;

    /// Opens the container's awslogs stream with the execution role (creating what it must). Called before the
    /// container starts; a container without a log configuration answers at once.
    fn open_log<'a>(&'a self, task_id: &'a str, container: &'a str) -> BoxFuture<'a, Result<(), Failure>>;

    /// How many bytes of the container's output file have been taken over durably.
    ///
    /// # Errors
    /// Nobody can say for now; it is asked again, because lines must not be taken over twice.
    fn log_offset(&self, task_id: &str, container: &str) -> Result<u64, Failure>;

    /// Takes lines over, durably, and remembers `next_offset` in the same breath, so that a crash neither loses nor
    /// doubles a line.
    fn put_log<'a>(
        &'a self,
        task_id: &'a str,
        container: &'a str,
        lines: Vec<LogLine>,
        next_offset: u64,
    ) -> BoxFuture<'a, Result<(), Failure>>;
}

/// Looks at images where they lie, as a pull would, and keeps nothing. It is no [`Compute`]: it can only read.
pub trait ImageInspection: Send + Sync + 'static {
    /// Asks the image's registry with these credentials for the image of `architecture` (OCI's name, `amd64`).
    ///
    /// An error is what the pull would fail with: `CannotPullContainerError`, with the chain from registry to platform. The
    /// future ends within a time that the implementation limits.
    fn inspect<'a>(
        &'a self,
        image: &'a str,
        credentials: Option<RegistryCredentials>,
        architecture: &'a str,
    ) -> BoxFuture<'a, Result<ImageFacts, Failure>>;

    /// The tags that the image's repository has, as its registry lists them: the first ones, when there are many. None
    /// when it does not say.
    fn tags<'a>(&'a self, image: &'a str, credentials: Option<RegistryCredentials>) -> BoxFuture<'a, Vec<String>>;
}

/// What a registry says of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFacts {
    /// The reference in its full form, `docker.io/library/nginx:latest`.
    pub reference: String,
    /// The host that was asked, with its port where it has one.
    pub registry: String,
    /// The user as which it was asked; `None` for nobody.
    pub user: Option<String>,
    /// What the reference is now, `sha256:…`.
    pub digest: String,
    /// The platform of the image that was chosen, `linux/amd64`.
    pub platform: String,
    /// How many layers it has.
    pub layers: usize,
    /// Of how many of them the registry says that they are there; it need not say so of any.
    pub layers_seen: usize,
    /// All layers together, compressed, in bytes.
    pub size_bytes: u64,
}

/// Measures tasks where they run, and keeps nothing. It is no [`Compute`]: it can only read.
pub trait UsageInspection: Send + Sync + 'static {
    /// What the task uses now; `None` when nothing of it is here.
    fn usage(&self, task_id: &str) -> Option<TaskUsage>;
}

/// What a task uses, measured at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskUsage {
    /// The bytes of its network interface; `None` while no container has a process.
    pub network: Option<NetworkUsage>,
    /// One entry per container of the spec, in its order.
    pub containers: Vec<ContainerUsage>,
}

/// What a network interface has carried since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkUsage {
    /// Bytes that came in.
    pub received_bytes: u64,
    /// Bytes that went out.
    pub sent_bytes: u64,
}

/// What a container uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerUsage {
    /// The name in the task definition.
    pub name: String,
    /// What its processes use; `None` while it has none.
    pub process: Option<ProcessUsage>,
    /// How far the pull of its image is.
    pub pull: PullUsage,
}

/// What the processes of a container use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessUsage {
    /// The time they have spent on processors since the container started, in nanoseconds, of all processors together.
    pub cpu_nanoseconds: u64,
    /// The memory that counts against the limit, with the files that the kernel keeps for them, in bytes.
    pub memory_bytes: u64,
    /// How many there are.
    pub processes: u64,
}

/// How far a pull is. What is not known is `None`: nobody counts a pull of an earlier process of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullUsage {
    /// Where it stands.
    pub state: PullState,
    /// Compressed bytes of layers that are here, cached or downloaded.
    pub done_bytes: Option<u64>,
    /// All layers together, compressed, in bytes; `None` until the manifest is known.
    pub total_bytes: Option<u64>,
    /// Layers that are unpacked.
    pub done_layers: Option<u64>,
    /// All layers; `None` until the manifest is known.
    pub total_layers: Option<u64>,
}

/// Where a pull stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PullState {
    /// It has not begun.
    #[default]
    Waiting,
    /// The registry is asked for the manifest.
    Resolving,
    /// Layers are on their way.
    Pulling,
    /// The image is here.
    Pulled,
    /// It was given up: it failed, or the task was stopped before its end.
    Ended,
}

/// A registry's user name and password. Lives in memory only.
#[derive(Clone, Debug)]
pub struct RegistryCredentials {
    /// The user name.
    pub username: String,
    /// The password or access token.
    pub password: Sensitive,
}

/// Temporary credentials of a role, as the container credentials endpoint hands them out.
#[derive(Clone, Debug)]
pub struct RoleCredentials {
    /// The role they belong to.
    pub role_arn: String,
    /// `ASIA…`
    pub access_key_id: String,
    /// The signing key.
    pub secret_access_key: Sensitive,
    /// The session token.
    pub session_token: Sensitive,
    /// When they end.
    pub expiration: Timestamp,
}

/// One line a container printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was read.
    pub at: Timestamp,
    /// The line without its line end; invalid UTF-8 replaced.
    pub message: String,
}

/// A task with all choices made and no secret in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSpec {
    /// 32 hexadecimal digits.
    pub task_id: String,
    /// The task's ARN.
    pub task_arn: String,
    /// The cluster's ARN.
    pub cluster_arn: String,
    /// The account's 12 digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// The availability zone of the subnet.
    pub availability_zone: String,
    /// The task definition's family.
    pub family: String,
    /// The task definition's revision.
    pub revision: u32,
    /// `FARGATE` or `EC2`.
    pub launch_type: String,
    /// `service:…` or `family:…`.
    pub group: String,
    /// The task's network interface.
    pub interface: InterfaceSpec,
    /// CPU limit of the whole task in units of 1/1024 vCPU; `None` for no limit.
    pub cpu_units: Option<u32>,
    /// Memory limit of the whole task in MiB; `None` for no limit.
    pub memory_mib: Option<u32>,
    /// What the containers may write, in their root file systems and volumes together, in GiB; `None` for no limit.
    #[serde(default)]
    pub ephemeral_storage_gib: Option<u32>,
    /// `linux/amd64` or `linux/arm64` as OCI names them: the architecture.
    pub architecture: String,
    /// The task role, if it has one.
    pub task_role_arn: Option<String>,
    /// The execution role, if it has one.
    pub execution_role_arn: Option<String>,
    /// Tags of the task, for the metadata endpoint.
    pub tags: BTreeMap<String, String>,
    /// Named volumes (empty directories shared between the task's containers).
    pub volumes: Vec<String>,
    /// Whether the containers share one process namespace (`pidMode` `task`).
    pub shared_processes: bool,
    /// The containers in the order of the definition.
    pub containers: Vec<ContainerSpec>,
    /// When the task was created.
    pub created_at: Timestamp,
}

/// A task's network interface, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceSpec {
    /// `eni-…`
    pub id: String,
    /// The attachment's id (a UUID).
    pub attachment_id: String,
    /// `02:…`
    pub mac_address: String,
    /// The private address.
    pub address: Ipv4Addr,
    /// The public address, if one was asked for.
    pub public_address: Option<Ipv4Addr>,
    /// The subnet.
    pub subnet_id: String,
    /// The subnet's range; its first host address is the gateway.
    pub subnet_cidr: Ipv4Net,
    /// The VPC.
    pub vpc_id: String,
    /// All ranges of the VPC.
    pub vpc_cidrs: Vec<Ipv4Net>,
    /// `ip-10-0-0-5.ec2.internal`, when the VPC has DNS host names.
    pub private_dns_name: Option<String>,
    /// Ids of its security groups.
    pub security_groups: Vec<String>,
}

/// A container with all choices made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// The name in the task definition.
    pub name: String,
    /// The container's ARN.
    pub arn: String,
    /// `<task id>-<10 digits>`.
    pub runtime_id: String,
    /// The image as written in the definition.
    pub image: String,
    /// Whether the registry must be asked with the credentials of a secret.
    pub private_registry: bool,
    /// Whether the task ends with this container.
    pub essential: bool,
    /// Replaces the image's entry point when given.
    pub entry_point: Option<Vec<String>>,
    /// Replaces the image's command when given.
    pub command: Option<Vec<String>>,
    /// Plain environment of the definition and the overrides, over the image's.
    pub environment: Vec<(String, String)>,
    /// Names of variables that [`TaskServices::secret_environment`] fills in.
    pub secret_names: Vec<String>,
    /// `user`, `uid`, `user:group`, `uid:gid`; the image's when absent.
    pub user: Option<String>,
    /// The image's when absent.
    pub working_directory: Option<String>,
    /// CPU shares in units of 1/1024 vCPU; 0 for the least.
    pub cpu_units: u32,
    /// Hard memory limit in MiB.
    pub memory_mib: Option<u32>,
    /// Soft memory limit in MiB.
    pub memory_reservation_mib: Option<u32>,
    /// Ports, for the metadata endpoint: container port and protocol.
    pub ports: Vec<(u16, String)>,
    /// Mounts of the task's volumes.
    pub mounts: Vec<VolumeMount>,
    /// tmpfs mounts: path, size in MiB.
    pub tmpfs: Vec<(String, u32)>,
    /// Capabilities added to the default set (without `CAP_`).
    pub add_capabilities: Vec<String>,
    /// Capabilities dropped from the default set (without `CAP_`).
    pub drop_capabilities: Vec<String>,
    /// The root file system cannot be written.
    pub read_only_root: bool,
    /// A small init as process 1.
    pub init_process: bool,
    /// Privileged (EC2 launch type only).
    pub privileged: bool,
    /// Resource limits: name (`nofile`), soft, hard.
    pub ulimits: Vec<(String, u64, u64)>,
    /// Name and value of namespaced kernel parameters.
    pub system_controls: Vec<(String, String)>,
    /// Labels for the metadata endpoint.
    pub labels: BTreeMap<String, String>,
    /// What must be true of other containers before this one starts.
    pub depends_on: Vec<Dependency>,
    /// How long containers that depend on this one wait for it to complete, succeed or become healthy, in seconds; for
    /// ever when absent (ECS `startTimeout`).
    pub start_timeout_seconds: Option<u32>,
    /// From stop signal to SIGKILL, in seconds.
    pub stop_timeout_seconds: u32,
    /// The container health check.
    pub health_check: Option<HealthCheck>,
    /// Start it again when it ends.
    pub restart: Option<RestartPolicy>,
    /// The awslogs stream: group and stream name. Absent when the container has no log configuration.
    pub log: Option<LogTarget>,
    /// A terminal for the process.
    pub pseudo_terminal: bool,
}

/// A volume of the task seen in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeMount {
    /// The volume's name.
    pub volume: String,
    /// Where the container sees it.
    pub path: String,
    /// Not writable.
    pub read_only: bool,
}

/// `dependsOn`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The container depended on.
    pub container: String,
    /// What must be true of it.
    pub condition: DependencyCondition,
}

/// When a dependency is satisfied (ECS `ContainerCondition`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DependencyCondition {
    /// It runs, or has run.
    Start,
    /// It ended, with any code.
    Complete,
    /// It ended with 0.
    Success,
    /// Its health check succeeded.
    Healthy,
}

/// A container health check; times in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// `["CMD", …]` or `["CMD-SHELL", "…"]`.
    pub command: Vec<String>,
    /// Between checks.
    pub interval_seconds: u32,
    /// For one check.
    pub timeout_seconds: u32,
    /// Failures in a row until unhealthy.
    pub retries: u32,
    /// Grace after the start.
    pub start_period_seconds: u32,
}

/// `restartPolicy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// Exit codes after which it is not started again.
    pub ignored_exit_codes: Vec<i32>,
    /// The least time between restarts, in seconds.
    pub attempt_period_seconds: u32,
}

/// Where a container's lines go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTarget {
    /// The log group.
    pub group: String,
    /// `<prefix>/<container>/<task id>`.
    pub stream: String,
    /// The region of the group.
    pub region: String,
    /// `awslogs-create-group`.
    pub create_group: bool,
    /// `mode`, with `max-buffer-size`.
    #[serde(default)]
    pub mode: LogMode,
}

/// What happens when a container prints faster than the log service takes lines over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogMode {
    /// The container's writes wait; no line is lost.
    Blocking,
    /// The container goes on; lines that find no room are dropped and counted.
    NonBlocking {
        /// `max-buffer-size`: how much may wait, in bytes; as much as the compute can keep when absent.
        buffer_bytes: Option<u64>,
    },
}

impl Default for LogMode {
    fn default() -> Self {
        Self::NonBlocking { buffer_bytes: None }
    }
}

/// What is really there of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskObservation {
    /// The namespace with its address and rules is ready.
    pub network_ready: bool,
    /// The first pull began.
    pub pull_started_at: Option<Timestamp>,
    /// The last pull ended, well or not.
    pub pull_stopped_at: Option<Timestamp>,
    /// Why the start failed. Once set it stays.
    pub failure: Option<Failure>,
    /// One entry per container of the spec, in its order.
    pub containers: Vec<ContainerObservation>,
}

impl TaskObservation {
    /// Every container runs, or has run.
    pub fn all_started(&self) -> bool {
        !self.containers.is_empty() && self.containers.iter().all(|container| container.started_at.is_some())
    }

    /// No container has a process, and none will get one without a new [`TaskAction::Start`].
    pub fn all_stopped(&self) -> bool {
        self.containers.iter().all(|container| container.phase == ContainerPhase::Stopped)
    }
}

/// What is really there of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerObservation {
    /// The name in the task definition.
    pub name: String,
    /// How far it is.
    pub phase: ContainerPhase,
    /// The digest the registry gave for the image (of the manifest of this platform or of the index, as resolved).
    pub image_digest: Option<String>,
    /// When its process started.
    pub started_at: Option<Timestamp>,
    /// When its process ended.
    pub stopped_at: Option<Timestamp>,
    /// How its process ended (128 + n for a signal n); absent if it never ran.
    pub exit_code: Option<i32>,
    /// Why it failed, when it did.
    pub failure: Option<Failure>,
    /// The result of its health check.
    pub health: Health,
    /// How often its policy started it again.
    pub restart_count: u32,
}

/// How far a container is. Only moves forward (a restart by policy stays `Running`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ContainerPhase {
    /// Not yet pulled.
    #[default]
    Pending,
    /// The image is there.
    Pulled,
    /// It has a process.
    Running,
    /// It had one, or never will.
    Stopped,
}

/// A container's health (ECS `HealthStatus`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// No check, or no result yet.
    #[default]
    Unknown,
    /// The last check succeeded.
    Healthy,
    /// Too many checks in a row failed.
    Unhealthy,
}
