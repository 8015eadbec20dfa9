//! The metadata documents, as pure functions of the task's spec and what is observed of it.
//!
//! Field names, and the mixed case of some, are the ECS agent's.

use domain::compute::{ContainerObservation, ContainerPhase, ContainerSpec, Health, TaskObservation, TaskSpec};
use serde_json::{Map, Value, json};

use crate::storage::Utilization;
use crate::tasks::KeptImage;

/// What the documents are made of.
pub(super) struct Facts<'a> {
    pub(super) spec: &'a TaskSpec,
    pub(super) observation: &'a TaskObservation,
    pub(super) image: &'a dyn Fn(&str) -> Option<KeptImage>,
    /// Of the ephemeral storage, where it is limited.
    pub(super) storage: Option<Utilization>,
}

impl Facts<'_> {
    fn observed(&self, name: &str) -> Option<&ContainerObservation> {
        self.observation.containers.iter().find(|container| container.name == name)
    }

    /// The task is as far as its slowest container.
    fn known_status(&self) -> &'static str {
        if self.observation.containers.iter().all(|container| container.phase == ContainerPhase::Stopped) {
            "STOPPED"
        } else if self.observation.all_started() {
            "RUNNING"
        } else {
            "PENDING"
        }
    }

    fn desired_status(&self) -> &'static str {
        let stopping = self.spec.containers.iter().any(|container| {
            container.essential
                && self.observed(&container.name).is_some_and(|container| container.phase == ContainerPhase::Stopped)
        });
        if stopping { "STOPPED" } else { "RUNNING" }
    }
}

/// One container.
pub(super) fn container(facts: &Facts<'_>, container: &ContainerSpec) -> Value {
    let spec = facts.spec;
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    put("DockerId", json!(container.runtime_id));
    put("Name", json!(container.name));
    put("DockerName", json!(container.name));
    put("Image", json!(container.image));
    put("ImageID", json!((facts.image)(&container.name).map(|image| image.manifest_digest).unwrap_or_default()));
    if !container.ports.is_empty() {
        let ports = container
            .ports
            .iter()
            .map(|(port, protocol)| json!({"ContainerPort": port, "Protocol": protocol, "HostPort": port}));
        put("Ports", ports.collect());
    }
    put("Labels", labels(spec, container));
    put("DesiredStatus", json!(facts.desired_status()));
    put("Type", json!("NORMAL"));
    put("ContainerARN", json!(container.arn));
    put("Networks", json!([network(spec)]));
    put("Snapshotter", json!("overlayfs"));
    let mut limits = json!({"CPU": container.cpu_units});
    if let Some(memory) = container.memory_mib {
        limits["Memory"] = json!(memory);
    }
    put("Limits", limits);
    if let Some(log) = &container.log {
        put("LogDriver", json!("awslogs"));
        put(
            "LogOptions",
            json!({"awslogs-group": log.group, "awslogs-region": log.region, "awslogs-stream": log.stream}),
        );
    }
    if !container.mounts.is_empty() {
        let volumes =
            container.mounts.iter().map(|mount| json!({"DockerName": mount.volume, "Destination": mount.path}));
        put("Volumes", volumes.collect());
    }
    if let Some(observed) = facts.observed(&container.name) {
        observed_fields(&mut document, container, observed);
    }
    Value::Object(document)
}

fn observed_fields(document: &mut Map<String, Value>, container: &ContainerSpec, observed: &ContainerObservation) {
    let status = match observed.phase {
        ContainerPhase::Pending => "NONE",
        ContainerPhase::Pulled => "PULLED",
        ContainerPhase::Running => "RUNNING",
        ContainerPhase::Stopped => "STOPPED",
    };
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    put("KnownStatus", json!(status));
    if let Some(code) = observed.exit_code {
        put("ExitCode", json!(code));
    }
    if let Some(at) = observed.started_at {
        put("CreatedAt", json!(at.to_rfc3339()));
        put("StartedAt", json!(at.to_rfc3339()));
    }
    if let Some(at) = observed.stopped_at {
        put("FinishedAt", json!(at.to_rfc3339()));
    }
    if container.restart.is_some() {
        put("RestartCount", json!(observed.restart_count));
    }
    if container.health_check.is_some() {
        let status = match observed.health {
            Health::Unknown => "UNKNOWN",
            Health::Healthy => "HEALTHY",
            Health::Unhealthy => "UNHEALTHY",
        };
        put("Health", json!({"status": status}));
    }
}

fn labels(spec: &TaskSpec, container: &ContainerSpec) -> Value {
    let mut labels = json!(container.labels);
    labels["com.amazonaws.ecs.cluster"] = json!(spec.cluster_arn);
    labels["com.amazonaws.ecs.container-name"] = json!(container.name);
    labels["com.amazonaws.ecs.task-arn"] = json!(spec.task_arn);
    labels["com.amazonaws.ecs.task-definition-family"] = json!(spec.family);
    labels["com.amazonaws.ecs.task-definition-version"] = json!(spec.revision.to_string());
    labels
}

