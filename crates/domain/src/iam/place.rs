//! Where things stand in a document's text: its statements, for simulations, and the principals in them.
//!
//! The text is known to be JSON, so this only steps over values; what they mean is read by `parse`.

use std::ops::Range;

/// A place in a text as IAM tells it: lines and columns from 1, the column after the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column behind the brace.
    pub column: usize,
}

/// Where each statement of a document begins and ends: behind its opening and its closing brace.
pub fn statement_positions(document: &str) -> Vec<(Position, Position)> {
    statements(document)
        .into_iter()
        .map(|place| (position(document, place.start + 1), position(document, place.end)))
        .collect()
}

/// The document with some of its principals written another way: `other` gets each string under `AWS` in `Principal`
/// and `NotPrincipal`. Everything else stays as it was written.
pub fn with_principals(document: &str, other: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::with_capacity(document.len());
    let mut copied = 0;
    for place in aws_principals(document) {
        let written: Option<String> = serde_json::from_str(&document[place.clone()]).ok();
        if let Some(new) = written.as_deref().and_then(&other) {
            text.push_str(&document[copied..place.start]);
            text.push_str(&serde_json::Value::from(new).to_string());
            copied = place.end;
        }
    }
    text.push_str(&document[copied..]);
    text
}

fn statements(document: &str) -> Vec<Range<usize>> {
    let Some(value) = member(document, start(document, 0), "Statement") else { return Vec::new() };
    items(document, value)
}

fn aws_principals(document: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    for statement in statements(document) {
        for name in ["Principal", "NotPrincipal"] {
            let named = member(document, statement.start, name);
            let aws = named.filter(|value| document[value.clone()].starts_with('{'));
            let aws = aws.and_then(|value| member(document, value.start, "AWS"));
            places.extend(aws.into_iter().flat_map(|value| items(document, value)));
        }
    }
    places.retain(|place| document[place.clone()].starts_with('"'));
    places.sort_by_key(|place| place.start);
    places
}

/// The elements of a list, or the value itself if it is none.
fn items(text: &str, value: Range<usize>) -> Vec<Range<usize>> {
    if !text[value.clone()].starts_with('[') {
        return vec![value];
    }
    let mut items = Vec::new();
    let mut at = start(text, value.start + 1);
    while at < value.end - 1 {
        let end = end_of_value(text, at);
        items.push(at..end);
        at = start(text, end);
        if text[at..].starts_with(',') {
            at = start(text, at + 1);
        }
    }
    items
}

/// The value of a member of the object at `object`.
fn member(text: &str, object: usize, name: &str) -> Option<Range<usize>> {
    if !text[object..].starts_with('{') {
        return None;
    }
    let mut at = start(text, object + 1);
    while text[at..].starts_with('"') {
        let key_end = end_of_value(text, at);
        let key: Option<String> = serde_json::from_str(&text[at..key_end]).ok();
        // The colon.
        let value = start(text, start(text, key_end) + 1);
        let end = end_of_value(text, value);
        if key.as_deref() == Some(name) {
            return Some(value..end);
        }
        at = start(text, end);
        if text[at..].starts_with(',') {
            at = start(text, at + 1);
        }
    }
    None
}

/// The first character from `at` on that is not white space.
fn start(text: &str, at: usize) -> usize {
    text.len() - text[at.min(text.len())..].trim_start_matches([' ', '\t', '\n', '\r']).len()
}

/// The end of the value at `at`.
fn end_of_value(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut place) = (0_usize, at);
    while place < bytes.len() {
        match bytes[place] {
            b'"' => place = end_of_string(bytes, place) - 1,
            b'{' | b'[' => depth += 1,
            // The end of what the value stands in.
            b'}' | b']' if depth == 0 => return place,
            b'}' | b']' => depth -= 1,
            byte if depth == 0 && (byte == b',' || byte.is_ascii_whitespace()) => return place,
            _ if depth == 0 => {
                place += 1;
                continue;
            }
            _ => {}
        }
        place += 1;
        if depth == 0 {
            return place;
        }
    }
    bytes.len()
}

fn end_of_string(bytes: &[u8], quote: usize) -> usize {
    let mut place = quote + 1;
    while place < bytes.len() {
        match bytes[place] {
            b'\\' => place += 2,
            b'"' => return place + 1,
            _ => place += 1,
        }
    }
    bytes.len()
}

fn position(text: &str, at: usize) -> Position {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    Position { line: before.matches('\n').count() + 1, column: text[line_start..at].chars().count() + 1 }
}

#[cfg(test)]
mod tests {
    use super::{Position, statement_positions, with_principals};

    #[test]
    fn statements_are_found_where_iam_finds_them() {
        let one = r#"{"Version": "2012-10-17", "Statement": {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}"#;
        let at = |line, column| Position { line, column };
        assert_eq!(statement_positions(one), [(at(1, 41), at(1, 113))]);
        let two = "{\n  \"Id\": \"}],{\\\"\",\n  \"Statement\": [ {\"a\": [1, {}]},\n   {\n  } ]\n}";
        assert_eq!(statement_positions(two), [(at(3, 19), at(3, 32)), (at(4, 5), at(5, 4))]);
        assert_eq!(statement_positions("{}"), []);
        assert_eq!(statement_positions(r#"{"Statement":[]}"#), []);
    }

    #[test]
    fn only_principals_are_written_another_way() {
        let document = r#"{"Statement": [{"Principal" : {"AWS": ["a", "b\u0063"], "Service": "a"},
            "Condition": {"StringEquals": {"AWS": "a"}}}, {"NotPrincipal": {"AWS":"a"}}, {"Principal": "*"}]}"#;
        let written = with_principals(document, |principal| match principal {
            "a" => Some("A".into()),
            "bc" => Some("B\"".into()),
            _ => None,
        });
        let expected = r#"{"Statement": [{"Principal" : {"AWS": ["A", "B\""], "Service": "a"},
            "Condition": {"StringEquals": {"AWS": "a"}}}, {"NotPrincipal": {"AWS":"A"}}, {"Principal": "*"}]}"#;
        assert_eq!(written, expected);
        assert_eq!(with_principals(document, |_| None), document);
    }
}
