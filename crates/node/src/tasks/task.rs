//! One task in this process's memory: what is known of it, changed only by facts, read by everyone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::compute::{ContainerObservation, ContainerPhase, TaskObservation, TaskServices, TaskSpec};
use domain::failure::{Failure, FailureName};
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use wire::Timestamp;

use super::directory::{Kept, KeptImage, TaskDirectory};
use crate::images::PullProgress;
use crate::logs::{Follower, Source};
use crate::shim::protocol::{AfterExit, Event, Record, Trouble};
use crate::storage::{Utilization, utilization};

/// How long a stopped container is held back until its last lines are taken over.
const LOG_PATIENCE: Duration = Duration::from_secs(20);

/// How far a task is wanted to go. Only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wanted {
    /// Nothing was asked yet: it was found on disk.
    Nothing,
    /// It should run.
    Start,
    /// It should stop.
    Stop,
    /// It should vanish.
    Remove,
}

/// A task.
pub(crate) struct Task {
    pub(crate) spec: Arc<TaskSpec>,
    pub(super) directory: TaskDirectory,
    pub(super) wanted: watch::Sender<Wanted>,
    changes: watch::Sender<u64>,
    state: Mutex<State>,
    /// Up to which byte each container's output file has been taken over.
    pub(super) taken: watch::Sender<BTreeMap<String, u64>>,
    /// Held by a shim that has not yet been told its plan; it must be gone before the task is.
    pub(super) birth: Arc<Semaphore>,
    /// Work that ends with the task's removal.
    background: Mutex<Vec<AbortHandle>>,
}

#[derive(Default)]
struct State {
    observation: TaskObservation,
    kept: Kept,
    processes: BTreeMap<String, i32>,
    pulls: BTreeMap<String, Arc<PullProgress>>,
    followers: BTreeMap<String, Arc<Follower>>,
    records_seen: usize,
    finished: bool,
}

impl Task {
    pub(super) fn new(spec: Arc<TaskSpec>, directory: TaskDirectory, changes: watch::Sender<u64>) -> Self {
        let kept = directory.kept();
        let containers = spec
            .containers
            .iter()
            .map(|container| ContainerObservation {
                name: container.name.clone(),
                image_digest: kept.images.get(&container.name).map(|image| image.digest.clone()),
                ..ContainerObservation::default()
            })
            .collect();
        let mut observation = TaskObservation {
            pull_started_at: kept.pull_started_at,
            pull_stopped_at: kept.pull_stopped_at,
            containers,
            ..TaskObservation::default()
        };
        if let Some(failure) = kept.failure.clone() {
            fail(&mut observation, failure);
        }
        let state = State { observation, kept, ..State::default() };
        Self {
            spec,
            directory,
            wanted: watch::channel(Wanted::Nothing).0,
            changes,
            state: Mutex::new(state),
            taken: watch::Sender::default(),
            birth: Arc::new(Semaphore::new(1)),
            background: Mutex::default(),
        }
    }

    /// What is there.
    pub(crate) fn observation(&self) -> TaskObservation {
        self.state().observation.clone()
    }

    /// What a container's image turned out to be.
    pub(crate) fn image(&self, container: &str) -> Option<KeptImage> {
        self.state().kept.images.get(container).cloned()
    }

    /// The container's process outside, while it has one.
    pub(crate) fn process(&self, container: &str) -> Option<i32> {
        self.state().processes.get(container).copied()
    }

    /// How much of the task's ephemeral storage is used, if it is limited.
    pub(crate) fn storage(&self) -> Option<Utilization> {
        utilization(&self.directory.storage())
    }

    /// How far the pull of the container's image is, if this process began it.
    pub(super) fn pull(&self, container: &str) -> Option<Arc<PullProgress>> {
        self.state().pulls.get(container).cloned()
    }

    /// Wants more of the task than before; answers whether that was new.
    pub(super) fn want(&self, wanted: Wanted) -> bool {
        self.wanted.send_if_modified(|current| {
            let more = wanted > *current;
            if more {
                *current = wanted;
            }
            more
        })
    }

