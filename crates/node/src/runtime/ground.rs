//! Makes a root file system ready for its mounts and its working directory, before a runtime sees it.
//!
//! Images hold symbolic links where things are to be mounted (`/etc/resolv.conf` of a Debian with systemd-resolved leads to
//! a file that is not there), and runtimes differ in what they make of them. So every place is found and made here, inside
//! the root, and the runtime is told paths without a link. What a mount will hide is made beneath it for nothing, as
//! runtimes do.

use std::path::{Path, PathBuf};

use domain::compute::ContainerSpec;

use super::inside::{self, InsideError, Kind};

/// The files of the network, by their names in `/etc`.
pub(crate) const NETWORK_FILES: [&str; 3] = ["resolv.conf", "hostname", "hosts"];

/// Where everything is to be mounted, and where the program begins: paths inside the root without a symbolic link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ground {
    /// As [`NETWORK_FILES`].
    pub(crate) network_files: [PathBuf; 3],
    /// As the container's `tmpfs`.
    pub(crate) tmpfs: Vec<PathBuf>,
    /// As the container's mounts of volumes.
    pub(crate) volumes: Vec<PathBuf>,
    /// Where the program begins.
    pub(crate) working_directory: PathBuf,
}

/// What cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroundError {
    /// A place for a mount.
    #[error("cannot mount {what}")]
    Mount {
        /// What is to be mounted.
        what: String,
        /// Why not.
        source: InsideError,
    },
    /// The working directory.
    #[error("cannot use the working directory {}", .path.display())]
    WorkingDirectory {
        /// As the definition or the image says it.
        path: PathBuf,
        /// Why not.
        source: InsideError,
    },
}

/// Makes a container's root ready. `volumes` holds the task's volumes by name.
pub(crate) fn prepare(
    root: &Path,
    container: &ContainerSpec,
    working_directory: &str,
    volumes: &Path,
) -> Result<Ground, GroundError> {
    let mount = |what: String| move |source| GroundError::Mount { what, source };
    for name in ["proc", "sys", "dev"] {
        inside::plain_or_missing(root, name).map_err(mount(format!("the container's /{name}")))?;
    }
    let mut network_files = NETWORK_FILES.map(|name| Path::new("/etc").join(name));
    for path in &mut network_files {
        *path = inside::make(root, path, Kind::File).map_err(mount(format!("the task's {}", path.display())))?;
    }
    let place = |path: &str, what: String| inside::make(root, Path::new(path), Kind::Directory).map_err(mount(what));
    let tmpfs = container.tmpfs.iter().map(|(path, _)| place(path, "a tmpfs".to_owned())).collect::<Result<_, _>>()?;
    let mounted: Vec<PathBuf> = container
        .mounts
        .iter()
        .map(|mount| place(&mount.path, format!("the volume {}", mount.volume)))
        .collect::<Result<_, _>>()?;
    let working_directory = make_working_directory(root, container, Path::new(working_directory), volumes, &mounted)
        .map_err(|source| GroundError::WorkingDirectory { path: working_directory.into(), source })?;
    Ok(Ground { network_files, tmpfs, volumes: mounted, working_directory })
}

/// A missing one is made; one inside a volume is made there, for the volume will lie over the image's.
fn make_working_directory(
    root: &Path,
    container: &ContainerSpec,
    path: &Path,
    volumes: &Path,
    mounted: &[PathBuf],
) -> Result<PathBuf, InsideError> {
    let found = inside::make(root, path, Kind::Directory)?;
    let volume = container
        .mounts
        .iter()
        .zip(mounted)
        .filter_map(|(mount, at)| Some((mount, at, found.strip_prefix(at).ok()?)))
        .max_by_key(|(_, at, _)| at.components().count());
    match volume {
        Some((mount, at, rest)) => {
            let inner = inside::make(&volumes.join(&mount.volume), rest, Kind::Directory)?;
            Ok(at.join(inner.strip_prefix("/").unwrap_or(&inner)))
        }
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use domain::compute::VolumeMount;

    use super::*;
    use crate::test_support::container;

    #[test]
    fn every_place_is_found_inside_the_root() {
        let directory = tempfile::tempdir().expect("a directory");
        let (root, volumes) = (directory.path().join("root"), directory.path().join("volumes"));
        fs::create_dir_all(root.join("etc")).expect("etc");
        fs::create_dir_all(volumes.join("data")).expect("a volume");
        symlink("../run/resolve/stub", root.join("etc/resolv.conf")).expect("link");
        symlink("/srv", root.join("data")).expect("link");
        let mut spec = container("c");
        spec.tmpfs = vec![("/data/scratch".to_owned(), 1)];
        spec.mounts = vec![VolumeMount { volume: "data".into(), path: "/data/store".into(), read_only: false }];
        let ground = prepare(&root, &spec, "/data/store/deep/er", &volumes).expect("ready");
        assert_eq!(ground.network_files[0], Path::new("/run/resolve/stub"));
        assert_eq!(ground.network_files[1], Path::new("/etc/hostname"));
        assert_eq!((ground.tmpfs, ground.volumes), (vec!["/srv/scratch".into()], vec![PathBuf::from("/srv/store")]));
        assert_eq!(ground.working_directory, Path::new("/srv/store/deep/er"));
        assert!(volumes.join("data/deep/er").is_dir());
    }

    #[test]
    fn what_cannot_be_ready_says_what_it_is_for() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        fs::create_dir_all(root.join("etc/resolv.conf")).expect("a directory");
        let error = prepare(root, &container("c"), "/", root).expect_err("a directory is in the way");
        assert_eq!(
            super::super::chain(&error),
            "cannot mount the task's /etc/resolv.conf: /etc/resolv.conf is a directory, not a file"
        );
        fs::remove_dir(root.join("etc/resolv.conf")).expect("remove");
        fs::write(root.join("file"), "").expect("a file");
        let error = prepare(root, &container("c"), "/file", root).expect_err("a file is in the way");
        assert_eq!(
            super::super::chain(&error),
            "cannot use the working directory /file: /file is a file, not a directory"
        );
        symlink("/tmp", root.join("sys")).expect("link");
        let error = prepare(root, &container("c"), "/", root).expect_err("a link is in the way");
        assert_eq!(
            super::super::chain(&error),
            "cannot mount the container's /sys: /sys is a symbolic link, not a directory"
        );
    }
}
