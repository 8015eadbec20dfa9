//! The end of a task: every trace is taken away, from its id and its directory alone.
//!
//! The order matters when this is cut off: what could run is ended first, the directory goes last, so that the next
//! attempt still finds the task. Every step may find its work done.

use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Inner;
use super::directory::TaskDirectory;
use super::task::Task;

/// The first and the longest pause after an attempt that failed.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_LIMIT: Duration = Duration::from_secs(30);

/// How long a shim without a plan may take to end.
const BIRTH_PATIENCE: Duration = Duration::from_secs(10);

/// Takes a task away; tries until it is gone.
pub(super) async fn run(node: Arc<Inner>, task: Arc<Task>) {
    let _road = task.road.lock().await;
    if tokio::time::timeout(BIRTH_PATIENCE, task.birth.acquire()).await.is_err() {
        tracing::error!(task = task.spec.task_id, "a shim that was never told its plan does not end");
    }
    let mut pause = PAUSE;
    while let Err(message) = attempt(&node, &task.spec.task_id, || task.release()).await {
        tracing::error!(task = task.spec.task_id, "cannot take a task away yet: {message}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_LIMIT);
    }
    node.forget(&task.spec.task_id);
}

/// One attempt, for a task that may be unknown to this process.
pub(super) async fn attempt(node: &Arc<Inner>, task_id: &str, release: impl FnOnce()) -> Result<(), String> {
    let directory = TaskDirectory::new(&node.tasks_directory, task_id);
    blocking({
        let (node, id, directory) = (Arc::clone(node), task_id.to_owned(), directory.clone());
        move || {
            if let Some(pid) = directory.living_shim() {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            node.cgroups.kill_task(&id).map_err(|error| format!("processes: {error}"))
        }
    })
    .await?;
    release();
    node.network.remove(task_id).await.map_err(|error| format!("network: {error}"))?;
    blocking({
        let (node, id) = (Arc::clone(node), task_id.to_owned());
        move || {
            directory.unmount_all().map_err(|error| format!("mounts: {error}"))?;
            node.cgroups.remove_task(&id).map_err(|error| format!("control groups: {error}"))?;
            directory.delete().map_err(|error| format!("{}: {error}", directory.path().display()))
        }
    })
    .await
}

async fn blocking(work: impl FnOnce() -> Result<(), String> + Send + 'static) -> Result<(), String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
}
