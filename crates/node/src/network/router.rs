//! The router: a namespace that stands for the VPC fabric and the internet gateway, and the pair that joins it to the
//! host.
//!
//! Everything is made only where it is missing, so opening adopts what an earlier server left. The host gets one
//! interface, one route per range of public addresses, and forwarding; nothing else of it changes.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use domain::network::NetworkPlan;
use domain::network::ruleset::{self, METADATA, RESOLVER, UPLINK};
use ipnet::Ipv4Net;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, setsockopt, socket, sockopt,
};
use rtnetlink::packet_route::address::AddressScope;
use rtnetlink::packet_route::route::RouteType;

use super::interface::switch_ipv6_off;
use super::netlink::{
    End, Netlink, OUR_PROTOCOL, Reach, add_address, add_pair, delete_link, delete_route, link_up, set_gateway_route,
    set_link_route, set_neighbour, set_unreachable_route,
};
use super::{NetworkError, Settings, namespace};
use crate::wait;

const HOST_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
const UPLINK_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x03];
/// Where nothing says otherwise.
const USUAL_MTU: u32 = 1500;
/// How long the lock may still be held by what a killed server had just begun to start.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// How many connections to one metadata listener may wait.
const BACKLOG: i32 = 128;
/// Parameters of the router: it forwards, asks nobody to take a shorter way, and trusts its ruleset with who sends what.
const ROUTER_PARAMETERS: [(&str, &str); 6] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/default/send_redirects", "0"),
    ("net/ipv4/conf/all/accept_redirects", "0"),
];

/// The router and the way to it.
pub(super) struct Router {
    pub(super) settings: Settings,
    /// The MTU of every link: that of the host's way out, so that nothing is cut on the way.
    pub(super) mtu: u32,
    path: PathBuf,
    /// In the router's namespace.
    netlink: Mutex<Netlink>,
    /// Held as long as this server lives.
    _lock: File,
}

impl Router {
    /// Makes or adopts the router. The current thread's namespace is the host's.
    pub(super) fn open(settings: Settings) -> Result<Self, NetworkError> {
        if !nix::unistd::geteuid().is_root() {
            return Err(NetworkError::NotRoot);
        }
        let nft = Command::new("nft").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        nft.map_err(NetworkError::NoNft)?;
        let lock = lock(&settings)?;
        let path = namespace::create(&settings.router_namespace())?;
        let failed = |source| NetworkError::Namespace { path: path.clone(), source };
        let netlink = namespace::run_in_namespace(&path, || {
            for (name, value) in ROUTER_PARAMETERS {
                set_parameter(name, value)?;
            }
            switch_ipv6_off()?;
            Netlink::open().map_err(failed)
        })
        .map_err(failed)??;
        let mut host = Netlink::open().map_err(failed)?;
        let mtu = mtu(&mut host)?;
        let router = Self { settings, mtu, path, netlink: Mutex::new(netlink), _lock: lock };
        router.join_host(&mut host)?;
        Ok(router)
    }

