use std::fs;

use futures_util::FutureExt;
use tempfile::tempdir;

use super::*;
use crate::component::Denied;

fn config(json: &str) -> Config {
    serde_json::from_str(json).expect("a configuration")
}

fn built(json: &str) -> Extension {
    build(&config(json), &mut BuildContext::new("bearertokenauth")).expect("it is right")
}

fn refused(json: &str) -> String {
    let problems = build(&config(json), &mut BuildContext::new("bearertokenauth")).expect_err("it is wrong");
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn ask(extension: &Extension, pairs: &[(&'static str, &str)]) -> Result<(), Denied> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"));
    }
    let server = extension.server_auth.as_ref().expect("it lets senders in");
    server.authenticate(&headers).wait().now_or_never().expect("it does not wait")
}

fn sent(extension: &Extension) -> HeaderMap {
    let mut headers = HeaderMap::new();
    extension.client_auth.as_ref().expect("it has something to show").authorize(&mut headers);
    headers
}

#[test]
fn a_token_lets_in_whatever_the_case_of_its_scheme() {
    let extension = built(r#"{"token": "s3cret"}"#);
    for value in ["Bearer s3cret", "bearer s3cret", "BEARER   s3cret "] {
        assert_eq!(ask(&extension, &[("authorization", value)]), Ok(()), "{value}");
    }
}

#[test]
fn whatever_else_is_sent_is_refused_with_a_challenge_and_without_being_repeated() {
    let extension = built(r#"{"token": "s3cret"}"#);
    let long = format!("Bearer {}", "x".repeat(1 << 20));
    for pairs in [
        &[][..],
        &[("authorization", "")],
        &[("authorization", "Bearer")],
        &[("authorization", "Bearer ")],
        &[("authorization", "s3cret")],
        &[("authorization", "Bearers3cret")],
        &[("authorization", "Basic s3cret")],
        &[("authorization", "Bearer s3cre")],
        &[("authorization", "Bearer s3crets")],
        &[("authorization", "Bearer S3CRET")],
        &[("authorization", "Bearer s3cret, Bearer s3cret")],
        &[("authorization", &*long)],
        &[("x-authorization", "Bearer s3cret")],
        // one of them may be what somebody in between has looked at
        &[("authorization", "Bearer s3cret"), ("authorization", "Bearer s3cret")],
    ] {
        let Err(Denied::Unauthenticated { challenge, message }) = ask(&extension, pairs) else {
            panic!("{pairs:?} was let in");
        };
        assert_eq!(challenge, "Bearer realm=\"burgee\"");
        assert!(!message.contains("s3cret"), "{message}");
    }
}

#[test]
fn header_and_scheme_are_what_is_configured() {
    let extension = built(r#"{"token": "s3cret", "header": "X-Api-Key", "scheme": ""}"#);
    assert_eq!(ask(&extension, &[("x-api-key", "s3cret")]), Ok(()));
    assert!(ask(&extension, &[("authorization", "Bearer s3cret")]).is_err());
    assert_eq!(sent(&extension)["x-api-key"], "s3cret");
    let extension = built(r#"{"token": "s3cret", "scheme": "Splunk"}"#);
    assert_eq!(ask(&extension, &[("authorization", "Splunk s3cret")]), Ok(()));
}

#[test]
fn each_of_several_tokens_is_taken_and_the_first_is_sent() {
    let extension = built(r#"{"tokens": ["new", "old"]}"#);
    for (token, is_taken) in [("new", true), ("old", true), ("older", false)] {
        let answer = ask(&extension, &[("authorization", &format!("Bearer {token}"))]);
        assert_eq!(answer.is_ok(), is_taken, "{token}");
    }
    let headers = sent(&extension);
    assert_eq!(headers["authorization"], "Bearer new");
    assert!(headers["authorization"].is_sensitive());
}

#[test]
fn a_file_has_a_token_a_line_and_goes_before_the_others() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("tokens");
    fs::write(&path, "\n first \r\n\nsecond\n").expect("a file");
    let json = serde_json::json!({"filename": path, "token": "s3cret", "file_retry": {"enabled": true}});
    let mut cx = BuildContext::new("bearertokenauth");
    let extension = build(&config(&json.to_string()), &mut cx).expect("it is right");
    assert!(ask(&extension, &[("authorization", "Bearer second")]).is_ok());
    assert!(ask(&extension, &[("authorization", "Bearer s3cret")]).is_err());
    assert_eq!(sent(&extension)["authorization"], "Bearer first");
    let warnings: Vec<_> = extension.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings[0].starts_with("token has no effect beside filename"), "{warnings:?}");
    assert!(warnings[1].starts_with("file_retry is read but has no effect"), "{warnings:?}");
    assert_eq!(cx.into_tasks().len(), 1, "the file is looked at");
}

#[test]
fn what_makes_no_token_is_refused_without_showing_one() {
    for (json, says) in [
        ("{}", "token is missing"),
        (r#"{"token": "s3cret", "tokens": ["s3cret"]}"#, "tokens stands beside token"),
        (r#"{"token": " \n "}"#, "token has no token in it"),
        (r#"{"tokens": ["s3cret", ""]}"#, "tokens has an empty one"),
        (r#"{"token": "s3\u0000cret"}"#, "a control character"),
        (r#"{"token": "s3cret", "header": "a b"}"#, "header is not the name of a header"),
        (r#"{"token": "s3cret", "scheme": "a b"}"#, "scheme is not one word"),
        (r#"{"filename": "/no/such/file"}"#, "filename \"/no/such/file\" does not exist"),
    ] {
        let said = refused(json);
        assert!(said.contains(says) && !said.contains("cret"), "{json}: {said}");
    }
    let shown = format!("{:?}", config(r#"{"token": "s3cret", "tokens": ["s3cret"]}"#));
    assert!(!shown.contains("s3cret"), "{shown}");
}
