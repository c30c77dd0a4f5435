use serde_json::json;

use super::*;
use crate::processors::trials::{attributes, config, log_records, names, run, shown, spans};

fn built(yaml: &str) -> ProbabilisticSampler {
    build(&config(yaml)).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// `count` spans in traces of their own, whose ids look random.
fn many(count: u64) -> Payload {
    let mix = |number: u64| {
        let mixed = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb)
    };
    let id = |number: u64| {
        let number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{:016x}{:016x}", mix(number), mix(number ^ 0x5555))
    };
    spans((0..count).map(|number| json!({"name": number.to_string(), "traceId": id(number)})))
}

#[test]
fn a_share_stays_and_says_how_it_was_sampled() {
    let payload = many(4000);
    for (mode, marks) in [("hash_seed", "ot=rv:"), ("equalizing", "ot=th:"), ("proportional", "ot=th:")] {
        let passed = run(&built(&format!("{{sampling_percentage: 25, mode: {mode}}}")), &payload);
        let kept = passed.out.len();
        assert!((900..1100).contains(&kept), "{kept} of 4000 with {mode}");
        for span in passed.out.items() {
            assert!(span.trace_state().starts_with(marks) && span.trace_state().ends_with("th:c"));
        }
    }
}

#[test]
fn all_spans_of_a_trace_share_their_fate_and_a_larger_share_has_all_of_a_smaller() {
    let payload = many(500);
    for mode in ["hash_seed", "equalizing", "proportional"] {
        let kept = |percentage: u32| {
            let sampler = built(&format!("{{sampling_percentage: {percentage}, mode: {mode}}}"));
            names(&run(&sampler, &payload).out)
        };
        let (some, more) = (kept(20), kept(60));
        assert!(some.len() < more.len() && some.iter().all(|name| more.contains(name)), "{mode}");
        assert_eq!(some, kept(20), "{mode}: the same spans, the same decisions");
    }
}

#[test]
fn other_seeds_choose_other_traces() {
    let payload = many(400);
    let kept =
        |seed| names(&run(&built(&format!("{{sampling_percentage: 50, hash_seed: {seed}}}")), &payload).out);
    assert_ne!(kept(1), kept(2));
    assert_eq!(kept(1), kept(1));
}

#[test]
fn nothing_and_everything_are_shares_too() {
    let payload = many(50);
    assert_eq!(run(&built("{}"), &payload).out.len(), 0);
    assert_eq!(run(&built("sampling_percentage: 100"), &payload).out.len(), 50);
    assert_eq!(run(&built("{sampling_percentage: 150, mode: hash_seed}"), &payload).out.len(), 50);
    assert_eq!(run(&built("{sampling_percentage: 0.001, mode: hash_seed}"), &payload).out.len(), 0);
}

/// What becomes of the trace state of a span with this randomness, or that it was dropped.
fn state(settings: &str, trace_id: &str, before: &str) -> Option<String> {
    let payload = spans([json!({"traceId": trace_id, "traceState": before})]);
    let out = run(&built(settings), &payload).out;
    out.items().next().map(|span| span.trace_state().to_owned())
}

const HIGH: &str = "000000000000000000f0000000000000";
const LOW: &str = "00000000000000010010000000000000";

#[test]
fn proportional_multiplies_and_equalizing_levels() {
    let proportional = "{sampling_percentage: 50, mode: proportional}";
    assert_eq!(state(proportional, HIGH, "").as_deref(), Some("ot=th:8"));
    assert_eq!(state(proportional, HIGH, "x=y,ot=th:8").as_deref(), Some("ot=th:c,x=y"));
    assert_eq!(state(proportional, LOW, ""), None);
    assert_eq!(
        state(proportional, LOW, "ot=rv:ffffffffffffff").as_deref(),
        Some("ot=rv:ffffffffffffff;th:8")
    );
    let equalizing = "{sampling_percentage: 50, mode: equalizing}";
    assert_eq!(state(equalizing, HIGH, "ot=th:4").as_deref(), Some("ot=th:8"));
    assert_eq!(state(equalizing, HIGH, "ot=th:e").as_deref(), Some("ot=th:e"), "it was sampled to less");
}

