//! A world for one test: a "host" and an "outside", each a network namespace of its own, so that nothing of the real
//! host is touched. It takes everything away when it is dropped, also after a failure.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use domain::compute::InterfaceSpec;
use domain::network::{InterfacePlan, NetworkPlan, Peer, Protocol, RulePlan, SecurityGroupPlan, SubnetPlan, VpcPlan};
use ipnet::Ipv4Net;

use crate::network::{Network, Settings, namespace, run_in_namespace};

pub(super) const HOST: Ipv4Addr = Ipv4Addr::new(10, 213, 255, 1);
pub(super) const OUTSIDE: Ipv4Addr = Ipv4Addr::new(10, 213, 255, 2);
/// How long a connection that should come about may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long is waited for one that should not.
const PATIENCE: Duration = Duration::from_millis(400);

static COUNTER: AtomicU32 = AtomicU32::new(0);

pub(super) struct World {
    pub(super) name: String,
    pub(super) host: PathBuf,
    pub(super) outside: PathBuf,
    pub(super) directory: tempfile::TempDir,
}

impl World {
    pub(super) fn new() -> Self {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        // Namespaces and locks have one directory for the whole machine.
        let name = format!("t{:x}x{number}", std::process::id());
        let host = namespace::create(&format!("{name}-testhost")).expect("a namespace");
        let outside = namespace::create(&format!("{name}-outside")).expect("a namespace");
        let world = Self { name, host, outside, directory: tempfile::tempdir().expect("a directory") };
        world.ip(&format!(
            "link add out0 type veth peer name eth0 netns {}-outside\naddr add {HOST}/24 dev out0\nlink set out0 up\nlink \
             set lo up\n",
            world.name
        ));
        let outside =
            format!("addr add {OUTSIDE}/24 dev eth0\nlink set eth0 up\nlink set lo up\nroute add default via {HOST}\n");
        ip_batch(&world.outside, &outside);
        world
    }

    /// What a shell on the host would do with `ip`.
    pub(super) fn ip(&self, batch: &str) {
        ip_batch(&self.host, batch);
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            name: self.name.clone(),
            resolv_conf: self.directory.path().join("resolv.conf"),
            ..Settings::new("us-east-1")
        }
    }

    /// Runs the test on the host, with a network of its own, and takes the network away afterwards.
    pub(super) fn run(&self, test: impl AsyncFnOnce(&Network) + Send) {
        self.run_raw(async || {
            let network = Network::open(self.settings()).expect("a network");
            test(&network).await;
            network.uninstall().await.expect("uninstalled");
        });
    }

    /// Runs the test on the host.
    pub(super) fn run_raw(&self, test: impl AsyncFnOnce() + Send) {
        run_in_namespace(&self.host, || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            runtime.expect("a runtime").block_on(test());
        })
        .expect("the test passed");
    }

    /// Runs a command on the host and answers what it prints.
    pub(super) fn output(&self, command: &[&str]) -> String {
        output(&self.host, command)
    }

    /// Every namespace of this world.
    pub(super) fn namespaces(&self) -> Vec<String> {
        let entries = std::fs::read_dir("/run/netns").expect("a directory");
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let prefix = format!("{}-", self.name);
        names.filter(|name| name.starts_with(&prefix)).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for name in self.namespaces() {
            namespace::delete(&name).expect("deleted");
        }
        let _ = std::fs::remove_file(format!("/run/tidegate-{}.lock", self.name));
    }
}

