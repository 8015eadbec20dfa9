//! Clusters: names under which tasks are run.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::ecs::{
    Cluster, ClusterServiceConnectDefaults, ClusterSetting, CreateClusterInput, CreateClusterOutput,
    DeleteClusterInput, DeleteClusterOutput, DescribeClustersInput, DescribeClustersOutput, Failure, KeyValuePair,
    ListClustersInput, ListClustersOutput, UpdateClusterInput, UpdateClusterOutput, UpdateClusterSettingsInput,
    UpdateClusterSettingsOutput,
};
use domain::ecs::{TaskStatus, is_name, tags_from};

use super::error::{client, parameter};
use super::page::page;
use super::record::{ClusterRecord, ClusterStatus};
use super::{arn, cluster_capacity, tag};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// The most clusters one DescribeClusters asks for, and one page lists.
const CLUSTERS: usize = 100;
/// What `containerInsights` can be.
const INSIGHTS: [&str; 3] = ["enabled", "disabled", "enhanced"];

/// CreateCluster. A cluster that is there already is the answer.
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateClusterInput>,
) -> Result<CreateClusterOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, _| {
        Ok(arn::requesting_tags(Access::to_any("ecs:CreateCluster"), input.tags.as_deref()))
    })?;
    let name = input.cluster_name.filter(|name| !name.is_empty()).unwrap_or_else(|| arn::DEFAULT_CLUSTER.to_owned());
    if !is_name(&name) {
        return Err(parameter("Cluster name contains invalid characters."));
    }
    let capacity_providers = input.capacity_providers.unwrap_or_default();
    let default_strategy = input.default_capacity_provider_strategy.unwrap_or_default();
    cluster_capacity::check(&capacity_providers, &default_strategy)?;
    let record = ClusterRecord {
        arn: arn::cluster(&caller, Some(&name)),
        name,
        status: ClusterStatus::Active,
        settings: settings(BTreeMap::new(), input.settings)?,
        configuration: input.configuration,
        service_connect_namespace: input.service_connect_defaults.map(|defaults| defaults.namespace),
        capacity_providers,
        default_strategy,
        tags: tags_from(input.tags.as_deref())?,
    };
    let arn = record.arn.clone();
    app.store
        .write(move |state| {
            if state.clusters.get(&record.arn).is_none_or(|known| known.status == ClusterStatus::Inactive) {
                state.clusters.put(&record.arn.clone(), record);
            }
            Ok::<_, ServiceError>(())
        })
        .await?;
    let state = app.store.read();
    let cluster = find(&state, &arn)?;
    Ok(CreateClusterOutput { cluster: Some(show(&state, cluster, &["TAGS", "SETTINGS", "CONFIGURATIONS"])) })
}

/// DescribeClusters.
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeClustersInput>,
) -> Result<DescribeClustersOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arns = named(input.clusters.as_deref(), caller);
        Ok(Access { resources: arns, ..Access::to_any("ecs:DescribeClusters") })
    })?;
    let arns = named(input.clusters.as_deref(), &caller);
    if arns.len() > CLUSTERS {
        return Err(parameter(format!("Clusters cannot have more than {CLUSTERS} elements.")));
    }
    let include: Vec<&str> = input.include.iter().flatten().map(String::as_str).collect();
    let state = app.store.read();
    let mut clusters = Vec::new();
    let mut failures = Vec::new();
    for arn in arns {
        match state.clusters.get(&arn) {
            Some(cluster) => clusters.push(show(&state, cluster, &include)),
            None => failures.push(Failure { arn: Some(arn), reason: Some("MISSING".into()), detail: None }),
        }
    }
    Ok(DescribeClustersOutput { clusters: Some(clusters), failures: Some(failures) })
}

fn named(clusters: Option<&[String]>, caller: &domain::iam::Caller) -> Vec<String> {
    match clusters {
        Some(clusters) if !clusters.is_empty() => {
            clusters.iter().map(|cluster| arn::cluster(caller, Some(cluster))).collect()
        }
        _ => vec![arn::cluster(caller, None)],
    }
}

