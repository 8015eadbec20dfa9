//! The OCI `config.json` of a container: Docker's isolation with ECS's limits, and no secret.
//!
//! It is written as JSON values rather than through types, because it is read by whichever runtime is chosen and the
//! specification is its documentation. `noNewPrivileges` is left out rather than false: libcontainer takes the field's
//! presence for its truth.

use std::path::{Path, PathBuf};

use domain::compute::{ContainerSpec, TaskSpec};
use serde_json::{Value, json};

use super::cgroup::{Cgroups, PROCESS_LIMIT};
use super::ground::{Ground, NETWORK_FILES};
use super::limits;
use super::process::Process;
use super::seccomp;
use super::user::User;

/// Docker's default capabilities, which ECS keeps.
const DEFAULT_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// All capabilities, for privileged containers.
const ALL_CAPABILITIES: &[&str] = &[
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];
/// Parts of /proc and /sys that tell of, or change, the host.
const MASKED_PATHS: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];
const READ_ONLY_PATHS: &[&str] = &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What a program's new files are open to when it says nothing: Docker's, whatever the server itself was started with.
const UMASK: u32 = 0o022;

/// What is known of a container when its `config.json` is written.
pub(crate) struct Bundle<'a> {
    pub(crate) task: &'a TaskSpec,
    pub(crate) container: &'a ContainerSpec,
    pub(crate) process: &'a Process,
    pub(crate) user: &'a User,
    pub(crate) hostname: &'a str,
    /// The bundle's directory; `hosts`, `hostname` and `resolv.conf` lie in it.
    pub(crate) directory: &'a Path,
    pub(crate) root: &'a Path,
    /// Where in the root everything goes.
    pub(crate) ground: &'a Ground,
    pub(crate) volumes: &'a Path,
    pub(crate) network_namespace: &'a Path,
    /// Of the task's shared process namespace, if it has one.
    pub(crate) process_namespace: Option<PathBuf>,
    pub(crate) capabilities_of_host: u64,
    /// The least `oom_score_adj` that this host lets a container have.
    pub(crate) least_oom_score: i32,
}

/// The whole `config.json`.
pub(crate) fn config(bundle: &Bundle<'_>) -> Value {
    let (task, container) = (bundle.task, bundle.container);
    let capabilities = capabilities(container, bundle.capabilities_of_host);
    let environment: Vec<String> =
        bundle.process.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let rlimits: Vec<Value> = limits::limits(&container.ulimits)
        .into_iter()
        .map(|limit| json!({"type": limit.name, "soft": limit.soft, "hard": limit.hard}))
        .collect();
    // The primary group is among the additional ones, or a process could leave it by dropping groups (CVE-2022-36109).
    let mut groups = vec![bundle.user.gid];
    groups.extend(&bundle.user.additional_gids);
    json!({
        "ociVersion": "1.0.2",
        "hostname": bundle.hostname,
        "root": {"path": bundle.root, "readonly": container.read_only_root},
        "process": {
            "terminal": container.pseudo_terminal,
            "user": {"uid": bundle.user.uid, "gid": bundle.user.gid, "additionalGids": groups, "umask": UMASK},
            "args": bundle.process.arguments,
            "env": environment,
            "cwd": bundle.ground.working_directory,
            "oomScoreAdj": bundle.least_oom_score.max(0),
            "capabilities": {"bounding": capabilities, "effective": capabilities, "permitted": capabilities},
            "rlimits": rlimits,
        },
        "mounts": mounts(bundle),
        "linux": linux(bundle, &capabilities),
        "annotations": {"org.tidegate.task": task.task_arn},
    })
}

fn linux(bundle: &Bundle<'_>, capabilities: &[String]) -> Value {
    let (task, container) = (bundle.task, bundle.container);
    let mut process_namespace = json!({"type": "pid"});
    if let Some(path) = &bundle.process_namespace {
        process_namespace["path"] = json!(path);
    }
    let mut sysctl = serde_json::Map::new();
    // As Docker does: any user may listen on any port and send echo requests, for the namespace is the task's own.
    sysctl.insert("net.ipv4.ip_unprivileged_port_start".into(), json!("0"));
    sysctl.insert("net.ipv4.ping_group_range".into(), json!("0 2147483647"));
    for (name, value) in &container.system_controls {
        sysctl.insert(name.clone(), json!(value));
    }
    let mut linux = json!({
        "namespaces": [
            process_namespace,
            {"type": "network", "path": bundle.network_namespace},
            {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}, {"type": "cgroup"},
        ],
        "cgroupsPath": Cgroups::path_of(&task.task_id, &container.name),
        "resources": resources(container),
        "sysctl": sysctl,
    });
    if !container.privileged {
        linux["maskedPaths"] = json!(MASKED_PATHS);
        linux["readonlyPaths"] = json!(READ_ONLY_PATHS);
        linux["seccomp"] = seccomp::profile(&task.architecture, capabilities);
    }
    linux
}

fn resources(container: &ContainerSpec) -> Value {
    let devices = if container.privileged {
        json!([{"allow": true, "access": "rwm"}])
    } else {
        // The runtime itself lets null, zero, full, random, urandom, tty and terminals in. Nothing else, not even mknod.
        json!([{"allow": false, "access": "rwm"}])
    };
    let mut resources = json!({
        "devices": devices,
        "pids": {"limit": PROCESS_LIMIT},
        // ECS's units are Docker's shares; less than 2 is 2.
        "cpu": {"shares": container.cpu_units.max(2)},
    });
    let mut memory = serde_json::Map::new();
    if let Some(mib) = container.memory_mib {
        memory.insert("limit".into(), json!(i64::from(mib) << 20));
    }
    if let Some(mib) = container.memory_reservation_mib {
        memory.insert("reservation".into(), json!(i64::from(mib) << 20));
    }
    if !memory.is_empty() {
        resources["memory"] = Value::Object(memory);
    }
    resources
}

