//! A downstream over OTLP/gRPC that keeps what it gets.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tonic::transport::server::{Server, TcpIncoming};

/// What the tests hold of it.
pub struct Sink {
    /// One for each request that has come, before it is answered; the first 1,024 that nobody took.
    pub arrived: mpsc::Receiver<()>,
    /// As many answers as it may give.
    pub answers: Arc<Semaphore>,
    spans: Arc<Mutex<Vec<Vec<u8>>>>,
}

struct Service {
    arrived: mpsc::Sender<()>,
    answers: Arc<Semaphore>,
    spans: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Sink {
    /// Serves on `listener` until the test ends.
    pub fn serve(listener: TcpListener, answers: usize) -> Sink {
        let (sender, arrived) = mpsc::channel(1024);
        let answers = Arc::new(Semaphore::new(answers));
        let spans = Arc::new(Mutex::default());
        let service = Service { arrived: sender, answers: answers.clone(), spans: Arc::clone(&spans) };
        let server = Server::builder().add_service(TraceServiceServer::new(service));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        Sink { arrived, answers, spans }
    }

    /// The trace ids of all spans that were answered, sorted.
    pub fn trace_ids(&self) -> Vec<Vec<u8>> {
        let mut ids = self.spans.lock().expect("no panic while it is held").clone();
        ids.sort();
        ids
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        // A test that does not ask when requests come needs no more of these.
        let _full = self.arrived.try_send(());
        self.answers.acquire().await.expect("it is never closed").forget();
        let mut spans = self.spans.lock().expect("no panic while it is held");
        for resource_spans in request.into_inner().resource_spans {
            for scope_spans in resource_spans.scope_spans {
                spans.extend(scope_spans.spans.into_iter().map(|span| span.trace_id));
            }
        }
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}
