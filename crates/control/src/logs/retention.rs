//! How long events are kept: the policy of a group, and the work that really deletes.

use std::sync::Arc;
use std::time::Duration;

use api::logs::{
    DeleteRetentionPolicyInput, DeleteRetentionPolicyOutput, PutRetentionPolicyInput, PutRetentionPolicyOutput,
};

use super::record::{group_arn, stream_arn};
use super::{LogFileError, invalid, no_group};
use crate::limits::LOG_RETENTION_SECONDS;
use crate::{Access, App, Authorized, Request, ServiceError};

const DAYS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// PutRetentionPolicy. Events that are too old are not shown from now on and deleted soon after.
pub(super) async fn put(
    app: Arc<App>,
    request: Request<PutRetentionPolicyInput>,
) -> Result<PutRetentionPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = group_arn(caller, &input.log_group_name);
        Ok(Access::to("logs:PutRetentionPolicy", stream_arn(&arn, "")))
    })?;
    let days = u32::try_from(input.retention_in_days).ok().filter(|days| DAYS.contains(days)).ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value '{}' at 'retentionInDays' failed to satisfy constraint: Member must \
             satisfy enum value set: {DAYS:?}",
            input.retention_in_days
        ))
    })?;
    set(&app, &group_arn(&caller, &input.log_group_name), Some(days)).await?;
    Ok(PutRetentionPolicyOutput {})
}

/// DeleteRetentionPolicy: events never expire.
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteRetentionPolicyInput>,
) -> Result<DeleteRetentionPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = group_arn(caller, &input.log_group_name);
        Ok(Access::to("logs:DeleteRetentionPolicy", stream_arn(&arn, "")))
    })?;
    set(&app, &group_arn(&caller, &input.log_group_name), None).await?;
    Ok(DeleteRetentionPolicyOutput {})
}

async fn set(app: &App, arn: &str, days: Option<u32>) -> Result<(), ServiceError> {
    app.store
        .write(|state| state.log_groups.update(arn, |group| group.retention_days = days).ok_or_else(no_group))
        .await
}

/// Deletes expired events and what no record names any more, now and from time to time. Never returns.
pub(crate) async fn keep_retention(app: Arc<App>) {
    loop {
        if let Err(error) = sweep(&app).await {
            tracing::error!(%error, "expired log events could not be deleted");
        }
        tokio::time::sleep(Duration::from_secs(LOG_RETENTION_SECONDS)).await;
    }
}

pub(super) async fn sweep(app: &Arc<App>) -> Result<(), LogFileError> {
    // The directories first: a directory is made after its record, so what has none now never will.
    let reader = Arc::clone(app);
    let found = tokio::task::spawn_blocking(move || reader.logs.stream_ids()).await;
    let mut orphans = found.map_err(|_| LogFileError::Closed)??;
    let state = app.store.read();
    let now = app.now();
    for stream in state.log_streams.values() {
        orphans.remove(&stream.id);
    }
    for id in orphans {
        app.logs.remove(&id).await?;
    }
    for group in state.log_groups.values().filter(|group| group.retention_days.is_some()) {
        for (_, stream) in state.log_streams.with_prefix(&stream_arn(&group.arn, "")) {
            app.logs.expire(&stream.id, group.shown_from(now)).await?;
        }
    }
    Ok(())
}
