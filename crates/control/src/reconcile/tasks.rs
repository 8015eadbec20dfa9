//! Brings every task where it should be. One dispatcher sees what changed; each task that has something to do gets a
//! run of its own, so that no task waits for another and no task has two.
//!
//! A run reads, asks the pure function what comes next, writes the record and only then tells the compute. What is cut
//! off in between is done again by the next run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::compute::{Compute, ComputeError, TaskAction, TaskObservation, TaskSpec};
use domain::ecs::TaskStatus;
use domain::ecs::life_cycle::{Step, advance};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

use crate::ec2::interfaces;
use crate::ecs::record::TaskRecord;
use crate::store::State;
use crate::{App, ServiceError};

/// From one look at everything to the next, in case the compute forgot to say something.
const RESCAN: Duration = Duration::from_secs(30);
/// The pause after a first failure; doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long the compute may take to begin with an action.
const APPLY_DEADLINE: Duration = Duration::from_secs(30);
/// How long runs may take to end at the shutdown.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);

/// Why a run did not get through.
#[derive(Debug, thiserror::Error)]
enum RunError {
    /// The record could not be written.
    #[error("the record could not be written: {0}")]
    Record(ServiceError),
    /// The compute could not begin.
    #[error(transparent)]
    Compute(#[from] ComputeError),
    /// It broke off.
    #[error("the run broke off")]
    BrokenOff(#[from] JoinError),
    /// The compute did not answer.
    #[error("the compute did not answer within {} seconds", APPLY_DEADLINE.as_secs())]
    Deadline,
}

impl From<ServiceError> for RunError {
    fn from(error: ServiceError) -> Self {
        Self::Record(error)
    }
}

/// What the dispatcher knows of a task that is not STOPPED, or of one that only the compute knows.
#[derive(Default)]
struct Slot {
    /// A run is at work.
    running: bool,
    /// The action that was told last, as long as it is still wanted.
    told: Option<TaskAction>,
    /// Failures in a row.
    failures: u32,
}

/// A run that ended: the task, and what it told the compute.
type Run = (String, Result<Option<TaskAction>, RunError>);

struct Dispatcher {
    app: Arc<App>,
    compute: Arc<dyn Compute>,
    /// The records as they were at the last look.
    state: Arc<State>,
    slots: HashMap<String, Slot>,
    runs: JoinSet<Run>,
    /// Whose run it is, for one that panics.
    owners: HashMap<tokio::task::Id, String>,
}

/// Reconciles all tasks until the shutdown.
pub(super) async fn run(app: Arc<App>, compute: Arc<dyn Compute>, mut shutdown: watch::Receiver<bool>) {
    let mut revision = app.store.revision();
    let mut seen = 0;
    let mut rescan = tokio::time::interval_at(Instant::now() + RESCAN, RESCAN);
    rescan.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut dispatcher = Dispatcher {
        app,
        state: Arc::default(),
        slots: HashMap::new(),
        runs: JoinSet::new(),
        owners: HashMap::new(),
        compute: Arc::clone(&compute),
    };
    // Before anything else: a rescan forgets what was told, and must not come between the first runs.
    dispatcher.rescan();
    loop {
        tokio::select! {
            () = super::shut_down(&mut shutdown) => break,
            changed = revision.changed() => {
                if changed.is_err() {
                    // The store is closed after a failure of its journal; the process ends.
                    break;
                }
                dispatcher.look_at_records();
            }
            count = compute.changed(seen) => {
                seen = count;
                dispatcher.look_at_all();
            }
            Some(ended) = dispatcher.runs.join_next_with_id() => dispatcher.run_ended(ended),
            _ = rescan.tick() => dispatcher.rescan(),
        }
    }
    let runs = &mut dispatcher.runs;
    let ended = tokio::time::timeout(SHUTDOWN_DEADLINE, async { while runs.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!(runs = runs.len(), "runs were cut off at the shutdown; they are done again at the next start");
    }
}

impl Dispatcher {
    /// Looks at the tasks whose records changed.
    fn look_at_records(&mut self) {
        let state = self.app.store.read();
        let earlier = std::mem::replace(&mut self.state, Arc::clone(&state));
        for id in state.tasks.changed_since(&earlier.tasks) {
            self.look(id);
        }
    }

    /// Looks at every task that is not STOPPED.
    fn look_at_all(&mut self) {
        self.look_at_records();
        let ids: Vec<String> = self.slots.keys().cloned().collect();
        for id in ids {
            self.look(&id);
        }
    }

    /// Looks at everything with fresh eyes, also at what only the compute knows.
    fn rescan(&mut self) {
        // First the compute, then the records: a task is in the records before the compute hears of it.
        let there = self.compute.task_ids();
        for slot in self.slots.values_mut() {
            slot.told = None;
        }
        self.look_at_all();
        for id in there {
            self.look(&id);
        }
    }

    /// Starts a run if the task has something to do and none is at work.
    fn look(&mut self, id: &str) {
        if self.slots.get(id).is_some_and(|slot| slot.running) {
            // It is looked at again when the run ends.
            return;
        }
        let observation = self.compute.observe(id);
        let Some(task) = wanted(&self.state, id) else {
            let told = self.slots.get(id).and_then(|slot| slot.told);
            if observation.is_none() {
                self.slots.remove(id);
            } else if told != Some(TaskAction::Remove) {
                tracing::warn!(task = id, "a task that no record wants is taken away");
                self.begin(id, Duration::ZERO);
            }
            return;
        };
        let slot = self.slots.entry(id.to_owned()).or_default();
        let step = advance(task, observation.as_ref(), self.app.now());
        if step.action.is_none() {
            slot.told = None;
        }
        if step.task.is_some() || step.action != slot.told {
            self.begin(id, Duration::ZERO);
        }
    }

    fn begin(&mut self, id: &str, pause: Duration) {
        let slot = self.slots.entry(id.to_owned()).or_default();
        slot.running = true;
        let told = slot.told;
        let (app, compute, owned) = (Arc::clone(&self.app), Arc::clone(&self.compute), id.to_owned());
        let handle = self.runs.spawn(async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            let result = bring_forward(&app, &*compute, &owned, told).await;
            (owned, result)
        });
        self.owners.insert(handle.id(), id.to_owned());
    }

    fn run_ended(&mut self, ended: Result<(tokio::task::Id, Run), JoinError>) {
        let (run, result) = match ended {
            Ok((run, (_, result))) => (run, result),
            Err(error) => (error.id(), Err(RunError::from(error))),
        };
        let Some(id) = self.owners.remove(&run) else { return };
        let slot = self.slots.entry(id.clone()).or_default();
        slot.running = false;
        match result {
            Ok(told) => {
                slot.failures = 0;
                slot.told = told;
                self.look_at_records();
                self.look(&id);
            }
            Err(error) => {
                let pause = FIRST_PAUSE.saturating_mul(1 << slot.failures.min(16)).min(LONGEST_PAUSE);
                slot.failures += 1;
                let error = &error as &dyn std::error::Error;
                tracing::warn!(task = id, error, ?pause, "a task could not be brought forward; tried again");
                self.begin(&id, pause);
            }
        }
    }
}

/// The task, if it is not over.
fn wanted<'a>(state: &'a State, id: &str) -> Option<&'a Arc<TaskRecord>> {
    state.tasks.get(id).filter(|task| task.last_status != TaskStatus::Stopped)
}

