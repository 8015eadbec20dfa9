//! A token bucket.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Lets a steady rate through, and a burst.
pub(super) struct Bucket {
    per_second: f64,
    burst: f64,
    level: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub(super) fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst, level: Mutex::new((burst, Instant::now())) }
    }

    /// Whether one more may pass now.
    pub(super) fn take(&self) -> bool {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> bool {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(level.1).as_secs_f64();
        level.0 = (level.0 + since * self.per_second).min(self.burst);
        level.1 = now;
        let pass = level.0 >= 1.0;
        if pass {
            level.0 -= 1.0;
        }
        pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_and_then_the_steady_rate() {
        let bucket = Bucket::new(10.0, 3.0);
        let start = Instant::now();
        assert_eq!([0; 4].map(|_| bucket.take_at(start)), [true, true, true, false]);
        assert!(bucket.take_at(start + Duration::from_millis(150)));
        assert!(!bucket.take_at(start + Duration::from_millis(150)));
    }
}
