//! ECS: what a valid task definition is, how a task is made of it, and what happens next to a task.

mod definition;
pub mod life_cycle;
mod log_mode;
mod names;
mod refusal;
mod size;
mod spec;
mod start;
mod tags;
mod task;
#[cfg(test)]
pub(crate) mod testing;
mod unsupported;

pub use definition::{Registration, examine, register};
pub use names::{complete_role, is_name};
pub use refusal::Refusal;
pub use start::{ContainerIds, NewTask, new_task};
pub use tags::{MANAGED_TAG_CLUSTER, merge_tags, tags_from};
pub use task::{
    AttachmentStatus, ContainerStatus, DesiredStatus, SecretReference, StopCode, Task, TaskContainer, TaskStatus,
};
pub use unsupported::unsupported;
