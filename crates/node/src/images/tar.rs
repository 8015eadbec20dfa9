//! Reads a tar stream entry by entry: ustar, pax, GNU long names, GNU and pax sparse files.
//!
//! Our own reader, because a layer is a stranger: each extended header has a limit, so that no entry can fill the memory,
//! and nothing is guessed. It decides nothing about file systems; see `unpack`.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::limits;

const BLOCK: usize = 512;
/// What a pax header for all entries may say. Each entry pays for each record of it, so that one full of attributes,
/// sparse maps or comments would keep a processor busy for hours; no writer makes such.
const GLOBAL: &[&str] = &["path", "linkpath", "size", "uid", "gid", "mtime"];

/// What kind of file an entry makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    Hardlink,
    Fifo,
    CharacterDevice,
    BlockDevice,
}

/// An entry's header with its extended headers applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: Vec<u8>,
    pub(super) kind: Kind,
    /// Of a link.
    pub(super) target: Vec<u8>,
    /// Major and minor number of a device.
    pub(super) device: (u32, u32),
    /// Permission bits with set-user-id, set-group-id and sticky.
    pub(super) mode: u32,
    pub(super) user: u32,
    pub(super) group: u32,
    /// Seconds and nanoseconds since the epoch.
    pub(super) modified: (i64, u32),
    /// Of the file it makes, holes included, in bytes.
    pub(super) size: u64,
    /// Where the data of a sparse file goes: offset and length. `None`: not sparse.
    pub(super) pieces: Option<Vec<(u64, u64)>>,
    /// `SCHILY.xattr.*`, name without the prefix.
    pub(super) attributes: Vec<(String, Vec<u8>)>,
}

