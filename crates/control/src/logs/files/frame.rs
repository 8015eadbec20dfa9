//! The bytes of a segment file: frames, one after another.
//!
//! A frame is what one append wrote: some events, and beside them how far their producer's output has been taken over.
//! Both are under one checksum, so a crash keeps both or neither. A file that ends in the middle of a frame, or holds
//! garbage, reads as the good frames before that.
//!
//! Layout, little endian: length of the payload (u32), the first 8 bytes of its SHA-256, the payload. Payload: time of
//! the append (i64), cursor (u64, all ones for none), number of the first event (u64), then per event its time (i64),
//! the length of its message (u32) and the message.

use sha2::{Digest as _, Sha256};

use crate::limits::LOG_APPEND_BYTES;

const CHECKSUM_BYTES: usize = 8;
const HEADER_BYTES: usize = 4 + CHECKSUM_BYTES;
const NO_CURSOR: u64 = u64::MAX;

/// An event to be written: milliseconds since the epoch and the message.
pub(crate) type NewEvent = (i64, String);

/// One frame, borrowed from a file's bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) appended_at: i64,
    pub(super) cursor: Option<u64>,
    pub(super) first_number: u64,
    events: &'a [u8],
}

/// One event of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    /// Milliseconds since the epoch.
    pub(crate) time: i64,
    /// Its number in the stream, in order of arrival.
    pub(crate) number: u64,
    /// When it was taken over, in milliseconds since the epoch.
    pub(crate) ingested_at: i64,
    /// What was printed.
    pub(crate) message: &'a str,
}

/// Appends a frame to `bytes`; false, and nothing appended, when it would be too large.
pub(super) fn encode(
    bytes: &mut Vec<u8>,
    appended_at: i64,
    cursor: Option<u64>,
    first_number: u64,
    events: &[NewEvent],
) -> bool {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; HEADER_BYTES]);
    bytes.extend_from_slice(&appended_at.to_le_bytes());
    bytes.extend_from_slice(&cursor.unwrap_or(NO_CURSOR).to_le_bytes());
    bytes.extend_from_slice(&first_number.to_le_bytes());
    for (time, message) in events {
        bytes.extend_from_slice(&time.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(message.as_bytes());
    }
    let payload = start + HEADER_BYTES;
    let length = match u32::try_from(bytes.len() - payload) {
        Ok(length) if length as usize <= LOG_APPEND_BYTES => length,
        _ => {
            bytes.truncate(start);
            return false;
        }
    };
    let checksum = checksum(&bytes[payload..]);
    bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
    bytes[start + 4..payload].copy_from_slice(&checksum);
    true
}

/// Reads the frame at the beginning of `bytes`, and how many bytes it takes; `None` when there is no good one.
pub(super) fn decode(bytes: &[u8]) -> Option<(Frame<'_>, usize)> {
    let mut reader = bytes;
    let length = u32::from_le_bytes(take(&mut reader)?) as usize;
    let wanted: [u8; CHECKSUM_BYTES] = take(&mut reader)?;
    if length > LOG_APPEND_BYTES {
        return None;
    }
    let mut payload = reader.get(..length)?;
    if checksum(payload) != wanted {
        return None;
    }
    let appended_at = i64::from_le_bytes(take(&mut payload)?);
    let cursor = u64::from_le_bytes(take(&mut payload)?);
    let first_number = u64::from_le_bytes(take(&mut payload)?);
    let cursor = (cursor != NO_CURSOR).then_some(cursor);
    Some((Frame { appended_at, cursor, first_number, events: payload }, HEADER_BYTES + length))
}

impl<'a> Frame<'a> {
    /// The events in the order of the append.
    pub(super) fn events(self) -> impl Iterator<Item = Event<'a>> {
        let Self { appended_at, first_number, events: mut rest, .. } = self;
        (first_number..).map_while(move |number| {
            let time = i64::from_le_bytes(take(&mut rest)?);
            let length = u32::from_le_bytes(take(&mut rest)?) as usize;
            let (message, after) = rest.split_at_checked(length)?;
            rest = after;
            let message = std::str::from_utf8(message).ok()?;
            Some(Event { time, number, ingested_at: appended_at, message })
        })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

fn checksum(payload: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = Sha256::digest(payload);
    let mut checksum = [0; CHECKSUM_BYTES];
    checksum.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    checksum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(mut bytes: &[u8]) -> (Vec<(i64, u64, String)>, Option<u64>, usize) {
        let (mut events, mut cursor, mut read) = (Vec::new(), None, 0);
        while let Some((frame, length)) = decode(bytes) {
            events.extend(frame.events().map(|event| (event.time, event.number, event.message.to_owned())));
            cursor = frame.cursor.or(cursor);
            bytes = &bytes[length..];
            read += length;
        }
        (events, cursor, read)
    }

    proptest! {
        #[test]
        fn garbage_is_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let (_, _, read) = all(&bytes);
            prop_assert!(read <= bytes.len());
        }

        #[test]
        fn a_torn_tail_costs_only_its_own_frame(
            batches in proptest::collection::vec((proptest::collection::vec((any::<i64>(), ".{0,20}"), 0..4), any::<u32>()), 1..5),
            cut in any::<proptest::sample::Index>(),
            flip in any::<Option<proptest::sample::Index>>(),
        ) {
            let (mut bytes, mut ends, mut number) = (Vec::new(), vec![0], 0);
            for (events, cursor) in &batches {
                prop_assert!(encode(&mut bytes, 7, Some(u64::from(*cursor)), number, events));
                number += events.len() as u64;
                ends.push(bytes.len());
            }
            let length = cut.index(bytes.len() + 1);
            let mut torn = bytes[..length].to_vec();
            let mut whole = length;
            if let (Some(flip), false) = (flip, torn.is_empty()) {
                let at = flip.index(torn.len());
                torn[at] ^= 1;
                whole = at;
            }
            let good = ends.iter().filter(|end| **end <= whole).count() - 1;
            let wanted: Vec<_> = batches[..good].iter().flat_map(|(events, _)| events.clone()).collect();
            let (events, cursor, read) = all(&torn);
            prop_assert_eq!(read, ends[good]);
            prop_assert_eq!(cursor, good.checked_sub(1).map(|last| u64::from(batches[last].1)));
            prop_assert!(events.iter().map(|(_, number, _)| *number).eq(0..wanted.len() as u64));
            prop_assert!(events.into_iter().map(|(time, _, message)| (time, message)).eq(wanted));
        }
    }

    #[test]
    fn a_frame_that_is_too_large_is_not_written() {
        let mut bytes = vec![1, 2, 3];
        assert!(!encode(&mut bytes, 0, None, 0, &[(0, "x".repeat(LOG_APPEND_BYTES))]));
        assert_eq!(bytes, [1, 2, 3]);
    }
}
