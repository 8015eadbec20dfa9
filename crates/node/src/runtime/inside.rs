//! Paths inside a container's root, found and made as a process would find them whose root it is.
//!
//! Whoever made the image is hostile. The way is walked name by name, each opened without following it, and symbolic links
//! are followed by this code: an absolute one begins at the container's root again, and `..` ends there. So nothing is read
//! or made outside, whatever the links say, and a link to what does not exist leads to where it would be.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawMode, mkdirat, open, openat, readlinkat, statat};
use rustix::io::Errno;

/// As many symbolic links as the kernel follows in one path.
const LINK_LIMIT: usize = 40;

/// What should be at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A directory, made with mode 755 and owned by root when it is missing.
    Directory,
    /// Anything but a directory; an empty file is made when nothing is there.
    File,
}

/// Why a path cannot be what is wanted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InsideError {
    /// Something else is there.
    #[error("{}{} is {found}, not {}", .path.display(), way(.path, .at), wanted(*.kind))]
    Other {
        /// The path as it was given.
        path: PathBuf,
        /// Where it leads.
        at: PathBuf,
        /// What is there.
        found: &'static str,
        /// What should be.
        kind: Kind,
    },
    /// The links lead nowhere.
    #[error("{} leads through more than {LINK_LIMIT} symbolic links", .0.display())]
    Links(PathBuf),
    /// What the file system says.
    #[error("{}{} cannot be {deed}", .path.display(), way(.path, .at))]
    System {
        /// The path as it was given.
        path: PathBuf,
        /// Where it leads.
        at: PathBuf,
        /// `opened`, `made`.
        deed: &'static str,
        /// Why.
        source: Errno,
    },
}

fn way(path: &Path, at: &Path) -> String {
    if path == at { String::new() } else { format!(" leads to {}, which", at.display()) }
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Directory => "a directory",
        Kind::File => "a file",
    }
}

/// Makes sure that something is at a path inside the root, with all directories above it; answers its path without any
/// symbolic link. What is there stays as it is.
pub(crate) fn make(root: &Path, path: &Path, kind: Kind) -> Result<PathBuf, InsideError> {
    Walk::begin(root, path)?.make(kind)
}

/// Reads a regular file inside the root, at most `limit` bytes; empty when there is none.
pub(crate) fn read(root: &Path, path: &Path, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = Walk::begin(root, path).and_then(Walk::open)
        && file.metadata().is_ok_and(|metadata| metadata.is_file())
        && file.take(limit).read_to_end(&mut bytes).is_err()
    {
        bytes.clear();
    }
    bytes
}

/// Makes sure that a name in the root is a directory or nothing, and no symbolic link: a runtime makes things beneath it.
pub(crate) fn plain_or_missing(root: &Path, name: &str) -> Result<(), InsideError> {
    let path = Path::new("/").join(name);
    let walk = Walk::begin(root, &path)?;
    match walk.look(name)? {
        None | Some(FileType::Directory) => Ok(()),
        Some(found) => {
            Err(InsideError::Other { at: path.clone(), path: path.clone(), found: word(found), kind: Kind::Directory })
        }
    }
}

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// A way through a root.
struct Walk<'a> {
    given: &'a Path,
    root: OwnedFd,
    /// The directories from the root to here.
    reached: Vec<(String, OwnedFd)>,
    /// The names that are still to go.
    ahead: VecDeque<String>,
    links: usize,
}

impl<'a> Walk<'a> {
    fn begin(root: &Path, given: &'a Path) -> Result<Self, InsideError> {
        let opened = open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let root = opened.map_err(|source| InsideError::System {
            path: given.to_owned(),
            at: given.to_owned(),
            deed: "opened",
            source,
        })?;
        let mut walk = Self { given, root, reached: Vec::new(), ahead: VecDeque::new(), links: 0 };
        walk.put_ahead(&given.to_string_lossy());
        Ok(walk)
    }

