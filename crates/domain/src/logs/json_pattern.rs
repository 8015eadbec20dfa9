//! JSON filter patterns: `{ ($.user.id = 1) && ($.code = "4*" || $.tags[0] IS NULL) }`.
//!
//! Comparisons with numbers and strings (`*` stands for any text), `IS NULL`, `IS TRUE`, `IS FALSE`, `NOT EXISTS`,
//! joined with `&&` and `||` and grouped with parentheses. A regular expression is written between `%`.

use regex_lite::Regex;
use serde_json::Value;

use super::pattern::quoted_text;

/// How deep parentheses may be nested.
const DEPTH: usize = 32;

#[derive(Clone, Debug)]
pub(super) struct JsonPattern {
    expression: Expression,
}

#[derive(Clone, Debug)]
enum Expression {
    Any(Vec<Expression>),
    All(Vec<Expression>),
    Compare { path: Vec<Step>, operator: Operator, operand: Operand },
    Is { path: Vec<Step>, value: Value },
    NotExists { path: Vec<Step> },
}

#[derive(Clone, Debug)]
enum Step {
    Name(String),
    Index(usize),
    AnyIndex,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug)]
enum Operand {
    Number(f64),
    Text(String),
    Regex(Regex),
}

impl JsonPattern {
    /// Reads a pattern with its braces.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let inner = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .ok_or("a JSON pattern begins with { and ends with }")?;
        let mut reader = Reader { rest: inner };
        let expression = reader.any(0)?;
        if reader.peek().is_some() {
            return Err(format!("'{}' was not expected", reader.rest));
        }
        Ok(Self { expression })
    }

    pub(super) fn matches(&self, value: &Value) -> bool {
        holds(&self.expression, value)
    }
}

fn holds(expression: &Expression, value: &Value) -> bool {
    match expression {
        Expression::Any(parts) => parts.iter().any(|part| holds(part, value)),
        Expression::All(parts) => parts.iter().all(|part| holds(part, value)),
        Expression::NotExists { path } => select(value, path).is_empty(),
        Expression::Is { path, value: wanted } => select(value, path).contains(&wanted),
        Expression::Compare { path, operator, operand } => {
            select(value, path).iter().any(|found| compare(found, *operator, operand))
        }
    }
}

fn select<'a>(value: &'a Value, path: &[Step]) -> Vec<&'a Value> {
    let mut found = vec![value];
    for step in path {
        found = found
            .into_iter()
            .flat_map(|value| match (step, value) {
                (Step::Name(name), Value::Object(fields)) => fields.get(name).into_iter().collect::<Vec<_>>(),
                (Step::Index(index), Value::Array(items)) => items.get(*index).into_iter().collect(),
                (Step::AnyIndex, Value::Array(items)) => items.iter().collect(),
                _ => Vec::new(),
            })
            .collect();
    }
    found
}

