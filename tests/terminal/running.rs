//! The same commands against a real burgee.

use tempfile::tempdir;

use crate::pty::Terminal;
use crate::support::{file, run, start};

const FREE_PORTS: &str = "
receivers:
  otlp:
    protocols:
      grpc: {endpoint: 127.0.0.1:0}
      http: {endpoint: 127.0.0.1:0}
extensions:
  admin: {endpoint: 127.0.0.1:0}
exporters:
  debug: {verbosity: evaluations}
service:
  extensions: [admin]
";

#[tokio::test]
async fn what_was_sent_is_seen_in_every_command() {
    let folder = tempdir().expect("a folder");
    let config = file(folder.path(), "burgee.yaml", FREE_PORTS);
    let mut burgee = start(&["run", "--config", &config]);
    let to = format!("http://{}", burgee.listening("OTLP").await);
    let admin = burgee.listening("admin").await.to_string();

    let mut tap = Terminal::burgee(&["tap", "flag=new-*", "-n", "2", "--admin", &admin], 200);
    tap.shows(&["watching flag=new-*"]).await;
    for flag in ["old-search", "new-checkout"] {
        let sent = run(&["send", "--to", &to, "--flag", flag, "--variant", "blue"]).await;
        assert_eq!(sent.code, Some(0), "{}", sent.log);
    }
    assert_eq!(tap.end().await, Some(0));
    let shown = tap.contents();
    assert!(shown.contains("new-checkout") && shown.contains("blue"), "{shown}");
    assert!(!shown.contains("old-search"), "{shown}");

    let past = run(&["tap", "--past", "-o", "json", "-n", "4", "--admin", &admin]).await;
    assert_eq!(past.code, Some(0), "{}", past.log);
    assert!(past.out.contains("old-search"), "{}", past.out);
    let flags = run(&["flags", "--admin", &admin]).await;
    assert!(flags.out.contains("new-checkout") && flags.out.contains("blue 100%"), "{}", flags.out);

    let sent = run(&["send", "--to", &to, "--flag", "last-one"]).await;
    let id = sent.out.trim().to_owned();
    // until it has looked at them, which is not before it has answered
    let seen = run(&["tap", "flag=last-one", "--past", "-n", "2", "--admin", &admin]).await;
    assert_eq!(seen.code, Some(0), "{}", seen.log);
    let list = run(&["trace", "--admin", &admin]).await;
    assert!(list.out.contains(&id) && list.out.contains("last-one"), "{}", list.out);
    let trace = run(&["trace", &id[..10], "--admin", &admin]).await;
    for part in [id.as_str(), "GET /burgee-test", "flagEvaluation", "⚑ last-one = on", "go-feature-flag"] {
        assert!(trace.out.contains(part), "no {part:?} in\n{}", trace.out);
    }
    let top = run(&["top", "--once", "--admin", &admin]).await;
    assert_eq!(top.code, Some(0), "{}", top.log);
    assert!(top.out.contains("last-one") && top.out.contains("burgee-send"), "{}", top.out);

    let bad = run(&["tap", "flg=x", "--admin", &admin]).await;
    assert_eq!(bad.code, Some(1), "{}", bad.log);
    burgee.signal("TERM").await;
    assert_eq!(burgee.end().await.code, Some(0));
}

#[tokio::test]
async fn what_is_not_the_admin_service_is_told_from_it() {
    let folder = tempdir().expect("a folder");
    let config = file(folder.path(), "burgee.yaml", FREE_PORTS);
    let mut burgee = start(&["run", "--config", &config]);
    let otlp = burgee.listening("OTLP").await.to_string();
    for command in ["tap", "top", "flags", "trace", "status"] {
        let ended = run(&[command, "--admin", &otlp]).await;
        assert_eq!(ended.code, Some(1), "{command}: {}", ended.log);
        assert!(ended.log.contains("is not burgee's admin service"), "{command}: {}", ended.log);
    }
}
