//! The kernel's table of mounts (`/proc/<pid>/mountinfo`), as far as anyone here asks it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Where, as the process whose table it is sees it.
    pub(crate) path: PathBuf,
    /// This mount's own options: `ro`, `nosuid`, …
    pub(crate) options: Vec<String>,
    /// What it shares with other mounts: `shared:1`, `master:2`.
    pub(crate) propagation: Vec<String>,
    /// The kind of file system.
    pub(crate) kind: String,
}

impl Mount {
    /// Whether the mount has this option.
    pub(crate) fn has(&self, option: &str) -> bool {
        self.options.iter().any(|other| other == option)
    }
}

/// Reads a table; later mounts lie over earlier ones.
pub(crate) fn parse(table: &str) -> Vec<Mount> {
    table.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Mount> {
    let mut fields = line.split(' ').skip(4);
    let path = PathBuf::from(OsString::from_vec(unescape(fields.next()?)));
    let options = fields.next()?.split(',').map(str::to_owned).collect();
    let propagation = fields.by_ref().take_while(|field| *field != "-").map(str::to_owned).collect();
    Some(Mount { path, options, propagation, kind: fields.next()?.to_owned() })
}

/// Blanks and backslashes are written as octal numbers.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let octal = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        if let (b'\\', Some(byte)) = (first, octal.and_then(|digits| u8::from_str_radix(digits, 8).ok())) {
            bytes.push(byte);
            rest = &tail[3..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read() {
        let table = "36 35 98:0 /mnt1 /a\\040b/c rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n\
                     37 35 0:5 / /plain ro,nosuid - tmpfs tmpfs rw\nnonsense\n";
        let mounts = parse(table);
        assert_eq!(mounts.len(), 2);
        assert_eq!((mounts[0].path.as_path(), mounts[0].kind.as_str()), (std::path::Path::new("/a b/c"), "ext3"));
        assert_eq!(mounts[0].propagation, ["master:1", "shared:2"]);
        assert!(mounts[1].has("ro") && !mounts[1].has("rw") && mounts[1].propagation.is_empty());
    }
}