/// What is wrong with a tar stream.
#[derive(Debug, thiserror::Error)]
pub(super) enum TarError {
    #[error("the layer cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("the layer is no valid tar archive: {0}")]
    Invalid(&'static str),
    #[error("an entry's {0} is above the limit")]
    Limit(&'static str),
    #[error("an entry is of the unknown type {0:?}")]
    Type(char),
}

/// A tar stream.
pub(super) struct Archive<R> {
    reader: R,
    /// Bytes of the current entry's data not read yet.
    remaining: u64,
    /// Zeros after the data up to the block's end.
    padding: u64,
    /// The pax header for all entries that follow.
    global: BTreeMap<String, Vec<u8>>,
}

/// Extended headers before an entry.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    records: Vec<(String, Vec<u8>)>,
}

impl<R: Read> Archive<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, remaining: 0, padding: 0, global: BTreeMap::new() }
    }

    /// The next entry; `None` at the archive's end. Data of the entry before that was not read is passed over.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, TarError> {
        let mut extension = Extension::default();
        loop {
            self.skip()?;
            let Some(header) = self.header()? else { return Ok(None) };
            let size = number(&header[124..136])?;
            match header[156] {
                b'x' => extension.records = records(&self.extended(size)?)?,
                b'g' => {
                    let records = records(&self.extended(size)?)?.into_iter();
                    self.global = records.filter(|(name, _)| GLOBAL.contains(&name.as_str())).collect();
                }
                b'L' => extension.path = Some(until_zero(&self.extended(size)?).to_vec()),
                b'K' => extension.target = Some(until_zero(&self.extended(size)?).to_vec()),
                _ => return self.entry(&header, extension).map(Some),
            }
        }
    }

    /// Reads from the current entry's data.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, TarError> {
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.reader.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(TarError::Invalid("it ends within a file"));
        }
        self.remaining -= count as u64;
        Ok(count)
    }

    /// Reads what follows the archive's end, so that the stream below is read whole.
    pub(super) fn drain(mut self) -> Result<(), TarError> {
        io::copy(&mut self.reader, &mut io::sink())?;
        Ok(())
    }

    fn entry(&mut self, header: &[u8; BLOCK], extension: Extension) -> Result<Entry, TarError> {
        let mut pax = self.global.clone();
        pax.extend(extension.records);
        let text = |name: &str| pax.get(name).filter(|value| !value.is_empty());
        let decimal = |name: &str| text(name).map(|value| parse_decimal(value)).transpose();

        let header_path = || {
            let name = until_zero(&header[..100]).to_vec();
            let is_ustar = &header[257..263] == b"ustar\0";
            let prefix = if is_ustar { until_zero(&header[345..500]) } else { &[] };
            if prefix.is_empty() { name } else { [prefix, b"/", &name].concat() }
        };
        let path =
            text("GNU.sparse.name").or_else(|| text("path")).cloned().or(extension.path).unwrap_or_else(header_path);
        let target = text("linkpath").cloned().or(extension.target);
        let target = target.unwrap_or_else(|| until_zero(&header[157..257]).to_vec());
        if path.len() > limits::PATH_BYTES || target.len() > limits::PATH_BYTES {
            return Err(TarError::Limit("path"));
        }
        let flag = header[156];
        let kind = match flag {
            // Before ustar, a directory was a file whose name ends with a slash.
            b'0' | 0 | b'7' if path.ends_with(b"/") => Kind::Directory,
            b'0' | 0 | b'7' | b'S' => Kind::File,
            b'1' => Kind::Hardlink,
            b'2' => Kind::Symlink,
            b'3' => Kind::CharacterDevice,
            b'4' => Kind::BlockDevice,
            b'5' => Kind::Directory,
            b'6' => Kind::Fifo,
            other => return Err(TarError::Type(char::from(other))),
        };
        let stored = decimal("size")?.map_or_else(|| number(&header[124..136]), Ok)?;
        // Only files have data; some writers give links the size of what they link to.
        let stored = if kind == Kind::File { stored } else { 0 };
        if stored > limits::LAYER_BYTES {
            return Err(TarError::Limit("size"));
        }
        self.remaining = stored;
        self.padding = stored.next_multiple_of(BLOCK as u64) - stored;
        let identifier = |name: &str, field: &[u8]| -> Result<u32, TarError> {
            let value = decimal(name)?.map_or_else(|| number(field), Ok)?;
            // The last value means "leave it" to chown.
            u32::try_from(value).ok().filter(|value| *value != u32::MAX).ok_or(TarError::Limit("owner"))
        };
        let user = identifier("uid", &header[108..116])?;
        let group = identifier("gid", &header[116..124])?;
        let modified = match text("mtime") {
            Some(value) => parse_time(value)?,
            None => (i64::try_from(number(&header[136..148]).unwrap_or(0)).unwrap_or(0), 0),
        };
        let mode = u32::try_from(number(&header[100..108])? & 0o7777).unwrap_or(0);
        let device = match kind {
            Kind::CharacterDevice | Kind::BlockDevice => {
                (device_number(&header[329..337])?, device_number(&header[337..345])?)
            }
            _ => (0, 0),
        };
        let (size, pieces) = match flag {
            b'S' => self.old_sparse(header, stored)?,
            _ => self.pax_sparse(&pax, stored)?,
        };
        let attributes = attributes(pax)?;
        Ok(Entry { path, kind, target, device, mode, user, group, modified, size, pieces, attributes })
    }

    /// GNU's first form: a map in the header, continued in blocks after it.
    fn old_sparse(&mut self, header: &[u8; BLOCK], stored: u64) -> Result<Sparse, TarError> {
        let mut pieces = Vec::new();
        let size = number(&header[483..495])?;
        let mut add = |map: &[u8]| -> Result<(), TarError> {
            for pair in map.chunks_exact(24) {
                if pair[0] != 0 {
                    pieces.push((number(&pair[..12])?, number(&pair[12..])?));
                }
            }
            if pieces.len() > limits::SPARSE_PIECES { Err(TarError::Limit("sparse map")) } else { Ok(()) }
        };
        add(&header[386..482])?;
        let mut extended = header[482] != 0;
        while extended {
            let mut block = [0; BLOCK];
            self.reader.read_exact(&mut block)?;
            add(&block[..504])?;
            extended = block[504] != 0;
        }
        checked_sparse(pieces, size, stored)
    }

    /// GNU's pax forms: 0.0 and 0.1 keep the map in the header, 1.0 before the data.
    fn pax_sparse(&mut self, pax: &BTreeMap<String, Vec<u8>>, stored: u64) -> Result<Sparse, TarError> {
        let decimal = |name: &str| pax.get(name).map(|value| parse_decimal(value)).transpose();
        let numbers = if let Some(map) = pax.get("GNU.sparse.map") {
            map.split(|byte| *byte == b',')
                .filter(|number| !number.is_empty())
                .map(parse_decimal)
                .collect::<Result<_, _>>()?
        } else if decimal("GNU.sparse.major")? == Some(1) && decimal("GNU.sparse.minor")?.unwrap_or(0) == 0 {
            self.sparse_map()?
        } else if pax.contains_key("GNU.sparse.offset") || pax.contains_key("GNU.sparse.numblocks") {
            return Err(TarError::Invalid("a sparse file of form 0.0 is not supported"));
        } else {
            return Ok((stored, None));
        };
        let size = decimal("GNU.sparse.realsize")?.map_or_else(|| decimal("GNU.sparse.size"), |size| Ok(Some(size)))?;
        let size = size.ok_or(TarError::Invalid("a sparse file without its size"))?;
        let pieces = numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        checked_sparse(pieces, size, self.remaining)
    }

    /// Form 1.0: decimal lines in whole blocks, the count of pieces first.
    fn sparse_map(&mut self) -> Result<Vec<u64>, TarError> {
        let mut numbers = Vec::new();
        let mut line = Vec::new();
        let mut wanted = None;
        let mut block = [0; BLOCK];
        while wanted != Some(numbers.len()) {
            if self.remaining < BLOCK as u64 {
                return Err(TarError::Invalid("a sparse file without its map"));
            }
            self.reader.read_exact(&mut block)?;
            self.remaining -= BLOCK as u64;
            for byte in block {
                if wanted == Some(numbers.len()) {
                    break;
                }
                if byte != b'\n' {
                    line.push(byte);
                    continue;
                }
                let number = parse_decimal(&line)?;
                line.clear();
                match wanted {
                    Some(_) => numbers.push(number),
                    None if number > limits::SPARSE_PIECES as u64 => return Err(TarError::Limit("sparse map")),
                    None => wanted = usize::try_from(number * 2).ok(),
                }
            }
            if line.len() > BLOCK {
                return Err(TarError::Invalid("a sparse map without numbers"));
            }
        }
        Ok(numbers)
    }

    fn header(&mut self) -> Result<Option<[u8; BLOCK]>, TarError> {
        let mut header = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.reader.read(&mut header[filled..])? {
                // Writers are known that leave the end mark out.
                0 if filled == 0 => return Ok(None),
                0 => return Err(TarError::Invalid("it ends within a header")),
                count => filled += count,
            }
        }
        if header.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let stated = number(&header[148..156])?;
        let sum = |value: fn(u8) -> i64| -> i64 {
            let fields =
                header.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { value(*byte) });
            fields.sum()
        };
        // Old writers summed signed bytes.
        let matches = [sum(i64::from), sum(|byte| i64::from(byte.cast_signed()))]
            .iter()
            .any(|sum| u64::try_from(*sum) == Ok(stated));
        if matches { Ok(Some(header)) } else { Err(TarError::Invalid("a header's checksum is wrong")) }
    }

    fn extended(&mut self, size: u64) -> Result<Vec<u8>, TarError> {
        if size > limits::EXTENDED_HEADER_BYTES {
            return Err(TarError::Limit("extended header"));
        }
        let mut data = vec![0; usize::try_from(size).map_err(|_| TarError::Limit("extended header"))?];
        self.reader.read_exact(&mut data)?;
        self.padding = size.next_multiple_of(BLOCK as u64) - size;
        Ok(data)
    }

    fn skip(&mut self) -> Result<(), TarError> {
        let rest = std::mem::take(&mut self.remaining) + std::mem::take(&mut self.padding);
        if rest > 0 && io::copy(&mut (&mut self.reader).take(rest), &mut io::sink())? < rest {
            return Err(TarError::Invalid("it ends within a file"));
        }
        Ok(())
    }
}

