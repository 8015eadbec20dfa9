//! A [`NetworkPlan`] as nftables scripts: one for the router, where all tasks' interfaces end, one for the host.
//!
//! Each script replaces its table in one transaction, so no packet ever meets half a ruleset. What a task sends is
//! judged before any translation and what it receives after all of them, so a rule sees what the interface sees: the
//! public address of a peer that came by its public address, the private one of a peer in the VPC, and the real address
//! of everyone else. Verdict maps lead from an interface straight to the chain of its combination of groups: the number
//! of rules grows with groups, never with tasks.
//!
//! Connections that are open when a rule goes away stay open, as AWS documents it for tracked connections; new ones do
//! not start. IPv6 is dropped: no task has such an address.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{InterfacePlan, NetworkPlan, Peer, Protocol, RulePlan, SecurityGroupPlan, VpcPlan};

/// The router's interface to the host.
pub const UPLINK: &str = "uplink";
/// Where tasks reach the resolver.
pub const RESOLVER: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 253);
/// Where tasks reach their metadata and credentials.
pub const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);
/// Documentation ranges (RFC 5737): nobody routes an answer to them, so the host puts its own address in their place.
const DOCUMENTATION: [&str; 3] = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"];
/// What no task may send to: the host's own link-local services, loopback, multicast and reserved addresses.
const NEVER: &str = "{ 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3 }";

/// The router's end of a task's interface: `tg-` and 12 digits of the task's id.
pub fn device(task_id: &str) -> String {
    format!("tg-{}", task_id.get(..12).unwrap_or(task_id))
}

/// The script for the router.
pub fn render(plan: &NetworkPlan) -> String {
    let mut script = Script::new("tidegate");
    sets(&mut script, plan);
    let profiles = profiles(plan);
    security_groups(&mut script, plan, &profiles);
    translation(&mut script);
    hooks(&mut script);
    script.end()
}

/// The script for the host, whose interface to the router is `device`. `name` tells several servers apart.
pub fn render_host(plan: &NetworkPlan, name: &str, device: &str) -> String {
    let mut script = Script::new(&format!("tidegate_{name}"));
    script.ranges("pool", plan.public_ranges.iter());
    script.ranges("vpc_ranges", plan.vpcs.iter().flat_map(|vpc| &vpc.cidr_blocks));
    script.chain(
        "translate_source",
        "type nat hook postrouting priority srcnat",
        &[
            // A host inside a range that a VPC uses too would never get an answer at that address.
            format!("oifname \"{device}\" ip saddr @vpc_ranges masquerade"),
            format!("oifname != \"{device}\" ip saddr @pool ip saddr {{ {} }} masquerade", DOCUMENTATION.join(", ")),
        ],
    );
    script.chain(
        "through",
        "type filter hook forward priority filter",
        &[
            format!("iifname \"{device}\" ip saddr != @pool drop"),
            format!("iifname \"{device}\" meta nfproto ipv6 drop"),
        ],
    );
    script.end()
}

/// Interfaces that share VPC and groups share their chains.
struct Profile<'a> {
    vpc: usize,
    groups: Vec<&'a str>,
    interfaces: Vec<&'a InterfacePlan>,
}

fn profiles(plan: &NetworkPlan) -> Vec<Profile<'_>> {
    let known: BTreeSet<&str> = plan.security_groups.iter().map(|group| group.id.as_str()).collect();
    let mut profiles: BTreeMap<(usize, Vec<&str>), Vec<&InterfacePlan>> = BTreeMap::new();
    for interface in &plan.interfaces {
        // An interface of a VPC that is not in the plan has no chain, and what has no chain is dropped.
        let Some(vpc) = plan.vpcs.iter().position(|vpc| vpc.id == interface.vpc_id) else { continue };
        let mut groups: Vec<&str> =
            interface.security_groups.iter().map(String::as_str).filter(|id| known.contains(id)).collect();
        groups.sort_unstable();
        groups.dedup();
        profiles.entry((vpc, groups)).or_default().push(interface);
    }
    profiles.into_iter().map(|((vpc, groups), interfaces)| Profile { vpc, groups, interfaces }).collect()
}

