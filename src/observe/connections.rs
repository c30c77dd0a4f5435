//! How many connections came to which port, whatever became of them.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Accepted connections by the address that was bound.
#[derive(Debug, Default)]
pub(super) struct Connections {
    by_listener: Mutex<Vec<(SocketAddr, u64, SystemTime)>>,
}

impl Connections {
    pub(super) fn connected(&self, listener: SocketAddr, at: SystemTime) {
        let mut ports = self.by_listener();
        if let Some((_, count, last)) = ports.iter_mut().find(|(known, ..)| *known == listener) {
            *count += 1;
            *last = at;
            return;
        }
        // reloads may open ever new ports; the one that was used least lately is closed by now
        if ports.len() >= LISTENERS_MAX
            && let Some(oldest) = (0..ports.len()).min_by_key(|&n| ports[n].2)
        {
            ports.swap_remove(oldest);
        }
        ports.push((listener, 1, at));
    }

    pub(super) fn all(&self) -> Vec<(SocketAddr, u64, SystemTime)> {
        self.by_listener().clone()
    }

    fn by_listener(&self) -> MutexGuard<'_, Vec<(SocketAddr, u64, SystemTime)>> {
        // Nothing under this lock can leave half a value, so a panic elsewhere does not spoil it.
        self.by_listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const LISTENERS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn connections_are_counted_by_port_and_ports_have_a_bound() {
        let connections = Connections::default();
        let after = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let port = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        for n in 1..=2 * LISTENERS_MAX as u16 {
            connections.connected(port(n), after(u64::from(n)));
        }
        connections.connected(port(128), after(1000));
        let all = connections.all();
        assert_eq!(all.len(), LISTENERS_MAX);
        assert!(all.contains(&(port(128), 2, after(1000))));
        assert!(all.iter().all(|(listener, ..)| listener.port() > 64));
    }
}
