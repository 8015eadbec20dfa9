//! The filter patterns of FilterLogEvents: terms, phrases, exclusions, alternatives, regular expressions and JSON.
//!
//! A term is found anywhere in the message, in the case it was written. Patterns for space-delimited events (`[a, b]`)
//! are not served and refused by name.

use regex_lite::Regex;
use serde_json::Value;

use super::json_pattern::JsonPattern;

/// The longest pattern, in characters.
const PATTERN_CHARACTERS: usize = 1024;

/// A filter pattern, ready to be asked.
#[derive(Clone, Debug)]
pub struct Pattern {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Everything,
    Terms { all: Vec<Term>, none: Vec<Term> },
    AnyOf(Vec<Term>),
    Json(JsonPattern),
}

#[derive(Clone, Debug)]
enum Term {
    Text(String),
    Regex(Regex),
}

/// Why a pattern cannot be used. The text is the message of the InvalidParameterException.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It does not follow the grammar.
    #[error("Invalid filter pattern: {0}")]
    Invalid(String),
    /// CloudWatch Logs knows this form, this server does not.
    #[error("Filter patterns for space-delimited log events ([a, b, ...]) are not served here")]
    SpaceDelimited,
}

impl Pattern {
    /// Reads a pattern. An empty one lets everything through.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        if text.chars().count() > PATTERN_CHARACTERS {
            return Err(PatternError::Invalid(format!("it is longer than {PATTERN_CHARACTERS} characters")));
        }
        let kind = match text.chars().next() {
            None => Kind::Everything,
            Some('[') => return Err(PatternError::SpaceDelimited),
            Some('{') => Kind::Json(JsonPattern::parse(text).map_err(PatternError::Invalid)?),
            Some(_) => terms(text)?,
        };
        Ok(Self { kind })
    }

    /// Whether the pattern lets this message through.
    pub fn matches(&self, message: &str) -> bool {
        match &self.kind {
            Kind::Everything => true,
            Kind::Terms { all, none } => {
                all.iter().all(|term| term.is_in(message)) && !none.iter().any(|term| term.is_in(message))
            }
            Kind::AnyOf(terms) => terms.iter().any(|term| term.is_in(message)),
            Kind::Json(pattern) => match serde_json::from_str::<Value>(message) {
                Ok(value @ Value::Object(_)) => pattern.matches(&value),
                _ => false,
            },
        }
    }
}

impl Term {
    fn is_in(&self, message: &str) -> bool {
        match self {
            Self::Text(text) => message.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(message),
        }
    }
}

/// `a "b c" -d ?e ?f`. Alternatives count only when there is nothing else, as in CloudWatch Logs.
fn terms(text: &str) -> Result<Kind, PatternError> {
    let (mut all, mut none, mut any) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let list = match first {
            '-' => &mut none,
            '?' => &mut any,
            _ => &mut all,
        };
        if matches!(first, '-' | '?') {
            rest = &rest[1..];
        }
        let (term, after) = term(rest)?;
        list.push(term);
        rest = after.trim_start();
    }
    Ok(if all.is_empty() && none.is_empty() { Kind::AnyOf(any) } else { Kind::Terms { all, none } })
}

/// One term at the beginning of the text, and what follows it.
fn term(text: &str) -> Result<(Term, &str), PatternError> {
    let invalid = |reason: &str| PatternError::Invalid(format!("{reason} at '{text}'"));
    if let Some(quoted) = text.strip_prefix('"') {
        let (phrase, after) = quoted_text(quoted).ok_or_else(|| invalid("a quotation mark is not closed"))?;
        return Ok((Term::Text(phrase), after));
    }
    if let Some(expression) = text.strip_prefix('%') {
        let (expression, after) =
            expression.split_once('%').ok_or_else(|| invalid("a regular expression is not closed"))?;
        let regex = Regex::new(expression).map_err(|error| PatternError::Invalid(error.to_string()))?;
        return Ok((Term::Regex(regex), after));
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    if word.is_empty() {
        return Err(invalid("a term is missing"));
    }
    Ok((Term::Text(word.to_owned()), after))
}

/// Text up to the closing quotation mark (`\"` stands for one), and what follows.
pub(super) fn quoted_text(text: &str) -> Option<(String, &str)> {
    let mut phrase = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((phrase, &text[index + 1..])),
            '\\' => phrase.push(characters.next()?.1),
            other => phrase.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_let_through_what_they_should() {
        for (pattern, message, wanted) in [
            ("", "anything", true),
            ("TERM", "got TERM", true),
            ("TERM", "got term", false),
            ("ERROR 401", "[ERROR 401] no", true),
            ("ERROR 401", "[ERROR 402] no", false),
            ("\"no entry\" ERROR", "ERROR: no entry here", true),
            ("\"no entry\" ERROR", "ERROR: no such entry", false),
            ("ERROR -EXITING", "ERROR then EXITING", false),
            ("ERROR -EXITING", "ERROR", true),
            ("-\"has gone\"", "it has gone", false),
            ("?ERROR ?WARN", "a WARN", true),
            ("?ERROR ?WARN", "an INFO", false),
            ("?WARN ERROR", "an ERROR", true),
            ("%4[0-9]{2}%", "status 404", true),
            ("%4[0-9]{2}%", "status 504", false),
            (r#""say \"hi\"""#, r#"they say "hi""#, true),
        ] {
            let parsed = Pattern::parse(pattern).expect("a pattern");
            assert_eq!(parsed.matches(message), wanted, "{pattern} on {message}");
        }
    }

    #[test]
    fn what_is_not_served_says_so() {
        assert_eq!(Pattern::parse("[ip, user]").expect_err("refused"), PatternError::SpaceDelimited);
        assert!(Pattern::parse("\"open").is_err());
        assert!(Pattern::parse("%(%").is_err());
        assert!(Pattern::parse("-").is_err());
        assert!(Pattern::parse(&"x".repeat(1025)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in ".*", message in ".*") {
            if let Ok(pattern) = Pattern::parse(&text) {
                let _ = pattern.matches(&message);
            }
        }

        #[test]
        fn no_json_pattern_breaks_the_reader(text in r#"\{[ $.a-z0-9\[\]()&|=!<>"*NOTEXISULRF]{0,40}\}"#) {
            if let Ok(pattern) = Pattern::parse(&text) {
                let _ = pattern.matches(r#"{"a":[1,{"b":"c"}]}"#);
            }
        }
    }
}
