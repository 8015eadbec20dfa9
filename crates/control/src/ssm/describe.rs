//! DescribeParameters: everything about parameters but their values; and the filters of both lists.

use std::sync::Arc;

use api::ssm::{
    DescribeParametersInput, DescribeParametersOutput, ParameterInlinePolicy, ParameterMetadata, ParameterStringFilter,
};
use domain::ssm::{Filter, Listing, ParameterPolicy, Searchable};

use super::error;
use super::lookup::Parameters;
use super::page::page;
use super::record::{ParameterRecord, VersionRecord};
use crate::limits::PARAMETER_PAGE_ITEMS;
use crate::{Access, App, Authorized, Request, ServiceError};

/// DescribeParameters. Other accounts share nothing here, so a list of what they share is empty.
pub(super) async fn run(
    app: Arc<App>,
    request: Request<DescribeParametersInput>,
) -> Result<DescribeParametersOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |_, _, caller| {
        Ok(Access::to("ssm:DescribeParameters", format!("arn:aws:ssm:{}:{}:*", caller.region, caller.account)))
    })?;
    let old = input.filters.unwrap_or_default();
    let new = input.parameter_filters.unwrap_or_default();
    if !old.is_empty() && !new.is_empty() {
        let message = "You can use either Filters or ParameterFilters in a single request.";
        return Err(error::validation(message));
    }
    let renewed = old.into_iter().map(|filter| ParameterStringFilter {
        key: filter.key,
        option: None,
        values: Some(filter.values),
    });
    let filters = filters(Listing::Describe, renewed.chain(new).collect())?;
    let state = app.store.read();
    let parameters = Parameters::new(&app, &state, &caller);
    let prefix = parameters.arn("");
    let is_own = input.shared != Some(true);
    let found =
        parameters.all(&prefix).filter(|(_, parameter)| is_own && matching_version(parameter, &filters).is_some());
    let (found, next_token) = page(found, input.next_token.as_deref(), input.max_results, PARAMETER_PAGE_ITEMS)?;
    let parameters = found.into_iter().map(|parameter| metadata(parameter)).collect();
    Ok(DescribeParametersOutput { parameters: Some(parameters), next_token })
}

fn metadata(parameter: &ParameterRecord) -> ParameterMetadata {
    let latest = &parameter.latest;
    ParameterMetadata {
        name: Some(parameter.name.clone()),
        arn: Some(parameter.arn.clone()),
        r#type: Some(latest.kind.name().to_owned()),
        key_id: latest.key_id.clone(),
        last_modified_date: Some(latest.modified_at),
        last_modified_user: Some(latest.modified_by.clone()),
        description: latest.description.clone().filter(|description| !description.is_empty()),
        allowed_pattern: latest.allowed_pattern.clone(),
        version: Some(latest.version),
        tier: Some(latest.tier.name().to_owned()),
        policies: Some(policies(&latest.policies)),
        data_type: Some(latest.data_type.clone()),
    }
}

/// Policies as answers have them. An expiration that was reached takes the parameter with it, so all are pending.
pub(super) fn policies(policies: &[ParameterPolicy]) -> Vec<ParameterInlinePolicy> {
    let view = |policy: &ParameterPolicy| ParameterInlinePolicy {
        policy_text: Some(policy.text.clone()),
        policy_type: Some(policy.kind.clone()),
        policy_status: Some("Pending".into()),
    };
    policies.iter().map(view).collect()
}

/// The filters of a request.
pub(super) fn filters(listing: Listing, filters: Vec<ParameterStringFilter>) -> Result<Vec<Filter>, ServiceError> {
    let mut checked = Vec::new();
    for filter in filters {
        checked.push(Filter::new(listing, filter.key, filter.option, filter.values, &checked)?);
    }
    Ok(checked)
}

/// The version of a parameter that fits all filters: the newest, unless a label is asked for.
pub(super) fn matching_version<'a>(parameter: &'a ParameterRecord, filters: &[Filter]) -> Option<&'a VersionRecord> {
    let by_label = filters.iter().any(Filter::is_label);
    let tags: Vec<(&str, &str)> = parameter.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let fits = |version: &VersionRecord| {
        let searchable = Searchable {
            name: &parameter.name,
            kind: version.kind.name(),
            key_id: version.key_id.as_deref(),
            tier: version.tier.name(),
            data_type: &version.data_type,
            tags: &tags,
            labels: &version.labels,
        };
        filters.iter().all(|filter| filter.matches(&searchable))
    };
    if by_label {
        parameter.versions().find(|version| fits(version))
    } else {
        Some(&parameter.latest).filter(|version| fits(version))
    }
}
