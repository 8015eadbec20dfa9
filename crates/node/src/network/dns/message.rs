//! Just enough of DNS's messages (RFC 1035): read a question, write an answer of at most one address, tell whether an
//! answer belongs to a question.

use std::hash::{BuildHasher as _, RandomState};
use std::net::Ipv4Addr;

/// An IPv4 address.
pub(super) const KIND_A: u16 = 1;
const HEADER_BYTES: usize = 12;
const LABEL_BYTES: usize = 63;
const NAME_BYTES: usize = 255;
/// How long a task may remember an answer, in seconds (as in a VPC).
const TIME_TO_LIVE: u32 = 60;

/// The one question of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// The name in lower case, without the last dot.
    pub(super) name: String,
    /// The kind of record asked for.
    pub(super) kind: u16,
    /// Where the question ends in the message.
    end: usize,
}

/// What to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// This address.
    Address(Ipv4Addr),
    /// The name is there, but nothing of this kind.
    NoData,
    /// There is no such name.
    NoSuchName,
    /// Nobody could be asked.
    Failure,
}

/// Reads a query with exactly one question; `None` for anything else.
pub(super) fn question(message: &[u8]) -> Option<Question> {
    let header = message.get(..HEADER_BYTES)?;
    let is_query = header[2] & 0b1111_1000 == 0;
    let one_question = header[4..6] == [0, 1] && header[6..10] == [0; 4];
    if !is_query || !one_question { None } else { read_question(message) }
}

fn read_question(message: &[u8]) -> Option<Question> {
    let mut name = String::new();
    let mut at = HEADER_BYTES;
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        // Longer ones are pointers, which a question has no need of.
        if length > LABEL_BYTES || name.len() + length > NAME_BYTES {
            return None;
        }
        let label = message.get(at..at + length)?;
        at += length;
        if !name.is_empty() {
            name.push('.');
        }
        name.extend(label.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
    }
    let fixed = message.get(at..at + 4)?;
    Some(Question { name, kind: u16::from_be_bytes([fixed[0], fixed[1]]), end: at + 4 })
}

/// The whole answer to `query`, whose question is `question`.
pub(super) fn answer(query: &[u8], question: &Question, answer: Answer) -> Vec<u8> {
    let (code, count) = match answer {
        Answer::Address(_) => (0, 1),
        Answer::NoData => (0, 0),
        Answer::Failure => (2, 0),
        Answer::NoSuchName => (3, 0),
    };
    let mut message = query[..question.end].to_vec();
    // An answer, with recursion desired as asked; recursion is available.
    message[2] = 0b1000_0000 | (query[2] & 1);
    message[3] = 0b1000_0000 | code;
    message[4..HEADER_BYTES].copy_from_slice(&[0, 1, 0, count, 0, 0, 0, 0]);
    if let Answer::Address(address) = answer {
        // The name is the question's (a pointer to it), the kind A, the class Internet.
        message.extend([0xc0, 0x0c, 0, 1, 0, 1]);
        message.extend(TIME_TO_LIVE.to_be_bytes());
        message.extend([0, 4]);
        message.extend(address.octets());
    }
    message
}

/// Whether `answer` answers exactly `query`.
pub(super) fn answers(answer: &[u8], query: &[u8], question: &Question) -> bool {
    let same_id = answer.len() >= HEADER_BYTES && answer[..2] == query[..2] && answer[2] & 0x80 != 0;
    same_id
        && read_question(answer)
            .is_some_and(|answered| answered.name == question.name && answered.kind == question.kind)
}

/// The message's id.
pub(super) fn id(message: &[u8]) -> [u8; 2] {
    [message[0], message[1]]
}

/// The message under another id.
pub(super) fn with_id(message: &[u8], id: [u8; 2]) -> Vec<u8> {
    let mut message = message.to_vec();
    message[..2].copy_from_slice(&id);
    message
}

/// An id that an outsider cannot guess: the standard library's hash keys come from the operating system.
pub(super) fn random_id() -> [u8; 2] {
    let hash = RandomState::new().hash_one(std::time::Instant::now()).to_be_bytes();
    [hash[0], hash[1]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::tests::query;

    #[test]
    fn a_question_is_read_in_lower_case() {
        let question = question(&query("Ip-10-0-0-5.EC2.internal")).expect("a question");
        assert_eq!((question.name.as_str(), question.kind), ("ip-10-0-0-5.ec2.internal", KIND_A));
    }

    #[test]
    fn an_answer_carries_the_address() {
        let query = query("a.b");
        let question = question(&query).expect("a question");
        let answered = answer(&query, &question, Answer::Address(Ipv4Addr::new(10, 0, 0, 5)));
        assert!(answers(&answered, &query, &question));
        assert_eq!(answered[3] & 0xf, 0);
        assert!(answered.ends_with(&[0, 4, 10, 0, 0, 5]));
        let failed = answer(&query, &question, Answer::Failure);
        assert_eq!((failed[3] & 0xf, failed.len()), (2, query.len()));
        assert!(!answers(&with_id(&failed, [0, 0]), &query, &question));
    }

    #[test]
    fn what_is_no_question_is_not_read() {
        let whole = query("a.b");
        for length in 0..whole.len() {
            assert_eq!(question(&whole[..length]), None, "{length}");
        }
        let mut response = whole.clone();
        response[2] |= 0x80;
        assert_eq!(question(&response), None);
        let mut pointer = whole;
        pointer[HEADER_BYTES] = 0xc0;
        assert_eq!(question(&pointer), None);
    }
}
