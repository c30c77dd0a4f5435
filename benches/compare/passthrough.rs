//! The yardstick: tonic's server and client with a codec that leaves messages alone, and batches by concatenation.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

const PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const BATCH_BYTES: usize = 2 << 20;
const BATCH_TIME: Duration = Duration::from_millis(200);
const MESSAGE_MAX: usize = 64 << 20;

/// Serves at `listen` and forwards to `out`, compressed as what comes in.
pub async fn run(listen: &str, out: &str, compressed: bool) {
    let channel = Endpoint::from_shared(format!("http://{out}")).expect("a URI").connect_lazy();
    let (queue, waiting) = mpsc::channel(1000);
    tokio::spawn(forward(waiting, channel, compressed));
    let listener = tokio::net::TcpListener::bind(listen).await.expect("the port is free");
    let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder()
        .add_service(Passthrough { queue })
        .serve_with_incoming(incoming)
        .await
        .expect("serves until it is killed");
}

/// Merges what waits and sends it, four batches at once.
async fn forward(mut waiting: mpsc::Receiver<Bytes>, channel: Channel, compressed: bool) {
    let permits = std::sync::Arc::new(tokio::sync::Semaphore::new(4));
    while let Some(first) = waiting.recv().await {
        let mut batch = first.to_vec();
        let deadline = tokio::time::Instant::now() + BATCH_TIME;
        while batch.len() < BATCH_BYTES {
            match tokio::time::timeout_at(deadline, waiting.recv()).await {
                Ok(Some(next)) => batch.extend_from_slice(&next),
                Ok(None) | Err(_) => break,
            }
        }
        let permit = permits.clone().acquire_owned().await.expect("never closed");
        let mut client = tonic::client::Grpc::new(channel.clone()).max_encoding_message_size(MESSAGE_MAX);
        if compressed {
            client = client.send_compressed(CompressionEncoding::Gzip);
        }
        tokio::spawn(async move {
            let batch = Bytes::from(batch);
            loop {
                client.ready().await.expect("connects");
                let path = http::uri::PathAndQuery::from_static(PATH);
                match client.unary(Request::new(batch.clone()), path, Raw).await {
                    Ok(_) => break,
                    Err(error) if error.code() == tonic::Code::Unavailable => {
                        tokio::time::sleep(BATCH_TIME).await;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            drop(permit);
        });
    }
}

#[derive(Clone)]
struct Passthrough {
    queue: mpsc::Sender<Bytes>,
}

impl tonic::server::NamedService for Passthrough {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl tower::Service<http::Request<tonic::body::Body>> for Passthrough {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let export = Export { queue: self.queue.clone() };
        async move {
            let mut grpc = tonic::server::Grpc::new(Raw)
                .max_decoding_message_size(MESSAGE_MAX)
                .accept_compressed(CompressionEncoding::Gzip);
            Ok(grpc.unary(export, request).await)
        }
        .boxed()
    }
}

struct Export {
    queue: mpsc::Sender<Bytes>,
}

impl tonic::server::UnaryService<Bytes> for Export {
    type Response = Bytes;
    type Future = BoxFuture<'static, Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let queue = self.queue.clone();
        async move {
            queue.send(request.into_inner()).await.map_err(|_| Status::unavailable("ending"))?;
            Ok(Response::new(Bytes::new()))
        }
        .boxed()
    }
}

#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buf.copy_to_bytes(buf.remaining())))
    }
}