    /// Puts a path's names before those that are still to go.
    fn put_ahead(&mut self, path: &str) {
        for name in path.split('/').filter(|name| !name.is_empty() && *name != ".").rev() {
            self.ahead.push_front(name.to_owned());
        }
    }

    fn make(mut self, kind: Kind) -> Result<PathBuf, InsideError> {
        while let Some(name) = self.next() {
            let wanted = if self.ahead.is_empty() { kind } else { Kind::Directory };
            match (self.look(&name)?, wanted) {
                (Some(FileType::Symlink), _) => self.follow(&name)?,
                (Some(FileType::Directory), Kind::Directory) => self.enter(name)?,
                (None, Kind::Directory) => {
                    mkdirat(self.here(), name.as_str(), Mode::from_raw_mode(0o755))
                        .map_err(self.failed(&name, "made"))?;
                    self.enter(name)?;
                }
                (None, Kind::File) => {
                    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    openat(self.here(), name.as_str(), flags, Mode::from_raw_mode(0o644))
                        .map_err(self.failed(&name, "made"))?;
                    return Ok(self.path_of(&name));
                }
                (Some(found), Kind::File) if found != FileType::Directory => return Ok(self.path_of(&name)),
                (Some(found), kind) => {
                    let (path, at) = (self.given.to_owned(), self.path_of(&name));
                    return Err(InsideError::Other { path, at, found: word(found), kind });
                }
            }
        }
        match kind {
            Kind::Directory => Ok(self.path()),
            Kind::File => {
                let (path, at) = (self.given.to_owned(), self.path());
                Err(InsideError::Other { path, at, found: word(FileType::Directory), kind })
            }
        }
    }

    fn open(mut self) -> Result<File, InsideError> {
        while let Some(name) = self.next() {
            match self.look(&name)? {
                Some(FileType::Symlink) => self.follow(&name)?,
                Some(FileType::Directory) => self.enter(name)?,
                _ if self.ahead.is_empty() => {
                    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    return openat(self.here(), name.as_str(), flags, Mode::empty())
                        .map(File::from)
                        .map_err(self.failed(&name, "opened"));
                }
                _ => return Err(self.failed(&name, "opened")(Errno::NOTDIR)),
            }
        }
        Err(self.failed(".", "opened")(Errno::ISDIR))
    }

    /// The next name; `..` is gone at once.
    fn next(&mut self) -> Option<String> {
        loop {
            let name = self.ahead.pop_front()?;
            if name != ".." {
                return Some(name);
            }
            self.reached.pop();
        }
    }

    fn look(&self, name: &str) -> Result<Option<FileType>, InsideError> {
        match statat(self.here(), name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(FileType::from_raw_mode(found.st_mode as RawMode))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed(name, "opened")(errno)),
        }
    }

    fn follow(&mut self, name: &str) -> Result<(), InsideError> {
        self.links += 1;
        if self.links > LINK_LIMIT {
            return Err(InsideError::Links(self.given.to_owned()));
        }
        let target = readlinkat(self.here(), name, Vec::new()).map_err(self.failed(name, "opened"))?;
        let target = target.to_string_lossy().into_owned();
        if target.starts_with('/') {
            self.reached.clear();
        }
        self.put_ahead(&target);
        Ok(())
    }

    fn enter(&mut self, name: String) -> Result<(), InsideError> {
        let directory =
            openat(self.here(), name.as_str(), DIRECTORY, Mode::empty()).map_err(self.failed(&name, "opened"))?;
        self.reached.push((name, directory));
        Ok(())
    }

    fn here(&self) -> &OwnedFd {
        self.reached.last().map_or(&self.root, |(_, directory)| directory)
    }

    fn path(&self) -> PathBuf {
        let names = self.reached.iter().map(|(name, _)| name.as_str());
        std::iter::once("/").chain(names).collect()
    }

    fn path_of(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn failed(&self, name: &str, deed: &'static str) -> impl FnOnce(Errno) -> InsideError + use<> {
        let (path, at) = (self.given.to_owned(), self.path_of(name));
        move |source| InsideError::System { path, at, deed, source }
    }
}

