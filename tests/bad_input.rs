//! Whatever the network sends, burgee gives its defined answer, stays small, lives, and serves everyone else.
#![cfg(unix)]

#[path = "support/sender.rs"]
mod sender;
#[expect(dead_code, reason = "the command line's tests need more of it")]
mod support;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use burgee::otlp::compression::{Encoding, compress};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use prost::Message;
use sender::{Answer, GRPC, HTTP, Http2, framed, http1, parse, raw, request};
use support::{Burgee, file, start};
use tempfile::{TempDir, tempdir};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tonic_types::pb;

const MIB: usize = 1 << 20;
/// The largest request that the burgee of these tests takes.
const LIMIT: usize = 4 * MIB;
/// All the memory that it may use for what it receives, in MiB.
const BUDGET_MIB: u64 = 24;

const CONFIG: &str = "
receivers:
  otlp:
    protocols:
      grpc: {endpoint: 127.0.0.1:0, max_recv_msg_size_mib: 4}
      http: {endpoint: 127.0.0.1:0, max_request_body_size: 4194304, read_header_timeout: 300ms, idle_timeout: 2s}
processors:
  memory_limiter: {limit_mib: 24, spike_limit_mib: 0}
exporters:
  nop:
extensions:
  admin: {endpoint: 127.0.0.1:0}
service:
  extensions: [admin]
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter], exporters: [nop]}
";

struct Target {
    burgee: Burgee,
    grpc: SocketAddr,
    http: SocketAddr,
    _folder: TempDir,
}

async fn target() -> Target {
    let folder = tempdir().expect("a folder");
    let config = file(folder.path(), "burgee.yaml", CONFIG);
    let mut burgee = start(&["--config", &config]);
    let grpc = burgee.listening("OTLP").await;
    let http = burgee.listening("OTLP").await;
    Target { burgee, grpc, http, _folder: folder }
}

impl Target {
    async fn http1(&self, encoding: &[(&str, &str)], body: &[u8]) -> Answer {
        let length = body.len().to_string();
        let mut headers = vec![("content-type", "application/x-protobuf"), ("content-length", &length)];
        headers.extend(encoding);
        http1(self.http, &headers, &[body]).await
    }

    async fn json(&self, body: &[u8]) -> Answer {
        let length = body.len().to_string();
        let headers = [("content-type", "application/json"), ("content-length", length.as_str())];
        http1(self.http, &headers, &[body]).await
    }

    async fn http2(&self, encoding: &[(&str, &str)], body: Bytes) -> Answer {
        let mut headers = vec![("content-type", "application/x-protobuf")];
        headers.extend(encoding);
        Http2::connect(self.http).await.send(HTTP, &headers, &[body]).await
    }

    async fn grpc(&self, encoding: &[(&str, &str)], body: &[Bytes]) -> Answer {
        let mut headers = vec![("content-type", "application/grpc"), ("te", "trailers")];
        headers.extend(encoding);
        Http2::connect(self.grpc).await.send(GRPC, &headers, body).await
    }

    /// A good request by each protocol is taken.
    async fn serves(&self) {
        let body = request(1, 3);
        assert_eq!(self.http1(&[], &body).await.status, 200);
        assert_eq!(self.http2(&[], body.clone()).await.status, 200);
        assert_eq!(self.grpc(&[], &[framed(0, &body)]).await.grpc_status(), Some(0));
    }

    /// What an ordinary day costs: requests of nearly the limit, plain and compressed, by each protocol.
    async fn warm_up(&self) {
        let body = large();
        let zipped = gzip(&body[..]);
        for _ in 0..3 {
            assert_eq!(self.http1(&[], &body).await.status, 200);
            assert_eq!(self.http1(GZIP, &zipped).await.status, 200);
            assert_eq!(self.http2(&[], body.clone()).await.status, 200);
            assert_eq!(self.grpc(&[], &[framed(0, &body)]).await.grpc_status(), Some(0));
            assert_eq!(self.grpc(GRPC_GZIP, &[framed(1, &zipped)]).await.grpc_status(), Some(0));
        }
    }

