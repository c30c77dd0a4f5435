//! What gRPC clients expect beside the signals' services: health (`grpc.health.v1`) and server reflection (v1, v1alpha).

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http::{Request, Response};
use tonic::service::Routes;
use tonic::{Request as Call, Response as Reply, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::ServiceExt;

use super::Caller;
use super::door::Door;
use crate::net::{Body, RequestBody};
use crate::otlp::Signal;

/// Whether one of the services is at `path`.
pub(super) fn are_at(path: &str) -> bool {
    path.starts_with("/grpc.health.v1.Health/")
        || path.starts_with("/grpc.reflection.v1.ServerReflection/")
        || path.starts_with("/grpc.reflection.v1alpha.ServerReflection/")
}

/// Answers a call of one of the services.
pub(super) async fn call(
    door: Arc<Door>,
    mut request: Request<RequestBody>,
    caller: Caller,
) -> Response<Body> {
    request.extensions_mut().insert(Port { door, caller });
    match ROUTES.clone().oneshot(request.map(tonic::body::Body::new)).await {
        Ok(answer) => answer.map(Body::boxed),
        Err(never) => match never {},
    }
}

/// The same for every port; built by the first who asks.
static ROUTES: LazyLock<Routes> = LazyLock::new(|| {
    let reflection = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(opentelemetry_proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        let names = Signal::ALL.map(service_name).into_iter().chain(NAMES);
        names.fold(builder, |builder, name| builder.with_service_name(name))
    };
    const VALID: &str = "descriptors that were compiled in are valid";
    Routes::new(HealthServer::new(Reporter))
        .add_service(reflection().build_v1().expect(VALID))
        .add_service(reflection().build_v1alpha().expect(VALID))
        .prepare()
});

/// The services that are no signal's.
const NAMES: [&str; 3] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

/// `opentelemetry.proto.collector.trace.v1.TraceService`
fn service_name(signal: Signal) -> &'static str {
    signal.grpc_path().trim_start_matches('/').trim_end_matches("/Export")
}

/// Where a call came in.
#[derive(Clone)]
struct Port {
    door: Arc<Door>,
    caller: Caller,
}

impl Port {
    fn of<T>(call: &Call<T>) -> Result<Port, Status> {
        call.extensions().get().cloned().ok_or_else(|| Status::internal("the call came through no port"))
    }

    /// Of a service by its name, or of the port as a whole by none: serving until burgee stops, but for a signal only
    /// if a pipeline takes it. `None`: there is no such service.
    fn status(&self, service: &str) -> Option<ServingStatus> {
        let signal = Signal::ALL.into_iter().find(|&signal| service_name(signal) == service);
        let serves = match signal {
            Some(signal) => self.door.serves(signal),
            None if service.is_empty() || NAMES.contains(&service) => true,
            None => return None,
        };
        let serving = serves && !self.caller.connection.is_stopping();
        Some(if serving { ServingStatus::Serving } else { ServingStatus::NotServing })
    }
}

struct Reporter;

#[tonic::async_trait]
impl Health for Reporter {
    async fn check(&self, call: Call<HealthCheckRequest>) -> Result<Reply<HealthCheckResponse>, Status> {
        match Port::of(&call)?.status(&call.get_ref().service) {
            Some(status) => Ok(Reply::new(HealthCheckResponse { status: status.into() })),
            None => Err(Status::not_found("burgee has no such service; reflection lists those it has")),
        }
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    /// Says at once what [`Health::check`] would, and again when that changes; ends with burgee.
    async fn watch(&self, call: Call<HealthCheckRequest>) -> Result<Reply<Self::WatchStream>, Status> {
        let port = Port::of(&call)?;
        let service = call.into_inner().service;
        let said = stream::unfold(None, move |last| {
            let (port, service) = (port.clone(), service.clone());
            async move {
                let connection = &port.caller.connection;
                loop {
                    let status = port.status(&service).unwrap_or(ServingStatus::ServiceUnknown);
                    if last != Some(status) {
                        return Some((Ok(HealthCheckResponse { status: status.into() }), Some(status)));
                    }
                    if connection.is_stopping() {
                        return None;
                    }
                    tokio::select! {
                        () = connection.stopping() => {}
                        // a reload may have brought or taken a pipeline
                        () = tokio::time::sleep(LOOK_EVERY) => {}
                    }
                }
            }
        });
        Ok(Reply::new(said.boxed()))
    }
}

const LOOK_EVERY: Duration = Duration::from_secs(5);
