//! When a secret is due for rotation: the rules of RotateSecret, and the windows they make. Times are UTC.
//!
//! A rule is a number of days, or a schedule: `rate(4 hours)`, `rate(10 days)`, `cron(0 16 1,15 * ? *)`. A window opens
//! at midnight (days), at a full hour (hours) or when the cron expression says, and closes after its duration, or with
//! its day (or hour). Source: the Secrets Manager user guide, "Rotation schedules".

mod cron;

use wire::Timestamp;

use self::cron::Cron;

const HOUR_SECONDS: i64 = 3600;
const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;

/// The rules as a request has them.
#[derive(Clone, Copy, Debug, Default)]
pub struct RotationRules<'a> {
    /// `AutomaticallyAfterDays`: 1 to 1000.
    pub automatically_after_days: Option<i64>,
    /// `Duration` of the window: `3h`.
    pub duration: Option<&'a str>,
    /// `ScheduleExpression`.
    pub schedule_expression: Option<&'a str>,
}

/// Rules that make no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// Neither days nor a schedule.
    #[error("You must specify either AutomaticallyAfterDays or ScheduleExpression in RotationRules.")]
    Empty,
    /// Both.
    #[error("You can't specify both AutomaticallyAfterDays and ScheduleExpression in RotationRules.")]
    Both,
    /// Days out of bounds.
    #[error("RotationRules.AutomaticallyAfterDays must be within 1-1000.")]
    Days,
    /// Not a schedule that rotation knows.
    #[error(
        "The ScheduleExpression {0} is not valid. Use rate(N hours), 4 hours or more, rate(N days), or \
         cron(0 hours day-of-month month day-of-week *)."
    )]
    Schedule(String),
    /// Not a duration, or one that reaches into the next day or window.
    #[error(
        "The Duration {0} is not valid. Use whole hours, as 3h, that end before the next window and the next UTC day."
    )]
    Duration(String),
}

/// A schedule of rotations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    every: Every,
    window_seconds: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Every {
    Days(i64),
    Hours(i64),
    Cron(Cron),
}

/// When a rotation is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From here on.
    pub opens: Timestamp,
    /// On or before this: `NextRotationDate`.
    pub closes: Timestamp,
}

impl Rotation {
    /// Reads the rules.
    ///
    /// # Errors
    /// [`RotationError`].
    pub fn parse(rules: RotationRules<'_>) -> Result<Self, RotationError> {
        let every = match (rules.automatically_after_days, rules.schedule_expression) {
            (None, None) => return Err(RotationError::Empty),
            (Some(_), Some(_)) => return Err(RotationError::Both),
            (Some(days), None) if (1..=1000).contains(&days) => Every::Days(days),
            (Some(_), None) => return Err(RotationError::Days),
            (None, Some(expression)) => {
                schedule(expression).ok_or_else(|| RotationError::Schedule(expression.to_owned()))?
            }
        };
        let window_seconds = match rules.duration {
            None => None,
            Some(duration) => {
                let hours = duration.strip_suffix('h').and_then(|hours| hours.parse::<i64>().ok());
                let longest = every.longest_window_hours();
                let hours = hours.filter(|hours| (1..=longest).contains(hours));
                Some(hours.ok_or_else(|| RotationError::Duration(duration.to_owned()))? * HOUR_SECONDS)
            }
        };
        Ok(Self { every, window_seconds })
    }

    /// The next window after this time, which is that of the last rotation. `None` for a cron expression that names no
    /// day of the next years.
    pub fn next_window(&self, after: Timestamp) -> Option<Window> {
        let after = after.seconds();
        let day = after.div_euclid(DAY_SECONDS) * DAY_SECONDS;
        let opens = match &self.every {
            Every::Days(days) => day + days * DAY_SECONDS,
            Every::Hours(hours) => after.div_euclid(HOUR_SECONDS) * HOUR_SECONDS + hours * HOUR_SECONDS,
            Every::Cron(cron) => cron.next(after)?,
        };
        let end_of_day = opens.div_euclid(DAY_SECONDS) * DAY_SECONDS + DAY_SECONDS - 1;
        let closes = match self.window_seconds {
            Some(seconds) => end_of_day.min(opens + seconds),
            None if self.every.is_in_hours() => opens + HOUR_SECONDS,
            None => end_of_day,
        };
        Some(Window { opens: Timestamp::from_seconds(opens), closes: Timestamp::from_seconds(closes) })
    }
}

impl Every {
    fn is_in_hours(&self) -> bool {
        match self {
            Self::Days(_) => false,
            Self::Hours(_) => true,
            Self::Cron(cron) => cron.is_in_hours(),
        }
    }

    fn longest_window_hours(&self) -> i64 {
        match self {
            Self::Days(_) => 24,
            Self::Hours(hours) => (*hours).min(24),
            Self::Cron(cron) => cron.longest_window_hours(),
        }
    }
}

fn schedule(expression: &str) -> Option<Every> {
    if let Some(rate) = inside(expression, "rate") {
        let (number, unit) = rate.split_once(' ')?;
        let number: i64 = number.parse().ok()?;
        return match unit.trim() {
            "hour" | "hours" if (4..=999).contains(&number) => Some(Every::Hours(number)),
            "day" | "days" if (1..=999).contains(&number) => Some(Every::Days(number)),
            _ => None,
        };
    }
    Cron::parse(inside(expression, "cron")?).map(Every::Cron)
}

