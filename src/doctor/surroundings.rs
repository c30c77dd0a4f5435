//! Where burgee itself runs: what it may use, and who can reach it.

use std::net::{Ipv6Addr, TcpListener};
use std::path::Path;

/// What the system says of this process and its machine, read once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// It runs in a container, whose loopback is its own.
    pub in_container: bool,
    /// The machine has `::1`.
    pub has_ipv6_loopback: bool,
    /// Files that the process may have open (`RLIMIT_NOFILE`); `None` where it is not known, or without limit.
    pub files_max: Option<u64>,
    /// Thousandths of a processor that its control group grants (`cpu.max`).
    pub cpu_millis: Option<u64>,
}

impl Surroundings {
    /// As they are now. Reads a few small files of `/proc` and `/sys`.
    pub fn now() -> Surroundings {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        Surroundings {
            in_container: Path::new("/.dockerenv").exists()
                || Path::new("/run/.containerenv").exists()
                || std::env::var_os("KUBERNETES_SERVICE_HOST").is_some(),
            has_ipv6_loopback: TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok(),
            files_max: files_max(&read("/proc/self/limits")),
            cpu_millis: cpu_millis(&read("/sys/fs/cgroup/cpu.max")),
        }
    }
}

/// The soft limit of `/proc/<pid>/limits` (proc(5)).
fn files_max(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Of `cpu.max` of a control group: quota and period in microseconds, or `max`.
fn cpu_millis(cpu_max: &str) -> Option<u64> {
    let (quota, period) = cpu_max.trim().split_once(' ')?;
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    quota.saturating_mul(1000).checked_div(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_where_there_are_some() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max processes             95000                95000                processes\n\
                      Max open files            256                  1048576              files\n";
        assert_eq!(files_max(limits), Some(256));
        assert_eq!(files_max("Max open files            unlimited  unlimited files"), None);
        assert_eq!(cpu_millis("5000 100000\n"), Some(50));
        assert_eq!(cpu_millis("max 100000\n"), None);
        assert_eq!(cpu_millis(""), None);
    }
}