pub(super) fn output(namespace: &Path, command: &[&str]) -> String {
    let output = run_in_namespace(namespace, || Command::new(command[0]).args(&command[1..]).output());
    let output = output.expect("a namespace").expect("runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(super) fn ip_batch(namespace: &Path, batch: &str) {
    for line in batch.lines() {
        let words: Vec<&str> = std::iter::once("ip").chain(line.split_whitespace()).collect();
        output(namespace, &words);
    }
}

/// A server that tells everyone their address, until it is dropped.
pub(super) struct Server {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(namespace: &Path, port: u16) -> Self {
        let listen = || TcpListener::bind((Ipv4Addr::UNSPECIFIED, port));
        Self::on(run_in_namespace(namespace, listen).expect("a namespace").expect("a free port"))
    }

    pub(super) fn on(listener: TcpListener) -> Self {
        listener.set_nonblocking(true).expect("non-blocking");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((mut stream, peer)) => {
                        let _ = stream.write_all(peer.ip().to_string().as_bytes());
                    }
                    Err(_) => thread::park_timeout(Duration::from_millis(2)),
                }
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

/// What the server at this address says our address is; `None` when it cannot be reached.
pub(super) fn reach(from: &Path, address: Ipv4Addr, port: u16) -> Option<String> {
    try_to_reach(from, address, port, DEADLINE)
}

/// Whether nothing comes back from this address (which takes its time to see).
pub(super) fn is_shut(from: &Path, address: Ipv4Addr, port: u16) -> bool {
    try_to_reach(from, address, port, PATIENCE).is_none()
}

fn try_to_reach(from: &Path, address: Ipv4Addr, port: u16, patience: Duration) -> Option<String> {
    run_in_namespace(from, || {
        let address = SocketAddr::V4(SocketAddrV4::new(address, port));
        let mut stream = TcpStream::connect_timeout(&address, patience).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).ok()?;
        let mut seen = String::new();
        stream.read_to_string(&mut seen).ok()?;
        Some(seen)
    })
    .expect("a namespace")
}

pub(super) fn cidr(text: &str) -> Ipv4Net {
    text.parse().expect("a range")
}

/// A plan with two VPCs: the first public, the second with the same range and without an internet gateway.
pub(super) fn plan() -> NetworkPlan {
    let vpc = |id: &str, subnet: &str, internet| VpcPlan {
        id: id.into(),
        cidr_blocks: vec![cidr("10.214.0.0/16")],
        subnets: vec![SubnetPlan { id: subnet.into(), cidr_block: cidr("10.214.0.0/20"), internet }],
    };
    NetworkPlan {
        vpcs: vec![vpc("vpc-1", "subnet-1", true), vpc("vpc-2", "subnet-2", false)],
        interfaces: Vec::new(),
        security_groups: Vec::new(),
        public_ranges: vec![cidr("203.0.113.96/27")],
    }
}

pub(super) fn any() -> Peer {
    Peer::Cidr(Ipv4Net::default())
}

/// A group that lets everything out and this in.
pub(super) fn group(id: &str, ingress: &[(Protocol, Peer)]) -> SecurityGroupPlan {
    let rule = |(protocol, peer): &(Protocol, Peer)| RulePlan { protocol: *protocol, peer: peer.clone() };
    SecurityGroupPlan {
        id: id.into(),
        ingress: ingress.iter().map(rule).collect(),
        egress: vec![RulePlan { protocol: Protocol::All, peer: any() }],
    }
}

/// A task of the test: number `n` has the address 10.214.0.n.
pub(super) struct Task {
    pub(super) id: String,
    pub(super) spec: InterfaceSpec,
    pub(super) path: PathBuf,
}

impl Task {
    pub(super) fn address(&self) -> Ipv4Addr {
        self.spec.address
    }

    pub(super) fn public(&self) -> Ipv4Addr {
        self.spec.public_address.expect("a public address")
    }
}

/// Adds a task to the plan; a public one also has the address `n` of the plan's pool.
pub(super) fn add_task(network: &Network, plan: &mut NetworkPlan, number: u8, vpc: &str, groups: &[&str]) -> Task {
    // Ids differ at their beginning, as real ones do.
    let id = format!("{number:02x}{:030x}", 7);
    let subnet_id = vpc.replace("vpc", "subnet");
    let pool = plan.public_ranges[0].network().to_bits();
    let spec = InterfaceSpec {
        id: format!("eni-{number}"),
        attachment_id: String::new(),
        mac_address: format!("02:aa:00:00:00:{number:02x}"),
        address: Ipv4Addr::new(10, 214, 0, number),
        public_address: (vpc == "vpc-1").then(|| Ipv4Addr::from_bits(pool + u32::from(number))),
        subnet_id: subnet_id.clone(),
        subnet_cidr: cidr("10.214.0.0/20"),
        vpc_id: vpc.into(),
        vpc_cidrs: vec![cidr("10.214.0.0/16")],
        private_dns_name: Some(format!("ip-10-214-0-{number}.ec2.internal")),
        security_groups: groups.iter().map(ToString::to_string).collect(),
    };
    plan.interfaces.push(InterfacePlan {
        id: spec.id.clone(),
        task_id: id.clone(),
        vpc_id: vpc.into(),
        subnet_id,
        address: spec.address,
        mac_address: spec.mac_address.clone(),
        public_address: spec.public_address,
        security_groups: spec.security_groups.clone(),
    });
    let path = network.namespace_path(&id);
    Task { id, spec, path }
}

/// Puts the plan in force and makes the namespaces of its tasks.
pub(super) async fn start(network: &Network, plan: &NetworkPlan, tasks: &[&Task]) {
    network.apply_plan(Arc::new(plan.clone())).await.expect("loaded");
    for task in tasks {
        let path = network.prepare(&task.spec, &task.id).await.expect("prepared");
        assert_eq!(path, task.path);
    }
}
