//! An admin service that says what a test wants it to say.

use std::sync::Arc;

use burgee::admin::v1;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// What it answers.
#[derive(Clone, Default)]
pub struct Answers {
    pub flags: v1::FlagsResponse,
    pub senders: v1::SendersResponse,
    pub findings: v1::FindingsResponse,
    pub status: v1::StatusResponse,
    pub past: v1::EvaluationsResponse,
    pub tap: Vec<v1::TapResponse>,
    pub then: Then,
    pub traces: v1::TracesResponse,
    pub trace: Option<v1::TraceResponse>,
}

/// What follows after everything was tapped.
#[derive(Clone, Copy, Default)]
pub enum Then {
    #[default]
    Nothing,
    TheSameForEver,
    TheEnd,
}

/// Closes its port and its idle connections when it is dropped.
pub struct Fake {
    pub url: String,
    _stop: oneshot::Sender<()>,
}

pub async fn start(answers: Answers) -> Fake {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let service =
        v1::admin_server::AdminServer::new(Service(Arc::new(answers))).max_encoding_message_size(usize::MAX);
    let (stop, stopped) = oneshot::channel();
    let stopped = async { drop(stopped.await) };
    let incoming = TcpIncoming::from(listener);
    let serving = Server::builder().add_service(service).serve_with_incoming_shutdown(incoming, stopped);
    tokio::spawn(serving);
    Fake { url, _stop: stop }
}

struct Service(Arc<Answers>);

#[tonic::async_trait]
impl v1::admin_server::Admin for Service {
    async fn status(&self, _: Request<v1::StatusRequest>) -> Result<Response<v1::StatusResponse>, Status> {
        Ok(Response::new(self.0.status.clone()))
    }

    async fn findings(
        &self,
        _: Request<v1::FindingsRequest>,
    ) -> Result<Response<v1::FindingsResponse>, Status> {
        Ok(Response::new(self.0.findings.clone()))
    }

    async fn senders(&self, _: Request<v1::SendersRequest>) -> Result<Response<v1::SendersResponse>, Status> {
        Ok(Response::new(self.0.senders.clone()))
    }

    async fn rejections(
        &self,
        _: Request<v1::RejectionsRequest>,
    ) -> Result<Response<v1::RejectionsResponse>, Status> {
        Err(Status::unimplemented("older than that"))
    }

    async fn flags(&self, _: Request<v1::FlagsRequest>) -> Result<Response<v1::FlagsResponse>, Status> {
        Ok(Response::new(self.0.flags.clone()))
    }

    async fn evaluations(
        &self,
        _: Request<v1::EvaluationsRequest>,
    ) -> Result<Response<v1::EvaluationsResponse>, Status> {
        Ok(Response::new(self.0.past.clone()))
    }

    type TapStream = BoxStream<'static, Result<v1::TapResponse, Status>>;

    async fn tap(&self, request: Request<v1::TapRequest>) -> Result<Response<Self::TapStream>, Status> {
        if request.get_ref().filter == "flg=x" {
            return Err(Status::invalid_argument("the filter has no name flg; did you mean flag?"));
        }
        let taps = stream::iter(self.0.tap.clone()).map(Ok);
        Ok(Response::new(match self.0.then {
            Then::Nothing => taps.chain(stream::pending()).boxed(),
            Then::TheSameForEver => stream::iter(self.0.tap.clone().into_iter().cycle()).map(Ok).boxed(),
            Then::TheEnd => taps.boxed(),
        }))
    }

    async fn traces(&self, _: Request<v1::TracesRequest>) -> Result<Response<v1::TracesResponse>, Status> {
        Ok(Response::new(self.0.traces.clone()))
    }

    async fn trace(&self, request: Request<v1::TraceRequest>) -> Result<Response<v1::TraceResponse>, Status> {
        let known = self.0.trace.as_ref().filter(|trace| {
            let id = trace.summary.as_ref().map(|summary| summary.trace_id.as_str());
            id.is_some_and(|id| id.starts_with(&request.get_ref().trace_id))
        });
        known.cloned().map(Response::new).ok_or_else(|| Status::not_found(""))
    }

    async fn try_downstreams(
        &self,
        _: Request<v1::TryDownstreamsRequest>,
    ) -> Result<Response<v1::TryDownstreamsResponse>, Status> {
        Err(Status::unimplemented("older than that"))
    }
}

/// What would take over a terminal that obeyed it.
pub const HOSTILE: &str = "evil\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\r\n";

/// An evaluation with a number.
pub fn evaluation(number: u64, key: &str) -> v1::Evaluation {
    v1::Evaluation {
        number,
        at_unix_ms: 1_700_000_000_000 + number,
        service: "checkout-api".into(),
        key: key.into(),
        variant: "on".into(),
        reason: "split".into(),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        ..Default::default()
    }
}

pub fn flag(key: &str, evaluations: u64) -> v1::Flag {
    let share = |name: &str, evaluations| v1::Share { name: name.into(), evaluations };
    v1::Flag {
        key: key.into(),
        evaluations,
        variants: vec![share("on", evaluations), share("off", 3 * evaluations)],
        reasons: vec![share("split", evaluations)],
        services: vec!["checkout-api".into(), HOSTILE.into()],
        recent: vec![0, 1, 5, 2],
        last_seen_unix_ms: 1_700_000_000_000,
        ..Default::default()
    }
}
