//! A running burgee reads its configuration anew: on SIGHUP, and when a file changes.
#![cfg(unix)]

#[expect(dead_code, reason = "other tests run commands to their end")]
mod support;

use std::net::SocketAddr;

use support::{Burgee, file, start};

fn config(level: &str, more: &str) -> String {
    format!(
        "receivers: {{otlp: {{protocols: {{http: {{endpoint: \"127.0.0.1:0\"}}}}}}}}
extensions: {{admin: {{endpoint: \"127.0.0.1:0\"}}}}
exporters: {{nop: }}
service: {{extensions: [admin], telemetry: {{logs: {{level: {level}}}, metrics: {{level: none}}}}}}
{more}"
    )
}

async fn connects(address: SocketAddr) -> bool {
    tokio::net::TcpStream::connect(address).await.is_ok()
}

async fn ends_well(burgee: Burgee) {
    burgee.signal("TERM").await;
    assert_eq!(burgee.end().await.code, Some(0));
}

#[tokio::test]
async fn sighup_puts_a_new_configuration_in_force_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), "burgee.yaml", &config("info", ""));
    let mut burgee = start(&["--config", &path, "--no-watch"]);
    let address = burgee.listening("OTLP").await;
    burgee.listening("admin").await;

    burgee.signal("HUP").await;
    burgee.log.line_with(&["SIGHUP", "says what it said before"]).await;

    file(folder.path(), "burgee.yaml", &config("info", "processors: {feature_flg: }"));
    burgee.signal("HUP").await;
    burgee.log.line_with(&["burgee.yaml:5:14", "feature_flg"]).await;
    burgee.log.line_with(&["SIGHUP, but the configuration is not valid", "stays in force"]).await;
    assert!(connects(address).await);

    std::fs::remove_file(&path).expect("it is there");
    burgee.signal("HUP").await;
    burgee.log.line_with(&["SIGHUP, but the configuration is not valid", "cannot read"]).await;

    file(folder.path(), "burgee.yaml", &config("debug", "processors: {batch: }"));
    burgee.signal("HUP").await;
    burgee.log.line_with(&["SIGHUP: the new configuration is in force", "2 kept, 0 opened, 0 closed"]).await;
    assert!(connects(address).await);
    ends_well(burgee).await;
}

#[tokio::test]
async fn a_link_that_is_swapped_is_a_change_as_kubernetes_makes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let link = |from: &str| {
        let new = folder.path().join("new");
        std::os::unix::fs::symlink(folder.path().join(from), &new).expect("a folder of ours");
        std::fs::rename(&new, folder.path().join("burgee.yaml")).expect("a folder of ours");
    };
    file(folder.path(), "one.yaml", &config("info", ""));
    file(folder.path(), "two.yaml", &config("info", "processors: {batch: }"));
    link("one.yaml");
    let path = folder.path().join("burgee.yaml");
    let mut burgee = start(&["--config", path.to_str().expect("UTF-8")]);
    let address = burgee.listening("OTLP").await;
    burgee.listening("admin").await;
    link("two.yaml");
    burgee.log.line_with(&["a file has changed: the new configuration is in force"]).await;
    assert!(connects(address).await);
    ends_well(burgee).await;
}
