//! The end of a task: every trace is taken away, from its id and its directory alone. Its files are moved out of the way
//! and deleted later, because a disk takes long to forget many.
//!
//! The order matters when this is cut off: what could run is ended first, the directory goes last, so that the next
//! attempt still finds the task. Every step may find its work done.

use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Inner;
use super::directory::{DirectoryError, TaskDirectory};
use super::life::pauses;
use super::task::Task;
use crate::causes::Causes;
use crate::images::StoreError;
use crate::network::NetworkError;
use crate::runtime::cgroup::KillError;

/// How long a shim without a plan may take to end.
const BIRTH_PATIENCE: Duration = Duration::from_secs(10);

/// Takes a task away; tries until it is gone.
pub(super) async fn run(node: &Arc<Inner>, task: &Arc<Task>) {
    if tokio::time::timeout(BIRTH_PATIENCE, task.birth.acquire()).await.is_err() {
        tracing::error!(task = task.spec.task_id, "a shim that was never told its plan does not end");
    }
    for pause in pauses() {
        match attempt(node, &task.spec.task_id, || task.release()).await {
            Ok(()) => return,
            Err(error) => {
                tracing::error!(task = task.spec.task_id, "cannot take a task away yet: {}", Causes(&error));
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// What could not be taken away yet.
#[derive(Debug, thiserror::Error)]
pub(super) enum RemoveError {
    #[error("cannot end the task's processes")]
    Processes(#[source] KillError),
    #[error("cannot take the task's network away")]
    Network(#[from] NetworkError),
    #[error("cannot take the task's control groups away")]
    ControlGroups(#[source] std::io::Error),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Images(#[from] StoreError),
    #[error("the work broke off")]
    Broken(#[from] tokio::task::JoinError),
}

/// One attempt, for a task that may be unknown to this process.
pub(super) async fn attempt(node: &Arc<Inner>, task_id: &str, release: impl FnOnce()) -> Result<(), RemoveError> {
    let directory = TaskDirectory::new(&node.tasks_directory, task_id);
    blocking({
        let (node, id, directory) = (Arc::clone(node), task_id.to_owned(), directory.clone());
        move || {
            if let Some(pid) = directory.living_shim() {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            node.cgroups.kill_task(&id).map_err(RemoveError::Processes)
        }
    })
    .await?;
    release();
    node.network.remove(task_id).await?;
    blocking({
        let (node, id) = (Arc::clone(node), task_id.to_owned());
        move || {
            directory.unmount_all()?;
            for container in directory.containers() {
                node.images.release(&container)?;
            }
            node.cgroups.remove_task(&id).map_err(RemoveError::ControlGroups)?;
            Ok(directory.throw_away(&node.trash)?)
        }
    })
    .await
}

async fn blocking(work: impl FnOnce() -> Result<(), RemoveError> + Send + 'static) -> Result<(), RemoveError> {
    tokio::task::spawn_blocking(work).await?
}
