//! Which events of a PutLogEvents call are taken, and which calls are refused as a whole.

/// The most events in one call.
pub const BATCH_EVENTS: usize = 10_000;
/// The most bytes in one call, each event counted with [`EVENT_OVERHEAD_BYTES`].
pub const BATCH_BYTES: usize = 1_048_576;
/// What every event costs beside its message.
pub const EVENT_OVERHEAD_BYTES: usize = 26;

const HOUR: i64 = 3600 * 1000;
const DAY: i64 = 24 * HOUR;
const OLDEST: i64 = 14 * DAY;
const NEWEST: i64 = 2 * HOUR;

/// Which events of a batch are taken. They are sorted, so each kind of refusal is one range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// The first taken event.
    pub first: usize,
    /// After the last taken event.
    pub end: usize,
    /// After the last event older than 14 days.
    pub too_old_end: Option<usize>,
    /// After the last event older than the group's retention.
    pub expired_end: Option<usize>,
    /// The first event more than two hours in the future.
    pub too_new_start: Option<usize>,
}

/// Decides on a batch of (time in milliseconds, bytes of the message).
///
/// # Errors
/// The message of the InvalidParameterException when the batch is refused as a whole.
pub fn examine(events: &[(i64, usize)], now: i64, retention_days: Option<u32>) -> Result<Taken, String> {
    let bytes: usize = events.iter().map(|(_, bytes)| bytes + EVENT_OVERHEAD_BYTES).sum();
    if bytes > BATCH_BYTES {
        return Err(format!("Upload too large: {bytes} bytes exceeds limit of {BATCH_BYTES}"));
    }
    if events.is_sorted_by_key(|(time, _)| *time) {
        if let (Some((first, _)), Some((last, _))) = (events.first(), events.last())
            && last.saturating_sub(*first) > DAY
        {
            let message = "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.";
            return Err(message.to_owned());
        }
    } else {
        return Err("Log events in a single PutLogEvents request must be in chronological order.".to_owned());
    }
    let before = |limit: i64| events.partition_point(|(time, _)| *time < limit);
    let too_old = before(now - OLDEST);
    let expired = retention_days.map_or(0, |days| before(now - i64::from(days) * DAY));
    let end = events.partition_point(|(time, _)| *time <= now + NEWEST);
    let some = |index: usize| (index > 0).then_some(index);
    Ok(Taken {
        first: too_old.max(expired).min(end),
        end,
        too_old_end: some(too_old),
        expired_end: some(expired),
        too_new_start: (end < events.len()).then_some(end),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_440_000_000;

    #[test]
    fn good_events_are_all_taken() {
        let taken = examine(&[(NOW - 5, 3), (NOW, 3)], NOW, Some(1));
        assert_eq!(taken, Ok(Taken { first: 0, end: 2, ..Taken::default() }));
    }

    #[test]
    fn old_and_future_events_are_told() {
        let old = examine(&[(NOW - 16 * DAY, 1), (NOW - OLDEST, 1)], NOW, None);
        assert_eq!(
            old,
            Err("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.".into())
        );
        let old = examine(&[(NOW - OLDEST - 1, 1), (NOW - OLDEST, 1)], NOW, None);
        assert_eq!(old, Ok(Taken { first: 1, end: 2, too_old_end: Some(1), ..Taken::default() }));
        let new = examine(&[(NOW, 1), (NOW + NEWEST, 1), (NOW + NEWEST + 1, 1)], NOW, None);
        assert_eq!(new, Ok(Taken { first: 0, end: 2, too_new_start: Some(2), ..Taken::default() }));
        let expired = examine(&[(NOW - DAY - 1, 1), (NOW - 5, 1)], NOW, Some(1));
        assert_eq!(expired, Ok(Taken { first: 1, end: 2, expired_end: Some(1), ..Taken::default() }));
    }

    #[test]
    fn batches_are_refused_in_the_words_of_the_service() {
        assert_eq!(
            examine(&[(NOW, 1), (NOW - 1, 1)], NOW, None),
            Err("Log events in a single PutLogEvents request must be in chronological order.".into())
        );
        assert_eq!(
            examine(&[(NOW, BATCH_BYTES - 25)], NOW, None),
            Err("Upload too large: 1048577 bytes exceeds limit of 1048576".into())
        );
        assert!(examine(&[(NOW, BATCH_BYTES - 26)], NOW, None).is_ok());
    }
}
