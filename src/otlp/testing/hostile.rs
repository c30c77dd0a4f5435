//! Requests that are made to cost much: the work is linear in their size, and so is what comes out.

use super::{check, checked};
use crate::otlp::{Payload, Signal, split, wire, work};

/// A request with one group and one scope.
fn request_of_spans(spans: &[u8]) -> Vec<u8> {
    request_of_group(&[], spans)
}

fn request_of_group(resource: &[u8], spans: &[u8]) -> Vec<u8> {
    let (mut group, mut request) = (Vec::new(), Vec::new());
    if !resource.is_empty() {
        wire::put_len(&mut group, 1, resource);
    }
    wire::put_len(&mut group, 2, spans);
    wire::put_len(&mut request, 1, &group);
    request
}

/// A span with both of its ids after whatever else.
fn span(body: &[u8]) -> Vec<u8> {
    let mut whole = body.to_vec();
    wire::put_len(&mut whole, 1, &[1; 16]);
    wire::put_len(&mut whole, 2, &[2; 8]);
    let mut out = Vec::new();
    wire::put_len(&mut out, 2, &whole);
    out
}

fn attributes(value: &[u8]) -> Vec<u8> {
    let (mut pair, mut out) = (vec![0x0a, 1, b'k'], Vec::new());
    wire::put_len(&mut pair, 2, value);
    wire::put_len(&mut out, 9, &pair);
    out
}

#[test]
fn whatever_comes_again_and_again_is_joined_or_cut_in_linear_time() {
    let shapes = |n| {
        [
            ("trace ids", request_of_spans(&span(&[0x0a, 0].repeat(n)))),
            ("statuses", request_of_spans(&span(&[0x7a, 2, 0x18, 1].repeat(n)))),
            ("members of a oneof", request_of_spans(&span(&attributes(&[0x2a, 0, 0x10, 1].repeat(n))))),
            ("arrays", request_of_spans(&span(&attributes(&[0x2a, 2, 0x0a, 0].repeat(n))))),
            ("spans without ids", request_of_spans(&[0x12, 0].repeat(n))),
        ]
    };
    for ((name, once), (_, twice)) in shapes(10_000).into_iter().zip(shapes(20_000)) {
        let steps = |bytes| work::steps(|| _ = check(Signal::Traces, bytes).expect(name)) as f64;
        let (once, twice) = (steps(once), steps(twice));
        assert!(once > 10_000.0, "{name}: {once} steps");
        assert!(twice < 2.2 * once, "{name}: {once} steps become {twice}");
    }
    for (name, bytes) in shapes(100_000) {
        let checked = check(Signal::Traces, bytes).expect(name);
        assert_eq!(
            (checked.payload.len(), checked.flawed),
            if name == "spans without ids" { (0, 100_000) } else { (1, 0) }
        );
    }
}

#[test]
fn a_huge_resource_is_not_repeated_for_every_span() {
    for resource_bytes in [20_000, 60_000, 65_000, 100_000, 1_000_000] {
        let (mut pair, mut resource) = (vec![0x0a, 1, b'k'], Vec::new());
        wire::put_len(&mut pair, 4, &vec![0; resource_bytes]);
        wire::put_len(&mut resource, 1, &pair);
        let spans = span(b"").repeat(10_000);
        let payload = checked(Signal::Traces, request_of_group(&resource, &spans));
        let parts = again(&split(&payload, 64 << 10), 64 << 10);
        assert!(parts.len() > 1, "{resource_bytes}");
        assert_eq!(parts.iter().map(Payload::len).sum::<u64>(), payload.len());
        let bytes: usize = parts.iter().map(|part| part.bytes().len()).sum();
        let before = payload.bytes().len();
        assert!(bytes < 12 * before, "{resource_bytes}: {before} bytes become {bytes}");
    }
}

/// What is too large is split again, as whoever splits to a limit may do.
fn again(parts: &[Payload], max_bytes: usize) -> Vec<Payload> {
    parts
        .iter()
        .flat_map(|part| match &split(part, max_bytes)[..] {
            [whole] => vec![whole.clone()],
            parts => again(parts, max_bytes),
        })
        .collect()
}
