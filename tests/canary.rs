//! Secrets are marked, everything is done that people do with a configuration, and nothing that burgee says has a mark.
#![cfg(unix)]

mod support;

use support::{Ended, file, run, start};

/// Part of every secret here, and of nothing else.
const MARK: &str = "hunter2";

const CONFIG: &str = "extensions:
  admin: {endpoint: \"127.0.0.1:0\"}
  zpages: {endpoint: \"127.0.0.1:0\"}
  bearertokenauth: {token: hunter2-token}
  bearertokenauth/several: {tokens: [hunter2-one, hunter2-two]}
  basicauth: {htpasswd: {inline: \"ada:{SHA}hunter2hunter2hunter2hunteA=\"}}
  basicauth/client: {client_auth: {username: ada, password: hunter2-password}}
receivers:
  otlp: {protocols: {http: {endpoint: \"127.0.0.1:0\", auth: {authenticator: bearertokenauth}}}}
processors:
  feature_flag: {context_id: hash, hash_key: hunter2-hash-key-long-enough, definitions: {relay_proxy: {endpoint: \"http://127.0.0.1:9\", api_key: hunter2-api-key}}}
exporters:
  otlp_http: {endpoint: \"http://127.0.0.1:9\", headers: {x-api-key: hunter2-header}, auth: {authenticator: basicauth/client}, proxy_url: \"http://ada:hunter2-proxy@127.0.0.1:9\"}
  otlp_grpc: {endpoint: \"http://127.0.0.1:9\", headers: {authorization: Bearer hunter2-grpc}}
service:
  extensions: [admin, zpages, bearertokenauth, bearertokenauth/several, basicauth, basicauth/client]
  telemetry: {metrics: {level: none}, logs: {level: debug}}
  pipelines:
    traces: {receivers: [otlp], processors: [feature_flag], exporters: [otlp_http, otlp_grpc]}
";

fn assert_discreet(what: &str, ended: &Ended) {
    for (stream, text) in [("stdout", &ended.out), ("stderr", &ended.log)] {
        let line = text.lines().find(|line| line.contains(MARK));
        assert_eq!(line, None, "{what}, {stream}");
    }
}

#[tokio::test]
async fn commands_on_a_good_configuration_show_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), "burgee.yaml", CONFIG);
    for arguments in [
        &["validate"][..],
        &["validate", "--format", "json"],
        &["print-config"],
        &["print-config", "--format", "json"],
        &["validate", "--set", "exporters.otlp_grpc.headers.other=hunter2-set"],
        &["print-config", "--set", "exporters.otlp_grpc.headers.other=hunter2-set"],
    ] {
        let arguments = [arguments, &["--config", &path]].concat();
        let ended = run(&arguments).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.log);
        assert_discreet(&arguments.join(" "), &ended);
    }
    let all = run(&["print-config", "--mode", "unredacted", "--config", &path]).await;
    assert!(all.out.matches(MARK).count() > 8, "the secrets were read: {}", all.out);
}

#[tokio::test]
async fn what_is_said_of_mistakes_beside_and_in_secrets_shows_none() {
    let folder = tempfile::tempdir().expect("a folder");
    for (good, bad) in [
        ("token: hunter2-token", "token: [hunter2-token]"),
        ("token: hunter2-token", "token: \"hunter2\\u0007-token\""),
        ("token: hunter2-token", "tokn: hunter2-token"),
        ("tokens: [hunter2-one, hunter2-two]", "tokens: {a: hunter2-one}"),
        ("inline: \"ada:{SHA}hunter2", "inline: \"ada:$apr1$hunter2"),
        ("inline: \"ada:{SHA}hunter2", "inline: \"hunter2"),
        ("password: hunter2-password", "password: {hunter2-password: 1}"),
        ("hash_key: hunter2-hash-key-long-enough", "hash_key: [hunter2-hash-key]"),
        ("api_key: hunter2-api-key", "api_key: \"hunter2\\n-api-key\""),
        ("x-api-key: hunter2-header", "x-api-key: [hunter2-header]"),
        ("x-api-key: hunter2-header", "x-api-key: \"hunter2-header\\n\""),
        ("http://ada:hunter2-proxy@", "socks5://ada:hunter2-proxy@"),
        (
            "endpoint: \"http://127.0.0.1:9\", headers",
            "endpoint: \"http://ada:hunter2-user@127.0.0.1:9\", headers",
        ),
        (
            "exporters:\n",
            "exporters:\n  otlp_grpc/pem: {endpoint: \"x:1\", tls: {cert_pem: none, key_pem: hunter2-key}}\n",
        ),
        ("    traces:", "    traces: hunter2-pipeline\n    traces:"),
    ] {
        assert!(CONFIG.contains(good), "{good}");
        // a pipeline is no secret, so the last one only has to be a mistake that is printed with its line
        let is_secret = !bad.contains("hunter2-pipeline");
        let path = file(folder.path(), "burgee.yaml", &CONFIG.replacen(good, bad, 1));
        for arguments in [&["validate"][..], &["validate", "--format", "json"], &["print-config"], &["run"]] {
            let ended = run(&[arguments, &["--config", &path]].concat()).await;
            assert_eq!(ended.code, Some(78), "{bad}: {arguments:?}: {}{}", ended.out, ended.log);
            if is_secret {
                assert_discreet(bad, &ended);
            }
        }
    }
}

#[tokio::test]
async fn a_running_burgee_keeps_them_to_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), "burgee.yaml", CONFIG);
    let mut burgee = start(&["--config", &path, "--no-watch", "--drain-deadline", "100ms"]);
    let address = burgee.listening("OTLP").await;
    let admin = burgee.listening("admin").await.to_string();
    let pages = burgee.listening("zpages").await;
    for authorization in ["Bearer hunter2-token", "Bearer hunter2-wrong"] {
        let answer = post(address, authorization).await;
        assert!(!answer.contains(MARK), "{answer}");
    }
    let page =
        exchange(pages, "GET /debug/pipelinez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await;
    assert!(page.contains("200 OK") && !page.contains(MARK), "{page}");
    for arguments in [&["status", "--admin", &admin][..], &["status", "--admin", &admin, "--json"]] {
        assert_discreet("status", &run(arguments).await);
    }
    file(folder.path(), "burgee.yaml", &CONFIG.replacen("token: hunter2-token", "token: [hunter2-token]", 1));
    burgee.signal("HUP").await;
    burgee.log.line_with(&["SIGHUP, but the configuration is not valid"]).await;
    burgee.signal("TERM").await;
    assert_discreet("run", &burgee.end().await);
}

/// An export request of one span, as protobuf.
async fn post(address: std::net::SocketAddr, authorization: &str) -> String {
    let span = [b"\x0a\x10".as_slice(), &[7; 16], b"\x12\x08", &[7; 8]].concat();
    let scope = [&[0x12, span.len() as u8][..], &span].concat();
    let resource = [&[0x12, scope.len() as u8][..], &scope].concat();
    let body = [&[0x0a, resource.len() as u8][..], &resource].concat();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/x-protobuf\r\n\
         authorization: {authorization}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    exchange(address, &[head.as_bytes(), &body].concat()).await
}

async fn exchange(address: std::net::SocketAddr, request: impl AsRef<[u8]>) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
    stream.write_all(request.as_ref()).await.expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("it answers and closes");
    String::from_utf8_lossy(&answer).into_owned()
}
