//! What is gathered while a call is handled: its parameters, its answer, and every decision about it.
//!
//! A trail travels with the call's future as a task-local value, so that each authorisation is noted wherever it happens
//! (in a handler, in a write of the store, in another service) and no handler can forget it.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::Operation;
use domain::audit::{begins_session, is_read_only};
use domain::iam::Ruling;
use serde_json::Value;

use super::parameters;
use crate::limits::AUDIT_RULINGS;

tokio::task_local! {
    static TRAIL: Trail;
}

/// The trail of one call.
#[derive(Clone, Default)]
pub(crate) struct Trail(Arc<Mutex<Gathered>>);

/// What a trail holds.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) parameters: Option<Value>,
    pub(crate) answer: Option<Value>,
    pub(crate) rulings: Vec<Ruling>,
    /// The task for which the call is made, where its caller does not tell.
    pub(crate) task: Option<String>,
}

impl Trail {
    /// Runs a call with this trail.
    pub(crate) fn follow<F: Future>(&self, running: F) -> impl Future<Output = F::Output> {
        TRAIL.scope(self.clone(), running)
    }

    /// Runs the part of a call that does not wait.
    pub(crate) fn follow_now<T>(&self, running: impl FnOnce() -> T) -> T {
        TRAIL.sync_scope(self.clone(), running)
    }

    /// What has been gathered, which is gone from the trail then.
    pub(crate) fn take(&self) -> Gathered {
        std::mem::take(&mut *self.gathered())
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, ruling: Ruling) {
        let mut gathered = self.gathered();
        // A call asks for the same thing more than once; a refusal always counts, because it is the last.
        if gathered.rulings.contains(&ruling) || (ruling.is_allowed() && gathered.rulings.len() >= AUDIT_RULINGS) {
            return;
        }
        gathered.rulings.push(ruling);
    }
}

/// Notes a decision about the call that runs here; what nobody records is not noted.
pub(crate) fn note(ruling: Ruling) {
    // Outside of a call there is no trail: reconcilers and tests.
    let _ = TRAIL.try_with(|trail| trail.add(ruling));
}

/// Notes for which task the call is made, by its ARN.
pub(crate) fn note_task(arn: &str) {
    let _ = TRAIL.try_with(|trail| trail.gathered().task = Some(arn.to_owned()));
}

/// Notes what is asked.
pub(crate) fn asked<O: Operation>(input: &O::Input) {
    let _ = TRAIL.try_with(|trail| trail.gathered().parameters = Some(parameters::kept(input)));
}

/// Notes what is answered; readings answer what the events are not to repeat, but for whose session began.
pub(crate) fn answered<O: Operation>(output: &O::Output) {
    let (service, operation) = (O::SERVICE.name, O::NAME);
    if O::HAS_OUTPUT && (!is_read_only(service, operation) || begins_session(service, operation)) {
        let _ = TRAIL.try_with(|trail| trail.gathered().answer = Some(parameters::kept(output)));
    }
}
