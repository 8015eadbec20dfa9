//! ListLogGroups: names and classes of groups, without looking at their events. Linked accounts and the filters by data
//! source, field index and tag are not served.

use std::sync::Arc;

use api::logs::{ListLogGroupsInput, ListLogGroupsOutput, LogGroupSummary};

use super::record::{LogGroup, group_arn, stream_arn};
use super::{invalid, page_from};
use crate::page::Order;
use crate::{Access, App, Authorized, Request, ServiceError};

/// ListLogGroups.
pub(super) async fn run(
    app: Arc<App>,
    request: Request<ListLogGroupsInput>,
) -> Result<ListLogGroupsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request
        .authorize(&app, |_, _, caller| Ok(Access::to("logs:ListLogGroups", stream_arn(&group_arn(caller, ""), ""))))?;
    refuse_what_is_not_served(&input)?;
    let wanted = |group: &LogGroup| {
        input.log_group_class.as_ref().is_none_or(|class| *class == group.class)
            && input.log_group_name_pattern.as_deref().is_none_or(|pattern| matches(&group.name, pattern))
    };
    let prefix = group_arn(&caller, "");
    let state = app.store.read();
    let groups = |after: Option<String>| {
        let groups = state.log_groups.behind(&prefix, Order::Rising, after.as_deref());
        groups.filter(|(_, group)| wanted(group))
    };
    let (page, next_token) = page_from(groups, input.next_token.as_deref(), input.limit)?;
    let summary = |group: &&Arc<LogGroup>| LogGroupSummary {
        log_group_name: Some(group.name.clone()),
        log_group_arn: Some(group.arn.clone()),
        log_group_class: Some(group.class.clone()),
    };
    Ok(ListLogGroupsOutput { log_groups: Some(page.iter().map(summary).collect()), next_token })
}

/// A pattern is up to five texts, separated by `|`, that a name contains, or with `^` begins with.
fn matches(name: &str, pattern: &str) -> bool {
    pattern.split('|').any(|text| match text.strip_prefix('^') {
        Some(beginning) => name.starts_with(beginning),
        None => name.contains(text),
    })
}

fn refuse_what_is_not_served(input: &ListLogGroupsInput) -> Result<(), ServiceError> {
    let given = [
        (input.include_linked_accounts == Some(true), "includeLinkedAccounts"),
        (input.account_identifiers.is_some(), "accountIdentifiers"),
        (input.data_sources.is_some(), "dataSources"),
        (input.field_index_names.is_some(), "fieldIndexNames"),
        (input.log_group_tags.is_some(), "logGroupTags"),
    ];
    match given.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, name)) => Err(invalid(format!("{name} of ListLogGroups is not served by Tidegate."))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, expected) in [("web", true), ("^/ecs", true), ("^web", false), ("api|web", true), ("api", false)]
        {
            assert_eq!(matches("/ecs/web", pattern), expected, "{pattern}");
        }
    }
}