    /// The most memory that the process ever had, in KiB. Where there is no /proc, this says nothing.
    fn peak_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.burgee.pid());
        let status = if cfg!(target_os = "linux") {
            std::fs::read_to_string(path).expect("the process lives")
        } else {
            return 0;
        };
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    async fn ends_well(self) {
        self.burgee.signal("TERM").await;
        let ended = self.burgee.end().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert!(!ended.log.contains("panicked"), "{}", ended.log);
    }
}

const GZIP: &[(&str, &str)] = &[("content-encoding", "gzip")];
const GRPC_GZIP: &[(&str, &str)] = &[("grpc-encoding", "gzip")];

/// A good request of nearly the limit.
fn large() -> Bytes {
    let one = request(2, 200);
    one.repeat((LIMIT - 1) / one.len()).into()
}

fn gzip(content: impl Read) -> Bytes {
    let mut content = content;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::copy(&mut content, &mut encoder).expect("memory takes everything");
    encoder.flush().expect("memory takes everything");
    encoder.finish().expect("memory takes everything").into()
}

/// A field whose content is `content`.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}

/// A request of one span with one attribute of this key and this AnyValue.
fn attribute(key: &[u8], value: &[u8]) -> Vec<u8> {
    let key_value = [field(1, key), field(2, value)].concat();
    let span = [field(1, &[7; 16]), field(2, &[9; 8]), field(9, &key_value)].concat();
    field(1, &field(2, &field(2, &span)))
}

/// What is wrong, and the bytes that are.
fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let mut nested = field(1, b"x");
    for _ in 0..4000 {
        nested = field(5, &field(1, &nested));
    }
    let good = request(1, 2);
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    let random = std::iter::repeat_with(|| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise as u8
    });
    vec![
        ("random bytes", random.take(100_000).collect()),
        ("a truncated message", good[..good.len() - 3].to_vec()),
        ("a wrong wire type", vec![0x08, 5]),
        ("a length past the end", vec![0x0a, 0xff, 0xff, 0xff, 0x7f]),
        ("a length of 2^63", vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        ("a varint without end", vec![0x0a; 1].into_iter().chain([0xff; 64]).collect()),
        ("a key that is not UTF-8", attribute(b"\xff\xfe", &field(1, b"x"))),
        ("a value that is not UTF-8", attribute(b"k", &field(1, b"\xc3("))),
        ("4,000 nested values", attribute(b"k", &nested)),
    ]
}

#[tokio::test]
async fn what_is_not_otlp_is_a_400_or_an_invalid_argument() {
    let target = target().await;
    for (what, bytes) in malformed() {
        for answer in [target.http1(&[], &bytes).await, target.http2(&[], bytes.clone().into()).await] {
            assert_eq!(answer.status, 400, "{what}");
            let status = pb::Status::decode(answer.body).expect("a google.rpc.Status");
            assert!(status.code == 3 && status.message.starts_with("not an OTLP"), "{what}: {status:?}");
        }
        let answer = target.grpc(&[], &[framed(0, &bytes)]).await;
        assert_eq!((answer.status, answer.grpc_status()), (200, Some(3)), "{what}");
        // The same, where the sender says it is compressed.
        let answer = target.http1(GZIP, &bytes).await;
        assert_eq!(answer.status, 400, "{what}, said to be gzip");
        let answer = target.http1(GZIP, &gzip(&bytes[..])).await;
        assert_eq!(answer.status, 400, "{what}, compressed");
    }
    target.serves().await;
    target.ends_well().await;
}

#[tokio::test]
async fn an_empty_body_is_an_empty_request_and_an_empty_frame_is_none() {
    let target = target().await;
    let answer = target.http1(&[], b"").await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(target.http2(&[], Bytes::new()).await.status, 200);
    assert_eq!(target.grpc(&[], &[framed(0, b"")]).await.grpc_status(), Some(0));
    // gRPC needs its five bytes; nothing at all is no message.
    for cut in [&b""[..], b"\0", b"\0\0\0\0", b"\0\0\0\0\x05ab", b"\x07\0\0\0\0"] {
        let code = target.grpc(&[], &[Bytes::from_static(cut)]).await.grpc_status();
        assert!(matches!(code, Some(3 | 12 | 13)), "{cut:?}: {code:?}");
    }
    target.ends_well().await;
}

