//! Whom a container runs as: `user[:group]` by name or number, looked up in the image's own `/etc/passwd` and
//! `/etc/group`.
//!
//! The files belong to the image and are therefore hostile: they are opened inside the root with no way out of it (a
//! symbolic link to the host's `/etc/passwd` leads to the image's), and only so much of them is read.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

/// The most that is read of `passwd` or `group`, in bytes.
const FILE_LIMIT: u64 = 4 << 20;

/// A resolved user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) additional_gids: Vec<u32>,
    pub(crate) home: String,
}

/// Resolves `user`, `user:group`, with names or numbers; empty means root. The error says what is missing.
pub(crate) fn resolve(root: &Path, text: &str) -> Result<User, String> {
    let passwd = read_inside(root, "etc/passwd");
    let group = read_inside(root, "etc/group");
    resolve_with(&passwd, &group, text)
}

fn resolve_with(passwd: &str, group: &str, text: &str) -> Result<User, String> {
    let (user_text, group_text) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (text, None),
    };
    let user_text = if user_text.is_empty() { "0" } else { user_text };
    let account = accounts(passwd)
        .find(|account| account.name == user_text)
        .or_else(|| user_text.parse().ok().and_then(|uid: u32| accounts(passwd).find(|account| account.uid == uid)));
    let uid = match &account {
        Some(account) => account.uid,
        None => user_text
            .parse()
            .map_err(|_| format!("unable to find user {user_text}: no matching entries in passwd file"))?,
    };
    let gid = match group_text {
        None => account.as_ref().map_or(0, |account| account.gid),
        Some(name) => match groups(group).find(|group| group.name == name) {
            Some(group) => group.gid,
            None => {
                name.parse().map_err(|_| format!("unable to find group {name}: no matching entries in group file"))?
            }
        },
    };
    // Docker adds a user's other groups only when no group was given.
    let additional_gids = match (&account, group_text) {
        (Some(account), None) => groups(group)
            .filter(|group| group.gid != gid && group.members.contains(&account.name))
            .map(|group| group.gid)
            .collect(),
        _ => Vec::new(),
    };
    let home = account.map_or("/", |account| account.home).to_owned();
    Ok(User { uid, gid, additional_gids, home: if home.is_empty() { "/".into() } else { home } })
}

struct Account<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

fn accounts(passwd: &str) -> impl Iterator<Item = Account<'_>> {
    passwd.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, _, home, ..] = fields.as_slice() else { return None };
        Some(Account { name, uid: uid.parse().ok()?, gid: gid.parse().ok()?, home })
    })
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: Vec<&'a str>,
}

fn groups(group: &str) -> impl Iterator<Item = Group<'_>> {
    group.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _, gid) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Group { name, gid: gid.parse().ok()?, members: fields.next().unwrap_or("").split(',').collect() })
    })
}

fn read_inside(root: &Path, path: &str) -> String {
    let mut text = Vec::new();
    if let Ok(file) = open_inside(root, path, OFlag::O_RDONLY | OFlag::O_NONBLOCK) {
        let regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
        if regular && file.take(FILE_LIMIT).read_to_end(&mut text).is_err() {
            text.clear();
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Opens a path as a process whose root is `root` would.
fn open_inside(root: &Path, path: &str, flags: OFlag) -> Result<File, Errno> {
    let root: OwnedFd = open(root, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    openat2(&root, path, how).map(File::from)
}

/// Makes a directory (and those above it) inside a root, owned by root as container runtimes make it; whoever made the
/// image cannot lead this out of the root. One that is there stays as it is.
pub(crate) fn make_directory_inside(root: &Path, path: &str) -> Result<(), Errno> {
    let mut reached = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let parent =
            open_inside(root, if reached.is_empty() { "." } else { &reached }, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
        if !reached.is_empty() {
            reached.push('/');
        }
        reached.push_str(part);
        if part == ".." || open_inside(root, &reached, OFlag::O_PATH).is_ok() {
            continue;
        }
        nix::sys::stat::mkdirat(&parent, part, Mode::from_bits_truncate(0o755))?;
    }
    open_inside(root, if reached.is_empty() { "." } else { &reached }, OFlag::O_PATH | OFlag::O_DIRECTORY).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:101:102:Web:/srv/web:/bin/false\nbroken\n";
    const GROUP: &str = "root:x:0:\nweb:x:102:\nadm:x:4:web,root\nlogs:x:7:web\n";

    #[test]
    fn users_are_found_by_name_and_number() {
        let cases = [
            ("", 0, 0, vec![4], "/root"),
            ("web", 101, 102, vec![4, 7], "/srv/web"),
            ("101", 101, 102, vec![4, 7], "/srv/web"),
            ("web:logs", 101, 7, vec![], "/srv/web"),
            ("5000", 5000, 0, vec![], "/"),
            ("5000:6000", 5000, 6000, vec![], "/"),
            ("web:", 101, 102, vec![4, 7], "/srv/web"),
        ];
        for (text, uid, gid, additional_gids, home) in cases {
            let user = resolve_with(PASSWD, GROUP, text).expect(text);
            assert_eq!(user, User { uid, gid, additional_gids, home: home.into() }, "{text}");
        }
        assert!(resolve_with(PASSWD, GROUP, "nobody").expect_err("no such user").contains("nobody"));
        assert!(resolve_with(PASSWD, GROUP, "web:none").expect_err("no such group").contains("none"));
    }

    #[test]
    fn a_directory_is_made_inside_the_root_only() {
        let root = tempfile::tempdir().expect("a directory");
        make_directory_inside(root.path(), "/srv/app/").expect("made");
        make_directory_inside(root.path(), "/srv/app").expect("already there");
        make_directory_inside(root.path(), "/").expect("the root");
        assert!(root.path().join("srv/app").is_dir());
        let outside = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink(outside.path(), root.path().join("out")).expect("link");
        let _ = make_directory_inside(root.path(), "/out/made");
        assert!(!outside.path().join("made").exists());
        std::fs::write(root.path().join("file"), "").expect("file");
        assert!(make_directory_inside(root.path(), "/file/x").is_err());
    }

    #[test]
    fn a_link_out_of_the_image_stays_inside() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(root.path().join("etc")).expect("etc");
        std::os::unix::fs::symlink("/etc/hostname-of-host", root.path().join("etc/passwd")).expect("link");
        std::fs::write(root.path().join("etc/hostname-of-host"), "inner:x:42:42::/:\n").expect("file");
        assert_eq!(resolve(root.path(), "inner").expect("the image's own file").uid, 42);
    }
}
