//! The road of a task, step by step; and a simulator that throws everything at it.

#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

use expect_test::{Expect, expect};
use proptest::prelude::*;
use wire::Timestamp;

use super::*;
use crate::ecs::testing::{begun, running, task};

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(second)
}

/// Makes the step true in the record and tells the action.
fn step(task: &mut Task, observation: Option<&TaskObservation>, second: i64) -> Option<TaskAction> {
    let step = advance(task, observation, at(second));
    if let Some(next) = step.task {
        *task = next;
    }
    step.action
}

fn end_with_code(observation: &mut TaskObservation, index: usize, code: i32, second: i64) {
    let container = &mut observation.containers[index];
    container.phase = ContainerPhase::Stopped;
    container.stopped_at = Some(at(second));
    container.exit_code = Some(code);
}

fn check(task: &Task, expected: &Expect) {
    let containers: Vec<_> = task
        .containers
        .iter()
        .map(|c| format!("{} {} {:?} {:?}", c.name, c.last_status.as_str(), c.exit_code, c.reason))
        .collect();
    let times = [
        task.connectivity_at,
        task.pull_started_at,
        task.pull_stopped_at,
        task.started_at,
        task.stopping_at,
        task.execution_stopped_at,
        task.stopped_at,
    ];
    let times = times.map(|time| time.map_or_else(|| "-".to_owned(), |time| time.seconds().to_string()));
    expected.assert_eq(&format!(
        "{} {} {} v{} {:?} {:?}\n{}\ntimes {}\n",
        task.last_status.as_str(),
        task.desired_status.as_str(),
        task.attachment.as_str(),
        task.version,
        task.stop_code,
        task.stopped_reason,
        containers.join("\n"),
        times.join(" "),
    ));
}

