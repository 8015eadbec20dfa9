//! What the store holds of the VPC part of EC2. All tables are keyed by the resource's id.
//!
//! Security group rules live inside their group and routes inside their table, because AWS changes and refuses them
//! together. Which address is taken is a table of its own, so that finding a free one does not look at every interface.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use wire::Timestamp;

use super::resource::Owner;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// A virtual private cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcRecord {
    /// `vpc-…`
    pub id: String,
    /// The owner's 12 digits.
    pub account: String,
    /// Its region.
    #[serde(default)]
    pub region: String,
    /// Its address range.
    pub cidr_block: Ipv4Net,
    /// The id of the range's association: `vpc-cidr-assoc-…`.
    pub association_id: String,
    /// The account's default VPC.
    pub is_default: bool,
    /// The attribute `enableDnsSupport`.
    pub dns_support: bool,
    /// The attribute `enableDnsHostnames`.
    pub dns_hostnames: bool,
    /// The attribute `enableNetworkAddressUsageMetrics`; kept, without effect.
    pub network_address_usage_metrics: bool,
    /// The id of its DHCP options: `dopt-…`.
    pub dhcp_options_id: String,
    /// The id of its one network ACL, which lets everything pass: `acl-…`.
    pub network_acl_id: String,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
}

/// A subnet of a VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetRecord {
    /// `subnet-…`
    pub id: String,
    /// The owner's 12 digits.
    pub account: String,
    /// Its region.
    #[serde(default)]
    pub region: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its range.
    pub cidr_block: Ipv4Net,
    /// `us-east-1a`
    pub availability_zone: String,
    /// Made with the default VPC.
    pub default_for_zone: bool,
    /// The attribute `mapPublicIpOnLaunch`. ECS on Fargate does not look at it.
    pub map_public_ip_on_launch: bool,
    /// The id of its association with the VPC's network ACL: `aclassoc-…`.
    pub network_acl_association_id: String,
    /// The attribute `privateDnsHostnameTypeOnLaunch`; kept, `ip-name` is what is done.
    pub private_dns_hostname_type: String,
    /// The attribute `enableResourceNameDnsARecordOnLaunch`; kept, without effect.
    pub resource_name_dns_a_record: bool,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
}

impl SubnetRecord {
    /// Whose it is, and where.
    pub fn owner(&self) -> Owner<'_> {
        Owner { account: &self.account, region: &self.region }
    }
}

/// An internet gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InternetGatewayRecord {
    /// `igw-…`
    pub id: String,
    /// The owner's 12 digits.
    pub account: String,
    /// Its region.
    #[serde(default)]
    pub region: String,
    /// The VPC it is attached to.
    pub vpc_id: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
}

/// A route table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTableRecord {
    /// `rtb-…`
    pub id: String,
    /// The owner's 12 digits.
    pub account: String,
    /// Its region.
    #[serde(default)]
    pub region: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its routes beside the local one.
    pub routes: Vec<RouteRecord>,
    /// Where it counts.
    pub associations: Vec<RouteTableAssociationRecord>,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
}

/// A route to an internet gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRecord {
    /// Which addresses.
    pub destination: Ipv4Net,
    /// The internet gateway.
    pub gateway_id: String,
}

/// Where a route table counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTableAssociationRecord {
    /// `rtbassoc-…`
    pub id: String,
    /// The subnet; `None` for the main association (all subnets that have no other table).
    pub subnet_id: Option<String>,
}

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupRecord {
    /// `sg-…`
    pub id: String,
    /// The owner's 12 digits.
    pub account: String,
    /// Its region.
    #[serde(default)]
    pub region: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Unique in the VPC; `default` for the VPC's own.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its rules, oldest first.
    pub rules: Vec<SecurityGroupRuleRecord>,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
}

/// One rule of a security group: one protocol and port range, one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupRuleRecord {
    /// `sgr-…`
    pub id: String,
    /// In or out.
    pub direction: Direction,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, `-1`, or a protocol number.
    pub protocol: String,
    /// First port, or ICMP type; -1 for all.
    pub from_port: i32,
    /// Last port, or ICMP code; -1 for all.
    pub to_port: i32,
    /// The other side.
    pub peer: PeerRecord,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
}

/// In or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// What may reach the members.
    Ingress,
    /// What the members may reach.
    Egress,
}

/// The other side of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PeerRecord {
    /// An IPv4 range.
    Ipv4(Ipv4Net),
    /// An IPv6 range: kept and shown; no task has an IPv6 address, so it lets nothing pass.
    Ipv6(ipnet::Ipv6Net),
    /// A security group of the same VPC.
    Group(String),
}

/// An elastic network interface of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkInterfaceRecord {
    /// `eni-…`
    pub id: String,
    /// The owner's 12 digits.
    pub account: String,
    /// Its region.
    #[serde(default)]
    pub region: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its subnet.
    pub subnet_id: String,
    /// The subnet's zone.
    pub availability_zone: String,
    /// `02:…`
    pub mac_address: String,
    /// The private address.
    pub address: Ipv4Addr,
    /// `ip-10-0-0-5.ec2.internal`, when the VPC has DNS host names.
    pub private_dns_name: Option<String>,
    /// The public address with the ids it goes by.
    pub public_address: Option<PublicAddressRecord>,
    /// Ids of its security groups, in the order given.
    pub security_groups: Vec<String>,
    /// For a task's interface the ARN of its attachment.
    pub description: String,
    /// The task it belongs to: 32 hexadecimal digits.
    pub task_id: String,
    /// The ECS attachment's id: a UUID.
    pub attachment_id: String,
    /// The EC2 attachment's id: `ela-attach-…`.
    pub ec2_attachment_id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Tags.
    #[serde(default)]
    pub tags: Tags,
}

/// A public address in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAddressRecord {
    /// The address.
    pub address: Ipv4Addr,
    /// `ec2-203-0-113-5.compute-1.amazonaws.com`, when the VPC has DNS host names; else empty. A name for clients that
    /// show it: no resolver knows it.
    pub dns_name: String,
}

/// Whose an address is. Key: kind and address, `private/172.31.0.4` or `public/198.51.100.7`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRecord {
    /// The interface that has it.
    pub interface_id: String,
}

/// Where the search for a free address goes on. Key: a subnet's id or `public`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressPoolRecord {
    /// Number of the address (within the pool) that is tried next. It goes round, so that an address just released
    /// rests as long as possible.
    pub next: u64,
}
