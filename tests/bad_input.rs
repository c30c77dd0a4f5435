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

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use prost::Message;
use sender::{Answer, GRPC, HTTP, Http2, framed, http1, request};
use support::{Burgee, file, start};
use tempfile::{TempDir, tempdir};
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
      http: {endpoint: 127.0.0.1:0, max_request_body_size: 4194304}
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
async fn what_is_too_large_is_refused_for_good_and_costs_no_more_than_what_fits() {
    let target = target().await;
    target.warm_up().await;
    let usual = target.peak_kib();

    let bomb = gzip(std::io::repeat(0).take(256 << 20));
    for answer in [target.http1(GZIP, &bomb).await, target.http2(GZIP, bomb.clone()).await] {
        too_large_by_http(&answer, "a gzip bomb");
    }
    too_large_by_grpc(&target.grpc(GRPC_GZIP, &[framed(1, &bomb)]).await, "a gzip bomb");

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

    // The kernel counts in batches, so a later reading may be a little below an earlier one.
    let more = target.peak_kib().saturating_sub(usual);
    assert!(more < 2 * LIMIT as u64 / 1024, "{more} KiB above the {usual} KiB of ordinary requests");
    target.serves().await;
    target.ends_well().await;
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
