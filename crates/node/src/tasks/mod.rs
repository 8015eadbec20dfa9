//! [`Node`]: the compute of this machine, which joins images, network and shims.
//!
//! | file | holds |
//! |---|---|
//! | `life` | the one worker of a task, which makes its newest wish true |
//! | `start` | the road up: network, secrets, pulls side by side, then the shim |
//! | `birth` | a shim's process, begun early and told its plan late |
//! | `launch` | root file systems and bundles |
//! | `link` | the line to a shim; what a restarted server finds |
//! | `remove` | the end: no trace |
//! | `task` | what is known of one task, changed by facts only |
//! | `usage` | what a task uses now, and how far its pulls are |
//! | `directory` | what of a task is on disk |
//! | `executable` | what shims are executed from |
//!
//! Actions only grow a wish (start < stop < remove); the task's worker makes it true, and everything it does can be cut off
//! and done again. A task is known from the moment its directory is there, and has a worker as long as it is known.

mod birth;
mod directory;
mod executable;
mod launch;
mod life;
mod link;
mod remove;
mod start;
mod task;
mod usage;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::compute::{BoxFuture, Compute, ComputeError, TaskAction, TaskObservation, TaskServices, TaskSpec};
use domain::network::NetworkPlan;
use tokio::sync::watch;

pub(crate) use self::directory::KeptImage;
use self::directory::TaskDirectory;
use self::executable::ShimExecutable;
use self::life::Arrival;
pub(crate) use self::start::now;
pub(crate) use self::task::Task;
use self::task::Wanted;
use crate::causes::Causes;
use crate::images::{Images, Registries};
use crate::network::{Network, Settings};
use crate::runtime::RuntimeChoice;
use crate::runtime::cgroup::Cgroups;
use crate::storage::Storage;
use crate::trash::Trash;

/// How long a server that starts waits for what it finds to be looked into.
const ADOPTION_PATIENCE: Duration = Duration::from_secs(10);

/// How a node is opened.
#[derive(Debug)]
pub struct NodeSettings {
    /// The server's data directory; the node's are `content`, `tasks` and `trash` in it.
    pub data_directory: PathBuf,
    /// What runs containers.
    pub runtime: RuntimeChoice,
    /// The operator's registries.
    pub registries: Registries,
    /// The executable whose `shim` subcommand is [`crate::shim::main`]; `/proc/self/exe` for the server's own.
    pub shim_executable: PathBuf,
    /// How the network is named and joined to the host.
    pub network: Settings,
}

/// Why a node cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The host has no control groups.
    #[error("this host has no control groups mounted at /sys/fs/cgroup; tasks could not be limited")]
    NoCgroups,
    /// The directory of tasks cannot be made or read.
    #[error("cannot use the directory {path}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was thrown away before cannot be emptied.
    #[error("cannot empty the directory {path}")]
    Trash {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The content store cannot be opened.
    #[error("cannot open the image store")]
    Images(#[from] crate::images::StoreError),
    /// The network cannot be made.
    #[error("cannot make the network")]
    Network(#[from] crate::network::NetworkError),
}

/// This machine as a compute.
pub struct Node {
    inner: Arc<Inner>,
}

/// What all background work shares.
pub(crate) struct Inner {
    pub(crate) network: Network,
    images: Images,
    storage: Arc<Storage>,
    trash: Trash,
    pub(crate) cgroups: Cgroups,
    pub(crate) services: Arc<dyn TaskServices>,
    settings: NodeSettings,
    tasks_directory: PathBuf,
    shim_executable: ShimExecutable,
    tasks: Mutex<HashMap<String, Arc<Task>>>,
    changes: watch::Sender<u64>,
}

impl Node {
    /// Opens the node and adopts what runs. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// What this host lacks, or a directory that cannot be used.
    pub async fn open(settings: NodeSettings, services: Arc<dyn TaskServices>) -> Result<Arc<Self>, NodeError> {
        let cgroups = Cgroups::detect().ok_or(NodeError::NoCgroups)?;
        let tasks_directory = settings.data_directory.join("tasks");
        let named = |source| NodeError::Directory { path: tasks_directory.clone(), source };
        std::fs::create_dir_all(&tasks_directory).map_err(named)?;
        // Mounts are compared with what the kernel says, which knows no symbolic links.
        let tasks_directory = std::fs::canonicalize(&tasks_directory).map_err(named)?;
        let images = Images::open(&settings.data_directory.join("content"), settings.registries.clone())?;
        let storage = Storage::open(&settings.data_directory);
        let path = settings.data_directory.join("trash");
        let trash = Trash::open(&path).map_err(|source| NodeError::Trash { path, source })?;
        let network = Network::open(settings.network.clone())?;
        let shim_executable = ShimExecutable::open(&settings.shim_executable);
        let inner = Arc::new(Inner {
            network,
            images,
            storage,
            trash,
            cgroups,
            services,
            settings,
            tasks_directory,
            shim_executable,
            tasks: Mutex::default(),
            changes: watch::channel(0).0,
        });
        inner.adopt_all().await?;
        inner.cgroups.sweep_shim_groups();
        Ok(Arc::new(Self { inner }))
    }
}

impl Compute for Node {
    fn apply<'a>(&'a self, spec: &'a Arc<TaskSpec>, action: TaskAction) -> BoxFuture<'a, Result<(), ComputeError>> {
        Box::pin(async move {
            match action {
                TaskAction::Start => {
                    self.inner.start(spec).map_err(|error| ComputeError::of_task(&spec.task_id, error))
                }
                TaskAction::Stop => {
                    // Of what is not known there is nothing to stop.
                    if let Some(task) = self.inner.known(&spec.task_id) {
                        task.want(Wanted::Stop);
                    }
                    Ok(())
                }
                TaskAction::Remove => self.discard(&spec.task_id).await,
            }
        })
    }

    fn discard<'a>(&'a self, task_id: &'a str) -> BoxFuture<'a, Result<(), ComputeError>> {
        Box::pin(async move {
            match self.inner.known(task_id) {
                Some(task) => {
                    task.want(Wanted::Remove);
                    Ok(())
                }
                None => remove::attempt(&self.inner, task_id, || {})
                    .await
                    .map_err(|error| ComputeError::of_task(task_id, error)),
            }
        })
    }

    fn apply_network(&self, plan: Arc<NetworkPlan>) -> BoxFuture<'_, Result<(), ComputeError>> {
        Box::pin(async move { self.inner.network.apply_plan(plan).await.map_err(ComputeError::of_network) })
    }

    fn observe(&self, task_id: &str) -> Option<TaskObservation> {
        self.inner.tasks().get(task_id).map(|task| task.observation())
    }

    fn task_ids(&self) -> Vec<String> {
        self.inner.tasks().keys().cloned().collect()
    }

    fn changed(&self, seen: u64) -> BoxFuture<'_, u64> {
        let mut changes = self.inner.changes.subscribe();
        Box::pin(async move {
            // The sender lives as long as this node does.
            changes.wait_for(|count| *count > seen).await.map_or(seen, |count| *count)
        })
    }
}

