#![doc = include_str!("README.md")]

mod config;
mod cors;
mod door;
mod grpc;
mod guard;
mod http;
mod origins;
mod pages;
mod services;
mod sight;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ::http::{Request, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

pub use config::{Config, Cors, Grpc, Http, Protocols};
use sight::Sight;

use crate::component::{AuthKeys, Listen, PortRole, Receiver, ReceiverContext, ServerAuth};
use crate::net::{self, Body, Connection, RequestBody, Service};
use crate::otlp::Signal;

/// The receiver: one or two ports, each of which takes every protocol.
pub struct Otlp {
    ports: Vec<Listen>,
}

/// Builds the receiver. Nothing listens before the collector binds what [`Receiver::listeners`] names.
pub fn build(config: &Config, cx: ReceiverContext) -> Otlp {
    let authenticators = cx.authenticators.clone();
    let door = Arc::new(door::Door::new(cx));
    let http = config.protocols.http.clone().into_option();
    let grpc = config.protocols.grpc.clone().into_option();
    let shared = Arc::new(http::Http::new(&http.clone().unwrap_or_default()));
    let mut ports = Vec::new();
    let mut port =
        |role, endpoint: &crate::values::ListenEndpoint, auth: Option<&AuthKeys>, limit, limits| {
            let auth = auth.map(|keys| {
                let found = authenticators.server(keys).ok().flatten();
                found.expect("the registry has made sure that it is there")
            });
            let service = Port { door: door.clone(), http: shared.clone(), role, auth, limit };
            ports.push(Listen { limits, ..Listen::new(endpoint.clone(), SPEAKS, Arc::new(service)) });
        };
    match (&grpc, &http) {
        (Some(grpc), Some(http)) if config.shares_a_port() => {
            // both on one port: the narrower limit holds
            let (narrow, of_http) = (grpc.transport_limits(), http.transport_limits());
            let limits = net::Limits { head: of_http.head, idle: narrow.idle.min(of_http.idle), ..narrow };
            let limit = grpc.limit().min(http.limit());
            port(PortRole::Both, &grpc.endpoint, grpc.auth.as_ref(), limit, limits);
        }
        _ => {
            if let Some(grpc) = &grpc {
                let (auth, limits) = (grpc.auth.as_ref(), grpc.transport_limits());
                port(PortRole::Grpc, &grpc.endpoint, auth, grpc.limit(), limits);
            }
            if let Some(http) = &http {
                let (auth, limits) = (http.auth.as_ref(), http.transport_limits());
                port(PortRole::Http, &http.endpoint, auth, http.limit(), limits);
            }
        }
    }
    Otlp { ports }
}

impl Receiver for Otlp {
    fn listeners(&mut self) -> Vec<Listen> {
        std::mem::take(&mut self.ports)
    }
}

/// What answers on one port. Path and content type of each request choose its protocol.
struct Port {
    door: Arc<door::Door>,
    http: Arc<http::Http>,
    role: PortRole,
    /// Who tells who may send; without one, anybody.
    auth: Option<Arc<dyn ServerAuth>>,
    /// The largest request this port takes, in bytes, also after decompression.
    limit: u64,
}

impl Service for Port {
    fn call(
        &self,
        request: Request<RequestBody>,
        connection: &Arc<Connection>,
    ) -> BoxFuture<'static, Response<Body>> {
        let caller = Caller {
            connection: connection.clone(),
            role: self.role,
            auth: self.auth.clone(),
            limit: self.limit,
        };
        let sight = Sight::of(&request, caller.ends());
        if !has_one_host(&request) {
            return std::future::ready(http::wrong_host(&self.door, sight)).boxed();
        }
        self.door.look_at(sight);
        match Protocol::of(&request) {
            Protocol::Grpc => grpc::call(self.door.clone(), request, caller).boxed(),
            Protocol::OtherGrpc => std::future::ready(grpc::unknown_codec(&self.door, sight)).boxed(),
            Protocol::Http => self.http.clone().call(self.door.clone(), request, caller).boxed(),
        }
    }
}

/// RFC 9112, 3.2: HTTP/1.1 without exactly one `host` is refused. Proxies on the way may have taken another one.
fn has_one_host<B>(request: &Request<B>) -> bool {
    let hosts = || request.headers().get_all(::http::header::HOST).iter();
    request.version() != ::http::Version::HTTP_11 || hosts().take(2).count() == 1
}

/// Who asks, and what the port allows him.
#[derive(Clone)]
struct Caller {
    connection: Arc<Connection>,
    role: PortRole,
    auth: Option<Arc<dyn ServerAuth>>,
    limit: u64,
}

/// The two protocols of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Grpc,
    /// Messages in another form than protobuf.
    OtherGrpc,
    Http,
}

impl Protocol {
    /// gRPC says so in its content type, `application/grpc` or `application/grpc+proto`; gRPC-Web, which is
    /// something else, does not count.
    fn of<B>(request: &Request<B>) -> Protocol {
        let content_type =
            request.headers().get(::http::header::CONTENT_TYPE).map_or(&b""[..], |v| v.as_bytes());
        let rest = content_type.get(GRPC.len()..);
        let is_grpc =
            content_type.len() >= GRPC.len() && content_type[..GRPC.len()].eq_ignore_ascii_case(GRPC);
        match rest.filter(|_| is_grpc) {
            Some(b"" | b"+proto" | [b';' | b' ', ..]) => Protocol::Grpc,
            Some([b'+', ..]) => Protocol::OtherGrpc,
            _ => Protocol::Http,
        }
    }
}

const GRPC: &[u8] = b"application/grpc";
const SPEAKS: &str = "OTLP/gRPC and OTLP/HTTP";

/// The signal of a gRPC method.
fn grpc_signal(path: &str) -> Option<Signal> {
    Signal::ALL.into_iter().find(|signal| signal.grpc_path() == path)
}
