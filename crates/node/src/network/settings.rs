//! What the network room is told from outside.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;

/// How the network of this machine is named and joined to the host.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The beginning of every name: namespaces `tg-<task id>` and `tg-router`, the host's interface `tg-host`. At most
    /// 10 characters. Two servers on one machine need different names and different public pools.
    pub name: String,
    /// Four addresses for the pair between host and router; its second address is the host's, its third the router's.
    pub link: Ipv4Net,
    /// The domain of `ip-….` names: `ec2.internal`.
    pub internal_domain: String,
    /// The host's resolver configuration.
    pub resolv_conf: PathBuf,
}

impl Settings {
    /// The usual settings in this region.
    pub fn new(region: &str) -> Self {
        let internal_domain =
            if region == "us-east-1" { "ec2.internal".into() } else { format!("{region}.compute.internal") };
        Self {
            name: "tg".into(),
            link: Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 172, 0), 30),
            internal_domain,
            resolv_conf: "/etc/resolv.conf".into(),
        }
    }

    /// The host's end of the pair.
    pub(super) fn host_device(&self) -> String {
        format!("{}-host", self.name)
    }

    pub(super) fn host_address(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.link.network().to_bits() + 1)
    }

    pub(super) fn router_address(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.link.network().to_bits() + 2)
    }

    /// The router's namespace.
    pub(super) fn router_namespace(&self) -> String {
        format!("{}-router", self.name)
    }

    /// What the namespaces of tasks begin with.
    pub(super) fn task_prefix(&self) -> String {
        format!("{}-", self.name)
    }

    pub(super) fn task_namespace(&self, task_id: &str) -> String {
        format!("{}-{task_id}", self.name)
    }
}
