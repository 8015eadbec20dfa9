//! Tidegate's own operations: why a task is where it is, why a call was answered as it was, and who did what.
//!
//! Who may describe a task may have it explained; who may look events up may have calls explained and searched.

mod request;
mod search;
mod task;

use api::tidegate::op;

pub(crate) use task::{link_view, word};

use crate::front::Router;

/// The operations that are served.
pub fn routes(router: &mut Router) {
    router.add::<op::ExplainTask, _, _>(task::run);
    router.add::<op::ExplainRequest, _, _>(request::run);
    router.add::<op::SearchEvents, _, _>(search::run);
}
