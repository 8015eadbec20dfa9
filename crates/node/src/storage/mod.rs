//! The limit on what a task writes: its containers' root file systems and its volumes, together.
//!
//! A task that has a size of ephemeral storage gets a file system of that size, ext4 in a sparse file behind a loop
//! device. The file has no name from the beginning, and the device lets go of it when it is unmounted: whatever dies
//! when, nothing stays behind but a mount beneath the task's directory, which goes the way of all its mounts.
//!
//! It costs a start some two milliseconds. What `mkfs` writes is kept in memory (`template`) and copied into each new file;
//! nothing is flushed, because what a task writes lives as long as the task; and at the end what was not written yet is
//! dropped, not written.
//!
//! The file takes room on the disk only as it is filled, so that more can be promised than is there: a task that finds
//! the disk full gets an I/O error. Where the host cannot make such a file system, tasks are not limited; the server and
//! `tidegate doctor` say so. Project quotas are not used: few file systems have them, and root is free of them.

mod limits;
mod loop_device;
mod template;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use self::template::Template;

/// What is asked for before anybody asks: Fargate's default, in GiB.
const USUAL_GIB: u32 = 20;
/// No lazy writing of inode tables into the sparse file, no flushes, and a journal that orders nothing and is seldom
/// committed: see the top of this file.
const OPTIONS: &str = "noinit_itable,nobarrier,data=writeback,commit=300";

/// Limited storage cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is no `mkfs.ext4`.
    #[error("mkfs.ext4 is missing; install e2fsprogs")]
    NoMkfs,
    /// The kernel has no ext4.
    #[error("the kernel has no ext4 file system; try: modprobe ext4")]
    NoExt4,
    /// The kernel has no loop devices, or they are not shown here.
    #[error(
        "there are no loop devices (/dev/loop-control); try: modprobe loop, or give the container or unit the host's /dev"
    )]
    NoLoop(#[source] io::Error),
    /// `mkfs.ext4` failed.
    #[error("mkfs.ext4 failed ({status}): {words}")]
    Mkfs {
        /// How it ended.
        status: std::process::ExitStatus,
        /// Its last words.
        words: String,
    },
    /// It did not end.
    #[error("mkfs.ext4 did not end in time")]
    Late,
    /// Every free loop device was taken by others first.
    #[error("no loop device stays free; look at `losetup --list`")]
    Busy,
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
}

/// How much of a task's storage is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Utilization {
    /// Of the file system's own structures nothing is counted.
    pub(crate) used_bytes: u64,
}

/// The way of this node to limited storage.
#[derive(Debug)]
pub(crate) struct Storage {
    directory: PathBuf,
    /// Whether it can be made here at all; found out once.
    support: OnceLock<Result<(), StorageError>>,
    templates: Mutex<HashMap<u32, Arc<Template>>>,
}

impl Storage {
    /// In the server's data directory. Whether storage can be limited is found out beside the start.
    pub(crate) fn open(directory: &Path) -> Arc<Self> {
        let storage =
            Arc::new(Self { directory: directory.to_owned(), support: OnceLock::new(), templates: Mutex::default() });
        let prober = Arc::clone(&storage);
        // If there is no thread, the first task finds out.
        let _ = std::thread::Builder::new().name(String::from("storage")).spawn(move || prober.is_supported());
        storage
    }

    /// Makes a place for what a task may write, of a size if it has one and the host can limit it. What is mounted there
    /// already stays.
    ///
    /// # Errors
    /// The host can limit storage, but now it failed.
    pub(crate) fn prepare(&self, place: &Path, size_gib: Option<u32>) -> Result<(), StorageError> {
        fs::create_dir_all(place).map_err(|source| host("make", place, source))?;
        if let Some(size_gib) = size_gib
            && !is_limited(place)
            && self.is_supported()
        {
            self.mount(place, size_gib)?;
        }
        fs::set_permissions(place, fs::Permissions::from_mode(0o711))
            .map_err(|source| host("set the mode of", place, source))
    }

    fn is_supported(&self) -> bool {
        let probed = self.support.get_or_init(|| {
            let result = look().and_then(|()| self.probe());
            if let Err(error) = &result {
                let error = error as &dyn std::error::Error;
                tracing::warn!(error, "the ephemeral storage of tasks is not limited on this host");
            }
            result
        });
        probed.is_ok()
    }

