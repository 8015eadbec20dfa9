//! What shuts a container in, read back before its program begins.
//!
//! A runtime may drop what its specification asks and say nothing: libcontainer 0.7 mounts the control groups of version 1
//! writable whatever the options say, so that a container lifts its own limits. Therefore nobody is believed. Between
//! create and start the container's process is all set up and waits; then what is known to be dropped is set from outside,
//! and the kernel is asked about everything that keeps the container in. What is more open than the specification says does
//! not start.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::libc;
use nix::sched::{CloneFlags, setns};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use serde::Deserialize;

use super::execute::exit_now;
use super::spec::capability_bits;
use crate::mount_table::{self, Mount};

/// Where control groups are mounted in a container.
const CGROUPS: &str = "/sys/fs/cgroup";
/// The options that are looked at.
const CLOSING: [&str; 4] = ["ro", "nosuid", "nodev", "noexec"];

/// Why a created container must not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfinementError {
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The bundle's configuration is none.
    #[error("cannot understand {}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The container's mounts cannot be changed from outside.
    #[error("cannot close the container's mounts")]
    Close(#[source] Errno),
    /// The runtime left something open.
    #[error("the runtime left the container more open than its specification says: {}", .0.join("; "))]
    Open(Vec<String>),
}

/// The parts of a `config.json` that shut a container in.
#[derive(Debug, Deserialize)]
struct Asked {
    root: AskedRoot,
    process: AskedProcess,
    mounts: Vec<AskedMount>,
    linux: AskedLinux,
}

