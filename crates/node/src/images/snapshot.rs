//! A container's root file system: the image's layers below, the container's own directory on top (overlayfs).
//!
//! It is mounted in the container's directory; what the container writes lies in a second one, which may be on a file
//! system of the task's own that limits it. Both are below the task's directory, so cleaning up needs that directory and
//! nothing else, and works the same after a crash. The mount is `volatile` where the kernel knows it: a container's own changes live as long as
//! the container, and stopping it must not wait until the whole disk is written.

use std::fs;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount as mount_file_system, umount2};

use super::Image;
use super::implied;
use super::store::{DirectoryLease, Store, StoreError};

/// Longer option strings do not fit the page that mount(2) takes.
const OPTIONS_BYTES: usize = 4000;

/// A root file system cannot be mounted or taken away.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The kernel has no overlay file system.
    #[error("this host's kernel has no overlay file system; load it with `modprobe overlay`")]
    NoOverlay,
    /// It has, but not on this directory.
    #[error(
        "an overlay file system cannot be mounted on {}: its file system cannot carry one (is it itself an overlay, or a \
         network file system?); give Tidegate a data directory on ext4, xfs or btrfs", path.display()
    )]
    Unsuitable {
        /// The directory for what the container writes.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// An operation of the host failed.
    #[error("cannot {operation} {}", path.display())]
    Host {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The content directory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(super) fn mount(store: &Store, image: &Image, directory: &Path, writable: &Path) -> Result<PathBuf, SnapshotError> {
    let rootfs = directory.join("rootfs");
    if is_mounted(directory, &rootfs) {
        return Ok(rootfs);
    }
    let lower = lower_directories(image, directory)?;
    make_directories(directory, writable)?;
    store.lease_for_directory(&DirectoryLease {
        directory: directory.to_owned(),
        layers: image.lease.digests().to_vec(),
    })?;
    mount_overlay(&lower, directory, writable)?;
    Ok(rootfs)
}

/// Unmounts and removes a root file system whose writable directory is `directory` itself. What is already gone is no error.
pub(super) fn unmount(directory: &Path) -> Result<(), SnapshotError> {
    let rootfs = directory.join("rootfs");
    while is_mounted(directory, &rootfs) {
        match umount2(&rootfs, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
            Ok(()) => {}
            // Somebody else was quicker.
            Err(Errno::EINVAL | Errno::ENOENT) => break,
            Err(errno) => return Err(host("unmount", &rootfs, errno.into())),
        }
    }
    let gone = |result: io::Result<()>, path: &Path| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(host("remove", path, error)),
        _ => Ok(()),
    };
    // Never the contents of `rootfs`: if it were mounted after all, they would be the image's.
    gone(fs::remove_dir(&rootfs), &rootfs)?;
    for part in ["work", "implied", "upper"] {
        let path = directory.join(part);
        gone(fs::remove_dir_all(&path), &path)?;
    }
    Ok(())
}

/// Whether container root file systems can be made below this directory: mounts one and takes it away.
///
/// # Errors
///
/// Says what the host lacks.
pub fn check_overlay(directory: &Path) -> Result<(), SnapshotError> {
    let probe = directory.join(format!("overlay-probe-{}", std::process::id()));
    let lower = probe.join("implied");
    let result = fs::create_dir_all(&lower)
        .map_err(|source| host("make", &lower, source))
        .and_then(|()| make_directories(&probe, &probe))
        .and_then(|()| mount_overlay(std::slice::from_ref(&lower), &probe, &probe));
    let cleaned = unmount(&probe);
    // Left behind only if unmounting failed, which is the error then.
    let _ = fs::remove_dir(&probe);
    result.and(cleaned)
}

/// Highest first, as overlay wants them; never empty.
fn lower_directories(image: &Image, directory: &Path) -> Result<Vec<PathBuf>, SnapshotError> {
    let base = directory.join("implied");
    let mut lower = implied::with_attributes(&image.layers, &image.implied, &base)
        .map_err(|source| host("make the directories below", &base, source))?;
    if lower.is_empty() {
        fs::create_dir_all(&base).map_err(|source| host("make", &base, source))?;
        lower.push(base);
    }
    lower.reverse();
    Ok(lower)
}

fn make_directories(directory: &Path, writable: &Path) -> Result<(), SnapshotError> {
    for path in [directory.join("rootfs"), writable.join("upper"), writable.join("work")] {
        fs::create_dir_all(&path).map_err(|source| host("make", &path, source))?;
    }
    // The upper directory gives the root of the container its mode, whatever the umask is.
    let upper = writable.join("upper");
    fs::set_permissions(&upper, fs::Permissions::from_mode(0o755))
        .map_err(|source| host("set the mode of", &upper, source))?;
    // Left by a mount that ended with the machine: the kernel would refuse to use the directory again.
    let volatile = writable.join("work").join("work/incompat");
    match fs::remove_dir_all(&volatile) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(host("remove", &volatile, error))
        }
        _ => Ok(()),
    }
}

fn mount_overlay(lower: &[PathBuf], directory: &Path, writable: &Path) -> Result<(), SnapshotError> {
    let rootfs = directory.join("rootfs");
    let own = format!(",upperdir={},workdir={}", escaped(&writable.join("upper")), escaped(&writable.join("work")));
    let mut layers = lower.iter().map(|path| escaped(path)).collect::<Vec<_>>().join(":");
    let mut descriptors = Vec::new();
    if layers.len() + own.len() >= OPTIONS_BYTES {
        // Many layers: short names through descriptors of this process.
        for path in lower {
            descriptors.push(fs::File::open(path).map_err(|source| host("open", path, source))?);
        }
        let links = descriptors.iter().map(|descriptor| format!("/proc/self/fd/{}", descriptor.as_raw_fd()));
        layers = links.collect::<Vec<_>>().join(":");
    }
    let mount = |more: &str| {
        let options = format!("lowerdir={layers}{own}{more}");
        mount_file_system(Some("overlay"), &rootfs, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
    };
    // Before Linux 5.10 `volatile` is unknown.
    let mounted = match mount(",volatile") {
        Err(Errno::EINVAL) => mount(""),
        other => other,
    };
    mounted.map_err(|errno| match errno {
        Errno::ENODEV => SnapshotError::NoOverlay,
        Errno::EINVAL | Errno::EOPNOTSUPP => {
            SnapshotError::Unsuitable { path: writable.to_owned(), source: errno.into() }
        }
        errno => host("mount an overlay file system on", &rootfs, errno.into()),
    })
}

/// A mount point has another device than the directory it lies in.
fn is_mounted(directory: &Path, rootfs: &Path) -> bool {
    match (directory.symlink_metadata(), rootfs.symlink_metadata()) {
        (Ok(directory), Ok(rootfs)) => directory.dev() != rootfs.dev(),
        _ => false,
    }
}

/// A path as an overlay option.
fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for character in path.to_string_lossy().chars() {
        if matches!(character, '\\' | ',' | ':') {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

fn host(operation: &'static str, path: &Path, source: io::Error) -> SnapshotError {
    SnapshotError::Host { operation, path: path.to_owned(), source }
}
