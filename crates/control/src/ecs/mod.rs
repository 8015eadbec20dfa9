//! ECS: clusters, task definitions, tasks. Handlers write intentions; `crate::reconcile` makes them true.

pub mod record;
