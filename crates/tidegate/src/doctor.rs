//! `tidegate doctor`: what this machine has of what tasks need, and what to install for the rest.
//!
//! It looks and never changes anything.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use control::seal::RootKey;
use ipnet::Ipv4Net;

use crate::output::{Style, say};
use crate::root_key::VARIABLE;

/// What a look at one thing found.
enum Finding {
    Good(String),
    /// Tasks run without it, but something is missed.
    Hint(String),
    /// Without it no task runs.
    Bad(String),
}

/// The range of the default VPC.
const DEFAULT_VPC: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(172, 31, 0, 0), 16);

/// Prints the checks; fails when something is missing that tasks need.
pub(crate) fn run(directory: &Path) -> anyhow::Result<ExitCode> {
    let style = Style::of_output();
    let mut checks = vec![
        ("root".to_owned(), root()),
        ("cgroups".to_owned(), cgroups()),
        ("overlay".to_owned(), overlay()),
        ("storage".to_owned(), storage()),
        ("resolver".to_owned(), resolver()),
        ("runtime".to_owned(), runtime()),
        ("root key".to_owned(), root_key(directory)),
        ("demo".to_owned(), demo()),
    ];
    let settings = node::network::Settings::new("us-east-1");
    let network = node::network::doctor(&settings, &control::Settings::default_public_pool(), &[DEFAULT_VPC]);
    checks.extend(network.into_iter().map(|(name, result)| match result {
        Ok(text) => (name, Finding::Good(text)),
        Err(text) => (name, Finding::Bad(text)),
    }));
    let width = checks.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, result) in &checks {
        let (mark, text) = match result {
            Finding::Good(text) => (style.good("✓"), text),
            Finding::Hint(text) => (style.hint("!"), text),
            Finding::Bad(text) => (style.bad("✗"), text),
        };
        say(format!("{mark} {name:<width$}  {text}"))?;
    }
    let missing = checks.iter().filter(|(_, result)| matches!(result, Finding::Bad(_))).count();
    if missing == 0 {
        say("This machine can run tasks.")?;
        return Ok(ExitCode::SUCCESS);
    }
    say(format!("{missing} of {} checks failed: tasks cannot run here yet, or not well.", checks.len()))?;
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

fn storage() -> Finding {
    match node::storage::look() {
        Ok(()) => Finding::Good("the ephemeral storage of tasks is limited".into()),
        Err(error) => Finding::Hint(format!("the ephemeral storage of tasks is not limited: {error}")),
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

/// Where a server on this data directory gets the root key from.
fn root_key(directory: &Path) -> Finding {
    if std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty()) {
        return Finding::Good(format!("from the environment variable {VARIABLE}"));
    }
    let file = directory.join(RootKey::FILE);
    match fs::metadata(&file) {
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            Finding::Bad(format!("others can read {file}; run: chmod 600 {file}", file = file.display()))
        }
        Ok(_) => Finding::Good(format!("from the file {}", file.display())),
        Err(_) if directory.join("tidegate.db").exists() => Finding::Hint(format!(
            "there is no {}: serve needs {VARIABLE} or --root-key-command, as at the first start",
            file.display()
        )),
        Err(_) => Finding::Good(format!("will be made as {}, unless serve is given one", file.display())),
    }
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
