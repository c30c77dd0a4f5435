//! The ways of a client to its destination: through proxies, to socket files, over connections of some age.

use http::HeaderMap;
use tokio::net::TcpListener;

use super::*;

/// A service that says who asked, and shows it what it was asked.
fn mirror() -> (mpsc::Receiver<(SocketAddr, String, HeaderMap)>, impl Service) {
    let (sender, requests) = mpsc::channel(64);
    let service = By(move |request: Request<RequestBody>, connection: Arc<Connection>| {
        let seen = (connection.peer, request.uri().to_string(), request.headers().clone());
        sender.try_send(seen).expect("tests have few requests");
        async { Response::new(Body::empty()) }
    });
    (requests, service)
}

/// A proxy that opens a tunnel to `to` whatever it is asked for, and gives the request for it.
async fn tunnelling_proxy(to: SocketAddr, answer: &'static str) -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound");
    let (sender, heads) = mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let head = until(&mut client, "\r\n\r\n").await;
            sender.send(head).await.expect("the test listens");
            let mut server = TcpStream::connect(to).await.expect("it listens");
            say(&mut client, answer).await;
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    (address, heads)
}

fn through(proxy: SocketAddr, protocol: Protocol) -> Client {
    let proxies = Proxies::one(&format!("http://me:hunter2@{proxy}")).expect("a proxy");
    Client::new(&ClientConfig { protocol, proxies, ..ClientConfig::default() })
}

#[tokio::test]
async fn a_plain_request_is_read_by_its_proxy() {
    let (mut requests, service) = mirror();
    let proxy = start(patient(), service).await;
    let client = through(proxy.address, Protocol::Http1);
    client.send(post("http://nowhere.test/v1/traces", "x"), LONG).await.expect("the proxy answers");
    let (_, uri, headers) = requests.recv().await.expect("one request");
    assert_eq!(uri, "http://nowhere.test/v1/traces");
    assert_eq!(
        (&headers["host"], &headers["proxy-authorization"]),
        (&"nowhere.test".parse().expect("a value"), &"Basic bWU6aHVudGVyMg==".parse().expect("a value"))
    );
}

#[tokio::test]
async fn http2_goes_through_a_tunnel_and_the_proxys_password_stays_outside() {
    let (mut requests, service) = mirror();
    let server = start(patient(), service).await;
    let (proxy, mut heads) = tunnelling_proxy(server.address, "HTTP/1.1 200 Yes\r\nvia: test\r\n\r\n").await;
    let client = through(proxy, Protocol::Http2);
    client.send(post("http://nowhere.test:4317/x", "x"), LONG).await.expect("it answers");
    let head = heads.recv().await.expect("one tunnel");
    assert!(head.starts_with("CONNECT nowhere.test:4317 HTTP/1.1\r\nHost: nowhere.test:4317\r\n"), "{head}");
    assert!(head.contains("\r\nProxy-Authorization: Basic bWU6aHVudGVyMg==\r\n"), "{head}");
    let (_, uri, headers) = requests.recv().await.expect("one request");
    assert_eq!(uri, "http://nowhere.test:4317/x");
    assert!(!headers.contains_key("proxy-authorization"));
}