type Sparse = (u64, Option<Vec<(u64, u64)>>);

/// A sparse map must be in order, within the file, and of exactly the data that is there.
fn checked_sparse(pieces: Vec<(u64, u64)>, size: u64, stored: u64) -> Result<Sparse, TarError> {
    let mut end = 0_u64;
    let mut data = 0_u64;
    for (offset, length) in &pieces {
        if *offset < end {
            return Err(TarError::Invalid("a sparse map is out of order"));
        }
        end = offset.checked_add(*length).ok_or(TarError::Invalid("a sparse map overflows"))?;
        data += length;
    }
    if end > size || data != stored {
        return Err(TarError::Invalid("a sparse map does not fit its file"));
    }
    Ok((size, Some(pieces)))
}

/// The extended attributes among pax records.
fn attributes(pax: BTreeMap<String, Vec<u8>>) -> Result<Vec<(String, Vec<u8>)>, TarError> {
    let mut attributes = Vec::new();
    for (name, value) in pax {
        let Some(name) = name.strip_prefix("SCHILY.xattr.") else { continue };
        if attributes.len() == limits::ATTRIBUTES || value.len() > limits::ATTRIBUTE_BYTES {
            return Err(TarError::Limit("extended attributes"));
        }
        attributes.push((name.to_owned(), value));
    }
    Ok(attributes)
}

