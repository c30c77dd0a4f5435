//! Binding a port, with errors that say what to do.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::holder::holder;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// A bound port that nobody serves yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    /// `localhost` is two addresses, and clients differ in which one they try.
    other: Option<TcpListener>,
}

/// Why an endpoint cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {endpoint}: {cause}")]
pub struct BindError {
    pub endpoint: String,
    pub cause: BindCause,
}

#[derive(Debug, thiserror::Error)]
pub enum BindCause {
    #[error("it is not host:port; write for instance 127.0.0.1:4317 or [::1]:4317")]
    NotAnEndpoint,
    #[error("the host name does not resolve ({0}); use an address of this machine, or 0.0.0.0 for all")]
    Unresolved(#[source] io::Error),
    #[error("the port is in use{}", holding(.held_by.as_deref()))]
    InUse {
        /// `pid 812 (otelcol)`, where the system says it.
        held_by: Option<String>,
    },
    #[error("it is not permitted; choose a port above 1023 or grant CAP_NET_BIND_SERVICE")]
    NotPermitted,
    #[error("this machine has no such address; use one it has, or 0.0.0.0 for all")]
    NoSuchAddress,
    #[error("{0}")]
    Other(#[source] io::Error),
}

impl Listener {
    /// Listens on `endpoint`: `host:port`, where port 0 lets the system choose, no host means every address
    /// of this machine, `[::]` serves IPv4 as well, and `localhost` serves 127.0.0.1 and, if it is free, ::1.
    ///
    /// # Errors
    /// Names the endpoint, what is wrong with it and what to do.
    pub async fn bind(endpoint: &str) -> Result<Listener, BindError> {
        let failed = |cause| BindError { endpoint: endpoint.to_owned(), cause };
        let (host, port) = split(endpoint).ok_or_else(|| failed(BindCause::NotAnEndpoint))?;
        let addresses = resolve(host, port).await.map_err(failed)?;
        let mut error = BindCause::NoSuchAddress;
        for address in addresses {
            match listen(address) {
                Ok((socket, address)) => {
                    let other = other_loopback(host, address);
                    return Ok(Listener { socket, address, other });
                }
                Err(cause) => error = BindCause::from(cause),
            }
        }
        if let BindCause::InUse { held_by } = &mut error {
            *held_by = holder(port);
        }
        Err(failed(error))
    }

    /// The address that is listened on, with the port the system chose if it was to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match &self.other {
            None => self.socket.accept().await,
            Some(other) => tokio::select! {
                accepted = self.socket.accept() => accepted,
                accepted = other.accept() => accepted,
            },
        }
    }
}

impl From<io::Error> for BindCause {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => BindCause::InUse { held_by: None },
            io::ErrorKind::PermissionDenied => BindCause::NotPermitted,
            io::ErrorKind::AddrNotAvailable => BindCause::NoSuchAddress,
            _ => BindCause::Other(error),
        }
    }
}

fn holding(held_by: Option<&str>) -> String {
    match held_by {
        Some(program) => format!(" by {program}; stop that program or choose another port"),
        None => "; stop the program that holds it (`ss -ltnp` names it) or choose another port".to_owned(),
    }
}

fn split(endpoint: &str) -> Option<(&str, u16)> {
    let (host, port) = endpoint.rsplit_once(':')?;
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if bracketed.is_none() && host.contains([':', '[', ']', '/']) {
        return None;
    }
    Some((bracketed.unwrap_or(host), port.parse().ok()?))
}

/// The addresses to try, in order; IPv4 first, as the Collector does.
async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, BindCause> {
    if host.is_empty() {
        return Ok(vec![(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()]);
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let mut addresses: Vec<SocketAddr> =
        tokio::net::lookup_host((host, port)).await.map_err(BindCause::Unresolved)?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // After a restart, connections of the last run may linger on the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    let socket = TcpListener::from_std(socket.into())?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

/// `::1` beside a `localhost` that is 127.0.0.1. A machine without IPv6, or with that port taken there,
/// still has the one that was asked for first.
fn other_loopback(host: &str, bound: SocketAddr) -> Option<TcpListener> {
    if !host.eq_ignore_ascii_case("localhost") || bound.is_ipv6() {
        return None;
    }
    match listen((Ipv6Addr::LOCALHOST, bound.port()).into()) {
        Ok((socket, _)) => Some(socket),
        Err(error) => {
            tracing::debug!(port = bound.port(), %error, "localhost is served on IPv4 only");
            None
        }
    }
}

/// Connections that wait to be accepted; more are refused by the system.
const BACKLOG: i32 = 1024;
