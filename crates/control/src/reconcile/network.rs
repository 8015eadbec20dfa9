//! The node's network as the records want it: one plan for everything, applied whenever it differs from the last one.
//!
//! The plan is small beside the cost of applying it, so it is simply made anew after every change of the records.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::compute::Compute;
use domain::network::{InterfacePlan, NetworkPlan, Peer, Protocol, RulePlan, SecurityGroupPlan, SubnetPlan, VpcPlan};
use tokio::sync::watch;

use crate::App;
use crate::app::Settings;
use crate::ec2;
use crate::ec2::record::{Direction, NetworkInterfaceRecord, PeerRecord, SecurityGroupRecord, SecurityGroupRuleRecord};
use crate::store::State;

/// From a plan that could not be applied to the next try.
const RETRY: Duration = Duration::from_secs(2);

/// Runs until `shutdown` says so.
pub(super) async fn run(app: Arc<App>, compute: Arc<dyn Compute>, mut shutdown: watch::Receiver<bool>) {
    let mut revision = app.store.revision();
    let mut applied: Option<Arc<NetworkPlan>> = None;
    while !*shutdown.borrow_and_update() {
        revision.mark_unchanged();
        let wanted = Arc::new(plan(&app.store.read(), &app.settings));
        let mut failed = false;
        if applied.as_ref() != Some(&wanted) {
            match compute.apply_network(Arc::clone(&wanted)).await {
                Ok(()) => applied = Some(wanted),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the network could not be made as planned; it is tried again");
                    failed = true;
                }
            }
        }
        tokio::select! {
            changed = revision.changed() => if changed.is_err() { return },
            _ = shutdown.changed() => {}
            () = tokio::time::sleep(RETRY), if failed => {}
        }
    }
}

/// What the records want of the node's network.
pub(crate) fn plan(state: &State, settings: &Settings) -> NetworkPlan {
    let used: BTreeSet<&str> = state
        .network_interfaces
        .values()
        .flat_map(|interface| interface.security_groups.iter().map(String::as_str))
        .collect();
    NetworkPlan {
        vpcs: state
            .vpcs
            .values()
            .map(|vpc| VpcPlan {
                id: vpc.id.clone(),
                cidr_blocks: vec![vpc.cidr_block],
                subnets: state
                    .subnets
                    .values()
                    .filter(|subnet| subnet.vpc_id == vpc.id)
                    .map(|subnet| SubnetPlan {
                        id: subnet.id.clone(),
                        cidr_block: subnet.cidr_block,
                        internet: ec2::leads_to_internet(state, subnet),
                    })
                    .collect(),
            })
            .collect(),
        interfaces: state.network_interfaces.values().map(|record| interface(record)).collect(),
        security_groups: used
            .into_iter()
            .filter_map(|id| state.security_groups.get(id))
            .map(|record| security_group(record))
            .collect(),
        public_ranges: settings.public_pool.clone(),
    }
}

fn interface(record: &NetworkInterfaceRecord) -> InterfacePlan {
    InterfacePlan {
        id: record.id.clone(),
        task_id: record.task_id.clone(),
        vpc_id: record.vpc_id.clone(),
        subnet_id: record.subnet_id.clone(),
        address: record.address,
        mac_address: record.mac_address.clone(),
        public_address: record.public_address.as_ref().map(|public| public.address),
        security_groups: record.security_groups.clone(),
    }
}

fn security_group(record: &SecurityGroupRecord) -> SecurityGroupPlan {
    let rules = |direction: Direction| {
        record.rules.iter().filter(|rule| rule.direction == direction).filter_map(rule).collect::<Vec<_>>()
    };
    SecurityGroupPlan { id: record.id.clone(), ingress: rules(Direction::Ingress), egress: rules(Direction::Egress) }
}

/// A rule as the node enforces it; `None` for what no task's packet can match (IPv6).
fn rule(record: &SecurityGroupRuleRecord) -> Option<RulePlan> {
    let peer = match &record.peer {
        PeerRecord::Ipv4(range) => Peer::Cidr(*range),
        PeerRecord::Group(id) => Peer::Group(id.clone()),
        PeerRecord::Ipv6(_) => return None,
    };
    let port = |port: i32, otherwise: u16| u16::try_from(port).unwrap_or(otherwise);
    let ports = || (port(record.from_port, 0), port(record.to_port, u16::MAX));
    let protocol = match record.protocol.as_str() {
        "-1" => Protocol::All,
        "tcp" => Protocol::Tcp(ports().0, ports().1),
        "udp" => Protocol::Udp(ports().0, ports().1),
        "icmp" => Protocol::Icmp(u8::try_from(record.from_port).ok(), u8::try_from(record.to_port).ok()),
        number => Protocol::Number(number.parse().ok()?),
    };
    Some(RulePlan { protocol, peer })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ec2::interfaces::{AllocateInterface, allocate, release};
    use crate::testing::{OWNER, TestApp};

    #[test]
    fn a_task_in_the_default_vpc_is_planned_with_its_group_and_its_way_out() {
        let test = TestApp::new();
        let mut state = State::default();
        ec2::make_default_network(&test.app, &mut state, OWNER);
        let subnet_id = state.subnets.values().next().expect("a subnet").id.clone();
        let wanted = AllocateInterface {
            owner: OWNER,
            subnet_id: &subnet_id,
            security_groups: &[],
            assign_public_ip: true,
            task_id: "0123456789abcdef0123456789abcdef",
            attachment_id: "11111111-2222-3333-4444-555555555555",
        };
        let spec = allocate(&test.app, &mut state, &wanted).expect("allocated");
        let planned = plan(&state, &test.app.settings);
        assert!(planned.vpcs[0].subnets.iter().all(|subnet| subnet.internet));
        assert_eq!(planned.interfaces[0].address, spec.address);
        let group = &planned.security_groups[0];
        let own = RulePlan { protocol: Protocol::All, peer: Peer::Group(group.id.clone()) };
        assert_eq!(group.ingress, [own]);
        assert_eq!(group.egress.len(), 1);
        release(&mut state, &spec.id);
        let planned = plan(&state, &test.app.settings);
        assert!(planned.interfaces.is_empty() && planned.security_groups.is_empty());
    }
}
