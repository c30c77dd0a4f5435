//! `burgee explain` as its users see it, and the page that says the same.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Stdio;

use burgee::doctor::Entry;
use burgee::doctor::catalogue::{CATALOGUE, entries, entry, parts};
use burgee::doctor::decode::{Row, rows};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

#[expect(dead_code, reason = "the command line's tests need more of it")]
mod support;

use support::run;

#[tokio::test]
async fn a_finding_is_told_in_full() {
    let ended = run(&["explain", "x01"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    insta::assert_snapshot!(ended.out, @r#"
    X01 Relay-proxy traces are not connected to their callers (error)

             Applications call the relay proxy, and its spans begin traces of their own instead of
             going on with the callers'. Relay proxies before v1.41.2 ignore the `traceparent` header
             (GO Feature Flag's issue 3042), whatever is configured. So nobody can see which request a
             flag was evaluated for.

    fix      Upgrade the relay proxy to v1.41.2 or later, for instance:
             image: gofeatureflag/go-feature-flag:v1.49.0

    noticed  Client spans to the relay proxy and its server spans at the same time on the same path, of
             which nearly none belong together; `burgee doctor --relay-proxy URL` sends a `traceparent`
             of its own.

    seen as  relay proxy ignores traceparent
             flagEvaluation is in a separate trace
             go-feature-flag spans are root spans
             traces stop at the relay proxy
             the relay proxy's trace id is not the one that was sent
    "#);
}

#[tokio::test]
async fn several_findings_are_told_in_the_order_they_were_asked_for() {
    let ended = run(&["explain", "P05", "c01"]).await;
    let heads: Vec<_> = ended.out.lines().filter(|line| line.starts_with(['P', 'C'])).collect();
    assert_eq!(
        heads,
        [
            "P05 A sender posts to a wrong path (error)",
            "C01 A web page may not send here: its origin is not allowed (error)",
        ]
    );
}

#[tokio::test]
async fn an_error_text_is_told_with_what_to_do_and_where_more_stands() {
    let ended = run(&["explain", "FRAME_SIZE_ERROR: 4740180"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    insta::assert_snapshot!(ended.out, @r#"
    A gRPC client got an answer in HTTP/1

             4740180 is no length: its bytes are 0x485454, which is "HTT", and an answer in HTTP/1
             begins so. So the client speaks gRPC to a port or a proxy that speaks HTTP/1: often 4318,
             a web server, or a load balancer without HTTP/2.

    fix      Give the client the gRPC port, or let it speak HTTP to this one:
             OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf

    see      P02 A sender speaks gRPC to the HTTP port
             P14 A sender reaches burgee through an HTTP proxy
    "#);
}

#[tokio::test]
async fn without_anything_all_findings_are_listed() {
    let ended = run(&["explain"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    for entry in entries() {
        assert!(ended.out.contains(&format!(
            "  {}  {:7}  {}\n",
            entry.id,
            entry.severity.name(),
            entry.title
        )));
    }
    assert!(ended.out.starts_with("Nothing arrives\n  N01  "), "{}", ended.out);
}

#[tokio::test]
async fn an_id_that_is_none_and_a_text_that_fits_nothing_are_failures() {
    let ended = run(&["explain", "X99"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert_eq!(ended.log, "burgee: there is no finding X99; there are X01 to X15\n");

    let ended = run(&["explain", "our nginx \u{1b}[2Jeats the \u{202e}traceparent"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    insta::assert_snapshot!(ended.log, @r#"
    burgee: no finding and no known error text fits "our nginx \u{1b}[2Jeats the \u{202e}traceparent"
    the nearest findings are
      X02 Callers do not send traceparent to the relay proxy
      C05 Something in front of burgee removes or doubles CORS headers
      C03 A web page wants to send a header that is not allowed
    "#);

    let ended = run(&["explain", "xyzzy"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.log.ends_with("\n`burgee explain` lists every finding\n"), "{}", ended.log);
}

#[tokio::test]
async fn a_text_can_be_piped_in() {
    let log = b"10:00 INFO started\n10:01 ERROR connect ECONNREFUSED ::1:4317 \xff\n";
    for args in [&["explain", "-"][..], &["explain"]] {
        let out = piped(args, log).await;
        assert!(out.starts_with("`localhost` was taken for ::1, and nothing listens there\n"), "{out}");
    }
}

#[tokio::test]
async fn everything_can_be_had_as_json() {
    let json = async |args: &[&str]| {
        let ended = run(&[&["explain", "--json"], args].concat()).await;
        let said: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
        (ended.code, said)
    };
    let (code, said) = json(&["X01"]).await;
    assert_eq!((code, &said["findings"][0]["id"]), (Some(0), &"X01".into()));
    assert_eq!(said["findings"][0]["severity"], "error");

    let (_, said) = json(&[]).await;
    assert_eq!(said["findings"].as_array().map(Vec::len), Some(66));

    let (code, said) = json(&["dial tcp: lookup burgee: no such host"]).await;
    assert_eq!((code, &said["meanings"][0]["see"][0]), (Some(0), &"N01".into()));

    let (code, said) = json(&["our nginx eats the traceparent"]).await;
    assert_eq!((code, &said["meanings"]), (Some(1), &serde_json::json!([])));
    assert!(said["nearest"][0]["id"].is_string(), "{said}");
}

#[test]
fn the_page_has_every_finding_and_every_error_text() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/my-traces-do-not-show-up.md");
    let page = fs::read_to_string(&path).expect("docs/my-traces-do-not-show-up.md");
    let (before, rest) = page.split_once(BEGIN).expect("the mark before the findings");
    let (_, after) = rest.split_once(END).expect("the mark after them");
    let written = format!("{before}{BEGIN}\n\n{}{END}{after}", findings());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, written).expect("a page of ours");
    } else {
        assert!(
            page == written,
            "docs/my-traces-do-not-show-up.md is not up to date: UPDATE_GOLDEN=1 cargo test --test explain"
        );
    }
}

async fn piped(args: &[&str], input: &[u8]) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_burgee"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .env("NO_COLOR", "1")
        .kill_on_drop(true)
        .spawn()
        .expect("the binary was built");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input).await.expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().await.expect("it ends");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Everything between the marks.
fn findings() -> String {
    let mut page = String::new();
    for group in CATALOGUE {
        page.push_str(&format!("**{}**\n\n", group.title));
        for Entry { id, title, .. } in group.entries {
            page.push_str(&format!("- [{id}](#{}) {}\n", id.to_lowercase(), prose(title)));
        }
        page.push('\n');
    }
    page.push_str("**[Error texts](#error-texts)** of SDKs, gRPC, TLS, proxies and browsers\n\n");
    for group in CATALOGUE {
        page.push_str(&format!("## {}\n\n", group.title));
        page.extend(group.entries.iter().map(section));
    }
    page.push_str(
        "## Error texts\n\n`burgee explain 'TEXT'` looks for these in what you paste, in upper or lower case, with \
         anything around them.\n\nNumbers after `FRAME_SIZE_ERROR` and the like are often the first bytes of \
         something else: 4740180 is `HTT`, the beginning of an answer in HTTP/1; 3958900 is `<ht`, a web page; \
         1377025 and 1377027 are TLS alerts. `burgee explain` reads any such number.\n\n",
    );
    page.extend(rows().map(error_text));
    page
}

fn section(entry: &Entry) -> String {
    let Entry { id, severity, title, means, fix: of, symptoms, noticed_by } = *entry;
    let symptoms: Vec<_> = symptoms.iter().map(|symptom| marked(symptom)).collect();
    format!(
        "<a id=\"{}\"></a>\n### {id}: {}\n\n_{}_. {}\n\n**Seen as:** {}\n\n{}**Noticed by:** {}\n\n",
        id.to_lowercase(),
        prose(title),
        severity.name(),
        prose(means),
        symptoms.join(" · "),
        fix(of),
        prose(noticed_by),
    )
}

fn error_text(row: &Row) -> String {
    let Row { texts, title, means, fix: of, see, .. } = *row;
    let see: Vec<_> = see
        .iter()
        .filter_map(|id| entry(id))
        .map(|Entry { id, title, .. }| format!("[{id}](#{}) {}", id.to_lowercase(), prose(title)))
        .collect();
    format!(
        "### {}\n\n```text\n{}\n```\n\n{}\n\n{}See {}.\n\n",
        prose(title),
        texts.join("\n"),
        prose(means),
        fix(of),
        see.join("; ")
    )
}

fn fix(of: &str) -> String {
    let (sentence, paste) = parts(of);
    let sentence = prose(sentence);
    match paste {
        None => format!("**Fix:** {sentence}\n\n"),
        Some(paste) => format!("**Fix:** {sentence}\n\n```{}\n{paste}\n```\n\n", language(paste)),
    }
}

fn language(paste: &str) -> &'static str {
    let first = paste.lines().next().unwrap_or_default();
    let is_variable = first
        .split_once('=')
        .is_some_and(|(name, _)| name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_'));
    match first {
        _ if is_variable => "sh",
        _ if first.starts_with("location ") => "nginx",
        _ if first.starts_with("new ") || first.starts_with("OpenFeature.") => "js",
        _ if first.ends_with(':') || first.contains(": ") && !first.contains(" -") => "yaml",
        _ => "sh",
    }
}

/// Texts of the catalogue are Markdown as they are, with nothing in them but code that GitHub would take for a sign.
fn prose(text: &str) -> &str {
    for outside in text.split('`').step_by(2) {
        assert!(!outside.contains(['*', '<', '>', '|', '[', ']', '\\', '#']), "{text}");
    }
    text
}

/// Code, unless it is a sentence.
fn marked(symptom: &str) -> String {
    let is_sentence = |letter: char| letter.is_alphanumeric() || " -,.'".contains(letter);
    match symptom.chars().all(is_sentence) && symptom.contains(' ') {
        true => symptom.to_owned(),
        false => format!("`{symptom}`"),
    }
}

const BEGIN: &str = "<!-- findings: written by `UPDATE_GOLDEN=1 cargo test --test explain` -->";
const END: &str = "<!-- end of findings -->";