#[test]
fn what_cannot_be_decided_about_stays_unless_it_fails_closed() {
    let (open, closed) = (
        "{sampling_percentage: 50, mode: proportional}",
        "{sampling_percentage: 50, mode: proportional, fail_closed: true}",
    );
    // its threshold would have dropped it
    assert_eq!(state(open, LOW, "ot=th:8").as_deref(), Some("ot=th:0"));
    assert_eq!(state(closed, LOW, "ot=th:8"), None);
    assert_eq!(state(open, LOW, "no trace state").as_deref(), Some("no trace state"));
    assert_eq!(state(closed, HIGH, "no trace state"), None);
    let hash = "{sampling_percentage: 50, mode: hash_seed}";
    assert_eq!(state(hash, LOW, "ot=th:0").as_deref(), Some("ot=th:0"), "somebody else samples it");
    assert_eq!(state("{sampling_percentage: 50, mode: hash_seed, fail_closed: true}", LOW, "ot=th:0"), None);
}

#[test]
fn a_span_may_ask_to_stay_or_to_go() {
    let of = |priority: serde_json::Value, id: &str| {
        let span = json!({"traceId": id, "attributes": attributes(&json!({"sampling.priority": priority}))});
        run(&built("{sampling_percentage: 50, mode: proportional}"), &spans([span])).out.len()
    };
    assert_eq!((of(json!(1), LOW), of(json!("2.5"), LOW), of(json!(0.5), LOW)), (1, 1, 1));
    assert_eq!((of(json!(0), HIGH), of(json!("0"), HIGH)), (0, 0));
    assert_eq!((of(json!("high"), HIGH), of(json!(-1), LOW)), (1, 0));
}

#[test]
fn log_records_say_how_they_were_sampled_in_attributes() {
    let record = |id: &str, map: serde_json::Value| json!({"traceId": id, "attributes": attributes(&map)});
    let of = |settings: &str, record| shown(&run(&built(settings), &log_records([record])).out);
    assert_eq!(
        of("{sampling_percentage: 50, mode: proportional}", record(HIGH, json!({"a": 1}))),
        [["a=Int(1)", "sampling.threshold=8"]]
    );
    assert_eq!(of("{sampling_percentage: 50, mode: proportional}", record(LOW, json!({}))).len(), 0);
    assert_eq!(
        of("{sampling_percentage: 50, mode: equalizing}", record(LOW, json!({"sampling.threshold": "8"}))),
        [["sampling.threshold=0"]],
        "a threshold that contradicts the trace id is a lie"
    );
    // without a trace id nothing is known
    assert_eq!(of("{sampling_percentage: 50, mode: proportional}", json!({})), [["sampling.threshold=0"]]);
    assert_eq!(of("{sampling_percentage: 50, mode: proportional, fail_closed: true}", json!({})).len(), 0);
    assert_eq!(
        of("{sampling_percentage: 0, sampling_priority: p}", record(LOW, json!({"p": 100}))),
        [["p=Int(100)", "sampling.threshold=0"]]
    );
}

#[test]
fn a_log_record_without_a_trace_may_be_sampled_by_an_attribute() {
    let settings = "{sampling_percentage: 50, attribute_source: record, from_attribute: order}";
    let records = (0..400).map(|order| json!({"attributes": attributes(&json!({"order": order}))}));
    let passed = run(&built(settings), &log_records(records));
    assert!((150..250).contains(&passed.out.len()), "{} of 400", passed.out.len());
    assert_eq!(passed.discarded, 400 - passed.out.len());
    assert!(shown(&passed.out).iter().all(|record| record.len() == 3));
}

#[test]
fn what_is_set_wrong_is_named() {
    let wrong = |yaml: &str| {
        let faults = build(&config(yaml)).expect_err("it is not right");
        faults.into_iter().map(|fault| fault.path.join(".")).collect::<Vec<_>>()
    };
    assert_eq!(
        wrong("{sampling_percentage: -1, sampling_precision: 15}"),
        ["sampling_percentage", "sampling_precision"]
    );
    assert_eq!(wrong("sampling_percentage: 1e-16"), ["sampling_percentage"]);
    assert_eq!(
        wrong("{sampling_precision: 0, attribute_source: record}"),
        ["sampling_precision", "attribute_source"]
    );
    let (errors, _) = misfits(&Config::default(), Signal::Metrics);
    assert_eq!(errors[0].message, "samples by trace ids, which data points do not have");
}
