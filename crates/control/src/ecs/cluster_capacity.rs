//! Capacity providers of clusters: Fargate and Fargate Spot, which are the same here.

use std::sync::Arc;

use api::ecs::{CapacityProviderStrategyItem, PutClusterCapacityProvidersInput, PutClusterCapacityProvidersOutput};

use super::error::parameter;
use super::record::ClusterRecord;
use super::{arn, cluster};
use crate::{App, Authorized, Request, ServiceError};

/// The providers there are.
const PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];
/// The largest weight of a strategy's item.
const WEIGHT: i32 = 1000;
/// The largest base of a strategy's item.
const BASE: i32 = 100_000;

/// PutClusterCapacityProviders.
pub(super) async fn put(
    app: Arc<App>,
    request: Request<PutClusterCapacityProvidersInput>,
) -> Result<PutClusterCapacityProvidersOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let arn = arn::cluster(caller, Some(&input.cluster));
        Ok(cluster::access(state, "ecs:PutClusterCapacityProviders", arn))
    })?;
    let arn = arn::cluster(&caller, Some(&input.cluster));
    check(&input.capacity_providers, &input.default_capacity_provider_strategy)?;
    cluster::change(&app, &arn, |cluster| {
        cluster.capacity_providers = input.capacity_providers;
        cluster.default_strategy = input.default_capacity_provider_strategy;
        Ok(())
    })
    .await?;
    let state = app.store.read();
    let cluster = cluster::show(&state, cluster::find(&state, &arn)?, &["SETTINGS"]);
    Ok(PutClusterCapacityProvidersOutput { cluster: Some(cluster) })
}

/// Checks providers and a strategy that uses them.
pub(super) fn check(providers: &[String], strategy: &[CapacityProviderStrategyItem]) -> Result<(), ServiceError> {
    if providers.iter().any(|provider| !PROVIDERS.contains(&provider.as_str())) {
        return Err(parameter(
            "The specified capacity provider was not found. Specify a valid name or ARN and try again.",
        ));
    }
    check_strategy(providers, strategy)
}

fn check_strategy(providers: &[String], strategy: &[CapacityProviderStrategyItem]) -> Result<(), ServiceError> {
    let mut with_base = 0;
    for item in strategy {
        if !providers.contains(&item.capacity_provider) {
            return Err(parameter(format!(
                "The capacity provider strategy cannot contain a capacity provider that is not associated with the \
                 cluster. Associate the capacity provider {} with the cluster and try again.",
                item.capacity_provider
            )));
        }
        let (weight, base) = (item.weight.unwrap_or(0), item.base.unwrap_or(0));
        if !(0..=WEIGHT).contains(&weight) || !(0..=BASE).contains(&base) {
            return Err(parameter(format!(
                "The weight of a capacity provider must be between 0 and {WEIGHT}, its base between 0 and {BASE}."
            )));
        }
        with_base += i32::from(base > 0);
    }
    if with_base > 1 {
        return Err(parameter("Only one capacity provider of a strategy can have a base."));
    }
    Ok(())
}

/// The provider for each of `count` tasks: first the base, then by weight.
pub(super) fn spread(
    cluster: &ClusterRecord,
    strategy: &[CapacityProviderStrategyItem],
    count: usize,
) -> Result<Vec<String>, ServiceError> {
    check_strategy(&cluster.capacity_providers, strategy)?;
    // A strategy of one item needs no weight.
    let weight = |item: &CapacityProviderStrategyItem| match item.weight {
        Some(weight) => weight,
        None => i32::from(strategy.len() == 1),
    };
    let mut given = vec![0; strategy.len()];
    let mut providers = Vec::with_capacity(count);
    for _ in 0..count {
        let for_base = strategy.iter().zip(&given).position(|(item, given)| *given < item.base.unwrap_or(0));
        let by_weight = || {
            let candidates = strategy.iter().enumerate().filter(|(_, item)| weight(item) > 0);
            // The one that is furthest behind its share: the least (given + 1) / weight.
            candidates
                .min_by_key(|(index, item)| (i64::from(given[*index]) + 1) * 1_000_000 / i64::from(weight(item)))
                .map(|(index, _)| index)
        };
        let index = for_base.or_else(by_weight).ok_or_else(|| {
            parameter("At least one capacity provider of a strategy must have a weight greater than zero.")
        })?;
        given[index] += 1;
        providers.push(strategy[index].capacity_provider.clone());
    }
    Ok(providers)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::record::ClusterStatus;
    use super::*;

    fn item(provider: &str, weight: i32, base: i32) -> CapacityProviderStrategyItem {
        CapacityProviderStrategyItem { capacity_provider: provider.into(), weight: Some(weight), base: Some(base) }
    }

    #[test]
    fn tasks_are_spread_by_base_and_weight() {
        let cluster = ClusterRecord {
            arn: String::new(),
            name: String::new(),
            status: ClusterStatus::Active,
            settings: BTreeMap::new(),
            configuration: None,
            service_connect_namespace: None,
            capacity_providers: PROVIDERS.map(str::to_owned).to_vec(),
            default_strategy: Vec::new(),
            tags: BTreeMap::new(),
        };
        let count = |strategy: &[CapacityProviderStrategyItem]| {
            let providers = spread(&cluster, strategy, 10).expect("a good strategy");
            providers.iter().filter(|provider| *provider == "FARGATE").count()
        };
        assert_eq!(count(&[item("FARGATE", 1, 0), item("FARGATE_SPOT", 4, 0)]), 2);
        assert_eq!(count(&[item("FARGATE", 0, 3), item("FARGATE_SPOT", 1, 0)]), 3);
        let unweighted = CapacityProviderStrategyItem { capacity_provider: "FARGATE".into(), ..Default::default() };
        assert_eq!(count(&[unweighted]), 10);
        assert!(spread(&cluster, &[item("FARGATE", 0, 0)], 1).is_err());
        assert!(spread(&cluster, &[item("other", 1, 0)], 1).is_err());
    }
}
