//! The control groups of tasks: `/tidegate/<task>/<container>` on version 1, 2 and hybrid hosts.
//!
//! The OCI runtime makes the containers' groups and their limits; this file makes the task's group around them with
//! the task's limits, counts, and takes everything away, knowing nothing but the task's id; `kill` ends what is in them.
//!
//! Every limit of a container is also one of its task's group, which no container sees.

mod kill;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::compute::TaskSpec;
pub(crate) use kill::{KILL_PATIENCE, KillError, LiftedQuota};

use crate::wait;

/// The group of all tasks.
const ROOT: &str = "tidegate";
/// The period of CPU quotas, in microseconds.
const CPU_PERIOD_MICROSECONDS: u64 = 100_000;
/// The most processes a container may have.
pub(crate) const PROCESS_LIMIT: u32 = 16_384;
/// How long a group may stay busy after its last process.
const BUSY_PATIENCE: Duration = Duration::from_secs(2);

/// How this host's control groups are mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cgroups {
    /// Version 2 alone.
    Unified(PathBuf),
    /// Version 1 (and hybrid): controllers of each hierarchy, and where it is.
    Legacy(Vec<(Vec<String>, PathBuf)>),
}

/// What a task may use, all its containers together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskLimits {
    /// In 1/1024 of a CPU.
    pub(crate) cpu_units: Option<u32>,
    pub(crate) memory_mib: Option<u32>,
    pub(crate) processes: u64,
}

/// A limit that cannot be set.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", .path.display())]
pub(crate) struct LimitError {
    path: PathBuf,
    source: io::Error,
}

impl LimitError {
    fn of(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self { path, source }
    }
}

/// One file of a task's group.
struct LimitFile {
    controller: &'static str,
    file: &'static str,
    value: String,
    need: Need,
}

/// What it means when a limit cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// The task must not run without it.
    Must,
    /// Not every kernel has it.
    May,
}

impl TaskLimits {
    /// A task's limits; its processes are as many as its containers may have together.
    pub(crate) fn of(task: &TaskSpec) -> Self {
        let containers = u64::try_from(task.containers.len()).unwrap_or(u64::MAX);
        let processes = u64::from(PROCESS_LIMIT).saturating_mul(containers.max(1));
        Self { cpu_units: task.cpu_units, memory_mib: task.memory_mib, processes }
    }

    /// In the order in which they are to be written.
    fn files(&self, cgroups: &Cgroups) -> Vec<LimitFile> {
        let quota = self.cpu_units.map(|units| u64::from(units) * CPU_PERIOD_MICROSECONDS / 1024);
        let memory = self.memory_mib.map(|mib| (u64::from(mib) << 20).to_string());
        let mut files = Vec::new();
        let mut add = |controller, file, value: Option<String>, need| {
            files.extend(value.map(|value| LimitFile { controller, file, value, need }));
        };
        match cgroups {
            Cgroups::Unified(_) => {
                let quota = quota.map(|quota| format!("{quota} {CPU_PERIOD_MICROSECONDS}"));
                add("cpu", "cpu.max", quota, Need::Must);
                add("memory", "memory.max", memory.clone(), Need::Must);
                add("memory", "memory.swap.max", memory.map(|_| "0".to_owned()), Need::May);
            }
            Cgroups::Legacy(_) => {
                let period = quota.map(|_| CPU_PERIOD_MICROSECONDS.to_string());
                add("cpu", "cpu.cfs_period_us", period, Need::Must);
                add("cpu", "cpu.cfs_quota_us", quota.map(|quota| quota.to_string()), Need::Must);
                add("memory", "memory.limit_in_bytes", memory.clone(), Need::Must);
                // Without swap accounting in the kernel this file does not exist.
                add("memory", "memory.memsw.limit_in_bytes", memory, Need::May);
            }
        }
        add("pids", "pids.max", Some(self.processes.to_string()), Need::Must);
        files
    }
}

/// What a container used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) cpu_nanoseconds: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) memory_peak_bytes: u64,
    pub(crate) memory_limit_bytes: u64,
    pub(crate) processes: u64,
}

impl Cgroups {
    /// Looks at the mounts of this host; `None` when there are no control groups.
    pub fn detect() -> Option<Self> {
        Self::from_mounts(&fs::read_to_string("/proc/self/mounts").ok()?)
    }

