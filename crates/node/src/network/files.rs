//! What a container's `/etc` says about the network.

use domain::compute::InterfaceSpec;

use super::dns::RESOLVER;

/// The contents of three files for every container of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkFiles {
    /// `/etc/resolv.conf`
    pub resolv_conf: String,
    /// `/etc/hosts`
    pub hosts: String,
    /// `/etc/hostname` and the UTS host name, without line end.
    pub hostname: String,
}

/// The files for a task with this interface.
pub fn files(interface: &InterfaceSpec) -> NetworkFiles {
    let default = format!("ip-{}", interface.address.to_string().replace('.', "-"));
    let hostname = interface.private_dns_name.clone().unwrap_or(default);
    let search = match hostname.split_once('.') {
        Some((_, domain)) => format!("search {domain}\n"),
        None => String::new(),
    };
    NetworkFiles {
        resolv_conf: format!("{search}nameserver {RESOLVER}\noptions timeout:2 attempts:3\n"),
        hosts: format!("127.0.0.1 localhost\n{} {hostname}\n", interface.address),
        hostname,
    }
}