fn sets(script: &mut Script, plan: &NetworkPlan) {
    let subnets: BTreeMap<&str, &VpcPlan> =
        plan.vpcs.iter().flat_map(|vpc| vpc.subnets.iter().map(move |subnet| (subnet.id.as_str(), vpc))).collect();
    let has_internet = |interface: &InterfacePlan| {
        interface.public_address.is_some()
            && subnets
                .get(interface.subnet_id.as_str())
                .and_then(|vpc| vpc.subnets.iter().find(|subnet| subnet.id == interface.subnet_id))
                .is_some_and(|subnet| subnet.internet)
    };
    script.ranges("vpc_ranges", plan.vpcs.iter().flat_map(|vpc| &vpc.cidr_blocks));
    script.set(
        "resolvers",
        "ipv4_addr",
        plan.vpcs.iter().flat_map(|vpc| &vpc.cidr_blocks).map(|range| resolver_of(*range).to_string()),
    );
    script.set(
        "senders",
        "ifname . ipv4_addr . ether_addr",
        plan.interfaces.iter().map(|interface| {
            format!("\"{}\" . {} . {}", device(&interface.task_id), interface.address, interface.mac_address)
        }),
    );
    // An internet gateway translates only for subnets that are routed to it, in both directions.
    let public = || {
        plan.interfaces.iter().filter(|interface| has_internet(interface)).filter_map(|interface| {
            interface.public_address.map(|public| (device(&interface.task_id), interface.address, public))
        })
    };
    script.set("internet", "ifname", public().map(|(device, ..)| format!("\"{device}\"")));
    script.map(
        "public_to_private",
        "ipv4_addr : ipv4_addr",
        public().map(|(_, private, public)| format!("{public} : {private}")),
    );
    script.map(
        "private_to_public",
        "ipv4_addr : ipv4_addr",
        public().map(|(_, private, public)| format!("{private} : {public}")),
    );
    for (number, vpc) in plan.vpcs.iter().enumerate() {
        let members = plan.interfaces.iter().filter(|interface| interface.vpc_id == vpc.id);
        script.set(&format!("vpc_{number}"), "ipv4_addr", members.map(|interface| interface.address.to_string()));
    }
}

/// The address after the gateway's, where a VPC has its resolver.
fn resolver_of(range: Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from_bits(range.network().to_bits() | 2)
}