fn mounts(bundle: &Bundle<'_>) -> Vec<Value> {
    let container = bundle.container;
    let writable = if container.privileged { "rw" } else { "ro" };
    let mut mounts = vec![
        mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", writable]),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", writable]),
    ];
    for (name, path) in NETWORK_FILES.iter().zip(&bundle.ground.network_files) {
        mounts.push(bind(&bundle.directory.join(name), path, "rw"));
    }
    for ((_, size_mib), path) in container.tmpfs.iter().zip(&bundle.ground.tmpfs) {
        let size = format!("size={size_mib}m");
        mounts.push(mount(path, "tmpfs", "tmpfs", &["nosuid", "nodev", "noexec", "mode=1777", &size]));
    }
    for (volume, path) in container.mounts.iter().zip(&bundle.ground.volumes) {
        let access = if volume.read_only { "ro" } else { "rw" };
        mounts.push(bind(&bundle.volumes.join(&volume.volume), path, access));
    }
    // As Docker does: what lies deeper is mounted later, so that a volume at /etc does not hide the task's /etc/hosts.
    mounts.sort_by_key(|(depth, _)| *depth);
    mounts.into_iter().map(|(_, mount)| mount).collect()
}

/// A mount, and how deep it lies.
fn mount(destination: impl AsRef<Path>, kind: &str, source: &str, options: &[&str]) -> (usize, Value) {
    let path = destination.as_ref();
    let mount = json!({"destination": path, "type": kind, "source": source, "options": options});
    (path.components().count(), mount)
}

fn bind(source: &Path, destination: &Path, access: &str) -> (usize, Value) {
    let options = ["rbind", "rprivate", access];
    let mount = json!({"destination": destination, "type": "bind", "source": source, "options": options});
    (destination.components().count(), mount)
}

/// The capabilities as OCI names them, never more than the host itself has.
fn capabilities(container: &ContainerSpec, of_host: u64) -> Vec<String> {
    let base = if container.privileged { ALL_CAPABILITIES } else { DEFAULT_CAPABILITIES };
    let plain = |name: &String| name.to_uppercase().trim_start_matches("CAP_").to_owned();
    let added: Vec<String> = container.add_capabilities.iter().map(plain).collect();
    let dropped: Vec<String> = container.drop_capabilities.iter().map(plain).collect();
    let everything = |list: &[String]| list.iter().any(|name| name == "ALL");
    ALL_CAPABILITIES
        .iter()
        .copied()
        .filter(|name| {
            let listed = |list: &[String]| list.iter().any(|other| other == name);
            let kept = base.contains(name) && !everything(&dropped) && !listed(&dropped);
            kept || listed(&added) || (everything(&added) && !listed(&dropped))
        })
        .filter(|name| number(name).is_some_and(|number| of_host & (1 << number) != 0))
        .map(|name| format!("CAP_{name}"))
        .collect()
}

/// Capabilities as OCI names them, as the kernel's bit set.
pub(super) fn capability_bits(names: &[String]) -> u64 {
    let number = |name: &String| number(name.trim_start_matches("CAP_"));
    names.iter().filter_map(number).fold(0, |bits, number| bits | 1 << number)
}

/// The kernel's number of a capability.
fn number(name: &str) -> Option<u32> {
    const ORDER: &[&str] = &[
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",
        "FOWNER",
        "FSETID",
        "KILL",
        "SETGID",
        "SETUID",
        "SETPCAP",
        "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_ADMIN",
        "NET_RAW",
        "IPC_LOCK",
        "IPC_OWNER",
        "SYS_MODULE",
        "SYS_RAWIO",
        "SYS_CHROOT",
        "SYS_PTRACE",
        "SYS_PACCT",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_NICE",
        "SYS_RESOURCE",
        "SYS_TIME",
        "SYS_TTY_CONFIG",
        "MKNOD",
        "LEASE",
        "AUDIT_WRITE",
        "AUDIT_CONTROL",
        "SETFCAP",
        "MAC_OVERRIDE",
        "MAC_ADMIN",
        "SYSLOG",
        "WAKE_ALARM",
        "BLOCK_SUSPEND",
        "AUDIT_READ",
        "PERFMON",
        "BPF",
        "CHECKPOINT_RESTORE",
    ];
    ORDER.iter().position(|other| *other == name).and_then(|index| u32::try_from(index).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::container;

    #[test]
    fn capabilities_are_docker_s_with_what_was_added_and_dropped() {
        let mut spec = container("c");
        assert_eq!(capabilities(&spec, u64::MAX).len(), DEFAULT_CAPABILITIES.len());
        spec.add_capabilities = vec!["SYS_PTRACE".into()];
        spec.drop_capabilities = vec!["ALL".into()];
        assert_eq!(capabilities(&spec, u64::MAX), vec!["CAP_SYS_PTRACE"]);
        spec.drop_capabilities = vec!["NET_RAW".into()];
        assert!(!capabilities(&spec, u64::MAX).contains(&"CAP_NET_RAW".to_owned()));
        let without_resource = !(1 << 24);
        spec.privileged = true;
        assert!(!capabilities(&spec, without_resource).contains(&"CAP_SYS_RESOURCE".to_owned()));
    }

    #[test]
    fn every_capability_has_its_kernel_number() {
        assert!(ALL_CAPABILITIES.iter().all(|name| number(name).is_some()));
        assert_eq!(number("SYS_RESOURCE"), Some(24));
        assert_eq!(number("CHECKPOINT_RESTORE"), Some(40));
    }
}
