//! Beside other firewalls: what they drop of forwarded packets, no ruleset of ours can let pass.
//!
//! Docker and ufw set the policy of iptables' `FORWARD` chain to drop. Between tasks and host nothing is forwarded on the
//! host, but between tasks and the outside it is; so where that policy is drop, two rules for our interface go before all
//! others there, marked `tidegate`, and are taken away again when the network is uninstalled. What passes to a task is still
//! for its security groups to say. Other firewalls' chains are left alone; `tidegate doctor` names them.

use std::fs;
use std::process::Command;

const LEGACY: &str = "iptables-legacy";

/// Puts our two rules where they are needed and missing.
pub(super) fn ensure(name: &str, device: &str) {
    let mark = mark(name);
    if let Some(chain) = output(Command::new("nft").args(["list", "chain", "ip", "filter", "FORWARD"]))
        && chain.contains("policy drop")
        && !chain.contains(&format!("comment \"{mark}\""))
    {
        let script = ["iifname", "oifname"].map(|side| {
            format!("insert rule ip filter FORWARD {side} \"{device}\" counter accept comment \"{mark}\"\n")
        });
        match super::loader::nft(&script.concat()) {
            Ok(()) => tracing::info!(device, "let tasks' packets pass iptables' FORWARD chain, whose policy is drop"),
            Err(error) => tracing::warn!(%error, "iptables' FORWARD chain drops what tasks send to the outside"),
        }
    }
    if legacy()
        && output(Command::new(LEGACY).args(["-S", "FORWARD"])).is_some_and(|rules| rules.contains("-P FORWARD DROP"))
    {
        for side in ["-i", "-o"] {
            if output(&mut legacy_rule("-C", side, device, &mark)).is_none() {
                output(&mut legacy_rule("-I", side, device, &mark));
            }
        }
    }
}

/// Takes our rules away.
pub(super) fn remove(name: &str, device: &str) {
    let mark = mark(name);
    if let Some(chain) = output(Command::new("nft").args(["-a", "list", "chain", "ip", "filter", "FORWARD"])) {
        let ours = chain.lines().filter(|line| line.contains(&format!("comment \"{mark}\"")));
        for handle in ours.filter_map(|line| line.rsplit_once("# handle ")).map(|(_, handle)| handle.trim()) {
            // Who flushed the chain meanwhile has taken it away already.
            let _ = super::loader::nft(&format!("delete rule ip filter FORWARD handle {handle}\n"));
        }
    }
    if legacy() {
        for side in ["-i", "-o"] {
            while output(&mut legacy_rule("-D", side, device, &mark)).is_some() {}
        }
    }
}

/// Chains of other firewalls that drop what is forwarded unless a rule of theirs lets it pass: for `doctor`.
pub(super) fn other_dropping_chains() -> Vec<String> {
    let Some(ruleset) = output(Command::new("nft").args(["list", "ruleset"])) else { return Vec::new() };
    let mut found = Vec::new();
    let (mut table, mut chain) = (String::new(), String::new());
    for line in ruleset.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("table ").and_then(|rest| rest.strip_suffix(" {")) {
            name.clone_into(&mut table);
        } else if let Some(name) = line.strip_prefix("chain ").and_then(|rest| rest.strip_suffix(" {")) {
            name.clone_into(&mut chain);
        } else if line.contains("hook forward") && line.contains("policy drop") && table != "ip filter" {
            found.push(format!("table {table} chain {chain}"));
        }
    }
    found
}

fn mark(name: &str) -> String {
    format!("tidegate {name}")
}

/// Whether the old iptables is in use in the current thread's namespace. Running its command would switch it on.
fn legacy() -> bool {
    fs::read_to_string("/proc/thread-self/net/ip_tables_names")
        .is_ok_and(|names| names.lines().any(|name| name == "filter"))
}

fn legacy_rule(action: &str, side: &str, device: &str, mark: &str) -> Command {
    let mut command = Command::new(LEGACY);
    command.args([action, "FORWARD", side, device, "-m", "comment", "--comment", mark, "-j", "ACCEPT"]);
    command
}

/// What the command prints if it succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
