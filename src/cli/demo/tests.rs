use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::traffic::Traffic;
use super::{Plan, Sent};
use crate::otlp::{self, Signal, Value, Watchlist};

/// Every attribute key, span name and event name of a cycle of visits.
fn words(visits: u64) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for export in Traffic::new(1).visits(visits, SystemTime::now()) {
        let checked = otlp::check(export.signal, Bytes::from(export.body), &Watchlist::default())
            .expect("what the demo sends is OTLP");
        for item in checked.payload.items() {
            words.insert(item.name().to_owned());
            let events = item.events().map(|event| {
                words.insert(event.name().to_owned());
                event.attributes()
            });
            let events: Vec<_> = events.collect();
            for attributes in events.into_iter().chain([item.attributes()]) {
                words.extend(attributes.iter().map(|(key, _)| key.to_owned()));
            }
        }
    }
    words
}

#[test]
fn a_dozen_visits_show_every_shape() {
    let words = words(12);
    for word in [
        "flagEvaluation",
        "flagEvaluation.flagName",
        "AllFlagsState",
        "url.path",
        "http.target",
        "url.full",
        "feature_flag.evaluation",
        "feature_flag.result.variant",
        "feature_flag",
        "feature_flag.provider_name",
        "error.type",
    ] {
        assert!(words.contains(word), "{word} is missing in {words:?}");
    }
}

#[test]
fn a_failed_ofrep_evaluation_has_no_attributes_and_a_404_above_it() {
    let exports = Traffic::new(1).visits(20, SystemTime::now());
    let mut found = 0;
    for export in exports.into_iter().filter(|export| export.signal == Signal::Traces) {
        let payload = otlp::check(Signal::Traces, Bytes::from(export.body), &Watchlist::default())
            .expect("OTLP")
            .payload;
        for span in payload.items().filter(|span| span.name() == "flagEvaluation") {
            if span.attributes().iter().next().is_some() {
                continue;
            }
            let parent = payload
                .items()
                .find(|other| other.span_id() == span.parent_span_id())
                .expect("the server's span is in the same request");
            assert!(matches!(parent.attributes().get("http.response.status_code"), Some(Value::Int(404))));
            found += 1;
        }
    }
    assert_eq!(found, 1);
}

#[test]
fn the_relay_proxys_span_hangs_below_the_applications_call() {
    let mut spans = BTreeSet::new();
    let mut parents = Vec::new();
    for export in Traffic::new(1).visits(1, SystemTime::now()) {
        let checked =
            otlp::check(export.signal, Bytes::from(export.body), &Watchlist::default()).expect("OTLP");
        for item in checked.payload.items() {
            spans.insert(item.span_id().to_vec());
            if item.name().starts_with("POST /ofrep") {
                parents.push(item.parent_span_id().to_vec());
            }
        }
    }
    assert_eq!(parents.len(), 2, "one call for each flag of the visit");
    assert!(parents.iter().all(|parent| spans.contains(parent)));
}

#[test]
fn visits_are_spread_evenly_and_none_is_left_out() {
    let endpoint = "http://127.0.0.1:4318".parse().expect("a URI");
    let plan = Plan { endpoint, visits: 120, within: Duration::from_secs(60) };
    assert_eq!(plan.due(Duration::ZERO), 1);
    assert_eq!(plan.due(Duration::from_secs(30)), 60);
    assert_eq!(plan.due(Duration::from_secs(60)), 120);
    assert_eq!(plan.due(Duration::from_secs(600)), 120);
}

#[test]
fn the_last_line_says_what_was_accepted() {
    let sent = Sent { requests: 3, spans: 20, records: 2, accepted: 22, complaint: None };
    assert_eq!(sent.to_string(), "sent 20 spans and 2 log records in 3 requests, 22 accepted");
}
