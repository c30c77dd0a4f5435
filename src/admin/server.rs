//! Serving it over the same sockets as everything else: gRPC for the command line, the page for people.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::{HeaderValue, Request, Response, header};
use tonic::service::Routes;
use tonic::{Request as Call, Response as Reply, Status};
use tower::ServiceExt;

use super::page::Page;
use super::v1::admin_server::AdminServer;
use super::{Config, findings, probe, recent, status, v1};
use crate::component::{Extension, ExtensionContext, Listen, Serve, Tried, WhenTaken, beside};
use crate::insight::Filter;
use crate::net::{self, Body, Connection, Limits, RequestBody};
use crate::otlp::answer::Answer;

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
        let page = Arc::new(Page::new(cx.clone(), !self.config.endpoint.is_public()));
        let routes = Routes::new(AdminServer::new(Answers(cx))).prepare();
        let limits = Limits {
            connections_max: CONNECTIONS_MAX,
            // questions are small
            h2_connection_window: WINDOW_BYTES,
            h1_buffer_max: WINDOW_BYTES as usize,
            ..Limits::default()
        };
        let listen = Listen::new(
            self.config.endpoint.clone(),
            SPEAKS,
            Arc::new(Http { routes, pages: page.router(), page }),
        );
        vec![Listen { limits, when_taken: self.when_taken, ..listen }]
    }

    fn in_force(&self, cx: &ExtensionContext) {
        cx.insight.set_limit(self.config.remember.get());
    }
}

/// From the socket's requests to tonic's, or to the page.
struct Http {
    routes: Routes,
    pages: axum::Router,
    page: Arc<Page>,
}

impl net::Service for Http {
    fn call(&self, request: Request<RequestBody>, _: &Arc<Connection>) -> BoxFuture<'static, Response<Body>> {
        if let Some(refused) = self.page.refuses(request.uri(), request.headers()) {
            return std::future::ready(refused.map(Body::boxed)).boxed();
        }
        let (routes, pages, is_grpc) = (self.routes.clone(), self.pages.clone(), is_grpc(&request));
        async move {
            let answer = match is_grpc {
                true => routes
                    .oneshot(request.map(tonic::body::Body::new))
                    .await
                    .map(|answer| answer.map(Body::boxed)),
                false => pages
                    .oneshot(request.map(axum::body::Body::new))
                    .await
                    .map(|answer| answer.map(Body::boxed)),
            };
            match answer {
                Ok(answer) => answer,
                Err(never) => match never {},
            }
        }
        .boxed()
    }
}

fn is_grpc<B>(request: &Request<B>) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type.is_some_and(|value| value.starts_with(b"application/grpc"))
}

struct Answers(ExtensionContext);

#[tonic::async_trait]
impl v1::admin_server::Admin for Answers {
    async fn status(&self, _: Call<v1::StatusRequest>) -> Result<Reply<v1::StatusResponse>, Status> {
        Ok(Reply::new(status(&self.0.board, &self.0.budget)))
    }

    async fn findings(&self, _: Call<v1::FindingsRequest>) -> Result<Reply<v1::FindingsResponse>, Status> {
        Ok(Reply::new(findings::findings(&self.0.doctor)))
    }

    async fn senders(&self, _: Call<v1::SendersRequest>) -> Result<Reply<v1::SendersResponse>, Status> {
        Ok(Reply::new(recent::senders(&self.0.insight)))
    }

    async fn rejections(
        &self,
        _: Call<v1::RejectionsRequest>,
    ) -> Result<Reply<v1::RejectionsResponse>, Status> {
        Ok(Reply::new(findings::rejections(&self.0.facts)))
    }

    async fn flags(&self, _: Call<v1::FlagsRequest>) -> Result<Reply<v1::FlagsResponse>, Status> {
        Ok(Reply::new(recent::flags(&self.0.board, &self.0.insight)))
    }

    async fn evaluations(
        &self,
        call: Call<v1::EvaluationsRequest>,
    ) -> Result<Reply<v1::EvaluationsResponse>, Status> {
        let v1::EvaluationsRequest { filter, after, limit } = call.into_inner();
        let limit = or(limit, EVALUATIONS);
        Ok(Reply::new(recent::evaluations(&self.0.insight, &parse(&filter)?, after, limit)))
    }

