//! Which program holds a port. Only Linux says it, and only of processes that this user may look at.

use std::fs;
use std::path::Path;

/// `pid 812 (otelcol)`: the process that listens on this port of the machine.
pub(super) fn holder(port: u16) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .flat_map(|table| listening(&fs::read_to_string(table).unwrap_or_default(), port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten().take(PROCESSES_MAX);
    for process in processes.filter(|entry| !inodes.is_empty() && is_number(&entry.file_name())) {
        if has_open(&process.path(), &inodes) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            // a program may call itself anything
            let name: String =
                name.trim().chars().filter(|letter| !letter.is_control()).take(NAME_CHARS_MAX).collect();
            return Some(format!("pid {} ({name})", process.file_name().to_string_lossy()));
        }
    }
    None
}

/// The sockets of `/proc/net/tcp` (proc(5)) that listen on a port, whatever their address.
fn listening(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let line = |line: &str| {
        let mut fields = line.split_whitespace();
        let local = fields.nth(1)?;
        let state = fields.nth(1)?;
        let (_, of) = local.rsplit_once(':')?;
        let is_it = state == LISTEN && u16::from_str_radix(of, 16) == Ok(port);
        fields.nth(5).filter(|_| is_it)?.parse().ok()
    };
    table.lines().skip(1).filter_map(line).collect()
}

fn has_open(process: &Path, sockets: &[String]) -> bool {
    let Ok(files) = fs::read_dir(process.join("fd")) else { return false };
    files.flatten().take(FILES_MAX).any(|file| {
        fs::read_link(file.path())
            .is_ok_and(|of| sockets.iter().any(|socket| of.as_os_str() == socket.as_str()))
    })
}

fn is_number(name: &std::ffi::OsStr) -> bool {
    name.to_str().is_some_and(|name| name.bytes().all(|digit| digit.is_ascii_digit()))
}

const PROCESSES_MAX: usize = 10_000;
const FILES_MAX: usize = 100_000;
const NAME_CHARS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_that_listen_hold_a_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:10DD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0\n\
            1: 0100007F:10DD 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0 20 4 30 10 -1\n\
            2: 0100007F:10DE 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4244 1 0 100 0 0 10 0\n";
        assert_eq!(listening(table, 4317), [4242]);
        assert!(listening("nonsense\nx\n", 4317).is_empty());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_holds_what_it_listens_on() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = socket.local_addr().expect("it is bound").port();
        let holder = holder(port).expect("it is this process");
        assert!(holder.starts_with(&format!("pid {} (", std::process::id())), "{holder}");
    }
}