    fn from_mounts(mounts: &str) -> Option<Self> {
        let mut legacy = Vec::new();
        for line in mounts.lines() {
            let mut fields = line.split(' ').skip(1);
            let (Some(path), Some(kind), Some(options)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            match kind {
                "cgroup2" if path == "/sys/fs/cgroup" => return Some(Self::Unified(path.into())),
                "cgroup" if path.starts_with("/sys/fs/cgroup/") => {
                    let controllers = options.split(',').map(str::to_owned).collect();
                    legacy.push((controllers, PathBuf::from(path)));
                }
                // A hybrid host's version 2 limits nothing, but some runtimes make groups there too.
                "cgroup2" if path.starts_with("/sys/fs/cgroup/") => legacy.push((Vec::new(), PathBuf::from(path))),
                _ => {}
            }
        }
        (!legacy.is_empty()).then_some(Self::Legacy(legacy))
    }

    /// `v1`, `v2`, for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unified(_) => "v2",
            Self::Legacy(_) => "v1",
        }
    }

    /// The `cgroupsPath` of a container.
    pub(crate) fn path_of(task_id: &str, container: &str) -> String {
        format!("/{ROOT}/{task_id}/{container}")
    }

    /// Makes the task's group with the task's limits.
    pub(crate) fn prepare(&self, task_id: &str, limits: &TaskLimits) -> Result<(), LimitError> {
        if let Self::Unified(root) = self {
            let all = root.join(ROOT);
            let task = all.join(task_id);
            fs::create_dir_all(&task).map_err(LimitError::of(&task))?;
            for group in [root, &all, &task] {
                for controller in ["cpu", "memory", "pids", "cpuset", "io"] {
                    // A controller that this host does not have shows when a limit needs it.
                    let _ = fs::write(group.join("cgroup.subtree_control"), format!("+{controller}"));
                }
            }
        }
        for limit in limits.files(self) {
            let Some(hierarchy) = self.hierarchy(limit.controller) else { continue };
            let group = hierarchy.join(ROOT).join(task_id);
            fs::create_dir_all(&group).map_err(LimitError::of(&group))?;
            let file = group.join(limit.file);
            if let (Err(source), Need::Must) = (fs::write(&file, &limit.value), limit.need) {
                return Err(LimitError { path: file, source });
            }
        }
        Ok(())
    }

    /// Moves this process, a shim, into a group of its own beside the task's: not counted in the task's limits, but what
    /// it makes and has not yet moved into a container is found there by [`Self::kill_task`].
    pub(crate) fn enter_shim_group(&self, task_id: &str) -> io::Result<()> {
        // Of version 1's hierarchies one is enough, if containers are moved in it too.
        let hierarchy = ["pids", "devices", "memory"].iter().find_map(|controller| self.hierarchy(controller));
        let Some(hierarchy) = hierarchy else { return Ok(()) };
        let group = hierarchy.join(ROOT).join(shim_group(task_id));
        let enter = || fs::create_dir_all(&group).and_then(|()| fs::write(group.join("cgroup.procs"), "0"));
        // A server that opens sweeps groups that are empty; then it is made again.
        enter().or_else(|error| if gone(&error) { enter() } else { Err(error) })
    }

    /// Takes away the groups of shims that ended before they began. Groups in use stay, whosever they are.
    pub(crate) fn sweep_shim_groups(&self) {
        for group in self.roots().iter().flat_map(|root| children(&root.join(ROOT)).unwrap_or_default()) {
            if group.extension().is_some_and(|extension| extension == "shim") {
                let _ = fs::remove_dir(group);
            }
        }
    }

    /// How often the kernel ended a process of the container for its memory use.
    pub(crate) fn out_of_memory_kills(&self, task_id: &str, container: &str) -> u64 {
        let file = match self {
            Self::Unified(_) => "memory.events",
            Self::Legacy(_) => "memory.oom_control",
        };
        let Some(group) = self.group("memory", task_id, container) else { return 0 };
        read_field(&group.join(file), "oom_kill").unwrap_or(0)
    }

    /// What the container uses now.
    pub(crate) fn usage(&self, task_id: &str, container: &str) -> Usage {
        let file = |controller: &str, unified: &str, legacy: &str| {
            let name = if matches!(self, Self::Unified(_)) { unified } else { legacy };
            self.group(controller, task_id, container).and_then(|group| read_number(&group.join(name)))
        };
        let cpu_nanoseconds = match self {
            Self::Unified(_) => self
                .group("cpu", task_id, container)
                .and_then(|group| read_field(&group.join("cpu.stat"), "usage_usec"))
                .map(|microseconds| microseconds * 1000),
            Self::Legacy(_) => file("cpuacct", "", "cpuacct.usage"),
        };
        Usage {
            cpu_nanoseconds: cpu_nanoseconds.unwrap_or(0),
            memory_bytes: file("memory", "memory.current", "memory.usage_in_bytes").unwrap_or(0),
            memory_peak_bytes: file("memory", "memory.peak", "memory.max_usage_in_bytes").unwrap_or(0),
            memory_limit_bytes: file("memory", "memory.max", "memory.limit_in_bytes").unwrap_or(0),
            processes: file("pids", "pids.current", "pids.current").unwrap_or(0),
        }
    }

    /// Takes the container's groups away; they must be empty.
    pub(crate) fn remove_container(&self, task_id: &str, container: &str) -> io::Result<()> {
        self.remove_groups(&Path::new(ROOT).join(task_id).join(container))
    }

    /// Takes the task's groups away; they must be empty.
    pub(crate) fn remove_task(&self, task_id: &str) -> io::Result<()> {
        task_groups(task_id).iter().try_for_each(|group| self.remove_groups(group))
    }

    fn remove_groups(&self, relative: &Path) -> io::Result<()> {
        self.roots().iter().try_for_each(|root| remove_tree(&root.join(relative)))
    }

    fn roots(&self) -> Vec<&Path> {
        match self {
            Self::Unified(root) => vec![root],
            Self::Legacy(hierarchies) => hierarchies.iter().map(|(_, path)| path.as_path()).collect(),
        }
    }

    fn hierarchy(&self, controller: &str) -> Option<&Path> {
        match self {
            Self::Unified(root) => Some(root),
            Self::Legacy(hierarchies) => hierarchies
                .iter()
                .find(|(controllers, _)| controllers.iter().any(|name| name == controller))
                .map(|(_, path)| path.as_path()),
        }
    }

    fn group(&self, controller: &str, task_id: &str, container: &str) -> Option<PathBuf> {
        Some(self.hierarchy(controller)?.join(ROOT).join(task_id).join(container))
    }
}

