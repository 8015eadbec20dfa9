//! A world for one test: a host that is a network namespace, a data directory, a registry, a control plane.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::compute::{
    BoxFuture, Compute, ContainerSpec, LogLine, LogMode, LogTarget, RegistryCredentials, RoleCredentials, TaskAction,
    TaskObservation, TaskServices, TaskSpec,
};
use domain::failure::{Failure, FailureName};
use domain::network::{InterfacePlan, NetworkPlan, SubnetPlan, VpcPlan};
use serde_json::json;
use wire::{Sensitive, Timestamp};

use crate::images::Registries;
use crate::network::{Settings, run_in_namespace};
use crate::runtime::RuntimeChoice;
use crate::tasks::{Node, NodeSettings};
use crate::test_support;

const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct World {
    name: String,
    data: tempfile::TempDir,
    registry: String,
    services: Arc<Services>,
    next: AtomicU32,
}

impl World {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("n{:x}{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        ip(&["netns", "add", &format!("{name}-testhost")]);
        ip(&["-n", &format!("{name}-testhost"), "link", "set", "lo", "up"]);
        let listener = run_in_namespace(&namespace(&name), || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = listener.expect("a namespace").expect("a port");
        let registry = listener.local_addr().expect("an address").to_string();
        serve_registry(listener);
        let data = tempfile::tempdir().expect("a directory");
        std::fs::write(data.path().join("resolv.conf"), "nameserver 127.0.0.1\n").expect("a file");
        Self { name, data, registry, services: Arc::default(), next: AtomicU32::new(0) }
    }

    pub(super) fn registry(&self) -> &str {
        &self.registry
    }

    pub(super) fn tasks(&self) -> PathBuf {
        self.data.path().canonicalize().expect("a path").join("tasks")
    }

    /// A task of these containers, with an id of its own.
    pub(super) fn task(&self, mut containers: Vec<ContainerSpec>) -> TaskSpec {
        for container in containers.iter_mut().filter(|container| container.image.starts_with("registry.test")) {
            container.image = format!("{}/image:1", self.registry);
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = hex::encode(sha2_of(&format!("{} {number}", self.name)));
        let mut spec = test_support::task(&id[..32], containers);
        spec.interface.id = format!("eni-{number}{}", &id[..15]);
        spec
    }

    /// Opens a node on the "host", runs the test, and drops everything without a word, as a crash would.
    pub(super) fn run(&self, test: impl AsyncFnOnce(Arc<Node>, Arc<Services>) + Send) {
        run_in_namespace(&namespace(&self.name), || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let runtime = runtime.expect("a runtime");
            runtime.block_on(async {
                let settings = NodeSettings {
                    data_directory: self.data.path().to_owned(),
                    runtime: RuntimeChoice::Linked,
                    registries: Registries::default(),
                    shim_executable: test_support::shim_executable(),
                    network: self.settings(),
                };
                let node = Node::open(settings, Arc::clone(&self.services) as Arc<dyn TaskServices>).await;
                test(node.expect("a node"), Arc::clone(&self.services)).await;
            });
            runtime.shutdown_timeout(Duration::from_secs(5));
        })
        .expect("a namespace");
    }

    fn settings(&self) -> Settings {
        let resolv_conf = self.data.path().join("resolv.conf");
        Settings { name: self.name.clone(), resolv_conf, ..Settings::new("us-east-1") }
    }

    /// The network a task needs.
    pub(super) async fn network(&self, node: &Node, spec: &TaskSpec) {
        let interface = &spec.interface;
        let plan = NetworkPlan {
            vpcs: vec![VpcPlan {
                id: interface.vpc_id.clone(),
                cidr_blocks: interface.vpc_cidrs.clone(),
                subnets: vec![SubnetPlan {
                    id: interface.subnet_id.clone(),
                    cidr_block: interface.subnet_cidr,
                    internet: true,
                }],
            }],
            interfaces: vec![InterfacePlan {
                id: interface.id.clone(),
                task_id: spec.task_id.clone(),
                vpc_id: interface.vpc_id.clone(),
                subnet_id: interface.subnet_id.clone(),
                mac_address: interface.mac_address.clone(),
                address: interface.address,
                public_address: None,
                security_groups: Vec::new(),
            }],
            security_groups: Vec::new(),
            public_ranges: vec!["203.0.113.96/27".parse().expect("a range")],
        };
        node.apply_network(Arc::new(plan)).await.expect("a network");
    }

    /// Takes a task away and looks whether anything is left.
    pub(super) async fn remove(&self, node: &Node, spec: &Arc<TaskSpec>) {
        node.apply(spec, TaskAction::Remove).await.expect("begins");
        self.until_gone(node, spec).await;
        node.apply(spec, TaskAction::Remove).await.expect("again");
    }

    pub(super) async fn until_gone(&self, node: &Node, spec: &TaskSpec) {
        let deadline = Instant::now() + PATIENCE;
        while node.observe(&spec.task_id).is_some() {
            assert!(Instant::now() < deadline, "it stays");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let id = &spec.task_id;
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mounts");
        assert!(!mounts.contains(id.as_str()), "no mount is left: {mounts}");
        assert!(!self.tasks().join(id).exists(), "no directory is left");
        let find = Command::new("find").args(["/sys/fs/cgroup", "/run/netns", "-name", &format!("*{id}*")]).output();
        assert_eq!(String::from_utf8_lossy(&find.expect("find").stdout), "", "no group and no namespace is left");
        for process in std::fs::read_dir("/proc").expect("/proc").flatten() {
            let groups = std::fs::read_to_string(process.path().join("cgroup")).unwrap_or_default();
            assert!(!groups.contains(id.as_str()), "process {:?} is left", process.file_name());
        }
    }

    /// The files of the data directory in which a text is.
    pub(super) fn grep(&self, text: &str) -> String {
        let found = Command::new("grep").args(["-rlaF", text]).arg(self.data.path()).output().expect("grep");
        String::from_utf8_lossy(&found.stdout).into_owned()
    }

    /// The line that [`Self::grep`] prints for the container's output.
    pub(super) fn output_file(&self, spec: &TaskSpec) -> String {
        let path = self.data.path().join("tasks").join(&spec.task_id).join("containers/c/output");
        format!("{}\n", path.display())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // What a failed test left: ended by its groups, taken away by its names.
        if let (Some(cgroups), Ok(entries)) =
            (crate::Cgroups::detect(), std::fs::read_dir(self.data.path().join("tasks")))
        {
            for id in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
                let directory = super::TaskDirectory::new(&self.tasks(), &id);
                if let Some(shim) = directory.living_shim() {
                    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(shim), nix::sys::signal::Signal::SIGKILL);
                }
                if cgroups.kill_task(&id).is_ok() && cgroups.remove_task(&id).is_ok() {
                    let _ = directory.unmount_all();
                }
            }
        }
        for entry in std::fs::read_dir("/run/netns").into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(&format!("{}-", self.name)) {
                ip(&["netns", "del", &name]);
            }
        }
        let _ = std::fs::remove_file(format!("/run/tidegate-{}.lock", self.name));
    }
}

