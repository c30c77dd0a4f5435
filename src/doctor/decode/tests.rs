use std::collections::BTreeSet;

use super::*;
use crate::doctor::catalogue::{entry, parts};

/// What is told first.
fn first(text: &str) -> Meaning {
    decode(text).into_iter().next().unwrap_or_else(|| panic!("nothing is told of {text:?}"))
}

#[test]
fn numbers_are_the_first_bytes_of_something_else() {
    for (text, said, see) in [
        ("FRAME_SIZE_ERROR: 4740180", "0x485454, which is \"HTT\", and an answer in HTTP/1", "P02"),
        ("okhttp3: FRAME_SIZE_ERROR: 3958900", "0x3c6874, which is \"<ht\", and an HTML page", "P14"),
        ("FRAME_SIZE_ERROR: 3949892", "0x3c4544", "P05"),
        ("FRAME_SIZE_ERROR: 1377025", "0x150301, and a TLS alert", "P04"),
        ("http2 frame size error 1377027", "0x150303, and a TLS alert", "P04"),
        ("Frame length: 1376771 exceeds maximum: 16384", "", ""),
        ("Frame length: 5263945 exceeds maximum: 16384", "\"PRI\", and a request", "P05"),
        ("FRAME_SIZE_ERROR: 5460808", "\"SSH\", and some text", "N09"),
        ("4740180", "an answer in HTTP/1", "P02"),
        ("received message larger than max (1414811695 vs. 4194304)", "\"TTP/\"", "P02"),
        (
            "First received frame was not SETTINGS. Hex dump for first 5 bytes: 485454502f",
            "\"HTTP/\", and an answer in HTTP/1",
            "P02",
        ),
    ] {
        let meanings = decode(text);
        if said.is_empty() {
            assert!(meanings.iter().all(|meaning| !meaning.means.contains("is no length")), "{text}");
            continue;
        }
        let meaning = &meanings[0];
        assert!(meaning.means.contains(said), "{text}: {}", meaning.means);
        assert!(meaning.see.contains(&see), "{text}: {:?}", meaning.see);
    }
}

#[test]
fn numbers_that_may_be_lengths_are_left_alone() {
    for text in [
        "grpc: received message larger than max (5592405 vs. 4194304)",
        "grpc: received message larger than max (536870912 vs. 4194304)",
        "FRAME_SIZE_ERROR: 16385",
        "dropped 4740180 spans",
    ] {
        let meanings = decode(text);
        assert!(meanings.iter().all(|meaning| !meaning.means.contains("is no length")), "{meanings:?}");
    }
}

#[test]
fn texts_from_the_field_are_told_apart() {
    for (text, see) in [
        ("parse \"burgee:4317\": first path segment in URL cannot contain colon", "P06"),
        ("Post \"burgee:4318/v1/traces\": unsupported protocol scheme \"burgee\"", "P06"),
        ("dial tcp: address http://burgee:4317: too many colons in address", "P07"),
        ("dial tcp: lookup http on 127.0.0.11:53: no such host", "P07"),
        ("rpc error: code = Unavailable desc = dial tcp 127.0.0.1:4317: connect: connection refused", "N01"),
        ("Error: connect ECONNREFUSED ::1:4317", "N10"),
        ("Error: connect ECONNREFUSED 127.0.0.1:4318", "N01"),
        ("Error: getaddrinfo ENOTFOUND burgee", "N01"),
        ("[Errno -2] Name or service not known", "N01"),
        ("traces export: context deadline exceeded", "N01"),
        ("StatusCode.DEADLINE_EXCEEDED", "N01"),
        ("Failed to export traces. Error code: StatusCode.UNAVAILABLE", "N01"),
        ("RESOURCE_EXHAUSTED: grpc: received message larger than max (71000000 vs. 67108864)", "P11"),
        ("rpc error: code = ResourceExhausted desc = sending queue is full", "D04"),
        ("8 RESOURCE_EXHAUSTED", "P11"),
        ("Request failed with status code 413", "P11"),
        ("HTTP 415", "P08"),
        ("{\"status\":415}", "P08"),
        ("404 page not found", "P05"),
        ("Failed to export batch. Status code: 404, reason: Not Found", "P05"),
        ("exporter: server responded with 401", "P13"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "D01"),
        (
            "SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1000)",
            "T01",
        ),
        ("x509: certificate is valid for collector, not burgee", "D01"),
        (
            "rpc error: code = Unavailable desc = connection error: desc = \"transport: authentication \
             handshake failed: tls: first record does not look like a TLS handshake\"",
            "P03",
        ),
        ("http: server gave HTTP response to HTTPS client", "P03"),
        ("traces export: Post \"http://localhost:4317/v1/traces\": EOF", "P01"),
        (
            "net/http: HTTP/1.x transport connection broken: malformed HTTP response \"\\x00\\x00\\x06\\x04\"",
            "P01",
        ),
        ("BadStatusLine('\\x00\\x00\\x06\\x04\\x00\\x00')", "P01"),
        ("connection error: desc = \"error reading server preface: http2: frame too large\"", "P02"),
        ("unknown service opentelemetry.proto.collector.trace.v1.TraceService", "P12"),
        ("rpc error: code = Unimplemented desc = ", "P12"),
        ("Decompressor is not installed for grpc-encoding \"snappy\"; code = Unimplemented", "P09"),
        ("BatchSpanProcessor dropped 512 spans because the queue is full", "N11"),
        ("WARN dropped spans: 12", "N11"),
        ("Failed to export spans", "N01"),
        (
            "Access to fetch at 'http://localhost:4318/v1/traces' from origin 'http://localhost:4200' has been \
             blocked by CORS policy: Response to preflight request doesn't pass access control check: No \
             'Access-Control-Allow-Origin' header is present on the requested resource.",
            "C01",
        ),
        (
            "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at \
             http://localhost:4318/v1/traces. (Reason: CORS header ‘Access-Control-Allow-Origin’ missing).",
            "C01",
        ),
        (
            "Origin http://localhost:4200 is not allowed by Access-Control-Allow-Origin. Status code: 200",
            "C01",
        ),
        (
            "blocked by CORS policy: Request header field x-api-key is not allowed by \
             Access-Control-Allow-Headers in preflight response.",
            "C03",
        ),
        (
            "header ‘traceparent’ is not allowed according to header ‘Access-Control-Allow-Headers’ from CORS \
             preflight response",
            "C03",
        ),
        ("Mixed Content: The page at 'https://shop.example.com/' was loaded over HTTPS", "C06"),
        ("invalid parent span IDs=ca872024dec6eab6; skipping clock skew adjustment", "X04"),
    ] {
        let meaning = first(text);
        assert!(meaning.see.contains(&see), "{text}: {meaning:?}");
    }
}

