//! What of the network is not well on this machine, with what to do about it.

use std::fs;
use std::process::Command;

use ipnet::Ipv4Net;
use rtnetlink::packet_route::address::AddressScope;

use super::netlink::Netlink;
use super::{Settings, beside};

/// Looks at this machine and changes nothing. One entry per check: its name, and what was found or what to do.
pub fn doctor(settings: &Settings, pool: &[Ipv4Net], vpcs: &[Ipv4Net]) -> Vec<(String, Result<String, String>)> {
    vec![
        ("network: root".into(), root()),
        ("network: nft".into(), nft()),
        ("network: forwarding".into(), forwarding()),
        ("network: public pool".into(), public_pool(settings, pool)),
        ("network: VPC ranges".into(), vpc_ranges(settings, vpcs)),
        ("network: other firewalls".into(), firewalls(settings)),
    ]
}

fn root() -> Result<String, String> {
    if nix::unistd::geteuid().is_root() {
        Ok("running as root".into())
    } else {
        Err("network namespaces need root; run as root".into())
    }
}

fn nft() -> Result<String, String> {
    let version = Command::new("nft").arg("--version").output();
    match version {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        _ => Err("the command nft is missing: apt-get install nftables".into()),
    }
}

fn forwarding() -> Result<String, String> {
    match fs::read_to_string("/proc/sys/net/ipv4/ip_forward").as_deref().map(str::trim) {
        Ok("0") => Ok("net.ipv4.ip_forward is off; the server switches it on".into()),
        Ok(_) => Ok("net.ipv4.ip_forward is on".into()),
        Err(error) => Err(format!("net.ipv4.ip_forward cannot be read: {error}")),
    }
}

fn host_ranges() -> Result<Vec<Ipv4Net>, String> {
    let mut netlink = Netlink::open().map_err(|error| error.to_string())?;
    let addresses = netlink.addresses().map_err(|error| error.to_string())?;
    Ok(addresses
        .into_iter()
        .filter(|(_, _, scope)| *scope == AddressScope::Universe)
        .map(|(range, ..)| range)
        .collect())
}

fn public_pool(settings: &Settings, pool: &[Ipv4Net]) -> Result<String, String> {
    let used = host_ranges()?;
    match used.iter().find(|used| pool.iter().any(|pool| pool.contains(&used.addr()))) {
        Some(used) => Err(format!("this host itself has {used}, inside the public pool; choose another pool")),
        None => Ok(format!("{} lead to {}", join(pool), settings.host_device())),
    }
}

fn vpc_ranges(settings: &Settings, vpcs: &[Ipv4Net]) -> Result<String, String> {
    let used = host_ranges()?;
    let overlaps = |used: &&Ipv4Net| vpcs.iter().any(|vpc| vpc.contains(*used) || used.contains(vpc));
    match used.iter().find(overlaps) {
        Some(used) => Ok(format!(
            "this host's own network {used} overlaps with a VPC: tasks work, but cannot reach that network, and see this \
             host as {}",
            settings.host_address()
        )),
        None => Ok(format!("{} do not touch this host's networks", join(vpcs))),
    }
}

fn firewalls(settings: &Settings) -> Result<String, String> {
    let others: Vec<String> = beside::other_dropping_chains();
    if others.is_empty() {
        return Ok("none that drops forwarded packets beyond iptables' FORWARD chain".into());
    }
    let device = settings.host_device();
    Err(format!(
        "{} drops forwarded packets: let those from and to interface {device} pass there (iifname \"{device}\" accept; \
         oifname \"{device}\" accept), or tasks do not reach the outside",
        others.join(", ")
    ))
}

fn join(ranges: &[Ipv4Net]) -> String {
    ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
