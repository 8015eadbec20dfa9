//! `WWW-Authenticate`: several challenges in one header or in several, quoted strings, commas everywhere (RFC 9110, 11.6).
//!
//! Lenient where registries are sloppy (unquoted URLs), never by guessing a secret's destination: what cannot be read is
//! dropped, and a pull without a readable challenge fails.

use super::limits;

/// One challenge: `Bearer realm="…",service="…"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    /// The scheme in lower case.
    pub(super) scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// A parameter by its lower case name; the first one if it is repeated.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Every challenge of these header values, in order.
pub(super) fn parse<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    for value in values {
        if value.len() <= limits::CHALLENGE_BYTES {
            Reader { rest: value }.challenges(&mut challenges);
        }
    }
    challenges
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn challenges(&mut self, challenges: &mut Vec<Challenge>) {
        let mut current: Option<Challenge> = None;
        loop {
            self.skip(|byte| matches!(byte, b' ' | b'\t' | b','));
            let name = self.token();
            if name.is_empty() {
                break;
            }
            let spaces = self.skip(is_space);
            if let (Some(challenge), Some(b'=')) = (&mut current, self.rest.first()) {
                self.rest = &self.rest[1..];
                self.skip(is_space);
                let Some(value) = self.value() else { break };
                if challenge.parameters.len() < limits::CHALLENGES {
                    challenge.parameters.push((name.to_ascii_lowercase(), value));
                }
                continue;
            }
            challenges.extend(current.take());
            if challenges.len() >= limits::CHALLENGES {
                return;
            }
            current = Some(Challenge { scheme: name.to_ascii_lowercase(), parameters: Vec::new() });
            if spaces > 0 {
                self.skip_token68();
            } else if !matches!(self.rest.first(), None | Some(b',')) {
                break;
            }
        }
        challenges.extend(current);
    }

    /// `Negotiate abcd==`: base64 in the place of parameters. No scheme that registries use has it, so it is passed over.
    fn skip_token68(&mut self) {
        let body = self.rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte)).count();
        let padding = self.rest[body..].iter().take_while(|byte| **byte == b'=').count();
        let after = self.rest[body + padding..].iter().find(|byte| !is_space(**byte));
        if body > 0 && matches!(after, None | Some(b',')) {
            self.rest = &self.rest[body + padding..];
        }
    }

    fn value(&mut self) -> Option<String> {
        if self.rest.first() != Some(&b'"') {
            let length = self.rest.iter().take_while(|byte| !matches!(**byte, b',' | b' ' | b'\t' | b'"')).count();
            let (value, rest) = self.rest.split_at(length);
            self.rest = rest;
            return text(value.to_vec());
        }
        let mut value = Vec::new();
        let mut bytes = self.rest[1..].iter().enumerate();
        while let Some((index, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.rest = &self.rest[index + 2..];
                    return text(value);
                }
                b'\\' => value.push(*bytes.next()?.1),
                other => value.push(*other),
            }
        }
        None
    }

    fn token(&mut self) -> String {
        let length = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
            .count();
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        String::from_utf8_lossy(token).into_owned()
    }

    fn skip(&mut self, skipped: impl Fn(u8) -> bool) -> usize {
        let length = self.rest.iter().take_while(|byte| skipped(**byte)).count();
        self.rest = &self.rest[length..];
        length
    }
}

fn text(value: Vec<u8>) -> Option<String> {
    String::from_utf8(value).ok().filter(|value| !value.chars().any(char::is_control))
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