/// ListClusters.
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListClustersInput>,
) -> Result<ListClustersOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |_, _, _| Ok(Access::to_any("ecs:ListClusters")))?;
    let state = app.store.read();
    let prefix = arn::ecs(&caller, "cluster/".to_owned());
    let active = state.clusters.with_prefix(&prefix).filter(|(_, cluster)| cluster.status == ClusterStatus::Active);
    let items = active.map(|(arn, _)| (arn.to_owned(), arn.to_owned()));
    let (cluster_arns, next_token) = page(items, input.next_token.as_deref(), input.max_results, CLUSTERS)?;
    Ok(ListClustersOutput { cluster_arns: Some(cluster_arns), next_token })
}

/// DeleteCluster.
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteClusterInput>,
) -> Result<DeleteClusterOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(access(state, "ecs:DeleteCluster", arn::cluster(caller, Some(&input.cluster))))
    })?;
    let arn = arn::cluster(&caller, Some(&input.cluster));
    app.store
        .write(|state| {
            find(state, &arn)?;
            let busy = state
                .tasks
                .values()
                .any(|task| task.spec.cluster_arn == arn && task.last_status != TaskStatus::Stopped);
            if busy {
                return Err(ServiceError::new(
                    "ClusterContainsTasksException",
                    "The Cluster cannot be deleted while Tasks are active.",
                ));
            }
            state.clusters.update(&arn, |cluster| cluster.status = ClusterStatus::Inactive);
            Ok(())
        })
        .await?;
    let state = app.store.read();
    Ok(DeleteClusterOutput { cluster: Some(show(&state, find(&state, &arn)?, &["SETTINGS"])) })
}

/// UpdateCluster.
pub(super) async fn update(
    app: Arc<App>,
    request: Request<UpdateClusterInput>,
) -> Result<UpdateClusterOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(access(state, "ecs:UpdateCluster", arn::cluster(caller, Some(&input.cluster))))
    })?;
    let arn = arn::cluster(&caller, Some(&input.cluster));
    change(&app, &arn, |cluster| {
        cluster.settings = settings(std::mem::take(&mut cluster.settings), input.settings)?;
        if input.configuration.is_some() {
            cluster.configuration = input.configuration;
        }
        if let Some(defaults) = input.service_connect_defaults {
            cluster.service_connect_namespace = Some(defaults.namespace).filter(|namespace| !namespace.is_empty());
        }
        Ok(())
    })
    .await?;
    let state = app.store.read();
    let cluster = show(&state, find(&state, &arn)?, &["TAGS", "SETTINGS", "CONFIGURATIONS"]);
    Ok(UpdateClusterOutput { cluster: Some(cluster) })
}

/// UpdateClusterSettings.
pub(super) async fn update_settings(
    app: Arc<App>,
    request: Request<UpdateClusterSettingsInput>,
) -> Result<UpdateClusterSettingsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(access(state, "ecs:UpdateClusterSettings", arn::cluster(caller, Some(&input.cluster))))
    })?;
    let arn = arn::cluster(&caller, Some(&input.cluster));
    change(&app, &arn, |cluster| {
        cluster.settings = settings(std::mem::take(&mut cluster.settings), Some(input.settings))?;
        Ok(())
    })
    .await?;
    let state = app.store.read();
    Ok(UpdateClusterSettingsOutput { cluster: Some(show(&state, find(&state, &arn)?, &["SETTINGS"])) })
}

/// Changes an active cluster.
pub(super) async fn change(
    app: &App,
    arn: &str,
    change: impl FnOnce(&mut ClusterRecord) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    app.store
        .write(|state| {
            let mut cluster = find_active(state, arn)?.clone();
            change(&mut cluster)?;
            state.clusters.put(arn, cluster);
            Ok(())
        })
        .await
}

/// The cluster, which may be INACTIVE.
pub(super) fn find<'a>(state: &'a State, arn: &str) -> Result<&'a ClusterRecord, ServiceError> {
    let cluster = state.clusters.get(arn);
    cluster.map(|cluster| &**cluster).ok_or_else(|| ServiceError::new("ClusterNotFoundException", "Cluster not found."))
}

/// The cluster, in which tasks can be run.
pub(super) fn find_active<'a>(state: &'a State, arn: &str) -> Result<&'a ClusterRecord, ServiceError> {
    let cluster = find(state, arn)?;
    match cluster.status {
        ClusterStatus::Active => Ok(cluster),
        ClusterStatus::Inactive => Err(parameter("The referenced cluster was inactive.")),
    }
}

/// Access to a cluster, there or not.
pub(super) fn access(state: &State, action: &'static str, arn: String) -> Access {
    let tags = state.clusters.get(&arn).map(|cluster| cluster.tags.clone()).unwrap_or_default();
    arn::tagged(Access::to(action, arn), &tags)
}

