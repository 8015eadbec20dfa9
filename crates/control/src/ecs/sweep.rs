//! What ECS keeps for a time only: stopped tasks, client tokens, deleted task definitions.

use std::collections::BTreeSet;

use wire::Timestamp;

use crate::limits::{CLIENT_TOKEN_SECONDS, STOPPED_TASK_SECONDS};
use crate::store::State;

/// Takes away what has been kept for long enough.
pub(crate) fn sweep(state: &mut State, now: Timestamp) {
    let old_tasks: Vec<String> = state
        .tasks
        .iter()
        .filter(|(_, task)| task.stopped_at.is_some_and(|at| at.plus_seconds(STOPPED_TASK_SECONDS) <= now))
        .map(|(id, _)| id.to_owned())
        .collect();
    for id in old_tasks {
        state.tasks.remove(&id);
    }
    let old_tokens: Vec<String> = state
        .task_client_tokens
        .iter()
        .filter(|(_, token)| token.created_at.plus_seconds(CLIENT_TOKEN_SECONDS) <= now)
        .map(|(key, _)| key.to_owned())
        .collect();
    for key in old_tokens {
        state.task_client_tokens.remove(&key);
    }
    let used: BTreeSet<String> = state.tasks.values().map(|task| task.definition_arn.clone()).collect();
    let deleted: Vec<String> = state
        .task_definitions
        .iter()
        .filter(|(arn, record)| record.definition.delete_requested_at.is_some() && !used.contains(*arn))
        .map(|(arn, _)| arn.to_owned())
        .collect();
    for arn in deleted {
        state.task_definitions.remove(&arn);
    }
}
