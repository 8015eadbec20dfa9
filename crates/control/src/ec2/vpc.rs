//! VPCs.

use std::sync::Arc;

use ipnet::Ipv4Net;

use super::record::{RouteTableAssociationRecord, RouteTableRecord, Tags, VpcRecord};
use super::{id, security_group};
use crate::App;
use crate::store::State;

/// Puts a VPC and what is always made with one: main route table, default security group, network ACL.
pub(super) fn make(app: &App, state: &mut State, account: &str, cidr_block: Ipv4Net, tags: Tags) -> VpcRecord {
    let vpc = VpcRecord {
        id: id::new(app, "vpc"),
        account: account.to_owned(),
        cidr_block,
        association_id: id::new(app, "vpc-cidr-assoc"),
        is_default: false,
        dns_support: true,
        dns_hostnames: false,
        network_address_usage_metrics: false,
        dhcp_options_id: dhcp_options_id(app, state, account),
        network_acl_id: id::new(app, "acl"),
        tags,
    };
    let table_id = id::new(app, "rtb");
    let table = RouteTableRecord {
        id: table_id.clone(),
        account: account.to_owned(),
        vpc_id: vpc.id.clone(),
        routes: Vec::new(),
        associations: vec![RouteTableAssociationRecord { id: id::new(app, "rtbassoc"), subnet_id: None }],
        tags: Tags::new(),
    };
    state.route_tables.put(&table_id, table);
    security_group::make_default(app, state, &vpc);
    state.vpcs.put(&vpc.id, vpc.clone());
    vpc
}

/// The route table of all subnets of a VPC that have no other.
pub(super) fn main_route_table<'a>(state: &'a State, vpc_id: &str) -> Option<&'a Arc<RouteTableRecord>> {
    state.route_tables.values().find(|table| {
        table.vpc_id == vpc_id && table.associations.iter().any(|association| association.subnet_id.is_none())
    })
}

/// The account's one set of DHCP options: that of any VPC it has, else a new one.
fn dhcp_options_id(app: &App, state: &State, account: &str) -> String {
    let vpc = state.vpcs.values().find(|vpc| vpc.account == account);
    vpc.map_or_else(|| id::new(app, "dopt"), |vpc| vpc.dhcp_options_id.clone())
}
