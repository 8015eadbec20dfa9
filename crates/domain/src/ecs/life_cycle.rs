//! What happens next to a task: a pure function from its record and what is really there to a new record and an action.
//!
//! PROVISIONING → PENDING → RUNNING → STOPPING → DEPROVISIONING → STOPPED. `lastStatus` only moves forward. There is no
//! road back: a start that fails walks the same way down as StopTask, and a task whose traces are all gone ends there.
//! ACTIVATING and DEACTIVATING belong to services; a task of its own passes them without stopping.

use wire::Timestamp;

use super::{AttachmentStatus, ContainerStatus, DesiredStatus, StopCode, Task, TaskContainer, TaskStatus};
use crate::compute::{ContainerObservation, ContainerPhase, ContainerSpec, TaskAction, TaskObservation};
use crate::failure::{Failure, FailureName};

/// The longest reason ECS keeps, in characters.
const REASON_CHARACTERS: usize = 1024;

/// What to do now. The record first, then the action.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The record as it should be from now on; `None` when it stays as it is.
    pub task: Option<Task>,
    /// What to tell the compute. All actions can be repeated.
    pub action: Option<TaskAction>,
}

/// Decides the next step of a task. Calling it again with what came of the step leads to the end; calling it again with
/// the same arguments changes nothing.
pub fn advance(task: &Task, observation: Option<&TaskObservation>, now: Timestamp) -> Step {
    if task.last_status == TaskStatus::Stopped {
        return Step { task: None, action: None };
    }
    let mut next = task.clone();
    if let Some(observation) = observation {
        take_over(&mut next, observation, now);
    }
    if next.desired_status == DesiredStatus::Running
        && let Some(end) = find_end(&next, observation)
    {
        next.failure = end.failure;
        request_stop(&mut next, end.code, &end.reason);
    }
    let action = match next.desired_status {
        DesiredStatus::Running => move_up(&mut next, observation, now),
        DesiredStatus::Stopped => move_down(&mut next, observation, now),
    };
    if next == *task {
        return Step { task: None, action };
    }
    next.version = task.version + 1;
    Step { task: Some(next), action }
}

/// Wants the task to end, for the first cause that anybody names. Used by StopTask and by [`advance`] itself.
pub fn request_stop(task: &mut Task, code: StopCode, reason: &str) {
    if task.desired_status == DesiredStatus::Stopped {
        return;
    }
    task.desired_status = DesiredStatus::Stopped;
    task.stop_code = Some(code);
    task.stopped_reason = Some(trimmed(reason));
    task.version += 1;
}

/// Why a task that should run has to end.
struct End {
    code: StopCode,
    reason: String,
    failure: Option<Failure>,
}

fn find_end(task: &Task, observation: Option<&TaskObservation>) -> Option<End> {
    let started = task.started_at.is_some();
    let Some(observation) = observation else {
        return started.then(|| essential_exit(Some(lost())));
    };
    if !started
        && !observation.all_started()
        && let Some(failure) = failed_start(observation)
    {
        return Some(End { code: StopCode::TaskFailedToStart, reason: failure.to_string(), failure: Some(failure) });
    }
    pairs(task, observation)
        .find(|(spec, container)| spec.essential && container.phase == ContainerPhase::Stopped)
        .map(|(_, container)| essential_exit(container.failure.clone()))
}

fn essential_exit(failure: Option<Failure>) -> End {
    End { code: StopCode::EssentialContainerExited, reason: "Essential container in task exited".into(), failure }
}

fn lost() -> Failure {
    Failure::new(FailureName::ContainerRuntimeError, "the task's containers are gone and nobody saw how they ended")
}

/// Why the start failed: what the compute says, or a container that ended without ever having had a process.
fn failed_start(observation: &TaskObservation) -> Option<Failure> {
    if let Some(failure) = &observation.failure {
        return Some(failure.clone());
    }
    let container = observation
        .containers
        .iter()
        .find(|container| container.phase == ContainerPhase::Stopped && container.started_at.is_none())?;
    Some(container.failure.clone().unwrap_or_else(|| {
        Failure::new(FailureName::CannotStartContainerError, "the container ended before its process started")
            .of_container(&container.name)
    }))
}

