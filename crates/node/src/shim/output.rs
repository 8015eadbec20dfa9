//! A container's output: two pipes in, one append-only file of lines out.
//!
//! Each line of the file is `<milliseconds since the epoch> <o|e> <the line>\n`, so a reader needs nothing but an
//! offset. Lines longer than [`LINE_LIMIT`] bytes are cut there, as Docker's awslogs driver does, because that is the
//! largest event the log service takes. A last line without an end is written when the container ends.
//!
//! A container goes on whatever happens to its output. What the file does not take for now (a full disk) waits in memory,
//! up to [`UNWRITTEN_LIMIT`]; what has no room there, or is beyond what `max-buffer-size` lets lie unread, is dropped and
//! counted, and the file says so in a line of its own as soon as it can. With `mode` `blocking` nothing is dropped while the
//! container lives: its pipes are not read on, so that its writes wait.
//!
//! Disk use is bounded without moving offsets: the beginning of the file is given back as a hole, by the follower when it
//! took lines over, and by the shim when nobody follows.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, fallocate};

use super::plan::OutputKeeping;
use super::protocol::{Count, LossCause, Trouble};
use super::stuck::Stuck;

/// The output file's name in the container's bundle.
pub(crate) const FILE_NAME: &str = "output";
/// The longest line in bytes (256 KiB less the 26 bytes the log service counts for each event).
pub(crate) const LINE_LIMIT: usize = 262_118;
/// How much output of a container that nobody follows is kept, in bytes.
const NEWEST_LIMIT: u64 = 4 << 20;
/// Holes are made in units of this, in bytes; a file system block divides it.
pub(crate) const HOLE_UNIT: u64 = 1 << 20;
/// How much waits in memory for a file that cannot be written, in bytes.
const UNWRITTEN_LIMIT: usize = 1 << 20;
/// Room for the line that says what was lost, in bytes.
const NOTICE_BYTES: usize = 256;
/// From one word about trouble with a container's output to the next, in milliseconds.
const TROUBLE_PAUSE: u64 = 10_000;

/// How much is read at once, in bytes.
const READ_BYTES: usize = 16_384;

/// Now, by two clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Milliseconds since the epoch.
    pub(super) at: i64,
    /// Milliseconds of a clock that never goes back.
    pub(super) now: u64,
}

/// The file, and what of the output is not in it.
pub(super) struct OutputFile {
    path: PathBuf,
    keeping: OutputKeeping,
    file: Option<File>,
    /// Bytes in the file, and how many of them are a hole and have been taken over.
    length: u64,
    freed: u64,
    taken: u64,
    /// Records that the file must get next.
    unwritten: Vec<u8>,
    /// Whether the file ends within a record, whose rest is at the beginning of what is unwritten.
    torn: bool,
    stuck: Option<Stuck>,
    /// What was lost and the file does not say yet.
    unsaid: Count,
    lost: Count,
    cause: LossCause,
    told: Told,
}

/// What the server was told of trouble, and when it may be told more.
#[derive(Default)]
struct Told {
    lost: Count,
    stuck: Option<i32>,
    next_at: u64,
}

impl OutputFile {
    /// The file in a container's bundle; it is opened when something is printed.
    pub(super) fn new(bundle: &Path, keeping: OutputKeeping) -> Self {
        Self {
            path: bundle.join(FILE_NAME),
            keeping,
            file: None,
            length: 0,
            freed: 0,
            taken: 0,
            unwritten: Vec::new(),
            torn: false,
            stuck: None,
            unsaid: Count::default(),
            lost: Count::default(),
            cause: LossCause::BufferFull,
            told: Told::default(),
        }
    }

    /// Whether the container's pipes should be read on.
    pub(super) fn wants_more(&self) -> bool {
        match self.keeping {
            OutputKeeping::Blocking(limit) => self.unwritten.is_empty() && self.unread() < limit,
            OutputKeeping::NonBlocking(_) | OutputKeeping::NewestOnly => true,
        }
    }

    /// How long the file is, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Everything before this offset has been taken over.
    pub(super) fn taken_over(&mut self, offset: u64) {
        self.taken = offset;
    }