#[tokio::test]
async fn a_grpc_frame_is_believed_only_as_far_as_it_is_there() {
    let target = target().await;
    let good = request(1, 2);
    let frame = framed(0, &good);
    let cases: [(&str, Vec<u8>, i32); 8] = [
        ("a length of 2^32 - 1", vec![0, 255, 255, 255, 255, 1, 2, 3], 8),
        ("a length just over the limit", [&[0][..], &(LIMIT as u32 + 1).to_be_bytes()].concat(), 8),
        ("a length within the limit and no body", [&[0][..], &(LIMIT as u32).to_be_bytes()].concat(), 3),
        ("bytes after the message", [&frame[..], b"more"].concat(), 3),
        ("two messages in a unary call", [&frame[..], &frame].concat(), 3),
        ("a flag that is none", [&[2], &frame[1..]].concat(), 3),
        ("compressed without a coding", framed(1, &good).to_vec(), 13),
        ("a length one short", [&[0][..], &(good.len() as u32 - 1).to_be_bytes(), &good].concat(), 3),
    ];
    for (what, bytes, code) in cases {
        let answer = target.grpc(&[], &[bytes.into()]).await;
        assert_eq!((answer.status, answer.grpc_status()), (200, Some(code)), "{what}");
    }
    let answer = target.grpc(&[("grpc-encoding", "snappy")], &[frame]).await;
    assert_eq!(answer.grpc_status(), Some(12));
    assert_eq!(answer.headers["grpc-accept-encoding"], "identity,gzip,zstd,deflate");
    target.serves().await;
    target.ends_well().await;
}

/// A request of one span with this value, as OTLP/JSON.
fn json_value(value: &str) -> String {
    let attribute = format!(r#"{{"key":"k","value":{value}}}"#);
    json_span(&format!(r#""attributes":[{attribute}]"#))
}

fn json_span(members: &str) -> String {
    let ids = format!(r#""traceId":"{:032x}","spanId":"{:016x}""#, 1, 1);
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{ids},{members}}}]}}]}}]}}"#)
}

