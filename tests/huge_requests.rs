//! Requests of absurd size through the processor `feature_flag`: what comes out is defined, enriching twice is once,
//! and the memory that it takes is bounded by the request's.
//!
//! What comes out stands in `tests/golden/huge_requests.txt`, a line for each shape; `UPDATE_GOLDEN=1` writes it anew.
//! That the work is linear is held in `src/processors/feature_flag/bad_input.rs`.

#[path = "support/huge.rs"]
mod huge;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;
use std::time::SystemTime;

use burgee::component::{BuildContext, Cx, Origin, Processor, Transport};
use burgee::flags;
use burgee::otlp::{self, Edits, Payload, Signal, Watchlist};
use burgee::processors::feature_flag::{self, Config, FeatureFlag};

/// How large each shape is.
const SIZES: &[(&str, u32)] = &[
    ("events of one flag each on one span", 10_000),
    ("events of one flag on one span", 10_000),
    ("failed evaluations as exceptions of one span", 10_000),
    ("evaluations below one span", 100_000),
    ("evaluations in a row, roots first", 5_000),
    ("evaluations in a row, leaves first", 5_000),
    ("spans in a row above many flags", 10_000),
    ("evaluations in a circle", 5_000),
    ("circles of two", 10_000),
    ("the same span with another flag each", 5_000),
    ("attributes on a span that many flags affect", 100_000),
    ("attributes of one key", 100_000),
    ("attributes that say a flag's variant", 100_000),
    ("requests in a row, each with its answer", 10_000),
    ("scopes with one evaluation each", 10_000),
    ("a query of many parameters", 100_000),
    ("long texts on an evaluation, an event and a row of spans", 10_000),
    ("a long answer below a row of requests", 100_000),
];

#[test]
fn what_comes_out_of_absurd_requests_is_defined_and_the_same_when_enriched_again() {
    let processor = build("{}");
    let mut table = String::new();
    for shape in huge::SHAPES {
        let &(_, n) = SIZES.iter().find(|(name, _)| *name == shape.name).expect("every shape has a size");
        let payload = check(&processor, huge::encode(&(shape.build)(n)));
        let (out, evaluations) = process(&processor, payload.clone());
        let again = check(&processor, out.bytes().to_vec());
        let (twice, recounted) = process(&processor, again);
        assert!(twice.bytes() == out.bytes(), "{}: enriching twice is not once", shape.name);
        assert_eq!(recounted, evaluations, "{}", shape.name);
        let before = payload.bytes().len();
        let after = out.bytes().len();
        assert!(after < 4 * before + GIVEN_BYTES_MAX, "{}: {before} bytes become {after}", shape.name);
        table += &format!("{}, {n}: {evaluations} evaluations, {}\n", shape.name, count(&out));
        table += &format!("    {before} bytes become {after}\n");
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/huge_requests.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &table).expect("a golden file can be written");
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(table == expected, "expected:\n{expected}\nbut:\n{table}");
}

#[test]
fn the_memory_is_bounded_by_that_of_the_request_whatever_the_options() {
    for options in ["{}", "{max_flags_per_span: 1024, originals: drop}", "{project: off}"] {
        let processor = build(options);
        for shape in huge::SHAPES {
            let payload = check(&processor, huge::encode(&(shape.build)(1_000)));
            let bytes = payload.bytes().len();
            let (_, peak) = peak(|| process(&processor, payload));
            let name = shape.name;
            assert!(peak < 16 * bytes + MEMORY_MAX, "{name}, {options}: {bytes} bytes take {peak}");
        }
    }
}