/// The groups of a task: its containers', and its shim's.
fn task_groups(task_id: &str) -> [PathBuf; 2] {
    [Path::new(ROOT).join(shim_group(task_id)), Path::new(ROOT).join(task_id)]
}

fn shim_group(task_id: &str) -> String {
    format!("{task_id}.shim")
}

fn remove_tree(group: &Path) -> io::Result<()> {
    for child in children(group)? {
        remove_tree(&child)?;
    }
    // A group stays busy for a moment after its last process was reaped.
    let busy = || io::Error::new(io::ErrorKind::ResourceBusy, format!("{} stays busy", group.display()));
    wait::until(BUSY_PATIENCE, || match fs::remove_dir(group) {
        Ok(()) => Some(Ok(())),
        Err(error) if gone(&error) => Some(Ok(())),
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => None,
        Err(error) => Some(Err(error)),
    })
    .unwrap_or_else(|| Err(busy()))
}

fn children(group: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(group) {
        Ok(entries) => Ok(entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect()),
        Err(error) if gone(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(nix::libc::ENODEV)
}

fn read_number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The number after `name ` in a file of such lines.
fn read_field(path: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_kinds_of_host_are_told_apart() {
        let unified = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
        assert_eq!(Cgroups::from_mounts(unified), Some(Cgroups::Unified("/sys/fs/cgroup".into())));
        let hybrid = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let Some(legacy @ Cgroups::Legacy(_)) = Cgroups::from_mounts(hybrid) else { panic!("hybrid is version 1") };
        assert_eq!(legacy.hierarchy("cpuacct"), Some(Path::new("/sys/fs/cgroup/cpu,cpuacct")));
        assert_eq!(legacy.hierarchy("memory"), None);
        assert_eq!(Cgroups::from_mounts("proc /proc proc rw 0 0\n"), None);
    }
}
