//! A compute for tests: nothing runs, everything goes well at once unless the test holds it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::compute::{
    BoxFuture, Compute, ComputeError, ContainerObservation, ContainerPhase, TaskAction, TaskObservation, TaskSpec,
};
use domain::network::NetworkPlan;
use tokio::sync::watch;
use wire::Timestamp;

/// How the fake behaves, and what is "really" there.
#[derive(Default)]
struct World {
    tasks: BTreeMap<String, TaskObservation>,
    told: Vec<(String, TaskAction)>,
    plans: Vec<Arc<NetworkPlan>>,
    held: bool,
    failures_left: u32,
    panics_left: u32,
}

/// The fake.
pub(crate) struct FakeCompute {
    world: Mutex<World>,
    changes: watch::Sender<u64>,
}

impl FakeCompute {
    /// Everything that is told happens at once.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { world: Mutex::default(), changes: watch::Sender::new(0) })
    }

    /// From now on an action only begins; the test moves the task with [`FakeCompute::change`].
    pub(crate) fn hold(&self) {
        self.world().held = true;
    }

    /// The next actions cannot begin.
    pub(crate) fn fail(&self, times: u32) {
        self.world().failures_left = times;
    }

    /// The next actions panic.
    pub(crate) fn panic(&self, times: u32) {
        self.world().panics_left = times;
    }

    /// Changes what is there of a task, and says so.
    pub(crate) fn change(&self, task_id: &str, change: impl FnOnce(&mut TaskObservation)) {
        change(self.world().tasks.entry(task_id.to_owned()).or_default());
        self.say();
    }

    /// All containers of the task run.
    pub(crate) fn let_run(&self, task_id: &str, now: Timestamp) {
        self.change(task_id, |observation| run_all(observation, now));
    }

    /// All traces of the task are gone without anybody having asked for it.
    pub(crate) fn lose(&self, task_id: &str) {
        self.world().tasks.remove(task_id);
        self.say();
    }

    /// What was told, in order.
    pub(crate) fn told(&self, task_id: &str) -> Vec<TaskAction> {
        self.world().told.iter().filter(|(id, _)| id == task_id).map(|(_, action)| *action).collect()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn begin(&self, spec: &TaskSpec, action: TaskAction) -> Result<(), ComputeError> {
        let mut world = self.world();
        if world.panics_left > 0 {
            world.panics_left -= 1;
            drop(world);
            panic!("the fake compute panics, as the test wants");
        }
        if world.failures_left > 0 {
            world.failures_left -= 1;
            return Err(ComputeError::of_task(&spec.task_id, std::io::Error::other("the fake compute is away")));
        }
        world.told.push((spec.task_id.clone(), action));
        let held = world.held;
        let observation = world.tasks.entry(spec.task_id.clone()).or_insert_with(|| begun(spec));
        match action {
            TaskAction::Start if !held => run_all(observation, spec.created_at),
            TaskAction::Stop if !held => {
                for container in &mut observation.containers {
                    container.exit_code = container.started_at.map(|_| 0);
                    container.phase = ContainerPhase::Stopped;
                }
            }
            TaskAction::Remove => drop(world.tasks.remove(&spec.task_id)),
            _ => {}
        }
        drop(world);
        self.say();
        Ok(())
    }
}

fn begun(spec: &TaskSpec) -> TaskObservation {
    let containers = spec.containers.iter();
    TaskObservation {
        containers: containers.map(|it| ContainerObservation { name: it.name.clone(), ..Default::default() }).collect(),
        ..Default::default()
    }
}

fn run_all(observation: &mut TaskObservation, now: Timestamp) {
    observation.network_ready = true;
    observation.pull_started_at = Some(now);
    observation.pull_stopped_at = Some(now);
    for container in &mut observation.containers {
        container.phase = ContainerPhase::Running;
        container.started_at = Some(now);
        container.image_digest = Some(format!("sha256:{}", "0".repeat(64)));
    }
}

impl Compute for FakeCompute {
    fn apply<'a>(&'a self, spec: &'a Arc<TaskSpec>, action: TaskAction) -> BoxFuture<'a, Result<(), ComputeError>> {
        Box::pin(async move { self.begin(spec, action) })
    }

    fn discard<'a>(&'a self, task_id: &'a str) -> BoxFuture<'a, Result<(), ComputeError>> {
        Box::pin(async move {
            let mut world = self.world();
            world.told.push((task_id.to_owned(), TaskAction::Remove));
            let held = world.held;
            drop(world);
            if !held {
                self.lose(task_id);
            }
            Ok(())
        })
    }

    fn apply_network(&self, plan: Arc<NetworkPlan>) -> BoxFuture<'_, Result<(), ComputeError>> {
        Box::pin(async move {
            self.world().plans.push(plan);
            Ok(())
        })
    }

    fn observe(&self, task_id: &str) -> Option<TaskObservation> {
        self.world().tasks.get(task_id).cloned()
    }

    fn task_ids(&self) -> Vec<String> {
        self.world().tasks.keys().cloned().collect()
    }

    fn changed(&self, seen: u64) -> BoxFuture<'_, u64> {
        let mut changes = self.changes.subscribe();
        Box::pin(async move {
            let count = changes.wait_for(|count| *count > seen).await.map(|count| *count);
            count.expect("the sender lives as long as the fake")
        })
    }
}
