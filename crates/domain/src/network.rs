//! What the network of the whole node should look like: VPCs, interfaces, security groups, public addresses.
//!
//! The control plane computes a [`NetworkPlan`] from its records; the node makes it true. Rendering it to a ruleset is
//! a decision and therefore a pure function beside it: [`ruleset`].

pub mod ruleset;

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// The wanted network of one node. Applying the same plan twice changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkPlan {
    /// All VPCs, with the ranges that are theirs.
    pub vpcs: Vec<VpcPlan>,
    /// All interfaces of tasks that are not yet stopped.
    pub interfaces: Vec<InterfacePlan>,
    /// All security groups that an interface uses or a rule names.
    pub security_groups: Vec<SecurityGroupPlan>,
    /// The ranges from which public addresses are given. Unassigned addresses of it are unreachable, not forwarded.
    pub public_ranges: Vec<Ipv4Net>,
}

/// A VPC on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcPlan {
    /// `vpc-…`
    pub id: String,
    /// Its address ranges.
    pub cidr_blocks: Vec<Ipv4Net>,
    /// Its subnets.
    pub subnets: Vec<SubnetPlan>,
}

/// A subnet on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetPlan {
    /// `subnet-…`
    pub id: String,
    /// Its range. The first address after the network's own is the gateway, the next the resolver (as in a VPC).
    pub cidr_block: Ipv4Net,
    /// True when its route table has a default route to an internet gateway.
    pub internet: bool,
}

/// An elastic network interface of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfacePlan {
    /// `eni-…`
    pub id: String,
    /// The task it belongs to (32 hexadecimal digits).
    pub task_id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its subnet.
    pub subnet_id: String,
    /// Its private address. No two interfaces of a node have the same, even when their VPCs' ranges overlap.
    pub address: Ipv4Addr,
    /// `02:…`: the only address it may send from.
    pub mac_address: String,
    /// Its public address, if one was asked for.
    pub public_address: Option<Ipv4Addr>,
    /// Ids of its security groups.
    pub security_groups: Vec<String>,
}

/// A security group: what its members let in and out. Anything not named is dropped; answers always pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupPlan {
    /// `sg-…`
    pub id: String,
    /// What may come in.
    pub ingress: Vec<RulePlan>,
    /// What may go out.
    pub egress: Vec<RulePlan>,
}

/// One rule of a security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulePlan {
    /// Which protocol.
    pub protocol: Protocol,
    /// Whom it is about: the source of ingress, the destination of egress.
    pub peer: Peer,
}

/// The protocol of a rule, with its ports where it has some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// Every protocol (`-1`).
    All,
    /// TCP ports, first and last.
    Tcp(u16, u16),
    /// UDP ports, first and last.
    Udp(u16, u16),
    /// ICMP: type and code, each `None` for all.
    Icmp(Option<u8>, Option<u8>),
    /// Any other protocol by its number.
    Number(u8),
}

/// The other side of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Peer {
    /// An address range.
    Cidr(Ipv4Net),
    /// All members of a security group.
    Group(String),
}
