//! The command line as its users see it: exit codes, messages, and what goes where.
#![cfg(unix)]

mod support;

use support::{file, run, start};
use tempfile::tempdir;

/// Receives on free ports and prints evaluations; the admin service is on a free port, too.
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
async fn a_good_configuration_is_valid_and_its_ways_are_shown() {
    let folder = tempdir().expect("a folder");
    let config = file(folder.path(), "good.yaml", FREE_PORTS);
    let ended = run(&["validate", "--config", &config]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.out.contains("good.yaml is valid"), "{}", ended.out);
    assert!(ended.out.contains("traces: otlp → feature_flag → debug"), "{}", ended.out);
}

#[tokio::test]
async fn a_bad_configuration_ends_with_78_and_every_problem_where_it_is() {
    let folder = tempdir().expect("a folder");
    let config = file(
        folder.path(),
        "bad.yaml",
        "receivers:\n  otlp:\n    protocols:\n      htttp:\nexporters:\n  debgu:\n",
    );
    for command in
        [&["validate", "--config", &config][..], &["run", "--config", &config], &["--config", &config]]
    {
        let ended = run(command).await;
        assert_eq!(ended.code, Some(78), "{command:?}: {}", ended.log);
        for part in [
            "bad.yaml:4:7: error: unknown key \"htttp\" in receivers.otlp.protocols: did you mean \"http\"?",
            "bad.yaml:6:3: error: unknown exporter \"debgu\": did you mean \"debug\"?",
            "4 |       htttp:",
        ] {
            assert!(ended.log.contains(part), "no {part:?} in:\n{}", ended.log);
        }
        assert_eq!(ended.out, "");
    }
}

#[tokio::test]
async fn settings_lie_over_files_and_their_mistakes_name_the_flag() {
    let folder = tempdir().expect("a folder");
    let config = file(folder.path(), "good.yaml", FREE_PORTS);
    let set = "--set=service.pipelines={logs: {receivers: [otlp], exporters: [debug]}}";
    let ended = run(&["validate", "--config", &config, set]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.out.contains("logs: otlp → debug") && !ended.out.contains("traces:"), "{}", ended.out);
    for (flag, said) in [
        (
            "exporters.debug.verbosity=loud",
            "--set exporters.debug.verbosity: error: exporters.debug.verbosity",
        ),
        ("exporters.debug.verbsity=basic", "did you mean \"verbosity\"?"),
        ("key:name", "missing equal sign"),
    ] {
        let ended = run(&["validate", "--config", &config, "--set", flag]).await;
        assert_eq!(ended.code, Some(78), "{flag}: {}", ended.log);
        assert!(ended.log.contains(said), "no {said:?} in:\n{}", ended.log);
    }
}

#[tokio::test]
async fn problems_can_be_had_as_json() {
    let folder = tempdir().expect("a folder");
    let config = file(folder.path(), "bad.yaml", "receivers:\n  otlp:\n    protocls:\n");
    let ended = run(&["validate", "--format", "json", "--config", &config]).await;
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    let said: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(said["valid"], false);
    let first = &said["problems"][0];
    assert_eq!(
        (&first["line"], &first["column"], &first["severity"]),
        (&3.into(), &5.into(), &"error".into())
    );
    let good = file(folder.path(), "good.yaml", FREE_PORTS);
    let ended = run(&["validate", "--format", "json", "--config", &good]).await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.out.contains("\"valid\": true"), "{}", ended.out);
}

