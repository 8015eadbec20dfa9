//! Whether a task that runs can be reached from outside of its VPC. That is nothing that a start needs, so the links are
//! good; but they have a mend.

use std::collections::BTreeSet;

use domain::ecs::Task;
use domain::failure::{Link, LinkKind};
use domain::mend::Fault;

use crate::ec2::record::{Direction, PeerRecord, SecurityGroupRuleRecord};
use crate::store::State;

/// What keeps others from the ports of the task's containers.
pub(super) fn look(state: &State, task: &Task) -> Vec<Link> {
    let ports: BTreeSet<&(u16, String)> = task.spec.containers.iter().flat_map(|container| &container.ports).collect();
    let interface = &task.spec.interface;
    let mut links = Vec::new();
    if interface.public_address.is_none() && !ports.is_empty() {
        let detail = "It has no public address: only what is in its VPC reaches it.";
        let mend = "If others are to reach it, run it with a public address (assignPublicIp ENABLED).";
        links.push(hint(&interface.subnet_id, detail.to_owned(), mend, Fault::NoPublicAddress));
    }
    let groups = interface.security_groups.iter().filter_map(|id| state.security_groups.get(id));
    let rules: Vec<&SecurityGroupRuleRecord> = groups.flat_map(|group| &group.rules).collect();
    for (port, protocol) in ports {
        let Some(group) = interface.security_groups.first() else { break };
        if rules.iter().any(|rule| opens(rule, *port, protocol)) {
            continue;
        }
        let detail = format!("No rule of its security groups lets an address in to {protocol} port {port}.");
        let mend = "If others are to reach it, let them in with a rule.";
        let fault = Fault::PortClosed { group: group.clone(), port: *port, protocol: protocol.clone() };
        links.push(hint(group, detail, mend, fault));
    }
    links
}

fn hint(subject: &str, detail: String, mend: &str, fault: Fault) -> Link {
    let link = Link::good(LinkKind::Network, subject, detail).with_fault(fault);
    Link { mend: mend.to_owned(), ..link }
}

/// Whether a rule lets some address in to the port.
fn opens(rule: &SecurityGroupRuleRecord, port: u16, protocol: &str) -> bool {
    let port = i32::from(port);
    let is_about =
        rule.protocol == "-1" || (rule.protocol == protocol && (rule.from_port..=rule.to_port).contains(&port));
    rule.direction == Direction::Ingress && matches!(rule.peer, PeerRecord::Ipv4(_)) && is_about
}
