//! Where a page of log events begins and ends: positions, the tokens that carry them, and the choice of the events that
//! fit a page.
//!
//! A stream's events are ordered by their time and, at equal times, by their arrival. A [`Position`] is a boundary
//! *between* events of that order, so a token can be given before the next event exists: at the end of a stream the
//! forward token is the same on every call, as CloudWatch Logs promises.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The most events in one page.
pub const PAGE_EVENTS: usize = 10_000;
/// The most bytes of messages in one page.
pub const PAGE_BYTES: usize = 1024 * 1024;

/// A boundary in a stream's order: before the event of this time and arrival number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Milliseconds since the epoch.
    pub time: i64,
    /// The event's number in its stream, counted from 0 in order of arrival.
    pub number: u64,
}

impl Position {
    /// Before everything of this time.
    pub const fn at(time: i64) -> Self {
        Self { time, number: 0 }
    }

    /// After the event that begins here.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { time: self.time, number: self.number.saturating_add(1) }
    }
}

/// Which way a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The oldest events from a position on.
    Forward,
    /// The newest events before a position.
    Backward,
}

/// The token of GetLogEvents: a direction and a position, `f/<56 digits>/s` or `b/…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// `f` or `b`.
    pub direction: Direction,
    /// Where to go on.
    pub position: Position,
}

const TIME_DIGITS: usize = 20;
const NUMBER_DIGITS: usize = 36;

impl fmt::Display for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.direction {
            Direction::Forward => 'f',
            Direction::Backward => 'b',
        };
        let (time, number) = (self.position.time.max(0), self.position.number);
        write!(formatter, "{letter}/{time:0TIME_DIGITS$}{number:0NUMBER_DIGITS$}/s")
    }
}

impl Token {
    /// Reads a token; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let (letter, rest) = text.split_once('/')?;
        let direction = match letter {
            "f" => Direction::Forward,
            "b" => Direction::Backward,
            _ => return None,
        };
        let digits = rest.strip_suffix("/s").unwrap_or(rest);
        if digits.len() != TIME_DIGITS + NUMBER_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (time, number) = digits.split_at(TIME_DIGITS);
        Some(Self { direction, position: Position { time: time.parse().ok()?, number: number.parse().ok()? } })
    }
}

/// The order of events across streams, and where FilterLogEvents goes on: time, stream name, number in the stream.
pub type AcrossStreams = (i64, Arc<str>, u64);

/// Gathers the events of one page from events that come in any order.
///
/// It never holds more than one page: what is beyond the page is dropped at once, and nothing beyond what was dropped is
/// taken any more. The key is the order of the events ([`Position`], or position and stream across streams).
#[derive(Debug)]
pub struct Page<K, E> {
    direction: Direction,
    most_events: usize,
    most_bytes: usize,
    bytes: usize,
    events: BTreeMap<K, (usize, E)>,
    edge: Option<K>,
}

impl<K: Ord + Clone, E> Page<K, E> {
    /// An empty page for at most this many events.
    pub fn new(direction: Direction, most_events: usize) -> Self {
        Self {
            direction,
            most_events: most_events.clamp(1, PAGE_EVENTS),
            most_bytes: PAGE_BYTES,
            bytes: 0,
            events: BTreeMap::new(),
            edge: None,
        }
    }

    /// Whether an event of this key could still belong to the page.
    pub fn wants(&self, key: &K) -> bool {
        match (&self.edge, self.direction) {
            (None, _) => true,
            (Some(edge), Direction::Forward) => key < edge,
            (Some(edge), Direction::Backward) => key > edge,
        }
    }

    /// Offers an event with the size of its message in bytes.
    pub fn offer(&mut self, key: K, bytes: usize, event: E) {
        if !self.wants(&key) {
            return;
        }
        if let Some((old, _)) = self.events.insert(key, (bytes, event)) {
            self.bytes -= old;
        }
        self.bytes += bytes;
        while self.events.len() > self.most_events || (self.bytes > self.most_bytes && self.events.len() > 1) {
            self.drop_farthest();
        }
    }

    /// Ends the page before this key (after it, when read backward): nothing beyond was looked at.
    pub fn cut(&mut self, key: K) {
        if !self.wants(&key) {
            return;
        }
        self.edge = Some(key);
        while let Some(farthest) = self.farthest()
            && !self.wants(&farthest)
        {
            self.drop_one(&farthest);
        }
    }

    /// The first key that did not fit; `None` when everything did.
    pub fn edge(&self) -> Option<&K> {
        self.edge.as_ref()
    }

    /// The events, oldest first.
    pub fn into_events(self) -> impl DoubleEndedIterator<Item = (K, E)> {
        self.events.into_iter().map(|(key, (_, event))| (key, event))
    }

    fn farthest(&self) -> Option<K> {
        let entry = match self.direction {
            Direction::Forward => self.events.last_key_value(),
            Direction::Backward => self.events.first_key_value(),
        };
        entry.map(|(key, _)| key.clone())
    }

    fn drop_farthest(&mut self) {
        if let Some(key) = self.farthest() {
            self.drop_one(&key);
            self.edge = Some(key);
        }
    }

    fn drop_one(&mut self, key: &K) {
        if let Some((bytes, _)) = self.events.remove(key) {
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_read_as_written() {
        let token =
            Token { direction: Direction::Backward, position: Position { time: 1_795_440_000_123, number: 42 } };
        let text = token.to_string();
        assert_eq!(text, "b/00000001795440000123000000000000000000000000000000000042/s");
        assert_eq!(Token::parse(&text), Some(token));
        for bad in ["", "f", "f/", "f/12/s", "x/00000001795440000123000000000000000000000000000000000042/s"] {
            assert_eq!(Token::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_page_ends_at_its_bytes_but_is_never_empty() {
        let mut page = Page::new(Direction::Forward, 10);
        page.offer(2, PAGE_BYTES, "b");
        page.offer(1, 2 * PAGE_BYTES, "a");
        assert_eq!(page.edge(), Some(&2));
        page.offer(3, 1, "c");
        assert_eq!(page.into_events().collect::<Vec<_>>(), [(1, "a")]);
    }

    proptest! {
        #[test]
        fn a_page_is_what_sorting_everything_gives(
            keys in proptest::collection::btree_set(0_u32..1000, 0..60),
            shuffle in any::<u64>(),
            most in 1_usize..20,
            cut in proptest::option::of(0_u32..1000),
        ) {
            let mut order: Vec<u32> = keys.iter().copied().collect();
            order.sort_by_key(|key| (u64::from(*key) ^ shuffle).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            for direction in [Direction::Forward, Direction::Backward] {
                let mut page = Page::new(direction, most);
                for key in &order {
                    page.offer(*key, 1, ());
                }
                if let Some(cut) = cut {
                    page.cut(cut);
                }
                let got: Vec<u32> = page.into_events().map(|(key, ())| key).collect();
                let mut wanted: Vec<u32> = match direction {
                    Direction::Forward => keys.iter().copied().take(most).collect(),
                    Direction::Backward => keys.iter().rev().copied().take(most).collect(),
                };
                wanted.retain(|key| match (cut, direction) {
                    (None, _) => true,
                    (Some(cut), Direction::Forward) => *key < cut,
                    (Some(cut), Direction::Backward) => *key > cut,
                });
                wanted.sort_unstable();
                prop_assert_eq!(got, wanted);
            }
        }

        #[test]
        fn no_text_breaks_the_token_reader(text in ".*") {
            let _ = Token::parse(&text);
        }
    }
}
