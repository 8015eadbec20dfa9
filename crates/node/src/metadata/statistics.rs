//! A container's statistics in the form of Docker's stats, as far as the control groups tell; and the task's traffic.

use std::fs;

use domain::compute::{ContainerSpec, NetworkUsage};
use serde_json::{Map, Value, json};

use crate::runtime::cgroup::Usage;
use crate::tasks::now;

/// The statistics of one container; `pid` is its process outside.
pub(super) fn document(container: &ContainerSpec, usage: &Usage, pid: i32) -> Value {
    json!({
        "id": container.runtime_id,
        "name": container.name,
        "read": now().to_rfc3339(),
        "preread": "0001-01-01T00:00:00Z",
        "num_procs": 0,
        "pids_stats": {"current": usage.processes},
        "cpu_stats": {
            "cpu_usage": {"total_usage": usage.cpu_nanoseconds, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
            "system_cpu_usage": system_nanoseconds(&fs::read_to_string("/proc/stat").unwrap_or_default()),
            "online_cpus": std::thread::available_parallelism().map_or(1, usize::from),
        },
        "memory_stats": {
            "usage": usage.memory_bytes,
            "max_usage": usage.memory_peak_bytes,
            "limit": usage.memory_limit_bytes,
            "stats": {},
        },
        "blkio_stats": {"io_service_bytes_recursive": []},
        "networks": networks(&interfaces_of(pid).unwrap_or_default()),
    })
}

/// What the interfaces of a process's network have carried, but the loopback; `None` when the process is gone.
pub(crate) fn traffic(pid: i32) -> Option<NetworkUsage> {
    Some(total(&interfaces_of(pid)?))
}

fn interfaces_of(pid: i32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/net/dev")).ok()
}

/// What all processors have spent, from `/proc/stat`, whose unit is a hundredth of a second.
fn system_nanoseconds(stat: &str) -> u64 {
    let Some(line) = stat.lines().find_map(|line| line.strip_prefix("cpu ")) else { return 0 };
    let ticks: u64 = line.split_whitespace().take(8).filter_map(|number| number.parse::<u64>().ok()).sum();
    ticks * 10_000_000
}

/// Interfaces but the loopback, with their counters, from `/proc/<pid>/net/dev`.
fn counters(text: &str) -> impl Iterator<Item = (&str, [u64; 16])> {
    text.lines().filter_map(|line| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        Some((name.trim(), numbers.try_into().ok()?)).filter(|(name, _)| *name != "lo")
    })
}

fn total(text: &str) -> NetworkUsage {
    counters(text).fold(NetworkUsage::default(), |total, (_, counters)| NetworkUsage {
        received_bytes: total.received_bytes + counters[0],
        sent_bytes: total.sent_bytes + counters[8],
    })
}

fn networks(text: &str) -> Value {
    let interfaces = counters(text).map(|(name, counters)| {
        let [rx_bytes, rx_packets, rx_errors, rx_dropped, _, _, _, _, tx_bytes, tx_packets, tx_errors, tx_dropped, ..] =
            counters;
        let value = json!({
            "rx_bytes": rx_bytes, "rx_packets": rx_packets, "rx_errors": rx_errors, "rx_dropped": rx_dropped,
            "tx_bytes": tx_bytes, "tx_packets": tx_packets, "tx_errors": tx_errors, "tx_dropped": tx_dropped,
        });
        (name.to_owned(), value)
    });
    Value::Object(interfaces.collect::<Map<String, Value>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_tables_are_read() {
        assert_eq!(system_nanoseconds("cpu  1 2 3 4 0 0 0 0 9 9\ncpu0 1 1\n"), 100_000_000);
        let text = "Inter-| Receive\n face |bytes\n lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n eth0: 10 2 0 1 0 0 0 0 20 3 0 0 0 0 0 0\n";
        let networks = networks(text);
        assert_eq!(networks["eth0"]["tx_bytes"], 20);
        assert!(networks.get("lo").is_none());
        assert_eq!(total(text), NetworkUsage { received_bytes: 10, sent_bytes: 20 });
    }
}
