//! The life of a task on this node: one worker, which makes the task's newest wish true.
//!
//! A wish is a value that anybody may raise; only the worker acts. It begins in the same step in which the task becomes
//! known, and ends when the last trace is gone. So there is no wish for which nobody works, and nothing of a task happens
//! twice at once. When its work breaks off, the worker begins again with what is really there.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::task::{Task, Wanted};
use super::{Inner, link, remove, start};
use crate::metadata;

/// The first and the longest pause before what failed is done again.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_LIMIT: Duration = Duration::from_secs(30);

/// How a task became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It begins now.
    New,
    /// An earlier process, or an earlier worker, left something.
    Found,
}

/// Resolves when the worker knows what is there of its task.
pub(super) type Settled = oneshot::Receiver<()>;

/// Begins a task's worker. Must be called inside a tokio runtime.
pub(super) fn begin(node: &Arc<Inner>, task: &Arc<Task>, arrival: Arrival) -> Settled {
    let (sender, settled) = oneshot::channel();
    tokio::spawn(work(Arc::clone(node), Arc::clone(task), arrival, sender));
    settled
}

async fn work(node: Arc<Inner>, task: Arc<Task>, mut arrival: Arrival, settled: oneshot::Sender<()>) {
    let mut settled = Some(settled);
    let mut pauses = pauses();
    loop {
        // What it spawned ends with it.
        let mut life = JoinSet::new();
        life.spawn(live(Arc::clone(&node), Arc::clone(&task), arrival, settled.take()));
        match life.join_next().await {
            Some(Err(error)) if error.is_panic() => {
                tracing::error!(task = task.spec.task_id, "work for a task broke off and is begun again: {error}");
                task.release();
                arrival = Arrival::Found;
                tokio::time::sleep(pauses.next().unwrap_or(PAUSE_LIMIT)).await;
            }
            _ => break,
        }
    }
    node.forget(&task.spec.task_id);
}

/// From what is there to nothing.
async fn live(node: Arc<Inner>, task: Arc<Task>, arrival: Arrival, settled: Option<oneshot::Sender<()>>) {
    let found = match arrival {
        Arrival::New => link::Found::Never,
        Arrival::Found => link::find(&task.directory).await,
    };
    // Ends with this function.
    let mut helpers = JoinSet::new();
    let line = match found {
        link::Found::Never => {
            drop(settled);
            task.wanted_to(Wanted::Start).await;
            start::run(&node, &task).await
        }
        link::Found::Alive(line) => {
            drop(settled);
            task.follow_logs(&node.services);
            helpers.spawn(serve_metadata(Arc::clone(&node), Arc::clone(&task)));
            Some(line)
        }
        link::Found::Gone => {
            task.follow_logs(&node.services);
            link::after(&node, &task).await;
            drop(settled);
            None
        }
    };
    if let Some(line) = line {
        link::follow(&node, &task, line).await;
    }
    task.wanted_to(Wanted::Remove).await;
    remove::run(&node, &task).await;
}

/// Serves the endpoint of a task that runs already.
async fn serve_metadata(node: Arc<Inner>, task: Arc<Task>) {
    for pause in pauses() {
        match metadata::serve(&node, &task) {
            Ok(()) => return,
            Err(failure) => tracing::error!(task = task.spec.task_id, "{failure}; it is tried again in {pause:?}"),
        }
        tokio::time::sleep(pause).await;
    }
}

/// Pauses between attempts, without end.
pub(super) fn pauses() -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(PAUSE), |pause| Some((*pause * 2).min(PAUSE_LIMIT)))
}
