//! A blank file system in memory: the few blocks of it that are not zero.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::SeekFrom;

use super::{StorageError, limits};
use crate::wait::until;

const BLOCK_BYTES: usize = 4096;
const GIB: u64 = 1024 * 1024 * 1024;
/// Nothing kept back for root; no room to grow; no copies of the superblock, which nobody will ever repair with; inode
/// tables and the journal are left as the file's zeros.
///
/// There is a journal, a small one, though nothing is ever recovered: without one, ext4 looks for an inode that was not
/// freed lately whenever a file is made, and making many after deleting many takes a hundred times as long.
const FORMAT: [&str; 13] = [
    "-q",
    "-F",
    "-m",
    "0",
    "-b",
    "4096",
    "-O",
    "^resize_inode,sparse_super2",
    "-J",
    "size=32",
    "-E",
    "lazy_itable_init=1,lazy_journal_init=1,nodiscard,num_backup_sb=0",
    "--",
];

/// A blank ext4 file system of one size.
#[derive(Debug)]
pub(super) struct Template {
    size_bytes: u64,
    /// Where what is written, in order.
    pieces: Vec<(u64, Vec<u8>)>,
}

impl Template {
    /// Has `mkfs.ext4` write one into an empty file, and reads it back.
    pub(super) fn make(file: &File, size_gib: u32) -> Result<Self, StorageError> {
        let size_bytes = u64::from(size_gib) * GIB;
        let path = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()));
        let failed = |operation| {
            let path = path.clone();
            move |source| StorageError::Host { operation, path, source }
        };
        file.set_len(size_bytes).map_err(failed("set the size of"))?;
        format(&path)?;
        let pieces = pieces(file).map_err(failed("read"))?;
        Ok(Self { size_bytes, pieces })
    }

    /// Makes an empty file such a file system.
    pub(super) fn write_to(&self, file: &File) -> io::Result<()> {
        file.set_len(self.size_bytes)?;
        self.pieces.iter().try_for_each(|(offset, bytes)| file.write_all_at(bytes, *offset))
    }
}

fn format(path: &Path) -> Result<(), StorageError> {
    let program = find_mkfs().ok_or(StorageError::NoMkfs)?;
    let failed = |operation| {
        let program = program.clone();
        move |source| StorageError::Host { operation, path: program, source }
    };
    let mut command = Command::new(&program);
    command.args(FORMAT).arg(path).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed("run"))?;
    let Some(ended) = until(limits::FORMAT_TIMEOUT, || child.try_wait().transpose()) else {
        child.kill().and_then(|()| child.wait()).map_err(failed("end"))?;
        return Err(StorageError::Late);
    };
    let status = ended.map_err(failed("wait for"))?;
    if status.success() {
        return Ok(());
    }
    let mut words = String::new();
    if let Some(errors) = child.stderr {
        // What it says is only told to people.
        let _ = errors.take(1000).read_to_string(&mut words);
    }
    Err(StorageError::Mkfs { status, words: words.trim().to_owned() })
}

/// What is not zero in a sparse file.
fn pieces(file: &File) -> io::Result<Vec<(u64, Vec<u8>)>> {
    let mut pieces: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut block = vec![0; BLOCK_BYTES];
    let mut at = 0;
    loop {
        let begin = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Err(rustix::io::Errno::NXIO) => return Ok(pieces),
            other => other?,
        };
        at = rustix::fs::seek(file, SeekFrom::Hole(begin))?;
        for offset in (begin..at).step_by(BLOCK_BYTES) {
            file.read_exact_at(&mut block, offset)?;
            if block.iter().all(|byte| *byte == 0) {
                continue;
            }
            match pieces.last_mut() {
                Some((start, bytes)) if *start + bytes.len() as u64 == offset => bytes.extend_from_slice(&block),
                _ => pieces.push((offset, block.clone())),
            }
        }
    }
}

/// Where `mkfs.ext4` lies; its directory is not in everyone's PATH.
pub(super) fn find_mkfs() -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let directories = path.split(':').chain(["/usr/sbin", "/sbin"]).filter(|directory| directory.starts_with('/'));
    directories.map(|directory| Path::new(directory).join("mkfs.ext4")).find(|path| path.is_file())
}
