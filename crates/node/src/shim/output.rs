//! A container's output: two pipes in, one append-only file of lines out.
//!
//! Each line of the file is `<milliseconds since the epoch> <o|e> <the line>\n`, so a reader needs nothing but an
//! offset. Lines longer than [`LINE_LIMIT`] bytes are cut there, as Docker's awslogs driver does, because that is the
//! largest event the log service takes. A last line without an end is written when the container ends.
//!
//! Disk use is bounded without moving offsets: the beginning of the file is given back as a hole, by the follower when it
//! took lines over, and by the shim when nobody follows or the follower is further behind than [`FOLLOWED_LIMIT`].

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::fcntl::{FallocateFlags, fallocate};

use super::plan::OutputKeeping;

/// The output file's name in the container's bundle.
pub(crate) const FILE_NAME: &str = "output";
/// The longest line in bytes (256 KiB less the 26 bytes the log service counts for each event).
pub(crate) const LINE_LIMIT: usize = 262_118;
/// How much unread output of a followed container may lie on disk, in bytes.
const FOLLOWED_LIMIT: u64 = 256 << 20;
/// How much output of a container that nobody follows is kept, in bytes.
const NEWEST_LIMIT: u64 = 4 << 20;
/// Holes are made in units of this, in bytes; a file system block divides it.
pub(crate) const HOLE_UNIT: u64 = 1 << 20;

/// How much is read at once, in bytes.
const READ_BYTES: usize = 16_384;

/// The file, and where to cut it.
pub(super) struct OutputFile {
    file: File,
    length: u64,
    limit: u64,
    freed: u64,
}

impl OutputFile {
    pub(super) fn open(bundle: &Path, keeping: OutputKeeping) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(bundle.join(FILE_NAME))?;
        let length = file.metadata()?.len();
        let limit = match keeping {
            OutputKeeping::Followed => FOLLOWED_LIMIT,
            OutputKeeping::NewestOnly => NEWEST_LIMIT,
        };
        Ok(Self { file, length, limit, freed: 0 })
    }

    /// Appends whole records.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        let before = self.length;
        self.length += bytes.len() as u64;
        if before / HOLE_UNIT != self.length / HOLE_UNIT {
            self.bound()?;
        }
        Ok(())
    }

    /// Gives the oldest part back when more than the limit is really on disk.
    fn bound(&mut self) -> io::Result<()> {
        let allocated = self.file.metadata()?.blocks() * 512;
        if allocated > self.limit {
            let until = self.length.saturating_sub(self.limit) / HOLE_UNIT * HOLE_UNIT;
            if until > self.freed {
                free_until(&self.file, until)?;
                self.freed = until;
            }
        }
        Ok(())
    }
}

/// Gives the file's first `until` bytes back to the file system; offsets stay as they are.
pub(crate) fn free_until(file: &File, until: u64) -> io::Result<()> {
    let length = i64::try_from(until).map_err(io::Error::other)?;
    let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    match fallocate(file, flags, 0, length) {
        // A file system without holes keeps everything; that is its limit, not an error of the task.
        Ok(()) | Err(nix::errno::Errno::EOPNOTSUPP) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// One of a container's two streams.
pub(super) struct Stream {
    source: File,
    mark: u8,
    partial: Vec<u8>,
}

/// What a read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There may be more at once.
    Some,
    /// Nothing more for now.
    Nothing,
    /// The stream ended.
    End,
}

impl Stream {
    /// `mark` is `b'o'` or `b'e'`; `source` must not block.
    pub(super) fn new(source: File, mark: u8) -> Self {
        Self { source, mark, partial: Vec::new() }
    }

    pub(super) fn raw_fd(&self) -> i32 {
        self.source.as_raw_fd()
    }

    /// Reads once and appends the lines that are complete.
    pub(super) fn pump(&mut self, output: &mut OutputFile, now_milliseconds: i64) -> io::Result<Found> {
        let mut buffer = [0_u8; READ_BYTES];
        let count = match io::Read::read(&mut self.source, &mut buffer) {
            Ok(0) => return Ok(Found::End),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Found::Nothing),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Found::Some),
            // A terminal whose other side is closed says EIO instead of the end.
            Err(error) if error.raw_os_error() == Some(nix::libc::EIO) => return Ok(Found::End),
            Err(error) => return Err(error),
        };
        self.partial.extend_from_slice(&buffer[..count]);
        let mut records = Vec::with_capacity(count + 64);
        let used = cut_lines(&self.partial, self.mark, now_milliseconds, &mut records);
        self.partial.drain(..used);
        output.append(&records)?;
        Ok(Found::Some)
    }

    /// Writes a last line that has no end.
    pub(super) fn finish(&mut self, output: &mut OutputFile, now_milliseconds: i64) -> io::Result<()> {
        if !self.partial.is_empty() {
            let mut records = Vec::new();
            write_record(&std::mem::take(&mut self.partial), self.mark, now_milliseconds, &mut records);
            output.append(&records)?;
        }
        Ok(())
    }
}