    /// Runs `work` with the router's netlink socket; one at a time.
    pub(super) fn with_netlink<T>(
        &self,
        work: impl FnOnce(&mut Netlink) -> Result<T, NetworkError>,
    ) -> Result<T, NetworkError> {
        work(&mut self.netlink.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Runs `work` inside the router's namespace.
    pub(super) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        namespace::run_in_namespace(&self.path, work)
    }

    /// The pair between host and router, its addresses, and the way out.
    fn join_host(&self, host: &mut Netlink) -> Result<(), NetworkError> {
        let device = self.settings.host_device();
        let missing = self.with_netlink(|router| router.index(UPLINK))?.is_none();
        if missing || host.index(&device)?.is_none() {
            let router =
                File::open(&self.path).map_err(|source| NetworkError::Namespace { path: self.path.clone(), source })?;
            let here = End { name: &device, mac_address: HOST_MAC, mtu: self.mtu };
            let there = End { name: UPLINK, mac_address: UPLINK_MAC, mtu: self.mtu };
            self.with_netlink(|router| router.apply(vec![delete_link(UPLINK)]))?;
            host.apply(vec![delete_link(&device), add_pair(&here, &there, router.as_fd())])?;
        }
        let (host_address, router_address) = (self.settings.host_address(), self.settings.router_address());
        let prefix = self.settings.link.prefix_len();
        let on_link = |address: Ipv4Addr| Ipv4Net::new(address, prefix).unwrap_or_default();
        let index = host.index_of(&device)?;
        let reach = host_reach(host, index)?;
        host.apply(vec![
            link_up(&device),
            add_address(index, on_link(host_address), reach),
            set_neighbour(index, router_address, UPLINK_MAC),
            set_link_route(index, Ipv4Net::from(router_address)),
        ])?;
        let ipv6 = format!("net/ipv6/conf/{device}/disable_ipv6");
        if Path::new("/proc/sys").join(&ipv6).exists() {
            set_parameter(&ipv6, "1")?;
        }
        forward()?;
        self.with_netlink(|router| {
            let (lo, uplink) = (router.index_of("lo")?, router.index_of(UPLINK)?);
            router.apply(vec![
                link_up("lo"),
                link_up(UPLINK),
                add_address(lo, Ipv4Net::from(RESOLVER), Reach::Everywhere),
                add_address(lo, Ipv4Net::from(METADATA), Reach::Everywhere),
                add_address(uplink, on_link(router_address), Reach::Everywhere),
                set_neighbour(uplink, host_address, HOST_MAC),
                set_link_route(uplink, Ipv4Net::from(host_address)),
                set_gateway_route(uplink, Ipv4Net::default(), host_address),
            ])?;
            router.wait_until_active(uplink)
        })?;
        host.wait_until_active(index)
    }

    /// The routes a plan needs: public ranges lead from the host to the router and end there, VPC ranges end there.
    /// Interfaces have better routes of their own.
    pub(super) fn set_ranges(&self, plan: &NetworkPlan) -> Result<(), NetworkError> {
        let failed = |source| NetworkError::Namespace { path: self.path.clone(), source };
        let mut host = Netlink::open().map_err(failed)?;
        let device = host.index_of(&self.settings.host_device())?;
        let public: BTreeSet<Ipv4Net> = plan.public_ranges.iter().map(Ipv4Net::trunc).collect();
        refuse_foreign(&mut host, device, &public)?;
        let routes = host.routes()?;
        let ours = routes.iter().filter(|route| route.protocol == OUR_PROTOCOL && route.device == Some(device));
        let mut changes: Vec<_> = ours
            .filter(|route| route.range.prefix_len() < 32 || route.range.addr() != self.settings.router_address())
            .filter(|route| !public.contains(&route.range))
            .map(|route| delete_route(route.range, RouteType::Unicast))
            .collect();
        changes.extend(public.iter().map(|range| set_gateway_route(device, *range, self.settings.router_address())));
        if !changes.is_empty() {
            host.apply(changes)?;
        }
        let vpcs = plan.vpcs.iter().flat_map(|vpc| &vpc.cidr_blocks).map(Ipv4Net::trunc);
        let wanted: BTreeSet<Ipv4Net> = public.into_iter().chain(vpcs).collect();
        self.with_netlink(|router| {
            let routes = router.routes()?;
            let there: BTreeSet<Ipv4Net> =
                routes.iter().filter(|route| route.kind == RouteType::Unreachable).map(|route| route.range).collect();
            let mut changes: Vec<_> =
                there.difference(&wanted).map(|range| delete_route(*range, RouteType::Unreachable)).collect();
            changes.extend(wanted.difference(&there).map(|range| set_unreachable_route(*range)));
            if changes.is_empty() { Ok(()) } else { router.apply(changes) }
        })
    }

    /// A listener in the router that hears one task only.
    pub(super) fn listen_for(&self, task_id: &str, address: SocketAddrV4) -> io::Result<TcpListener> {
        let device = ruleset::device(task_id);
        self.inside(|| {
            let socket =
                socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
            setsockopt(&socket, sockopt::ReuseAddr, &true)?;
            setsockopt(&socket, sockopt::BindToDevice, &device.into())?;
            bind(socket.as_raw_fd(), &SockaddrIn::from(address))?;
            listen(&socket, Backlog::new(BACKLOG)?)?;
            Ok(TcpListener::from(socket))
        })?
    }

    /// Takes the router away, with the host's interface, routes, ruleset and lock.
    pub(super) fn uninstall(&self) -> Result<(), NetworkError> {
        let failed = |source| NetworkError::Namespace { path: self.path.clone(), source };
        let device = self.settings.host_device();
        super::beside::remove(&self.settings.name, &device);
        Netlink::open().map_err(failed)?.apply(vec![delete_link(&device)])?;
        namespace::delete(&self.settings.router_namespace())?;
        let table = ruleset::render_host(&NetworkPlan::default(), &self.settings.name, &device);
        // The first two lines of every script make sure that the table is there and take it away.
        super::loader::nft(&table.lines().take(2).fold(String::new(), |text, line| text + line + "\n"))?;
        // Left behind it would do no harm.
        let _ = fs::remove_file(lock_path(&self.settings));
        Ok(())
    }
}

/// Our address on the host must never hide the host's real one from security groups: where the host has one, ours
/// is for the link only. A host that has none (only loopback) needs ours.
fn host_reach(host: &mut Netlink, own: u32) -> Result<Reach, NetworkError> {
    let has_address =
        host.addresses()?.iter().any(|(_, device, scope)| *device != own && *scope == AddressScope::Universe);
    Ok(if has_address { Reach::Link } else { Reach::Everywhere })
}

/// A pool that the host itself uses would cut the host off from its own network.
fn refuse_foreign(host: &mut Netlink, own: u32, public: &BTreeSet<Ipv4Net>) -> Result<(), NetworkError> {
    let addresses = host.addresses()?.into_iter().map(|(range, device, _)| (Ipv4Net::from(range.addr()), device));
    let routes = host.routes()?.into_iter().filter_map(|route| Some((route.range, route.device?)));
    for (used, device) in addresses.chain(routes).filter(|(_, device)| *device != own) {
        if let Some(pool) = public.iter().find(|pool| pool.contains(&used)) {
            return Err(NetworkError::PoolInUse { pool: *pool, used, device: format!("interface {device}") });
        }
    }
    Ok(())
}

fn lock_path(settings: &Settings) -> PathBuf {
    PathBuf::from(format!("/run/tidegate-{}.lock", settings.name))
}

/// Two servers under one name would each undo what the other does.
fn lock(settings: &Settings) -> Result<File, NetworkError> {
    let path = lock_path(settings);
    let failed = |source| NetworkError::Open { what: path.display().to_string(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    // What a killed server had just begun to start may hold it for a moment longer.
    let look = || match file.try_lock() {
        Err(TryLockError::WouldBlock) => None,
        tried => Some(tried),
    };
    match wait::until(LOCK_PATIENCE, look) {
        Some(Ok(())) => Ok(file),
        Some(Err(TryLockError::Error(source))) => Err(failed(source)),
        Some(Err(TryLockError::WouldBlock)) | None => Err(NetworkError::InUse(path)),
    }
}

/// The MTU of the device with the default route.
fn mtu(host: &mut Netlink) -> Result<u32, NetworkError> {
    let routes = host.routes()?;
    let Some(index) = routes.iter().find(|route| route.range.prefix_len() == 0).and_then(|route| route.device) else {
        return Ok(USUAL_MTU);
    };
    Ok(host.mtu(index)?.unwrap_or(USUAL_MTU).min(USUAL_MTU))
}

/// Without forwarding on the host no task reaches further than this machine.
fn forward() -> Result<(), NetworkError> {
    let path = Path::new("/proc/sys/net/ipv4/ip_forward");
    let now = fs::read_to_string(path).map_err(|source| NetworkError::Parameter { path: path.to_owned(), source })?;
    if now.trim() == "0" {
        tracing::info!("switching net.ipv4.ip_forward on, so that tasks reach the outside");
        set_parameter("net/ipv4/ip_forward", "1")?;
    }
    Ok(())
}

fn set_parameter(name: &str, value: &str) -> Result<(), NetworkError> {
    let path = Path::new("/proc/sys").join(name);
    fs::write(&path, value).map_err(|source| NetworkError::Parameter { path, source })
}
