//! Network ACLs: every VPC has its default one, which lets everything pass. Others cannot be made, so what is shown is
//! what is enforced.

use std::sync::Arc;

use api::ec2::{
    DescribeNetworkAclsInput, DescribeNetworkAclsOutput, NetworkAcl, NetworkAclAssociation, NetworkAclEntry,
};

use super::record::{Tags, VpcRecord};
use super::resource::{Owner, Resource as _, stop_if_dry};
use super::{error, filter, page};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// The rule that lets everything pass.
const ALLOW_ALL: i32 = 100;
/// The last rule of every list.
const DENY_REST: i32 = 32767;

/// DescribeNetworkAcls
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeNetworkAclsInput>,
) -> Result<DescribeNetworkAclsOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("ec2:DescribeNetworkAcls")))?;
    stop_if_dry(input.dry_run)?;
    let state = app.store.read();
    let ids = input.network_acl_ids.unwrap_or_default();
    let own = || state.vpcs.values().filter(|vpc| vpc.owner() == Owner::of(&caller));
    if let Some(unknown) = ids.iter().find(|id| !own().any(|vpc| vpc.network_acl_id == **id)) {
        return Err(error::not_found("InvalidNetworkAclID.NotFound", "networkAcl ID", unknown));
    }
    let mut found = Vec::new();
    for vpc in own().filter(|vpc| ids.is_empty() || ids.contains(&vpc.network_acl_id)) {
        let acl = shown(&state, vpc);
        let associations = |value: fn(&NetworkAclAssociation) -> &Option<String>| {
            acl.associations.iter().flatten().filter_map(|found| value(found).clone()).collect()
        };
        let value = |name: &str| {
            Some(match name {
                "association.association-id" => associations(|found| &found.network_acl_association_id),
                "association.network-acl-id" => associations(|found| &found.network_acl_id),
                "association.subnet-id" => associations(|found| &found.subnet_id),
                "default" => vec!["true".into()],
                "network-acl-id" => vec![vpc.network_acl_id.clone()],
                "owner-id" => vec![vpc.account.clone()],
                "vpc-id" => vec![vpc.id.clone()],
                _ => return None,
            })
        };
        if filter::passes(input.filters.as_deref(), &Tags::new(), value)? {
            found.push((vpc.network_acl_id.clone(), acl));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let (page, next_token) = page::page(found, |(id, _)| id, input.max_results, input.next_token.as_deref())?;
    let network_acls = Some(page.into_iter().map(|(_, acl)| acl).collect());
    Ok(DescribeNetworkAclsOutput { network_acls, next_token })
}

fn shown(state: &State, vpc: &VpcRecord) -> NetworkAcl {
    let subnets = state.subnets.values().filter(|subnet| subnet.vpc_id == vpc.id);
    let association = |subnet: &Arc<super::record::SubnetRecord>| NetworkAclAssociation {
        network_acl_association_id: Some(subnet.network_acl_association_id.clone()),
        network_acl_id: Some(vpc.network_acl_id.clone()),
        subnet_id: Some(subnet.id.clone()),
    };
    let entry = |egress: bool, rule_number: i32, action: &str| NetworkAclEntry {
        cidr_block: Some("0.0.0.0/0".into()),
        egress: Some(egress),
        protocol: Some("-1".into()),
        rule_action: Some(action.into()),
        rule_number: Some(rule_number),
        ..Default::default()
    };
    let entries = [true, false]
        .into_iter()
        .flat_map(|egress| [entry(egress, ALLOW_ALL, "allow"), entry(egress, DENY_REST, "deny")])
        .collect();
    NetworkAcl {
        associations: Some(subnets.map(association).collect()),
        entries: Some(entries),
        is_default: Some(true),
        network_acl_id: Some(vpc.network_acl_id.clone()),
        tags: Some(Vec::new()),
        vpc_id: Some(vpc.id.clone()),
        owner_id: Some(vpc.account.clone()),
    }
}
