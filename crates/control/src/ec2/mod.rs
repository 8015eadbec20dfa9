//! The VPC part of EC2: VPCs, subnets, gateways, route tables, security groups, network interfaces.
//!
//! Records and their rules live here; what they mean for packets is in `domain::network`. IPv6 ranges in security group
//! rules are kept and shown (they let nothing pass, for no task has such an address); everywhere else IPv6, prefix lists
//! and routes to anything but an internet gateway are refused with an error that says so.

mod default_network;
mod error;
mod filter;
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

use std::sync::Arc;

use api::Operation;
use api::ec2::op;

use crate::front::Router;
use crate::{App, Request, ServiceError};

pub use default_network::{ZONES, adopt};
pub(crate) use default_network::{ensure as ensure_default_network, make as make_default_network};
pub use resource::Owner;
pub(crate) use route_table::leads_to_internet;

/// What is served of EC2.
pub fn routes(router: &mut Router) {
    serve::<op::CreateVpc, _, _>(router, vpc::create);
    serve::<op::DeleteVpc, _, _>(router, vpc::delete);
    serve::<op::DescribeVpcs, _, _>(router, vpc::describe);
    serve::<op::DescribeVpcAttribute, _, _>(router, vpc::describe_attribute);
    serve::<op::ModifyVpcAttribute, _, _>(router, vpc::modify_attribute);

    serve::<op::CreateSubnet, _, _>(router, subnet::create);
    serve::<op::DeleteSubnet, _, _>(router, subnet::delete);
    serve::<op::DescribeSubnets, _, _>(router, subnet::describe);
    serve::<op::ModifySubnetAttribute, _, _>(router, subnet::modify_attribute);

    serve::<op::CreateInternetGateway, _, _>(router, internet_gateway::create);
    serve::<op::AttachInternetGateway, _, _>(router, internet_gateway::attach);
    serve::<op::DetachInternetGateway, _, _>(router, internet_gateway::detach);
    serve::<op::DeleteInternetGateway, _, _>(router, internet_gateway::delete);
    serve::<op::DescribeInternetGateways, _, _>(router, internet_gateway::describe);

    serve::<op::CreateRouteTable, _, _>(router, route_table::create);
    serve::<op::DeleteRouteTable, _, _>(router, route_table::delete);
    serve::<op::DescribeRouteTables, _, _>(router, route_table::describe);
    serve::<op::CreateRoute, _, _>(router, route_table::create_route);
    serve::<op::DeleteRoute, _, _>(router, route_table::delete_route);
    serve::<op::AssociateRouteTable, _, _>(router, route_table::associate);
    serve::<op::DisassociateRouteTable, _, _>(router, route_table::disassociate);

    serve::<op::CreateSecurityGroup, _, _>(router, security_group::create);
    serve::<op::DeleteSecurityGroup, _, _>(router, security_group::delete);
    serve::<op::DescribeSecurityGroups, _, _>(router, security_group::describe);
    serve::<op::AuthorizeSecurityGroupIngress, _, _>(router, security_group_rule::authorize_ingress);
    serve::<op::AuthorizeSecurityGroupEgress, _, _>(router, security_group_rule::authorize_egress);
    serve::<op::RevokeSecurityGroupIngress, _, _>(router, security_group_rule::revoke_ingress);
    serve::<op::RevokeSecurityGroupEgress, _, _>(router, security_group_rule::revoke_egress);
    serve::<op::ModifySecurityGroupRules, _, _>(router, security_group_rule::modify);
    serve::<op::DescribeSecurityGroupRules, _, _>(router, security_group_rule::describe);

    serve::<op::DescribeNetworkInterfaces, _, _>(router, network_interface::describe);
    serve::<op::DescribeNetworkAcls, _, _>(router, network_acl::describe);

    serve::<op::CreateTags, _, _>(router, tag::create);
    serve::<op::DeleteTags, _, _>(router, tag::delete);
    serve::<op::DescribeTags, _, _>(router, tag::describe);

    serve::<op::DescribeAvailabilityZones, _, _>(router, place::describe_zones);
    serve::<op::DescribeRegions, _, _>(router, place::describe_regions);
}

/// Serves an operation that sees what the caller has in its region, the default network too.
fn serve<O, F, Answering>(router: &mut Router, handler: F)
where
    O: Operation,
    O::Input: Send,
    F: Fn(Arc<App>, Request<O::Input>) -> Answering + Clone + Send + Sync + 'static,
    Answering: Future<Output = Result<O::Output, ServiceError>> + Send + 'static,
{
    router.add::<O, _, _>(move |app: Arc<App>, request: Request<O::Input>| {
        let handler = handler.clone();
        async move {
            default_network::ensure(&app, Owner::of(request.caller())).await?;
            handler(app, request).await
        }
    });
}