    /// Resolves when at least this is wanted of the task.
    pub(super) async fn wanted_to(&self, least: Wanted) {
        let mut wanted = self.wanted.subscribe();
        // The sender lives as long as the task does.
        let _ = wanted.wait_for(|wanted| *wanted >= least).await;
    }

    /// Resolves when the shim has said all, or while containers run.
    pub(super) async fn finishes(&self) {
        let mut changes = self.changes.subscribe();
        while !self.finished() && self.observation().all_stopped() && changes.changed().await.is_ok() {}
    }

    /// Changes what is observed and tells everyone to look.
    pub(super) fn observe(&self, change: impl FnOnce(&mut TaskObservation)) {
        change(&mut self.state().observation);
        self.changes.send_modify(|count| *count += 1);
    }

    /// The pull of a container's image began now; answers what is to be told of its progress.
    pub(super) fn pull_began(&self, container: &str, now: Timestamp) -> Arc<PullProgress> {
        let progress = Arc::new(PullProgress::default());
        let started = {
            let mut state = self.state();
            state.pulls.insert(container.to_owned(), Arc::clone(&progress));
            *state.kept.pull_started_at.get_or_insert(now)
        };
        self.observe(|observation| observation.pull_started_at = Some(started));
        progress
    }

    /// A pull ended now.
    pub(super) fn pull_ended(&self, now: Timestamp) {
        self.state().kept.pull_stopped_at = Some(now);
        self.observe(|observation| observation.pull_stopped_at = Some(now));
    }

    /// A container's image is here.
    pub(super) fn pulled(&self, container: &str, image: KeptImage) {
        let digest = image.digest.clone();
        self.state().kept.images.insert(container.to_owned(), image);
        self.observe(|observation| {
            if let Some(container) = find(observation, container) {
                container.image_digest = Some(digest);
                container.phase = container.phase.max(ContainerPhase::Pulled);
            }
        });
    }

    /// The start failed, for good.
    pub(super) fn failed(&self, failure: Failure) {
        self.state().kept.failure.get_or_insert_with(|| failure.clone());
        if let Err(error) = self.keep() {
            tracing::error!(task = self.spec.task_id, "cannot remember a failure: {error}");
        }
        self.observe(|observation| fail(observation, failure));
    }

    /// The task was stopped before its shim began.
    pub(super) fn stopped_early(&self) {
        self.observe(|observation| {
            for container in &mut observation.containers {
                container.phase = ContainerPhase::Stopped;
            }
        });
    }

    /// Writes down what only this process knows.
    pub(super) fn keep(&self) -> std::io::Result<()> {
        let kept = self.state().kept.clone();
        self.directory.keep(&kept)
    }

    /// Starts following the containers' output.
    pub(super) fn follow_logs(&self, services: &Arc<dyn TaskServices>) {
        let mut state = self.state();
        for container in self.spec.containers.iter().filter(|container| container.log.is_some()) {
            state.followers.entry(container.name.clone()).or_insert_with(|| {
                let output: PathBuf = self.directory.output(&container.name);
                let stream =
                    Source { task_id: self.spec.task_id.clone(), container: container.name.clone(), path: output };
                Arc::new(Follower::start(Arc::clone(services), stream, self.taken.clone()))
            });
        }
    }

    /// A container printed something.
    pub(super) fn printed(&self, container: &str) {
        if let Some(follower) = self.state().followers.get(container) {
            follower.nudge();
        }
    }

    /// Something goes wrong beside the task, which goes on.
    pub(super) fn in_trouble(&self, trouble: &Trouble) {
        let task = self.spec.task_id.as_str();
        let why = |errno: &i32| std::io::Error::from_raw_os_error(*errno);
        match trouble {
            Trouble::Journal { errno } => {
                tracing::error!(task, "what happens to the task cannot be written to its journal yet: {}", why(errno));
            }
            Trouble::OutputStuck { container, errno } => {
                tracing::warn!(task, container, "output cannot be written to its file yet: {}", why(errno));
            }
            Trouble::OutputLost { container, lost, cause } => {
                tracing::warn!(task, container, "{lost} of output could not be kept, because {cause}");
            }
        }
    }