fn compare(found: &Value, operator: Operator, operand: &Operand) -> bool {
    let equal = operator == Operator::Equal;
    match operand {
        Operand::Number(wanted) => found.as_f64().is_some_and(|number| match operator {
            Operator::Equal => number.total_cmp(wanted).is_eq(),
            Operator::NotEqual => number.total_cmp(wanted).is_ne(),
            Operator::Less => number < *wanted,
            Operator::LessOrEqual => number <= *wanted,
            Operator::Greater => number > *wanted,
            Operator::GreaterOrEqual => number >= *wanted,
        }),
        Operand::Text(wanted) => text_of(found).is_some_and(|text| wildcard(wanted, &text) == equal),
        Operand::Regex(regex) => text_of(found).is_some_and(|text| regex.is_match(&text) == equal),
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether the text is the pattern, in which `*` stands for any text.
fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, text: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn any(&mut self, depth: usize) -> Result<Expression, String> {
        let mut parts = vec![self.all(depth)?];
        while self.take("||") {
            parts.push(self.all(depth)?);
        }
        Ok(Expression::Any(parts))
    }

    fn all(&mut self, depth: usize) -> Result<Expression, String> {
        let mut parts = vec![self.one(depth)?];
        while self.take("&&") {
            parts.push(self.one(depth)?);
        }
        Ok(Expression::All(parts))
    }

    fn one(&mut self, depth: usize) -> Result<Expression, String> {
        if depth > DEPTH {
            return Err("parentheses are nested too deeply".into());
        }
        if self.take("(") {
            let inner = self.any(depth + 1)?;
            return if self.take(")") { Ok(inner) } else { Err("a parenthesis is not closed".into()) };
        }
        let path = self.path()?;
        if self.take("NOT") && self.take("EXISTS") {
            return Ok(Expression::NotExists { path });
        }
        if self.take("IS") {
            for (word, value) in [("NULL", Value::Null), ("TRUE", true.into()), ("FALSE", false.into())] {
                if self.take(word) {
                    return Ok(Expression::Is { path, value });
                }
            }
            return Err("after IS stands NULL, TRUE or FALSE".into());
        }
        let operator = self.operator()?;
        let operand = self.operand()?;
        let ordered = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if ordered && !matches!(operand, Operand::Number(_)) {
            return Err("only numbers can be compared with <, <=, > and >=".into());
        }
        Ok(Expression::Compare { path, operator, operand })
    }

    /// `$.name.name[0]['name']`.
    fn path(&mut self) -> Result<Vec<Step>, String> {
        if !self.take("$") {
            return Err(format!("a selector beginning with $ was expected at '{}'", self.rest));
        }
        let mut path = Vec::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix('.') {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(rest.len());
                if end == 0 {
                    return Err("a name is missing after a dot".into());
                }
                path.push(Step::Name(rest[..end].to_owned()));
                self.rest = &rest[end..];
            } else if let Some(rest) = self.rest.strip_prefix('[') {
                let (inside, after) = rest.split_once(']').ok_or("a bracket is not closed")?;
                let inside = inside.trim();
                path.push(match inside {
                    "*" => Step::AnyIndex,
                    _ => match inside.strip_prefix(['\'', '"']).and_then(|name| name.strip_suffix(['\'', '"'])) {
                        Some(name) => Step::Name(name.to_owned()),
                        None => Step::Index(inside.parse().map_err(|_| format!("'{inside}' is not an index"))?),
                    },
                });
                self.rest = after;
            } else {
                return Ok(path);
            }
        }
    }

    fn operator(&mut self) -> Result<Operator, String> {
        for (text, operator) in [
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ] {
            if self.take(text) {
                return Ok(operator);
            }
        }
        Err(format!("a comparison was expected at '{}'", self.rest))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        if self.take("\"") {
            let (text, after) = quoted_text(self.rest).ok_or("a quotation mark is not closed")?;
            self.rest = after;
            return Ok(Operand::Text(text));
        }
        if self.take("%") {
            let (expression, after) = self.rest.split_once('%').ok_or("a regular expression is not closed")?;
            self.rest = after;
            return Regex::new(expression).map(Operand::Regex).map_err(|error| error.to_string());
        }
        self.rest = self.rest.trim_start();
        let end =
            self.rest.find(|c: char| c.is_whitespace() || matches!(c, ')' | '&' | '|')).unwrap_or(self.rest.len());
        let (word, after) = self.rest.split_at(end);
        if word.is_empty() {
            return Err("a value to compare with is missing".into());
        }
        self.rest = after;
        Ok(match word.parse::<f64>() {
            Ok(number) if number.is_finite() => Operand::Number(number),
            _ => Operand::Text(word.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_patterns_let_through_what_they_should() {
        let message = serde_json::json!({
            "user": {"id": 7, "name": "alice"}, "code": "404", "tags": ["a", {"k": "v"}], "ok": true, "none": null
        });
        for (pattern, wanted) in [
            (r#"{ $.user.name = "alice" }"#, true),
            (r#"{$.user.name = "al*e"}"#, true),
            (r#"{$.user.name != "alice"}"#, false),
            ("{ $.user.id = 7 }", true),
            ("{ $.user.id >= 7.5 }", false),
            ("{ $.code = 404 }", false),
            ("{ $.code = 4* }", true),
            (r#"{ $.tags[0] = "a" }"#, true),
            (r#"{ $.tags[*].k = "v" }"#, true),
            (r#"{ $.tags[9] = "a" }"#, false),
            ("{ $.ok IS TRUE }", true),
            ("{ $.none IS NULL }", true),
            ("{ $.missing IS NULL }", false),
            ("{ $.missing NOT EXISTS }", true),
            (r#"{ ($.user.id = 8) || ($.code = "404" && $.ok IS TRUE) }"#, true),
            (r#"{ $.user.id = 8 || $.code = "405" }"#, false),
            ("{ $.code = %^4% }", true),
        ] {
            let parsed = JsonPattern::parse(pattern).expect("a pattern");
            assert_eq!(parsed.matches(&message), wanted, "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in ["{", "{}", "{ a = 1 }", "{ $.a }", "{ $.a = }", "{ ($.a = 1 }", "{ $.a < \"x\" }", "{ $.a = 1 } x"]
        {
            assert!(JsonPattern::parse(bad).is_err(), "{bad}");
        }
        assert!(JsonPattern::parse(&format!("{{{}", "(".repeat(500))).is_err());
    }

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, wanted) in [
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "acb", false),
            ("*", "", true),
            ("a*b*c", "axxbyc", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(wildcard(pattern, text), wanted, "{pattern} {text}");
        }
    }
}