/// Octal text, or GNU's binary form with the high bit set.
fn number(field: &[u8]) -> Result<u64, TarError> {
    const WRONG: TarError = TarError::Invalid("a number in a header");
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        // Negative numbers (0xff first) fit nothing that is read here.
        let bytes = field.iter().enumerate().map(|(at, byte)| if at == 0 { byte & 0x7f } else { *byte });
        return bytes.into_iter().try_fold(0_u64, |value, byte| {
            if value >> 56 == 0 { Ok(value << 8 | u64::from(byte)) } else { Err(WRONG) }
        });
    }
    let text = field.trim_ascii_start();
    let digits = text.iter().take_while(|byte| !matches!(byte, 0 | b' '));
    digits.into_iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'7' if value >> 61 == 0 => Ok(value << 3 | u64::from(byte - b'0')),
        _ => Err(WRONG),
    })
}

fn device_number(field: &[u8]) -> Result<u32, TarError> {
    u32::try_from(number(field)?).map_err(|_| TarError::Limit("device number"))
}

fn parse_decimal(text: &[u8]) -> Result<u64, TarError> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(TarError::Invalid("a number in a pax header"))
}

/// Seconds with a fraction, perhaps negative.
fn parse_time(text: &[u8]) -> Result<(i64, u32), TarError> {
    const WRONG: TarError = TarError::Invalid("a time in a pax header");
    let text = std::str::from_utf8(text).map_err(|_| WRONG)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().map_err(|_| WRONG)?;
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let nanoseconds: u32 = digits.parse().map_err(|_| WRONG)?;
    match (whole.starts_with('-'), nanoseconds) {
        (true, 1..) => Ok((seconds.checked_sub(1).ok_or(WRONG)?, 1_000_000_000 - nanoseconds)),
        _ => Ok((seconds, nanoseconds)),
    }
}

/// pax records: `<length> <key>=<value>\n`.
fn records(data: &[u8]) -> Result<Vec<(String, Vec<u8>)>, TarError> {
    const WRONG: TarError = TarError::Invalid("a pax header");
    let mut records = Vec::new();
    let mut rest = data;
    while !rest.is_empty() && rest[0] != 0 {
        let space = rest.iter().position(|byte| *byte == b' ').ok_or(WRONG)?;
        let length = usize::try_from(parse_decimal(&rest[..space])?).map_err(|_| WRONG)?;
        if length <= space + 1 || length > rest.len() || rest[length - 1] != b'\n' {
            return Err(WRONG);
        }
        let record = &rest[space + 1..length - 1];
        rest = &rest[length..];
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(WRONG)?;
        let name = std::str::from_utf8(&record[..equals]).map_err(|_| WRONG)?;
        records.push((name.to_owned(), record[equals + 1..].to_vec()));
    }
    Ok(records)
}

fn until_zero(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}
