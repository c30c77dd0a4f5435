use super::*;
use crate::net::hello::{self, Hello};
use crate::observe::facts::Kind;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

#[tokio::test]
async fn a_client_that_does_not_finish_its_hello_is_closed() {
    let server = start(Limits { hello: SHORT, ..patient() }, reader()).await;
    let hellos: [&[u8]; 5] = [b"", b"P", b"PRI * HT", PREFACE, &[PREFACE, &EMPTY_SETTINGS[..5]].concat()];
    for (seen, hello) in hellos.iter().enumerate() {
        let mut stream = server.connect().await;
        stream.write_all(hello).await.expect("the connection is open");
        assert_eq!(rest(&mut stream).await, b"", "{hello:?}");
        assert_eq!(server.facts.count(Kind::HelloTimeout), seen as u64 + 1, "{hello:?}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_without_a_word_is_silent_and_nothing_worse() {
    let server = start(patient(), reader()).await;
    let client = server.connect().await;
    drop(client);
    // some port checks end with a reset
    let client = server.connect().await;
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("a socket has this option");
    drop(client);
    while server.facts.count(Kind::Silent) < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.connect().await.write(b"").await.expect("the server goes on"), 0);
    let (facts, address) = (Arc::clone(&server.facts), server.address);
    server.end(LONG).await;
    assert_eq!(facts.all().len(), 1);
    let seen = &facts.encounters()[0];
    assert_eq!((seen.kind, seen.listener), (Kind::Silent, Some(address)));
    assert_eq!(seen.peer, Some(std::net::IpAddr::from([127, 0, 0, 1])));
}

#[tokio::test]
async fn every_connection_is_counted_at_its_port_whatever_becomes_of_it() {
    let server = start(Limits { connections_max: 1, ..patient() }, reader()).await;
    let first = server.connect().await;
    let mut second = server.connect().await;
    assert_eq!(rest(&mut second).await, b"", "one too many");
    let connections = server.facts.connections();
    assert_eq!((connections.len(), connections[0].0, connections[0].1), (1, server.address, 2));
    drop(first);
}

#[tokio::test]
async fn a_head_that_does_not_end_is_closed() {
    let server = start(Limits { head: SHORT, ..patient() }, reader()).await;
    let mut stream = server.connect().await;
    say(&mut stream, "POST / HTTP/1.1\r\nhost: he").await;
    assert_eq!(rest(&mut stream).await, b"");
    assert_eq!(server.facts.count(Kind::HeadTimeout), 1);

    let mut stream = server.connect().await;
    say(&mut stream, "POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 1\r\n\r\nx").await;
    until(&mut stream, "\r\n\r\nx").await;
    say(&mut stream, "POST").await;
    assert_eq!(rest(&mut stream).await, b"");
    assert_eq!(server.facts.count(Kind::HeadTimeout), 2, "the second head of a connection counts as well");
}

#[tokio::test]
async fn an_idle_connection_is_closed_by_the_idle_deadline_and_not_by_that_of_the_head() {
    let server = start(Limits { head: SHORT, idle: 5 * SHORT, ..patient() }, reader()).await;
    let mut stream = server.connect().await;
    say(&mut stream, "POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 1\r\n\r\nx").await;
    until(&mut stream, "\r\n\r\nx").await;
    assert_eq!(rest(&mut stream).await, b"");
    assert_eq!(server.facts.all(), [], "idle is not odd");
}

#[tokio::test]
async fn an_idle_http2_connection_is_told_to_go() {
    let server = start(Limits { idle: SHORT, ..patient() }, reader()).await;
    let (mut requests, connection) = h2_client(server.connect().await).await;
    let request = Request::get(server.uri("/")).body(()).expect("the request is valid");
    let (answer, _) = requests.send_request(request, true).expect("the connection is open");
    assert_eq!(answer.await.expect("it is answered").status(), StatusCode::OK);
    connection.await.expect("it does not panic").expect("GOAWAY without an error ends it");
}

#[tokio::test]
async fn a_handler_may_take_longer_than_any_deadline_of_its_connection() {
    let (mut holding, service) = Holding::new();
    let server = start(Limits { head: SHORT, idle: SHORT, ..patient() }, service).await;
    let mut slow = server.connect().await;
    say(&mut slow, "GET / HTTP/1.1\r\nhost: here\r\n\r\n").await;
    assert_eq!(holding.next().await, Event::Began(Protocol::Http1));
    // Another connection's whole life is longer than the deadlines.
    let mut idle = server.connect().await;
    say(&mut idle, "GET").await;
    assert_eq!(rest(&mut idle).await, b"");
    holding.gate.send_replace(true);
    until(&mut slow, "\r\n\r\nheld").await;
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let large = By(|_, _| async { Response::new(Body::from("x".repeat(1024 * 1024))) });
    let server = start(Limits { idle: SHORT, ..patient() }, large).await;
    let stream = server.connect().await;
    let (mut requests, connection) = {
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(0);
        let (requests, connection) =
            builder.handshake::<_, bytes::Bytes>(stream).await.expect("the server speaks HTTP/2");
        (requests, tokio::spawn(connection))
    };
    let request = Request::get(server.uri("/")).body(()).expect("the request is valid");
    let (answer, _) = requests.send_request(request, true).expect("the connection is open");
    let mut body = answer.await.expect("the head needs no window").into_body();
    // The server says GOAWAY, and since the stream never ends, it hangs up a little later.
    while let Some(Ok(_)) = body.data().await {}
    drop((requests, connection));
}

#[tokio::test]
async fn a_body_that_does_not_move_is_given_up_with_an_answer() {
    let limits = Limits { body_window: SHORT, body_bytes_min: 100, ..patient() };
    let server = start(limits, reader()).await;
    let mut stream = server.connect().await;
    say(&mut stream, "POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 1000\r\n\r\n12345").await;
    let said = String::from_utf8(rest(&mut stream).await).expect("the answer is text");
    assert!(said.starts_with("HTTP/1.1 400"), "{said}");
    assert!(said.contains("came too slowly") && said.contains("100 bytes in any 40ms"), "{said}");
    assert_eq!(server.facts.count(Kind::BodyStalled), 1);
}

#[tokio::test]
async fn a_stalled_http2_body_ends_its_stream_and_not_the_connection() {
    let limits = Limits { body_window: SHORT, ..patient() };
    let server = start(limits, reader()).await;
    let (mut requests, _connection) = h2_client(server.connect().await).await;
    let request = || Request::post(server.uri("/")).body(()).expect("the request is valid");
    let (stalled, _sending) = requests.send_request(request(), false).expect("the connection is open");
    assert_eq!(stalled.await.expect("it is answered").status(), StatusCode::BAD_REQUEST);
    assert_eq!(server.facts.count(Kind::BodyStalled), 1);
    let (next, _) = requests.send_request(request(), true).expect("the connection is open");
    assert_eq!(next.await.expect("it is answered").status(), StatusCode::OK);
}

#[tokio::test]
async fn the_protocol_is_known_however_its_first_bytes_are_cut() {
    let http2 = [PREFACE, &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100]].concat();
    let http1 = b"PRINT / HTTP/1.1\r\n".to_vec();
    for (bytes, is_http2) in [(http2, true), (http1, false)] {
        for cut in 1..bytes.len() {
            let (mut ours, mut theirs) = tokio::io::duplex(1024);
            let (first, second) = bytes.split_at(cut);
            let speaking = async {
                theirs.write_all(first).await.expect("the pipe has room");
                tokio::task::yield_now().await;
                theirs.write_all(second).await.expect("the pipe has room");
            };
            let (hello, ()) = tokio::join!(hello::read(&mut ours), speaking);
            match hello.expect("a pipe does not fail") {
                Hello::Http2(read) => assert!(is_http2 && read == bytes, "cut at {cut}"),
                Hello::Http1(read) => assert!(!is_http2 && bytes.starts_with(&read), "cut at {cut}"),
                other => panic!("{other:?} at {cut}"),
            }
        }
    }
}
