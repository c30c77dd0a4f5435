//! Whatever bytes come in: `check` agrees with prost, and what it lets through can be viewed, edited and split.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run check_edit -- -max_total_time=60`
#![no_main]

use burgee::otlp::{Edits, Payload, Signal, Value, Watchlist, check, split};
use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use prost::Message;

fuzz_target!(|input: &[u8]| {
    let [choice, how, bytes @ ..] = input else { return };
    let signal = Signal::ALL[usize::from(choice % 3)];
    let mut watchlist = Watchlist::default();
    watchlist.key_prefix("feature_flag").url("url.path", "/ofrep/").span("flagEvaluation");
    let checked = check(signal, bytes.to_vec().into(), &watchlist);
    assert_eq!(checked.is_ok(), decodes(signal, bytes), "{checked:?}");
    let Ok(checked) = checked else { return };
    let payload = checked.payload;
    assert_eq!(payload.items().count() as u64, payload.len());

    let edited = edit(&payload, *how);
    assert!(decodes(signal, edited.bytes()));
    let again = check(signal, edited.bytes().clone(), &watchlist).expect("an edit leaves a well formed request");
    assert_eq!((again.flawed, again.payload.len()), (0, edited.len()));

    let limit = usize::from(*how) * 4;
    let parts = split(&edited, limit);
    assert_eq!(parts.iter().map(Payload::len).sum::<u64>(), edited.len());
    for part in parts {
        assert!(decodes(signal, part.bytes()));
        assert!(part.bytes().len() <= limit || part.len() <= 1 || part.is_opaque());
    }
});

/// Touches every item, its events and its resource in a way that `how` chooses.
fn edit(payload: &Payload, how: u8) -> Payload {
    let mut edits = Edits::default();
    for (index, item) in payload.items().enumerate() {
        let how = how.wrapping_add(index as u8);
        let key = item.attributes().iter().next().map_or("", |(key, _)| key);
        let mut edit = edits.item(item);
        match how % 6 {
            0 => edit.discard(),
            1 => edit.rename(key, "renamed"),
            2 => edit.remove(key),
            3 => edit.set_name("a longer name than it had before, so that lengths grow"),
            4 => edit.set(key, Value::Int(i64::from(how))),
            _ => {}
        }
        for event in item.events() {
            let mut edit = edits.event(event);
            edit.set("feature_flag.key", Value::Str("k"));
            if how % 5 == 0 {
                edit.discard();
            }
        }
        if how % 7 == 0 {
            edits.resource(item.resource()).set("service.name", Value::Empty);
        }
    }
    edits.apply(payload)
}

fn decodes(signal: Signal, bytes: &[u8]) -> bool {
    match signal {
        Signal::Traces => ExportTraceServiceRequest::decode(bytes).is_ok(),
        Signal::Metrics => ExportMetricsServiceRequest::decode(bytes).is_ok(),
        Signal::Logs => ExportLogsServiceRequest::decode(bytes).is_ok(),
    }
}
