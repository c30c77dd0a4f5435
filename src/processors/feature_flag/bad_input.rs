//! The work is linear in the request, however it is made (and at most linear in `max_flags_per_span`). What comes out is held in `tests/huge_requests.rs`.

#[path = "../../../tests/support/huge.rs"]
mod huge;

use std::sync::Arc;
use std::time::SystemTime;

use super::*;
use crate::component::{Origin, Transport};
use crate::otlp::{self, Edits, Signal, work};

#[test]
fn twice_the_request_is_twice_the_work_whatever_it_is_made_of() {
    for options in [
        "{}",
        "{originals: drop, max_flags_per_span: 100}",
        "{project: off}",
        "{context_id: hash, hash_key: k}",
    ] {
        for shape in huge::SHAPES {
            assert_linear(shape, options, [1_000, 2_000]);
        }
    }
}

#[test]
fn as_many_flags_on_one_span_as_it_may_have_are_no_more_work_each() {
    let on_one_span = ["events of one flag each on one span", "attributes that say a flag's variant"];
    let shapes = huge::SHAPES.iter().filter(|shape| on_one_span.contains(&shape.name));
    assert_eq!(shapes.clone().count(), on_one_span.len());
    for shape in shapes {
        assert_linear(shape, "{max_flags_per_span: 1024}", [500, 1_000]);
    }
}

fn assert_linear(shape: &huge::Shape, options: &str, sizes: [u32; 2]) {
    let [once, twice] = sizes.map(|n| steps(options, &(shape.build)(n)) as f64);
    let times = twice / once;
    assert!(times < 2.2, "{}, {options}: twice the request is {times:.2} times the work", shape.name);
}

#[test]
fn a_counter_that_counts_nothing_would_be_noticed() {
    let [small, large] = [100, 200].map(|n| steps("{}", &(huge::SHAPES[0].build)(n)));
    // each event has a name and two attributes
    assert!(small > 300 && large > 600, "{small}, {large}");
}

fn steps(options: &str, request: &huge::Request) -> u64 {
    let config: Config = serde_yaml::from_str(options).expect(options);
    let processor = build(&config, &mut BuildContext::new("feature_flag")).expect(options);
    let mut words = Watchlist::default();
    processor.watch(&mut words);
    let bytes = huge::encode(request).into();
    let payload = otlp::check(Signal::Traces, bytes, &words).expect("made by prost").payload;
    let origin = Origin {
        receiver: Arc::from("otlp"),
        transport: Transport::Local,
        peer: None,
        listener: None,
        port: None,
        arrival: SystemTime::UNIX_EPOCH,
    };
    let mut edits = Edits::default();
    work::steps(|| {
        processor.process(payload, &mut Cx::new(&mut edits, &origin));
    })
}