/// The text between `name(` and `)`.
fn inside<'a>(expression: &'a str, name: &str) -> Option<&'a str> {
    expression.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(
        days: Option<i64>,
        duration: Option<&'static str>,
        schedule: Option<&'static str>,
    ) -> RotationRules<'static> {
        RotationRules { automatically_after_days: days, duration, schedule_expression: schedule }
    }

    #[test]
    fn rules_that_make_no_schedule() {
        for (rules, expected) in [
            (rules(None, None, None), RotationError::Empty),
            (rules(Some(1), None, Some("rate(1 day)")), RotationError::Both),
            (rules(Some(0), None, None), RotationError::Days),
            (rules(Some(1001), None, None), RotationError::Days),
            (rules(Some(1), Some("25h"), None), RotationError::Duration("25h".into())),
            (rules(Some(1), Some("0h"), None), RotationError::Duration("0h".into())),
            (rules(None, Some("5h"), Some("rate(4 hours)")), RotationError::Duration("5h".into())),
            (rules(None, Some("9h"), Some("cron(0 16 * * ? *)")), RotationError::Duration("9h".into())),
        ] {
            assert_eq!(Rotation::parse(rules), Err(expected), "{rules:?}");
        }
        for expression in [
            "",
            "rate(3 hours)",
            "rate(10)",
            "rate(ten days)",
            "rate(5 minutes)",
            "cron(5 16 * * ? *)",
            "cron(0 24 * * ? *)",
            "cron(0 1 * * * *)",
            "cron(0 1 ? * ? *)",
            "cron(0 1 1 13 ? *)",
            "cron(0 1 1 1 ? 2030)",
            "cron(0 1 1 1 ?)",
            "cron(0 1 ? * 8 *)",
            "cron(0 1 32 * ? *)",
            "cron(0 */0 * * ? *)",
            "cron(0 5-2 * * ? *)",
        ] {
            let error = Rotation::parse(rules(None, None, Some(expression))).expect_err(expression);
            assert_eq!(error, RotationError::Schedule(expression.into()));
        }
    }

    #[test]
    fn the_next_window() {
        for (rules, after, opens, closes) in [
            (rules(Some(10), None, None), "2026-01-25T13:00:00Z", "2026-02-04T00:00:00Z", "2026-02-04T23:59:59Z"),
            (rules(Some(1), Some("3h"), None), "2026-01-25T13:00:00Z", "2026-01-26T00:00:00Z", "2026-01-26T03:00:00Z"),
            (
                rules(None, None, Some("rate(4 hours)")),
                "2026-01-25T13:30:00Z",
                "2026-01-25T17:00:00Z",
                "2026-01-25T18:00:00Z",
            ),
            (
                rules(None, None, Some("rate(2 days)")),
                "2026-01-25T13:30:00Z",
                "2026-01-27T00:00:00Z",
                "2026-01-27T23:59:59Z",
            ),
            (
                rules(None, Some("2h"), Some("cron(0 16 1,15 * ? *)")),
                "2026-01-15T16:00:00Z",
                "2026-02-01T16:00:00Z",
                "2026-02-01T18:00:00Z",
            ),
            (
                rules(None, None, Some("cron(0 */8 * * ? *)")),
                "2026-01-15T16:00:01Z",
                "2026-01-16T00:00:00Z",
                "2026-01-16T01:00:00Z",
            ),
            (
                rules(None, None, Some("cron(0 9 ? * MON-FRI *)")),
                "2026-01-16T09:00:00Z",
                "2026-01-19T09:00:00Z",
                "2026-01-19T23:59:59Z",
            ),
            (
                rules(None, None, Some("cron(0 0 ? 1/3 SUN#1 *)")),
                "2026-01-16T09:00:00Z",
                "2026-04-05T00:00:00Z",
                "2026-04-05T23:59:59Z",
            ),
            (
                rules(None, None, Some("cron(0 0 L * ? *)")),
                "2026-02-01T00:00:00Z",
                "2026-02-28T00:00:00Z",
                "2026-02-28T23:59:59Z",
            ),
            (
                rules(None, None, Some("cron(0 0 29 FEB ? *)")),
                "2026-02-01T00:00:00Z",
                "2028-02-29T00:00:00Z",
                "2028-02-29T23:59:59Z",
            ),
            (
                rules(None, None, Some("cron(0 18 ? * 1L *)")),
                "2026-01-01T00:00:00Z",
                "2026-01-25T18:00:00Z",
                "2026-01-25T23:59:59Z",
            ),
        ] {
            let time = |text| Timestamp::from_rfc3339(text).expect("a time");
            let rotation = Rotation::parse(rules).expect("rules");
            let expected = Window { opens: time(opens), closes: time(closes) };
            assert_eq!(rotation.next_window(time(after)), Some(expected), "{rules:?}");
        }
        let never = Rotation::parse(rules(None, None, Some("cron(0 0 30 2 ? *)"))).expect("rules");
        assert_eq!(never.next_window(Timestamp::from_seconds(0)), None);
    }
}
