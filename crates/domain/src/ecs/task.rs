//! A task as ECS remembers it: the spec that never changes, and how far the task is.
//!
//! This is the stored record, so fields are only ever added, with a default. It holds names of secrets, never values.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wire::Timestamp;

use crate::compute::{Health, TaskSpec};
use crate::failure::Failure;

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// All choices made, as the compute gets it.
    pub spec: Arc<TaskSpec>,
    /// The ARN of the task definition's revision.
    pub definition_arn: String,
    /// What RunTask changed in the definition, as ECS shows it.
    #[serde(default)]
    pub overrides: api::ecs::TaskOverride,
    /// CPU of the task as ECS shows it, in units of 1/1024 vCPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Memory of the task as ECS shows it, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Disk of a Fargate task in GiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ephemeral_storage_gib: Option<i32>,
    /// `1.4.0` on Fargate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// `FARGATE` or `FARGATE_SPOT` when a capacity provider was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_provider: Option<String>,
    /// What the caller wrote there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_by: Option<String>,
    /// The subnets that RunTask was told, of which one was chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<String>,
    /// Whether ExecuteCommand was asked for.
    #[serde(default)]
    pub enable_execute_command: bool,
    /// The tags; gone once the task is stopped.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// What is wanted.
    pub desired_status: DesiredStatus,
    /// How far it is. Only moves forward.
    pub last_status: TaskStatus,
    /// One entry per container of the spec, in its order.
    pub containers: Vec<TaskContainer>,
    /// How far its network interface is.
    pub attachment: AttachmentStatus,
    /// Rises with every change.
    pub version: i64,
    /// When the compute took it over; ECS's connectivity is `CONNECTED` from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connectivity_at: Option<Timestamp>,
    /// The first pull began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_started_at: Option<Timestamp>,
    /// The last pull ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_stopped_at: Option<Timestamp>,
    /// It became RUNNING.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// It began to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping_at: Option<Timestamp>,
    /// The first essential container ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_stopped_at: Option<Timestamp>,
    /// It became STOPPED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
    /// Which kind of cause ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_code: Option<StopCode>,
    /// The cause in ECS's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_reason: Option<String>,
    /// The failure behind the reason, with its chain of causes, for `explain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Task {
    /// As every task begins: wanted RUNNING, nothing of it there yet, and nothing asked for beyond its definition.
    pub(super) fn provisioning(spec: TaskSpec, definition_arn: String, containers: Vec<TaskContainer>) -> Self {
        Self {
            spec: Arc::new(spec),
            definition_arn,
            overrides: api::ecs::TaskOverride::default(),
            cpu: None,
            memory: None,
            ephemeral_storage_gib: None,
            platform_version: None,
            capacity_provider: None,
            started_by: None,
            subnets: Vec::new(),
            enable_execute_command: false,
            tags: BTreeMap::new(),
            desired_status: DesiredStatus::Running,
            last_status: TaskStatus::Provisioning,
            containers,
            attachment: AttachmentStatus::Precreated,
            version: 1,
            connectivity_at: None,
            pull_started_at: None,
            pull_stopped_at: None,
            started_at: None,
            stopping_at: None,
            execution_stopped_at: None,
            stopped_at: None,
            stop_code: None,
            stopped_reason: None,
            failure: None,
        }
    }

    /// 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.spec.task_id
    }

    /// The container of this name.
    pub fn container(&self, name: &str) -> Option<&TaskContainer> {
        self.containers.iter().find(|container| container.name == name)
    }
}

/// A container of a task: what ECS shows of it, and which secrets it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskContainer {
    /// The name in the task definition.
    pub name: String,
    /// `repositoryCredentials.credentialsParameter`: a secret's ARN or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_parameter: Option<String>,
    /// `secrets`, in the order of the definition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretReference>,
    /// How far it is. Only moves forward.
    pub last_status: ContainerStatus,
    /// How its process ended; absent if it never ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Why it failed, in at most 1024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The digest the registry gave for its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// The result of its health check.
    #[serde(default)]
    pub health: Health,
}

impl TaskContainer {
    /// As every container begins: without a process, and naming no secret yet.
    pub(super) fn pending(name: String) -> Self {
        Self {
            name,
            credentials_parameter: None,
            secrets: Vec::new(),
            last_status: ContainerStatus::Pending,
            exit_code: None,
            reason: None,
            image_digest: None,
            health: Health::Unknown,
        }
    }
}

/// A secret that becomes an environment variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretReference {
    /// The variable's name.
    pub name: String,
    /// A secret's ARN (with JSON key, version stage, version id), or an SSM parameter's name or ARN.
    pub value_from: String,
}

/// ECS's `desiredStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DesiredStatus {
    /// It shall run.
    Running,
    /// It shall end, or has ended.
    Stopped,
}

/// ECS's `lastStatus` of a task, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskStatus {
    /// Its network is being made.
    Provisioning,
    /// Images are pulled, containers created.
    Pending,
    /// All containers started; it is being made known (services).
    Activating,
    /// All containers started.
    Running,
    /// It is being withdrawn (services).
    Deactivating,
    /// Its containers are being ended.
    Stopping,
    /// Its traces are being taken away.
    Deprovisioning,
    /// Nothing of it is left.
    Stopped,
}

impl TaskStatus {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }
}

impl DesiredStatus {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// ECS's `lastStatus` of a container, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ContainerStatus {
    /// It has no process yet.
    Pending,
    /// It has one.
    Running,
    /// It had one, or never will.
    Stopped,
}

impl ContainerStatus {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// ECS's status of the attachment that is the task's network interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AttachmentStatus {
    /// Its address is chosen.
    Precreated,
    /// The task has it.
    Attached,
    /// It is given back.
    Deleted,
}

impl AttachmentStatus {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Precreated => "PRECREATED",
            Self::Attached => "ATTACHED",
            Self::Deleted => "DELETED",
        }
    }
}

/// ECS's `stopCode`, as far as tasks end for these causes here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopCode {
    /// It never became RUNNING, because something failed.
    TaskFailedToStart,
    /// An essential container ended.
    EssentialContainerExited,
    /// StopTask.
    UserInitiated,
}

impl StopCode {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TaskFailedToStart => "TaskFailedToStart",
            Self::EssentialContainerExited => "EssentialContainerExited",
            Self::UserInitiated => "UserInitiated",
        }
    }
}
