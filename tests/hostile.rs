//! Clients that flood a connection instead of using it: burgee ends or bears it, stays small, and serves everyone else.
//!
//! Every flood has an end of its own, far above what an honest client sends.
#![cfg(unix)]

#[expect(dead_code, reason = "other tests speak HTTP/2 as it is meant")]
#[path = "support/sender.rs"]
mod sender;
#[expect(dead_code, reason = "the command line's tests need more of it")]
mod support;

use std::net::SocketAddr;

use sender::{http1, raw, request};
use support::{Burgee, file, start_after};
use tempfile::{TempDir, tempdir};
use tokio::net::TcpStream;

const CONFIG: &str = "
receivers: {otlp: {protocols: {http: {endpoint: \"127.0.0.1:0\", idle_timeout: 1s, read_header_timeout: 1s}}}}
exporters: {nop: }
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
";

struct Target {
    burgee: Burgee,
    address: SocketAddr,
    _folder: TempDir,
}

impl Target {
    async fn after(before: &str) -> Target {
        let folder = tempdir().expect("a folder");
        let config = file(folder.path(), "burgee.yaml", CONFIG);
        let mut burgee = start_after(before, &["--config", &config, "--no-watch"]);
        let address = burgee.listening("OTLP").await;
        Target { burgee, address, _folder: folder }
    }

    /// Floods one connection while another one sends telemetry; gives what came back on the first.
    async fn bears(&self, flood: &[u8]) -> Vec<Frame> {
        let pieces = [PREFACE, &frame(SETTINGS, 0, 0, &[]), flood].concat();
        let pieces = [&pieces[..]];
        let (received, ()) = tokio::join!(raw(self.address, &pieces), self.serves());
        self.serves().await;
        frames(&received)
    }

    async fn serves(&self) {
        let body = request(1, 1);
        let length = body.len().to_string();
        let headers = [("content-type", "application/x-protobuf"), ("content-length", &length)];
        assert_eq!(http1(self.address, &headers, &[&body]).await.status, 200);
    }

    /// Ends it, with 0 and without ever having been large.
    async fn ends_well(self) {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.burgee.pid())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        let peak: u64 = peak.map_or(0, |peak| peak.parse().expect("a number"));
        assert!(peak < 200 << 10, "{peak} KiB");
        self.burgee.signal("TERM").await;
        assert_eq!(self.burgee.end().await.code, Some(0));
    }
}

/// A frame as it came: its type, and its payload.
struct Frame {
    kind: u8,
    payload: Vec<u8>,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a test's frame is small").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn frames(mut received: &[u8]) -> Vec<Frame> {
    let mut all = Vec::new();
    while let Some((head, rest)) = received.split_at_checked(9) {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let Some((payload, rest)) = rest.split_at_checked(length) else { break };
        all.push(Frame { kind: head[3], payload: payload.to_vec() });
        received = rest;
    }
    all
}

/// The error with which the connection was ended: GOAWAY's, if one came that has any.
fn ended_with(frames: &[Frame]) -> Option<u8> {
    let goaways = frames.iter().filter(|frame| frame.kind == GOAWAY);
    goaways.map(|frame| frame.payload[7]).find(|error| *error != 0)
}

/// `POST /v1/traces`, as HPACK has it.
fn head() -> Vec<u8> {
    [&[0x83, 0x86, 0x44, 10][..], b"/v1/traces", &[0x41, 1], b"x"].concat()
}

fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| 2 * number + 1)
}

#[tokio::test]
async fn requests_that_are_reset_at_once_end_the_connection() {
    let target = Target::after(":").await;
    let reset =
        |stream| [frame(HEADERS, END_HEADERS, stream, &head()), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])];
    let flood: Vec<u8> = streams(20_000).flat_map(reset).flatten().collect();
    let frames = target.bears(&flood).await;
    assert_eq!(ended_with(&frames), Some(ENHANCE_YOUR_CALM));
    target.ends_well().await;
}

#[tokio::test]
async fn a_head_that_never_ends_ends_the_connection() {
    let target = Target::after(":").await;
    // a literal whose value is announced as far longer than it will ever be
    let begin = frame(HEADERS, 0, 1, &[0x40, 1, b'x', 0x7f, 0xff, 0xff, 0xff, 0x7f]);
    let more = frame(CONTINUATION, 0, 1, &[b'y'; 64]);
    let flood = [begin, more.repeat(50_000)].concat();
    assert!(ended_with(&target.bears(&flood).await).is_some());
    target.ends_well().await;
}

#[tokio::test]
async fn a_head_that_unpacks_to_much_is_refused() {
    let target = Target::after(":").await;
    // one entry of the table, named again and again: 64 KiB that say 256 MiB; 7f bd 1d is its length, 3900
    let entry = [&[0x40, 1, b'x', 0x7f, 0xbd, 0x1d][..], &[b'z'; 3900]].concat();
    let mut flood = frame(HEADERS, 0, 1, &[head(), entry].concat());
    for _ in 0..4 {
        flood.extend(frame(CONTINUATION, 0, 1, &[0xbe; 16_000]));
    }
    flood.extend(frame(CONTINUATION, END_HEADERS, 1, &[0xbe]));
    let frames = target.bears(&flood).await;
    let refused = frames.iter().any(|frame| frame.kind == RST_STREAM) || ended_with(&frames).is_some();
    let answered = frames.iter().any(|frame| frame.kind == HEADERS && frame.payload.first() == Some(&0x88));
    assert!(!answered, "such a request is not a success");
    assert!(refused || frames.iter().any(|frame| frame.kind == HEADERS), "431 or a reset");
    target.ends_well().await;
}

#[tokio::test]
async fn a_body_of_empty_frames_ends_the_connection() {
    let target = Target::after(":").await;
    let flood = [frame(HEADERS, END_HEADERS, 1, &head()), frame(DATA, 0, 1, &[]).repeat(200_000)].concat();
    assert_eq!(ended_with(&target.bears(&flood).await), Some(ENHANCE_YOUR_CALM));
    target.ends_well().await;
}

#[tokio::test]
async fn settings_pings_and_priorities_without_end_hinder_nobody() {
    let target = Target::after(":").await;
    for flood in [
        frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100]).repeat(50_000),
        frame(PING, 0, 0, &[7; 8]).repeat(50_000),
        frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]).repeat(100_000),
        frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(100_000),
    ] {
        target.bears(&flood).await;
    }
    target.ends_well().await;
}

#[tokio::test]
async fn a_window_that_never_opens_holds_up_nobody() {
    let target = Target::after(":").await;
    let closed = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let ask = |stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &head());
    let flood = [closed, streams(150).flat_map(ask).collect()].concat();
    target.bears(&flood).await;
    target.ends_well().await;
}

#[tokio::test]
async fn without_file_descriptors_accepting_pauses_and_goes_on_when_there_are_some() {
    let mut target = Target::after("ulimit -n 40").await;
    let mut held = Vec::new();
    for _ in 0..60 {
        held.push(TcpStream::connect(target.address).await.expect("the system takes it into its backlog"));
    }
    target.burgee.log.line_with(&["cannot accept connections", "ulimit -n"]).await;
    drop(held);
    target.serves().await;
    target.ends_well().await;
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ENHANCE_YOUR_CALM: u8 = 11;
