//! Why something did not work: ECS's own sentence, and beside it the chain of causes that AWS never tells.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::mend::Fault;

/// A failure as ECS names it. Its `Display` is the `stoppedReason` (or a container's `reason`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The name ECS gives this kind of failure.
    pub name: FailureName,
    /// What follows the name and a colon.
    pub message: String,
    /// The container it happened to, when it happened to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// What was asked, of whom, and what they answered: first cause first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Link>,
}

impl Failure {
    /// A failure without a chain yet.
    pub fn new(name: FailureName, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), container: None, chain: Vec::new() }
    }

    /// The same failure, told of one container.
    #[must_use]
    pub fn of_container(mut self, container: impl Into<String>) -> Self {
        self.container = Some(container.into());
        self
    }

    /// The same failure with one more link at the end of its chain.
    #[must_use]
    pub fn with_link(mut self, link: Link) -> Self {
        self.chain.push(link);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.name, self.message)
    }
}

impl std::error::Error for Failure {}

/// ECS's names of failures (the agent's error names).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureName {
    /// Secrets, registry authentication, logging or network could not be prepared.
    ResourceInitializationError,
    /// The image could not be resolved or pulled.
    CannotPullContainerError,
    /// The container could not be created from the image.
    CannotCreateContainerError,
    /// The container's process could not be started.
    CannotStartContainerError,
    /// The container was told to end, was forced to, and is still there.
    CannotStopContainerError,
    /// The kernel ended the container for its memory use.
    OutOfMemoryError,
    /// The container's process is gone and nobody saw how.
    ContainerRuntimeError,
    /// A dependency can never be satisfied.
    TaskDependencyError,
}

/// One step of the road: who asked for what, and how it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Which step of the road this is.
    pub kind: LinkKind,
    /// The thing this step is about: a role ARN, a secret ARN, a key ARN, a registry host, an image reference.
    pub subject: String,
    /// How it went.
    pub outcome: Outcome,
    /// What was asked and what was answered, in plain words, without any secret.
    pub detail: String,
    /// What to do about it, in words; empty when the step went well.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mend: String,
    /// What a mend is made of, where one can be. Never stored: what is offered must be true when it is offered.
    #[serde(skip)]
    pub fault: Option<Box<Fault>>,
}

impl Link {
    /// A step that went well.
    pub fn good(kind: LinkKind, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        let (subject, detail) = (subject.into(), detail.into());
        Self { kind, subject, outcome: Outcome::Good, detail, mend: String::new(), fault: None }
    }

    /// The broken step, with what to do about it.
    pub fn broken(
        kind: LinkKind,
        subject: impl Into<String>,
        detail: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { outcome: Outcome::Broken, mend: mend.into(), ..Self::good(kind, subject, detail) }
    }

    /// The same step with what a mend of it is made of.
    #[must_use]
    pub fn with_fault(mut self, fault: impl Into<Option<Fault>>) -> Self {
        self.fault = fault.into().map(Box::new);
        self
    }

    /// A step that was not reached.
    pub fn not_reached(kind: LinkKind, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { outcome: Outcome::NotReached, ..Self::good(kind, subject, detail) }
    }
}

/// The steps of a private image's road, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LinkKind {
    /// The task definition and ECS's rules for it.
    Definition,
    /// What RunTask looks at: the launch type, the cluster, the subnets, what this server can run.
    Launch,
    /// The execution (or task) role and its trust policy.
    Role,
    /// The policy statement that decided, or that none did.
    Policy,
    /// The secret and its value's form.
    Secret,
    /// The key that seals the secret.
    Key,
    /// The registry's answer to the credentials.
    Registry,
    /// The manifest and the layers.
    Image,
    /// The operating system and the processor that the image is for.
    Platform,
    /// The log group and stream.
    Logs,
    /// Addresses, routes, security groups.
    Network,
    /// The process itself.
    Container,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It worked.
    Good,
    /// It is the broken link.
    Broken,
    /// It was not reached.
    NotReached,
}