fn namespace(name: &str) -> PathBuf {
    PathBuf::from(format!("/run/netns/{name}-testhost"))
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().expect("ip");
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn sha2_of(text: &str) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(text).to_vec()
}

/// Waits until the task is as wanted.
pub(super) async fn until(node: &Node, spec: &TaskSpec, wanted: impl Fn(&TaskObservation) -> bool) -> TaskObservation {
    let wait = async {
        let mut seen = 0;
        loop {
            seen = tokio::time::timeout(Duration::from_millis(200), node.changed(seen)).await.unwrap_or(seen);
            if let Some(observation) = node.observe(&spec.task_id).filter(&wanted) {
                return observation;
            }
        }
    };
    let observed = tokio::time::timeout(PATIENCE, wait).await;
    observed.unwrap_or_else(|_| panic!("it never happened: {:?}", node.observe(&spec.task_id)))
}

/// A container that runs a shell script from the registry's image.
pub(super) fn script(name: &str, text: &str) -> ContainerSpec {
    let mut spec = test_support::container(name);
    spec.command = Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), text.to_owned()]);
    spec.stop_timeout_seconds = 2;
    spec
}

pub(super) fn log() -> LogTarget {
    LogTarget {
        group: "/ecs/test".into(),
        stream: "a/b/c".into(),
        region: "us-east-1".into(),
        create_group: false,
        mode: LogMode::Blocking,
    }
}

/// The control plane of a world; it survives the nodes.
#[derive(Default)]
pub(super) struct Services {
    log: Mutex<(Vec<String>, u64)>,
}

impl Services {
    pub(super) fn logged(&self) -> Vec<String> {
        self.log.lock().expect("lock").0.clone()
    }

