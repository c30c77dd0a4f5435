#![doc = include_str!("README.md")]

use schemars::JsonSchema;
use serde::Deserialize;

use crate::values::Duration;

/// The keys of the Collector's `memorylimiterprocessor` 0.159.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Read, but without effect in burgee.
    pub check_interval: Duration,
    /// MiB; or `limit_percentage`.
    pub limit_mib: u64,
    /// MiB. The budget is the limit less this; 0 is a fifth of the limit.
    pub spike_limit_mib: u64,
    /// Of the memory that the process may have; where `limit_mib` is 0.
    pub limit_percentage: u64,
    /// Likewise; 0 is a fifth of the limit.
    pub spike_limit_percentage: u64,
    // These four belong to Go's garbage collector.
    /// Read, but without effect in burgee.
    pub min_gc_interval_when_soft_limited: Option<Duration>,
    /// Read, but without effect in burgee.
    pub min_gc_interval_when_hard_limited: Option<Duration>,
    /// Read, but without effect in burgee.
    pub max_gc_interval_when_soft_limited: Option<Duration>,
    /// Read, but without effect in burgee.
    pub max_gc_interval_when_hard_limited: Option<Duration>,
}

/// The budget in bytes. `total` is the memory that the process may have, asked only for percentages.
///
/// # Errors
/// The key that is wrong, and a sentence about it.
pub fn build(config: &Config, total: impl FnOnce() -> Option<u64>) -> Result<u64, (&'static str, String)> {
    let (limit, spike) = match (config.limit_mib, config.limit_percentage) {
        (0, 0) => {
            return Err(("limit_mib", "or limit_percentage must be greater than zero".to_owned()));
        }
        (0, percentage) => {
            if percentage > 100 || config.spike_limit_percentage > 100 {
                return Err(("limit_percentage", "is at most 100".to_owned()));
            }
            let total = total().ok_or_else(|| {
                ("limit_percentage", "cannot be used: the size of the memory is not known here".to_owned())
            })?;
            (total / 100 * percentage, total / 100 * config.spike_limit_percentage)
        }
        (limit, _) => (limit.saturating_mul(MIB), config.spike_limit_mib.saturating_mul(MIB)),
    };
    let spike = if spike == 0 { limit / 5 } else { spike };
    if spike >= limit {
        return Err(("spike_limit_mib", "must be smaller than the limit".to_owned()));
    }
    Ok(limit - spike)
}

/// The memory of this machine in bytes, or of the control group that the process is in.
pub fn total_memory() -> Option<u64> {
    let number = |file: &str| std::fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    });
    // Both versions of control groups, as seen from inside a container.
    let groups = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    groups.into_iter().filter_map(number).chain(machine).min()
}

const MIB: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_the_limit_without_the_spike() {
        let budget = |config: Config| build(&config, || Some(1000 * MIB));
        let plain = Config { limit_mib: 100, ..Config::default() };
        assert_eq!(budget(plain.clone()), Ok(80 * MIB));
        assert_eq!(budget(Config { spike_limit_mib: 30, ..plain }), Ok(70 * MIB));
        let part = Config { limit_percentage: 50, spike_limit_percentage: 10, ..Config::default() };
        assert_eq!(budget(part), Ok(400 * MIB));
    }

    #[test]
    fn a_limiter_without_a_limit_is_refused() {
        assert_eq!(build(&Config::default(), || None).expect_err("no limit").0, "limit_mib");
        let too_much = Config { limit_mib: 10, spike_limit_mib: 10, ..Config::default() };
        assert_eq!(build(&too_much, || None).expect_err("nothing is left").0, "spike_limit_mib");
    }
}
