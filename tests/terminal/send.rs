//! `burgee send` against a real burgee, whose exporter prints what arrives.

use std::path::PathBuf;

use tempfile::tempdir;

use crate::support::{Burgee, file, run, start};

const CONFIG: &str = "
receivers:
  otlp:
    protocols:
      grpc: {endpoint: 127.0.0.1:0}
      http: {endpoint: 127.0.0.1:0}
extensions:
  admin: {endpoint: 127.0.0.1:0}
exporters:
  debug: {verbosity: evaluations}
  file: {path: FILE, format: FORMAT}
service:
  extensions: [admin]
  pipelines:
    traces: {receivers: [otlp], exporters: [debug, file]}
    logs: {receivers: [otlp], exporters: [debug, file]}
";

/// A burgee that also writes to a file, and where it receives.
async fn burgee(written: &str, format: &str, folder: &std::path::Path) -> (Burgee, String) {
    let config = CONFIG.replace("FILE", written).replace("FORMAT", format);
    let config = file(folder, &format!("{format}.yaml"), &config);
    let mut burgee = start(&["run", "--config", &config]);
    let address = burgee.listening("OTLP").await;
    (burgee, format!("http://{address}"))
}

#[tokio::test]
async fn a_test_trace_arrives_over_both_protocols_and_its_id_is_printed() {
    let folder = tempdir().expect("a folder");
    let written = folder.path().join("out.jsonl").display().to_string();
    let (mut burgee, to) = burgee(&written, "json", folder.path()).await;
    for protocol in ["http", "grpc"] {
        let flag = format!("by-{protocol}");
        let args = ["send", "--to", &to, "--protocol", protocol, "--flag", &flag, "--variant", "blue"];
        let ended = run(&[&args[..], &["--count", "2"]].concat()).await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        let ids: Vec<&str> = ended.out.lines().collect();
        assert_eq!(ids.len(), 2, "{}", ended.out);
        assert!(ended.log.contains(&format!("`burgee trace {}`", ids[1])), "{}", ended.log);
        burgee.out.line_with(&["burgee-send", &flag, "blue", ids[0]]).await;
        burgee.out.line_with(&["go-feature-flag", &flag, "blue", ids[1]]).await;
    }
}

#[tokio::test]
async fn what_the_file_exporter_wrote_is_sent_again() {
    for format in ["json", "proto"] {
        let folder = tempdir().expect("a folder");
        let written = folder.path().join("out").display().to_string();
        let (first, to) = burgee(&written, format, folder.path()).await;
        let ended = run(&["send", "--to", &to, "--count", "3"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        let ids: Vec<String> = ended.out.lines().map(str::to_owned).collect();
        first.signal("TERM").await;
        assert_eq!(first.end().await.code, Some(0));

        let again = folder.path().join("again").display().to_string();
        let (mut second, to) = burgee(&again, format, folder.path()).await;
        let ended = run(&["send", "--to", &to, "--replay", &written]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert!(ended.log.contains("took 6 spans in "), "{}", ended.log);
        second.out.line_with(&["burgee-test", &ids[0]]).await;
        let ended = run(&["send", "--to", &to, "--replay", &written, "--fresh-ids", "--now"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        second.signal("TERM").await;
        let rest = second.end().await.out;
        let is_new = |line: &str| line.contains("burgee-send") && ids.iter().all(|id| !line.contains(id));
        assert_eq!(rest.lines().filter(|line| is_new(line)).count(), 3, "{rest}");
    }
}

#[tokio::test]
async fn captures_of_real_senders_are_taken_and_garbage_is_told() {
    let folder = tempdir().expect("a folder");
    let written = folder.path().join("out.jsonl").display().to_string();
    let (_burgee, to) = burgee(&written, "json", folder.path()).await;
    let captures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/interop/captures");
    for name in ["node-hooks-1.0.0-EventHook-logs.pb", "relayproxy-v1.45.6-ofrep-success.pb"] {
        let capture = captures.join(name).display().to_string();
        let ended = run(&["send", "--to", &to, "--replay", &capture]).await;
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.log);
    }
    let broken =
        file(folder.path(), "broken.jsonl", "{\"resourceSpans\": [\n{\"resourceSpans\": []}\n{\"a\": 1}\n");
    let ended = run(&["send", "--to", &to, "--replay", &broken]).await;
    assert_eq!(ended.code, Some(1));
    for part in ["line 1: has no end", "line 3: is no OTLP", "2 requests could not be read"] {
        assert!(ended.log.contains(part), "no {part:?} in {}", ended.log);
    }
    let ended = run(&["send", "--to", &to, "--replay", "no-such-file"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.log.contains("cannot read \"no-such-file\""), "{}", ended.log);
}

#[tokio::test]
async fn where_nobody_receives_send_says_what_to_do() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("bound").port()
    };
    for protocol in ["http", "grpc"] {
        let to = format!("127.0.0.1:{port}");
        let ended = run(&["send", "--to", &to, "--protocol", protocol]).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{}", ended.log);
        assert!(
            ended.log.contains("2 items not taken") && ended.log.contains("`burgee` does"),
            "{}",
            ended.log
        );
    }
    for args in [&["--to", "ftp://x"][..], &["--to", "http://me:secret@localhost"]] {
        let ended = run(&[&["send"], args].concat()).await;
        assert_eq!(ended.code, Some(1), "{}", ended.log);
        assert!(ended.log.starts_with("burgee: --to ") && !ended.log.contains("secret"), "{}", ended.log);
    }
    assert_eq!(run(&["send", "--replay", "x", "--flag", "y"]).await.code, Some(2));
}