#[tokio::test]
async fn not_a_byte_after_the_proxys_answer_is_lost() {
    let behind = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.expect("a client");
        until(&mut client, "\r\n\r\n").await;
        let address = behind.local_addr().expect("it is bound");
        let (server, accepted) = tokio::join!(TcpStream::connect(address), behind.accept());
        let (mut server, socket) = (server.expect("it listens"), accepted.expect("a client").0);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(|_| async {
                Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
            });
            let io = hyper_util::rt::TokioIo::new(socket);
            let executor = hyper_util::rt::TokioExecutor::new();
            hyper::server::conn::http2::Builder::new(executor).serve_connection(io, service).await
        });
        // This server speaks first; the proxy's answer and the start of its first frame come in one piece.
        let mut start = [0; 5];
        server.read_exact(&mut start).await.expect("SETTINGS");
        let both = [b"HTTP/1.1 200 OK\r\n\r\n", &start[..]].concat();
        client.write_all(&both).await.expect("the connection is open");
        tokio::io::copy_bidirectional(&mut client, &mut server).await
    });
    let client = through(address, Protocol::Http2);
    client.send(post("http://nowhere.test:4317/x", "x"), LONG).await.expect("no frame is torn");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_password() {
    for (answer, says) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "wants a user and a password"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "refuses a tunnel to nowhere.test:4317 with HTTP 403"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "does not answer as an HTTP proxy"),
    ] {
        let (proxy, _heads) = tunnelling_proxy(start(patient(), reader()).await.address, answer).await;
        let client = through(proxy, Protocol::Http2);
        let error = client.send(post("http://nowhere.test:4317/", "x"), LONG).await.expect_err("refused");
        assert_eq!(error.kind, SendErrorKind::Unreachable, "{error}");
        let text = error.to_string();
        assert!(text.contains(says) && text.contains(&format!("proxy {proxy}")), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("bWU6"), "{text}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_file_is_reached_whatever_host_the_request_names() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("otel.sock");
    let listener = tokio::net::UnixListener::bind(&path).expect("a new file");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = hyper::service::service_fn(|request: Request<hyper::body::Incoming>| async move {
                Ok::<_, std::convert::Infallible>(Response::new(Body::from(request.uri().to_string())))
            });
            let io = hyper_util::rt::TokioIo::new(socket);
            let executor = hyper_util::rt::TokioExecutor::new();
            let serving = hyper::server::conn::http2::Builder::new(executor).serve_connection(io, service);
            tokio::spawn(serving);
        }
    });
    let config = |path| ClientConfig {
        protocol: Protocol::Http2,
        target: Some(Target::Unix(path)),
        ..ClientConfig::default()
    };
    let answer =
        Client::new(&config(path)).send(post("http://localhost/x", "x"), LONG).await.expect("it answers");
    assert_eq!(answer.body().bytes, "http://localhost/x");
    let missing = folder.path().join("gone.sock");
    let error =
        Client::new(&config(missing)).send(post("http://localhost/x", "x"), LONG).await.expect_err("no file");
    assert_eq!(error.kind, SendErrorKind::Unreachable);
    assert!(error.to_string().contains("gone.sock"), "{error}");
}

#[tokio::test]
async fn a_target_is_dialled_while_the_request_names_another_host() {
    let (mut requests, service) = mirror();
    let server = start(patient(), service).await;
    let target = Some(Target::Address(server.uri("/").parse().expect("a URI")));
    let client = Client::new(&ClientConfig { protocol: Protocol::Http2, target, ..ClientConfig::default() });
    client.send(post("http://tenant.example/x", "x"), LONG).await.expect("it answers");
    assert_eq!(requests.recv().await.expect("one request").1, "http://tenant.example/x");
}

#[tokio::test]
async fn no_connection_is_kept_for_ever() {
    let (mut requests, service) = mirror();
    let server = start(patient(), service).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let client =
            Client::new(&ClientConfig { protocol, renew_after: Duration::ZERO, ..ClientConfig::default() });
        let mut peers = Vec::new();
        for _ in 0..3 {
            client.send(post(&server.uri("/"), "x"), LONG).await.expect("it answers");
            peers.push(requests.recv().await.expect("a request").0);
        }
        peers.dedup();
        assert_eq!(peers.len(), 3, "{protocol:?}");
    }
}

#[tokio::test]
async fn after_a_try_that_nothing_answered_the_next_one_connects_anew() {
    // Accepts, and answers from the second connection on.
    let (_requests, service) = mirror();
    let server = start(patient(), service).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        let _silent = listener.accept().await.expect("a client");
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(server.address).await.expect("it listens");
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    let client = client(Protocol::Http2);
    let uri = format!("http://{address}/");
    let error = client.send(post(&uri, "x"), SHORT).await.expect_err("nobody answers");
    assert_eq!(error.kind, SendErrorKind::Timeout);
    client.send(post(&uri, "x"), LONG).await.expect("another connection");
}

#[tokio::test]
async fn no_more_connections_are_opened_than_allowed() {
    let (mut holding, service) = Holding::new();
    let server = start(patient(), service).await;
    let client = Client::new(&ClientConfig { connections_max: Some(2), ..ClientConfig::default() });
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (client, uri) = (client.clone(), server.uri("/"));
        waiting.spawn(async move { client.send(post(&uri, "x"), LONG).await });
    }
    for _ in 0..2 {
        assert_eq!(holding.next().await, Event::Began(Protocol::Http1));
    }
    // The third begins only when one of them has ended.
    holding.gate.send_replace(true);
    assert_eq!(holding.next().await, Event::Answered);
    while let Some(sent) = waiting.join_next().await {
        sent.expect("no panic").expect("it answers");
    }
}
