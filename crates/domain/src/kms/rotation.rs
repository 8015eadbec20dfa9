//! Automatic rotation: after each period a key gets new material; the old ones stay and go on decrypting.

use serde::{Deserialize, Serialize};
use wire::Timestamp;

const DAY_SECONDS: i64 = 24 * 3600;

/// The rotation schedule of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Between rotations, in days.
    pub period_days: i32,
    /// When the next one is due.
    pub next_at: Timestamp,
}

impl Rotation {
    /// The period when none is said, in days.
    pub const DEFAULT_PERIOD_DAYS: i32 = 365;

    /// A schedule that begins now.
    pub fn starting(now: Timestamp, period_days: Option<i32>) -> Self {
        let period_days = period_days.unwrap_or(Self::DEFAULT_PERIOD_DAYS);
        Self { period_days, next_at: now.plus_seconds(i64::from(period_days) * DAY_SECONDS) }
    }

    /// The schedule after the rotation that is due at `now`; `None` when none is due. Periods that passed while the
    /// server was off make one rotation, not many.
    #[must_use]
    pub fn after_due(self, now: Timestamp) -> Option<Self> {
        (self.next_at <= now).then(|| Self::starting(now, Some(self.period_days)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_is_due_when_its_period_has_passed() {
        let begin = Timestamp::from_seconds(1_000);
        let rotation = Rotation::starting(begin, Some(90));
        assert_eq!(rotation.after_due(begin.plus_seconds(90 * DAY_SECONDS - 1)), None);
        let late = begin.plus_seconds(400 * DAY_SECONDS);
        let next = rotation.after_due(late).expect("due");
        assert_eq!(next.next_at, late.plus_seconds(90 * DAY_SECONDS));
        assert_eq!(Rotation::starting(begin, None).period_days, 365);
    }
}
