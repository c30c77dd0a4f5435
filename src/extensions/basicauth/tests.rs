use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use tempfile::tempdir;

use super::*;
use crate::component::Verdict;

fn build_from(json: &serde_json::Value) -> Result<Extension, String> {
    let config: Config = serde_json::from_value(json.clone()).expect("a configuration");
    let built = build(&config, &mut BuildContext::new("basicauth"));
    built.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn server(inline: &str) -> Extension {
    build_from(&serde_json::json!({"htpasswd": {"inline": inline}})).expect("it is right")
}

fn ask(extension: &Extension, credentials: &str) -> Verdict {
    let mut headers = HeaderMap::new();
    let value = format!("Basic {}", STANDARD.encode(credentials));
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&value).expect("a value"));
    extension.server_auth.as_ref().expect("it lets senders in").authenticate(&headers)
}

async fn lets_in(extension: &Extension, credentials: &str) -> bool {
    ask(extension, credentials).wait().await.is_ok()
}

/// The cheapest there is, so that tests do not wait.
fn bcrypt(password: &str) -> String {
    bcrypt::hash(password, 4).expect("it is short")
}

#[tokio::test]
async fn a_users_own_password_lets_in_however_it_is_stored() {
    let sha = STANDARD.encode({
        use sha1::Digest;
        sha1::Sha1::digest("pw:sha")
    });
    let lines = format!("# who may send\n\nplain:pw\nsha:{{SHA}}{sha}\r\ncrypt:{}\n", bcrypt("pwcrypt"));
    let extension = server(&lines);
    for right in ["plain:pw", "sha:pw:sha", "crypt:pwcrypt"] {
        assert!(lets_in(&extension, right).await, "{right}");
    }
    for wrong in
        ["plain:pwcrypt", "sha:pw", "crypt:pw", "nobody:pw", "plain:", "plain", ":pw", "", "Plain:pw"]
    {
        assert!(!lets_in(&extension, wrong).await, "{wrong}");
    }
}

#[tokio::test]
async fn a_password_that_was_right_costs_no_second_bcrypt_and_a_wrong_one_still_does() {
    let extension = server(&format!("me:{}", bcrypt("right")));
    assert!(matches!(ask(&extension, "me:right"), Verdict::Later(_)), "nothing is remembered yet");
    assert!(lets_in(&extension, "me:right").await);
    assert!(matches!(ask(&extension, "me:right"), Verdict::Now(Ok(()))), "now it is");
    assert!(!lets_in(&extension, "me:wrong").await);
    assert!(matches!(ask(&extension, "me:wrong"), Verdict::Later(_)));
    assert!(matches!(ask(&extension, "nobody:right"), Verdict::Later(_)), "nobody takes as long as somebody");
}

#[test]
fn what_burgee_cannot_check_is_refused_with_its_line_and_without_the_password() {
    for (line, says) in [
        (
            "me:$apr1$hunter2$x",
            "stored as Apache's MD5 (apr1), which burgee does not read; write it anew with `htpasswd -B`",
        ),
        ("me:$6$hunter2", "SHA-512 crypt"),
        ("me:{SSHA}hunter2", "salted SHA-1"),
        ("me:{SHA}hunter2", "not a SHA-1 digest"),
        ("me:$2y$05$hunter2", "its bcrypt is cut off"),
        ("me:$2y$31$abcdefghijklmnopqrstuuFAFPPpZPSoIr0UE2r1xPnEWq/hunter2", "has cost 31"),
        ("me:", "there is no password"),
        ("hunter2", "has no colon"),
    ] {
        let json = serde_json::json!({"htpasswd": {"inline": format!("ok:pw\n{line}")}});
        let said = build_from(&json).expect_err(line);
        assert!(said.starts_with("htpasswd.inline ") && said.contains("line 2"), "{line}: {said}");
        assert!(said.contains(says) && !said.contains("hunter2"), "{line}: {said}");
    }
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    for (json, says) in [
        (serde_json::json!({}), "htpasswd is missing, and so is client_auth"),
        (serde_json::json!({"htpasswd": {}}), "has neither file nor inline"),
        (
            serde_json::json!({"htpasswd": {"inline": "a:b"}, "client_auth": {"username": "a"}}),
            "stands beside htpasswd",
        ),
        (serde_json::json!({"htpasswd": {"inline": "# nobody"}}), "has no user in it"),
        (serde_json::json!({"htpasswd": {"file": "/no/such/file"}}), "does not exist"),
        (serde_json::json!({"client_auth": {"password": "hunter2"}}), "client_auth.username is missing"),
        (serde_json::json!({"client_auth": {"username": "a:b", "password": "hunter2"}}), "has a colon"),
        (
            serde_json::json!({"client_auth": {"username": "a", "password_file": "/no/such/file"}}),
            "client_auth.password_file",
        ),
    ] {
        let said = build_from(&json).expect_err("it is wrong");
        assert!(said.contains(says) && !said.contains("hunter2"), "{json}: {said}");
    }
}

#[test]
fn a_name_and_a_password_are_sent_wherever_they_come_from() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("password");
    fs::write(&path, "open sesame\n").expect("a file");
    let keys =
        serde_json::json!({"client_auth": {"username": "Aladdin", "password": "x", "password_file": path}});
    let extension = build_from(&keys).expect("it is right");
    let mut headers = HeaderMap::new();
    extension.client_auth.as_ref().expect("it has something to show").authorize(&mut headers);
    // RFC 7617, section 2
    assert_eq!(headers[AUTHORIZATION], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert!(headers[AUTHORIZATION].is_sensitive());
    assert_eq!(
        extension.warnings[0].to_string(),
        "client_auth.password has no effect beside password_file; remove one of them"
    );
}

#[tokio::test]
async fn of_a_user_in_the_file_and_in_the_configuration_the_latter_counts() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("htpasswd");
    fs::write(&path, "me:file\nother:file\n").expect("a file");
    let extension = build_from(&serde_json::json!({"htpasswd": {"file": path, "inline": "me:inline"}}))
        .expect("it is right");
    assert!(lets_in(&extension, "me:inline").await && lets_in(&extension, "other:file").await);
    assert!(!lets_in(&extension, "me:file").await);
}
