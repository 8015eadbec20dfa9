//! Whom a container runs as: `user[:group]` by name or number, looked up in the image's own `/etc/passwd` and
//! `/etc/group`.
//!
//! The files belong to the image and are therefore hostile: they are opened inside the root with no way out of it (a
//! symbolic link to the host's `/etc/passwd` leads to the image's), and only so much of them is read.

use std::path::Path;

use super::inside;

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

/// Whom an image does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UserError {
    /// The user has no number and no entry.
    #[error("unable to find user {0}: no matching entries in passwd file")]
    User(String),
    /// The group has no number and no entry.
    #[error("unable to find group {0}: no matching entries in group file")]
    Group(String),
}

/// Resolves `user`, `user:group`, with names or numbers; empty means root.
pub(crate) fn resolve(root: &Path, text: &str) -> Result<User, UserError> {
    let read = |path| String::from_utf8_lossy(&inside::read(root, Path::new(path), FILE_LIMIT)).into_owned();
    resolve_with(&read("etc/passwd"), &read("etc/group"), text)
}

fn resolve_with(passwd: &str, group: &str, text: &str) -> Result<User, UserError> {
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
        None => user_text.parse().map_err(|_| UserError::User(user_text.to_owned()))?,
    };
    let gid = match group_text {
        None => account.as_ref().map_or(0, |account| account.gid),
        Some(name) => match groups(group).find(|group| group.name == name) {
            Some(group) => group.gid,
            None => name.parse().map_err(|_| UserError::Group(name.to_owned()))?,
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
        assert_eq!(resolve_with(PASSWD, GROUP, "nobody"), Err(UserError::User("nobody".into())));
        assert_eq!(resolve_with(PASSWD, GROUP, "web:none"), Err(UserError::Group("none".into())));
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
