//! The road of a task: the chain of its failure, or, when it did not fail, the same steps as far as it has come.

use crate::compute::ContainerSpec;
use crate::ecs::{ContainerStatus, StopCode, Task, TaskContainer, TaskStatus};
use crate::failure::{Failure, FailureName, Link, LinkKind, Outcome};

/// The steps of the task's road, in their order.
pub fn road(task: &Task) -> Vec<Link> {
    let mut links = Vec::new();
    links.push(network(task));
    if let Some(role) = &task.spec.execution_role_arn {
        let pulled = task.containers.iter().any(|container| container.image_digest.is_some());
        let detail = "The session of this execution role reads the secrets and writes the logs.";
        links.push(link(LinkKind::Role, role, reached(pulled), detail));
    }
    for (spec, container) in task.spec.containers.iter().zip(&task.containers) {
        of_container(task, spec, container, &mut links);
    }
    links
}

/// The chain of a failure, from the beginning of the road. Who reports a failure knows its own steps; that a pull was
/// refused says that role and secret were good before.
pub fn chain(task: &Task, failure: &Failure) -> Vec<Link> {
    let container = failure.container.as_deref().and_then(|name| task.container(name));
    let secret = container.and_then(|container| container.credentials_parameter.as_ref());
    let tells_secret = failure.chain.iter().any(|link| link.kind == LinkKind::Secret);
    let mut links = Vec::new();
    if let (FailureName::CannotPullContainerError, Some(secret), false) = (failure.name, secret, tells_secret) {
        if let Some(role) = &task.spec.execution_role_arn {
            links.push(link(LinkKind::Role, role, Outcome::Good, "Its session may read the secret."));
        }
        let detail = "It was opened and has a user name and a password.";
        links.push(link(LinkKind::Secret, secret, Outcome::Good, detail));
    }
    if failure.chain.is_empty() {
        links.push(last_step(task, failure));
    }
    links.extend(failure.chain.iter().cloned());
    links
}

/// The broken link of a failure that came without a chain: what it was about, and what to look at.
fn last_step(task: &Task, failure: &Failure) -> Link {
    let (kind, mend) = match failure.name {
        FailureName::ResourceInitializationError => {
            (LinkKind::Network, "Look at the server's log and at tidegate doctor.".to_owned())
        }
        FailureName::CannotPullContainerError => {
            (LinkKind::Image, "Check the image's name and its registry.".to_owned())
        }
        FailureName::CannotCreateContainerError | FailureName::CannotStartContainerError => {
            (LinkKind::Container, "Check entryPoint, command, workingDirectory and user against the image.".to_owned())
        }
        FailureName::CannotStopContainerError => (
            LinkKind::Container,
            "Look on the machine at what holds these processes: state D waits for a disk, a network file system or a driver."
                .to_owned(),
        ),
        FailureName::OutOfMemoryError => {
            (LinkKind::Container, "Give the container, or the task, more memory.".to_owned())
        }
        FailureName::ContainerRuntimeError | FailureName::TaskDependencyError => {
            (LinkKind::Container, format!("Look at what it printed last: tidegate logs {}", task.id()))
        }
    };
    let subject = failure.container.as_deref().unwrap_or(&task.spec.interface.id);
    let mut broken = link(kind, subject, Outcome::Broken, &failure.message);
    broken.mend = mend;
    broken
}

fn network(task: &Task) -> Link {
    let interface = &task.spec.interface;
    let public = match interface.public_address {
        Some(address) => format!("public address {address}"),
        None => "no public address".to_owned(),
    };
    let detail = format!(
        "Address {} in {}, {public}, security groups {}.",
        interface.address,
        interface.subnet_id,
        interface.security_groups.join(", ")
    );
    link(LinkKind::Network, &interface.id, reached(task.last_status > TaskStatus::Provisioning), &detail)
}

fn of_container(task: &Task, spec: &ContainerSpec, container: &TaskContainer, links: &mut Vec<Link>) {
    let pulled = reached(container.image_digest.is_some());
    let started = container.last_status > ContainerStatus::Pending;
    if let Some(secret) = &container.credentials_parameter {
        let detail = "It holds the registry's user name and password; they are asked for at every pull.";
        links.push(link(LinkKind::Secret, secret, pulled, detail));
    }
    let digest = match &container.image_digest {
        Some(digest) => format!("The registry gave {digest}."),
        None => "Not pulled yet.".to_owned(),
    };
    links.push(link(LinkKind::Image, &spec.image, pulled, &digest));
    for secret in &container.secrets {
        let detail = format!("It becomes the environment variable {}.", secret.name);
        links.push(link(LinkKind::Secret, &secret.value_from, reached(started), &detail));
    }
    if let Some(log) = &spec.log {
        let detail = format!("What the container prints goes to the stream {}.", log.stream);
        links.push(link(LinkKind::Logs, &log.group, reached(started), &detail));
    }
    links.push(process(task, container));
}