fn move_up(task: &mut Task, observation: Option<&TaskObservation>, now: Timestamp) -> Option<TaskAction> {
    let Some(observation) = observation else { return Some(TaskAction::Start) };
    if task.last_status < TaskStatus::Pending && observation.network_ready {
        task.last_status = TaskStatus::Pending;
        task.attachment = AttachmentStatus::Attached;
        task.connectivity_at = Some(now);
    }
    if task.last_status == TaskStatus::Pending && observation.all_started() {
        task.last_status = TaskStatus::Running;
        task.started_at = Some(now);
    }
    // Something may be there only because an earlier process began it: it is told again until the task runs.
    (task.last_status < TaskStatus::Running).then_some(TaskAction::Start)
}

fn move_down(task: &mut Task, observation: Option<&TaskObservation>, now: Timestamp) -> Option<TaskAction> {
    if task.last_status < TaskStatus::Stopping {
        task.last_status = TaskStatus::Stopping;
        task.stopping_at = Some(now);
    }
    let Some(observation) = observation else {
        finish(task, now);
        return None;
    };
    // Nobody asks how far a task that ends has come up, except for the one that was over before we looked.
    if task.started_at.is_none()
        && task.stop_code == Some(StopCode::EssentialContainerExited)
        && observation.all_started()
    {
        task.started_at = observation.containers.iter().filter_map(|container| container.started_at).max();
    }
    if task.last_status == TaskStatus::Deprovisioning || observation.all_stopped() {
        task.last_status = TaskStatus::Deprovisioning;
        return Some(TaskAction::Remove);
    }
    Some(TaskAction::Stop)
}

fn finish(task: &mut Task, now: Timestamp) {
    let was_lost = task.failure.as_ref() == Some(&lost());
    for container in &mut task.containers {
        if was_lost && container.last_status != ContainerStatus::Stopped {
            container.reason = Some(trimmed(&lost().to_string()));
        }
        container.last_status = ContainerStatus::Stopped;
    }
    if task.started_at.is_some() {
        task.execution_stopped_at.get_or_insert(now);
    }
    task.last_status = TaskStatus::Stopped;
    task.stopped_at = Some(now);
    task.attachment = AttachmentStatus::Deleted;
    task.tags.clear();
}

/// Takes what is really there over into the record; nothing of it ever moves backward.
fn take_over(task: &mut Task, observation: &TaskObservation, now: Timestamp) {
    task.pull_started_at = task.pull_started_at.or(observation.pull_started_at);
    task.pull_stopped_at = task.pull_stopped_at.max(observation.pull_stopped_at);
    if let Some(ended_at) = pairs(task, observation)
        .filter(|(spec, container)| spec.essential && container.phase == ContainerPhase::Stopped)
        .map(|(_, container)| container.stopped_at.unwrap_or(now))
        .min()
    {
        task.execution_stopped_at.get_or_insert(ended_at);
    }
    for container in &mut task.containers {
        let Some(seen) = observation.containers.iter().find(|seen| seen.name == container.name) else { continue };
        take_over_container(container, seen, observation.failure.as_ref());
    }
}

fn take_over_container(container: &mut TaskContainer, seen: &ContainerObservation, task_failure: Option<&Failure>) {
    container.last_status = container.last_status.max(match seen.phase {
        ContainerPhase::Pending | ContainerPhase::Pulled => ContainerStatus::Pending,
        ContainerPhase::Running => ContainerStatus::Running,
        ContainerPhase::Stopped => ContainerStatus::Stopped,
    });
    if container.image_digest.is_none() {
        container.image_digest.clone_from(&seen.image_digest);
    }
    if seen.phase == ContainerPhase::Stopped {
        container.exit_code = container.exit_code.or(seen.exit_code);
    }
    container.health = seen.health;
    let of_this_container = task_failure.filter(|failure| failure.container.as_deref() == Some(&container.name));
    if container.reason.is_none()
        && let Some(failure) = seen.failure.as_ref().or(of_this_container)
        // What is prepared for the whole task is told of the task alone.
        && failure.name != FailureName::ResourceInitializationError
    {
        container.reason = Some(trimmed(&failure.to_string()));
    }
}

/// Each container's spec with what is there of it.
fn pairs<'a>(
    task: &'a Task,
    observation: &'a TaskObservation,
) -> impl Iterator<Item = (&'a ContainerSpec, &'a ContainerObservation)> {
    task.spec.containers.iter().filter_map(|spec| {
        let seen = observation.containers.iter().find(|seen| seen.name == spec.name)?;
        Some((spec, seen))
    })
}

fn trimmed(reason: &str) -> String {
    reason.chars().take(REASON_CHARACTERS).collect()
}

#[cfg(test)]
mod tests;