/// The known settings with the given ones over them.
fn settings(
    mut known: BTreeMap<String, String>,
    given: Option<Vec<ClusterSetting>>,
) -> Result<BTreeMap<String, String>, ServiceError> {
    known.entry("containerInsights".to_owned()).or_insert_with(|| "disabled".to_owned());
    for setting in given.into_iter().flatten() {
        let (name, value) = (setting.name.unwrap_or_default(), setting.value.unwrap_or_default());
        if name != "containerInsights" {
            return Err(parameter(format!("Invalid setting name '{name}'.")));
        }
        if !INSIGHTS.contains(&value.as_str()) {
            return Err(client(format!("Invalid value '{value}' for the setting '{name}'.")));
        }
        known.insert(name, value);
    }
    Ok(known)
}

/// A cluster as ECS shows it, with what `include` asks for.
pub(super) fn show(state: &State, cluster: &ClusterRecord, include: &[&str]) -> Cluster {
    let counts = Counts::of(state, &cluster.arn);
    let included = |what: &str| include.contains(&what);
    Cluster {
        cluster_arn: Some(cluster.arn.clone()),
        cluster_name: Some(cluster.name.clone()),
        status: Some(match cluster.status {
            ClusterStatus::Active => "ACTIVE".to_owned(),
            ClusterStatus::Inactive => "INACTIVE".to_owned(),
        }),
        registered_container_instances_count: Some(0),
        running_tasks_count: Some(counts.running_fargate + counts.running_ec2),
        pending_tasks_count: Some(counts.pending_fargate + counts.pending_ec2),
        active_services_count: Some(0),
        statistics: Some(if included("STATISTICS") { counts.statistics() } else { Vec::new() }),
        tags: Some(if included("TAGS") { tag::show(&cluster.tags) } else { Vec::new() }),
        settings: Some(if included("SETTINGS") { show_settings(cluster) } else { Vec::new() }),
        configuration: cluster.configuration.clone().filter(|_| included("CONFIGURATIONS")),
        capacity_providers: Some(cluster.capacity_providers.clone()),
        default_capacity_provider_strategy: Some(cluster.default_strategy.clone()),
        service_connect_defaults: cluster
            .service_connect_namespace
            .clone()
            .map(|namespace| ClusterServiceConnectDefaults { namespace: Some(namespace) }),
        ..Cluster::default()
    }
}

fn show_settings(cluster: &ClusterRecord) -> Vec<ClusterSetting> {
    let setting =
        |(name, value): (&String, &String)| ClusterSetting { name: Some(name.clone()), value: Some(value.clone()) };
    cluster.settings.iter().map(setting).collect()
}

/// Tasks of a cluster by launch type.
#[derive(Default)]
struct Counts {
    running_fargate: i32,
    running_ec2: i32,
    pending_fargate: i32,
    pending_ec2: i32,
}

impl Counts {
    fn of(state: &State, cluster_arn: &str) -> Self {
        let mut counts = Self::default();
        for task in state.tasks.values().filter(|task| task.spec.cluster_arn == cluster_arn) {
            let fargate = task.spec.launch_type == "FARGATE";
            match (task.last_status, fargate) {
                (TaskStatus::Running, true) => counts.running_fargate += 1,
                (TaskStatus::Running, false) => counts.running_ec2 += 1,
                (TaskStatus::Provisioning | TaskStatus::Pending | TaskStatus::Activating, true) => {
                    counts.pending_fargate += 1;
                }
                (TaskStatus::Provisioning | TaskStatus::Pending | TaskStatus::Activating, false) => {
                    counts.pending_ec2 += 1;
                }
                _ => {}
            }
        }
        counts
    }

    fn statistics(&self) -> Vec<KeyValuePair> {
        [
            ("runningEC2TasksCount", self.running_ec2),
            ("runningFargateTasksCount", self.running_fargate),
            ("pendingEC2TasksCount", self.pending_ec2),
            ("pendingFargateTasksCount", self.pending_fargate),
            ("activeEC2ServiceCount", 0),
            ("activeFargateServiceCount", 0),
            ("drainingEC2ServiceCount", 0),
            ("drainingFargateServiceCount", 0),
        ]
        .into_iter()
        .map(|(name, count)| KeyValuePair { name: Some(name.to_owned()), value: Some(count.to_string()) })
        .collect()
    }
}
