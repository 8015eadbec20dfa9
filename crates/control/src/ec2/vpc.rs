//! VPCs. They have one IPv4 range; IPv6, address pools of IPAM and dedicated tenancy are refused.

use std::net::Ipv4Addr;
use std::sync::Arc;

use api::ec2::{
    AttributeBooleanValue, CreateVpcInput, CreateVpcOutput, DeleteVpcInput, DeleteVpcOutput, DescribeVpcAttributeInput,
    DescribeVpcAttributeOutput, DescribeVpcsInput, DescribeVpcsOutput, ModifyVpcAttributeInput,
    ModifyVpcAttributeOutput, Vpc, VpcCidrBlockAssociation, VpcCidrBlockState,
};
use ipnet::Ipv4Net;

use super::filter::yes_no;
use super::record::{RouteTableAssociationRecord, RouteTableRecord, Tags, VpcRecord};
use super::resource::{Owner, Resource as _, access, find, select, stop_if_dry};
use super::{error, id, page, security_group, tag};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// The largest and the smallest range, as prefix lengths.
pub(super) const RANGE_PREFIXES: std::ops::RangeInclusive<u8> = 16..=28;
/// Ranges that no network can have.
const RESERVED: [Ipv4Net; 4] = [
    Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 8),
    Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// CreateVpc
pub(super) async fn create(app: Arc<App>, request: Request<CreateVpcInput>) -> Result<CreateVpcOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, caller| Ok(access::<VpcRecord>(caller, "ec2:CreateVpc", "*")))?;
    stop_if_dry(input.dry_run)?;
    if input.ipv6_cidr_block.is_some() || input.amazon_provided_ipv6_cidr_block == Some(true) {
        return Err(error::unsupported("IPv6: tasks have IPv4 addresses only"));
    }
    if input.ipv4_ipam_pool_id.is_some() || input.ipv6_ipam_pool_id.is_some() || input.ipv6_pool.is_some() {
        return Err(error::unsupported("address pools of IPAM"));
    }
    if input.instance_tenancy.as_deref().is_some_and(|tenancy| tenancy != "default") {
        return Err(error::unsupported("an instance tenancy other than 'default'"));
    }
    let text = input.cidr_block.as_deref().ok_or_else(|| error::missing_parameter("cidrBlock"))?;
    let cidr_block = error::cidr(text)?;
    let reserved = RESERVED.iter().any(|reserved| reserved.contains(&cidr_block) || cidr_block.contains(reserved));
    if reserved || !RANGE_PREFIXES.contains(&cidr_block.prefix_len()) {
        return Err(ServiceError::new("InvalidVpc.Range", format!("The CIDR '{text}' is invalid.")));
    }
    let tags = tag::given(input.tag_specifications.as_deref(), "vpc")?;
    let vpc =
        app.store.write(|state| Ok::<_, ServiceError>(make(&app, state, Owner::of(&caller), cidr_block, tags))).await?;
    Ok(CreateVpcOutput { vpc: Some(Vpc { state: Some("pending".into()), ..shown(&vpc) }) })
}

/// DeleteVpc
pub(super) async fn delete(app: Arc<App>, request: Request<DeleteVpcInput>) -> Result<DeleteVpcOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |input, _, caller| Ok(access::<VpcRecord>(caller, "ec2:DeleteVpc", &input.vpc_id)))?;
    stop_if_dry(input.dry_run)?;
    app.store
        .write(|state| {
            let vpc = find::<VpcRecord>(state, Owner::of(&caller), &input.vpc_id)?;
            let own_groups = groups_of(state, &vpc.id);
            let own_tables = tables_of(state, &vpc.id);
            let in_use = state.subnets.values().any(|subnet| subnet.vpc_id == vpc.id)
                || state.internet_gateways.values().any(|gateway| gateway.vpc_id.as_deref() == Some(&vpc.id))
                || own_groups.len() > 1
                || own_tables.len() > 1;
            if in_use {
                return Err(error::dependency(format!("The vpc '{}' has dependencies and cannot be deleted.", vpc.id)));
            }
            // What was made with the VPC goes with it.
            for id in own_groups {
                state.security_groups.remove(&id);
            }
            for id in own_tables {
                state.route_tables.remove(&id);
            }
            state.vpcs.remove(&vpc.id);
            Ok(DeleteVpcOutput {})
        })
        .await
}

/// DescribeVpcs
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeVpcsInput>,
) -> Result<DescribeVpcsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |_, _, _| Ok(Access::to_any("ec2:DescribeVpcs")))?;
    stop_if_dry(input.dry_run)?;
    let state = app.store.read();
    let value = |vpc: &VpcRecord, name: &str| {
        Some(match name {
            "cidr" | "cidr-block-association.cidr-block" => vec![vpc.cidr_block.to_string()],
            "cidr-block-association.association-id" => vec![vpc.association_id.clone()],
            "cidr-block-association.state" => vec!["associated".into()],
            "dhcp-options-id" => vec![vpc.dhcp_options_id.clone()],
            "is-default" | "isDefault" => yes_no(vpc.is_default),
            "owner-id" => vec![vpc.account.clone()],
            "state" => vec!["available".into()],
            "vpc-id" => vec![vpc.id.clone()],
            _ => return None,
        })
    };
    let found = select(&state, Owner::of(&caller), input.vpc_ids.as_deref(), input.filters.as_deref(), value)?;
    let (page, next_token) = page::page(found, |vpc| &vpc.id, input.max_results, input.next_token.as_deref())?;
    Ok(DescribeVpcsOutput { next_token, vpcs: Some(page.iter().map(|vpc| shown(vpc)).collect()) })
}

