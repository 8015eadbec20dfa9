//! Resource limits of a container's processes: what ECS on Fargate gives, as far as this host lets us give it.
//!
//! Without CAP_SYS_RESOURCE nobody may raise a hard limit. Then the limit is clamped to what this process has, and said
//! so once, instead of refusing every task.

use std::sync::Once;

use nix::sys::resource::{Resource, getrlimit};

/// Fargate's limit of open files.
const OPEN_FILES: u64 = 65_535;

/// One limit as the OCI spec names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) name: String,
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

/// The limits of a container with these `ulimits` of its definition.
pub(crate) fn limits(ulimits: &[(String, u64, u64)]) -> Vec<Limit> {
    let mut wanted = vec![("nofile".to_owned(), OPEN_FILES, OPEN_FILES)];
    for ulimit in ulimits {
        wanted.retain(|(name, ..)| *name != ulimit.0);
        wanted.push(ulimit.clone());
    }
    let may_raise = may_raise_limits();
    wanted
        .into_iter()
        .filter_map(|(name, soft, hard)| {
            let resource = resource(&name)?;
            let (soft, hard) = if may_raise { (soft, hard) } else { clamp(&name, resource, soft, hard) };
            Some(Limit { name: format!("RLIMIT_{}", name.to_uppercase()), soft, hard })
        })
        .collect()
}

fn clamp(name: &str, resource: Resource, soft: u64, hard: u64) -> (u64, u64) {
    static SAID: Once = Once::new();
    let Ok((_, permitted)) = getrlimit(resource) else { return (soft, hard) };
    if hard > permitted {
        SAID.call_once(|| {
            tracing::warn!(
                "this host does not let Tidegate raise limits (no CAP_SYS_RESOURCE): {name} is {permitted} instead of {hard}"
            );
        });
    }
    (soft.min(permitted), hard.min(permitted))
}

/// Whether this process may raise hard limits.
pub(crate) fn may_raise_limits() -> bool {
    const CAP_SYS_RESOURCE: u64 = 24;
    effective_capabilities() & (1 << CAP_SYS_RESOURCE) != 0
}

/// The least `oom_score_adj` that what this process starts may have: its own where it may not lower it, so that a
/// container is never harder to kill than the server.
pub(crate) fn least_oom_score() -> i32 {
    if may_raise_limits() {
        return 0;
    }
    let own = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap_or_default();
    own.trim().parse().unwrap_or(0)
}

/// This process's effective capabilities as a bit set.
pub(crate) fn effective_capabilities() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hexadecimal| u64::from_str_radix(hexadecimal.trim(), 16).ok())
        .unwrap_or(0)
}

/// The `ulimits` names of ECS.
fn resource(name: &str) -> Option<Resource> {
    Some(match name {
        "core" => Resource::RLIMIT_CORE,
        "cpu" => Resource::RLIMIT_CPU,
        "data" => Resource::RLIMIT_DATA,
        "fsize" => Resource::RLIMIT_FSIZE,
        "locks" => Resource::RLIMIT_LOCKS,
        "memlock" => Resource::RLIMIT_MEMLOCK,
        "msgqueue" => Resource::RLIMIT_MSGQUEUE,
        "nice" => Resource::RLIMIT_NICE,
        "nofile" => Resource::RLIMIT_NOFILE,
        "nproc" => Resource::RLIMIT_NPROC,
        "rss" => Resource::RLIMIT_RSS,
        "rtprio" => Resource::RLIMIT_RTPRIO,
        "rttime" => Resource::RLIMIT_RTTIME,
        "sigpending" => Resource::RLIMIT_SIGPENDING,
        "stack" => Resource::RLIMIT_STACK,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_s_limit_replaces_the_default() {
        let limits = limits(&[("nofile".into(), 10, 20), ("nproc".into(), 5, 6), ("unknown".into(), 1, 1)]);
        assert_eq!(
            limits,
            vec![
                Limit { name: "RLIMIT_NOFILE".into(), soft: 10, hard: 20 },
                Limit { name: "RLIMIT_NPROC".into(), soft: 5, hard: 6 },
            ]
        );
    }
}
