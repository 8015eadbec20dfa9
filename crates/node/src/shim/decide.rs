//! What a shim does next, as a pure function of the plan, what has happened, and the time.
//!
//! Starting follows `dependsOn`, stopping follows it backwards. The function is asked again after everything that
//! happens and when the time it named has come; it remembers nothing.

use domain::compute::{DependencyCondition, Health, RestartPolicy};

use super::plan::ContainerPlan;

/// How far a container is. Times are milliseconds of a clock that never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Not yet started.
    Waiting,
    /// It has a process.
    Running {
        /// Since when.
        since: u64,
        /// The newest result of its health check.
        health: Health,
        /// When it was asked to stop.
        asked_to_stop: Option<u64>,
        /// Whether its end was forced.
        killed: Killed,
    },
    /// It ended with this code.
    Ended(i32),
    /// It never had a process and never will.
    Never,
}

/// Between two blows against a container that does not end, in milliseconds.
const KILL_AGAIN: u64 = 1000;

/// Whether a container's end was forced already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Killed {
    /// Not yet.
    No,
    /// It was, the last time at this moment.
    At(u64),
}

/// Whether the task is going down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// It should run.
    Up,
    /// It should end.
    Down,
}

/// What to do with one container, by its index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Start it.
    Start(usize),
    /// Send its stop signal.
    Ask(usize),
    /// Force its end, also again and again.
    Kill(usize),
    /// It will never start; the text says why, and is absent when the task simply stops first.
    GiveUp(usize, Option<String>),
}

/// The whole decision.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// Where the task goes from here.
    pub(super) direction: Direction,
    /// What to do now.
    pub(super) steps: Vec<Step>,
    /// When to ask again at the latest, even if nothing happens.
    pub(super) wake_at: Option<u64>,
    /// Nothing is left to do, ever.
    pub(super) finished: bool,
}

/// Decides. `progress` has one entry per container of the plan.
pub(super) fn decide(plan: &[ContainerPlan], progress: &[Progress], direction: Direction, now: u64) -> Decision {
    let direction = direction_now(plan, progress, direction);
    let mut decision = Decision { direction, steps: Vec::new(), wake_at: None, finished: false };
    match direction {
        Direction::Up => go_up(plan, progress, now, &mut decision),
        Direction::Down => go_down(plan, progress, now, &mut decision),
    }
    decision.finished = decision.steps.is_empty()
        && progress.iter().all(|progress| matches!(progress, Progress::Ended(_) | Progress::Never));
    decision
}

/// An essential container that ended, or will never start, takes the task down.
fn direction_now(plan: &[ContainerPlan], progress: &[Progress], direction: Direction) -> Direction {
    let essential_gone = plan
        .iter()
        .zip(progress)
        .any(|(plan, progress)| plan.essential && matches!(progress, Progress::Ended(_) | Progress::Never));
    if essential_gone { Direction::Down } else { direction }
}

fn go_up(plan: &[ContainerPlan], progress: &[Progress], now: u64, decision: &mut Decision) {
    for (index, container) in plan.iter().enumerate() {
        if progress[index] != Progress::Waiting {
            continue;
        }
        match readiness(plan, progress, container, now) {
            Readiness::Ready => decision.steps.push(Step::Start(index)),
            Readiness::NotYet(None) => {}
            Readiness::NotYet(Some(at)) => wake(decision, at),
            Readiness::Impossible(why) => {
                decision.steps.push(Step::GiveUp(index, Some(why)));
                decision.direction = Direction::Down;
            }
        }
    }
}

enum Readiness {
    Ready,
    NotYet(Option<u64>),
    Impossible(String),
}

fn readiness(plan: &[ContainerPlan], progress: &[Progress], container: &ContainerPlan, now: u64) -> Readiness {
    let mut wait_until: Option<u64> = None;
    let mut waiting = false;
    for dependency in &container.depends_on {
        let Some(index) = plan.iter().position(|other| other.name == dependency.container) else {
            return Readiness::Impossible(format!("it depends on {}, which is not in the task", dependency.container));
        };
        match (satisfied(dependency.condition, progress[index]), progress[index]) {
            (Satisfied::Yes, _) => {}
            (Satisfied::Never(why), _) => {
                return Readiness::Impossible(format!("{} {why}", dependency.container));
            }
            (Satisfied::NotYet, Progress::Running { since, .. }) => {
                waiting = true;
                let Some(seconds) = plan[index].start_timeout_seconds else { continue };
                let deadline = since + u64::from(seconds) * 1000;
                if now >= deadline {
                    return Readiness::Impossible(format!(
                        "{} did not become {} within its start timeout of {seconds} seconds",
                        dependency.container,
                        word(dependency.condition)
                    ));
                }
                wait_until = Some(wait_until.map_or(deadline, |at| at.min(deadline)));
            }
            (Satisfied::NotYet, _) => waiting = true,
        }
    }
    if waiting { Readiness::NotYet(wait_until) } else { Readiness::Ready }
}