    /// Takes facts in, each once, however often they are told; `first` is the index of the first of them.
    pub(super) async fn take_in(&self, first: usize, records: &[Record]) {
        for (index, record) in records.iter().enumerate().map(|(index, record)| (first + index, record)) {
            if index < self.state().records_seen {
                continue;
            }
            // The end of a container is told when its last words are safe.
            if let Event::Exited { container, .. } = &record.event {
                let follower = self.state().followers.get(container).cloned();
                if let Some(follower) = follower {
                    follower.drain(LOG_PATIENCE).await;
                }
            }
            self.take_in_one(index, record);
        }
    }

    fn take_in_one(&self, index: usize, record: &Record) {
        let mut state = self.state();
        state.records_seen = index + 1;
        match &record.event {
            Event::Started { container, pid } => {
                state.processes.insert(container.clone(), *pid);
            }
            Event::Exited { container, .. } => {
                state.processes.remove(container);
            }
            Event::Finished => state.finished = true,
            Event::NotStopped { failure, .. } => tracing::error!(task = self.spec.task_id, "{failure}"),
            Event::NotStarted { .. } | Event::Health { .. } => {}
        }
        drop(state);
        self.observe(|observation| apply(observation, &self.spec, record));
    }

    /// Whether the shim said that nothing is left to do.
    pub(super) fn finished(&self) -> bool {
        self.state().finished
    }

    /// The shim died without finishing: whatever ran was killed, and nobody knows how it would have ended.
    pub(super) fn shim_died(&self, last_words: &str) {
        let mut message =
            "The process that watched over the task ended unexpectedly; its containers were killed".to_owned();
        if !last_words.is_empty() {
            message = format!("{message} ({last_words})");
        }
        self.state().processes.clear();
        self.observe(|observation| {
            let started = observation.containers.iter().any(|container| container.started_at.is_some());
            for container in
                observation.containers.iter_mut().filter(|container| container.phase != ContainerPhase::Stopped)
            {
                container.phase = ContainerPhase::Stopped;
                container.health = domain::compute::Health::Unknown;
                if container.started_at.is_some() {
                    let failure = Failure::new(FailureName::ContainerRuntimeError, message.clone());
                    container.failure = Some(failure.of_container(container.name.clone()));
                }
            }
            if !started {
                observation.failure.get_or_insert_with(|| Failure::new(FailureName::ContainerRuntimeError, message));
            }
        });
    }

    /// Work that must not outlive the task.
    pub(crate) fn in_background(&self, handle: AbortHandle) {
        self.background.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
    }