/// Writes the complete lines of `bytes` as records; returns how many bytes they took.
fn cut_lines(bytes: &[u8], mark: u8, now_milliseconds: i64, records: &mut Vec<u8>) -> usize {
    let mut used = 0;
    loop {
        let rest = &bytes[used..];
        let window = &rest[..rest.len().min(LINE_LIMIT + 1)];
        if let Some(end) = window.iter().position(|byte| *byte == b'\n') {
            write_record(&rest[..end], mark, now_milliseconds, records);
            used += end + 1;
        } else if rest.len() > LINE_LIMIT {
            let end = character_boundary(rest, LINE_LIMIT);
            write_record(&rest[..end], mark, now_milliseconds, records);
            used += end;
        } else {
            return used;
        }
    }
}

/// The last place at or before `at` that does not tear a UTF-8 character apart.
fn character_boundary(bytes: &[u8], at: usize) -> usize {
    (at.saturating_sub(3)..=at).rev().find(|index| bytes[*index] & 0xC0 != 0x80).unwrap_or(at)
}

fn write_record(line: &[u8], mark: u8, now_milliseconds: i64, records: &mut Vec<u8>) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    records.extend_from_slice(now_milliseconds.to_string().as_bytes());
    records.extend_from_slice(&[b' ', mark, b' ']);
    records.extend_from_slice(line);
    records.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bytes: &[u8]) -> (usize, String) {
        let mut records = Vec::new();
        let used = cut_lines(bytes, b'o', 7, &mut records);
        (used, String::from_utf8(records).expect("text"))
    }

    #[test]
    fn lines_are_cut_and_a_partial_line_waits() {
        assert_eq!(cut(b"one\ntwo\r\nthr"), (9, "7 o one\n7 o two\n".to_owned()));
        assert_eq!(cut(b"\n"), (1, "7 o \n".to_owned()));
        assert_eq!(cut(b""), (0, String::new()));
    }

    #[test]
    fn a_line_that_is_too_long_is_split_between_characters() {
        let mut long = vec![b'a'; LINE_LIMIT - 1];
        long.extend_from_slice("ä!".as_bytes());
        let (used, text) = cut(&long);
        assert_eq!(used, LINE_LIMIT - 1);
        assert_eq!(text.len(), LINE_LIMIT - 1 + 5);
        assert_eq!(cut(&long[used..]).0, 0);
    }

    #[test]
    fn a_line_of_exactly_the_limit_stays_whole() {
        let mut line = vec![b'a'; LINE_LIMIT];
        line.push(b'\n');
        assert_eq!(cut(&line).0, LINE_LIMIT + 1);
    }

    #[test]
    fn output_that_nobody_follows_stays_small_on_disk() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut output = OutputFile::open(directory.path(), OutputKeeping::NewestOnly).expect("a file");
        let chunk = vec![b'x'; 512 << 10];
        for _ in 0..32 {
            output.append(&chunk).expect("append");
        }
        let metadata = output.file.metadata().expect("metadata");
        assert_eq!(metadata.len(), 16 << 20);
        assert!(metadata.blocks() * 512 <= NEWEST_LIMIT + 2 * HOLE_UNIT, "{}", metadata.blocks() * 512);
    }
}
