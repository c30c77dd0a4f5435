//! What a request looks like from outside, for those who look after senders. Nothing here decides anything.

use std::borrow::Cow;
use std::net::SocketAddr;

use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header, request};

use super::Caller;
use super::door::{Door, Syntax};
use crate::component::Transport;
use crate::observe::facts::Fact;
use crate::observe::instance;
use crate::observe::rejections::Rejected;
use crate::values::ByteSize;

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub peer: SocketAddr,
    pub listener: SocketAddr,
}

impl Caller {
    pub fn ends(&self) -> Ends {
        Ends { peer: self.connection.peer, listener: self.connection.local }
    }
}

/// A request without its body.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub version: Version,
    pub headers: &'a HeaderMap,
    pub ends: Ends,
}

impl<'a> Sight<'a> {
    pub fn of<B>(request: &'a Request<B>, ends: Ends) -> Sight<'a> {
        let (method, uri) = (request.method(), request.uri());
        Sight { method, uri, version: request.version(), headers: request.headers(), ends }
    }

    pub fn of_head(head: &'a request::Parts, ends: Ends) -> Sight<'a> {
        let (method, uri, headers) = (&head.method, &head.uri, &head.headers);
        Sight { method, uri, version: head.version, headers, ends }
    }

    pub fn header(&self, name: impl header::AsHeaderName) -> &'a [u8] {
        self.headers.get(name).map_or(&b""[..], HeaderValue::as_bytes)
    }

    /// The value as text, for a detail, which escapes it.
    pub fn text(&self, name: impl header::AsHeaderName) -> Cow<'a, str> {
        String::from_utf8_lossy(self.header(name))
    }

    /// What `content-length` says.
    fn announced(&self) -> Option<u64> {
        self.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }
}

impl Door {
    /// Remembers a request that is not taken: with the status of its answer, over gRPC the code, and a sentence without
    /// anything that its body or its credentials say.
    pub fn reject(&self, sight: Sight<'_>, transport: Transport, status: u16, reason: &str) {
        let encoding = match transport {
            Transport::Grpc => sight.header("grpc-encoding"),
            _ => sight.header(header::CONTENT_ENCODING),
        };
        self.facts().rejections().reject(Rejected {
            peer: sight.ends.peer,
            listener: sight.ends.listener,
            transport: transport.name(),
            method: sight.method.as_str(),
            path: sight.uri.path(),
            status,
            reason,
            content_type: sight.header(header::CONTENT_TYPE),
            content_encoding: encoding,
            user_agent: sight.header(header::USER_AGENT),
            bytes: sight.announced(),
        });
    }

    /// What is odd about a request that is taken all the same.
    pub fn look_at(&self, sight: Sight<'_>) {
        if sight.method != Method::POST {
            return;
        }
        let Ends { peer, listener } = sight.ends;
        if sight.header(header::USER_AGENT) == instance::agent().as_bytes() {
            self.facts().report_with(Fact::Loop { peer, listener }, instance::agent());
        }
        if sight.headers.contains_key(header::VIA) {
            let via = format!("via: {}", sight.text(header::VIA));
            self.facts().report_with(Fact::ThroughProxy { peer, listener }, &via);
        } else if sight.version < Version::HTTP_2 && sight.uri.authority().is_some() {
            let whole = "the request names host and path, as a proxy is asked";
            self.facts().report_with(Fact::ThroughProxy { peer, listener }, whole);
        }
    }
}

/// Why a request is too large, in sizes that are not new for every request.
pub(super) fn oversize(announced: Option<u64>, limit: u64) -> String {
    let limit_is = ByteSize::bytes(limit);
    match announced {
        Some(bytes) if bytes > limit => {
            let rounded = bytes.checked_next_multiple_of(1 << 20).unwrap_or(bytes);
            format!("{} announced, the limit is {limit_is}", ByteSize::bytes(rounded))
        }
        Some(_) => format!("more than the limit of {limit_is} when it is decompressed or read"),
        None => format!("more than the limit of {limit_is}, not announced"),
    }
}

/// A sentence about a malformed body without the places in it, which are others in every request.
pub(super) fn without_places(sentence: &str) -> String {
    let mut without = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let end = number.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(number.len());
        without.push_str(before);
        let is_place = BEFORE_PLACES.iter().any(|word| before.ends_with(word));
        without.push_str(if is_place { "N" } else { &number[..end] });
        rest = &number[end..];
    }
    without.push_str(rest);
    without
}

/// What a body looks like that is not what it is said to be.
pub(super) fn looks_like(declared: Syntax, body: &[u8]) -> &'static str {
    let begin = body[..body.len().min(BEGINNING_BYTES)].trim_ascii_start().first();
    match declared {
        Syntax::Protobuf if begin == Some(&b'{') => {
            "; it begins like JSON, whose content-type is application/json"
        }
        // the tag of the first field is a line break to JSON, and then comes no object
        Syntax::Json if body.first() == Some(&FIRST_TAG) && begin != Some(&b'{') => {
            "; it begins like protobuf, whose content-type is application/x-protobuf"
        }
        _ => "",
    }
}

const BEFORE_PLACES: [&str; 6] = ["byte ", "line ", "column ", "[", "have ", "has "];
/// Enough of a body to see what it is, after some spaces.
const BEGINNING_BYTES: usize = 16;
/// Field 1, with a length: `resource_spans` and its kin.
const FIRST_TAG: u8 = 0x0a;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_mistake_elsewhere_is_the_same_sentence() {
        let sentence = "not an OTLP/JSON traces request: line 1, column 345: resourceSpans[0].scopeSpans[12] is not a list";
        assert_eq!(
            without_places(sentence),
            "not an OTLP/JSON traces request: line N, column N: resourceSpans[N].scopeSpans[N] is not a list"
        );
        for as_it_is in ["the first byte of a gRPC message is 0 or 1", "text that is not UTF-8", ""] {
            assert_eq!(without_places(as_it_is), as_it_is);
        }
    }

    #[test]
    fn sizes_are_rounded_up_so_that_they_are_not_new_every_time() {
        assert_eq!(oversize(Some((70 << 20) + 5), 64 << 20), "71MiB announced, the limit is 64MiB");
        assert_eq!(
            oversize(Some(5), 64 << 20),
            "more than the limit of 64MiB when it is decompressed or read"
        );
        assert_eq!(oversize(None, 1000), "more than the limit of 1000, not announced");
        assert_eq!(oversize(Some(u64::MAX), 1), format!("{} announced, the limit is 1", u64::MAX));
    }

    #[test]
    fn a_body_in_the_other_form_is_recognised_and_a_broken_one_is_not() {
        assert!(looks_like(Syntax::Protobuf, b" {\"resourceSpans\":[]}").contains("like JSON"));
        assert!(looks_like(Syntax::Json, b"\n\x12\n\x10").contains("like protobuf"));
        for json in [&b"\n{\"a\":"[..], b"", b"\x12"] {
            assert_eq!(looks_like(Syntax::Json, json), "");
        }
        assert_eq!(looks_like(Syntax::Protobuf, b"\x0a\xff"), "");
    }
}
