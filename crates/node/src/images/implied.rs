//! Directories a layer does not describe, but only has files in.
//!
//! Each layer is unpacked by itself, so such a directory (`tmp` for a layer with only `tmp/cache`) got default attributes,
//! and in the overlay it would hide the ones that a lower layer gives it (`tmp` would lose its sticky bit). Where that
//! matters, a small tree of empty directories with the right attributes is put above the layer. Builders that leave
//! parents out are rare, so mostly there is nothing to do.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat, openat2, statat};

/// Mode, user, group.
type Attributes = (u32, u32, u32);
const DEFAULT: Attributes = (0o755, 0, 0);

/// The layers (lowest first) with the trees put between them; trees are made below `base`.
pub(super) fn with_attributes(layers: &[PathBuf], implied: &[Vec<String>], base: &Path) -> io::Result<Vec<PathBuf>> {
    let implied: Vec<HashSet<&str>> = implied.iter().map(|paths| paths.iter().map(String::as_str).collect()).collect();
    let mut all = Vec::with_capacity(layers.len());
    for (index, layer) in layers.iter().enumerate() {
        all.push(layer.clone());
        let Some(paths) = implied.get(index) else { continue };
        let mut paths: Vec<&str> = paths.iter().copied().collect();
        paths.sort_unstable();
        let tree = base.join(index.to_string());
        let mut needed = false;
        for path in paths {
            if attributes(layers, &implied, index, path) != Some(DEFAULT) {
                needed = true;
                make(layers, &implied, index, path, &tree)?;
            }
        }
        if needed {
            all.push(tree);
        }
    }
    Ok(all)
}

/// The attributes a directory of this layer should have; `None` if it is no directory (any more).
fn attributes(layers: &[PathBuf], implied: &[HashSet<&str>], index: usize, path: &str) -> Option<Attributes> {
    let mut seen = false;
    for lower in (0..=index).rev() {
        match look(&layers[lower], path) {
            Ok(Some(found)) if FileType::from_raw_mode(found.st_mode) == FileType::Directory => {
                seen = true;
                if !implied.get(lower).is_some_and(|paths| paths.contains(path)) {
                    return Some((found.st_mode & 0o7777, found.st_uid, found.st_gid));
                }
            }
            // Not in this layer: what lies below counts.
            Ok(None) => {}
            // Something else, a whiteout perhaps: what lies below is hidden.
            Ok(Some(_)) | Err(_) => break,
        }
    }
    seen.then_some(DEFAULT)
}

/// Makes the directory and its parents in the tree, each with the attributes it should have.
fn make(layers: &[PathBuf], implied: &[HashSet<&str>], index: usize, path: &str, tree: &Path) -> io::Result<()> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    fs::create_dir_all(tree)?;
    for end in ends {
        let Some((mode, user, group)) = attributes(layers, implied, index, &path[..end]) else { return Ok(()) };
        let directory = tree.join(&path[..end]);
        match fs::create_dir(&directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            other => other?,
        }
        std::os::unix::fs::chown(&directory, Some(user), Some(group))?;
        rustix::fs::chmod(&directory, Mode::from_raw_mode(mode))?;
    }
    Ok(())
}

/// What a layer has at a path, following no link; `Err` if something on the way is no directory.
fn look(layer: &Path, path: &str) -> io::Result<Option<Stat>> {
    let root = rustix::fs::open(layer, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    match openat2(&root, OsStr::from_bytes(path.as_bytes()), OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve) {
        Ok(found) => Ok(Some(statat(&found, "", AtFlags::EMPTY_PATH)?)),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