    /// Takes whole records in.
    fn append(&mut self, records: &[u8], moment: Moment) {
        if self.unsaid == Count::default() && self.refusal(records.len()).is_none() {
            self.unwritten.extend_from_slice(records);
        } else {
            for record in records.split_inclusive(|byte| *byte == b'\n') {
                match self.refusal(record.len()) {
                    // A line longer than the whole buffer is kept when nothing else is in it.
                    Some(cause) if cause != LossCause::BufferFull || self.unread() > 0 => self.lose(record, cause),
                    _ => {
                        self.say_what_was_lost(moment);
                        self.unwritten.extend_from_slice(record);
                    }
                }
            }
        }
        self.settle(moment);
    }

    /// Why a record of so many bytes cannot be kept.
    fn refusal(&self, bytes: usize) -> Option<LossCause> {
        let has_begun = self.unsaid != Count::default();
        match (self.keeping, self.stuck) {
            // Its pipes were read on only because there was room, or because it has ended.
            (OutputKeeping::Blocking(_), _) => None,
            (_, Some(stuck)) if has_begun || self.unwritten.len() + bytes > UNWRITTEN_LIMIT => {
                Some(LossCause::File(stuck.errno))
            }
            (OutputKeeping::NonBlocking(limit), _) if self.unread() + bytes as u64 > limit => {
                Some(LossCause::BufferFull)
            }
            _ => None,
        }
    }

    /// How many bytes nobody has taken over.
    fn unread(&self) -> u64 {
        (self.length + self.unwritten.len() as u64).saturating_sub(self.taken)
    }

    fn lose(&mut self, records: &[u8], cause: LossCause) {
        for record in records.split_inclusive(|byte| *byte == b'\n') {
            for count in [&mut self.unsaid, &mut self.lost] {
                count.lines += 1;
                count.bytes += message_bytes(record);
            }
        }
        self.cause = cause;
    }

    /// Tries again what the file did not take, when it is time to, and says there what was lost when there is room.
    pub(super) fn settle(&mut self, moment: Moment) {
        if self.stuck.is_some_and(|stuck| moment.now < stuck.retry_at()) {
            return;
        }
        self.write(moment);
        if self.stuck.is_none() && self.unsaid != Count::default() && self.refusal(NOTICE_BYTES).is_none() {
            self.say_what_was_lost(moment);
            self.write(moment);
        }
    }

    /// The container has ended and will not be started again: nobody waits for what cannot be written.
    pub(super) fn end(&mut self, moment: Moment) {
        self.write(moment);
        if self.stuck.is_none() {
            self.say_what_was_lost(moment);
            self.write(moment);
        }
        if let Some(stuck) = self.stuck {
            let rest = if self.torn { self.unwritten.iter().position(|byte| *byte == b'\n') } else { None };
            let given_up = self.unwritten.split_off(rest.map_or(0, |end| end + 1));
            self.lose(&given_up, LossCause::File(stuck.errno));
        }
        self.told.next_at = moment.now;
    }

    fn say_what_was_lost(&mut self, moment: Moment) {
        let unsaid = std::mem::take(&mut self.unsaid);
        if unsaid.lines > 0 {
            let text = format!("tidegate: {unsaid} could not be kept here, because {}", self.cause);
            write_record(text.as_bytes(), b'e', moment.at, &mut self.unwritten);
        }
    }

    fn write(&mut self, moment: Moment) {
        if self.unwritten.is_empty() {
            return;
        }
        self.stuck = self.write_out().err().map(|error| Stuck::new(&error, moment.now));
        if self.stuck.is_none() {
            self.told.stuck = None;
        }
    }

    fn write_out(&mut self) -> io::Result<()> {
        let mut file = if let Some(file) = &self.file {
            file
        } else {
            let file = OpenOptions::new().append(true).create(true).open(&self.path)?;
            self.length = file.metadata()?.len();
            self.file.insert(file)
        };
        let (before, mut count) = (self.length, 0);
        let result = loop {
            match file.write(&self.unwritten[count..]) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(more) => count += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
            if count == self.unwritten.len() {
                break Ok(());
            }
        };
        if count > 0 {
            self.torn = self.unwritten[count - 1] != b'\n';
            self.unwritten.drain(..count);
            self.length += count as u64;
        }
        if self.keeping == OutputKeeping::NewestOnly && before / HOLE_UNIT != self.length / HOLE_UNIT {
            // What stays on the disk goes with the task.
            let _ = self.bound();
        }
        result
    }