impl Inner {
    /// The directory before the wish: a start that cannot begin leaves nothing, so that it can be begun again.
    fn start(self: &Arc<Self>, spec: &Arc<TaskSpec>) -> std::io::Result<()> {
        let task = if let Some(task) = self.known(&spec.task_id) {
            task
        } else {
            TaskDirectory::new(&self.tasks_directory, &spec.task_id).create(spec)?;
            self.employ(spec, Arrival::New).0
        };
        task.want(Wanted::Start);
        Ok(())
    }

    fn known(&self, task_id: &str) -> Option<Arc<Task>> {
        self.tasks().get(task_id).cloned()
    }

    /// The task, known from here on, with a worker.
    fn employ(self: &Arc<Self>, spec: &Arc<TaskSpec>, arrival: Arrival) -> (Arc<Task>, life::Settled) {
        let directory = TaskDirectory::new(&self.tasks_directory, &spec.task_id);
        let task = Arc::new(Task::new(Arc::clone(spec), directory, self.changes.clone()));
        self.tasks().insert(spec.task_id.clone(), Arc::clone(&task));
        let settled = life::begin(self, &task, arrival);
        (task, settled)
    }

    fn forget(&self, task_id: &str) {
        self.tasks().remove(task_id);
        self.changes.send_modify(|count| *count += 1);
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<String, Arc<Task>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adopts every task that has a directory, and takes away what has none.
    async fn adopt_all(self: &Arc<Self>) -> Result<(), NodeError> {
        let named = |source| NodeError::Directory { path: self.tasks_directory.clone(), source };
        let entries = std::fs::read_dir(&self.tasks_directory).map_err(named)?;
        let ids: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        let (mut leavings, mut adopted) = (Vec::new(), Vec::new());
        for id in ids {
            match TaskDirectory::new(&self.tasks_directory, &id).spec().map_err(named)? {
                Some(spec) => adopted.push(self.employ(&Arc::new(spec), Arrival::Found).1),
                None => leavings.push(id),
            }
        }
        let settled = async {
            for settled in adopted {
                // One that broke off has said so, and its worker goes on.
                let _ = settled.await;
            }
        };
        if tokio::time::timeout(ADOPTION_PATIENCE, settled).await.is_err() {
            tracing::warn!("the ends of some tasks are still being looked into");
        }
        leavings.extend(self.network.list().into_iter().filter(|id| self.known(id).is_none()));
        leavings.sort_unstable();
        leavings.dedup();
        for id in leavings {
            tracing::info!(task = id, "taking away what is left of a task without a specification");
            if let Err(error) = remove::attempt(self, &id, || {}).await {
                tracing::error!(task = id, "cannot take away what is left of a task: {}", Causes(&error));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