#[tokio::test]
async fn odd_json_is_taken_or_refused_by_its_rules_and_never_repeated() {
    let target = target().await;
    let deep = |open: &str, close: &str, levels: usize| open.repeat(levels) + "null" + &close.repeat(levels);
    let arrays = deep(r#"{"arrayValue":{"values":["#, "]}}", 50_000);
    let maps = deep(r#"{"kvlistValue":{"values":[{"value":"#, "}]}}", 40_000);
    let cases = [
        ("values 50,000 deep", json_value(&arrays), 400),
        ("maps 40,000 deep", json_value(&maps), 400),
        ("an unknown name a million deep", json_span(&format!(r#""x":{}"#, deep("[", "]", 1_000_000))), 200),
        ("a byte order mark", format!("\u{feff}{}", json_span(r#""name":"x""#)), 200),
        ("a lone surrogate", json_span(r#""name":"s3cr3t\ud800x""#), 400),
        ("ids in base64", json_span(r#""spanId":"s3cr3t+/AAE=""#), 400),
        ("an int64 over its range", json_value(r#"{"intValue":"9223372036854775808"}"#), 400),
        ("an int64 of 10^9 digits, as an exponent", json_value(r#"{"intValue":1e1000000000}"#), 400),
        ("a fraction for an integer", json_value(r#"{"intValue":1.5}"#), 400),
        ("a number as text", json_span(r#""kind":"3","flags":"1""#), 200),
        ("NaN as it is in JavaScript", json_value(r#"{"doubleValue":NaN}"#), 400),
        ("NaN as text", json_value(r#"{"doubleValue":"NaN"}"#), 200),
        ("a name of an enum", json_span(r#""kind":"SPAN_KIND_SERVER""#), 200),
        ("a key twice", json_span(r#""name":"a","name":"b","status":{"code":1},"status":{}"#), 200),
        ("a comma too many", json_span(r#""name":"s3cr3t","#), 400),
        ("a comment", json_span("/* s3cr3t */"), 400),
        ("single quotes", json_span("'name':'s3cr3t'"), 400),
        ("something after the end", format!("{} s3cr3t", json_span(r#""name":"x""#)), 400),
        ("two requests", json_span(r#""name":"x""#).repeat(2), 400),
        ("a list", "[]".into(), 400),
        ("nothing", String::new(), 400),
        ("control characters", json_span("\"name\":\"s3cr3t\u{1b}[31m\n\""), 400),
    ];
    for (what, body, status) in cases {
        let answer = target.json(body.as_bytes()).await;
        assert_eq!(answer.status, status, "{what}: {:?}", answer.body);
        let said = String::from_utf8(answer.body.to_vec()).expect("JSON");
        assert!(!said.contains("s3cr3t"), "{what}: {said}");
        assert_eq!(said.contains(": line 1, column "), status == 400, "{what}: {said}");
    }
    for bad in [&b"\xff"[..], b"{\"resourceSpans\":[{\"schemaUrl\":\"\xc3(\"}]}", b"\xff\xfe{\0}\0"] {
        assert_eq!(target.json(bad).await.status, 400, "{bad:?}");
    }
    target.serves().await;
    target.ends_well().await;
}

#[tokio::test]
async fn many_small_things_in_a_request_take_no_more_memory_than_large_ones() {
    let target = target().await;
    target.warm_up().await;
    let usual = target.peak_kib();
    let groups = b"\x0a\0".repeat(LIMIT / 2);
    let spans = field(1, &field(2, &b"\x12\0".repeat(LIMIT / 2 - 16)));
    let attributes = b"\x4a\0".repeat(LIMIT / 2 - 64);
    let span = field(2, &[field(1, &[7; 16]), field(2, &[9; 8]), attributes].concat());
    let text =
        field(2, &[field(1, &[7; 16]), field(2, &[9; 8]), field(5, &vec![b'x'; LIMIT - 100])].concat());
    for (what, body) in [
        ("two million empty groups", groups),
        ("two million spans without ids", spans),
        ("two million attributes", field(1, &field(2, &span))),
        ("a name of 4 MiB", field(1, &field(2, &text))),
    ] {
        assert!(body.len() <= LIMIT, "{what}: {}", body.len());
        assert_eq!(target.http1(&[], &body).await.status, 200, "{what}");
    }
    let json = format!(r#"{{"resourceSpans":[{}{{}}]}}"#, "{},".repeat(LIMIT / 3 - 20));
    assert_eq!(target.json(json.as_bytes()).await.status, 200, "a million empty groups in JSON");
    let more = target.peak_kib().saturating_sub(usual);
    assert!(more < 4 * LIMIT as u64 / 1024, "{more} KiB above the {usual} KiB of ordinary requests");
    target.serves().await;
    target.ends_well().await;
}

#[tokio::test]
async fn slow_senders_lose_their_connection_and_no_one_else_does() {
    let target = target().await;
    // heads that do not end, whatever they began with
    for head in ["P", "POST /v1/traces HTTP/1.1\r\nhost: x\r\n", "POST /v1/traces HTTP/1.1\r\nx-a: b"] {
        let mut socket = TcpStream::connect(target.http).await.expect("it listens");
        socket.write_all(head.as_bytes()).await.expect("it reads");
        let mut received = Vec::new();
        // drips on, one byte at a time, until the collector has had enough
        while socket.write_all(b"x").await.is_ok() {
            let wait = tokio::time::timeout(Duration::from_millis(50), socket.read_buf(&mut received)).await;
            if matches!(wait, Ok(Ok(0) | Err(_))) {
                break;
            }
        }
        assert!(received.is_empty() || parse(&received).status >= 400, "{head:?}");
    }
    target.serves().await;
    target.ends_well().await;
}

/// What is odd about a request, the request, and the statuses of all answers to it.
fn smuggled() -> Vec<(&'static str, String, &'static [u16])> {
    let post = "POST /v1/traces HTTP/1.1\r\ncontent-type: application/x-protobuf\r\n";
    let inner = "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    let with = |head: &str, body: &str| format!("{post}{head}\r\n{body}");
    let length = inner.len();
    vec![
        // as RFC 9112, 6.1 allows: read by its chunks alone, and nothing on the connection after it
        (
            "a length beside chunks",
            with(
                &format!("host: x\r\ncontent-length: {length}\r\ntransfer-encoding: chunked\r\n"),
                &format!("0\r\n\r\n{inner}"),
            ),
            &[200],
        ),
        (
            "chunks beside a length",
            with(
                "host: x\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n",
                &format!("0\r\n\r\n{inner}"),
            ),
            &[200],
        ),
        ("two lengths", with("host: x\r\ncontent-length: 0\r\ncontent-length: 5\r\n", "abcde"), &[400]),
        ("a length with a sign", with("host: x\r\ncontent-length: +0\r\n", inner), &[400]),
        ("a length list", with("host: x\r\ncontent-length: 0, 5\r\n", "abcde"), &[400]),
        ("a coding that is not chunked", with("host: x\r\ntransfer-encoding: gzip\r\n", inner), &[400]),
        (
            "chunked twice removed",
            with("host: x\r\ntransfer-encoding: chunked, identity\r\n", &format!("0\r\n\r\n{inner}")),
            &[400],
        ),
        ("a folded header", with("host: x\r\nx-a: b\r\n c\r\ncontent-length: 0\r\n", ""), &[400]),
        ("a blank before the colon", with("host: x\r\ncontent-length : 5\r\n", "abcde"), &[400]),
        ("two hosts", with("host: x\r\nhost: y\r\ncontent-length: 0\r\n", ""), &[400]),
        ("no host", with("content-length: 0\r\n", ""), &[400]),
        (
            "a bad chunk length",
            with("host: x\r\ntransfer-encoding: chunked\r\n", "zz\r\nabc\r\n0\r\n\r\n"),
            &[400],
        ),
        (
            "a chunk length of 2^64",
            with("host: x\r\ntransfer-encoding: chunked\r\n", "10000000000000000\r\nabc\r\n"),
            &[400],
        ),
        ("a null in a header", with("host: x\r\nx-a: b\0c\r\ncontent-length: 0\r\n", ""), &[400]),
        ("an escape in a header", with("host: x\r\nx-a: \u{1b}[31m\r\ncontent-length: 0\r\n", ""), &[400]),
        // allowed, and each request has its answer
        (
            "an absolute URI",
            format!(
                "{}\r\n",
                post.replace("/v1", "http://other.test/v1")
                    + "host: x\r\ncontent-length: 0\r\nconnection: close\r\n"
            ),
            &[200],
        ),
        (
            "an upgrade that nobody asked for",
            with("host: x\r\nupgrade: websocket\r\nconnection: upgrade, close\r\ncontent-length: 0\r\n", ""),
            &[200],
        ),
        (
            "an expectation that nobody knows",
            with("host: x\r\nexpect: a miracle\r\ncontent-length: 0\r\nconnection: close\r\n", ""),
            &[200],
        ),
        (
            "pipelining",
            format!(
                "{0}{0}{1}",
                with("host: x\r\ncontent-length: 0\r\n", ""),
                with("host: x\r\ncontent-length: 0\r\nconnection: close\r\n", "")
            ),
            &[200, 200, 200],
        ),
        (
            "a method that nobody knows",
            "BREW /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".into(),
            &[405],
        ),
        ("a version that is none", "POST /v1/traces HTTP/9.9\r\nhost: x\r\n\r\n".into(), &[400]),
        (
            "a head of 20 KiB",
            with(&format!("host: x\r\nx-a: {}\r\ncontent-length: 0\r\n", "b".repeat(20_000)), ""),
            &[431],
        ),
        ("a tunnel", "CONNECT other.test:80 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".into(), &[404]),
    ]
}

#[tokio::test]
async fn http_that_proxies_read_differently_is_refused() {
    let target = target().await;
    let mut wrong = Vec::new();
    for (what, bytes, expected) in smuggled() {
        let received = raw(target.http, &[bytes.as_bytes()]).await;
        let received = String::from_utf8_lossy(&received).into_owned();
        let statuses: Vec<u16> = received
            .match_indices("HTTP/1.1 ")
            .filter_map(|(at, begin)| received[at + begin.len()..].get(..3)?.parse().ok())
            .collect();
        if statuses != expected {
            wrong.push(format!("{what}: {statuses:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    target.serves().await;
    target.ends_well().await;
}

#[tokio::test]
async fn nothing_that_is_sent_reaches_the_log_as_it_is() {
    let target = target().await;
    let hostile = "\u{1b}[31m\u{202e}s3cr3t";
    let span = field(2, &[field(1, &[7; 16]), field(2, &[9; 8]), field(5, hostile.as_bytes())].concat());
    assert_eq!(target.http1(&[], &field(1, &field(2, &span))).await.status, 200);
    assert_eq!(target.http1(&[], hostile.as_bytes()).await.status, 400);
    assert_eq!(target.json(json_span(&format!(r#""{hostile}":{hostile}"#)).as_bytes()).await.status, 400);
    let path = "/%1b%5b31m/s3cr3t";
    let headers = [("content-type", "application/s3cr3t"), ("x-s3cr3t", "s3cr3t"), ("content-length", "0")];
    assert_eq!(sender::exchange(target.http, &format!("POST {path}"), &headers, &[]).await.status, 404);
    let answer =
        Http2::connect(target.grpc).await.send(path, &[("content-type", "application/grpc")], &[]).await;
    assert_eq!(answer.grpc_status(), Some(12));
    target.burgee.signal("TERM").await;
    let ended = target.burgee.end().await;
    assert!(!ended.log.contains("s3cr3t"), "{}", ended.log);
    assert!(!ended.log.contains(|c: char| c.is_control() && c != '\n'), "{:?}", ended.log);
}

#[tokio::test]
async fn what_is_too_large_is_refused_for_good_and_costs_no_more_than_what_fits() {
    let target = target().await;
    target.warm_up().await;
    let usual = target.peak_kib();

    let bomb = gzip(std::io::repeat(0).take(256 << 20));
    for answer in [target.http1(GZIP, &bomb).await, target.http2(GZIP, bomb.clone()).await] {
        too_large_by_http(&answer, "a gzip bomb");
    }
    too_large_by_grpc(&target.grpc(GRPC_GZIP, &[framed(1, &bomb)]).await, "a gzip bomb");

    for encoding in [Encoding::Zstd, Encoding::Deflate] {
        let zeros = vec![0; MIB];
        let bomb = compress(encoding, std::iter::repeat_n(&zeros[..], 256));
        let name = encoding.name();
        too_large_by_http(&target.http1(&[("content-encoding", name)], &bomb).await, name);
        too_large_by_grpc(&target.grpc(&[("grpc-encoding", name)], &[framed(1, &bomb)]).await, name);
    }
    let members = gzip(&vec![0; MIB][..]).repeat(200);
    too_large_by_http(&target.http1(GZIP, &members).await, "200 members of a MiB each");
    let blanks = gzip(std::io::repeat(b' ').take(64 << 20));
    let headers = [("content-type", "application/json"), GZIP[0]];
    assert_eq!(Http2::connect(target.http).await.send(HTTP, &headers, &[blanks]).await.status, 413, "JSON");
    let twice = gzip(&bomb[..]);
    assert_eq!(target.http1(GZIP, &twice).await.status, 400, "what is in it is not looked into further");
    let answer = target.http1(&[("content-encoding", "zstd")], &wide_zstd()).await;
    let status = pb::Status::decode(answer.body).expect("a google.rpc.Status");
    assert!(answer.status == 413 && status.message.contains("window of more than 8 MiB"), "{status:?}");

    let hundred = vec![Bytes::from(vec![0; MIB]); 100];
    let announced = (100 * MIB).to_string();
    let protobuf = ("content-type", "application/x-protobuf");
    let plain: Vec<&[u8]> = hundred.iter().map(|chunk| &chunk[..]).collect();
    let chunk = [format!("{MIB:x}\r\n").as_bytes(), &hundred[0], b"\r\n"].concat();
    let chunked = vec![&chunk[..]; 100];
    let answer = http1(target.http, &[protobuf, ("content-length", &announced)], &plain).await;
    too_large_by_http(&answer, "HTTP/1.1, announced");
    let answer = http1(target.http, &[protobuf, ("transfer-encoding", "chunked")], &chunked).await;
    too_large_by_http(&answer, "HTTP/1.1, chunked");
    for headers in [&[protobuf][..], &[protobuf, ("content-length", &announced)]] {
        let answer = Http2::connect(target.http).await.send(HTTP, headers, &hundred).await;
        too_large_by_http(&answer, "HTTP/2");
    }
    let mut message = vec![Bytes::from(vec![0, 6, 64, 0, 0])];
    message.extend(hundred);
    too_large_by_grpc(&target.grpc(&[], &message).await, "gRPC");

    // Compressed bodies are unpacked on threads of their own, each of which keeps what it freed for a while: no more than
    // the budget for all of them. The kernel counts in batches, so a later reading may be a little below an earlier one.
    let more = target.peak_kib().saturating_sub(usual);
    assert!(
        more < (BUDGET_MIB << 10) + 2 * LIMIT as u64 / 1024,
        "{more} KiB above the {usual} KiB of ordinary requests"
    );
    target.serves().await;
    target.ends_well().await;
}

/// A zstd frame whose head asks for a window of 512 MiB (RFC 8878, 3.1.1), and nothing in it.
fn wide_zstd() -> Vec<u8> {
    let window_log = 29;
    vec![0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3, 1, 0, 0]
}

fn too_large_by_http(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 413, "{what}");
    assert!(!answer.headers.contains_key("retry-after"), "{what}: it never fits");
    let status = pb::Status::decode(answer.body.clone()).expect("a google.rpc.Status");
    assert!(status.code == 8 && status.message.contains("4194304"), "{what}: {status:?}");
}

fn too_large_by_grpc(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.grpc_status()), (200, Some(8)), "{what}");
    let headers = if answer.trailers.is_empty() { &answer.headers } else { &answer.trailers };
    assert!(!headers.contains_key("grpc-status-details-bin"), "{what}: RetryInfo would ask for it again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attack_on_all_sides_leaves_room_for_others_and_stays_in_the_budget() {
    let target = target().await;
    target.warm_up().await;
    let usual = target.peak_kib();

    let bomb = gzip(std::io::repeat(0).take(32 << 20));
    let (grpc, http) = (target.grpc, target.http);
    let enough = Arc::new(AtomicBool::new(false));
    let mut attackers = JoinSet::new();
    for way in [Attack::Bomb, Attack::Chunked, Attack::Http2, Attack::GrpcBomb].repeat(6) {
        let (bomb, enough) = (bomb.clone(), enough.clone());
        attackers.spawn(async move {
            while !enough.load(Ordering::Relaxed) {
                let status = way.run(http, grpc, &bomb).await;
                assert!(matches!(status, 413 | 503), "{way:?}: {status}");
            }
        });
    }
    // One of the others. It may be told to come again, which every SDK does; it is never turned away for good.
    let other = Http2::connect(grpc).await;
    let (headers, body) = ([("content-type", "application/grpc")], [framed(0, &request(3, 2))]);
    let mut taken = 0;
    while taken < 20 {
        let status = other.send(GRPC, &headers, &body).await.grpc_status();
        assert!(matches!(status, Some(0 | 14)), "{status:?}");
        taken += u32::from(status == Some(0));
    }
    enough.store(true, Ordering::Relaxed);
    while let Some(ended) = attackers.join_next().await {
        ended.expect("every attack is answered as it should be");
    }

    // The kernel counts in batches, so a later reading may be a little below an earlier one.
    let more = target.peak_kib().saturating_sub(usual);
    assert!(more < 2 * BUDGET_MIB * 1024, "{more} KiB above the {usual} KiB of ordinary requests");
    target.serves().await;
    target.ends_well().await;
}

#[derive(Clone, Copy, Debug)]
enum Attack {
    Bomb,
    Chunked,
    Http2,
    GrpcBomb,
}

impl Attack {
    /// Sends something that is too large, and gives the answer in the words of HTTP.
    async fn run(self, http: SocketAddr, grpc: SocketAddr, bomb: &Bytes) -> u16 {
        let protobuf = ("content-type", "application/x-protobuf");
        let mib = Bytes::from(vec![0; MIB]);
        match self {
            Attack::Bomb => {
                let length = bomb.len().to_string();
                http1(http, &[protobuf, ("content-length", &length), GZIP[0]], &[bomb]).await.status
            }
            Attack::Chunked => {
                let chunk = [format!("{MIB:x}\r\n").as_bytes(), &mib, b"\r\n"].concat();
                http1(http, &[protobuf, ("transfer-encoding", "chunked")], &[&chunk[..]; 20]).await.status
            }
            Attack::Http2 => Http2::connect(http).await.send(HTTP, &[protobuf], &vec![mib; 20]).await.status,
            Attack::GrpcBomb => {
                let headers = [("content-type", "application/grpc"), GRPC_GZIP[0]];
                let answer = Http2::connect(grpc).await.send(GRPC, &headers, &[framed(1, bomb)]).await;
                match answer.grpc_status() {
                    Some(8) => 413,
                    Some(14) => 503,
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}
