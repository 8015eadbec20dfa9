//! Unpacks one layer into a directory of its own, in the form overlay file systems want their lower directories.
//!
//! A layer is a stranger's. Every path is resolved as if the layer's root were the whole world, by the kernel (`openat2` with
//! `RESOLVE_IN_ROOT`) or, where something has to be made on the way, link by link: an absolute name, `..` and a link to
//! wherever land inside the root, as with containerd, and never outside. Devices are made as they are named (without the
//! right to, left out); a container opens only those that its control group allows. Refused are hard links to what is no
//! file of the layer. Extended attributes other than `user.*` and `security.capability` are left out, above all `trusted.overlay.*`, which would steer the mount.
//!
//! Whiteouts become what overlay knows: a character device 0:0 for a removed name, `trusted.overlay.opaque` for a
//! directory that hides the one below.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps, Uid, XattrFlags, chownat, fchmod,
    fchown, fsetxattr, futimens, linkat, makedev, mkdirat, mknodat, openat, openat2, readlinkat, statat, symlinkat,
    unlinkat, utimensat,
};
use rustix::io::Errno;

use super::limits;
use super::tar::{Archive, Entry, Kind, TarError};

const OPAQUE_MARK: &[u8] = b".wh..wh..opq";
const AUFS_PREFIX: &[u8] = b".wh..wh.";
const WHITEOUT_PREFIX: &[u8] = b".wh.";
/// Paths of directories are kept until their times can be set; all of them together, in bytes.
const REMEMBERED_BYTES: usize = 64 * 1024 * 1024;

/// What was unpacked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unpacked {
    pub(super) entries: u64,
    /// Files' sizes, in bytes.
    pub(super) bytes: u64,
    /// Directories that had to be made though the layer does not describe them.
    pub(super) implied: Vec<String>,
}

