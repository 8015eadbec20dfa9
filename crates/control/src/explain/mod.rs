//! Tidegate's own operations: why a task is where it is, what it uses, why a call was answered as it was, and who did what.
//!
//! Who may describe a task may have it explained; who may look events up may have calls explained and searched. What a
//! task uses has an action of its own, `tidegate:DescribeTaskUsage`.

mod request;
mod search;
mod task;
mod usage;

use std::sync::Arc;

use api::tidegate::op;
use domain::compute::UsageInspection;

pub(crate) use task::{access, find, link_view, step_view, word};

use crate::front::Router;

/// The operations that are served.
pub(crate) fn routes(router: &mut Router, usage: &Arc<dyn UsageInspection>) {
    let usage = Arc::clone(usage);
    router.add::<op::DescribeTaskUsage, _, _>(move |app, request| {
        let usage = Arc::clone(&usage);
        async move { usage::run(&app, request, &*usage) }
    });
    router.add::<op::ExplainTask, _, _>(task::run);
    router.add::<op::ExplainRequest, _, _>(request::run);
    router.add::<op::SearchEvents, _, _>(search::run);
}
