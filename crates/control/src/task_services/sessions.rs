//! The sessions that ECS begins for a task, each with an event of its own: one when it begins, one when it is renewed.
//!
//! A session is asked for each time something is done with it, for every line of a log, and the role's trust is asked
//! each time too. What is remembered is only that an event has told of it, and the keys that the task's endpoint gave,
//! so that a container that asks for them in a loop gets the same ones and leaves no trail of its own.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::compute::RoleCredentials;
use domain::ecs::Task;
use domain::failure::Failure;
use domain::iam::Caller;
use wire::Timestamp;

use super::AppTaskServices;
use crate::iam::sessions::{self, TASK_ROLE_SECONDS, Wanted};
use crate::limits::TASK_SESSION_RENEWAL_SECONDS;

/// The sessions that are under way, by task and role. Of the execution role nobody has keys.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Known>);

#[derive(Default)]
struct Known {
    sessions: HashMap<(String, String, Wanted), Begun>,
    /// How many there were when those of ended tasks were last forgotten.
    swept_at: usize,
}

struct Begun {
    ends: Timestamp,
    credentials: Option<RoleCredentials>,
}

impl AppTaskServices {
    /// The session of the task's execution role; `None` when the task has none.
    pub(super) async fn execution_role(&self, task: &Task) -> Option<Result<Caller, Failure>> {
        let role_arn = task.spec.execution_role_arn.as_deref()?;
        Some(self.session(task, role_arn, Wanted::Session).await.map(|(session, _)| session))
    }

    /// The credentials of the task's own role; `None` when the task has none.
    pub(super) async fn task_role(&self, task: &Task) -> Result<Option<RoleCredentials>, Failure> {
        let Some(role_arn) = task.spec.task_role_arn.as_deref() else { return Ok(None) };
        Ok(self.session(task, role_arn, Wanted::Credentials).await?.1)
    }

    async fn session(
        &self,
        task: &Task,
        role_arn: &str,
        wanted: Wanted,
    ) -> Result<(Caller, Option<RoleCredentials>), Failure> {
        let (app, now) = (&self.app, self.app.now());
        let key = (task.id().to_owned(), role_arn.to_owned(), wanted);
        let begun = {
            let known = self.sessions.known();
            let good = |begun: &&Begun| begun.ends > now.plus_seconds(TASK_SESSION_RENEWAL_SECONDS);
            known.sessions.get(&key).filter(good).map(|begun| begun.credentials.clone())
        };
        if let Some(credentials) = begun
            && let Ok(session) = sessions::for_task(app, &app.store.read(), role_arn, task.id(), &task.spec.region)
        {
            return Ok((session, credentials));
        }
        let assumed = sessions::assume_for_task(app, role_arn, &task.spec.task_arn, wanted).await?;
        let begun = Begun { ends: now.plus_seconds(TASK_ROLE_SECONDS), credentials: assumed.1.clone() };
        let mut known = self.sessions.known();
        known.sessions.insert(key, begun);
        known.sweep(|task_id| app.store.read().tasks.contains(task_id));
        Ok(assumed)
    }
}

impl Sessions {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Forgets those of tasks that are gone, whenever there are twice as many as the last time.
    fn sweep(&mut self, is_there: impl Fn(&str) -> bool) {
        if self.sessions.len() > 2 * self.swept_at.max(32) {
            self.sessions.retain(|(task_id, ..), _| is_there(task_id));
            self.swept_at = self.sessions.len();
        }
    }
}
