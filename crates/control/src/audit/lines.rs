//! The lines of a file, from its end to its beginning, read piece by piece.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

const PIECE_BYTES: u64 = 256 * 1024;

/// What is left of a file.
pub(super) struct Lines {
    file: File,
    /// Where in the file the buffer begins.
    begin: u64,
    buffer: Vec<u8>,
}

/// A line.
pub(super) struct Line {
    /// Where it ends in the file, with its line feed.
    pub(super) end: u64,
    pub(super) bytes: Vec<u8>,
}

impl Lines {
    /// The lines before this place, or all of them; `None` when the file is gone.
    pub(super) fn open(path: &Path, end: Option<u64>) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let length = file.metadata()?.len();
        Ok(Some(Self { file, begin: end.map_or(length, |end| end.min(length)), buffer: Vec::new() }))
    }

    /// The line before those that were answered already.
    pub(super) fn back(&mut self) -> io::Result<Option<Line>> {
        loop {
            let text = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
            let feed = text.iter().rposition(|byte| *byte == b'\n');
            if feed.is_none() && self.begin > 0 {
                self.read_a_piece()?;
                continue;
            }
            if self.buffer.is_empty() {
                return Ok(None);
            }
            let begin = feed.map_or(0, |feed| feed + 1);
            let line = Line {
                end: self.begin + self.buffer.len() as u64,
                bytes: text.get(begin..).unwrap_or_default().to_vec(),
            };
            self.buffer.truncate(begin);
            return Ok(Some(line));
        }
    }

    fn read_a_piece(&mut self) -> io::Result<()> {
        let bytes = PIECE_BYTES.min(self.begin);
        let mut piece = vec![0; usize::try_from(bytes).unwrap_or_default()];
        self.file.read_exact_at(&mut piece, self.begin - bytes)?;
        piece.extend_from_slice(&self.buffer);
        self.buffer = piece;
        self.begin -= bytes;
        Ok(())
    }
}
