//! Specs for the tests of this crate.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use std::fs;
use std::path::{Path, PathBuf};

use domain::compute::{ContainerSpec, InterfaceSpec, TaskSpec};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use wire::Timestamp;

pub(crate) fn container(name: &str) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        arn: format!("arn:aws:ecs:us-east-1:123456789012:container/c/t/{name}"),
        runtime_id: format!("0000-{name}"),
        image: "registry.test/image:1".to_owned(),
        private_registry: false,
        essential: true,
        entry_point: None,
        command: None,
        environment: Vec::new(),
        secret_names: Vec::new(),
        user: None,
        working_directory: None,
        cpu_units: 0,
        memory_mib: None,
        memory_reservation_mib: None,
        ports: Vec::new(),
        mounts: Vec::new(),
        tmpfs: Vec::new(),
        add_capabilities: Vec::new(),
        drop_capabilities: Vec::new(),
        read_only_root: false,
        init_process: false,
        privileged: false,
        ulimits: Vec::new(),
        system_controls: Vec::new(),
        labels: BTreeMap::new(),
        depends_on: Vec::new(),
        start_timeout_seconds: None,
        stop_timeout_seconds: 30,
        health_check: None,
        restart: None,
        log: None,
        pseudo_terminal: false,
    }
}

pub(crate) fn task(id: &str, containers: Vec<ContainerSpec>) -> TaskSpec {
    TaskSpec {
        task_id: id.to_owned(),
        task_arn: format!("arn:aws:ecs:us-east-1:123456789012:task/c/{id}"),
        cluster_arn: "arn:aws:ecs:us-east-1:123456789012:cluster/c".to_owned(),
        account: "123456789012".to_owned(),
        region: "us-east-1".to_owned(),
        availability_zone: "us-east-1a".to_owned(),
        family: "family".to_owned(),
        revision: 1,
        launch_type: "FARGATE".to_owned(),
        group: "family:family".to_owned(),
        interface: InterfaceSpec {
            id: format!("eni-{id}"),
            attachment_id: "00000000-0000-0000-0000-000000000000".to_owned(),
            mac_address: "02:00:00:00:00:05".to_owned(),
            address: Ipv4Addr::new(172, 31, 0, 5),
            public_address: None,
            subnet_id: "subnet-1".to_owned(),
            subnet_cidr: "172.31.0.0/20".parse().expect("a range"),
            vpc_id: "vpc-1".to_owned(),
            vpc_cidrs: vec!["172.31.0.0/16".parse().expect("a range")],
            private_dns_name: None,
            security_groups: Vec::new(),
        },
        cpu_units: Some(256),
        memory_mib: Some(512),
        ephemeral_storage_gib: Some(20),
        architecture: "amd64".to_owned(),
        task_role_arn: None,
        execution_role_arn: None,
        tags: BTreeMap::new(),
        volumes: Vec::new(),
        shared_processes: false,
        containers,
        created_at: Timestamp::from_seconds(1_790_000_000),
    }
}

/// The example that is the shim; `cargo test` builds it beside the tests.
pub(crate) fn shim_executable() -> PathBuf {
    let tests = std::env::current_exe().expect("this test");
    let target = tests.parent().and_then(Path::parent).expect("the target directory");
    target.join("examples").join("shim")
}

/// A small file system that can be full. Only the thread that made it sees it, and it goes with that thread.
pub(crate) struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    pub(crate) fn new(bytes: u32) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        unshare(CloneFlags::CLONE_NEWNS).expect("mounts of this thread's own");
        let nothing = None::<&str>;
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).expect("private mounts");
        let options = format!("size={bytes}");
        mount(Some("tmpfs"), directory.path(), Some("tmpfs"), MsFlags::empty(), Some(options.as_str()))
            .expect("a disk");
        Self { directory }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Takes all the room that is left.
    pub(crate) fn fill(&self) {
        let mut file = fs::File::create(self.directory.path().join("fill")).expect("a file");
        while std::io::Write::write(&mut file, &[0; 4096]).is_ok() {}
    }

    /// Gives it back.
    pub(crate) fn make_room(&self) {
        fs::remove_file(self.directory.path().join("fill")).expect("it was full");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = nix::mount::umount2(self.directory.path(), nix::mount::MntFlags::MNT_DETACH);
    }
}