enum Satisfied {
    Yes,
    NotYet,
    Never(&'static str),
}

fn satisfied(condition: DependencyCondition, progress: Progress) -> Satisfied {
    use DependencyCondition as On;
    match (condition, progress) {
        (_, Progress::Waiting) => Satisfied::NotYet,
        (_, Progress::Never) => Satisfied::Never("will never start"),
        (On::Start, _)
        | (On::Complete, Progress::Ended(_))
        | (On::Success, Progress::Ended(0))
        | (On::Healthy, Progress::Running { health: Health::Healthy, .. }) => Satisfied::Yes,
        (On::Success, Progress::Ended(_)) => Satisfied::Never("did not exit with code 0"),
        (On::Healthy, Progress::Ended(_)) => Satisfied::Never("ended before it was healthy"),
        (On::Complete | On::Success | On::Healthy, Progress::Running { .. }) => Satisfied::NotYet,
    }
}

fn word(condition: DependencyCondition) -> &'static str {
    match condition {
        DependencyCondition::Start => "START",
        DependencyCondition::Complete => "COMPLETE",
        DependencyCondition::Success => "SUCCESS",
        DependencyCondition::Healthy => "HEALTHY",
    }
}

fn go_down(plan: &[ContainerPlan], progress: &[Progress], now: u64, decision: &mut Decision) {
    for (index, container) in plan.iter().enumerate() {
        match progress[index] {
            Progress::Waiting => decision.steps.push(Step::GiveUp(index, None)),
            Progress::Running { asked_to_stop: None, .. } => {
                if !others_need(plan, progress, &container.name) {
                    decision.steps.push(Step::Ask(index));
                }
            }
            Progress::Running { asked_to_stop: Some(at), killed: Killed::No, .. } => {
                let deadline = at + u64::from(container.stop_timeout_seconds) * 1000;
                if now >= deadline {
                    decision.steps.push(Step::Kill(index));
                } else {
                    wake(decision, deadline);
                }
            }
            Progress::Running { killed: Killed::At(at), .. } => {
                if now >= at + KILL_AGAIN {
                    decision.steps.push(Step::Kill(index));
                } else {
                    wake(decision, at + KILL_AGAIN);
                }
            }
            Progress::Ended(_) | Progress::Never => {}
        }
    }
}

/// Whether a container that depends on this one still runs.
fn others_need(plan: &[ContainerPlan], progress: &[Progress], name: &str) -> bool {
    plan.iter().zip(progress).any(|(other, progress)| {
        matches!(progress, Progress::Running { .. })
            && other.depends_on.iter().any(|dependency| dependency.container == name)
    })
}

fn wake(decision: &mut Decision, at: u64) {
    decision.wake_at = Some(decision.wake_at.map_or(at, |other| other.min(at)));
}

