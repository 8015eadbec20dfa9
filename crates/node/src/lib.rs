//! One machine that runs tasks: images, network, containers, the shim beside each task.
//!
//! | room | holds |
//! |---|---|
//! | `images` | pulls from registries, the content store, root file systems |
//! | `storage` | the limit on what a task may write |
//! | `network` | namespaces, addresses, security groups |
//! | `runtime` | how a container is started |
//! | `shim` | the process beside each task, parent of its containers |
//! | `tasks` | [`Node`]: the compute that joins all of these |
//! | `logs` | from containers' output to the log service, while they run |
//! | `metadata` | the endpoint 169.254.170.2 inside each task |
//!
//! This is the only crate with unsafe code. It never imports the control plane; both meet in `domain::compute`.

mod causes;
pub mod images;
mod logs;
mod metadata;
mod mount_table;
pub mod network;
mod protect;
mod runtime;
pub mod shim;
pub mod storage;
mod tasks;
#[cfg(test)]
mod test_support;
mod trash;
mod wait;

pub use protect::{protect_secrets, take_variable};
pub use runtime::RuntimeChoice;
pub use runtime::cgroup::Cgroups;
pub use tasks::{Node, NodeError, NodeSettings};
