//! What a task uses now: its control groups, its interface, its pulls. Everything is read when it is asked for, nothing kept.

use domain::compute::{
    ContainerObservation, ContainerPhase, ContainerUsage, ProcessUsage, PullState, PullUsage, TaskUsage,
    UsageInspection,
};

use super::{Inner, Node, Task};
use crate::images::PullProgress;
use crate::metadata::statistics;

impl UsageInspection for Node {
    fn usage(&self, task_id: &str) -> Option<TaskUsage> {
        let task = self.inner.tasks().get(task_id).cloned()?;
        let observation = task.observation();
        let network =
            task.spec.containers.iter().find_map(|container| statistics::traffic(task.process(&container.name)?));
        let containers = observation.containers.iter().map(|container| ContainerUsage {
            name: container.name.clone(),
            process: process(&self.inner, &task, &container.name),
            pull: pull(container, task.pull(&container.name).as_deref()),
        });
        Some(TaskUsage { network, containers: containers.collect() })
    }
}

fn process(node: &Inner, task: &Task, container: &str) -> Option<ProcessUsage> {
    task.process(container)?;
    let usage = node.cgroups.usage(&task.spec.task_id, container);
    Some(ProcessUsage {
        cpu_nanoseconds: usage.cpu_nanoseconds,
        memory_bytes: usage.memory_bytes,
        processes: usage.processes,
    })
}

fn pull(container: &ContainerObservation, progress: Option<&PullProgress>) -> PullUsage {
    let total_layers = progress.map(PullProgress::total_layers).filter(|layers| *layers > 0);
    let state = match progress {
        _ if container.image_digest.is_some() => PullState::Pulled,
        _ if container.phase == ContainerPhase::Stopped => PullState::Ended,
        None => PullState::Waiting,
        Some(_) if total_layers.is_none() => PullState::Resolving,
        Some(_) => PullState::Pulling,
    };
    PullUsage {
        state,
        done_bytes: progress.map(PullProgress::ready_bytes),
        total_bytes: total_layers.and(progress).map(PullProgress::total_bytes),
        done_layers: progress.map(PullProgress::ready_layers),
        total_layers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_is_told_from_its_container_and_its_counters() {
        let new = PullProgress::default();
        let mut container = ContainerObservation::default();
        assert_eq!(pull(&container, None), PullUsage::default());
        let resolving = pull(&container, Some(&new));
        assert_eq!(
            (resolving.state, resolving.done_bytes, resolving.total_bytes),
            (PullState::Resolving, Some(0), None)
        );
        container.phase = ContainerPhase::Stopped;
        assert_eq!(pull(&container, Some(&new)).state, PullState::Ended);
        container.image_digest = Some("sha256:00".into());
        // An earlier process of the server pulled it: it is here, and nobody counted.
        assert_eq!(pull(&container, None), PullUsage { state: PullState::Pulled, ..PullUsage::default() });
    }
}