fn process(task: &Task, container: &TaskContainer) -> Link {
    let asked_to_stop = task.stop_code == Some(StopCode::UserInitiated);
    let (outcome, detail) = match (container.last_status, container.exit_code) {
        (ContainerStatus::Pending, _) => (Outcome::NotReached, "Not started yet.".to_owned()),
        (ContainerStatus::Running, _) => (Outcome::Good, "It runs.".to_owned()),
        (ContainerStatus::Stopped, Some(0)) => (Outcome::Good, "It ended with exit code 0.".to_owned()),
        (ContainerStatus::Stopped, Some(code)) if asked_to_stop => {
            (Outcome::Good, format!("It was asked to stop and ended with exit code {code}."))
        }
        (ContainerStatus::Stopped, Some(code)) => (Outcome::Broken, format!("It ended with exit code {code}.")),
        (ContainerStatus::Stopped, None) if asked_to_stop => {
            (Outcome::NotReached, "It was asked to stop before it started.".to_owned())
        }
        (ContainerStatus::Stopped, None) => (Outcome::Broken, "It never ran.".to_owned()),
    };
    let mut link = link(LinkKind::Container, &container.name, outcome, &detail);
    if outcome == Outcome::Broken {
        link.mend = format!("Look at what it printed last: tidegate logs {}", task.id());
    }
    link
}

fn link(kind: LinkKind, subject: &str, outcome: Outcome, detail: &str) -> Link {
    Link { outcome, ..Link::good(kind, subject, detail) }
}

fn reached(yes: bool) -> Outcome {
    if yes { Outcome::Good } else { Outcome::NotReached }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::ecs::testing::task;

    fn told(task: &Task) -> String {
        let lines = road(task).into_iter().map(|link| format!("{:?} {:?} {}", link.kind, link.outcome, link.detail));
        lines.chain([String::new()]).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_task_that_starts_has_most_of_the_road_before_it() {
        let mut starting = task(&[("web", true)]);
        starting.containers[0].credentials_parameter = Some("arn:aws:secretsmanager:…".into());
        expect![[r"
            Network NotReached Address 172.31.0.4 in subnet-1, no public address, security groups sg-1.
            Secret NotReached It holds the registry's user name and password; they are asked for at every pull.
            Image NotReached Not pulled yet.
            Container NotReached Not started yet.
        "]]
        .assert_eq(&told(&starting));
    }

    #[test]
    fn a_refused_pull_says_that_role_and_secret_were_good() {
        let mut refused = task(&[("web", true)]);
        refused.containers[0].credentials_parameter = Some("login".into());
        let registry = link(LinkKind::Registry, "registry", Outcome::Broken, "It refused.");
        let failure =
            Failure::new(FailureName::CannotPullContainerError, "401").of_container("web").with_link(registry.clone());
        let told = chain(&refused, &failure);
        assert_eq!(told.iter().map(|link| link.kind).collect::<Vec<_>>(), [LinkKind::Secret, LinkKind::Registry]);
        let secrets = Failure { name: FailureName::ResourceInitializationError, ..failure };
        assert_eq!(chain(&refused, &secrets), [registry]);
    }

    #[test]
    fn a_failure_without_a_chain_is_its_own_broken_link() {
        let failure = Failure::new(FailureName::CannotStartContainerError, "no /start").of_container("web");
        let told = chain(&task(&[("web", true)]), &failure);
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].kind, told[0].outcome, told[0].subject.as_str()),
            (LinkKind::Container, Outcome::Broken, "web")
        );
    }

    #[test]
    fn an_end_that_nobody_asked_for_is_the_broken_link() {
        let mut ended = task(&[("web", true)]);
        ended.last_status = TaskStatus::Stopped;
        ended.stop_code = Some(StopCode::EssentialContainerExited);
        ended.containers[0].image_digest = Some("sha256:1".into());
        ended.containers[0].last_status = ContainerStatus::Stopped;
        ended.containers[0].exit_code = Some(3);
        expect![[r"
            Network Good Address 172.31.0.4 in subnet-1, no public address, security groups sg-1.
            Image Good The registry gave sha256:1.
            Container Broken It ended with exit code 3.
        "]]
        .assert_eq(&told(&ended));
        ended.stop_code = Some(StopCode::UserInitiated);
        ended.containers[0].exit_code = Some(143);
        assert!(told(&ended).contains("Container Good It was asked to stop and ended with exit code 143."));
    }
}
