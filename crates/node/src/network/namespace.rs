//! Named network namespaces, as `ip netns` has them: a file in `/run/netns` with the namespace mounted on it.
//!
//! So they outlive every process, can be listed, and a person can look into one with `ip netns exec`.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::statfs::{FsType, statfs};

use super::NetworkError;

const DIRECTORY: &str = "/run/netns";
/// `NSFS_MAGIC` of linux/magic.h.
const NAMESPACE_FILE_SYSTEM: FsType = FsType(0x6e73_6673);
/// Digits of a task's id.
const TASK_ID_LENGTH: usize = 32;

pub(super) fn path(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(name)
}

/// Whether a namespace is mounted here (and not only the file there).
pub(super) fn exists(path: &Path) -> bool {
    statfs(path).is_ok_and(|status| status.filesystem_type() == NAMESPACE_FILE_SYSTEM)
}

/// Makes a namespace; one that is there stays.
pub(super) fn create(name: &str) -> Result<PathBuf, NetworkError> {
    let path = path(name);
    if exists(&path) {
        return Ok(path);
    }
    let make = || -> io::Result<()> {
        fs::create_dir_all(DIRECTORY)?;
        OpenOptions::new().create(true).append(true).open(&path)?;
        on_own_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            mount(Some("/proc/thread-self/ns/net"), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        })??;
        Ok(())
    };
    make().map_err(|source| NetworkError::Namespace { path: path.clone(), source })?;
    Ok(path)
}

/// Takes a namespace's name away; the kernel ends it with its last process. One that is not there is no error.
pub(super) fn delete(name: &str) -> Result<(), NetworkError> {
    let path = path(name);
    let take = || -> io::Result<()> {
        loop {
            match umount2(&path, MntFlags::MNT_DETACH) {
                Ok(()) => {}
                Err(Errno::EINVAL | Errno::ENOENT) => break,
                Err(error) => return Err(error.into()),
            }
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    };
    take().map_err(|source| NetworkError::Namespace { path: path.clone(), source })
}

/// The ids of tasks that have a namespace (or the beginning of one) whose name begins with `prefix`.
pub(super) fn list(prefix: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(DIRECTORY) else { return Vec::new() };
    let mut tasks: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_prefix(prefix).map(str::to_owned))
        .filter(|id| id.len() == TASK_ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .collect();
    tasks.sort_unstable();
    tasks
}

/// Runs `work` on a thread of its own inside the network namespace at `path`. Sockets it opens and processes it starts
/// stay in that namespace.
///
/// # Errors
/// When the namespace is not there or the thread cannot be started.
pub fn run_in_namespace<T: Send>(path: &Path, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    let namespace = File::open(path)?;
    on_own_thread(|| {
        setns(&namespace, CloneFlags::CLONE_NEWNET)?;
        Ok(work())
    })?
}

/// A thread of its own, because the namespace belongs to the thread that enters it.
fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let handle = thread::Builder::new().name("namespace".into()).spawn_scoped(scope, work)?;
        handle.join().map_err(|_| io::Error::other("a thread inside the namespace panicked"))
    })
}