#[test]
fn a_row_is_found_by_each_of_its_texts() {
    for row in rows() {
        for text in row.texts {
            let said = decode(&format!("2026-01-05 ERROR {text} (retrying)"));
            let is_told = said.iter().any(|meaning| meaning.title == row.title);
            assert!(is_told, "{text} does not lead to {:?} but to {said:?}", row.title);
        }
    }
}

#[test]
fn a_code_is_told_only_if_nothing_says_more() {
    let titles = |text: &str| decode(text).into_iter().map(|meaning| meaning.title).collect::<Vec<_>>();
    assert_eq!(titles("code = Unavailable desc = no such host"), ["Nobody knows a host of that name"]);
    assert_eq!(titles("code = Unavailable"), ["The receiver is not there, or has no room now"]);
}

#[test]
fn a_log_with_two_troubles_is_told_of_both() {
    let said = decode("connect ECONNREFUSED 10.0.0.7:4317\nqueue is full, dropping spans\n");
    let seen: Vec<_> = said.iter().map(|meaning| meaning.see[0]).collect();
    assert_eq!(seen, ["N01", "N11"]);
}

#[test]
fn ports_and_counts_are_no_status() {
    for text in ["http://burgee:404/v1/traces", "sent 413 spans", "10.0.0.1:503", "4040", "span 415 of 500"] {
        assert_eq!(decode(text), [], "{text}");
    }
}

#[test]
fn every_text_of_the_table_is_a_whole_one_and_leads_to_findings() {
    let mut titles = BTreeSet::new();
    for row in rows() {
        assert!(titles.insert(row.title), "{} is there twice", row.title);
        assert!(!row.title.ends_with('.') && row.means.ends_with('.'), "{}", row.title);
        let (sentence, paste) = parts(row.fix);
        assert!(sentence.ends_with(if paste.is_some() { ':' } else { '.' }), "{}: {}", row.title, row.fix);
        assert!(!row.see.is_empty(), "{}", row.title);
        for id in row.see {
            assert!(entry(id).is_some(), "{} names {id}", row.title);
        }
    }
}

#[test]
fn any_text_is_read_in_bounds() {
    let long = "ECONNREFUSED é".repeat(20_000);
    assert_eq!(decode(&long).len(), 1);
    for text in
        ["", " ", "\0", "\u{1b}[2J", "é", "hex dump: zz", "first 4 bytes: 48545450485454", "99999999999"]
    {
        decode(text);
    }
    let numbers = "frame size 4740180 3958900 1377025 5460808 5263945 ".repeat(1000);
    assert_eq!(decode(&numbers).len(), 3);
}

#[test]
fn a_symptom_leads_to_its_finding_and_shared_words_lead_near_it() {
    let ids = |entries: Vec<&'static crate::doctor::Entry>| {
        entries.iter().map(|entry| entry.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(with_symptom("why is it unknown_service:node?")), ["T03"]);
    assert_eq!(ids(with_symptom("relay proxy ignores traceparent")), ["X01"]);
    assert_eq!(ids(with_symptom("a")), [""; 0]);
    assert!(ids(nearest("traceparent gets lost at our nginx")).contains(&"X02"));
    assert_eq!(ids(nearest("xyzzy")), [""; 0]);
}
