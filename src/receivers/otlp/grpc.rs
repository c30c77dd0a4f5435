//! OTLP/gRPC: one unary call, by hand. The messages stay bytes, which no generated service allows, and an oversized
//! one is RESOURCE_EXHAUSTED, which tonic calls OUT_OF_RANGE.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body::Body as _;
use tonic::{Code, Status};

use super::door::{Arrival, Door, Syntax, Written, malformed};
use super::{Caller, grpc_signal, services};
use crate::component::{Admission, Transport};
use crate::net::{Body, RequestBody, Sizing};
use crate::otlp::answer::{self, Answer};
use crate::otlp::compression::Encoding;

pub(super) async fn call(door: Arc<Door>, request: Request<RequestBody>, caller: Caller) -> Response<Body> {
    let signal = grpc_signal(request.uri().path());
    if let Err(turned_away) = caller.let_in(request.headers(), &door, Transport::Grpc, signal).await {
        return failure(status(&turned_away.answer));
    }
    let Some(signal) = signal else {
        if services::are_at(request.uri().path()) {
            return services::call(door, request, caller).await;
        }
        let message = "unknown service or method; OTLP/gRPC has \
                       opentelemetry.proto.collector.{trace,metrics,logs}.v1.{Trace,Metrics,Logs}Service/Export";
        return failure(Status::unimplemented(message));
    };
    let (head, mut body) = request.into_parts();
    if head.version != http::Version::HTTP_2 || head.method != Method::POST {
        return failure(Status::internal("gRPC needs HTTP/2 and POST; use OTLP/HTTP over HTTP/1.1"));
    }
    let encoding = head.headers.get("grpc-encoding").map_or(&b""[..], HeaderValue::as_bytes);
    let Some(encoding) = Encoding::from_header(encoding) else {
        let message = "grpc-encoding is not supported; use gzip, zstd, deflate or none";
        return with_accepted_encodings(failure(Status::unimplemented(message)));
    };
    let arrival = door.arrive(signal, Transport::Grpc, caller);
    let answer = match read(&door, &mut body, &arrival, encoding).await {
        Ok((admission, message, encoding)) => {
            let written = Written { syntax: Syntax::Protobuf, encoding };
            door.take(arrival, admission, message, written).await
        }
        Err(answer) => door.turned_away(arrival, answer),
    };
    match &answer {
        Answer::Accepted | Answer::Partly { .. } => success(answer.response(signal)),
        failed => failure(status(failed)),
    }
}

/// What callers get who write their messages in something else than protobuf: `application/grpc+json`.
pub(super) fn unknown_codec() -> Response<Body> {
    failure(Status::unimplemented(
        "gRPC messages have to be protobuf: application/grpc or application/grpc+proto",
    ))
}

/// The message of the call, still compressed if it was.
async fn read(
    door: &Door,
    body: &mut RequestBody,
    arrival: &Arrival,
    encoding: Encoding,
) -> Result<(Admission, Bytes, Encoding), Answer> {
    let mut admission = door.admit(arrival, body.size_hint().exact())?;
    let bytes = door.read(body, arrival, &mut admission, Sizing::GrpcPrefix).await?;
    let mut bytes = Bytes::from(bytes);
    if bytes.len() < PREFIX_BYTES {
        return Err(malformed("the call has no message".into()));
    }
    let compressed = bytes.get_u8();
    let len = bytes.get_u32();
    if bytes.len() as u64 != u64::from(len) {
        let what = format!("the message should have {len} bytes and has {}", bytes.len());
        return Err(malformed(what));
    }
    match (compressed, encoding) {
        (0, _) => Ok((admission, bytes, Encoding::Identity)),
        (1, Encoding::Identity) => Err(Answer::Rejected {
            code: answer::Code::Internal,
            message: "the message says that it is compressed, but there is no grpc-encoding".into(),
        }),
        (1, encoding) => Ok((admission, bytes, encoding)),
        _ => Err(malformed("the first byte of a gRPC message is 0 or 1".into())),
    }
}

fn success(message: Bytes) -> Response<Body> {
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).expect("responses are a few kilobytes"));
    frame.put(message);
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let mut response = Response::new(Body::from(frame.freeze()).with_trailers(trailers));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

fn status(answer: &Answer) -> Status {
    let code = Code::from_i32(answer.code() as i32);
    match answer {
        // only a retry has details worth sending
        Answer::RetryLater { after: Some(_), .. } => {
            Status::with_details(code, answer.message(), answer.status())
        }
        _ => Status::new(code, answer.message()),
    }
}

/// A trailers-only answer.
fn failure(status: Status) -> Response<Body> {
    status.into_http()
}

fn with_accepted_encodings(mut response: Response<Body>) -> Response<Body> {
    response
        .headers_mut()
        .insert("grpc-accept-encoding", HeaderValue::from_static("identity,gzip,zstd,deflate"));
    response
}

/// Compression flag and length.
const PREFIX_BYTES: usize = 5;
