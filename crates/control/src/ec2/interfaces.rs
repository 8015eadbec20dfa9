//! A task's network interface: allocated and released inside the caller's own store write.
//!
//! ECS is the only one that makes interfaces here (`RequesterManaged`). Finding a free address costs the same with ten
//! interfaces as with ten thousand: the search goes round through the pool and looks addresses up by key.

use std::net::Ipv4Addr;

use domain::compute::InterfaceSpec;
use domain::regions;
use ipnet::Ipv4Net;
use wire::arn::Arn;

use super::id;
use super::record::{AddressPoolRecord, AddressRecord, NetworkInterfaceRecord, PublicAddressRecord, VpcRecord};
use super::resource::{Owner, Resource as _};
use crate::store::State;
use crate::{App, ServiceError};

/// The most security groups of one interface (AWS's default quota, and ECS's limit).
pub const SECURITY_GROUPS_PER_INTERFACE: usize = 5;
/// What keys of public addresses begin with, and the name of their pool.
const PUBLIC: &str = "public";
/// What keys of private addresses begin with. All VPCs share them: tasks of two VPCs with overlapping ranges never have
/// the same address, so one router can tell them apart.
const PRIVATE: &str = "private";
/// In every subnet: the network, the gateway, the resolver and one kept for the future.
const RESERVED_AT_START: u64 = 4;

/// What an interface is wanted for.
#[derive(Clone, Copy, Debug)]
pub struct AllocateInterface<'a> {
    /// Whose it is: the subnet is there.
    pub owner: Owner<'a>,
    /// The subnet that gives the private address.
    pub subnet_id: &'a str,
    /// Ids of its security groups; none for the VPC's default group.
    pub security_groups: &'a [String],
    /// Whether it gets a public address (`assignPublicIp`).
    pub assign_public_ip: bool,
    /// The task: 32 hexadecimal digits.
    pub task_id: &'a str,
    /// The ECS attachment's id: a UUID.
    pub attachment_id: &'a str,
}

/// Makes an interface with free addresses. Everything is in `state` when it answers; nothing is if it fails.
///
/// # Errors
/// EC2's own: `InvalidSubnetID.NotFound`, `InvalidGroup.NotFound`, `InvalidParameterValue`,
/// `SecurityGroupsPerInterfaceLimitExceeded`, `InsufficientFreeAddressesInSubnet`, `InsufficientAddressCapacity`.
pub fn allocate(app: &App, state: &mut State, wanted: &AllocateInterface<'_>) -> Result<InterfaceSpec, ServiceError> {
    let subnet = state
        .subnets
        .get(wanted.subnet_id)
        .filter(|subnet| subnet.owner() == wanted.owner)
        .cloned()
        .ok_or_else(|| super::error::not_found("InvalidSubnetID.NotFound", "subnet ID", wanted.subnet_id))?;
    let vpc = state
        .vpcs
        .get(&subnet.vpc_id)
        .cloned()
        .ok_or_else(|| super::error::not_found("InvalidVpcID.NotFound", "vpc ID", &subnet.vpc_id))?;
    let security_groups = security_groups(state, &vpc, wanted)?;
    let interface_id = id::new(app, "eni");
    // The public address is looked for first, so that a failure leaves no private address behind.
    let public = if wanted.assign_public_ip { Some(free_public_address(app, state)?) } else { None };
    let (address, next) = free_private_address(state, wanted.subnet_id, subnet.cidr_block)?;
    state.addresses.put(&address_key(PRIVATE, address), AddressRecord { interface_id: interface_id.clone() });
    state.address_pools.put(wanted.subnet_id, AddressPoolRecord { next });
    if let Some((public, next)) = public {
        state.addresses.put(&address_key(PUBLIC, public), AddressRecord { interface_id: interface_id.clone() });
        state.address_pools.put(PUBLIC, AddressPoolRecord { next });
    }
    let Owner { account, region } = wanted.owner;
    let record = NetworkInterfaceRecord {
        id: interface_id.clone(),
        account: account.to_owned(),
        region: region.to_owned(),
        vpc_id: vpc.id.clone(),
        subnet_id: subnet.id.clone(),
        availability_zone: subnet.availability_zone.clone(),
        mac_address: mac_address(app),
        address,
        private_dns_name: vpc.dns_hostnames.then(|| private_dns_name(region, address)),
        public_address: public.map(|(address, _)| PublicAddressRecord {
            address,
            dns_name: if vpc.dns_hostnames { public_dns_name(region, address) } else { String::new() },
        }),
        security_groups,
        description: Arn::new("ecs", region, account, format!("attachment/{}", wanted.attachment_id)).to_string(),
        task_id: wanted.task_id.to_owned(),
        attachment_id: wanted.attachment_id.to_owned(),
        ec2_attachment_id: id::new(app, "ela-attach"),
        created_at: app.now(),
        tags: super::record::Tags::new(),
    };
    let spec = spec(&record, &vpc, subnet.cidr_block);
    state.network_interfaces.put(&interface_id, record);
    Ok(spec)
}