/// Why a layer cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnpackError {
    #[error("{0}")]
    Tar(#[from] TarError),
    #[error("\"{path}\" {why}, which is refused")]
    Hostile { path: String, why: &'static str },
    #[error("the layer {0}, which is refused")]
    Limit(&'static str),
    #[error("cannot {operation} \"{path}\": {source}")]
    Host { operation: &'static str, path: String, source: io::Error },
    #[error("its uncompressed content is not what the image's configuration says (diff id)")]
    DiffId,
    #[error("the download was given up")]
    Abandoned,
}

/// Unpacks a whole tar stream into an empty directory.
pub(super) fn unpack(archive: &mut Archive<impl io::Read>, root: &Path) -> Result<Unpacked, UnpackError> {
    let descriptor = rustix::fs::open(root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| host("open", b"/", error))?;
    let mut unpacker = Unpacker {
        root: descriptor,
        last: None,
        times: Vec::new(),
        remembered: 0,
        unpacked: Unpacked::default(),
        buffer: vec![0; limits::STAGE_BYTES],
    };
    while let Some(entry) = archive.next()? {
        unpacker.entry(&entry, archive)?;
    }
    unpacker.set_directory_times()?;
    Ok(unpacker.unpacked)
}

struct Unpacker {
    root: OwnedFd,
    /// The directory of the entry before: most entries follow a sibling.
    last: Option<(Vec<u8>, OwnedFd)>,
    times: Vec<(Vec<u8>, (i64, u32))>,
    remembered: usize,
    unpacked: Unpacked,
    buffer: Vec<u8>,
}

impl Unpacker {
    fn entry(&mut self, entry: &Entry, archive: &mut Archive<impl io::Read>) -> Result<(), UnpackError> {
        self.unpacked.entries += 1;
        self.unpacked.bytes = self.unpacked.bytes.saturating_add(entry.size);
        if self.unpacked.entries > limits::LAYER_ENTRIES {
            return Err(UnpackError::Limit("has too many entries"));
        }
        if self.unpacked.bytes > limits::LAYER_BYTES {
            return Err(UnpackError::Limit("is too large unpacked"));
        }
        let path = rooted(&entry.path)?;
        if path.is_empty() {
            return self.root_entry(entry);
        }
        let (parent, name) = split(&path);
        if path.starts_with(AUFS_PREFIX) && path != OPAQUE_MARK {
            return Ok(());
        }
        if parent.split(|byte| *byte == b'/').any(|component| component.starts_with(WHITEOUT_PREFIX)) {
            return Err(hostile(&path, "lies in a whiteout"));
        }
        let directory = self.directory(parent)?;
        let place = Place { directory: directory.as_fd(), name, path: &path };
        let done = if name == OPAQUE_MARK {
            set_opaque(place.directory, parent)
        } else if name.starts_with(AUFS_PREFIX) {
            Ok(())
        } else if let Some(hidden) = name.strip_prefix(WHITEOUT_PREFIX) {
            whiteout(&Place { name: hidden, ..place })
        } else {
            self.make(&place, entry, archive)
        };
        self.last.get_or_insert_with(|| (parent.to_vec(), directory));
        done
    }

    fn make(
        &mut self,
        place: &Place<'_>,
        entry: &Entry,
        archive: &mut Archive<impl io::Read>,
    ) -> Result<(), UnpackError> {
        match entry.kind {
            Kind::Directory => self.make_directory(place, entry),
            Kind::File => self.make_file(place, entry, archive),
            Kind::Symlink => {
                if entry.target.is_empty() || entry.target.contains(&0) {
                    return Err(hostile(place.path, "is a link to an impossible name"));
                }
                let target = std::ffi::OsStr::from_bytes(&entry.target);
                self.anew(place, "make the link", || symlinkat(target, place.directory, place.name))?;
                set_metadata_of_name(place, entry)
            }
            Kind::Hardlink => self.make_hardlink(place, entry),
            Kind::Fifo => {
                self.anew(place, "make the pipe", || {
                    mknodat(place.directory, place.name, FileType::Fifo, Mode::from_raw_mode(0o600), 0)
                })?;
                set_metadata_of_name(place, entry)?;
                rustix::fs::chmodat(place.directory, place.name, Mode::from_raw_mode(entry.mode), AtFlags::empty())
                    .map_err(|error| host("set the mode of", place.path, error))
            }
            Kind::CharacterDevice => self.make_device(place, entry, FileType::CharacterDevice),
            Kind::BlockDevice => self.make_device(place, entry, FileType::BlockDevice),
        }
    }

    fn make_device(&mut self, place: &Place<'_>, entry: &Entry, kind: FileType) -> Result<(), UnpackError> {
        let (major, minor) = entry.device;
        let mut made = true;
        self.anew(place, "make the device", || {
            match mknodat(place.directory, place.name, kind, Mode::from_raw_mode(0o600), makedev(major, minor)) {
                // In a user namespace nobody may.
                Err(Errno::PERM) => {
                    made = false;
                    Ok(())
                }
                other => other,
            }
        })?;
        if !made {
            return Ok(());
        }
        set_metadata_of_name(place, entry)?;
        rustix::fs::chmodat(place.directory, place.name, Mode::from_raw_mode(entry.mode), AtFlags::empty())
            .map_err(|error| host("set the mode of", place.path, error))
    }

    fn make_directory(&mut self, place: &Place<'_>, entry: &Entry) -> Result<(), UnpackError> {
        let made = mkdirat(place.directory, place.name, Mode::RWXU);
        let mut hides = false;
        match made {
            Ok(()) => {}
            Err(Errno::EXIST) => {
                let known = place.stat()?;
                if kind_of(&known) != FileType::Directory {
                    hides = is_whiteout(&known);
                    self.remove(place)?;
                    mkdirat(place.directory, place.name, Mode::RWXU)
                        .map_err(|error| host("make the directory", place.path, error))?;
                }
            }
            Err(error) => return Err(host("make the directory", place.path, error)),
        }
        let directory =
            openat(place.directory, place.name, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
                .map_err(|error| host("open the directory", place.path, error))?;
        if hides {
            set_opaque(directory.as_fd(), place.path)?;
        }
        set_metadata(directory.as_fd(), place.path, entry)?;
        self.remember(place.path, entry.modified)
    }

    fn make_file(
        &mut self,
        place: &Place<'_>,
        entry: &Entry,
        archive: &mut Archive<impl io::Read>,
    ) -> Result<(), UnpackError> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut descriptor = None;
        self.anew(place, "make the file", || {
            descriptor = Some(openat(place.directory, place.name, flags, Mode::RUSR | Mode::WUSR)?);
            Ok(())
        })?;
        let Some(descriptor) = descriptor else { return Err(hostile(place.path, "cannot be made")) };
        let mut file = File::from(descriptor);
        let write = |error: io::Error| UnpackError::Host { operation: "write", path: shown(place.path), source: error };
        match &entry.pieces {
            None => loop {
                let count = archive.read(&mut self.buffer)?;
                if count == 0 {
                    break;
                }
                file.write_all(&self.buffer[..count]).map_err(write)?;
            },
            Some(pieces) => {
                file.set_len(entry.size).map_err(write)?;
                for (offset, length) in pieces {
                    let mut at = *offset;
                    while at < offset + length {
                        let wanted = usize::try_from(offset + length - at).unwrap_or(usize::MAX).min(self.buffer.len());
                        let count = archive.read(&mut self.buffer[..wanted])?;
                        if count == 0 {
                            return Err(TarError::Invalid("a sparse file lacks data").into());
                        }
                        file.write_all_at(&self.buffer[..count], at).map_err(write)?;
                        at += count as u64;
                    }
                }
            }
        }
        set_metadata(file.as_fd(), place.path, entry)?;
        set_times(file.as_fd(), place.path, entry.modified)
    }

    fn make_hardlink(&mut self, place: &Place<'_>, entry: &Entry) -> Result<(), UnpackError> {
        let target = rooted(&entry.target)?;
        if target == place.path {
            return Ok(());
        }
        let (parent, name) = split(&target);
        let nowhere = || hostile(place.path, "is a hard link to nothing in this layer");
        let directory = match self.open_directory(parent) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Err(nowhere()),
            other => other.map_err(|error| resolve_error(&target, error))?,
        };
        match statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(known) if matches!(kind_of(&known), FileType::RegularFile | FileType::Symlink | FileType::Fifo) => {}
            Ok(_) => return Err(hostile(place.path, "is a hard link to what is no file")),
            Err(_) => return Err(nowhere()),
        }
        self.anew(place, "make the hard link", || {
            linkat(&directory, name, place.directory, place.name, AtFlags::empty())
        })
    }

    fn root_entry(&mut self, entry: &Entry) -> Result<(), UnpackError> {
        if entry.kind != Kind::Directory {
            return Err(hostile(b"/", "replaces the root directory"));
        }
        set_metadata(self.root.as_fd(), b"/", entry)?;
        self.remember(b"", entry.modified)
    }

    /// Makes something that must be new; what an earlier entry of the layer put there is removed first.
    fn anew(
        &mut self,
        place: &Place<'_>,
        operation: &'static str,
        mut make: impl FnMut() -> Result<(), Errno>,
    ) -> Result<(), UnpackError> {
        match make() {
            Err(Errno::EXIST) => {
                self.remove(place)?;
                make().map_err(|error| host(operation, place.path, error))
            }
            other => other.map_err(|error| host(operation, place.path, error)),
        }
    }

    fn remove(&mut self, place: &Place<'_>) -> Result<(), UnpackError> {
        self.last = None;
        if kind_of(&place.stat()?) != FileType::Directory {
            return unlinkat(place.directory, place.name, AtFlags::empty())
                .map_err(|error| host("replace", place.path, error));
        }
        // The descriptor's own link in /proc leads to exactly this directory; the removal itself follows no links.
        let below = Path::new("/proc/self/fd").join(place.directory.as_raw_fd().to_string());
        let below = below.join(std::ffi::OsStr::from_bytes(place.name));
        std::fs::remove_dir_all(below).map_err(|source| UnpackError::Host {
            operation: "replace the directory",
            path: shown(place.path),
            source,
        })
    }

    /// The directory an entry lies in; made, with its parents, if the layer did not describe it.
    fn directory(&mut self, path: &[u8]) -> Result<OwnedFd, UnpackError> {
        if let Some((_, directory)) = self.last.take_if(|(known, _)| known == path) {
            return Ok(directory);
        }
        self.last = None;
        match self.open_directory(path) {
            Err(Errno::NOENT | Errno::NOTDIR) => self.make_parents(path),
            other => other.map_err(|error| resolve_error(path, error)),
        }
    }

    /// Makes the directory that a path leads to, and those on the way, as far as they are missing. Links are followed, also
    /// to where nothing is yet.
    fn make_parents(&mut self, path: &[u8]) -> Result<OwnedFd, UnpackError> {
        let failed = |error| resolve_error(path, error);
        let mut directory = self.open_directory(b"").map_err(failed)?;
        // Where `directory` is, without links.
        let mut reached: Vec<u8> = Vec::new();
        let mut waiting: Vec<Vec<u8>> = path.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec).collect();
        let mut links = 0;
        while let Some(name) = waiting.pop() {
            match name.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    reached = split(&reached).0.to_vec();
                    directory = self.open_directory(&reached).map_err(failed)?;
                    continue;
                }
                _ => {}
            }
            let step = if reached.is_empty() { name.clone() } else { [&reached, &b"/"[..], &name].concat() };
            match self.make_parent(&Place { directory: directory.as_fd(), name: &name, path: &step })? {
                Step::Directory(next) => (directory, reached) = (next, step),
                Step::Link(target) => {
                    links += 1;
                    if links > limits::LINKS {
                        return Err(failed(Errno::LOOP));
                    }
                    if target.starts_with(b"/") {
                        reached.clear();
                        directory = self.open_directory(b"").map_err(failed)?;
                    }
                    waiting.extend(target.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec));
                }
            }
        }
        Ok(directory)
    }

    fn make_parent(&mut self, place: &Place<'_>) -> Result<Step, UnpackError> {
        let attempt = || mkdirat(place.directory, place.name, Mode::from_raw_mode(0o755));
        let mut made = attempt();
        let mut hides = false;
        if made == Err(Errno::EXIST) {
            let known = place.stat()?;
            if kind_of(&known) == FileType::Symlink {
                let target = readlinkat(place.directory, place.name, Vec::new());
                return target
                    .map(|target| Step::Link(target.into_bytes()))
                    .map_err(|error| host("read the link", place.path, error));
            }
            hides = is_whiteout(&known);
            if hides {
                self.remove(place)?;
                made = attempt();
            }
        }
        match made {
            Ok(()) => {
                // Whatever the umask is.
                rustix::fs::chmodat(place.directory, place.name, Mode::from_raw_mode(0o755), AtFlags::empty())
                    .map_err(|error| host("set the mode of", place.path, error))?;
                self.imply(place.path)?;
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(host("make the directory", place.path, error)),
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = match openat(place.directory, place.name, flags, Mode::empty()) {
            Err(Errno::NOTDIR) => return Err(hostile(place.path, "is no directory, but has something in it")),
            other => other.map_err(|error| host("open the directory", place.path, error))?,
        };
        if hides {
            set_opaque(directory.as_fd(), place.path)?;
        }
        Ok(Step::Directory(directory))
    }

    fn imply(&mut self, path: &[u8]) -> Result<(), UnpackError> {
        self.remembered += path.len();
        if self.remembered > REMEMBERED_BYTES {
            return Err(UnpackError::Limit("has too many directories"));
        }
        // Names that are no UTF-8 are left with the default attributes.
        self.unpacked.implied.extend(std::str::from_utf8(path).map(str::to_owned));
        Ok(())
    }

    fn open_directory(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let path = if path.is_empty() { b"." } else { path };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let mut attempts = 0;
        loop {
            match openat2(&self.root, std::ffi::OsStr::from_bytes(path), flags, Mode::empty(), resolve) {
                // Something on this host was renamed meanwhile, so that `..` could not be trusted.
                Err(Errno::AGAIN) if attempts < limits::LINKS => attempts += 1,
                other => return other,
            }
        }
    }

    fn remember(&mut self, path: &[u8], modified: (i64, u32)) -> Result<(), UnpackError> {
        self.remembered += path.len() + size_of::<(Vec<u8>, (i64, u32))>();
        if self.remembered > REMEMBERED_BYTES {
            return Err(UnpackError::Limit("has too many directories"));
        }
        self.times.push((path.to_vec(), modified));
        Ok(())
    }

    /// At the very end, because each entry made in a directory changes its time.
    fn set_directory_times(&mut self) -> Result<(), UnpackError> {
        for (path, modified) in std::mem::take(&mut self.times) {
            let name: &[u8] = if path.is_empty() { b"." } else { &path };
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
            // A directory that a later entry replaced has no time to set.
            if let Ok(directory) = openat2(&self.root, std::ffi::OsStr::from_bytes(name), flags, Mode::empty(), resolve)
            {
                set_times(directory.as_fd(), &path, modified)?;
            }
        }
        Ok(())
    }
}

/// What is at one component of a path.
enum Step {
    Directory(OwnedFd),
    /// A link, with its target.
    Link(Vec<u8>),
}

/// Where an entry goes: a name in an open directory.
#[derive(Clone, Copy)]
struct Place<'a> {
    directory: BorrowedFd<'a>,
    name: &'a [u8],
    path: &'a [u8],
}