    pub(super) async fn until_logged(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.logged().iter().any(|line| line.contains(text)) {
            assert!(Instant::now() < deadline, "'{text}' was never logged: {:?}", self.logged());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl TaskServices for Services {
    fn registry_auth<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<RegistryCredentials>, Failure>> {
        Box::pin(async { Ok(None) })
    }
    fn secret_environment<'a>(
        &'a self,
        _: &'a str,
        container: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(String, Sensitive)>, Failure>> {
        Box::pin(async move {
            match container {
                "secretless" => Err(Failure::new(FailureName::ResourceInitializationError, "not authorized")),
                "hangs" => std::future::pending().await,
                _ => Ok(vec![("PASSWORD".to_owned(), "xyzzy-plugh".into())]),
            }
        })
    }
    fn task_role_credentials<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<RoleCredentials>, Failure>> {
        Box::pin(async {
            Ok(Some(RoleCredentials {
                role_arn: "arn:aws:iam::123456789012:role/app".into(),
                access_key_id: "ASIAEXAMPLE".into(),
                secret_access_key: "key-of-the-role".into(),
                session_token: "token".into(),
                expiration: Timestamp::from_seconds(1_900_000_000),
            }))
        })
    }
    fn open_log<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }
    fn log_offset(&self, _: &str, _: &str) -> Result<u64, Failure> {
        Ok(self.log.lock().expect("lock").1)
    }
    fn put_log<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        lines: Vec<LogLine>,
        next_offset: u64,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let mut log = self.log.lock().expect("lock");
            log.0.extend(lines.into_iter().map(|line| line.message));
            log.1 = next_offset;
            Ok(())
        })
    }
}

/// Serves one image of busybox to whoever asks, until the process ends.
fn serve_registry(listener: TcpListener) {
    let answers = image();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().expect("a clone")).lines();
            let request = lines.next().and_then(Result::ok).unwrap_or_default();
            while lines.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
            let mut words = request.split(' ');
            let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            let missing = (404, "application/json".to_owned(), Vec::new());
            let (status, kind, body) = answers.get(path).cloned().unwrap_or(missing);
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let mut stream = &stream;
            let _ = stream.write_all(head.as_bytes());
            if method != "HEAD" {
                let _ = stream.write_all(&body);
            }
        }
    });
}

fn image() -> HashMap<String, (u16, String, Vec<u8>)> {
    let mut layer = tar::Builder::new(Vec::new());
    let busybox = std::fs::read("/bin/busybox").expect("busybox-static is installed");
    let mut append = |path: &str, kind: tar::EntryType, data: &[u8], link: Option<&str>| {
        let mut header = tar::Header::new_ustar();
        header.set_size(data.len() as u64);
        header.set_mode(0o755);
        header.set_entry_type(kind);
        match link {
            Some(link) => layer.append_link(&mut header, path, link).expect("in memory"),
            None => layer.append_data(&mut header, path, data).expect("in memory"),
        }
    };
    append("bin/", tar::EntryType::Directory, &[], None);
    append("bin/busybox", tar::EntryType::Regular, &busybox, None);
    for applet in ["sh", "cat", "sleep", "echo", "seq", "wget", "true", "tr"] {
        append(&format!("bin/{applet}"), tar::EntryType::Symlink, &[], Some("busybox"));
    }
    let layer = layer.into_inner().expect("in memory");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&layer).expect("in memory");
    let compressed = encoder.finish().expect("in memory");
    let digest = |bytes: &[u8]| {
        use sha2::Digest;
        format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
    };
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {"Env": ["FROM_IMAGE=1"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
    })
    .to_string()
    .into_bytes();
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": kind,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(&config), "size": config.len()},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(&compressed), "size": compressed.len()}],
    })
    .to_string()
    .into_bytes();
    let blob = |bytes: &[u8]| (200, "application/octet-stream".to_owned(), bytes.to_vec());
    HashMap::from([
        ("/v2/".to_owned(), (200, "application/json".to_owned(), b"{}".to_vec())),
        ("/v2/image/manifests/1".to_owned(), (200, kind.to_owned(), manifest.clone())),
        (format!("/v2/image/manifests/{}", digest(&manifest)), (200, kind.to_owned(), manifest)),
        (format!("/v2/image/blobs/{}", digest(&config)), blob(&config)),
        (format!("/v2/image/blobs/{}", digest(&compressed)), blob(&compressed)),
    ])
}