/// Takes an interface away and gives its addresses back. Does nothing when there is none.
pub fn release(state: &mut State, interface_id: &str) {
    let Some(interface) = state.network_interfaces.remove(interface_id) else { return };
    state.addresses.remove(&address_key(PRIVATE, interface.address));
    if let Some(public) = &interface.public_address {
        state.addresses.remove(&address_key(PUBLIC, public.address));
    }
}

/// How many addresses of a subnet are free.
pub fn free_addresses(state: &State, subnet_id: &str, cidr_block: Ipv4Net) -> u64 {
    let taken = state.network_interfaces.values().filter(|interface| interface.subnet_id == subnet_id).count() as u64;
    usable_addresses(cidr_block).saturating_sub(taken)
}

/// The private DNS name of an address, as EC2 writes it for this region.
fn private_dns_name(region: &str, address: Ipv4Addr) -> String {
    format!("ip-{}.{}", dashed(address), regions::internal_domain(region))
}

fn public_dns_name(region: &str, address: Ipv4Addr) -> String {
    let domain = if region == "us-east-1" { String::from("compute-1") } else { format!("{region}.compute") };
    format!("ec2-{}.{domain}.{}", dashed(address), regions::dns_suffix(region))
}

fn dashed(address: Ipv4Addr) -> String {
    address.to_string().replace('.', "-")
}

fn mac_address(app: &App) -> String {
    let bytes = app.random_bytes::<5>().map(|byte| format!("{byte:02x}"));
    format!("02:{}", bytes.join(":"))
}

fn spec(record: &NetworkInterfaceRecord, vpc: &VpcRecord, subnet_cidr: Ipv4Net) -> InterfaceSpec {
    InterfaceSpec {
        id: record.id.clone(),
        attachment_id: record.attachment_id.clone(),
        mac_address: record.mac_address.clone(),
        address: record.address,
        public_address: record.public_address.as_ref().map(|public| public.address),
        subnet_id: record.subnet_id.clone(),
        subnet_cidr,
        vpc_id: record.vpc_id.clone(),
        vpc_cidrs: vec![vpc.cidr_block],
        private_dns_name: record.private_dns_name.clone(),
        security_groups: record.security_groups.clone(),
    }
}

