//! A task's directory: everything of it that is on disk, and nothing secret.
//!
//! | name | written by | holds |
//! |---|---|---|
//! | `spec.json` | server | the [`TaskSpec`] |
//! | `state.json` | server | pull times, digests, why the start failed |
//! | `events` | shim | what happened to the containers |
//! | `lock`, `control` | shim | who lives, and how to talk to it |
//! | `shim.log` | shim | the last words of a shim that failed |
//! | `containers/<name>/` | both | `config.json`, `rootfs` (mounted), `output`, files of `/etc` |
//! | `storage/` | server | what the containers write; a file system of its own where it has a limit |
//! | `storage/containers/<name>/` | containers | what is changed in a root file system |
//! | `storage/volumes/<name>/` | containers | volumes |
//!
//! A task can be adopted, or taken away, from its directory and its id alone.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use domain::compute::TaskSpec;
use domain::failure::Failure;
use nix::mount::{MntFlags, umount2};
use serde::{Deserialize, Serialize};
use wire::Timestamp;

use crate::mount_table;
use crate::shim;
use crate::storage::{self, StorageError};
use crate::trash::Trash;

/// Where a task lies.
#[derive(Clone, Debug)]
pub(super) struct TaskDirectory {
    path: PathBuf,
}

/// What the server remembers of a task's start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) pull_started_at: Option<Timestamp>,
    pub(super) pull_stopped_at: Option<Timestamp>,
    pub(super) failure: Option<Failure>,
    pub(super) images: BTreeMap<String, KeptImage>,
}

/// What a container's image turned out to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptImage {
    /// `imageDigest`.
    pub(crate) digest: String,
    /// The manifest of this platform: the metadata endpoint's `ImageID`.
    pub(crate) manifest_digest: String,
}

impl TaskDirectory {
    pub(super) fn new(tasks: &Path, task_id: &str) -> Self {
        Self { path: tasks.join(task_id) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn container(&self, name: &str) -> PathBuf {
        self.path.join("containers").join(name)
    }

    pub(super) fn output(&self, name: &str) -> PathBuf {
        self.container(name).join(shim::output::FILE_NAME)
    }

    /// The directories of the containers that have one.
    pub(super) fn containers(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path.join("containers")).into_iter().flatten();
        entries.flatten().map(|entry| entry.path()).collect()
    }

    /// Where everything lies that the containers write, but their output.
    pub(super) fn storage(&self) -> PathBuf {
        self.path.join("storage")
    }

    /// What a container changes in its root file system.
    pub(super) fn writable(&self, name: &str) -> PathBuf {
        self.storage().join("containers").join(name)
    }

    pub(super) fn volumes(&self) -> PathBuf {
        self.storage().join("volumes")
    }

    pub(super) fn shim_log(&self) -> PathBuf {
        self.path.join("shim.log")
    }

    pub(super) fn control(&self) -> PathBuf {
        self.path.join(shim::SOCKET_NAME)
    }

    /// Makes the directory of a new task, with its spec: all of it or nothing.
    pub(super) fn create(&self, spec: &TaskSpec) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().recursive(true).mode(0o711).create(&self.path)?;
        let spec = serde_json::to_vec(spec)?;
        self.replace("spec.json", &spec).inspect_err(|_| {
            // What cannot be deleted either has no spec, and is taken away when a server starts.
            let _ = fs::remove_dir_all(&self.path);
        })
    }

    /// The spec; `None` when the directory was being made or taken away when a server died.
    pub(super) fn spec(&self) -> io::Result<Option<TaskSpec>> {
        match fs::read(self.path.join("spec.json")) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn keep(&self, kept: &Kept) -> io::Result<()> {
        self.replace("state.json", &serde_json::to_vec(kept)?)
    }

    pub(super) fn kept(&self) -> Kept {
        let text = fs::read(self.path.join("state.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.path.join(format!("{name}.new"));
        File::create(&temporary)?.write_all(bytes)?;
        fs::rename(temporary, self.path.join(name))
    }

    /// The living shim's process id, if one lives.
    pub(super) fn living_shim(&self) -> Option<i32> {
        shim::living(&self.path)
    }

    /// Unmounts everything beneath the directory, innermost first.
    pub(super) fn unmount_all(&self) -> Result<(), DirectoryError> {
        let canonical = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let table = "/proc/self/mountinfo";
        let mounted = fs::read_to_string(table).map_err(|source| DirectoryError::Read(table.into(), source))?;
        let mut mounts: Vec<PathBuf> = mount_table::parse(&mounted)
            .into_iter()
            .map(|mount| mount.path)
            .filter(|path| path.starts_with(&canonical))
            .collect();
        mounts.reverse();
        let storage = canonical.join("storage");
        for path in mounts {
            if path == storage {
                storage::release(&path)?;
                continue;
            }
            match umount2(&path, MntFlags::MNT_DETACH) {
                Ok(()) | Err(nix::errno::Errno::EINVAL | nix::errno::Errno::ENOENT) => {}
                Err(errno) => return Err(DirectoryError::Unmount(path, errno.into())),
            }
        }
        Ok(())
    }

    /// Throws the directory away; nothing may be mounted beneath it.
    pub(super) fn throw_away(&self, trash: &Trash) -> Result<(), DirectoryError> {
        trash.throw(&self.path).map_err(|source| DirectoryError::Throw(self.path.clone(), source))
    }
}

/// A task's directory does not let go.
#[derive(Debug, thiserror::Error)]
pub(super) enum DirectoryError {
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
    #[error("cannot unmount {}", .0.display())]
    Unmount(PathBuf, #[source] io::Error),
    #[error("cannot take the task's storage away")]
    Storage(#[from] StorageError),
    #[error("cannot throw {} away", .0.display())]
    Throw(PathBuf, #[source] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_and_a_state_come_back() {
        let root = tempfile::tempdir().expect("a directory");
        let directory = TaskDirectory::new(root.path(), "t");
        assert_eq!(directory.spec().expect("nothing"), None);
        let spec = crate::test_support::task("t", vec![crate::test_support::container("c")]);
        directory.create(&spec).expect("create");
        directory.create(&spec).expect("create again");
        assert_eq!(directory.spec().expect("a spec"), Some(spec));
        let kept = Kept { pull_started_at: Some(Timestamp::from_milliseconds(1500)), ..Kept::default() };
        directory.keep(&kept).expect("keep");
        assert_eq!(directory.kept(), kept);
        assert_eq!(directory.living_shim(), None);
        let trash = Trash::open(&root.path().join("trash")).expect("trash");
        directory.throw_away(&trash).expect("thrown away");
        directory.throw_away(&trash).expect("already gone");
        assert_eq!(directory.spec().expect("nothing"), None);
        assert!(!directory.path().exists());
    }
}
