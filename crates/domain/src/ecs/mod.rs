//! ECS: what a valid task definition is, how a task is made of it, and what happens next to a task.

mod task;

pub use task::{
    AttachmentStatus, ContainerStatus, DesiredStatus, SecretReference, StopCode, Task, TaskContainer, TaskStatus,
};
