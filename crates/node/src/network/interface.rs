//! One task's interface: a veth pair from its namespace to the router.
//!
//! Inside, the task sees what it would see in a subnet: `eth0` with its address and the subnet's prefix, and the
//! gateway at the subnet's first address. But everything, also what is in the same subnet, goes through the router,
//! where the security groups are; hardware addresses are known beforehand, so nobody asks for them.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::path::Path;

use domain::compute::InterfaceSpec;
use domain::network::ruleset;
use ipnet::Ipv4Net;

use super::NetworkError;
use super::namespace;
use super::netlink::{
    self, End, Netlink, Reach, add_address, add_pair, delete_link, link_up, set_gateway_route, set_link_route,
    set_neighbour,
};
use super::router::Router;

/// The router's hardware address on every task's link.
const GATEWAY_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
const DEVICE: &str = "eth0";

/// Makes what is missing of a task's namespace, pair, addresses and routes.
pub(super) fn prepare(router: &Router, spec: &InterfaceSpec, task_id: &str) -> Result<(), NetworkError> {
    let mac_address = netlink::mac_address(&spec.mac_address)?;
    let path = namespace::create(&router.settings.task_namespace(task_id))?;
    let device = ruleset::device(task_id);
    inside(&path, |netlink| {
        if netlink.index(DEVICE)?.is_none() {
            switch_ipv6_off()?;
            join(router, &path, &device, mac_address)?;
        }
        let own = netlink.index_of(DEVICE)?;
        let gateway = Ipv4Net::from(first_host(spec.subnet_cidr));
        let address = Ipv4Net::new(spec.address, spec.subnet_cidr.prefix_len()).unwrap_or_default();
        netlink.apply(vec![
            link_up("lo"),
            link_up(DEVICE),
            add_address(own, address, Reach::Everywhere),
            set_neighbour(own, gateway.addr(), GATEWAY_MAC),
            set_link_route(own, gateway),
            set_gateway_route(own, Ipv4Net::default(), gateway.addr()),
        ])
    })?;
    let index = router.with_netlink(|netlink| {
        let index = netlink.index_of(&device)?;
        netlink.apply(vec![
            link_up(&device),
            set_neighbour(index, spec.address, mac_address),
            set_link_route(index, Ipv4Net::from(spec.address)),
        ])?;
        Ok(index)
    })?;
    router.with_netlink(|netlink| netlink.wait_until_active(index))?;
    inside(&path, |netlink| {
        let own = netlink.index_of(DEVICE)?;
        netlink.wait_until_active(own)
    })
}

/// Takes a task's pair and namespace away.
pub(super) fn remove(router: &Router, task_id: &str) -> Result<(), NetworkError> {
    // First the pair: it goes at once with its routes, a namespace only some time after its last process.
    router.with_netlink(|netlink| netlink.apply(vec![delete_link(&ruleset::device(task_id))]))?;
    namespace::delete(&router.settings.task_namespace(task_id))
}

/// Makes the pair. One that is there already belongs to an earlier namespace of the same name.
fn join(router: &Router, path: &Path, device: &str, mac_address: [u8; 6]) -> Result<(), NetworkError> {
    let namespace = File::open(path).map_err(|source| NetworkError::Namespace { path: path.to_owned(), source })?;
    let here = End { name: device, mac_address: GATEWAY_MAC, mtu: router.mtu };
    let there = End { name: DEVICE, mac_address, mtu: router.mtu };
    router.with_netlink(|netlink| netlink.apply(vec![delete_link(device), add_pair(&here, &there, namespace.as_fd())]))
}

/// Runs inside a task's namespace with a netlink socket of it.
fn inside(path: &Path, work: impl FnOnce(&mut Netlink) -> Result<(), NetworkError> + Send) -> Result<(), NetworkError> {
    let failed = |source| NetworkError::Namespace { path: path.to_owned(), source };
    namespace::run_in_namespace(path, || work(&mut Netlink::open().map_err(failed)?)).map_err(failed)?
}

/// Switches IPv6 off for all devices of the current thread's namespace that are still to come.
pub(super) fn switch_ipv6_off() -> Result<(), NetworkError> {
    for scope in ["all", "default"] {
        let path = Path::new("/proc/sys/net/ipv6/conf").join(scope).join("disable_ipv6");
        // A kernel without IPv6 has no such file and needs none.
        if path.exists() {
            fs::write(&path, "1").map_err(|source| NetworkError::Parameter { path, source })?;
        }
    }
    Ok(())
}

fn first_host(subnet: Ipv4Net) -> std::net::Ipv4Addr {
    std::net::Ipv4Addr::from_bits(subnet.network().to_bits() | 1)
}
