//! Addresses: the first of the subnet, going round, never one twice, fast with thousands.

use super::*;
use crate::ec2::make_default_network;
use crate::testing::{OWNER, TestApp};

fn with_default_vpc() -> (TestApp, State, String) {
    let test = TestApp::new();
    let mut state = State::default();
    make_default_network(&test.app, &mut state, OWNER);
    let subnet = state.subnets.values().find(|subnet| subnet.availability_zone.ends_with('a')).expect("a subnet");
    let subnet_id = subnet.id.clone();
    (test, state, subnet_id)
}

fn wanted<'a>(subnet_id: &'a str, security_groups: &'a [String]) -> AllocateInterface<'a> {
    AllocateInterface {
        owner: OWNER,
        subnet_id,
        security_groups,
        assign_public_ip: true,
        task_id: "0123456789abcdef0123456789abcdef",
        attachment_id: "11111111-2222-3333-4444-555555555555",
    }
}

#[test]
fn the_first_interface_has_the_first_free_addresses_and_the_default_group() {
    let (test, mut state, subnet_id) = with_default_vpc();
    let spec = allocate(&test.app, &mut state, &wanted(&subnet_id, &[])).expect("free addresses");
    assert_eq!(spec.address.to_string(), "172.31.0.4");
    assert_eq!(spec.public_address.map(|address| address.to_string()).as_deref(), Some("198.51.100.1"));
    assert_eq!(spec.private_dns_name.as_deref(), Some("ip-172-31-0-4.ec2.internal"));
    assert!(spec.mac_address.starts_with("02:") && spec.mac_address.len() == 17, "{}", spec.mac_address);
    let record = state.network_interfaces.get(&spec.id).expect("a record");
    assert_eq!(state.security_groups.get(&record.security_groups[0]).expect("a group").name, "default");
    assert!(id::is_well_formed(&spec.id, "eni"), "{}", spec.id);
    let subnet = state.subnets.get(&subnet_id).expect("a subnet");
    assert_eq!(free_addresses(&state, &subnet_id, subnet.cidr_block), 4090);
}

#[test]
fn a_released_address_rests_until_the_search_comes_round() {
    let (test, mut state, subnet_id) = with_default_vpc();
    let first = allocate(&test.app, &mut state, &wanted(&subnet_id, &[])).expect("free addresses");
    release(&mut state, &first.id);
    release(&mut state, &first.id);
    let second = allocate(&test.app, &mut state, &wanted(&subnet_id, &[])).expect("free addresses");
    assert_eq!(second.address.to_string(), "172.31.0.5");
    assert_eq!(second.public_address.map(|address| address.to_string()).as_deref(), Some("198.51.100.2"));
    for _ in 0..252 {
        allocate(&test.app, &mut state, &wanted(&subnet_id, &[])).expect("free addresses");
    }
    let last = allocate(&test.app, &mut state, &wanted(&subnet_id, &[])).expect("the one released");
    assert_eq!(last.public_address, first.public_address);
    let full = allocate(&test.app, &mut state, &wanted(&subnet_id, &[])).expect_err("none left");
    assert_eq!(full.code, "InsufficientAddressCapacity");
}

#[test]
fn a_subnet_gives_every_address_once() {
    let (test, mut state, subnet_id) = with_default_vpc();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..4091 {
        let wanted = AllocateInterface { assign_public_ip: false, ..wanted(&subnet_id, &[]) };
        let spec = allocate(&test.app, &mut state, &wanted).expect("a free address");
        assert!(spec.subnet_cidr.contains(&spec.address) && seen.insert(spec.address));
    }
    let wanted = AllocateInterface { assign_public_ip: false, ..wanted(&subnet_id, &[]) };
    let full = allocate(&test.app, &mut state, &wanted).expect_err("none left");
    assert_eq!(full.code, "InsufficientFreeAddressesInSubnet");
    assert!(!seen.contains(&"172.31.15.255".parse().expect("an address")));
}

#[test]
fn what_is_not_there_is_named() {
    let (test, mut state, subnet_id) = with_default_vpc();
    let error = allocate(&test.app, &mut state, &wanted("subnet-1", &[])).expect_err("no such subnet");
    assert_eq!(error.to_string(), "InvalidSubnetID.NotFound: The subnet ID 'subnet-1' does not exist");
    let groups = [String::from("sg-1")];
    let error = allocate(&test.app, &mut state, &wanted(&subnet_id, &groups)).expect_err("no such group");
    assert_eq!(error.to_string(), "InvalidGroup.NotFound: The security group 'sg-1' does not exist");
    assert!(state.addresses.is_empty() && state.network_interfaces.is_empty());
}
