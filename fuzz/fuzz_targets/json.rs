//! Whatever text comes in: what `json::read` takes is well formed, and writing and reading it again comes to rest.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run json -- -max_total_time=60`
#![no_main]

use burgee::otlp::{Payload, Signal, Watchlist, check, json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [choice, text @ ..] = input else { return };
    let signal = Signal::ALL[usize::from(choice % 3)];
    let Some(bytes) = read(signal, text) else { return };
    let payload = checked(signal, bytes);
    // of a name that came twice the default is left out the first time
    let (once, _) = round(&payload);
    let (twice, written) = round(&once);
    assert_eq!((once.len(), twice.len()), (payload.len(), payload.len()));
    assert_eq!(json::write(signal, [&twice]), written);
});

fn round(payload: &Payload) -> (Payload, Vec<u8>) {
    let written = json::write(payload.signal(), [payload]);
    let bytes = read(payload.signal(), &written).expect("what is written is read");
    (checked(payload.signal(), bytes), written)
}

fn read(signal: Signal, text: &[u8]) -> Option<Vec<u8>> {
    json::read(signal, text, 1 << 24, |_| Ok::<(), ()>(())).ok()
}

fn checked(signal: Signal, bytes: Vec<u8>) -> Payload {
    check(signal, bytes.into(), &Watchlist::default()).expect("what is read is well formed").payload
}
