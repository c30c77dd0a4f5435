//! P and C: wrong protocols, ports, paths and origins, as the ports have seen them.

use super::{Evidence, called, shown, times};
use crate::doctor::{Raised, catalogue};
use crate::observe::encounters::Encounter;
use crate::observe::facts::Kind;

pub(super) fn detect(evidence: &Evidence<'_>) -> Vec<Raised> {
    let mut raised = wrong_ports(evidence);
    raised.extend(evidence.encounters.iter().filter_map(met));
    raised
}

/// Both protocols are taken on both ports; elsewhere they are not.
fn wrong_ports(evidence: &Evidence<'_>) -> Vec<Raised> {
    let senders = evidence.signs.senders.iter().filter_map(|sender| {
        let (id, says) = match (sender.transport, sender.port?) {
            ("http", "grpc") => ("P01", "OTLP/HTTP to the port for gRPC (4317)"),
            ("grpc", "http") => ("P02", "OTLP/gRPC to the port for HTTP (4318)"),
            _ => return None,
        };
        Some(Raised {
            id,
            subject: called(sender),
            evidence: format!("{} speaks {says}, which works here", called(sender)),
            fix: None,
            count: sender.items,
            first: sender.first_seen,
            last: sender.last_seen,
        })
    });
    senders.collect()
}

/// What an encounter means. Its detail is escaped and short.
fn met(seen: &Encounter) -> Option<Raised> {
    let Encounter { kind, peer, listener, detail, count, first, last } = seen;
    let peer = peer.map(|peer| peer.to_string()).unwrap_or_default();
    let port = listener.map(|port| port.to_string()).unwrap_or_default();
    let said = times(*count);
    let (id, evidence) = match kind {
        Kind::TlsOnPlainPort => {
            ("P03", format!("{peer} began a TLS handshake with {port}, which is plain, {said}"))
        }
        Kind::PlainOnTlsPort => ("P04", format!("{peer} spoke plain text to {port}, which has TLS, {said}")),
        Kind::WrongPath => ("P05", format!("{peer} posted to {detail} of {port} {said}")),
        Kind::UnsupportedMediaType => (unreadable(detail), format!("{peer} sent {detail} to {port} {said}")),
        Kind::Malformed if detail.contains("it begins like") => {
            ("P08", format!("{peer} sent data to {port} {said} that is not what it says it is: {detail}"))
        }
        Kind::Malformed if BROKEN.iter().any(|broken| detail.contains(broken)) => {
            ("P09", format!("{peer} sent data to {port} {said} that is not compressed as it says: {detail}"))
        }
        Kind::Malformed if detail.contains(OLD_FIELD) => {
            ("P10", format!("{peer} sent an OTLP of before 0.15 to {port} {said}: {detail}"))
        }
        Kind::Malformed => {
            ("T07", format!("{peer} sent a request to {port} {said} that is not valid OTLP: {detail}"))
        }
        Kind::Legacy | Kind::NotHttp => {
            let what = if detail.is_empty() { "something that is not HTTP" } else { detail };
            ("P10", format!("{peer} sent {what} to {port} {said}"))
        }
        Kind::TooLarge => {
            ("P11", format!("{peer} sent a request to {port} that is too large, {said}: {detail}"))
        }
        Kind::Unserved => {
            ("P12", format!("{peer} sends {detail} to {port}, which no pipeline takes, {said}"))
        }
        Kind::Unauthenticated => ("P13", format!("{peer} was turned away at {port} {said}: {detail}")),
        // whoever looks whether a port has TLS leaves like that
        Kind::HandshakeFailed if detail.contains("it left") => return None,
        Kind::HandshakeFailed => {
            ("P13", format!("{peer} and {port} could not agree on TLS, {said}: {detail}"))
        }
        Kind::ThroughProxy => {
            ("P14", format!("{peer} is or uses an HTTP proxy on its way to {port}: {detail}"))
        }
        Kind::CorsRefused => return Some(refused_origin(seen, &port)),
        Kind::CorsHeaders => {
            ("C03", format!("a web page asks for headers at {port} that are not allowed, {said}: {detail}"))
        }
        Kind::CorsCredentials => {
            ("C04", format!("the web page {detail} sends credentials to {port}, {said}"))
        }
        Kind::InsecureOrigin => {
            ("C06", format!("the web page {detail} sends to {port} in plain text, {said}"))
        }
        Kind::Loop => ("D05", format!("{peer} sent to {port} what this burgee had sent, {said}")),
        Kind::AcceptFailed => ("D08", format!("{port} could not accept connections, {said}")),
        _ => return None,
    };
    let subject = format!("{peer} {port} {detail}");
    let fix = (*kind == Kind::HandshakeFailed && detail.contains("does not trust")).then(|| TRUST.to_owned());
    Some(Raised { id, subject, evidence, fix, count: *count, first: *first, last: *last })
}

/// What is wrong with a content type and a content encoding of which one cannot be read.
fn unreadable(detail: &str) -> &'static str {
    let detail = detail.to_ascii_lowercase();
    let has_type = |known: &&str| detail.starts_with(&format!("content-type: {known}"));
    match () {
        () if detail.contains("application/grpc-web") => "P10",
        () if detail.starts_with("grpc-encoding") => "P09",
        // only the encoding is left
        () if READABLE.iter().any(has_type) => "P09",
        () => "P08",
    }
}

fn refused_origin(seen: &Encounter, port: &str) -> Raised {
    let said = times(seen.count);
    let (id, evidence, origin) = match seen.detail.split_once(" ~ ") {
        Some((origin, configured)) => (
            "C02",
            format!("the web page {origin} was refused at {port} {said}; {configured} is allowed"),
            origin,
        ),
        None => ("C01", format!("the web page {} was refused at {port} {said}", seen.detail), &*seen.detail),
    };
    let fix = catalogue::allow_origin(&shown(origin));
    let (subject, count) = (format!("{origin} {port}"), seen.count);
    Raised { id, subject, evidence, fix: Some(fix), count, first: seen.first, last: seen.last }
}

const READABLE: [&str; 2] = ["application/x-protobuf", "application/json"];
/// How it is said of a body that is not compressed as its head says.
const BROKEN: [&str; 3] = ["not valid gzip data", "not valid zstd data", "not valid deflate data"];
const OLD_FIELD: &str = "instrumentationLibrary";
const TRUST: &str = "Let the sender trust the authority that has signed the port's certificate:\nOTEL_EXPORTER_OTLP_CERTIFICATE=ca.crt";