    /// Ends everything this process does for the task.
    pub(super) fn release(&self) {
        for handle in self.background.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            handle.abort();
        }
        for (container, follower) in std::mem::take(&mut self.state().followers) {
            if let bytes @ 1.. = follower.unread_bytes() {
                tracing::warn!(task = self.spec.task_id, container, bytes, "output was never taken over, and goes now");
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'a>(observation: &'a mut TaskObservation, name: &str) -> Option<&'a mut ContainerObservation> {
    observation.containers.iter_mut().find(|container| container.name == name)
}

/// A failed start: the failure belongs to the task and to the container it happened to, and nothing will ever run.
fn fail(observation: &mut TaskObservation, failure: Failure) {
    for container in &mut observation.containers {
        container.phase = ContainerPhase::Stopped;
        if failure.container.as_ref() == Some(&container.name) {
            container.failure.get_or_insert_with(|| failure.clone());
        }
    }
    observation.failure.get_or_insert(failure);
}

/// What a fact changes.
fn apply(observation: &mut TaskObservation, spec: &TaskSpec, record: &Record) {
    observation.network_ready = true;
    match &record.event {
        Event::Started { container, .. } => {
            let Some(container) = find(observation, container) else { return };
            container.phase = container.phase.max(ContainerPhase::Running);
            container.started_at.get_or_insert(record.at);
        }
        Event::NotStarted { container: name, failure } => {
            let essential = spec.containers.iter().any(|container| container.name == *name && container.essential);
            let dependency = failure.as_ref().is_some_and(|failure| failure.name == FailureName::TaskDependencyError);
            if let Some(failure) = failure.clone().filter(|_| essential || dependency) {
                observation.failure.get_or_insert(failure);
            }
            let Some(container) = find(observation, name) else { return };
            container.phase = ContainerPhase::Stopped;
            if container.failure.is_none() {
                container.failure.clone_from(failure);
            }
        }
        Event::Exited { container, exit_code, failure, next } => {
            let Some(container) = find(observation, container) else { return };
            match next {
                AfterExit::Restarted => container.restart_count += 1,
                AfterExit::Stopped => {
                    container.phase = ContainerPhase::Stopped;
                    container.stopped_at = Some(record.at);
                    container.exit_code = Some(*exit_code);
                    container.failure.clone_from(failure);
                }
            }
        }
        Event::NotStopped { container, failure } => {
            if let Some(container) = find(observation, container) {
                container.failure = Some(failure.clone());
            }
        }
        Event::Health { container, health } => {
            if let Some(container) = find(observation, container) {
                container.health = *health;
            }
        }
        Event::Finished => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{container, task};
    use domain::compute::Health;

    fn record(seconds: i64, event: Event) -> Record {
        Record { at: Timestamp::from_seconds(seconds), event }
    }

    #[tokio::test]
    async fn facts_are_taken_in_once_and_in_order() {
        let root = tempfile::tempdir().expect("a directory");
        let spec = Arc::new(task("t", vec![container("c")]));
        let directory = TaskDirectory::new(root.path(), "t");
        let task = Task::new(spec, directory, watch::channel(0).0);
        let records = [
            record(1, Event::Started { container: "c".into(), pid: 4 }),
            record(2, Event::Exited { container: "c".into(), exit_code: 3, failure: None, next: AfterExit::Restarted }),
            record(3, Event::Started { container: "c".into(), pid: 5 }),
            record(4, Event::Health { container: "c".into(), health: Health::Healthy }),
            record(5, Event::Exited { container: "c".into(), exit_code: 0, failure: None, next: AfterExit::Stopped }),
            record(5, Event::Finished),
        ];
        task.take_in(0, &records[..4]).await;
        assert_eq!(task.process("c"), Some(5));
        task.take_in(0, &records).await;
        let seen = &task.observation().containers[0];
        assert_eq!((seen.phase, seen.exit_code, seen.restart_count), (ContainerPhase::Stopped, Some(0), 1));
        assert_eq!(
            (seen.started_at, seen.stopped_at),
            (Some(Timestamp::from_seconds(1)), Some(Timestamp::from_seconds(5)))
        );
        assert!(task.finished());
    }

    #[test]
    fn a_failed_start_is_remembered_over_a_restart() {
        let root = tempfile::tempdir().expect("a directory");
        let spec = Arc::new(task("t", vec![container("a"), container("b")]));
        let directory = TaskDirectory::new(root.path(), "t");
        directory.create(&spec).expect("create");
        let first = Task::new(Arc::clone(&spec), directory.clone(), watch::channel(0).0);
        first.failed(Failure::new(FailureName::CannotPullContainerError, "no").of_container("b"));
        let second = Task::new(spec, directory, watch::channel(0).0).observation();
        assert_eq!(second, first.observation());
        assert!(second.all_stopped() && second.failure.is_some());
        assert!(second.containers[0].failure.is_none() && second.containers[1].failure.is_some());
    }

    #[test]
    fn wishes_only_grow() {
        let root = tempfile::tempdir().expect("a directory");
        let spec = Arc::new(task("t", vec![]));
        let task = Task::new(spec, TaskDirectory::new(root.path(), "t"), watch::channel(0).0);
        assert!(task.want(Wanted::Stop));
        assert!(!task.want(Wanted::Start));
        assert!(!task.want(Wanted::Stop));
        assert!(task.want(Wanted::Remove));
    }
}
