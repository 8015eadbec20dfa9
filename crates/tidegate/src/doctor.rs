//! `tidegate doctor`: what this machine has of what tasks need, and what to install for the rest.
//!
//! It looks and never changes anything.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::output::{Style, say};

/// One thing that was looked at.
struct Check {
    name: &'static str,
    result: Finding,
}

enum Finding {
    Good(String),
    /// Tasks run without it, but something is missed.
    Hint(String),
    /// Without it no task runs.
    Bad(String),
}

/// Prints the checks; fails when something is missing that tasks need.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let style = Style::of_output();
    let checks = [
        ("root", root()),
        ("cgroups", cgroups()),
        ("overlay", overlay()),
        ("ip", program("ip", "iproute2")),
        ("nftables", program("nft", "nftables")),
        ("forwarding", forwarding()),
        ("resolver", resolver()),
        ("runtime", runtime()),
        ("demo", demo()),
    ]
    .map(|(name, result)| Check { name, result });
    for Check { name, result } in &checks {
        let (mark, text) = match result {
            Finding::Good(text) => (style.good("✓"), text),
            Finding::Hint(text) => (style.hint("!"), text),
            Finding::Bad(text) => (style.bad("✗"), text),
        };
        say(format!("{mark} {name:<11} {text}"))?;
    }
    let missing = checks.iter().filter(|check| matches!(check.result, Finding::Bad(_))).count();
    if missing == 0 {
        say("This machine can run tasks.")?;
        return Ok(ExitCode::SUCCESS);
    }
    say(format!("{missing} of {} checks failed: tasks cannot run here yet.", checks.len()))?;
    Ok(ExitCode::FAILURE)
}

fn root() -> Finding {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or_default();
    if field("Uid:").split_whitespace().nth(1) != Some("0") {
        return Finding::Bad("run it as root: namespaces, mounts and cgroups need it".into());
    }
    let capabilities = u64::from_str_radix(field("CapEff:"), 16).unwrap_or_default();
    let has = |bit: u32| capabilities & (1 << bit) != 0;
    if !has(21) || !has(12) {
        return Finding::Bad("CAP_SYS_ADMIN or CAP_NET_ADMIN is missing; give the container or unit these".into());
    }
    if !has(24) {
        return Finding::Hint("root without CAP_SYS_RESOURCE: limits above the host's own are lowered to it".into());
    }
    Finding::Good("root with all it takes".into())
}

fn cgroups() -> Finding {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let has = |kind: &str| mounts.lines().any(|line| line.split(' ').nth(2) == Some(kind));
    let controllers = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
    if !controllers.is_empty() {
        let lacking: Vec<_> =
            ["cpu", "memory", "pids"].into_iter().filter(|name| !controllers.contains(name)).collect();
        if lacking.is_empty() {
            return Finding::Good("version 2".into());
        }
        return Finding::Bad(format!("version 2 without the controllers {}", lacking.join(", ")));
    }
    match (has("cgroup"), has("cgroup2")) {
        (true, true) => Finding::Good("version 1 (hybrid)".into()),
        (true, false) => Finding::Good("version 1".into()),
        _ => Finding::Bad("no control groups are mounted under /sys/fs/cgroup".into()),
    }
}

fn overlay() -> Finding {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if known.lines().any(|line| line.trim_start_matches("nodev").trim() == "overlay") {
        return Finding::Good("the kernel has overlay file systems".into());
    }
    Finding::Bad("the kernel has no overlay file systems yet; try: modprobe overlay".into())
}

fn program(name: &'static str, package: &str) -> Finding {
    match find_program(name) {
        Some(path) => Finding::Good(path),
        None => Finding::Bad(format!("the program {name} is missing; install it with: apt install {package}")),
    }
}

fn forwarding() -> Finding {
    match fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap_or_default().trim() {
        "1" => Finding::Good("IPv4 packets are forwarded".into()),
        "0" => Finding::Good("IPv4 forwarding is off; tidegate serve turns it on".into()),
        _ => Finding::Bad("/proc/sys/net/ipv4/ip_forward cannot be read".into()),
    }
}

fn resolver() -> Finding {
    let text = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let servers: Vec<&str> =
        text.lines().filter_map(|line| line.trim().strip_prefix("nameserver")).map(str::trim).collect();
    if servers.is_empty() {
        return Finding::Hint("/etc/resolv.conf names no name server, so tasks resolve no names".into());
    }
    Finding::Good(format!("name servers {}", servers.join(", ")))
}

fn runtime() -> Finding {
    let others: Vec<&str> = ["crun", "runc", "runsc"].into_iter().filter(|name| find_program(name).is_some()).collect();
    if others.is_empty() {
        return Finding::Good("built in".into());
    }
    Finding::Good(format!("built in; --runtime can also name {}", others.join(", ")))
}

fn demo() -> Finding {
    let wanted = [("docker-registry", "docker-registry"), ("htpasswd", "apache2-utils"), ("busybox", "busybox-static")];
    let lacking: Vec<_> =
        wanted.into_iter().filter(|(name, _)| find_program(name).is_none()).map(|(_, package)| package).collect();
    if lacking.is_empty() {
        return Finding::Good("tidegate demo has what it needs".into());
    }
    Finding::Hint(format!("for tidegate demo: apt install {}", lacking.join(" ")))
}

/// Where a program lies; some of them are in directories that are not in everyone's PATH.
fn find_program(name: &str) -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let directories = path.split(':').chain(["/usr/sbin", "/sbin"]).filter(|directory| !directory.is_empty());
    let found = directories.map(|directory| Path::new(directory).join(name)).find(|path| path.is_file())?;
    Some(found.display().to_string())
}
