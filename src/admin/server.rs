//! Serving it over the same sockets as everything else.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tonic::service::Routes;
use tonic::{Request as Call, Response as Reply, Status};
use tower::ServiceExt;

use super::v1::admin_server::AdminServer;
use super::{Config, status, v1};
use crate::component::Budget;
use crate::net::{self, Body, Connection, Limits, Listener, RequestBody, Stop, Windows};
use crate::observe::board::Board;
use crate::observe::facts::Facts;

pub use crate::net::BindError;

/// The admin service, listening and not yet served.
#[derive(Debug)]
pub struct Admin {
    listener: Listener,
}

impl Admin {
    /// Listens.
    ///
    /// # Errors
    /// Whether a taken port is fatal is the caller's to say: a configured one is, the default one is not.
    pub async fn bind(config: &Config) -> Result<Admin, BindError> {
        Ok(Admin { listener: Listener::bind(&config.endpoint.to_string()).await? })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// Serves until `stop`, then ends by its schedule.
    pub async fn serve(self, board: Board, budget: Budget, facts: Arc<Facts>, stop: Stop) -> net::Report {
        let routes = Routes::new(AdminServer::new(Answers { board, budget })).prepare();
        let limits = Limits { connections_max: CONNECTIONS_MAX, ..Limits::default() };
        // Questions are small: the narrowest windows do.
        let windows = Windows::new(0);
        net::serve(self.listener, Arc::new(Http { routes }), limits, windows, facts, stop).await
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
}

/// People and probes on this machine, not traffic.
const CONNECTIONS_MAX: usize = 64;