#[test]
fn a_task_that_its_user_stops_walks_the_whole_road() {
    let mut task = task(&[("web", true)]);
    assert_eq!(step(&mut task, None, 1), Some(TaskAction::Start));
    check(
        &task,
        &expect![[r#"
        PROVISIONING RUNNING PRECREATED v1 None None
        web PENDING None None
        times - - - - - - -
    "#]],
    );
    let mut observation = begun(&task);
    assert_eq!(step(&mut task, Some(&observation), 2), Some(TaskAction::Start));
    observation.network_ready = true;
    assert_eq!(step(&mut task, Some(&observation), 3), Some(TaskAction::Start));
    check(
        &task,
        &expect![[r#"
        PENDING RUNNING ATTACHED v2 None None
        web PENDING None None
        times 3 - - - - - -
    "#]],
    );
    observation = running(&task, 6);
    assert_eq!(step(&mut task, Some(&observation), 6), None);
    check(
        &task,
        &expect![[r#"
        RUNNING RUNNING ATTACHED v3 None None
        web RUNNING None None
        times 3 4 5 6 - - -
    "#]],
    );
    request_stop(&mut task, StopCode::UserInitiated, "enough");
    request_stop(&mut task, StopCode::UserInitiated, "a second time changes nothing");
    assert_eq!(step(&mut task, Some(&observation), 8), Some(TaskAction::Stop));
    assert_eq!(advance(&task, Some(&observation), at(9)), Step { task: None, action: Some(TaskAction::Stop) });
    end_with_code(&mut observation, 0, 0, 10);
    assert_eq!(step(&mut task, Some(&observation), 10), Some(TaskAction::Remove));
    check(
        &task,
        &expect![[r#"
        DEPROVISIONING STOPPED ATTACHED v6 Some(UserInitiated) Some("enough")
        web STOPPED Some(0) None
        times 3 4 5 6 8 10 -
    "#]],
    );
    assert_eq!(step(&mut task, None, 11), None);
    check(
        &task,
        &expect![[r#"
        STOPPED STOPPED DELETED v7 Some(UserInitiated) Some("enough")
        web STOPPED Some(0) None
        times 3 4 5 6 8 10 11
    "#]],
    );
    assert!(task.tags.is_empty(), "a stopped task has no tags");
    assert_eq!(advance(&task, Some(&observation), at(12)), Step { task: None, action: None });
}

#[test]
fn only_the_container_whose_image_failed_carries_the_reason() {
    let mut task = task(&[("web", true), ("side", false)]);
    let mut observation = begun(&task);
    observation.network_ready = true;
    let failure = Failure::new(FailureName::CannotPullContainerError, "not found").of_container("side");
    observation.failure = Some(failure.clone());
    observation.containers[1].failure = Some(failure);
    assert_eq!(step(&mut task, Some(&observation), 5), Some(TaskAction::Stop));
    for container in &mut observation.containers {
        container.phase = ContainerPhase::Stopped;
    }
    assert_eq!(step(&mut task, Some(&observation), 6), Some(TaskAction::Remove));
    step(&mut task, None, 7);
    check(
        &task,
        &expect![[r#"
        STOPPED STOPPED DELETED v4 Some(TaskFailedToStart) Some("CannotPullContainerError: not found")
        web STOPPED None None
        side STOPPED None Some("CannotPullContainerError: not found")
        times - - - - 5 6 7
    "#]],
    );
    assert!(task.failure.is_some(), "kept for explain");
}

#[test]
fn a_failed_preparation_is_told_of_the_task_alone() {
    let mut task = task(&[("web", true)]);
    let mut observation = begun(&task);
    let failure = Failure::new(FailureName::ResourceInitializationError, "no secret").of_container("web");
    observation.failure = Some(failure.clone());
    observation.containers[0].failure = Some(failure);
    observation.containers[0].phase = ContainerPhase::Stopped;
    assert_eq!(step(&mut task, Some(&observation), 5), Some(TaskAction::Remove));
    check(
        &task,
        &expect![[r#"
        DEPROVISIONING STOPPED PRECREATED v2 Some(TaskFailedToStart) Some("ResourceInitializationError: no secret")
        web STOPPED None None
        times - - - - 5 5 -
    "#]],
    );
}

#[test]
fn a_task_that_is_over_before_anybody_looked_has_been_running() {
    let mut task = task(&[("once", true)]);
    let mut observation = running(&task, 3);
    end_with_code(&mut observation, 0, 7, 4);
    assert_eq!(step(&mut task, Some(&observation), 5), Some(TaskAction::Remove));
    check(
        &task,
        &expect![[r#"
        DEPROVISIONING STOPPED PRECREATED v2 Some(EssentialContainerExited) Some("Essential container in task exited")
        once STOPPED Some(7) None
        times - 1 2 3 5 4 -
    "#]],
    );
}

#[test]
fn a_container_that_is_not_essential_may_end() {
    let mut task = task(&[("first", false), ("web", true)]);
    let mut observation = running(&task, 3);
    end_with_code(&mut observation, 0, 1, 4);
    observation.containers[1].phase = ContainerPhase::Running;
    step(&mut task, Some(&observation), 5);
    step(&mut task, Some(&observation), 6);
    check(
        &task,
        &expect![[r#"
        RUNNING RUNNING ATTACHED v2 None None
        first STOPPED Some(1) None
        web RUNNING None None
        times 5 1 2 5 - - -
    "#]],
    );
}

#[test]
fn a_running_task_whose_traces_are_gone_has_ended() {
    let mut task = task(&[("web", true)]);
    let observation = running(&task, 3);
    step(&mut task, Some(&observation), 5);
    assert_eq!(step(&mut task, None, 9), None);
    check(
        &task,
        &expect![[r#"
        STOPPED STOPPED DELETED v3 Some(EssentialContainerExited) Some("Essential container in task exited")
        web STOPPED None Some("ContainerRuntimeError: the task's containers are gone and nobody saw how they ended")
        times 5 1 2 5 9 9 9
    "#]],
    );
}

#[test]
fn a_killed_container_says_so() {
    let mut task = task(&[("web", true)]);
    let mut observation = running(&task, 3);
    step(&mut task, Some(&observation), 5);
    end_with_code(&mut observation, 0, 137, 8);
    observation.containers[0].failure =
        Some(Failure::new(FailureName::OutOfMemoryError, "x".repeat(2000)).of_container("web"));
    step(&mut task, Some(&observation), 9);
    let reason = task.containers[0].reason.clone().expect("a reason");
    assert_eq!(reason.chars().count(), 1024);
    assert!(reason.starts_with("OutOfMemoryError: xxx"));
    assert_eq!(task.stopped_reason.as_deref(), Some("Essential container in task exited"));
}

/// What the simulator does next.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The reconciler runs.
    Reconcile,
    /// The compute gets one piece of its work done.
    Work(usize),
    /// The start fails.
    FailStart,
    /// A process ends by itself.
    Exit(usize),
    /// The machine is cut off: processes and everything written about the task are gone.
    LoseAll,
    /// The machine is cut off: processes are gone, the directory tells so.
    LoseProcesses,
    /// StopTask.
    StopTask,
}

/// A compute with one task.
#[derive(Default)]
struct World {
    observation: Option<TaskObservation>,
    stopping: bool,
}

impl World {
    fn apply(&mut self, task: &Task, action: TaskAction) {
        match action {
            TaskAction::Start => {
                self.observation.get_or_insert_with(|| begun(task));
            }
            TaskAction::Stop => self.stopping = true,
            TaskAction::Remove => *self = Self::default(),
        }
    }

    fn work(&mut self, index: usize, now: Timestamp) {
        let stopping = self.stopping;
        let Some(observation) = &mut self.observation else { return };
        if !observation.network_ready && !stopping {
            observation.network_ready = true;
            return;
        }
        let index = index % observation.containers.len();
        let failed = observation.failure.is_some();
        let container = &mut observation.containers[index];
        match container.phase {
            ContainerPhase::Stopped => {}
            _ if stopping => end(container, now),
            ContainerPhase::Pending if !failed => {
                observation.pull_started_at.get_or_insert(now);
                observation.pull_stopped_at = Some(now);
                container.phase = ContainerPhase::Pulled;
            }
            ContainerPhase::Pulled if !failed => {
                container.phase = ContainerPhase::Running;
                container.started_at = Some(now);
            }
            _ => {}
        }
    }

    fn happen(&mut self, event: Event, now: Timestamp) {
        match (event, &mut self.observation) {
            (Event::Work(index), _) => self.work(index, now),
            (Event::FailStart, Some(observation)) if !observation.all_started() => {
                observation.failure.get_or_insert_with(|| Failure::new(FailureName::CannotPullContainerError, "no"));
            }
            (Event::Exit(index), Some(observation)) => {
                let index = index % observation.containers.len();
                if observation.containers[index].phase == ContainerPhase::Running {
                    end(&mut observation.containers[index], now);
                }
            }
            (Event::LoseAll, _) => *self = Self::default(),
            (Event::LoseProcesses, Some(observation)) => {
                observation.containers.iter_mut().for_each(|container| end(container, now));
            }
            _ => {}
        }
    }
}

fn end(container: &mut ContainerObservation, now: Timestamp) {
    if container.started_at.is_some() && container.phase != ContainerPhase::Stopped {
        container.exit_code = Some(143);
        container.stopped_at = Some(now);
    }
    container.phase = ContainerPhase::Stopped;
}

/// One run of the reconciler, with everything that must always hold.
fn reconcile(task: &mut Task, world: &mut World, now: Timestamp) {
    let step = advance(task, world.observation.as_ref(), now);
    if let Some(next) = step.task {
        assert!(next.last_status >= task.last_status, "{:?} after {:?}", next.last_status, task.last_status);
        assert!(next.attachment >= task.attachment);
        assert!(next.version > task.version);
        for (after, before) in next.containers.iter().zip(&task.containers) {
            assert!(after.last_status >= before.last_status);
        }
        if next.last_status == TaskStatus::Running && task.last_status != TaskStatus::Running {
            let observation = world.observation.as_ref().expect("no RUNNING without anything there");
            assert!(observation.all_started());
            assert!(observation.containers.iter().any(|container| container.phase == ContainerPhase::Running));
        }
        if next.last_status == TaskStatus::Stopped {
            assert!(world.observation.is_none(), "STOPPED leaves nothing behind");
            assert!(next.stop_code.is_some() && next.stopped_reason.is_some() && next.stopped_at.is_some());
            assert!(next.stopping_at <= next.stopped_at);
        }
        if next.stop_code == Some(StopCode::TaskFailedToStart) {
            assert!(next.started_at.is_none() && next.failure.is_some());
        }
        *task = next;
    }
    if let Some(action) = step.action {
        world.apply(task, action);
    }
    let again = advance(task, world.observation.as_ref(), now);
    if step.action.is_none() {
        assert_eq!(again.task, None, "a step that needs nothing is the last one");
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => Just(Event::Reconcile),
        8 => (0..3_usize).prop_map(Event::Work),
        1 => Just(Event::FailStart),
        1 => (0..3_usize).prop_map(Event::Exit),
        1 => Just(Event::LoseAll),
        1 => Just(Event::LoseProcesses),
        1 => Just(Event::StopTask),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_a_task_ends_and_leaves_nothing(
        containers in 1..4_usize,
        events in prop::collection::vec(event(), 0..60),
    ) {
        let names = [("a", true), ("b", false), ("c", true)];
        let mut task = task(&names[..containers]);
        let mut world = World::default();
        let mut second = 0;
        for event in events {
            second += 1;
            match event {
                Event::Reconcile => reconcile(&mut task, &mut world, at(second)),
                Event::StopTask => request_stop(&mut task, StopCode::UserInitiated, "enough"),
                other => world.happen(other, at(second)),
            }
        }
        request_stop(&mut task, StopCode::UserInitiated, "the end");
        for index in 0..12 {
            second += 1;
            reconcile(&mut task, &mut world, at(second));
            world.work(index, at(second));
        }
        prop_assert_eq!(task.last_status, TaskStatus::Stopped);
        prop_assert!(world.observation.is_none());
        let text = serde_json::to_string(&task).expect("a record");
        prop_assert_eq!(serde_json::from_str::<Task>(&text).expect("the same record"), task);
    }
}
