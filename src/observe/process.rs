//! What the operating system says of this process. Only Linux says it here; elsewhere nothing is said.

use std::time::Duration;

/// The process at one moment; `None` where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Of all processors, user and system.
    pub cpu: Option<Duration>,
    /// Bytes that are in memory.
    pub rss: Option<u64>,
    /// Those of them that belong to no file: heap and stacks.
    pub anonymous: Option<u64>,
}

impl Process {
    /// As it is now. Reads two small files of `/proc`.
    pub fn now() -> Process {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        Process::read(&read("/proc/self/stat"), &read("/proc/self/status"))
    }

    /// From the texts of `/proc/<pid>/stat` and `/proc/<pid>/status` (proc(5)).
    fn read(stat: &str, status: &str) -> Process {
        // the second field is the program's name in parentheses, which may hold anything
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let mut ticks = fields.split_whitespace().skip(11).map_while(|field| field.parse::<u64>().ok());
        let cpu = ticks.next().zip(ticks.next());
        let kibibytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
        };
        Process {
            cpu: cpu.map(|(user, system)| Duration::from_millis((user + system) * MILLIS_PER_TICK)),
            rss: kibibytes("VmRSS:"),
            anonymous: kibibytes("RssAnon:"),
        }
    }
}

/// `USER_HZ` is 100 on every architecture that burgee is built for.
const MILLIS_PER_TICK: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_may_hold_anything() {
        let stat = "7 (a) b) 1 2) S 1 7 7 0 -1 4194560 1000 0 0 0 150 25 0 0 20 0 9 0 5000 9 8 7";
        let status = "Name:\ta\nVmRSS:\t    2048 kB\nRssAnon:\t     1024 kB\nVmData: 1 kB\n";
        let process =
            Process { cpu: Some(Duration::from_millis(1750)), rss: Some(2 << 20), anonymous: Some(1 << 20) };
        assert_eq!(Process::read(stat, status), process);
    }

    #[test]
    fn what_is_not_there_is_not_said() {
        assert_eq!(Process::read("", ""), Process::default());
        assert_eq!(Process::read("7 (x) S 1", "VmRSS: many kB"), Process::default());
    }
}