#[tokio::test]
async fn print_config_shows_what_holds_and_where_it_came_from() {
    let folder = tempdir().expect("a folder");
    let text = "receivers: {otlp: {protocols: {grpc: {endpoint: 'localhost:1'}}}}
exporters: {otlp_http: {endpoint: 'http://localhost:9', headers: {x-key: hunter2}}}
";
    let config = file(folder.path(), "mine.yaml", text);
    let ended = run(&["print-config", "--config", &config, "--set=exporters.otlp_http.timeout=7s"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    for part in [
        "endpoint: localhost:1  # ",
        "mine.yaml:1:49",
        "x-key: '[REDACTED]'",
        "timeout: 7s  # --set exporters.otlp_http.timeout",
        "# built-in default:",
        "    traces:\n",
    ] {
        assert!(ended.out.contains(part), "no {part:?} in:\n{}", ended.out);
    }
    assert!(!ended.out.contains("hunter2"), "{}", ended.out);
    // What is printed is a configuration.
    let shown = run(&["print-config", "--mode=unredacted", "--config", &config]).await;
    assert!(shown.out.contains("hunter2"), "{}", shown.out);
    let again = file(folder.path(), "again.yaml", &shown.out);
    let json = |path: String| async move {
        run(&["print-config", "--mode=unredacted", "--format=json", "--config", &path]).await.out
    };
    assert_eq!(json(config).await, json(again).await);

    let bad = file(folder.path(), "bad.yaml", "exporters: {debgu: }");
    assert_eq!(run(&["print-config", "--config", &bad]).await.code, Some(78));
    let ended = run(&["print-config", "--validate=false", "--config", &bad]).await;
    assert!(ended.code == Some(0) && ended.out.contains("debgu: null"), "{}", ended.out);
}

#[tokio::test]
async fn components_and_the_schema_are_printed() {
    let ended = run(&["components"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let listed: serde_yaml::Value = serde_yaml::from_str(&ended.out).expect("YAML");
    assert_eq!(listed["buildinfo"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(listed["receivers"][0]["name"], "otlp");
    assert_eq!(listed["exporters"][0]["aliases"][0], "otlp");
    assert_eq!(listed["providers"][0]["scheme"], "env");
    let json = run(&["components", "--format", "json"]).await;
    assert_eq!(serde_json::from_str::<serde_yaml::Value>(&json.out).expect("JSON"), listed);

    let schema = run(&["config", "schema"]).await;
    assert_eq!(schema.out, include_str!("../config/burgee.schema.json"));
}

#[tokio::test]
async fn a_file_that_is_not_there_is_a_bad_configuration() {
    let ended = run(&["validate", "--config", "no-such-file.yaml"]).await;
    assert_eq!(ended.code, Some(78));
    assert!(ended.log.contains("cannot read no-such-file.yaml"), "{}", ended.log);
}

#[tokio::test]
async fn a_command_line_that_is_not_understood_ends_with_2() {
    assert_eq!(run(&["--no-such-flag"]).await.code, Some(2));
    assert_eq!(run(&["demo", "--duration", "5"]).await.code, Some(2));
}

#[tokio::test]
async fn the_version_is_printed() {
    let ended = run(&["version"]).await;
    assert_eq!((ended.code, ended.out), (Some(0), format!("burgee {}\n", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn evaluations_go_to_stdout_and_a_sigterm_ends_with_a_report() {
    let folder = tempdir().expect("a folder");
    let config = file(folder.path(), "burgee.yaml", FREE_PORTS);
    let mut burgee = start(&["--config", &config]);
    let address = burgee.listening("OTLP").await;

    let demo =
        run(&["demo", "--endpoint", &format!("http://{address}"), "--duration", "1s", "--rate", "40"]).await;
    assert_eq!(demo.code, Some(0), "{}", demo.log);
    assert!(demo.log.contains("sent ") && demo.log.contains(" spans"), "{}", demo.log);
    burgee.out.line_with(&["go-feature-flag", "new-checkout"]).await;

    burgee.signal("TERM").await;
    let ended = burgee.end().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let report = ended.log.lines().find(|line| line.starts_with("burgee stopped: ")).expect("a report");
    assert!(report.contains(" spans, "), "{report}");
    assert!(!report.contains("received nothing") && !report.contains("dropped"), "{report}");
    let sent = demo.log.split(" accepted").next().and_then(|text| text.rsplit(' ').next()).expect("a number");
    assert!(report.contains(&format!("debug: {sent} sent")), "{sent} accepted, but {report}");
    assert!(ended.out.lines().all(|line| !line.contains("listening")), "the log is not data");
}

#[tokio::test]
async fn status_shows_what_a_running_burgee_has_done() {
    let folder = tempdir().expect("a folder");
    let config = file(folder.path(), "burgee.yaml", FREE_PORTS);
    let mut burgee = start(&["run", "--config", &config]);
    let address = burgee.listening("OTLP").await;
    let admin = burgee.listening("admin").await.to_string();
    let demo = run(&["demo", "--endpoint", &format!("http://{address}"), "--duration", "1s"]).await;
    assert_eq!(demo.code, Some(0), "{}", demo.log);

    let status = run(&["status", "--admin", &admin]).await;
    assert_eq!(status.code, Some(0), "{}", status.log);
    for part in [
        "up ",
        &format!("{address} otlp (OTLP/gRPC and OTLP/HTTP)"),
        "otlp http traces: ",
        "flag evaluations",
    ] {
        assert!(status.out.contains(part), "no {part:?} in:\n{}", status.out);
    }
    let json = run(&["status", "--admin", &admin, "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert!(json["doors"][0]["items_accepted"].as_u64().expect("a number") > 0, "{json}");

    burgee.signal("INT").await;
    assert_eq!(burgee.end().await.code, Some(0));
}

#[tokio::test]
async fn status_says_that_the_flag_file_is_broken_now() {
    let folder = tempdir().expect("a folder");
    let flags =
        file(folder.path(), "flags.goff.yaml", "new-checkout:\n  variations: {on: true, off: false}\n");
    let processor = format!("processors: {{feature_flag: {{definitions: {{file: {flags}}}}}}}\n");
    let config = file(folder.path(), "burgee.yaml", &format!("{processor}{FREE_PORTS}"));
    let mut burgee = start(&["run", "--config", &config]);
    let admin = burgee.listening("admin").await.to_string();
    let definitions = async || {
        let status = run(&["status", "--admin", &admin]).await;
        let line = status.out.lines().find(|line| line.starts_with("definitions")).map(str::to_owned);
        let json = run(&["status", "--admin", &admin, "--json"]).await;
        let json: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
        (line.unwrap_or(status.out), json["definitions"][0].clone())
    };

    let (line, json) = definitions().await;
    assert!(line.starts_with(&format!("definitions feature_flag: {flags}, 1 flag, read ")), "{line}");
    assert!(json["read_at_unix_ms"].is_u64() && json["failure"].is_null(), "{json}");

    file(folder.path(), "flags.goff.yaml", "new-checkout: [\n");
    burgee.log.line_with(&["flag definitions cannot be read"]).await;
    let (line, json) = definitions().await;
    let failing = format!("definitions feature_flag: {flags}, 1 flag; last reading failed ");
    assert!(line.starts_with(&failing) && line.contains(&format!(" ago: {flags}:")), "{line}");
    assert_eq!((&json["flags"], &json["ok"], &json["failed"]), (&1.into(), &0.into(), &1.into()), "{json}");
    let message = json["failure"]["message"].as_str().expect("a reason");
    assert!(message.starts_with(&flags), "{message}");

    burgee.signal("INT").await;
    assert_eq!(burgee.end().await.code, Some(0));
}

#[tokio::test]
async fn where_nothing_answers_status_and_demo_say_what_to_do() {
    let port = free_port();
    let status = run(&["status", "--admin", &format!("127.0.0.1:{port}")]).await;
    assert_eq!(status.code, Some(1));
    assert!(
        status.log.contains("nothing answers") && status.log.contains("`burgee` starts it"),
        "{}",
        status.log
    );
    // With and without http://, as for `burgee status`.
    for endpoint in [format!("http://127.0.0.1:{port}"), format!("127.0.0.1:{port}")] {
        let demo = run(&["demo", "--endpoint", &endpoint]).await;
        assert_eq!(demo.code, Some(1));
        assert!(
            demo.log.contains("nobody listens there") && demo.log.contains("burgee --demo"),
            "{}",
            demo.log
        );
    }
    for endpoint in ["", "http://", "http://a b", "http://127.0.0.1:4318?x=1"] {
        let demo = run(&["demo", "--endpoint", endpoint]).await;
        assert_eq!(demo.code, Some(2), "{endpoint:?}: {}", demo.log);
    }
}

#[tokio::test]
async fn a_demo_that_is_sent_to_the_admin_service_was_not_accepted() {
    let folder = tempdir().expect("a folder");
    let config = file(folder.path(), "burgee.yaml", FREE_PORTS);
    let mut burgee = start(&["--config", &config]);
    let admin = burgee.listening("admin").await.to_string();
    let demo = run(&["demo", "--endpoint", &admin, "--duration", "1s"]).await;
    assert_eq!(demo.code, Some(1), "{}", demo.log);
    assert!(demo.log.contains(" 0 accepted") && demo.log.contains("404 Not Found"), "{}", demo.log);
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_component_that_wants_it() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = holder.local_addr().expect("bound");
    let folder = tempdir().expect("a folder");
    let text = format!("receivers: {{otlp: {{protocols: {{grpc: {{endpoint: \"{taken}\"}}}}}}}}");
    let config = file(folder.path(), "burgee.yaml", &text);
    let ended = run(&["--config", &config]).await;
    assert_eq!(ended.code, Some(1));
    let message = format!("receivers.otlp: cannot listen on {taken}: the port is in use");
    assert!(ended.log.contains(&message), "{}", ended.log);
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let folder = tempdir().expect("a folder");
    let text = format!(
        "receivers: {{otlp: {{protocols: {{http: {{endpoint: \"127.0.0.1:0\"}}}}}}}}
exporters: {{otlp_http: {{endpoint: \"http://{}\", timeout: 1h}}}}",
        deaf.local_addr().expect("bound")
    );
    let config = file(folder.path(), "burgee.yaml", &text);
    let mut burgee = start(&["--config", &config, "--drain-deadline", "1h"]);
    let address = burgee.listening("OTLP").await;
    let demo = run(&["demo", "--endpoint", &format!("http://{address}"), "--duration", "1s"]).await;
    assert_eq!(demo.code, Some(0), "{}", demo.log);

    burgee.signal("TERM").await;
    burgee.log.line_with(&["stopping"]).await;
    burgee.signal("TERM").await;
    let ended = burgee.end().await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.log.contains("asked a second time"), "{}", ended.log);
}

#[tokio::test]
async fn a_demo_that_is_interrupted_ends_cleanly() {
    let mut burgee = start(&["--demo"]);
    burgee.out.line_with(&["new-checkout"]).await;
    burgee.signal("INT").await;
    let ended = burgee.end().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("burgee stopped: received"), "{}", ended.log);
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}