    type TapStream = BoxStream<'static, Result<v1::TapResponse, Status>>;

    async fn tap(&self, call: Call<v1::TapRequest>) -> Result<Reply<Self::TapStream>, Status> {
        let insight = Arc::clone(&self.0.insight);
        let tap = insight.tap(parse(&call.into_inner().filter)?);
        let tap = tap.map_err(|error| Status::resource_exhausted(error.to_string()))?;
        let skipped = insight.horizon().skipped;
        let told = stream::unfold((tap, insight, skipped), |(mut tap, insight, before)| async move {
            let told = tap.next().await?;
            let skipped = insight.horizon().skipped;
            let response = v1::TapResponse {
                evaluations: told.iter().map(|told| recent::evaluation(told)).collect(),
                dropped: tap.dropped(),
                skipped: skipped.saturating_sub(before),
            };
            Some((Ok(response), (tap, insight, skipped)))
        });
        Ok(Reply::new(told.boxed()))
    }

    async fn traces(&self, call: Call<v1::TracesRequest>) -> Result<Reply<v1::TracesResponse>, Status> {
        let v1::TracesRequest { filter, limit, having } = call.into_inner();
        let (insight, filter) = (Arc::clone(&self.0.insight), parse(&filter)?);
        let traces =
            beside(move || recent::traces(&insight, &filter, having.as_ref(), or(limit, TRACES))).await;
        traces.map(Reply::new).map_err(|_| failed())
    }

    async fn trace(&self, call: Call<v1::TraceRequest>) -> Result<Reply<v1::TraceResponse>, Status> {
        let (insight, id) = (Arc::clone(&self.0.insight), call.into_inner().trace_id.to_ascii_lowercase());
        let found = beside(move || insight.trace(&id, recent::trace)).await.map_err(|_| failed())?;
        let forgotten = "burgee does not remember this trace, or more than one begins like this";
        found.map(Reply::new).ok_or_else(|| Status::not_found(forgotten))
    }

    async fn try_downstreams(
        &self,
        _: Call<v1::TryDownstreamsRequest>,
    ) -> Result<Reply<v1::TryDownstreamsResponse>, Status> {
        let span = probe::span().ok_or_else(failed)?;
        let downstreams = self.0.downstreams.try_all(&span).await.into_iter().map(downstream).collect();
        Ok(Reply::new(v1::TryDownstreamsResponse { downstreams }))
    }
}

fn downstream(tried: Tried) -> v1::DownstreamTried {
    let what = match &tried.outcome {
        Answer::Accepted => "accepted",
        Answer::Partly { .. } => "partly",
        Answer::RetryLater { .. } => "retry_later",
        Answer::TooLarge { .. } => "too_large",
        Answer::Rejected { .. } => "rejected",
    };
    let message: String =
        crate::config::escape(tried.outcome.message()).chars().take(MESSAGE_CHARS_MAX).collect();
    v1::DownstreamTried {
        exporter: tried.exporter.to_string(),
        what: what.to_owned(),
        message,
        took_us: u64::try_from(tried.took.as_micros()).unwrap_or(u64::MAX),
    }
}

fn parse(filter: &str) -> Result<Filter, Status> {
    filter.parse().map_err(|error: crate::insight::FilterError| Status::invalid_argument(error.to_string()))
}

fn or(limit: u32, default: usize) -> usize {
    usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(default).min(LIMIT_MAX)
}

/// A defect, which the log tells of.
fn failed() -> Status {
    Status::internal("the answer failed; burgee's log says why")
}

/// People and probes on this machine, not traffic.
const CONNECTIONS_MAX: usize = 64;
/// The narrowest that HTTP/2 has.
const WINDOW_BYTES: u32 = 65_535;
const SPEAKS: &str = "admin, for burgee's commands and for browsers";
const EVALUATIONS: usize = 500;
const TRACES: usize = 100;
const LIMIT_MAX: usize = 5000;
const MESSAGE_CHARS_MAX: usize = 1000;