#[test]
fn the_door_takes_memory_for_a_few_copies_of_a_request_whatever_has_to_be_put_right_in_it() {
    let nested = |fields: &[(u8, &[u8])], body: &[u8]| {
        fields.iter().rev().fold(body.to_vec(), |body, (number, before)| {
            let mut out = before.to_vec();
            prost::encoding::encode_key(
                u32::from(*number),
                prost::encoding::WireType::LengthDelimited,
                &mut out,
            );
            prost::encoding::encode_varint(body.len() as u64, &mut out);
            out.extend(body);
            out
        })
    };
    let n = 1 << 20;
    let ids = [&[0x0a, 16][..], &[1; 16], &[0x12, 8], &[2; 8]].concat();
    let of_span = |body: &[u8]| nested(&[(1, &[]), (2, &[]), (2, &[])], &[body, &ids].concat());
    let of_value = |body: &[u8]| of_span(&nested(&[(9, &[]), (2, &[0x0a, 1, b'k'])], body));
    for (name, bytes, items) in [
        ("spans without ids", nested(&[(1, &[]), (2, &[])], &[0x12, 0].repeat(n)), 0),
        ("trace ids", of_span(&[0x0a, 0].repeat(n)), 1),
        ("statuses", of_span(&[0x7a, 2, 0x18, 1].repeat(n)), 1),
        ("empty statuses", of_span(&[0x7a, 0].repeat(n)), 1),
        ("values of one attribute", of_value(&[0x2a, 0, 0x10, 1].repeat(n)), 1),
    ] {
        let before = bytes.len();
        let (checked, peak) = peak(|| otlp::check(Signal::Traces, bytes.into(), &Watchlist::default()));
        assert_eq!(checked.expect(name).payload.len(), items, "{name}");
        assert!(peak < 6 * before, "{name}: {before} bytes take {peak}");
    }
}

/// Of everything that matters about the result, how often it is there.
fn count(out: &Payload) -> String {
    let (mut keys, mut marks, mut errors, mut dropped) = (0, 0, 0, 0);
    for item in out.items() {
        let events = item.events().flat_map(|event| event.attributes().iter().collect::<Vec<_>>());
        for (key, value) in item.attributes().iter().chain(events) {
            keys += usize::from(key == flags::conventions::KEY);
            marks += usize::from(key.starts_with(flags::conventions::MARK_PREFIX));
            errors += usize::from(key.starts_with(flags::conventions::MARK_ERROR_PREFIX));
            if let (flags::conventions::MARKS_DROPPED, otlp::Value::Int(count)) = (key, value) {
                dropped += count;
            }
        }
    }
    format!("{keys} keys, {marks} marks, {errors} errors, {dropped} dropped")
}

fn build(options: &str) -> FeatureFlag {
    let config: Config = serde_yaml::from_str(options).expect(options);
    feature_flag::build(&config, &mut BuildContext::new("feature_flag")).expect(options)
}

fn check(processor: &FeatureFlag, bytes: Vec<u8>) -> Payload {
    let mut words = Watchlist::default();
    processor.watch(&mut words);
    otlp::check(Signal::Traces, bytes.into(), &words).expect("made by prost").payload
}

fn process(processor: &FeatureFlag, payload: Payload) -> (Payload, u64) {
    let origin = Origin {
        receiver: "otlp".into(),
        transport: Transport::Local,
        peer: None,
        listener: None,
        port: None,
        arrival: SystemTime::UNIX_EPOCH,
    };
    let mut edits = Edits::default();
    let mut cx = Cx::new(&mut edits, &origin);
    let out = processor.process(payload, &mut cx);
    (out, cx.evaluations)
}

/// The most memory that this thread has at one time while `run` runs, beyond what it had before, in bytes.
fn peak<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    PEAK.set(before);
    let out = run();
    (out, PEAK.get().saturating_sub(before).max(0) as usize)
}

struct Counted;

thread_local! {
    static HELD: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

fn count_bytes(bytes: i64) {
    // a thread that ends frees after its cells are gone
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// SAFETY: everything is done by the system's allocator.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_bytes(layout.size() as i64);
        // SAFETY: the caller keeps to `GlobalAlloc`'s contract, which is this one's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count_bytes(-(layout.size() as i64));
        // SAFETY: as above; `at` came from `alloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// What spans get from other spans takes at most 8 MiB; what names it and says how much was dropped, a little more.
const GIVEN_BYTES_MAX: usize = 9 << 20;
/// What it takes to write 8 MiB of small marks, whatever the request.
const MEMORY_MAX: usize = 80 << 20;