#[derive(Debug, Deserialize)]
struct AskedRoot {
    #[serde(default)]
    readonly: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AskedProcess {
    user: AskedUser,
    capabilities: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct AskedUser {
    uid: u32,
    gid: u32,
}

#[derive(Debug, Deserialize)]
struct AskedMount {
    destination: PathBuf,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    options: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AskedLinux {
    #[serde(default)]
    masked_paths: Vec<PathBuf>,
    #[serde(default)]
    readonly_paths: Vec<PathBuf>,
    seccomp: Option<serde::de::IgnoredAny>,
}

/// What the kernel says of a container's first process.
struct Seen {
    mounts: Vec<Mount>,
    status: String,
}

/// Closes what runtimes leave open in a created container, and reads everything back.
pub(super) fn confine(pid: Pid, bundle: &Path) -> Result<(), ConfinementError> {
    let path = bundle.join("config.json");
    let text = fs::read(&path).map_err(|source| ConfinementError::Read { path: path.clone(), source })?;
    let asked: Asked = serde_json::from_slice(&text).map_err(|source| ConfinementError::Config { path, source })?;
    if asked.cgroups_are_read_only() {
        close_cgroups(pid).map_err(ConfinementError::Close)?;
    }
    let process = PathBuf::from(format!("/proc/{pid}"));
    let read = |name: &str| {
        let path = process.join(name);
        fs::read_to_string(&path).map_err(|source| ConfinementError::Read { path, source })
    };
    let seen = Seen { mounts: mount_table::parse(&read("mountinfo")?), status: read("status")? };
    let root = process.join("root");
    let is_there = |path: &Path| fs::symlink_metadata(root.join(path.strip_prefix("/").unwrap_or(path))).is_ok();
    let breaches = breaches(&asked, &seen, is_there);
    if breaches.is_empty() { Ok(()) } else { Err(ConfinementError::Open(breaches)) }
}

impl Asked {
    fn cgroups_are_read_only(&self) -> bool {
        self.mounts.iter().any(|mount| mount.kind == "cgroup" && mount.options.iter().any(|option| option == "ro"))
    }
}

/// Compares; answers one sentence for each thing that is more open than asked.
fn breaches(asked: &Asked, seen: &Seen, is_there: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut breaches = Vec::new();
    for mount in &asked.mounts {
        breaches.extend(mount_breaches(mount, &seen.mounts));
    }
    let top = |path: &Path| seen.mounts.iter().rfind(|mount| mount.path == path);
    if asked.root.readonly && !top(Path::new("/")).is_some_and(|root| root.has("ro")) {
        breaches.push("/ is writable".to_owned());
    }
    for path in asked.linux.masked_paths.iter().filter(|path| top(path).is_none() && is_there(path)) {
        breaches.push(format!("{} is not masked", path.display()));
    }
    for path in &asked.linux.readonly_paths {
        if !top(path).is_some_and(|mount| mount.has("ro")) && is_there(path) {
            breaches.push(format!("{} is not read-only", path.display()));
        }
    }
    breaches.extend(status_breaches(asked, &seen.status));
    breaches
}

fn mount_breaches(asked: &AskedMount, mounts: &[Mount]) -> Vec<String> {
    let path = &asked.destination;
    if !CLOSING.iter().any(|option| asked.options.iter().any(|other| other == option)) {
        return Vec::new();
    }
    let Some(top) = mounts.iter().rfind(|mount| mount.path == *path) else {
        return vec![format!("nothing is mounted at {}", path.display())];
    };
    // Control groups of version 1 are a directory of mounts.
    let beneath = mounts.iter().filter(|mount| asked.kind == "cgroup" && mount.path.starts_with(path));
    let mut breaches = Vec::new();
    for mount in std::iter::once(top).chain(beneath.filter(|mount| mount.path != *path)) {
        for option in CLOSING.iter().filter(|option| asked.options.iter().any(|other| other == *option)) {
            if !mount.has(option) {
                breaches.push(format!("{} is not mounted {option}", mount.path.display()));
            }
        }
    }
    breaches
}

fn status_breaches(asked: &Asked, status: &str) -> Vec<String> {
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map_or("", str::trim);
    let mut breaches = Vec::new();
    if asked.linux.seccomp.is_some() && field("Seccomp") != "2" {
        breaches.push("its system calls are not filtered".to_owned());
    }
    for (set, name) in [
        ("CapBnd", "bounding"),
        ("CapPrm", "permitted"),
        ("CapEff", "effective"),
        ("CapInh", "inheritable"),
        ("CapAmb", "ambient"),
    ] {
        let allowed = asked.process.capabilities.get(name).map_or(0, |names| capability_bits(names));
        let held = u64::from_str_radix(field(set), 16).unwrap_or(u64::MAX);
        if held & !allowed != 0 {
            breaches.push(format!("its {name} capabilities are {held:x}, not {allowed:x}"));
        }
    }
    for (name, id) in [("Uid", asked.process.user.uid), ("Gid", asked.process.user.gid)] {
        let id = id.to_string();
        if field(name).is_empty() || field(name).split('\t').any(|other| other != id) {
            breaches.push(format!("its {name} is {}, not {id}", field(name).replace('\t', " ")));
        }
    }
    breaches
}

/// Makes everything beneath a container's `/sys/fs/cgroup` read-only, from inside its mount namespace.
fn close_cgroups(pid: Pid) -> Result<(), Errno> {
    let namespace = File::open(format!("/proc/{pid}/ns/mnt"))
        .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
    // SAFETY: a shim has one thread.
    match unsafe { fork()? } {
        ForkResult::Child => {
            let closed = setns(namespace.as_fd(), CloneFlags::CLONE_NEWNS).and_then(|()| make_read_only(CGROUPS));
            exit_now(closed.err().map_or(0, |errno| errno as i32))
        }
        ForkResult::Parent { child } => loop {
            match waitpid(child, None) {
                Ok(WaitStatus::Exited(_, 0)) => return Ok(()),
                Ok(WaitStatus::Exited(_, code)) => return Err(Errno::from_raw(code)),
                Err(Errno::EINTR) => {}
                Ok(_) => return Err(Errno::EINTR),
                Err(errno) => return Err(errno),
            }
        },
    }
}

fn make_read_only(path: &str) -> Result<(), Errno> {
    let path = std::ffi::CString::new(path).map_err(|_| Errno::EINVAL)?;
    let attributes = libc::mount_attr { attr_set: libc::MOUNT_ATTR_RDONLY, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the structure and its size belong together, and the path ends with NUL.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE | libc::AT_SYMLINK_NOFOLLOW,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const STATUS: &str = "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000001\n\
        CapEff:\t0000000000000001\nCapBnd:\t0000000000000001\nCapAmb:\t0000000000000000\nSeccomp:\t2\n";
    const MOUNTS: &str = "1 0 0:1 / / ro - overlay overlay rw\n2 1 0:2 / /proc rw,nosuid,nodev,noexec - proc proc rw\n\
        3 1 0:3 / /sys/fs/cgroup ro,nosuid,nodev,noexec - tmpfs tmpfs rw\n\
        4 1 0:4 / /sys/fs/cgroup/memory ro,nosuid,nodev,noexec - cgroup cgroup rw,memory\n\
        5 1 0:5 / /proc/sys ro - proc proc rw\n6 1 0:6 / /proc/kcore rw - devtmpfs dev rw\n";

    fn asked() -> Asked {
        serde_json::from_value(json!({
            "root": {"path": "/x", "readonly": true},
            "process": {
                "user": {"uid": 0, "gid": 0},
                "capabilities": {"bounding": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"]},
            },
            "mounts": [
                {"destination": "/proc", "type": "proc", "options": ["nosuid", "noexec", "nodev"]},
                {"destination": "/sys/fs/cgroup", "type": "cgroup", "options": ["nosuid", "noexec", "nodev", "ro"]},
            ],
            "linux": {"maskedPaths": ["/proc/kcore", "/proc/none"], "readonlyPaths": ["/proc/sys"], "seccomp": {"x": 1}},
        }))
        .expect("a configuration")
    }

    fn found(mounts: &str, status: &str) -> Vec<String> {
        let seen = Seen { mounts: mount_table::parse(mounts), status: status.to_owned() };
        breaches(&asked(), &seen, |path| path != Path::new("/proc/none"))
    }

    #[test]
    fn what_is_as_asked_may_start() {
        assert_eq!(found(MOUNTS, STATUS), Vec::<String>::new());
    }

    #[test]
    fn everything_that_is_more_open_than_asked_is_found() {
        let cases = [
            ("/sys/fs/cgroup/memory ro", "/sys/fs/cgroup/memory rw", "/sys/fs/cgroup/memory is not mounted ro"),
            ("/sys/fs/cgroup ro,nosuid", "/sys/fs/cgroup rw,nosuid", "/sys/fs/cgroup is not mounted ro"),
            ("/ / ro", "/ / rw", "/ is writable"),
            ("/proc rw,nosuid", "/proc rw", "/proc is not mounted nosuid"),
            ("/ /proc rw", "/ /elsewhere rw", "nothing is mounted at /proc"),
            ("/proc/sys ro", "/proc/sys rw", "/proc/sys is not read-only"),
            ("/proc/kcore", "/proc/other", "/proc/kcore is not masked"),
        ];
        for (from, to, breach) in cases {
            assert_eq!(found(&MOUNTS.replacen(from, to, 1), STATUS), vec![breach], "{to}");
        }
        let cases = [
            ("Seccomp:\t2", "Seccomp:\t0", "its system calls are not filtered"),
            ("CapBnd:\t0000000000000001", "CapBnd:\t0000000000000003", "its bounding capabilities are 3, not 1"),
            ("CapAmb:\t0000000000000000", "CapAmb:\t0000000000000001", "its ambient capabilities are 1, not 0"),
            ("Uid:\t0\t0", "Uid:\t0\t7", "its Uid is 0 7 0 0, not 0"),
        ];
        for (from, to, breach) in cases {
            assert_eq!(found(MOUNTS, &STATUS.replacen(from, to, 1)), vec![breach], "{to}");
        }
        assert!(found(MOUNTS, "").len() >= 8, "what cannot be read is open");
    }

    #[test]
    fn a_later_mount_hides_an_earlier_one() {
        let over = format!("{MOUNTS}9 1 0:9 / /sys/fs/cgroup rw,nosuid,nodev,noexec - tmpfs tmpfs rw\n");
        assert_eq!(found(&over, STATUS), vec!["/sys/fs/cgroup is not mounted ro"]);
    }
}