/// DescribeVpcAttribute
pub(super) async fn describe_attribute(
    app: Arc<App>,
    request: Request<DescribeVpcAttributeInput>,
) -> Result<DescribeVpcAttributeOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(access::<VpcRecord>(caller, "ec2:DescribeVpcAttribute", &input.vpc_id))
    })?;
    stop_if_dry(input.dry_run)?;
    let vpc = find::<VpcRecord>(&app.store.read(), Owner::of(&caller), &input.vpc_id)?;
    let value = |value: bool| Some(AttributeBooleanValue { value: Some(value) });
    let mut output = DescribeVpcAttributeOutput { vpc_id: Some(vpc.id.clone()), ..Default::default() };
    match input.attribute.as_str() {
        "enableDnsSupport" => output.enable_dns_support = value(vpc.dns_support),
        "enableDnsHostnames" => output.enable_dns_hostnames = value(vpc.dns_hostnames),
        "enableNetworkAddressUsageMetrics" => {
            output.enable_network_address_usage_metrics = value(vpc.network_address_usage_metrics);
        }
        other => {
            let message = format!("Value ({other}) for parameter attribute is invalid. Unknown attribute.");
            return Err(ServiceError::new("InvalidParameterValue", message));
        }
    }
    Ok(output)
}

/// ModifyVpcAttribute
pub(super) async fn modify_attribute(
    app: Arc<App>,
    request: Request<ModifyVpcAttributeInput>,
) -> Result<ModifyVpcAttributeOutput, ServiceError> {
    let Authorized { input, caller, .. } = request
        .authorize(&app, |input, _, caller| Ok(access::<VpcRecord>(caller, "ec2:ModifyVpcAttribute", &input.vpc_id)))?;
    let given = |value: &Option<AttributeBooleanValue>| value.as_ref().and_then(|value| value.value);
    let support = given(&input.enable_dns_support);
    let hostnames = given(&input.enable_dns_hostnames);
    let metrics = given(&input.enable_network_address_usage_metrics);
    if [support, hostnames, metrics].iter().flatten().count() != 1 {
        let message = "Exactly one attribute must be modified with each call.";
        return Err(ServiceError::new("InvalidParameterCombination", message));
    }
    app.store
        .write(|state| {
            find::<VpcRecord>(state, Owner::of(&caller), &input.vpc_id)?;
            state.vpcs.update(&input.vpc_id, |vpc| {
                vpc.dns_support = support.unwrap_or(vpc.dns_support);
                vpc.dns_hostnames = hostnames.unwrap_or(vpc.dns_hostnames);
                vpc.network_address_usage_metrics = metrics.unwrap_or(vpc.network_address_usage_metrics);
            });
            Ok(ModifyVpcAttributeOutput {})
        })
        .await
}

/// Puts a VPC and what is always made with one: main route table, default security group, network ACL.
pub(super) fn make(app: &App, state: &mut State, owner: Owner<'_>, cidr_block: Ipv4Net, tags: Tags) -> VpcRecord {
    let vpc = VpcRecord {
        id: id::new(app, "vpc"),
        account: owner.account.to_owned(),
        region: owner.region.to_owned(),
        cidr_block,
        association_id: id::new(app, "vpc-cidr-assoc"),
        is_default: false,
        dns_support: true,
        dns_hostnames: false,
        network_address_usage_metrics: false,
        dhcp_options_id: dhcp_options_id(app, state, owner),
        network_acl_id: id::new(app, "acl"),
        tags,
    };
    let table_id = id::new(app, "rtb");
    let table = RouteTableRecord {
        id: table_id.clone(),
        account: owner.account.to_owned(),
        region: owner.region.to_owned(),
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

/// The owner's one set of DHCP options: that of any VPC it has, else a new one.
fn dhcp_options_id(app: &App, state: &State, owner: Owner<'_>) -> String {
    let vpc = state.vpcs.values().find(|vpc| vpc.owner() == owner);
    vpc.map_or_else(|| id::new(app, "dopt"), |vpc| vpc.dhcp_options_id.clone())
}

fn groups_of(state: &State, vpc_id: &str) -> Vec<String> {
    state.security_groups.values().filter(|group| group.vpc_id == vpc_id).map(|group| group.id.clone()).collect()
}

fn tables_of(state: &State, vpc_id: &str) -> Vec<String> {
    state.route_tables.values().filter(|table| table.vpc_id == vpc_id).map(|table| table.id.clone()).collect()
}

fn shown(vpc: &VpcRecord) -> Vpc {
    let cidr_block = Some(vpc.cidr_block.to_string());
    Vpc {
        owner_id: Some(vpc.account.clone()),
        instance_tenancy: Some("default".into()),
        cidr_block_association_set: Some(vec![VpcCidrBlockAssociation {
            association_id: Some(vpc.association_id.clone()),
            cidr_block: cidr_block.clone(),
            cidr_block_state: Some(VpcCidrBlockState { state: Some("associated".into()), ..Default::default() }),
        }]),
        is_default: Some(vpc.is_default),
        tags: tag::shown(&vpc.tags),
        vpc_id: Some(vpc.id.clone()),
        state: Some("available".into()),
        cidr_block,
        dhcp_options_id: Some(vpc.dhcp_options_id.clone()),
        ..Default::default()
    }
}