impl Place<'_> {
    fn stat(&self) -> Result<Stat, UnpackError> {
        statat(self.directory, self.name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| host("look at", self.path, error))
    }
}

/// A removed name, as overlay writes it. What the same layer puts there stays, but hides what lies below.
fn whiteout(place: &Place<'_>) -> Result<(), UnpackError> {
    if place.name.is_empty() || place.name == b"." || place.name == b".." {
        return Err(hostile(place.path, "is a whiteout of an impossible name"));
    }
    match mknodat(place.directory, place.name, FileType::CharacterDevice, Mode::empty(), makedev(0, 0)) {
        Err(Errno::EXIST) if kind_of(&place.stat()?) == FileType::Directory => {
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let directory = openat(place.directory, place.name, flags, Mode::empty())
                .map_err(|error| host("open the directory", place.path, error))?;
            set_opaque(directory.as_fd(), place.path)
        }
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(host("make the whiteout", place.path, error)),
    }
}

/// A path as seen from the root, without empty, `.` and `..` components; empty for the root itself.
fn rooted(path: &[u8]) -> Result<Vec<u8>, UnpackError> {
    let mut rooted = Vec::with_capacity(path.len());
    for component in path.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => continue,
            b".." => {
                rooted.truncate(split(&rooted).0.len());
                continue;
            }
            _ if component.contains(&0) => return Err(hostile(path, "has a zero byte in it")),
            _ if component.len() > limits::COMPONENT_BYTES => {
                return Err(UnpackError::Limit("has a name that is too long"));
            }
            _ => {}
        }
        if !rooted.is_empty() {
            rooted.push(b'/');
        }
        rooted.extend_from_slice(component);
    }
    Ok(rooted)
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// Owner, attributes, then mode: a change of owner takes set-user-id bits and capabilities away.
fn set_metadata(file: BorrowedFd<'_>, path: &[u8], entry: &Entry) -> Result<(), UnpackError> {
    fchown(file, Some(Uid::from_raw(entry.user)), Some(Gid::from_raw(entry.group)))
        .map_err(|error| host("set the owner of", path, error))?;
    for (name, value) in &entry.attributes {
        let kept = name == "security.capability" || (name.starts_with("user.") && !name.starts_with("user.overlay."));
        if !kept || name.contains('\0') {
            continue;
        }
        match fsetxattr(file, name.as_str(), value, XattrFlags::empty()) {
            // A file system without them runs the container as well as it can, as containerd does.
            Ok(()) | Err(Errno::NOTSUP) => {}
            Err(error) => return Err(host("set an extended attribute of", path, error)),
        }
    }
    fchmod(file, Mode::from_raw_mode(entry.mode)).map_err(|error| host("set the mode of", path, error))
}

