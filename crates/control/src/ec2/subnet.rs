//! Subnets.

use std::sync::Arc;

use api::ec2::{
    AttributeBooleanValue, CreateSubnetInput, CreateSubnetOutput, DeleteSubnetInput, DeleteSubnetOutput,
    DescribeSubnetsInput, DescribeSubnetsOutput, ModifySubnetAttributeInput, ModifySubnetAttributeOutput,
    PrivateDnsNameOptionsOnLaunch, Subnet,
};

use super::filter::yes_no;
use super::record::{SubnetRecord, VpcRecord};
use super::resource::{Owner, Resource as _, access, find, select, stop_if_dry};
use super::vpc::RANGE_PREFIXES;
use super::{error, id, interfaces, page, place, route_table, tag};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// CreateSubnet
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateSubnetInput>,
) -> Result<CreateSubnetOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let mut access = access::<SubnetRecord>(caller, "ec2:CreateSubnet", "*");
        access.resources.push(Owner::of(caller).arn("vpc", &input.vpc_id));
        Ok(access)
    })?;
    stop_if_dry(input.dry_run)?;
    if input.ipv6_cidr_block.is_some() || input.ipv6_native == Some(true) {
        return Err(error::unsupported("IPv6: tasks have IPv4 addresses only"));
    }
    if input.outpost_arn.is_some() || input.ipv4_ipam_pool_id.is_some() || input.ipv6_ipam_pool_id.is_some() {
        return Err(error::unsupported("outposts and address pools of IPAM"));
    }
    let text = input.cidr_block.as_deref().ok_or_else(|| error::missing_parameter("cidrBlock"))?;
    let cidr_block = error::cidr(text)?;
    let zone = zone(&caller.region, &input)?;
    let tags = tag::given(input.tag_specifications.as_deref(), "subnet")?;
    let subnet = app
        .store
        .write(|state| {
            let vpc = find::<VpcRecord>(state, Owner::of(&caller), &input.vpc_id)?;
            if !vpc.cidr_block.contains(&cidr_block) || !RANGE_PREFIXES.contains(&cidr_block.prefix_len()) {
                return Err(ServiceError::new("InvalidSubnet.Range", format!("The CIDR '{text}' is invalid.")));
            }
            let overlaps = |subnet: &SubnetRecord| {
                subnet.cidr_block.contains(&cidr_block) || cidr_block.contains(&subnet.cidr_block)
            };
            if state.subnets.values().any(|subnet| subnet.vpc_id == vpc.id && overlaps(subnet)) {
                let message = format!("The CIDR '{text}' conflicts with another subnet");
                return Err(ServiceError::new("InvalidSubnet.Conflict", message));
            }
            let record = SubnetRecord {
                id: id::new(&app, "subnet"),
                account: caller.account.clone(),
                region: caller.region.clone(),
                vpc_id: vpc.id.clone(),
                cidr_block,
                availability_zone: zone,
                default_for_zone: false,
                map_public_ip_on_launch: false,
                network_acl_association_id: id::new(&app, "aclassoc"),
                private_dns_hostname_type: "ip-name".into(),
                resource_name_dns_a_record: false,
                tags,
            };
            state.subnets.put(&record.id, record.clone());
            Ok(shown(state, &record))
        })
        .await?;
    Ok(CreateSubnetOutput { subnet: Some(subnet) })
}

/// DeleteSubnet
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteSubnetInput>,
) -> Result<DeleteSubnetOutput, ServiceError> {
    let Authorized { input, caller, .. } = request
        .authorize(&app, |input, _, caller| Ok(access::<SubnetRecord>(caller, "ec2:DeleteSubnet", &input.subnet_id)))?;
    stop_if_dry(input.dry_run)?;
    app.store
        .write(|state| {
            let subnet = find::<SubnetRecord>(state, Owner::of(&caller), &input.subnet_id)?;
            if state.network_interfaces.values().any(|interface| interface.subnet_id == subnet.id) {
                let message = format!("The subnet '{}' has dependencies and cannot be deleted.", subnet.id);
                return Err(error::dependency(message));
            }
            route_table::forget_subnet(state, &subnet.id);
            state.address_pools.remove(&subnet.id);
            state.subnets.remove(&subnet.id);
            Ok(DeleteSubnetOutput {})
        })
        .await
}

/// DescribeSubnets
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeSubnetsInput>,
) -> Result<DescribeSubnetsOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("ec2:DescribeSubnets")))?;
    stop_if_dry(input.dry_run)?;
    let state = app.store.read();
    let value = |subnet: &SubnetRecord, name: &str| {
        Some(match name {
            "availability-zone" | "availabilityZone" => vec![subnet.availability_zone.clone()],
            "availability-zone-id" | "availabilityZoneId" => vec![place::zone_id(&subnet.availability_zone)],
            "available-ip-address-count" => {
                vec![interfaces::free_addresses(&state, &subnet.id, subnet.cidr_block).to_string()]
            }
            "cidr" | "cidr-block" | "cidrBlock" => vec![subnet.cidr_block.to_string()],
            "default-for-az" | "defaultForAz" => yes_no(subnet.default_for_zone),
            "map-public-ip-on-launch" => yes_no(subnet.map_public_ip_on_launch),
            "owner-id" => vec![subnet.account.clone()],
            "state" => vec!["available".into()],
            "subnet-arn" => vec![subnet.arn()],
            "subnet-id" => vec![subnet.id.clone()],
            "vpc-id" => vec![subnet.vpc_id.clone()],
            _ => return None,
        })
    };
    let found = select(&state, Owner::of(&caller), input.subnet_ids.as_deref(), input.filters.as_deref(), value)?;
    let (page, next_token) = page::page(found, |subnet| &subnet.id, input.max_results, input.next_token.as_deref())?;
    let subnets = page.iter().map(|subnet| shown(&state, subnet)).collect();
    Ok(DescribeSubnetsOutput { next_token, subnets: Some(subnets) })
}