    /// Gives the oldest part back when more than the limit is really on disk.
    fn bound(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let allocated = file.metadata()?.blocks() * 512;
        let until = self.length.saturating_sub(NEWEST_LIMIT) / HOLE_UNIT * HOLE_UNIT;
        if allocated > NEWEST_LIMIT && until > self.freed {
            free_until(file, until)?;
            self.freed = until;
        }
        Ok(())
    }

    /// When to settle again, or to tell of trouble, even if nothing is printed.
    pub(super) fn due(&self) -> Option<u64> {
        let has_news = self.lost != self.told.lost || self.stuck.map(|stuck| stuck.errno) != self.told.stuck;
        let waits = !self.unwritten.is_empty() || self.unsaid != Count::default();
        let retry = self.stuck.filter(|_| waits).map(|stuck| stuck.retry_at());
        has_news.then_some(self.told.next_at).into_iter().chain(retry).min()
    }

    /// What the server should hear of trouble, each thing once and not too often.
    pub(super) fn news(&mut self, container: &str, moment: Moment) -> Option<Trouble> {
        if moment.now < self.told.next_at {
            return None;
        }
        let container = container.to_owned();
        let trouble = if self.lost == self.told.lost {
            let errno = self.stuck?.errno;
            if self.told.stuck.replace(errno) == Some(errno) {
                return None;
            }
            Trouble::OutputStuck { container, errno }
        } else {
            self.told.lost = self.lost;
            Trouble::OutputLost { container, lost: self.lost, cause: self.cause }
        };
        self.told.next_at = moment.now + TROUBLE_PAUSE;
        Some(trouble)
    }
}

