//! OTLP/gRPC: one unary call, by hand. The messages stay bytes, which no generated service allows, and an oversized
//! one is RESOURCE_EXHAUSTED, which tonic calls OUT_OF_RANGE.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body::Body as _;
use tonic::{Code, Status};

use super::door::{Arrival, Door, Said, Syntax, Written, malformed};
use super::sight::{Ends, Sight};
use super::{Caller, grpc_signal, pages, services};
use crate::component::{Admission, Transport};
use crate::net::{Body, RequestBody, Sizing};
use crate::observe::facts::Fact;
use crate::otlp::answer::{self, Answer};
use crate::otlp::compression::Encoding;

pub(super) async fn call(door: Arc<Door>, request: Request<RequestBody>, caller: Caller) -> Response<Body> {
    let signal = grpc_signal(request.uri().path());
    let ends = caller.ends();
    let let_in = caller.let_in(Sight::of(&request, ends), &door, Transport::Grpc, signal);
    if let Err(turned_away) = let_in.await {
        return failure(status(&turned_away.answer));
    }
    let Some(signal) = signal else {
        if services::are_at(request.uri().path()) {
            return services::call(door, request, caller).await;
        }
        return unknown_method(&door, Sight::of(&request, ends));
    };
    let (head, mut body) = request.into_parts();
    let sight = Sight::of_head(&head, ends);
    if head.version != http::Version::HTTP_2 || head.method != Method::POST {
        let status = Status::internal("gRPC needs HTTP/2 and POST; use OTLP/HTTP over HTTP/1.1");
        return refusal(&door, sight, status);
    }
    let encoding = head.headers.get("grpc-encoding").map_or(&b""[..], HeaderValue::as_bytes);
    let Some(encoding) = Encoding::from_header(encoding) else {
        let detail = format!("grpc-encoding: {}", sight.text("grpc-encoding"));
        unsupported(&door, sight, &detail);
        let message = "grpc-encoding is not supported; use gzip, zstd, deflate or none";
        return with_accepted_encodings(refusal(&door, sight, Status::unimplemented(message)));
    };
    let arrival = door.arrive(signal, Transport::Grpc, caller, body.size_hint().exact());
    let (answer, said) = match read(&door, &mut body, &arrival, encoding).await {
        Ok((admission, message, encoding)) => {
            let written = Written { syntax: Syntax::Protobuf, encoding };
            door.take(arrival, admission, message, written).await
        }
        Err(answer) => (door.turned_away(arrival, answer), Said::Here),
    };
    match &answer {
        Answer::Accepted | Answer::Partly { .. } => success(answer.response(signal)),
        failed => {
            door.reject(sight, Transport::Grpc, failed.code() as u16, said.reason(failed));
            failure(status(failed))
        }
    }
}

/// What callers get who write their messages in something else than protobuf: `application/grpc+json`.
pub(super) fn unknown_codec(door: &Door, sight: Sight<'_>) -> Response<Body> {
    let detail = format!("content-type: {}", sight.text(header::CONTENT_TYPE));
    unsupported(door, sight, &detail);
    let message = "gRPC messages have to be protobuf: application/grpc or application/grpc+proto";
    refusal(door, sight, Status::unimplemented(message))
}

/// What callers get of a method that is none of OTLP's, nor of the other services.
fn unknown_method(door: &Door, sight: Sight<'_>) -> Response<Body> {
    let Ends { peer, listener } = sight.ends;
    let path = sight.uri.path();
    let message = if let Some((protocol, _)) = pages::other_protocol(path) {
        let detail = format!("{protocol}: {path}");
        door.facts().report_with(Fact::Legacy { peer, listener }, &detail);
        format!("this is a method of {protocol}, and burgee takes OTLP: let the sender export that")
    } else if path.starts_with(PROFILES) {
        door.facts().report_with(Fact::Unserved { peer, listener }, "profiles");
        "burgee takes no profiles; let the sender stop".to_owned()
    } else {
        door.facts().report_with(Fact::WrongPath { peer, listener }, path);
        "unknown service or method; OTLP/gRPC has \
         opentelemetry.proto.collector.{trace,metrics,logs}.v1.{Trace,Metrics,Logs}Service/Export"
            .to_owned()
    };
    refusal(door, sight, Status::unimplemented(message))
}

fn unsupported(door: &Door, sight: Sight<'_>, detail: &str) {
    let Ends { peer, listener } = sight.ends;
    door.facts().report_with(Fact::UnsupportedMediaType { peer, listener }, detail);
}

/// The answer to a call that is not even looked into.
fn refusal(door: &Door, sight: Sight<'_>, status: Status) -> Response<Body> {
    door.reject(sight, Transport::Grpc, status.code() as u16, status.message());
    failure(status)
}

/// The message of the call, still compressed if it was.
async fn read(
    door: &Door,
    body: &mut RequestBody,
    arrival: &Arrival,
    encoding: Encoding,
) -> Result<(Admission, Bytes, Encoding), Answer> {
    let mut admission = door.admit(arrival)?;
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
    let frame = match u32::try_from(message.len()).expect("responses are a few kilobytes") {
        0 => Bytes::from_static(&[0; PREFIX_BYTES]),
        len => {
            let mut frame = BytesMut::with_capacity(PREFIX_BYTES + message.len());
            frame.put_u8(0);
            frame.put_u32(len);
            frame.put(message);
            frame.freeze()
        }
    };
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let mut response = Response::new(Body::from(frame).with_trailers(trailers));
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

const PROFILES: &str = "/opentelemetry.proto.collector.profiles.";
/// Compression flag and length.
const PREFIX_BYTES: usize = 5;
