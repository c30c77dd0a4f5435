use super::*;
use crate::observe::facts::Kind;

const GET: &str = "GET / HTTP/1.1\r\nhost: here\r\n\r\n";

fn protocol_teller() -> impl Service {
    By(|_, connection: Arc<Connection>| async move {
        Response::new(Body::from(format!("{:?} from {}", connection.protocol, connection.peer.ip())))
    })
}

#[tokio::test]
async fn both_protocols_are_answered_on_one_port() {
    let server = start(patient(), protocol_teller()).await;
    for (protocol, said) in
        [(Protocol::Http1, "Http1 from 127.0.0.1"), (Protocol::Http2, "Http2 from 127.0.0.1")]
    {
        let answer = client(protocol).send(post(&server.uri("/"), "x"), LONG).await.expect("it answers");
        assert_eq!(answer.body().bytes, said);
    }
    assert_eq!(server.end(LONG).await, Report::default());
}

#[tokio::test]
async fn an_http1_connection_serves_one_request_after_another() {
    let server = start(patient(), reader()).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        say(&mut stream, "POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 3\r\n\r\nabc").await;
        assert!(until(&mut stream, "\r\n\r\nabc").await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn an_upgrade_to_h2c_is_ignored() {
    let server = start(patient(), reader()).await;
    let mut stream = server.connect().await;
    say(
        &mut stream,
        "POST / HTTP/1.1\r\nhost: here\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n\
         http2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\ncontent-length: 2\r\n\r\nhi",
    )
    .await;
    assert!(until(&mut stream, "\r\n\r\nhi").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_for_its_body_is_asked() {
    let server = start(patient(), reader()).await;
    let mut stream = server.connect().await;
    say(&mut stream, "POST / HTTP/1.1\r\nhost: here\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        .await;
    assert_eq!(until(&mut stream, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    say(&mut stream, "ok").await;
    assert!(until(&mut stream, "\r\n\r\nok").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn tls_on_a_plain_port_gets_an_alert_and_is_a_fact() {
    let server = start(patient(), reader()).await;
    let mut stream = server.connect().await;
    stream.write_all(&[0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]).await.expect("the connection is open");
    let mut alert = [0; 7];
    stream.read_exact(&mut alert).await.expect("an alert comes");
    assert_eq!(alert, [0x15, 3, 1, 0, 2, 2, 40]);
    assert_eq!(rest(&mut stream).await, b"");
    let seen = server.facts.latest(Kind::TlsOnPlainPort).expect("it was seen");
    let peer = stream.local_addr().expect("it is connected");
    assert_eq!(seen.fact, crate::observe::facts::Fact::TlsOnPlainPort { peer, listener: server.address });
}

#[tokio::test]
async fn what_is_not_http_is_answered_400_and_is_a_fact() {
    let server = start(patient(), reader()).await;
    let mut stream = server.connect().await;
    say(&mut stream, "\u{1}\u{2}\u{3}\r\n\r\n").await;
    let said = String::from_utf8(rest(&mut stream).await).expect("an HTTP answer is text");
    assert!(said.starts_with("HTTP/1.1 400"), "{said}");
    while server.facts.count(Kind::NotHttp) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn above_the_cap_a_connection_is_closed_and_below_it_served_again() {
    let (mut holding, service) = Holding::new();
    let server = start(Limits { connections_max: 1, ..patient() }, service).await;
    let mut first = server.connect().await;
    say(&mut first, GET).await;
    assert_eq!(holding.next().await, Event::Began(Protocol::Http1));

    let mut second = server.connect().await;
    assert_eq!(rest(&mut second).await, b"");
    assert_eq!(server.facts.count(Kind::ConnectionCap), 1);

    holding.gate.send_replace(true);
    until(&mut first, "held").await;
    drop(first);
    loop {
        let mut third = server.connect().await;
        // The seat is given back when the server has seen the first one close.
        if third.write_all(GET.as_bytes()).await.is_ok() && rest_starts(&mut third, "HTTP/1.1 200").await {
            break;
        }
    }
}

async fn rest_starts(stream: &mut TcpStream, start: &str) -> bool {
    let mut bytes = vec![0; start.len()];
    stream.read_exact(&mut bytes).await.is_ok() && bytes == start.as_bytes()
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_handler_and_nobody_elses() {
    let (mut holding, service) = Holding::new();
    let server = start(patient(), service).await;

    let mut http1 = server.connect().await;
    say(&mut http1, GET).await;
    assert_eq!(holding.next().await, Event::Began(Protocol::Http1));
    drop(http1);
    assert_eq!(holding.next().await, Event::Dropped);

    let (mut http2, connection) = h2_client(server.connect().await).await;
    let request = || Request::get(server.uri("/")).body(()).expect("the request is valid");
    let (staying, _) = http2.send_request(request(), true).expect("the connection is open");
    assert_eq!(holding.next().await, Event::Began(Protocol::Http2));
    let (leaving, mut sending) = http2.send_request(request(), true).expect("the connection is open");
    assert_eq!(holding.next().await, Event::Began(Protocol::Http2));
    sending.send_reset(h2::Reason::CANCEL);
    drop(leaving);
    assert_eq!(holding.next().await, Event::Dropped, "a reset ends one request");

    holding.gate.send_replace(true);
    assert_eq!(staying.await.expect("the other is answered").status(), StatusCode::OK);
    assert_eq!(holding.next().await, Event::Answered);
    connection.abort();
}

#[tokio::test]
async fn a_closed_connection_ends_all_its_handlers() {
    let (mut holding, service) = Holding::new();
    let server = start(patient(), service).await;
    let (mut http2, connection) = h2_client(server.connect().await).await;
    for _ in 0..3 {
        let request = Request::get(server.uri("/")).body(()).expect("the request is valid");
        // The answer is not waited for; its handler is what counts.
        drop(http2.send_request(request, true).expect("the connection is open").1);
    }
    // Dropping the responses resets their streams, so those that had begun by then were dropped.
    drop(http2);
    connection.abort();
    drop(connection.await);
    let report = server.end(LONG).await;
    assert_eq!(report, Report::default(), "nothing is left of them");
    drop(holding.gate);
    let mut balance = 0;
    while let Some(event) = holding.events.recv().await {
        balance += if matches!(event, Event::Began(_)) { 1 } else { -1 };
    }
    assert_eq!(balance, 0, "each handler that began has ended");
}

#[tokio::test]
async fn thousands_of_tiny_requests_share_one_http2_connection() {
    let server = start(patient(), reader()).await;
    let client = client(Protocol::Http2);
    // The first request makes the connection that all others share.
    client.send(post(&server.uri("/"), "0"), LONG).await.expect("it answers");
    let sending = (0..2000).map(|n: u32| {
        let (client, request) = (client.clone(), post(&server.uri("/"), n.to_string()));
        tokio::spawn(async move { (n, client.send(request, LONG).await) })
    });
    for sent in sending.collect::<Vec<_>>() {
        let (n, answer) = sent.await.expect("sending does not panic");
        assert_eq!(answer.expect("it answers").body().bytes, n.to_string());
    }
}

#[tokio::test]
async fn a_dropped_server_closes_its_connections() {
    let (mut holding, service) = Holding::new();
    let server = start(patient(), service).await;
    let mut stream = server.connect().await;
    say(&mut stream, GET).await;
    assert_eq!(holding.next().await, Event::Began(Protocol::Http1));
    server.serving.abort();
    assert_eq!(rest(&mut stream).await, b"");
    assert_eq!(holding.next().await, Event::Dropped);
}

#[tokio::test]
async fn a_taken_port_says_so_and_what_to_do() {
    let taken = Listener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let endpoint = taken.local_addr().to_string();
    let error = Listener::bind(&endpoint).await.expect_err("it is taken");
    assert!(matches!(error.cause, BindCause::InUse { .. }));
    let sentence = error.to_string();
    #[cfg(target_os = "linux")]
    assert!(sentence.contains(&format!("in use by pid {} (", std::process::id())), "{sentence}");
    assert!(
        sentence.contains(&endpoint) && sentence.contains("in use") && sentence.contains("; stop t"),
        "{sentence}"
    );
}

#[tokio::test]
async fn an_endpoint_without_a_port_is_refused() {
    for endpoint in ["localhost", "", "127.0.0.1:", "127.0.0.1:99999", "::1:4317", "http://here:4317"] {
        let error = Listener::bind(endpoint).await.expect_err(endpoint);
        assert!(matches!(error.cause, BindCause::NotAnEndpoint), "{endpoint}: {error}");
    }
}

#[tokio::test]
async fn a_foreign_address_is_refused_with_a_reason() {
    // TEST-NET-3 (RFC 5737) belongs to no machine.
    let error = Listener::bind("203.0.113.1:0").await.expect_err("it is not ours");
    assert!(matches!(error.cause, BindCause::NoSuchAddress), "{error}");
}

#[tokio::test]
async fn localhost_is_served_on_both_families_where_there_are_two() {
    let listener = Listener::bind("localhost:0").await.expect("loopback has free ports");
    let port = listener.local_addr().port();
    assert!(listener.local_addr().ip().is_loopback());
    let has_v6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    let (facts, stop) = (Arc::new(Facts::default()), Stop::new());
    let serving = tokio::spawn(serve(
        listener,
        Offer::new(Arc::new(protocol_teller()), patient()),
        plenty(),
        facts,
        stop.clone(),
    ));
    let hosts = if has_v6 { &["127.0.0.1", "[::1]", "localhost"][..] } else { &["127.0.0.1", "localhost"] };
    for host in hosts {
        let request = post(&format!("http://{host}:{port}/"), "x");
        let answer = client(Protocol::Http1).send(request, LONG).await.expect("it answers");
        assert_eq!(answer.status(), StatusCode::OK, "{host}");
    }
    stop.begin(LONG);
    assert_eq!(serving.await.expect("serve does not panic"), Report::default());
}

#[tokio::test]
async fn limits_that_no_protocol_allows_are_brought_into_range() {
    let (h2_frame_max, h2_stream_window) = (1, u32::MAX);
    let odd = Limits {
        h2_frame_max,
        h2_stream_window,
        h2_connection_window: u32::MAX,
        h1_buffer_max: 0,
        ..patient()
    };
    let server = start(odd, reader()).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let answer = client(protocol).send(post(&server.uri("/"), "x"), LONG).await.expect("it answers");
        assert_eq!(answer.body().bytes, "x");
    }
}

#[tokio::test]
async fn a_connection_gives_its_window_back_and_bodies_larger_than_the_narrowest_one_come_through() {
    let windows = Windows::new(0);
    let listener = Listener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let uri = format!("http://{}/", listener.local_addr());
    let (facts, stop) = (Arc::new(Facts::default()), Stop::new());
    let service = Arc::new(reader());
    let serving =
        tokio::spawn(serve(listener, Offer::new(service, patient()), windows.clone(), facts, stop.clone()));
    let body = "x".repeat(1 << 20);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let answer = client(protocol).send(post(&uri, body.clone()), LONG).await.expect("it answers");
        assert_eq!(answer.body().bytes.len(), body.len());
    }
    assert_ne!(windows.given(), 0);
    stop.begin(LONG);
    serving.await.expect("serve does not panic");
    assert_eq!(windows.given(), 0);
}

#[test]
fn a_port_takes_no_more_connections_than_the_memory_suffices_for() {
    let mib = 1 << 20;
    let connections = |bytes| Limits::default().within(bytes).connections_max;
    assert_eq!(connections(u64::MAX), Limits::default().connections_max);
    assert_eq!(connections(32 * mib), 409);
    assert_eq!(connections(0), 1);
}