/// How long the line of a record is, without what the record adds.
fn message_bytes(record: &[u8]) -> u64 {
    let message = record.splitn(3, |byte| *byte == b' ').nth(2).unwrap_or_default();
    message.strip_suffix(b"\n").unwrap_or(message).len() as u64
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
    pub(super) fn pump(&mut self, output: &mut OutputFile, moment: Moment) -> Found {
        let mut buffer = [0_u8; READ_BYTES];
        let count = match io::Read::read(&mut self.source, &mut buffer) {
            Ok(count) if count > 0 => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Found::Nothing,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Found::Some,
            // A terminal whose other side is closed says EIO instead of the end.
            Ok(_) | Err(_) => return Found::End,
        };
        self.partial.extend_from_slice(&buffer[..count]);
        let mut records = Vec::with_capacity(count + 64);
        let used = cut_lines(&self.partial, self.mark, moment.at, &mut records);
        self.partial.drain(..used);
        output.append(&records, moment);
        Found::Some
    }

    /// Writes a last line that has no end.
    pub(super) fn finish(&mut self, output: &mut OutputFile, moment: Moment) {
        if !self.partial.is_empty() {
            let mut records = Vec::new();
            write_record(&std::mem::take(&mut self.partial), self.mark, moment.at, &mut records);
            output.append(&records, moment);
        }
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
    use crate::test_support::SmallDisk;

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

    fn moment(now: u64) -> Moment {
        Moment { at: 7, now }
    }

    fn record(text: &str) -> Vec<u8> {
        let mut record = Vec::new();
        write_record(text.as_bytes(), b'o', 7, &mut record);
        record
    }

    fn lines(directory: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(directory.join(FILE_NAME)).expect("the output");
        text.lines().map(|line| line.splitn(3, ' ').nth(2).expect("a record").to_owned()).collect()
    }

    #[test]
    fn output_that_nobody_follows_stays_small_on_disk() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut output = OutputFile::new(directory.path(), OutputKeeping::NewestOnly);
        let chunk = vec![b'x'; 512 << 10];
        for _ in 0..32 {
            output.append(&chunk, moment(0));
        }
        let metadata = std::fs::metadata(directory.path().join(FILE_NAME)).expect("metadata");
        assert_eq!(metadata.len(), 16 << 20);
        assert!(metadata.blocks() * 512 <= NEWEST_LIMIT + 2 * HOLE_UNIT, "{}", metadata.blocks() * 512);
    }

    #[test]
    fn a_full_disk_loses_only_what_has_no_room_in_memory_and_the_file_says_how_much() {
        let disk = SmallDisk::new(4 << 20);
        let mut output = OutputFile::new(disk.path(), OutputKeeping::NonBlocking(256 << 20));
        output.append(&record("before"), moment(0));
        disk.fill();
        let long = "x".repeat(10_000);
        for number in 0..200 {
            output.append(&record(&format!("{number} {long}")), moment(1));
        }
        assert!(output.wants_more(), "the container goes on");
        let stuck = output.news("c", moment(1));
        let Some(Trouble::OutputLost { lost, cause, .. }) = stuck else { panic!("lines were lost: {stuck:?}") };
        assert_eq!(cause, LossCause::File(nix::libc::ENOSPC));
        assert_eq!(output.due(), Some(1 + 500), "it looks again by and by, not at once");
        disk.make_room();
        output.settle(moment(1000));
        output.append(&record("after"), moment(1001));
        assert_eq!(output.due(), None);
        let kept = lines(disk.path());
        let expected: Vec<String> = (0..200 - lost.lines).map(|number| format!("{number} {long}")).collect();
        assert_eq!(kept[1..kept.len() - 2], expected, "no line is torn, none is out of place");
        let bytes = expected.iter().map(|line| record(line).len()).sum::<usize>();
        assert!(bytes > UNWRITTEN_LIMIT - 20_000 && bytes < UNWRITTEN_LIMIT + 20_000, "{bytes}");
        let said = format!("tidegate: {lost} could not be kept here, because there was no room on the disk");
        assert_eq!(kept[kept.len() - 2..], [said, "after".to_owned()]);
    }

    #[test]
    fn a_blocking_container_waits_for_its_reader_and_for_the_disk() {
        let disk = SmallDisk::new(1 << 20);
        let mut output = OutputFile::new(disk.path(), OutputKeeping::Blocking(1000));
        output.append(&record(&"x".repeat(1000)), moment(0));
        assert!(!output.wants_more(), "a thousand bytes are unread");
        output.taken_over(500);
        assert!(output.wants_more());
        output.taken_over(output.length);
        disk.fill();
        for number in 0..1000 {
            output.append(&record(&format!("{number}")), moment(1));
        }
        assert!(!output.wants_more(), "the disk is full");
        assert_eq!(
            output.news("c", moment(1)),
            Some(Trouble::OutputStuck { container: "c".into(), errno: nix::libc::ENOSPC })
        );
        assert_eq!(output.news("c", moment(60_000)), None, "once");
        disk.make_room();
        output.taken_over(output.length);
        output.settle(moment(60_000));
        output.taken_over(output.length);
        assert!(output.wants_more());
        let expected: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        assert_eq!(lines(disk.path())[1..], expected);
    }

    #[test]
    fn a_full_buffer_drops_the_newest_and_says_how_many() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut output = OutputFile::new(directory.path(), OutputKeeping::NonBlocking(1000));
        for number in 0..300 {
            output.append(&record(&format!("line {number:0>100}")), moment(0));
        }
        let kept = lines(directory.path()).len() as u64;
        let lost = Count { lines: 300 - kept, bytes: (300 - kept) * 105 };
        assert_eq!(kept, 1000 / (record(&"x".repeat(105)).len() as u64));
        let expected = Trouble::OutputLost { container: "c".into(), lost, cause: LossCause::BufferFull };
        assert_eq!(output.news("c", moment(0)), Some(expected));
        output.taken_over(output.length);
        output.append(&record("then"), moment(0));
        let said = format!(
            "tidegate: {lost} could not be kept here, because the buffer of unread lines was full (max-buffer-size)"
        );
        assert_eq!(lines(directory.path())[usize::try_from(kept).expect("few")..], [said, "then".to_owned()]);
        assert_eq!(output.news("c", moment(60_000)), None, "told once");
    }

    #[test]
    fn a_line_longer_than_the_buffer_is_kept_when_the_buffer_is_empty() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut output = OutputFile::new(directory.path(), OutputKeeping::NonBlocking(10));
        output.append(&[record("a line that is too long"), record("more")].concat(), moment(0));
        assert_eq!(lines(directory.path()), ["a line that is too long"]);
    }

    #[test]
    fn what_a_full_disk_never_takes_is_counted_when_the_container_has_ended() {
        let disk = SmallDisk::new(1 << 20);
        let mut output = OutputFile::new(disk.path(), OutputKeeping::Blocking(1 << 20));
        disk.fill();
        let long = "x".repeat(8000);
        output.append(&[record(&long), record("two"), record("three")].concat(), moment(0));
        output.end(moment(0));
        let Some(Trouble::OutputLost { lost, .. }) = output.news("c", moment(0)) else { panic!("it is told") };
        assert_eq!(lost.lines, if output.torn { 2 } else { 3 });
    }
}
