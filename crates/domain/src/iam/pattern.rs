//! Text patterns of policies: `*`, `?` and policy variables.
//!
//! Matching keeps one place to come back to (the last `*`), so the worst case is the product of the two lengths, never
//! exponential, whatever pattern a user writes.

use super::context::Context;

/// Whether `*` and `?` stand for other characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wildcards {
    /// They do.
    Special,
    /// They stand for themselves (`StringEquals`).
    Literal,
}

/// Whether `${…}` is replaced; only in policies of version 2012-10-17.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variables {
    /// It is.
    Replaced,
    /// It is plain text.
    Literal,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    One,
    Many,
    Variable { key: String, lower_case_key: String, default: Option<String> },
}

/// A pattern, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, PartialEq)]
enum Glyph {
    Char(char),
    One,
    Many,
}

impl Pattern {
    /// Reads a pattern. What looks like a variable but is not closed is plain text.
    pub(super) fn new(text: &str, wildcards: Wildcards, variables: Variables) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let piece = match first {
                '*' if wildcards == Wildcards::Special => Piece::Many,
                '?' if wildcards == Wildcards::Special => Piece::One,
                '$' if variables == Variables::Replaced && variable_length(rest).is_some() => {
                    let length = variable_length(rest).unwrap_or(rest.len());
                    let piece = variable(&rest[2..length - 1]);
                    rest = &rest[length..];
                    push(&mut pieces, piece);
                    continue;
                }
                other => Piece::Text(other.to_string()),
            };
            rest = &rest[first.len_utf8()..];
            push(&mut pieces, piece);
        }
        Self { pieces }
    }

    /// Whether the whole of `subject` matches. A variable without a value matches nothing.
    pub(super) fn matches(&self, subject: &str, context: &Context) -> bool {
        match self.pieces.as_slice() {
            [] => subject.is_empty(),
            [Piece::Text(text)] => text == subject,
            [Piece::Many] => true,
            [Piece::Text(text), Piece::Many] => subject.starts_with(text.as_str()),
            pieces => glyphs(pieces, context).is_some_and(|glyphs| glyphs_match(&glyphs, subject)),
        }
    }

    /// The text with variables replaced, for patterns without wildcards; `None` if a variable has no value.
    pub(super) fn text(&self, context: &Context) -> Option<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::One => text.push('?'),
                Piece::Many => text.push('*'),
                Piece::Variable { lower_case_key, default, .. } => {
                    text.push_str(value_of(lower_case_key, default.as_deref(), context)?);
                }
            }
        }
        Some(text)
    }

    /// The condition keys, as written, that its variables without default name.
    pub(super) fn variable_keys(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable { key, default: None, .. } => Some(key.as_str()),
            _ => None,
        })
    }
}

fn push(pieces: &mut Vec<Piece>, piece: Piece) {
    match (pieces.last_mut(), piece) {
        (Some(Piece::Text(text)), Piece::Text(more)) => text.push_str(&more),
        (Some(Piece::Many), Piece::Many) => {}
        (_, piece) => pieces.push(piece),
    }
}

/// The bytes of the `${…}` at the start of `text`, with its braces.
fn variable_length(text: &str) -> Option<usize> {
    text.strip_prefix("${")?.find('}').map(|end| end + 3)
}

fn variable(inside: &str) -> Piece {
    if matches!(inside, "*" | "?" | "$") {
        return Piece::Text(inside.to_owned());
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => {
            let default = default.trim();
            let quoted = default.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
            (key, Some(quoted.unwrap_or(default).to_owned()))
        }
        None => (inside, None),
    };
    let key = key.trim().to_owned();
    Piece::Variable { lower_case_key: key.to_ascii_lowercase(), key, default }
}

fn value_of<'a>(key: &str, default: Option<&'a str>, context: &'a Context) -> Option<&'a str> {
    match context.get(key) {
        Some([value]) => Some(value),
        // A key with several values has no one text.
        Some(_) => None,
        None => default,
    }
}

fn glyphs(pieces: &[Piece], context: &Context) -> Option<Vec<Glyph>> {
    let mut glyphs = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => glyphs.extend(text.chars().map(Glyph::Char)),
            Piece::One => glyphs.push(Glyph::One),
            Piece::Many => glyphs.push(Glyph::Many),
            Piece::Variable { lower_case_key, default, .. } => {
                glyphs.extend(value_of(lower_case_key, default.as_deref(), context)?.chars().map(Glyph::Char));
            }
        }
    }
    Some(glyphs)
}

fn glyphs_match(glyphs: &[Glyph], subject: &str) -> bool {
    let (mut glyph, mut at) = (0, 0);
    // After the last `*`: the glyph that follows it, and where in the subject it is tried.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let next = subject[at..].chars().next();
        match (glyphs.get(glyph), next) {
            (Some(Glyph::Many), _) => {
                glyph += 1;
                retry = Some((glyph, at));
                continue;
            }
            (Some(Glyph::One), Some(character)) => {
                glyph += 1;
                at += character.len_utf8();
                continue;
            }
            (Some(Glyph::Char(wanted)), Some(character)) if *wanted == character => {
                glyph += 1;
                at += character.len_utf8();
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        let Some((after_star, tried)) = retry else { return false };
        let Some(skipped) = subject[tried..].chars().next() else { return false };
        glyph = after_star;
        at = tried + skipped.len_utf8();
        retry = Some((after_star, at));
    }
}

/// A pattern for ARNs: each of the six parts between colons is matched by itself, so a wildcard never reaches over a
/// colon of the first five. Missing parts at the end are `*`; `*` alone matches everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ArnPattern {
    /// `*`
    Everything,
    /// The parts in order.
    Parts(Box<[Pattern; 6]>),
}

impl ArnPattern {
    /// Reads an ARN pattern; colons inside variables do not part.
    pub(super) fn new(text: &str, variables: Variables) -> Self {
        if text == "*" {
            return Self::Everything;
        }
        let mut parts: Vec<&str> = Vec::new();
        let (mut start, mut at) = (0, 0);
        while parts.len() < 5 && at < text.len() {
            match text.as_bytes()[at] {
                b'$' if variables == Variables::Replaced => {
                    at += variable_length(&text[at..]).unwrap_or(1);
                    continue;
                }
                b':' => {
                    parts.push(&text[start..at]);
                    start = at + 1;
                }
                _ => {}
            }
            at += 1;
        }
        parts.push(&text[start..]);
        let part = |index: usize| Pattern::new(parts.get(index).unwrap_or(&"*"), Wildcards::Special, variables);
        Self::Parts(Box::new([part(0), part(1), part(2), part(3), part(4), part(5)]))
    }

    /// Whether the ARN matches. A subject that is no ARN is matched by `*` only.
    pub(super) fn matches(&self, arn: &str, context: &Context) -> bool {
        let Self::Parts(patterns) = self else { return true };
        let mut parts = arn.splitn(6, ':');
        patterns.iter().all(|pattern| parts.next().is_some_and(|part| pattern.matches(part, context)))
    }

    /// As [`Pattern::variable_keys`].
    pub(super) fn variable_keys(&self) -> impl Iterator<Item = &str> {
        let patterns: &[Pattern] = match self {
            Self::Everything => &[],
            Self::Parts(patterns) => patterns.as_slice(),
        };
        patterns.iter().flat_map(Pattern::variable_keys)
    }
}