    /// Mounts one and takes it away.
    fn probe(&self) -> Result<(), StorageError> {
        let place = self.directory.join("storage-probe");
        fs::create_dir_all(&place).map_err(|source| host("make", &place, source))?;
        // A server that was killed here may have left it mounted.
        release(&place)?;
        let mounted = self.mount(&place, USUAL_GIB).and_then(|()| release(&place));
        let removed = fs::remove_dir(&place).map_err(|source| host("remove", &place, source));
        mounted.and(removed)
    }

    fn mount(&self, place: &Path, size_gib: u32) -> Result<(), StorageError> {
        let template = self.template(size_gib)?;
        let file = unnamed_file(&self.directory)?;
        template.write_to(&file).map_err(|source| host("write a file system in", &self.directory, source))?;
        let device = loop_device::attach(&file)?;
        mount(Some(&device.path), place, Some("ext4"), MsFlags::empty(), Some(OPTIONS))
            .map_err(|errno| host("mount a file system on", place, errno.into()))
    }

    fn template(&self, size_gib: u32) -> Result<Arc<Template>, StorageError> {
        let mut templates = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = templates.get(&size_gib) {
            return Ok(Arc::clone(known));
        }
        if templates.len() >= limits::TEMPLATES {
            templates.retain(|size, _| *size == USUAL_GIB);
        }
        let made = Arc::new(Template::make(&unnamed_file(&self.directory)?, size_gib)?);
        templates.insert(size_gib, Arc::clone(&made));
        Ok(made)
    }
}

/// Looks whether the host has what limited storage needs, and changes nothing.
///
/// # Errors
/// What it lacks.
pub fn look() -> Result<(), StorageError> {
    template::find_mkfs().ok_or(StorageError::NoMkfs)?;
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if !known.lines().any(|line| line.trim() == "ext4") {
        return Err(StorageError::NoExt4);
    }
    fs::metadata("/dev/loop-control").map(drop).map_err(StorageError::NoLoop)
}

/// How much is used at a place; `None` where nothing limits it.
pub(crate) fn utilization(place: &Path) -> Option<Utilization> {
    let known = is_limited(place).then(|| rustix::fs::statvfs(place).ok()).flatten()?;
    Some(Utilization { used_bytes: (known.f_blocks - known.f_bfree) * known.f_frsize })
}

/// Unmounts what limits a place. What was written there and is not on the disk yet never will be: it is nobody's any more.
///
/// # Errors
/// The kernel refuses.
pub(crate) fn release(place: &Path) -> Result<(), StorageError> {
    if is_limited(place) {
        let root = File::open(place).map_err(|source| host("open", place, source))?;
        shut_down(&root).map_err(|errno| host("shut down the file system on", place, errno.into()))?;
        drop(root);
    }
    match umount2(place, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
        // Somebody else was quicker.
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => Ok(()),
        Err(errno) => Err(host("unmount", place, errno.into())),
    }
}

/// Whether a file system of ours is mounted exactly here: on a loop device, and another one than that around it.
fn is_limited(place: &Path) -> bool {
    let Some(around) = place.parent() else { return false };
    match (place.symlink_metadata(), around.symlink_metadata()) {
        (Ok(place), Ok(around)) => place.dev() != around.dev() && rustix::fs::major(place.dev()) == loop_device::MAJOR,
        _ => false,
    }
}

/// A file that is gone when nobody has it open any more.
fn unnamed_file(directory: &Path) -> Result<File, StorageError> {
    let path = directory.join(format!("storage-{:?}", std::thread::current().id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path);
    let file = file.map_err(|source| host("make", &path, source))?;
    fs::remove_file(&path).map_err(|source| host("remove", &path, source))?;
    Ok(file)
}

/// Makes a file system refuse everything from now on, without writing what it still holds (`EXT4_IOC_SHUTDOWN`).
fn shut_down(root: &File) -> Result<(), Errno> {
    /// `_IOR('X', 125, __u32)`
    const SHUTDOWN: nix::libc::c_ulong = 0x8004_587d;
    /// `EXT4_GOING_FLAGS_NOLOGFLUSH`
    static WITHOUT_FLUSH: u32 = 2;
    // SAFETY: the request reads one u32 behind the pointer, which lives for ever.
    Errno::result(unsafe { nix::libc::ioctl(root.as_raw_fd(), SHUTDOWN, &raw const WITHOUT_FLUSH) }).map(drop)
}

fn host(operation: &'static str, path: &Path, source: io::Error) -> StorageError {
    StorageError::Host { operation, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