fn word(found: FileType) -> &'static str {
    match found {
        FileType::Directory => "a directory",
        FileType::RegularFile => "a file",
        FileType::Symlink => "a symbolic link",
        _ => "a special file",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A root inside a directory that nothing may be made in.
    fn root() -> (tempfile::TempDir, PathBuf) {
        let outside = tempfile::tempdir().expect("a directory");
        let root = outside.path().join("root");
        fs::create_dir_all(root.join("etc")).expect("etc");
        (outside, root)
    }

    #[test]
    fn links_are_followed_inside_and_their_ends_are_made() {
        let (outside, root) = root();
        symlink("../run/systemd/resolve/stub.conf", root.join("etc/resolv.conf")).expect("link");
        symlink("/../../../../hosts", root.join("etc/hosts")).expect("link");
        symlink("/srv/real", root.join("app")).expect("link");
        symlink("resolv.conf", root.join("etc/again")).expect("link");
        let cases = [
            ("/etc/resolv.conf", Kind::File, "/run/systemd/resolve/stub.conf"),
            ("/etc/again", Kind::File, "/run/systemd/resolve/stub.conf"),
            ("/etc/hosts", Kind::File, "/hosts"),
            ("/etc/./hostname", Kind::File, "/etc/hostname"),
            ("/app/data//x/", Kind::Directory, "/srv/real/data/x"),
            ("/app/../up", Kind::Directory, "/srv/up"),
            ("/", Kind::Directory, "/"),
            ("../..", Kind::Directory, "/"),
        ];
        for (path, kind, expected) in cases {
            assert_eq!(make(&root, Path::new(path), kind).expect(path), Path::new(expected), "{path}");
            assert_eq!(make(&root, Path::new(path), kind).expect(path), Path::new(expected), "{path} again");
        }
        assert!(root.join("run/systemd/resolve/stub.conf").is_file() && root.join("srv/real/data/x").is_dir());
        let beside: Vec<_> =
            fs::read_dir(outside.path()).expect("read").flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(beside, ["root"], "nothing is made outside");
    }

    #[test]
    fn what_cannot_be_says_where_and_why() {
        let (_outside, root) = root();
        fs::write(root.join("file"), "").expect("file");
        symlink("/file", root.join("link")).expect("link");
        symlink("/round", root.join("round")).expect("link");
        let cases = [
            ("/file", Kind::Directory, "/file is a file, not a directory"),
            ("/link", Kind::Directory, "/link leads to /file, which is a file, not a directory"),
            ("/file/x", Kind::Directory, "/file/x leads to /file, which is a file, not a directory"),
            ("/link/x/y", Kind::File, "/link/x/y leads to /file, which is a file, not a directory"),
            ("/etc", Kind::File, "/etc is a directory, not a file"),
            ("/", Kind::File, "/ is a directory, not a file"),
            ("/round", Kind::File, "/round leads through more than 40 symbolic links"),
        ];
        for (path, kind, message) in cases {
            assert_eq!(make(&root, Path::new(path), kind).expect_err(path).to_string(), message);
        }
    }

    #[test]
    fn a_file_is_read_inside_only() {
        let (outside, root) = root();
        fs::write(outside.path().join("secret"), "host").expect("file");
        symlink("/../secret", root.join("etc/passwd")).expect("link");
        assert_eq!(read(&root, Path::new("etc/passwd"), 100), b"");
        fs::write(root.join("secret"), "image").expect("file");
        assert_eq!(read(&root, Path::new("etc/passwd"), 3), b"ima");
        assert_eq!(read(&root, Path::new("etc"), 3), b"");
    }
}
