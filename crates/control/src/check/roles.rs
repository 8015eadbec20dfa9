//! Both roles: whether the caller may hand them over, whether they exist, whether ECS may assume them.

use domain::ecs::Task;
use domain::failure::{Link, LinkKind};
use domain::iam::Caller;

use super::settled;
use crate::Rehearsal;
use crate::ecs::rehearsal::pass_role;
use crate::iam::sessions;

/// What was found of the roles.
pub(super) struct Roles {
    pub(super) links: Vec<Link>,
    /// The session of the execution role; `None` when there is none, or when it may not be used.
    pub(super) execution: Option<Caller>,
}

/// Looks at the roles of the task.
pub(super) fn look(rehearsal: &Rehearsal, caller: &Caller, task: &Task) -> Roles {
    let mut links = Vec::new();
    let mut execution = None;
    match task.spec.execution_role_arn.as_deref() {
        Some(arn) => match assume(rehearsal, caller, task, arn, "execution role: it reads secrets and writes logs") {
            Ok((link, session)) => {
                links.push(link);
                execution = Some(session);
            }
            Err(broken) => links.push(broken),
        },
        None if needs_execution_role(task) => links.push(Link::broken(
            LinkKind::Role,
            &task.definition_arn,
            "The task definition names no execution role, which its secrets or logs need.",
            "Give the task definition an executionRoleArn.",
        )),
        None => {}
    }
    if let Some(arn) = task.spec.task_role_arn.as_deref() {
        let assumed = assume(rehearsal, caller, task, arn, "task role: its credentials are there inside the task");
        links.push(assumed.map_or_else(|broken| broken, |(link, _)| link));
    }
    Roles { links, execution }
}

fn needs_execution_role(task: &Task) -> bool {
    let secrets = task.containers.iter().any(|it| it.credentials_parameter.is_some() || !it.secrets.is_empty());
    secrets || task.spec.containers.iter().any(|container| container.log.is_some())
}

/// The session that a task would have. Who may not pass the role is not told whether it exists.
fn assume(rehearsal: &Rehearsal, caller: &Caller, task: &Task, arn: &str, what: &str) -> Result<(Link, Caller), Link> {
    let app = rehearsal.app();
    if let Err(error) = pass_role(app, caller, arn) {
        let decided = error.chain.into_iter().next();
        let mend = format!("Allow {} to do iam:PassRole on {arn}.", caller.arn());
        let link = decided.unwrap_or_else(|| Link::broken(LinkKind::Role, arn, error.message, mend));
        return Err(Link { kind: LinkKind::Role, subject: arn.to_owned(), ..link });
    }
    match sessions::for_task(app, &app.store.read(), arn, task.id(), &task.spec.region) {
        Ok(session) => {
            let detail = format!("{} may pass it, and ECS may assume it as the {what}.", caller.arn());
            Ok((Link::good(LinkKind::Role, arn, detail), session))
        }
        Err(failure) => {
            let first = settled(failure.chain).into_iter().next();
            Err(first.unwrap_or_else(|| Link::broken(LinkKind::Role, arn, failure.message, String::new())))
        }
    }
}