fn network(spec: &TaskSpec) -> Value {
    let interface = &spec.interface;
    let cidr = interface.subnet_cidr;
    // The gateway is the subnet's first address, the resolver the VPC's second.
    let gateway = std::net::Ipv4Addr::from_bits(cidr.network().to_bits() + 1);
    let resolver = interface.vpc_cidrs.first().map(|cidr| std::net::Ipv4Addr::from_bits(cidr.network().to_bits() + 2));
    let default_name =
        || format!("ip-{}.{}", interface.address.to_string().replace('.', "-"), domain_name(&spec.region));
    let name = interface.private_dns_name.clone().unwrap_or_else(default_name);
    json!({
        "NetworkMode": "awsvpc",
        "IPv4Addresses": [interface.address],
        "AttachmentIndex": 0,
        "MACAddress": interface.mac_address,
        "IPv4SubnetCIDRBlock": cidr,
        "DomainNameServers": resolver.into_iter().collect::<Vec<_>>(),
        "DomainNameSearchList": [domain_name(&spec.region)],
        "PrivateDNSName": name,
        "SubnetGatewayIpv4Address": format!("{gateway}/{}", cidr.prefix_len()),
    })
}

fn domain_name(region: &str) -> String {
    if region == "us-east-1" { "ec2.internal".to_owned() } else { format!("{region}.compute.internal") }
}

/// The whole task.
pub(super) fn task(facts: &Facts<'_>) -> Value {
    let (spec, observation) = (facts.spec, facts.observation);
    let mut document = json!({
        "Cluster": spec.cluster_arn,
        "TaskARN": spec.task_arn,
        "Family": spec.family,
        "Revision": spec.revision.to_string(),
        "DesiredStatus": facts.desired_status(),
        "KnownStatus": facts.known_status(),
        "AvailabilityZone": spec.availability_zone,
        "LaunchType": spec.launch_type,
        "Containers": spec.containers.iter().map(|spec| container(facts, spec)).collect::<Vec<_>>(),
        "ClockDrift": {"ClockSynchronizationStatus": "NOT_SYNCHRONIZED"},
        "FaultInjectionEnabled": false,
    });
    let mut limits = Map::new();
    if let Some(units) = spec.cpu_units {
        limits.insert("CPU".to_owned(), json!(f64::from(units) / 1024.0));
    }
    if let Some(memory) = spec.memory_mib {
        limits.insert("Memory".to_owned(), json!(memory));
    }
    if !limits.is_empty() {
        document["Limits"] = Value::Object(limits);
    }
    if let Some(at) = observation.pull_started_at {
        document["PullStartedAt"] = json!(at.to_rfc3339());
    }
    if let Some(at) = observation.pull_stopped_at {
        document["PullStoppedAt"] = json!(at.to_rfc3339());
    }
    if let (Some(gib), Some(storage)) = (spec.ephemeral_storage_gib, facts.storage) {
        document["EphemeralStorageMetrics"] = json!({"Utilized": storage.used_bytes >> 20, "Reserved": gib * 1024});
    }
    if let Some(service) = spec.group.strip_prefix("service:") {
        document["ServiceName"] = json!(service);
    }
    if spec.launch_type == "EC2" {
        document["VPCID"] = json!(spec.interface.vpc_id);
    }
    document
}

/// The whole task with its tags.
pub(super) fn task_with_tags(facts: &Facts<'_>) -> Value {
    let mut document = task(facts);
    document["TaskTags"] = json!(facts.spec.tags);
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{container as container_spec, task as task_spec};
    use wire::Timestamp;

    #[test]
    fn the_documents_have_the_agent_s_fields() {
        let mut spec = container_spec("web");
        spec.ports = vec![(80, "tcp".into())];
        let task_spec = task_spec("0123", vec![spec.clone()]);
        let observation = TaskObservation {
            pull_started_at: Some(Timestamp::from_seconds(1)),
            containers: vec![ContainerObservation {
                name: "web".into(),
                phase: ContainerPhase::Running,
                started_at: Some(Timestamp::from_seconds(2)),
                ..ContainerObservation::default()
            }],
            ..TaskObservation::default()
        };
        let storage = Some(Utilization { used_bytes: (3 << 20) + 5 });
        let facts = Facts { spec: &task_spec, observation: &observation, image: &|_| None, storage };
        let text = task(&facts).to_string();
        assert!(text.contains(&format!("\"TaskARN\":\"{}\"", task_spec.task_arn)), "{text}");
        let document = task(&facts);
        assert_eq!(document["Limits"], json!({"CPU": 0.25, "Memory": 512}));
        assert_eq!(document["KnownStatus"], "RUNNING");
        assert_eq!(document["EphemeralStorageMetrics"], json!({"Utilized": 3, "Reserved": 20480}));
        let container = &document["Containers"][0];
        assert_eq!(container["Networks"][0]["SubnetGatewayIpv4Address"], "172.31.0.1/20");
        assert_eq!(container["Networks"][0]["PrivateDNSName"], "ip-172-31-0-5.ec2.internal");
        assert_eq!(container["Ports"][0]["ContainerPort"], 80);
        assert_eq!(container["Labels"]["com.amazonaws.ecs.container-name"], "web");
        assert!(container.get("ExitCode").is_none());
        assert!(task_with_tags(&facts).get("TaskTags").is_some());
    }
}
