//! Serving it over the same sockets as everything else.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tonic::service::Routes;
use tonic::{Request as Call, Response as Reply, Status};
use tower::ServiceExt;

use super::v1::admin_server::AdminServer;
use super::{Config, status, v1};
use crate::component::{Budget, Extension, ExtensionContext, Listen, Serve, WhenTaken};
use crate::net::{self, Body, Connection, Limits, RequestBody};
use crate::observe::board::Board;

/// Builds the extension. Whether a taken port is fatal is the caller's to say: a configured one is, the default one
/// is not.
pub fn build(config: &Config, when_taken: WhenTaken) -> Extension {
    Extension::serving(Admin { config: config.clone(), when_taken })
}

struct Admin {
    config: Config,
    when_taken: WhenTaken,
}

impl Serve for Admin {
    fn listeners(&self, cx: ExtensionContext) -> Vec<Listen> {
        let answers = Answers { board: cx.board, budget: cx.budget };
        let routes = Routes::new(AdminServer::new(answers)).prepare();
        let limits = Limits {
            connections_max: CONNECTIONS_MAX,
            // questions are small
            h2_connection_window: WINDOW_BYTES,
            h1_buffer_max: WINDOW_BYTES as usize,
            ..Limits::default()
        };
        let listen = Listen::new(self.config.endpoint.clone(), SPEAKS, Arc::new(Http { routes }));
        vec![Listen { limits, when_taken: self.when_taken, ..listen }]
    }
}

/// From the socket's requests to tonic's.
struct Http {
    routes: Routes,
}

impl net::Service for Http {
    fn call(&self, request: Request<RequestBody>, _: &Arc<Connection>) -> BoxFuture<'static, Response<Body>> {
        let routes = self.routes.clone();
        async move {
            let request = request.map(tonic::body::Body::new);
            match routes.oneshot(request).await {
                Ok(answer) => answer.map(Body::boxed),
                Err(never) => match never {},
            }
        }
        .boxed()
    }
}

struct Answers {
    board: Board,
    budget: Budget,
}

#[tonic::async_trait]
impl v1::admin_server::Admin for Answers {
    async fn status(&self, _: Call<v1::StatusRequest>) -> Result<Reply<v1::StatusResponse>, Status> {
        Ok(Reply::new(status(&self.board, &self.budget)))
    }

    async fn findings(&self, _: Call<v1::FindingsRequest>) -> Result<Reply<v1::FindingsResponse>, Status> {
        Err(Status::unimplemented("not yet"))
    }

    async fn senders(&self, _: Call<v1::SendersRequest>) -> Result<Reply<v1::SendersResponse>, Status> {
        Err(Status::unimplemented("not yet"))
    }

    async fn rejections(
        &self,
        _: Call<v1::RejectionsRequest>,
    ) -> Result<Reply<v1::RejectionsResponse>, Status> {
        Err(Status::unimplemented("not yet"))
    }

    async fn flags(&self, _: Call<v1::FlagsRequest>) -> Result<Reply<v1::FlagsResponse>, Status> {
        Err(Status::unimplemented("not yet"))
    }

    async fn evaluations(
        &self,
        _: Call<v1::EvaluationsRequest>,
    ) -> Result<Reply<v1::EvaluationsResponse>, Status> {
        Err(Status::unimplemented("not yet"))
    }

    type TapStream = futures_util::stream::BoxStream<'static, Result<v1::TapResponse, Status>>;

    async fn tap(&self, _: Call<v1::TapRequest>) -> Result<Reply<Self::TapStream>, Status> {
        Err(Status::unimplemented("not yet"))
    }

    async fn traces(&self, _: Call<v1::TracesRequest>) -> Result<Reply<v1::TracesResponse>, Status> {
        Err(Status::unimplemented("not yet"))
    }

    async fn trace(&self, _: Call<v1::TraceRequest>) -> Result<Reply<v1::TraceResponse>, Status> {
        Err(Status::unimplemented("not yet"))
    }

    async fn try_downstreams(
        &self,
        _: Call<v1::TryDownstreamsRequest>,
    ) -> Result<Reply<v1::TryDownstreamsResponse>, Status> {
        Err(Status::unimplemented("not yet"))
    }
}

/// People and probes on this machine, not traffic.
const CONNECTIONS_MAX: usize = 64;
/// The narrowest that HTTP/2 has.
const WINDOW_BYTES: u32 = 65_535;
const SPEAKS: &str = "admin, for burgee status";