/// One step of one task, of which the compute was `told` last. Answers what it has been told now.
async fn bring_forward(
    app: &App,
    compute: &dyn Compute,
    id: &str,
    told: Option<TaskAction>,
) -> Result<Option<TaskAction>, RunError> {
    let observation = compute.observe(id);
    let Some(task) = wanted(&app.store.read(), id).cloned() else {
        within_deadline(compute.discard(id)).await?;
        return Ok(Some(TaskAction::Remove));
    };
    let mut step = advance(&task, observation.as_ref(), app.now());
    if step.task.is_some() {
        step.action = write(app, id, observation.as_ref()).await?;
    }
    if let Some(action) = step.action
        && step.action != told
    {
        apply(compute, &task.spec, action).await?;
    }
    Ok(step.action)
}

/// Decides once more, now on the newest record, and writes.
async fn write(app: &App, id: &str, observation: Option<&TaskObservation>) -> Result<Option<TaskAction>, ServiceError> {
    let now = app.now();
    app.store
        .write(|state| {
            let Some(task) = wanted(state, id) else { return Ok(None) };
            let Step { task, action } = advance(task, observation, now);
            if let Some(task) = task {
                if task.last_status == TaskStatus::Stopped {
                    interfaces::release(state, &task.spec.interface.id);
                }
                state.tasks.put(id, task);
            }
            Ok(action)
        })
        .await
}

async fn apply(compute: &dyn Compute, spec: &Arc<TaskSpec>, action: TaskAction) -> Result<(), RunError> {
    tracing::debug!(task = spec.task_id, ?action, "told the compute");
    within_deadline(compute.apply(spec, action)).await
}

async fn within_deadline(work: impl Future<Output = Result<(), ComputeError>>) -> Result<(), RunError> {
    match tokio::time::timeout(APPLY_DEADLINE, work).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(RunError::Deadline),
    }
}

#[cfg(test)]
mod tests;
