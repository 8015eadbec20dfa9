//! Log groups.

use std::sync::Arc;

use api::logs::{
    CreateLogGroupInput, CreateLogGroupOutput, DeleteLogGroupInput, DeleteLogGroupOutput, DescribeLogGroupsInput,
    DescribeLogGroupsOutput, LogGroup as LogGroupView,
};

use super::record::{LogGroup, group_arn, stream_arn};
use super::{blocking, group, invalid, page_from, protection};
use crate::page::Order;
use crate::{Access, App, Authorized, Request, ServiceError};

/// CreateLogGroup.
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateLogGroupInput>,
) -> Result<CreateLogGroupOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = stream_arn(&group_arn(caller, &input.log_group_name), "");
        Ok(Access::to("logs:CreateLogGroup", arn).with_request_tags(input.tags.iter().flatten()))
    })?;
    if input.kms_key_id.is_some() {
        return Err(invalid("kmsKeyId is not served here: log groups are not encrypted with a KMS key."));
    }
    if input.log_group_name.starts_with("aws/") {
        return Err(invalid("Log group names starting with aws/ are reserved for AWS."));
    }
    let arn = group_arn(&caller, &input.log_group_name);
    let group = LogGroup {
        name: input.log_group_name,
        arn: arn.clone(),
        created_at: app.now(),
        retention_days: None,
        class: input.log_group_class.unwrap_or_else(|| "STANDARD".to_owned()),
        tags: input.tags.unwrap_or_default(),
        deletion_protected: input.deletion_protection_enabled == Some(true),
    };
    app.store
        .write(|state| {
            if state.log_groups.contains(&arn) {
                let message = "The specified log group already exists";
                return Err(ServiceError::new("ResourceAlreadyExistsException", message));
            }
            state.log_groups.put(&arn, group);
            Ok(CreateLogGroupOutput {})
        })
        .await
}

/// DeleteLogGroup: with all its streams and their events.
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteLogGroupInput>,
) -> Result<DeleteLogGroupOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = group_arn(caller, &input.log_group_name);
        Ok(Access::to("logs:DeleteLogGroup", stream_arn(&arn, "")))
    })?;
    let arn = group_arn(&caller, &input.log_group_name);
    let streams = app
        .store
        .write(|state| {
            if group(state, &arn)?.deletion_protected {
                return Err(protection::protected());
            }
            state.log_groups.remove(&arn);
            let prefix = stream_arn(&arn, "");
            let streams: Vec<_> = state
                .log_streams
                .with_prefix(&prefix)
                .map(|(key, stream)| (key.to_owned(), stream.id.clone()))
                .collect();
            for (key, _) in &streams {
                state.log_streams.remove(key);
            }
            Ok::<_, ServiceError>(streams)
        })
        .await?;
    for (_, id) in streams {
        app.logs.remove(&id).await?;
    }
    Ok(DeleteLogGroupOutput {})
}

/// DescribeLogGroups.
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeLogGroupsInput>,
) -> Result<DescribeLogGroupsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |_, _, caller| {
        Ok(Access::to("logs:DescribeLogGroups", stream_arn(&group_arn(caller, ""), "")))
    })?;
    if input.log_group_name_prefix.is_some() && input.log_group_name_pattern.is_some() {
        return Err(invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."));
    }
    let pattern = input.log_group_name_pattern.as_deref().unwrap_or_default().to_lowercase();
    let prefix = group_arn(&caller, input.log_group_name_prefix.as_deref().unwrap_or_default());
    let wanted = |group: &LogGroup| {
        let named = input.log_group_identifiers.as_deref();
        group.name.to_lowercase().contains(&pattern)
            && input.log_group_class.as_ref().is_none_or(|class| *class == group.class)
            && named.is_none_or(|named| named.iter().any(|name| *name == group.name || *name == group.arn))
    };
    let state = app.store.read();
    let groups = |after: Option<String>| {
        let groups = state.log_groups.behind(&prefix, Order::Rising, after.as_deref());
        groups.filter(|(_, group)| wanted(group)).map(|(arn, group)| (arn, Arc::clone(group)))
    };
    let (page, next_token) = page_from(groups, input.next_token.as_deref(), input.limit)?;
    // As on AWS, a search by pattern shows neither sizes nor protection.
    let by_pattern = input.log_group_name_pattern.is_some();
    let reader = Arc::clone(&app);
    let snapshot = Arc::clone(&state);
    let groups = blocking(move || {
        let view = |group: &Arc<LogGroup>| {
            let prefix = stream_arn(&group.arn, "");
            let mut stored_bytes = 0;
            for (_, stream) in snapshot.log_streams.with_prefix(&prefix) {
                stored_bytes += reader.logs.summary(&stream.id)?.stored_bytes;
            }
            let mut shown = view(group, i64::try_from(stored_bytes).unwrap_or(i64::MAX));
            if by_pattern {
                (shown.stored_bytes, shown.deletion_protection_enabled) = (None, None);
            }
            Ok(shown)
        };
        page.iter().map(view).collect::<Result<Vec<_>, ServiceError>>()
    })
    .await?;
    Ok(DescribeLogGroupsOutput { log_groups: Some(groups), next_token })
}

fn view(group: &LogGroup, stored_bytes: i64) -> LogGroupView {
    LogGroupView {
        log_group_name: Some(group.name.clone()),
        creation_time: Some(group.created_at.milliseconds()),
        retention_in_days: group.retention_days.and_then(|days| i32::try_from(days).ok()),
        metric_filter_count: Some(0),
        arn: Some(format!("{}:*", group.arn)),
        stored_bytes: Some(stored_bytes),
        log_group_class: Some(group.class.clone()),
        log_group_arn: Some(group.arn.clone()),
        deletion_protection_enabled: Some(group.deletion_protected),
        ..LogGroupView::default()
    }
}