/// ModifySubnetAttribute
pub(super) async fn modify_attribute(
    app: Arc<App>,
    request: Request<ModifySubnetAttributeInput>,
) -> Result<ModifySubnetAttributeOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(access::<SubnetRecord>(caller, "ec2:ModifySubnetAttribute", &input.subnet_id))
    })?;
    let given = |value: &Option<AttributeBooleanValue>| value.as_ref().and_then(|value| value.value);
    let refused = [
        (&input.assign_ipv6_address_on_creation, "IPv6: tasks have IPv4 addresses only"),
        (&input.enable_dns64, "IPv6: tasks have IPv4 addresses only"),
        (&input.enable_resource_name_dns_aaaa_record_on_launch, "IPv6: tasks have IPv4 addresses only"),
        (&input.map_customer_owned_ip_on_launch, "customer-owned addresses"),
    ];
    if let Some((_, what)) = refused.iter().find(|(value, _)| given(value) == Some(true)) {
        return Err(error::unsupported(what));
    }
    if input.customer_owned_ipv4_pool.is_some() || input.enable_lni_at_device_index.is_some() {
        return Err(error::unsupported("outposts"));
    }
    if let Some(kind) = input.private_dns_hostname_type_on_launch.as_deref()
        && !matches!(kind, "ip-name" | "resource-name")
    {
        let message = format!("Value ({kind}) for parameter privateDnsHostnameType is invalid.");
        return Err(ServiceError::new("InvalidParameterValue", message));
    }
    app.store
        .write(|state| {
            find::<SubnetRecord>(state, Owner::of(&caller), &input.subnet_id)?;
            state.subnets.update(&input.subnet_id, |subnet| {
                if let Some(value) = given(&input.map_public_ip_on_launch) {
                    subnet.map_public_ip_on_launch = value;
                }
                if let Some(value) = given(&input.enable_resource_name_dns_a_record_on_launch) {
                    subnet.resource_name_dns_a_record = value;
                }
                if let Some(kind) = input.private_dns_hostname_type_on_launch {
                    subnet.private_dns_hostname_type = kind;
                }
            });
            Ok(ModifySubnetAttributeOutput {})
        })
        .await
}

/// The zone asked for by name or id, else the region's first.
fn zone(region: &str, input: &CreateSubnetInput) -> Result<String, ServiceError> {
    let zones = place::zones(region);
    let wanted = input.availability_zone.as_deref().or(input.availability_zone_id.as_deref());
    let Some(wanted) = wanted else { return Ok(zones[0].clone()) };
    zones.iter().find(|zone| *zone == wanted || place::zone_id(zone) == wanted).cloned().ok_or_else(|| {
        ServiceError::new(
            "InvalidParameterValue",
            format!(
                "Value ({wanted}) for parameter availabilityZone is invalid. Subnets can currently only be created in the \
                 following availability zones: {}.",
                zones.join(", ")
            ),
        )
    })
}

fn shown(state: &State, subnet: &SubnetRecord) -> Subnet {
    let free = interfaces::free_addresses(state, &subnet.id, subnet.cidr_block);
    Subnet {
        availability_zone_id: Some(place::zone_id(&subnet.availability_zone)),
        map_customer_owned_ip_on_launch: Some(false),
        owner_id: Some(subnet.account.clone()),
        assign_ipv6_address_on_creation: Some(false),
        ipv6_cidr_block_association_set: Some(Vec::new()),
        tags: tag::shown(&subnet.tags),
        subnet_arn: Some(subnet.arn()),
        enable_dns64: Some(false),
        ipv6_native: Some(false),
        private_dns_name_options_on_launch: Some(PrivateDnsNameOptionsOnLaunch {
            hostname_type: Some(subnet.private_dns_hostname_type.clone()),
            enable_resource_name_dns_a_record: Some(subnet.resource_name_dns_a_record),
            enable_resource_name_dns_aaaa_record: Some(false),
        }),
        subnet_id: Some(subnet.id.clone()),
        state: Some("available".into()),
        vpc_id: Some(subnet.vpc_id.clone()),
        cidr_block: Some(subnet.cidr_block.to_string()),
        available_ip_address_count: i32::try_from(free).ok(),
        availability_zone: Some(subnet.availability_zone.clone()),
        default_for_az: Some(subnet.default_for_zone),
        map_public_ip_on_launch: Some(subnet.map_public_ip_on_launch),
        ..Default::default()
    }
}