/// Of what cannot be opened: links and pipes.
fn set_metadata_of_name(place: &Place<'_>, entry: &Entry) -> Result<(), UnpackError> {
    let (user, group) = (Uid::from_raw(entry.user), Gid::from_raw(entry.group));
    chownat(place.directory, place.name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| host("set the owner of", place.path, error))?;
    utimensat(place.directory, place.name, &timestamps(entry.modified), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| host("set the time of", place.path, error))
}

fn set_times(file: BorrowedFd<'_>, path: &[u8], modified: (i64, u32)) -> Result<(), UnpackError> {
    futimens(file, &timestamps(modified)).map_err(|error| host("set the time of", path, error))
}

fn timestamps((seconds, nanoseconds): (i64, u32)) -> Timestamps {
    let at = Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() };
    Timestamps { last_access: at, last_modification: at }
}

fn set_opaque(directory: BorrowedFd<'_>, path: &[u8]) -> Result<(), UnpackError> {
    // A descriptor from `directory()` is only a path; attributes are set through its link in /proc.
    let link = format!("/proc/self/fd/{}", directory.as_raw_fd());
    rustix::fs::setxattr(&link, "trusted.overlay.opaque", b"y", XattrFlags::empty())
        .map_err(|error| host("mark as opaque", path, error))
}

fn kind_of(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn is_whiteout(stat: &Stat) -> bool {
    kind_of(stat) == FileType::CharacterDevice && stat.st_rdev == makedev(0, 0)
}

fn resolve_error(path: &[u8], error: Errno) -> UnpackError {
    match error {
        Errno::LOOP => hostile(path, "lies behind links in a circle"),
        Errno::NOSYS => UnpackError::Host {
            operation: "safely open",
            path: shown(path),
            source: io::Error::new(
                io::ErrorKind::Unsupported,
                "this kernel has no openat2 (Linux 5.6 or later is needed)",
            ),
        },
        error => host("open the directory", path, error),
    }
}

fn hostile(path: &[u8], why: &'static str) -> UnpackError {
    UnpackError::Hostile { path: shown(path), why }
}

fn host(operation: &'static str, path: &[u8], error: Errno) -> UnpackError {
    UnpackError::Host { operation, path: shown(path), source: error.into() }
}

/// A stranger's path, fit to be shown.
fn shown(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    let plain: String =
        text.chars().map(|character| if character.is_control() { '?' } else { character }).take(200).collect();
    if plain.is_empty() { String::from("/") } else { plain }
}