fn security_groups(script: &mut Script, plan: &NetworkPlan, profiles: &[Profile<'_>]) {
    for id in referenced_groups(plan) {
        let members = plan.interfaces.iter().filter(|interface| interface.security_groups.iter().any(|own| own == id));
        script.set(&members_of(id), "ipv4_addr", members.map(|interface| interface.address.to_string()));
    }
    for SecurityGroupPlan { id, ingress, egress } in &plan.security_groups {
        let lines = |rules: &[RulePlan], side| rules.iter().map(|rule| rule_line(rule, side)).collect::<Vec<_>>();
        script.chain(&chain_of("into", id), "", &lines(ingress, "saddr"));
        script.chain(&chain_of("out_of", id), "", &lines(egress, "daddr"));
    }
    for (number, Profile { vpc, groups, .. }) in profiles.iter().enumerate() {
        let jumps = |way: &str| groups.iter().map(|id| format!("jump {}", chain_of(way, id))).collect::<Vec<_>>();
        let mut entering = vec![format!("ip saddr != @vpc_{vpc} ct status & dnat != dnat drop")];
        entering.extend(jumps("into"));
        entering.push("drop".into());
        script.chain(&format!("entering_{number}"), "", &entering);
        let mut leaving = vec![format!("ip daddr @vpc_ranges ip daddr != @vpc_{vpc} drop")];
        leaving.extend(jumps("out_of"));
        leaving.push("drop".into());
        script.chain(&format!("leaving_{number}"), "", &leaving);
    }
    for way in ["entering", "leaving"] {
        let elements = profiles.iter().enumerate().flat_map(|(number, profile)| {
            let goto =
                move |interface: &&InterfacePlan| format!("\"{}\" : goto {way}_{number}", device(&interface.task_id));
            profile.interfaces.iter().map(goto)
        });
        script.map(way, "ifname : verdict", elements);
    }
}

fn referenced_groups(plan: &NetworkPlan) -> BTreeSet<&str> {
    let rules = plan.security_groups.iter().flat_map(|group| group.ingress.iter().chain(&group.egress));
    let groups = rules.filter_map(|rule| match &rule.peer {
        Peer::Group(id) => Some(id.as_str()),
        Peer::Cidr(_) => None,
    });
    groups.collect()
}

fn rule_line(rule: &RulePlan, side: &str) -> String {
    let peer = match &rule.peer {
        Peer::Cidr(range) if range.prefix_len() == 0 => String::new(),
        Peer::Cidr(range) => format!("ip {side} {range} "),
        Peer::Group(id) => format!("ip {side} @{} ", members_of(id)),
    };
    let ports = |name: &str, first: u16, last: u16| match (first, last) {
        (0, u16::MAX) => format!("meta l4proto {name} "),
        _ if first == last => format!("{name} dport {first} "),
        _ => format!("{name} dport {first}-{last} "),
    };
    let matched = match rule.protocol {
        Protocol::All => String::new(),
        Protocol::Tcp(first, last) => ports("tcp", first, last),
        Protocol::Udp(first, last) => ports("udp", first, last),
        Protocol::Icmp(None, _) => "ip protocol icmp ".into(),
        Protocol::Icmp(Some(kind), None) => format!("icmp type {kind} "),
        Protocol::Icmp(Some(kind), Some(code)) => format!("icmp type {kind} icmp code {code} "),
        Protocol::Number(number) => format!("meta l4proto {number} "),
    };
    format!("{peer}{matched}accept")
}

fn chain_of(way: &str, group_id: &str) -> String {
    format!("{way}_{}", identifier(group_id))
}

fn members_of(group_id: &str) -> String {
    format!("members_{}", identifier(group_id))
}

/// An id as nft's grammar takes it. Ids are ours, but a script is no place to trust one.
fn identifier(id: &str) -> String {
    id.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}

fn translation(script: &mut Script) {
    script.chain(
        "translate_destination",
        "type nat hook prerouting priority dstnat",
        &[
            format!("iifname \"tg-*\" ip daddr @resolvers dnat ip to {RESOLVER}"),
            "dnat ip to ip daddr map @public_to_private".into(),
        ],
    );
    script.chain(
        "translate_source",
        "type nat hook postrouting priority srcnat",
        &[
            format!("oifname \"{UPLINK}\" snat ip to ip saddr map @private_to_public"),
            // A task that reached another by its public address came through the internet gateway.
            "ct status dnat snat ip to ip saddr map @private_to_public".into(),
        ],
    );
}

fn hooks(script: &mut Script) {
    script.chain(
        "arriving",
        "type filter hook prerouting priority raw",
        &[
            "iifname \"tg-*\" iifname . ip saddr . ether saddr @senders accept".into(),
            "iifname \"tg-*\" drop".into(),
            "ip saddr @vpc_ranges drop".into(),
        ],
    );
    script.chain(
        "leaving_task",
        "type filter hook prerouting priority dstnat - 10",
        &[
            "iifname != \"tg-*\" accept".into(),
            "ct state established,related accept".into(),
            "ct state invalid drop".into(),
            format!("ip daddr {{ {RESOLVER}, {METADATA} }} accept"),
            "ip daddr @resolvers accept".into(),
            format!("ip daddr {NEVER} drop"),
            "ip daddr != @vpc_ranges iifname != @internet drop".into(),
            "iifname vmap @leaving".into(),
            "drop".into(),
        ],
    );
    script.chain(
        "entering_task",
        "type filter hook postrouting priority srcnat + 10",
        &[
            "oifname != \"tg-*\" accept".into(),
            "ct state established,related accept".into(),
            "ct state invalid drop".into(),
            "oifname vmap @entering".into(),
            "drop".into(),
        ],
    );
    script.chain(
        "through",
        "type filter hook forward priority filter",
        &[format!("iifname \"{UPLINK}\" oifname \"{UPLINK}\" drop")],
    );
    script.chain(
        "to_router",
        "type filter hook input priority filter",
        &[
            "iifname \"lo\" accept".into(),
            "ct state established,related accept".into(),
            format!("iifname \"tg-*\" ip daddr {RESOLVER} meta l4proto {{ tcp, udp }} th dport 53 accept"),
            format!("iifname \"tg-*\" ip daddr {METADATA} tcp dport 80 accept"),
            "drop".into(),
        ],
    );
}

/// An nft script that replaces one table.
struct Script {
    text: String,
}

impl Script {
    fn new(table: &str) -> Self {
        // Adding it first makes deleting it never fail; all of it is one transaction.
        Self { text: format!("table inet {table}\ndelete table inet {table}\ntable inet {table} {{\n") }
    }

    fn set(&mut self, name: &str, kind: &str, elements: impl Iterator<Item = String>) {
        self.collection("set", name, kind, "", elements);
    }

    fn map(&mut self, name: &str, kind: &str, elements: impl Iterator<Item = String>) {
        self.collection("map", name, kind, "", elements);
    }

    fn ranges<'a>(&mut self, name: &str, ranges: impl Iterator<Item = &'a Ipv4Net>) {
        self.collection("set", name, "ipv4_addr", "flags interval; auto-merge; ", ranges.map(ToString::to_string));
    }

    fn collection(&mut self, what: &str, name: &str, kind: &str, flags: &str, elements: impl Iterator<Item = String>) {
        let elements: Vec<String> = elements.collect::<BTreeSet<_>>().into_iter().collect();
        let contents =
            if elements.is_empty() { String::new() } else { format!("elements = {{ {} }}; ", elements.join(", ")) };
        self.line(&format!("\t{what} {name} {{ type {kind}; {flags}{contents}}}"));
    }

    /// A chain; a base chain when `hook` is not empty. All base chains accept at their end.
    fn chain(&mut self, name: &str, hook: &str, rules: &[String]) {
        self.line(&format!("\tchain {name} {{"));
        if !hook.is_empty() {
            self.line(&format!("\t\t{hook}; policy accept;"));
        }
        for rule in rules {
            self.line(&format!("\t\t{rule}"));
        }
        self.line("\t}");
    }

    fn line(&mut self, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    fn end(mut self) -> String {
        self.line("}");
        self.text
    }
}

#[cfg(test)]
mod tests;