/// The groups asked for, each once, all of this VPC; the VPC's default group when none is asked for.
fn security_groups(
    state: &State,
    vpc: &VpcRecord,
    wanted: &AllocateInterface<'_>,
) -> Result<Vec<String>, ServiceError> {
    if wanted.security_groups.is_empty() {
        let default = state.security_groups.values().find(|group| group.vpc_id == vpc.id && group.name == "default");
        return default
            .map(|group| vec![group.id.clone()])
            .ok_or_else(|| super::error::not_found("InvalidGroup.NotFound", "security group", "default"));
    }
    let mut groups: Vec<String> = Vec::with_capacity(wanted.security_groups.len());
    for id in wanted.security_groups {
        let group = state
            .security_groups
            .get(id)
            .filter(|group| group.owner() == wanted.owner)
            .ok_or_else(|| super::error::not_found("InvalidGroup.NotFound", "security group", id))?;
        if group.vpc_id != vpc.id {
            return Err(ServiceError::new(
                "InvalidParameterValue",
                format!("Security group {id} and subnet {} belong to different networks.", wanted.subnet_id),
            ));
        }
        if !groups.contains(id) {
            groups.push(id.clone());
        }
    }
    if groups.len() > SECURITY_GROUPS_PER_INTERFACE {
        return Err(ServiceError::new(
            "SecurityGroupsPerInterfaceLimitExceeded",
            "The maximum number of security groups per interface has been reached.",
        ));
    }
    Ok(groups)
}

fn address_key(kind: &str, address: Ipv4Addr) -> String {
    format!("{kind}/{address}")
}

/// All addresses of the range but the four at its start and the last one.
fn usable_addresses(range: Ipv4Net) -> u64 {
    size(range).saturating_sub(RESERVED_AT_START + 1)
}

fn size(range: Ipv4Net) -> u64 {
    1 << (32 - u32::from(range.prefix_len()))
}

fn nth(range: Ipv4Net, number: u64) -> Ipv4Addr {
    let offset = u32::try_from(number).unwrap_or(u32::MAX);
    Ipv4Addr::from_bits(range.network().to_bits().saturating_add(offset))
}

/// A free address of the subnet, and where the next search begins.
fn free_private_address(state: &State, subnet_id: &str, range: Ipv4Net) -> Result<(Ipv4Addr, u64), ServiceError> {
    let taken = |address| state.addresses.contains(&address_key(PRIVATE, address));
    let address = |number| nth(range, RESERVED_AT_START + number);
    find_free(start(state, subnet_id), usable_addresses(range), address, taken).ok_or_else(|| {
        ServiceError::new(
            "InsufficientFreeAddressesInSubnet",
            format!("The specified subnet does not have enough free addresses to satisfy the request: {subnet_id}."),
        )
    })
}

/// A free public address, and where the next search begins. The first and the last of each range are never given.
fn free_public_address(app: &App, state: &State) -> Result<(Ipv4Addr, u64), ServiceError> {
    let pool = &app.settings.public_pool;
    // A range of one or two addresses has no network or broadcast address of its own.
    let usable = |range: Ipv4Net| if range.prefix_len() >= 31 { size(range) } else { size(range) - 2 };
    let total = pool.iter().map(|range| usable(*range)).sum();
    let address = |mut number: u64| {
        for range in pool {
            let count = usable(*range);
            if number < count {
                return nth(*range, if range.prefix_len() >= 31 { number } else { number + 1 });
            }
            number -= count;
        }
        Ipv4Addr::UNSPECIFIED
    };
    let taken = |address| state.addresses.contains(&address_key(PUBLIC, address));
    find_free(start(state, PUBLIC), total, address, taken).ok_or_else(|| {
        ServiceError::new(
            "InsufficientAddressCapacity",
            format!("All {total} public addresses of this server's pool are in use."),
        )
    })
}

fn start(state: &State, pool: &str) -> u64 {
    state.address_pools.get(pool).map_or(0, |record| record.next)
}

/// The first address from `start` on, going round, that is not taken, and where the next search begins.
fn find_free(
    start: u64,
    total: u64,
    address: impl Fn(u64) -> Ipv4Addr,
    taken: impl Fn(Ipv4Addr) -> bool,
) -> Option<(Ipv4Addr, u64)> {
    (0..total)
        .map(|step| (start + step) % total)
        .map(|number| (address(number), number + 1))
        .find(|(address, _)| !taken(*address))
}

#[cfg(test)]
mod tests;
