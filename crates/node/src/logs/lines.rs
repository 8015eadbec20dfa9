//! Cutting an output file's bytes into log lines: a pure function.

use domain::compute::LogLine;
use wire::Timestamp;

/// Lines, and where the next batch begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) lines: Vec<LogLine>,
    pub(super) next_offset: u64,
}

/// Where the bytes begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// With a line.
    AtLine,
    /// Behind a hole, perhaps within a line: that line is lost.
    AfterHole,
}

/// Cuts whole lines from `bytes`, which begin at `offset`; `None` when there is no whole line.
pub(super) fn cut(bytes: &[u8], offset: u64, start: Start, limit: usize) -> Option<Batch> {
    let mut used = 0;
    if start == Start::AfterHole {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        used = zeros + bytes[zeros..].iter().position(|byte| *byte == b'\n')? + 1;
    }
    let mut lines = Vec::new();
    let before = used;
    while lines.len() < limit {
        let Some(end) = bytes[used..].iter().position(|byte| *byte == b'\n') else { break };
        if let Some(line) = parse(&bytes[used..used + end]) {
            lines.push(line);
        }
        used += end + 1;
    }
    (used > before || start == Start::AfterHole).then(|| Batch { lines, next_offset: offset + used as u64 })
}

/// `<milliseconds> <o|e> <message>`; the log service takes no empty messages.
fn parse(record: &[u8]) -> Option<LogLine> {
    let mut parts = record.splitn(3, |byte| *byte == b' ');
    let at = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    parts.next()?;
    let message = parts.next().filter(|message| !message.is_empty())?;
    Some(LogLine { at: Timestamp::from_milliseconds(at), message: String::from_utf8_lossy(message).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: i64, message: &str) -> LogLine {
        LogLine { at: Timestamp::from_milliseconds(at), message: message.into() }
    }

    #[test]
    fn whole_lines_are_cut_and_the_rest_waits() {
        let bytes = b"5 o first line\n6 e second\n7 o \n8 o not who";
        let batch = cut(bytes, 100, Start::AtLine, 10).expect("lines");
        assert_eq!(batch, Batch { lines: vec![line(5, "first line"), line(6, "second")], next_offset: 131 });
        assert_eq!(cut(b"8 o not who", 0, Start::AtLine, 10), None);
        assert_eq!(cut(b"", 0, Start::AtLine, 10), None);
    }

    #[test]
    fn a_batch_has_a_limit() {
        let batch = cut(b"1 o a\n2 o b\n3 o c\n", 0, Start::AtLine, 2).expect("lines");
        assert_eq!((batch.lines.len(), batch.next_offset), (2, 12));
    }

    #[test]
    fn behind_a_hole_the_torn_line_is_passed_over() {
        let batch = cut(b"\0\0orn line\n5 o whole\n", 4096, Start::AfterHole, 10).expect("lines");
        assert_eq!(batch, Batch { lines: vec![line(5, "whole")], next_offset: 4096 + 21 });
        assert_eq!(cut(b"\0\0\0", 0, Start::AfterHole, 10), None);
    }
}
