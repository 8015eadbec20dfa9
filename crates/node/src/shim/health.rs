//! A container's health check as a small state machine: when to check, and what a result means.
//!
//! Running the check is the supervisor's; time comes in as milliseconds of a clock that never goes back.

use domain::compute::{Health, HealthCheck};

/// The checks of one run of a container.
#[derive(Clone, Debug)]
pub(super) struct Checks {
    check: HealthCheck,
    started_at: u64,
    next_at: u64,
    failures: u32,
    health: Health,
}

/// How one check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CheckResult {
    /// The command ended with 0.
    Passed,
    /// It ended otherwise, took too long, or could not begin.
    Failed,
}

impl CheckResult {
    /// By the code the command ended with.
    pub(super) fn of(exit_code: i32) -> Self {
        if exit_code == 0 { Self::Passed } else { Self::Failed }
    }
}

impl Checks {
    pub(super) fn new(check: HealthCheck, now: u64) -> Self {
        let next_at = now + u64::from(check.interval_seconds) * 1000;
        Self { check, started_at: now, next_at, failures: 0, health: Health::Unknown }
    }

    /// When the next check is due.
    pub(super) fn next_at(&self) -> u64 {
        self.next_at
    }

    /// How long a check may take, in milliseconds.
    pub(super) fn timeout(&self) -> u64 {
        u64::from(self.check.timeout_seconds) * 1000
    }

    /// The command to execute in the container.
    pub(super) fn command(&self) -> Vec<String> {
        match self.check.command.split_first() {
            Some((kind, rest)) if kind == "CMD-SHELL" => {
                ["/bin/sh".to_owned(), "-c".to_owned()].into_iter().chain(rest.iter().cloned()).collect()
            }
            Some((kind, rest)) if kind == "CMD" => rest.to_vec(),
            _ => ["/bin/sh".to_owned(), "-c".to_owned(), self.check.command.join(" ")].to_vec(),
        }
    }

    /// Takes a result in; answers the health when it changed.
    pub(super) fn result(&mut self, result: CheckResult, now: u64) -> Option<Health> {
        self.next_at = now + u64::from(self.check.interval_seconds) * 1000;
        let before = self.health;
        if result == CheckResult::Passed {
            self.failures = 0;
            self.health = Health::Healthy;
        } else {
            let grace_until = self.started_at + u64::from(self.check.start_period_seconds) * 1000;
            let in_grace = self.health == Health::Unknown && now < grace_until;
            if !in_grace {
                self.failures += 1;
            }
            if self.failures >= self.check.retries {
                self.health = Health::Unhealthy;
            }
        }
        (self.health != before).then_some(self.health)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(start_period_seconds: u32) -> Checks {
        let command = vec!["CMD-SHELL".into(), "true".into()];
        Checks::new(
            HealthCheck { command, interval_seconds: 10, timeout_seconds: 2, retries: 2, start_period_seconds },
            0,
        )
    }

    #[test]
    fn failures_in_a_row_make_it_unhealthy_and_one_success_heals() {
        let mut checks = checks(0);
        assert_eq!(checks.next_at(), 10_000);
        assert_eq!(checks.result(CheckResult::Failed, 10_000), None);
        assert_eq!(checks.result(CheckResult::Passed, 20_000), Some(Health::Healthy));
        assert_eq!(checks.result(CheckResult::Failed, 30_000), None);
        assert_eq!(checks.result(CheckResult::Failed, 40_000), Some(Health::Unhealthy));
        assert_eq!(checks.result(CheckResult::Passed, 50_000), Some(Health::Healthy));
        assert_eq!(checks.next_at(), 60_000);
    }

    #[test]
    fn the_start_period_forgives_until_the_first_success() {
        let mut checks = checks(100);
        for at in [10_000, 20_000, 30_000] {
            assert_eq!(checks.result(CheckResult::Failed, at), None);
        }
        assert_eq!(checks.result(CheckResult::Passed, 40_000), Some(Health::Healthy));
        assert_eq!(checks.result(CheckResult::Failed, 50_000), None);
        assert_eq!(checks.result(CheckResult::Failed, 60_000), Some(Health::Unhealthy));
    }

    #[test]
    fn commands_are_read_as_ecs_reads_them() {
        let mut checks = checks(0);
        assert_eq!(checks.command(), ["/bin/sh", "-c", "true"]);
        checks.check.command = vec!["CMD".into(), "curl".into(), "-f".into()];
        assert_eq!(checks.command(), ["curl", "-f"]);
        checks.check.command = vec!["curl".into(), "-f".into()];
        assert_eq!(checks.command(), ["/bin/sh", "-c", "curl -f"]);
    }
}
