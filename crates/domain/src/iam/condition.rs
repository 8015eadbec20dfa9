//! Condition operators.
//!
//! Within a condition block everything is ANDed, the values of one key are ORed. A key that the request does not have
//! makes a condition false, except for negated operators, `…IfExists` and `ForAllValues:`.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

use super::context::Context;
use super::pattern::{ArnPattern, Pattern, Variables, Wildcards};

/// One operator with one key: `"StringLike": {"aws:PrincipalArn": […]}`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    /// The operator as written.
    pub(super) operator: String,
    /// The key as written.
    pub(super) key: String,
    /// The values as written.
    pub(super) written: Vec<String>,
    pub(super) lower_case_key: String,
    quantifier: Quantifier,
    negated: bool,
    if_exists: bool,
    test: Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    One,
    All,
    Any,
}

/// The values of the policy, ready to compare. What cannot be read as its operator's type matches nothing.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    Text(Vec<Pattern>),
    TextIgnoringCase(Vec<Pattern>),
    Number(Order, Vec<f64>),
    Date(Order, Vec<i64>),
    Bool(Vec<bool>),
    Binary(Vec<Vec<u8>>),
    Address(Vec<IpNet>),
    Arn(Vec<ArnPattern>),
    Null(Vec<bool>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// Why a condition cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConditionError {
    /// There is no such operator.
    Operator,
    /// A date is none.
    Date,
}

impl Condition {
    /// Reads an operator, a key and its values.
    pub(super) fn new(
        operator: &str,
        key: &str,
        values: Vec<String>,
        variables: Variables,
    ) -> Result<Self, ConditionError> {
        let (quantifier, name) = match operator.split_once(':') {
            Some(("ForAllValues", name)) => (Quantifier::All, name),
            Some(("ForAnyValue", name)) => (Quantifier::Any, name),
            Some(_) => return Err(ConditionError::Operator),
            None => (Quantifier::One, operator),
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some(name) if name != "Null" => (name, true),
            Some(_) => return Err(ConditionError::Operator),
            None => (name, false),
        };
        let (test, negated) = test_of(name, &values, variables)?;
        Ok(Self {
            operator: operator.to_owned(),
            key: key.to_owned(),
            written: values,
            lower_case_key: key.to_ascii_lowercase(),
            quantifier,
            negated,
            if_exists,
            test,
        })
    }

    /// Whether the request fulfils it.
    pub(super) fn holds(&self, context: &Context) -> bool {
        let values = context.get(&self.lower_case_key);
        if let Test::Null(wanted) = &self.test {
            return wanted.contains(&values.is_none());
        }
        let Some(values) = values else {
            return self.if_exists
                || match self.quantifier {
                    Quantifier::One => self.negated,
                    Quantifier::All => true,
                    Quantifier::Any => false,
                };
        };
        let matches = |value: &String| self.test.matches(value, context);
        match self.quantifier {
            Quantifier::One => values.iter().any(matches) != self.negated,
            Quantifier::All => values.iter().all(|value| matches(value) != self.negated),
            Quantifier::Any => values.iter().any(|value| matches(value) != self.negated),
        }
    }

    /// The keys, as written, that it needs: its own, and those of its variables.
    pub(super) fn keys(&self) -> Vec<&str> {
        let mut keys = vec![self.key.as_str()];
        match &self.test {
            Test::Text(patterns) | Test::TextIgnoringCase(patterns) => {
                keys.extend(patterns.iter().flat_map(Pattern::variable_keys));
            }
            Test::Arn(patterns) => keys.extend(patterns.iter().flat_map(ArnPattern::variable_keys)),
            _ => {}
        }
        keys
    }
}

impl Test {
    fn matches(&self, value: &str, context: &Context) -> bool {
        match self {
            Self::Text(patterns) => patterns.iter().any(|pattern| pattern.matches(value, context)),
            Self::TextIgnoringCase(patterns) => {
                let value = value.to_lowercase();
                patterns.iter().any(|pattern| pattern.text(context).is_some_and(|text| text.to_lowercase() == value))
            }
            Self::Number(order, wanted) => {
                value.trim().parse::<f64>().is_ok_and(|value| wanted.iter().any(|wanted| order.holds(&value, wanted)))
            }
            Self::Date(order, wanted) => {
                date(value).is_some_and(|value| wanted.iter().any(|wanted| order.holds(&value, wanted)))
            }
            Self::Bool(wanted) => boolean(value).is_some_and(|value| wanted.contains(&value)),
            Self::Binary(wanted) => STANDARD.decode(value).is_ok_and(|value| wanted.contains(&value)),
            Self::Address(networks) => value
                .parse::<IpAddr>()
                .is_ok_and(|address| networks.iter().any(|network| network.contains(&address.to_canonical()))),
            Self::Arn(patterns) => patterns.iter().any(|pattern| pattern.matches(value, context)),
            Self::Null(_) => false,
        }
    }
}

