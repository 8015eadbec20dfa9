//! The VPC part of EC2: VPCs, subnets, gateways, route tables, security groups, network interfaces.
//!
//! Records and their rules live here; what they mean for packets is in `domain::network`. IPv6 ranges in security group
//! rules are kept and shown (they let nothing pass, for no task has such an address); everywhere else IPv6, prefix lists
//! and routes to anything but an internet gateway are refused with an error that says so.

mod error;
mod filter;
mod first_start;
mod id;
pub mod interfaces;
mod internet_gateway;
mod network_acl;
mod network_interface;
mod page;
mod place;
pub mod record;
mod resource;
mod route_table;
mod rules;
mod security_group;
mod security_group_rule;
mod subnet;
mod tag;
#[cfg(test)]
mod tests;
mod vpc;

use api::ec2::op;

use crate::front::Router;

pub use first_start::{ZONES, first_start};
pub(crate) use route_table::leads_to_internet;

/// What is served of EC2.
pub fn routes(router: &mut Router) {
    router.add::<op::CreateVpc, _, _>(vpc::create);
    router.add::<op::DeleteVpc, _, _>(vpc::delete);
    router.add::<op::DescribeVpcs, _, _>(vpc::describe);
    router.add::<op::DescribeVpcAttribute, _, _>(vpc::describe_attribute);
    router.add::<op::ModifyVpcAttribute, _, _>(vpc::modify_attribute);

    router.add::<op::CreateSubnet, _, _>(subnet::create);
    router.add::<op::DeleteSubnet, _, _>(subnet::delete);
    router.add::<op::DescribeSubnets, _, _>(subnet::describe);
    router.add::<op::ModifySubnetAttribute, _, _>(subnet::modify_attribute);

    router.add::<op::CreateInternetGateway, _, _>(internet_gateway::create);
    router.add::<op::AttachInternetGateway, _, _>(internet_gateway::attach);
    router.add::<op::DetachInternetGateway, _, _>(internet_gateway::detach);
    router.add::<op::DeleteInternetGateway, _, _>(internet_gateway::delete);
    router.add::<op::DescribeInternetGateways, _, _>(internet_gateway::describe);

    router.add::<op::CreateRouteTable, _, _>(route_table::create);
    router.add::<op::DeleteRouteTable, _, _>(route_table::delete);
    router.add::<op::DescribeRouteTables, _, _>(route_table::describe);
    router.add::<op::CreateRoute, _, _>(route_table::create_route);
    router.add::<op::DeleteRoute, _, _>(route_table::delete_route);
    router.add::<op::AssociateRouteTable, _, _>(route_table::associate);
    router.add::<op::DisassociateRouteTable, _, _>(route_table::disassociate);

    router.add::<op::CreateSecurityGroup, _, _>(security_group::create);
    router.add::<op::DeleteSecurityGroup, _, _>(security_group::delete);
    router.add::<op::DescribeSecurityGroups, _, _>(security_group::describe);
    router.add::<op::AuthorizeSecurityGroupIngress, _, _>(security_group_rule::authorize_ingress);
    router.add::<op::AuthorizeSecurityGroupEgress, _, _>(security_group_rule::authorize_egress);
    router.add::<op::RevokeSecurityGroupIngress, _, _>(security_group_rule::revoke_ingress);
    router.add::<op::RevokeSecurityGroupEgress, _, _>(security_group_rule::revoke_egress);
    router.add::<op::ModifySecurityGroupRules, _, _>(security_group_rule::modify);
    router.add::<op::DescribeSecurityGroupRules, _, _>(security_group_rule::describe);

    router.add::<op::DescribeNetworkInterfaces, _, _>(network_interface::describe);
    router.add::<op::DescribeNetworkAcls, _, _>(network_acl::describe);

    router.add::<op::CreateTags, _, _>(tag::create);
    router.add::<op::DeleteTags, _, _>(tag::delete);
    router.add::<op::DescribeTags, _, _>(tag::describe);

    router.add::<op::DescribeAvailabilityZones, _, _>(place::describe_zones);
    router.add::<op::DescribeRegions, _, _>(place::describe_regions);
}
