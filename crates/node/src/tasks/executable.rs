//! The executable that becomes the shims, opened once and held read-only.
//!
//! A process in a container that may trace others could reach the shim's executable through /proc and write to it while it
//! is not running. So shims are executed from a private read-only mount of the file: whoever reaches it that way cannot
//! write. It also stays the same file when the binary on disk is replaced.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::libc;

/// The shims' executable.
pub(super) struct ShimExecutable {
    path: PathBuf,
    mount: Option<OwnedFd>,
}

impl ShimExecutable {
    pub(super) fn open(path: &Path) -> Self {
        let mount = read_only_mount(path)
            .inspect_err(|error| {
                tracing::warn!("shims run from {} itself, not from a read-only mount: {error}", path.display());
            })
            .ok();
        Self { path: path.to_owned(), mount }
    }

    /// What to execute.
    pub(super) fn path(&self) -> PathBuf {
        match &self.mount {
            Some(mount) => Path::new("/proc/self/fd").join(mount.as_raw_fd().to_string()),
            None => self.path.clone(),
        }
    }
}

fn read_only_mount(path: &Path) -> io::Result<OwnedFd> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the name ends with NUL; the answer is a new descriptor or an error.
    let number = unsafe {
        libc::syscall(
            libc::SYS_open_tree,
            libc::AT_FDCWD,
            name.as_ptr(),
            libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC,
        )
    };
    let number = i32::try_from(number).unwrap_or(-1);
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us.
    let mount = unsafe { OwnedFd::from_raw_fd(number) };
    let attributes = libc::mount_attr { attr_set: libc::MOUNT_ATTR_RDONLY, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the structure and its size belong together, and the empty path ends with NUL.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(mount) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_held_executable_runs_and_cannot_be_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let copy = directory.path().join("true");
        std::fs::copy("/bin/true", &copy).expect("copy");
        let executable = ShimExecutable::open(&copy);
        assert!(executable.mount.is_some(), "this kernel can make the mount");
        assert!(std::process::Command::new(executable.path()).status().expect("run").success());
        let error = std::fs::OpenOptions::new().write(true).open(executable.path()).expect_err("read-only");
        assert_eq!(error.raw_os_error(), Some(libc::EROFS));
    }
}
