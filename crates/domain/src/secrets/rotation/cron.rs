//! The cron expressions of rotation schedules: `minutes hours day-of-month month day-of-week year`. The minutes are 0 and
//! the year is `*`, because AWS rotates at full hours of every year; one of the two days is `?`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

const HOUR_SECONDS: i64 = 3600;
const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;
/// How far ahead a day is searched: the longest time between two 29ths of February, and a little.
const SEARCH_DAYS: i64 = 8 * 366;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    hours: BTreeSet<u32>,
    months: BTreeSet<u32>,
    days: Days,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    /// Days of the month.
    OfMonth(BTreeSet<u32>),
    /// The last day of the month: `L`.
    Last,
    /// Days of the week, 1 is Sunday.
    OfWeek(BTreeSet<u32>),
    /// The n-th such day of the week in the month: `2#1`.
    NthOfWeek { weekday: u32, nth: u32 },
    /// The last such day of the week in the month: `2L`.
    LastOfWeek(u32),
}

impl Cron {
    /// Reads the six fields.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let ["0", hours, of_month, months, of_week, "*"] = fields[..] else { return None };
        let days = match (of_month, of_week) {
            (_, "?") => match of_month {
                "?" => return None,
                "L" => Days::Last,
                _ => Days::OfMonth(values(of_month, 1..=31, &[])?),
            },
            ("?", _) => weekdays(of_week)?,
            _ => return None,
        };
        // `/8` is `*/8`.
        let hours = if hours.starts_with('/') { format!("*{hours}") } else { hours.to_owned() };
        Some(Self { hours: values(&hours, 0..=23, &[])?, months: values(months, 1..=12, &MONTHS)?, days })
    }

    /// Whether it names several hours of a day.
    pub(super) fn is_in_hours(&self) -> bool {
        self.hours.len() > 1
    }

    /// The hours from a window's begin to the next window or the day's end, whichever comes first.
    pub(super) fn longest_window_hours(&self) -> i64 {
        let ends = self.hours.iter().skip(1).chain([&24]);
        self.hours.iter().zip(ends).map(|(begin, end)| i64::from(end - begin)).min().unwrap_or_default()
    }

    /// The first time after this one, in seconds since 1970.
    pub(super) fn next(&self, after: i64) -> Option<i64> {
        let first = after.div_euclid(DAY_SECONDS);
        (first..first + SEARCH_DAYS)
            .filter(|day| self.names(*day))
            .flat_map(|day| self.hours.iter().map(move |hour| day * DAY_SECONDS + i64::from(*hour) * HOUR_SECONDS))
            .find(|time| *time > after)
    }

    /// Whether it names this day, counted from 1970-01-01.
    fn names(&self, day: i64) -> bool {
        let (year, month, of_month) = date(day);
        // 1970-01-01 was a Thursday.
        let weekday = u32::try_from((day + 4).rem_euclid(7)).unwrap_or_default() + 1;
        let is_in_last_week = of_month + 7 > days_of(year, month);
        self.months.contains(&month)
            && match &self.days {
                Days::OfMonth(days) => days.contains(&of_month),
                Days::Last => of_month == days_of(year, month),
                Days::OfWeek(days) => days.contains(&weekday),
                Days::NthOfWeek { weekday: wanted, nth } => weekday == *wanted && (of_month - 1) / 7 + 1 == *nth,
                Days::LastOfWeek(wanted) => weekday == *wanted && is_in_last_week,
            }
    }
}

fn weekdays(text: &str) -> Option<Days> {
    let one = |text: &str| value(text, &(1..=7), &WEEKDAYS);
    if let Some((weekday, nth)) = text.split_once('#') {
        let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth))?;
        return Some(Days::NthOfWeek { weekday: one(weekday)?, nth });
    }
    match text.strip_suffix('L') {
        Some("") => Some(Days::OfWeek(BTreeSet::from([7]))),
        Some(weekday) => Some(Days::LastOfWeek(one(weekday)?)),
        None => Some(Days::OfWeek(values(text, 1..=7, &WEEKDAYS)?)),
    }
}

/// `*`, `a`, `a-b`, `a/step`, `*/step`, and lists of these.
fn values(text: &str, bounds: RangeInclusive<u32>, names: &[&str]) -> Option<BTreeSet<u32>> {
    let mut all = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (*bounds.start(), *bounds.end()),
            Some((first, last)) => (value(first, &bounds, names)?, value(last, &bounds, names)?),
            None => {
                let first = value(range, &bounds, names)?;
                (first, if part.contains('/') { *bounds.end() } else { first })
            }
        };
        if first > last {
            return None;
        }
        all.extend((first..=last).step_by(step));
    }
    Some(all)
}

fn value(text: &str, bounds: &RangeInclusive<u32>, names: &[&str]) -> Option<u32> {
    let by_name = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    by_name
        .and_then(|at| u32::try_from(at + 1).ok())
        .or_else(|| text.parse().ok())
        .filter(|value| bounds.contains(value))
}

/// Year, month and day of the month of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`).
fn date(day: i64) -> (i64, u32, u32) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u32::try_from(month).unwrap_or_default(), u32::try_from(of_month).unwrap_or_default())
}

fn days_of(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}
