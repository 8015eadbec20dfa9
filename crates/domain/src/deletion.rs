//! How long a key or a secret that is deleted can still be had back: KMS and Secrets Manager have the same rule.

/// The waiting time before it is gone, in days: 7 to 30, 30 when not said. `None` when it is out of bounds.
pub fn window_days(asked: Option<i64>) -> Option<i64> {
    let days = asked.unwrap_or(30);
    (7..=30).contains(&days).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_seven_to_thirty_days() {
        let windows = [None, Some(6), Some(7), Some(30), Some(31)].map(window_days);
        assert_eq!(windows, [Some(30), None, Some(7), Some(30), None]);
    }
}