/// Whether the policy starts a container again that ended with `exit_code` after running since `since`.
pub(super) fn restarts(policy: Option<&RestartPolicy>, direction: Direction, exit_code: i32, ran: u64) -> bool {
    let Some(policy) = policy else { return false };
    direction == Direction::Up
        && !policy.ignored_exit_codes.contains(&exit_code)
        && ran >= u64::from(policy.attempt_period_seconds) * 1000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shim::test_support::container;
    use domain::compute::Dependency;

    fn running(since: u64, health: Health) -> Progress {
        Progress::Running { since, health, asked_to_stop: None, killed: Killed::No }
    }

    fn pair(condition: DependencyCondition) -> Vec<ContainerPlan> {
        let mut first = container("first");
        first.essential = false;
        let mut second = container("second");
        second.depends_on = vec![Dependency { container: "first".into(), condition }];
        vec![first, second]
    }

    #[test]
    fn containers_start_in_dependency_order() {
        use DependencyCondition as On;
        let cases = [
            (On::Start, Progress::Waiting, vec![Step::Start(0)]),
            (On::Start, running(0, Health::Unknown), vec![Step::Start(1)]),
            (On::Complete, running(0, Health::Unknown), vec![]),
            (On::Complete, Progress::Ended(3), vec![Step::Start(1)]),
            (On::Success, Progress::Ended(0), vec![Step::Start(1)]),
            (On::Success, Progress::Ended(3), vec![Step::GiveUp(1, Some("first did not exit with code 0".into()))]),
            (On::Healthy, running(0, Health::Unhealthy), vec![]),
            (On::Healthy, running(0, Health::Healthy), vec![Step::Start(1)]),
            (On::Healthy, Progress::Never, vec![Step::GiveUp(1, Some("first will never start".into()))]),
        ];
        for (condition, first, steps) in cases {
            let decision = decide(&pair(condition), &[first, Progress::Waiting], Direction::Up, 10);
            assert_eq!(decision.steps, steps, "{condition:?} {first:?}");
        }
    }

    #[test]
    fn a_start_timeout_ends_the_wait() {
        let mut plan = pair(DependencyCondition::Healthy);
        plan[0].start_timeout_seconds = Some(5);
        let progress = [running(1000, Health::Unknown), Progress::Waiting];
        let early = decide(&plan, &progress, Direction::Up, 2000);
        assert_eq!((early.steps, early.wake_at), (vec![], Some(6000)));
        let late = decide(&plan, &progress, Direction::Up, 6000);
        assert_eq!(late.direction, Direction::Down);
        assert!(matches!(late.steps[0], Step::GiveUp(1, Some(_))));
    }

    #[test]
    fn stopping_goes_backwards_and_ends_with_a_kill() {
        let plan = pair(DependencyCondition::Start);
        let both = [running(0, Health::Unknown), running(0, Health::Unknown)];
        assert_eq!(decide(&plan, &both, Direction::Down, 5).steps, vec![Step::Ask(1)]);
        let asked = Progress::Running { since: 0, health: Health::Unknown, asked_to_stop: Some(5), killed: Killed::No };
        let waiting = decide(&plan, &[both[0], asked], Direction::Down, 10);
        assert_eq!((waiting.steps, waiting.wake_at), (vec![], Some(30_005)));
        assert_eq!(decide(&plan, &[both[0], asked], Direction::Down, 30_005).steps, vec![Step::Kill(1)]);
        let killed =
            Progress::Running { since: 0, health: Health::Unknown, asked_to_stop: Some(5), killed: Killed::At(40_000) };
        let dying = decide(&plan, &[both[0], killed], Direction::Down, 40_999);
        assert_eq!((dying.steps, dying.wake_at), (vec![], Some(41_000)));
        assert_eq!(decide(&plan, &[both[0], killed], Direction::Down, 41_000).steps, vec![Step::Kill(1)]);
        assert_eq!(decide(&plan, &[both[0], Progress::Ended(143)], Direction::Down, 10).steps, vec![Step::Ask(0)]);
        let end = decide(&plan, &[Progress::Ended(0), Progress::Ended(143)], Direction::Down, 10);
        assert!(end.finished);
    }

    #[test]
    fn the_end_of_an_essential_container_takes_the_task_down() {
        let plan = pair(DependencyCondition::Start);
        let decision = decide(&plan, &[running(0, Health::Unknown), Progress::Ended(0)], Direction::Up, 5);
        assert_eq!((decision.direction, decision.steps), (Direction::Down, vec![Step::Ask(0)]));
        let other = decide(&plan, &[Progress::Ended(0), running(0, Health::Unknown)], Direction::Up, 5);
        assert_eq!((other.direction, other.steps), (Direction::Up, vec![]));
    }

    #[test]
    fn the_restart_policy_is_ecs_s() {
        let policy = RestartPolicy { ignored_exit_codes: vec![0], attempt_period_seconds: 60 };
        assert!(restarts(Some(&policy), Direction::Up, 1, 60_000));
        assert!(!restarts(Some(&policy), Direction::Up, 1, 59_999));
        assert!(!restarts(Some(&policy), Direction::Up, 0, 60_000));
        assert!(!restarts(Some(&policy), Direction::Down, 1, 60_000));
        assert!(!restarts(None, Direction::Up, 1, 60_000));
    }
}
