//! Ending everything in a group, whatever it does against it.
//!
//! SIGKILL alone is not enough: a group that is frozen never takes it, a quota of CPU can starve thousands of dying
//! processes for minutes, and a fork bomb makes children faster than they are found. So each blow first takes the right to
//! fork and lifts the quota, then signals everything (version 2 does that in one write), then thaws. Blows are repeated until
//! nothing is left or the patience has run out, and then what is left is named.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Cgroups, ROOT, children, gone, task_groups};
use crate::wait;

/// How long processes may take to vanish after SIGKILL before somebody is told.
pub(crate) const KILL_PATIENCE: Duration = Duration::from_secs(20);
/// The most survivors that are named.
const NAMED: usize = 5;

/// Why a group does not end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KillError {
    /// The group cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
    /// SIGKILL was sent again and again, and these processes are still there.
    #[error("{} processes survive SIGKILL for {} s: {}", .0.len(), KILL_PATIENCE.as_secs(), names(.0))]
    Survivors(Vec<i32>),
}

/// A task's quota of CPU while it is lifted; it is set again when this is dropped, if the group is still there.
pub(crate) struct LiftedQuota {
    file: PathBuf,
    quota: String,
}

impl Drop for LiftedQuota {
    fn drop(&mut self) {
        // A group that is gone needs none.
        let _ = fs::write(&self.file, &self.quota);
    }
}

impl Cgroups {
    /// Ends everything in the container's group and waits until nothing is left.
    pub(crate) fn kill_container(&self, task_id: &str, container: &str) -> Result<(), KillError> {
        let _quota = self.lift_quota(task_id);
        wait_for_end(|| self.strike_container(task_id, container))
    }

    /// Ends everything in the task's groups, its shim included, and waits until nothing is left.
    pub(crate) fn kill_task(&self, task_id: &str) -> Result<(), KillError> {
        let _quota = self.lift_quota(task_id);
        wait_for_end(|| self.strike(&task_groups(task_id)))
    }

    /// One blow against the container: answers who was still there, and does not wait.
    pub(crate) fn strike_container(&self, task_id: &str, container: &str) -> Result<Vec<i32>, KillError> {
        let task = Path::new(ROOT).join(task_id);
        let struck = self.strike(&[task.join(container)]);
        // A group stays frozen as long as one above it is.
        self.thaw(&[task]);
        struck
    }

    /// Lets the task use all of the machine, so that it can end; `None` when it has no quota.
    pub(crate) fn lift_quota(&self, task_id: &str) -> Option<LiftedQuota> {
        let (name, unlimited) = match self {
            Self::Unified(_) => ("cpu.max", "max"),
            Self::Legacy(_) => ("cpu.cfs_quota_us", "-1"),
        };
        let file = self.hierarchy("cpu")?.join(ROOT).join(task_id).join(name);
        let quota = fs::read_to_string(&file).ok()?.trim().to_owned();
        if quota.starts_with(unlimited) {
            return None;
        }
        fs::write(&file, unlimited).ok()?;
        Some(LiftedQuota { file, quota })
    }

    fn strike(&self, relative: &[PathBuf]) -> Result<Vec<i32>, KillError> {
        if let Some(hierarchy) = self.hierarchy("pids") {
            for group in relative {
                each_group(&hierarchy.join(group), &|group| {
                    // Without the controller there is no such file.
                    let _ = fs::write(group.join("pids.max"), "0");
                });
            }
        }
        let mut struck = Vec::new();
        for root in self.roots() {
            for group in relative {
                let group = root.join(group);
                // Linux 5.14; SIGKILL to each does the same more slowly.
                let _ = fs::write(group.join("cgroup.kill"), "1");
                signal_all(&group, &mut struck)?;
            }
        }
        self.thaw(relative);
        struck.sort_unstable();
        struck.dedup();
        Ok(struck)
    }

    /// Thaws groups and all beneath them.
    fn thaw(&self, relative: &[PathBuf]) {
        let Some(hierarchy) = self.hierarchy("freezer") else { return };
        let (file, thawed) = match self {
            Self::Unified(_) => ("cgroup.freeze", "0"),
            Self::Legacy(_) => ("freezer.state", "THAWED"),
        };
        for group in relative {
            each_group(&hierarchy.join(group), &|group| {
                // A group that was just taken away needs nothing.
                let _ = fs::write(group.join(file), thawed);
            });
        }
    }
}

fn wait_for_end(strike: impl Fn() -> Result<Vec<i32>, KillError>) -> Result<(), KillError> {
    let mut struck = Vec::new();
    let ended = wait::until(KILL_PATIENCE, || match strike() {
        Ok(processes) if processes.is_empty() => Some(Ok(())),
        Ok(processes) => {
            struck = processes;
            None
        }
        Err(error) => Some(Err(error)),
    });
    ended.unwrap_or(Err(KillError::Survivors(struck)))
}

/// Does something to a group, then to all beneath it.
fn each_group(group: &Path, deed: &dyn Fn(&Path)) {
    deed(group);
    for child in children(group).unwrap_or_default() {
        each_group(&child, deed);
    }
}

/// Sends SIGKILL to whatever is in a group and beneath it, and writes down to whom.
fn signal_all(group: &Path, struck: &mut Vec<i32>) -> Result<(), KillError> {
    let read = |path: &Path| {
        let path = path.to_owned();
        |source| KillError::Read { path, source }
    };
    for child in children(group).map_err(read(group))? {
        signal_all(&child, struck)?;
    }
    let path = group.join("cgroup.procs");
    let members = match fs::read_to_string(&path) {
        Ok(members) => members,
        Err(error) if gone(&error) => return Ok(()),
        Err(error) => return Err(read(&path)(error)),
    };
    for pid in members.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|pid| *pid > 0) {
        struck.push(pid);
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    Ok(())
}

/// `4711 (sleep, state D), …`, of processes that may vanish while they are named.
pub(crate) fn names(processes: &[i32]) -> String {
    let name = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let told = stat.rsplit_once(") ").and_then(|(before, after)| {
            let (_, name) = before.split_once('(')?;
            Some(format!("{pid} ({name}, state {})", after.get(..1)?))
        });
        told.unwrap_or_else(|| pid.to_string())
    };
    let mut text: Vec<String> = processes.iter().take(NAMED).map(name).collect();
    if processes.len() > NAMED {
        text.push("…".to_owned());
    }
    text.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_survives_is_named() {
        let own = i32::try_from(std::process::id()).expect("a process id");
        assert!(names(&[own]).starts_with(&format!("{own} (")), "{}", names(&[own]));
        assert!(names(&[own]).contains(", state "));
        assert_eq!(names(&[i32::MAX]), i32::MAX.to_string());
        assert!(names(&[i32::MAX; 6]).ends_with(", …"));
        let error = KillError::Survivors(vec![i32::MAX]);
        assert_eq!(error.to_string(), "1 processes survive SIGKILL for 20 s: 2147483647");
    }
}
