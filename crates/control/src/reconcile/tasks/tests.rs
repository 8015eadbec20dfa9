//! Tasks brought where they should be, by a compute that fails, forgets and panics.

use std::sync::Arc;
use std::time::Duration;

use domain::compute::{Compute, ContainerPhase, TaskAction};
use domain::ecs::{StopCode, TaskStatus};
use domain::failure::{Failure, FailureName};
use serde_json::json;

use crate::ecs::testing::Ecs;
use crate::reconcile::fake_compute::FakeCompute;
use crate::reconcile::{self, Reconcilers};

fn start(ecs: &Ecs, compute: &Arc<FakeCompute>) -> Reconcilers {
    let compute: Arc<dyn Compute> = Arc::<FakeCompute>::clone(compute);
    reconcile::start(ecs.app(), &compute)
}

async fn until_status(ecs: &Ecs, id: &str, status: TaskStatus) {
    ecs.until(status.as_str(), |state| state.tasks.get(id).is_some_and(|task| task.last_status == status)).await;
}

/// Waits until the fake was told something.
async fn until_told(compute: &FakeCompute, id: &str, action: TaskAction) {
    let told = async {
        while !compute.told(id).contains(&action) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.expect("the compute is told");
}

#[tokio::test]
async fn a_task_runs_and_is_stopped_and_gives_its_interface_back() {
    let ecs = Ecs::with_definition().await;
    let compute = FakeCompute::new();
    let reconcilers = start(&ecs, &compute);
    let id = ecs.run(&json!({})).await.remove(0);
    until_status(&ecs, &id, TaskStatus::Running).await;
    assert_eq!(ecs.app().store.read().network_interfaces.len(), 1);
    ecs.stop(&id).await;
    until_status(&ecs, &id, TaskStatus::Stopped).await;
    assert_eq!(compute.told(&id), [TaskAction::Start, TaskAction::Stop, TaskAction::Remove]);
    let task = ecs.task(&id);
    assert_eq!((task.stop_code, task.stopped_reason.as_deref()), (Some(StopCode::UserInitiated), Some("enough")));
    assert_eq!(task.containers[0].exit_code, Some(0));
    let state = ecs.app().store.read();
    assert!(state.network_interfaces.is_empty() && state.addresses.is_empty(), "nothing is leaked");
    reconcilers.shut_down().await;
}

#[tokio::test]
async fn what_takes_long_to_take_away_is_told_once() {
    let ecs = Ecs::with_definition().await;
    let compute = FakeCompute::new();
    compute.hold();
    let unknown = "f".repeat(32);
    compute.change(&unknown, |_| {});
    let reconcilers = start(&ecs, &compute);
    until_told(&compute, &unknown, TaskAction::Remove).await;
    let id = ecs.run(&json!({})).await.remove(0);
    until_told(&compute, &id, TaskAction::Start).await;
    compute.let_run(&id, ecs.app().now());
    until_status(&ecs, &id, TaskStatus::Running).await;
    assert_eq!(compute.told(&unknown), [TaskAction::Remove]);
    reconcilers.shut_down().await;
}

#[tokio::test]
async fn many_tasks_go_their_roads_side_by_side() {
    let ecs = Ecs::with_definition().await;
    let compute = FakeCompute::new();
    compute.hold();
    let reconcilers = start(&ecs, &compute);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.extend(ecs.run(&json!({"count": 10})).await);
    }
    for id in &ids {
        until_told(&compute, id, TaskAction::Start).await;
    }
    for id in ids.iter().rev() {
        compute.let_run(id, ecs.app().now());
    }
    for id in &ids {
        until_status(&ecs, id, TaskStatus::Running).await;
        assert_eq!(compute.told(id), [TaskAction::Start], "told once");
    }
    reconcilers.shut_down().await;
}

#[tokio::test]
async fn a_compute_that_fails_or_panics_is_told_again() {
    let ecs = Ecs::with_definition().await;
    let compute = FakeCompute::new();
    compute.fail(2);
    compute.panic(1);
    let reconcilers = start(&ecs, &compute);
    let id = ecs.run(&json!({})).await.remove(0);
    until_status(&ecs, &id, TaskStatus::Running).await;
    assert_eq!(compute.told(&id), [TaskAction::Start]);
    reconcilers.shut_down().await;
}

#[tokio::test]
async fn a_new_server_goes_on_where_the_old_one_was_cut_off() {
    let ecs = Ecs::with_definition().await;
    let compute = FakeCompute::new();
    compute.hold();
    let reconcilers = start(&ecs, &compute);
    let ids = ecs.run(&json!({"count": 2})).await;
    for id in &ids {
        until_told(&compute, id, TaskAction::Start).await;
    }
    reconcilers.shut_down().await;
    compute.let_run(&ids[0], ecs.app().now());
    ecs.stop(&ids[1]).await;
    let reconcilers = start(&ecs, &compute);
    until_status(&ecs, &ids[0], TaskStatus::Running).await;
    until_told(&compute, &ids[1], TaskAction::Stop).await;
    reconcilers.shut_down().await;
}

#[tokio::test]
async fn a_failed_start_ends_the_task_with_its_reason() {
    let ecs = Ecs::with_definition().await;
    let compute = FakeCompute::new();
    compute.hold();
    let reconcilers = start(&ecs, &compute);
    let id = ecs.run(&json!({})).await.remove(0);
    until_told(&compute, &id, TaskAction::Start).await;
    compute.change(&id, |observation| {
        observation.network_ready = true;
        let failure = Failure::new(FailureName::CannotPullContainerError, "not found").of_container("web");
        observation.failure = Some(failure);
        observation.containers[0].phase = ContainerPhase::Stopped;
    });
    until_status(&ecs, &id, TaskStatus::Stopped).await;
    let task = ecs.task(&id);
    assert_eq!(task.stop_code, Some(StopCode::TaskFailedToStart));
    assert_eq!(task.stopped_reason.as_deref(), Some("CannotPullContainerError: not found"));
    assert_eq!(task.containers[0].reason.as_deref(), Some("CannotPullContainerError: not found"));
    assert!(task.started_at.is_none() && task.failure.is_some());
    reconcilers.shut_down().await;
}

#[tokio::test]
async fn what_is_lost_ends_and_what_is_unknown_is_taken_away() {
    let ecs = Ecs::with_definition().await;
    let compute = FakeCompute::new();
    compute.change("ffffffffffffffffffffffffffffffff", |_| {});
    let reconcilers = start(&ecs, &compute);
    let id = ecs.run(&json!({})).await.remove(0);
    until_status(&ecs, &id, TaskStatus::Running).await;
    compute.lose(&id);
    until_status(&ecs, &id, TaskStatus::Stopped).await;
    assert_eq!(ecs.task(&id).stop_code, Some(StopCode::EssentialContainerExited));
    let gone = async {
        while !compute.task_ids().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("the unknown task is taken away");
    reconcilers.shut_down().await;
}