/// The test of an operator's bare name, and whether it is the negated one.
fn test_of(name: &str, values: &[String], variables: Variables) -> Result<(Test, bool), ConditionError> {
    let patterns = |wildcards| values.iter().map(|value| Pattern::new(value, wildcards, variables)).collect::<Vec<_>>();
    let numbers = |order| Test::Number(order, values.iter().filter_map(|value| value.trim().parse().ok()).collect());
    let dates = |order| {
        let dates: Option<Vec<i64>> = values.iter().map(|value| date(value)).collect();
        dates.map(|dates| Test::Date(order, dates)).ok_or(ConditionError::Date)
    };
    let booleans = || values.iter().filter_map(|value| boolean(value)).collect::<Vec<_>>();
    Ok(match name {
        "StringEquals" => (Test::Text(patterns(Wildcards::Literal)), false),
        "StringNotEquals" => (Test::Text(patterns(Wildcards::Literal)), true),
        "StringEqualsIgnoreCase" => (Test::TextIgnoringCase(patterns(Wildcards::Literal)), false),
        "StringNotEqualsIgnoreCase" => (Test::TextIgnoringCase(patterns(Wildcards::Literal)), true),
        "StringLike" => (Test::Text(patterns(Wildcards::Special)), false),
        "StringNotLike" => (Test::Text(patterns(Wildcards::Special)), true),
        "NumericEquals" => (numbers(Order::Equal), false),
        "NumericNotEquals" => (numbers(Order::Equal), true),
        "NumericLessThan" => (numbers(Order::Less), false),
        "NumericLessThanEquals" => (numbers(Order::LessOrEqual), false),
        "NumericGreaterThan" => (numbers(Order::Greater), false),
        "NumericGreaterThanEquals" => (numbers(Order::GreaterOrEqual), false),
        "DateEquals" => (dates(Order::Equal)?, false),
        "DateNotEquals" => (dates(Order::Equal)?, true),
        "DateLessThan" => (dates(Order::Less)?, false),
        "DateLessThanEquals" => (dates(Order::LessOrEqual)?, false),
        "DateGreaterThan" => (dates(Order::Greater)?, false),
        "DateGreaterThanEquals" => (dates(Order::GreaterOrEqual)?, false),
        "Bool" => (Test::Bool(booleans()), false),
        "BinaryEquals" => {
            (Test::Binary(values.iter().filter_map(|value| STANDARD.decode(value).ok()).collect()), false)
        }
        "IpAddress" => (Test::Address(values.iter().filter_map(|value| network(value)).collect()), false),
        "NotIpAddress" => (Test::Address(values.iter().filter_map(|value| network(value)).collect()), true),
        "ArnEquals" | "ArnLike" => {
            (Test::Arn(values.iter().map(|value| ArnPattern::new(value, variables)).collect()), false)
        }
        "ArnNotEquals" | "ArnNotLike" => {
            (Test::Arn(values.iter().map(|value| ArnPattern::new(value, variables)).collect()), true)
        }
        "Null" => (Test::Null(booleans()), false),
        _ => return Err(ConditionError::Operator),
    })
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// A date in the forms of W3C's profile of ISO 8601, or seconds since the epoch; in milliseconds since the epoch.
fn date(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>()
        && (text.len() != 4 || seconds < 0)
    {
        return seconds.checked_mul(1000);
    }
    let (day, clock) = match text.split_once(['T', 't']) {
        Some((day, clock)) => (day, Some(clock)),
        None => (text, None),
    };
    let mut numbers = day.splitn(3, '-').map(digits);
    let year = i32::try_from(numbers.next()??).ok()?;
    let month = numbers.next().unwrap_or(Some(1))?;
    let day = numbers.next().unwrap_or(Some(1))?;
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
    let (time, offset) = clock.map_or(Some((Time::MIDNIGHT, UtcOffset::UTC)), clock_and_offset)?;
    let at = OffsetDateTime::new_in_offset(date, time, offset);
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}

fn clock_and_offset(text: &str) -> Option<(Time, UtcOffset)> {
    let (clock, offset) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => (&text[..at], &text[at..]),
        None => (text, "Z"),
    };
    let offset = if offset.eq_ignore_ascii_case("z") {
        UtcOffset::UTC
    } else {
        let (hours, minutes) = offset[1..].split_once(':').unwrap_or((&offset[1..], "0"));
        let minutes = i32::try_from(digits(hours)?.checked_mul(60)?.checked_add(digits(minutes)?)?).ok()?;
        let sign = if offset.starts_with('-') { -1 } else { 1 };
        UtcOffset::from_whole_seconds(minutes.checked_mul(sign * 60)?).ok()?
    };
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut numbers = whole.splitn(3, ':').map(|text| digits(text).and_then(|number| u8::try_from(number).ok()));
    let hour = numbers.next()??;
    let minute = numbers.next().unwrap_or(Some(0))?;
    let second = numbers.next().unwrap_or(Some(0))?;
    let fraction = format!("{fraction:0<3.3}");
    let millisecond = u16::try_from(digits(&fraction)?).ok()?;
    Some((Time::from_hms_milli(hour, minute, second, millisecond).ok()?, offset))
}

/// A number of decimal digits only, at most nine.
fn digits(text: &str) -> Option<u32> {
    let valid = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_in_all_their_forms() {
        for (text, seconds) in [
            ("2013-06-30T00:00:00Z", Some(1_372_550_400)),
            ("2013-06-30", Some(1_372_550_400)),
            ("2013-06-30T02:00+02:00", Some(1_372_550_400)),
            ("2013-06-29T22:00:00-02:00", Some(1_372_550_400)),
            ("2013-06", Some(1_370_044_800)),
            ("2013", Some(1_356_998_400)),
            ("1372550400", Some(1_372_550_400)),
            ("0", Some(0)),
            ("2013-13-01", None),
            ("2013-02-30", None),
            ("2013-06-30T25:00:00Z", None),
            ("2013-06-30T00:00+999999999:00", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(date(text), seconds.map(|seconds: i64| seconds * 1000), "{text}");
        }
        assert_eq!(date("2013-06-30T00:00:00.25Z"), Some(1_372_550_400_250));
    }
}
