use super::*;
use crate::observe::facts::Kind;

/// A service that says one word.
fn says(word: &'static str) -> Arc<dyn Service> {
    Arc::new(By(move |_, _| async move { Response::new(Body::from(word)) }))
}

const GET: &str = "GET / HTTP/1.1\r\nhost: here\r\n\r\n";

#[tokio::test]
async fn a_new_service_answers_on_connections_that_are_open() {
    let server = start(patient(), By(|_, _| async { Response::new(Body::from("old")) })).await;
    let mut http1 = server.connect().await;
    say(&mut http1, GET).await;
    until(&mut http1, "old").await;
    let (mut requests, _http2) = h2_client(server.connect().await).await;

    server.offer.replace(says("new"), patient());
    say(&mut http1, GET).await;
    until(&mut http1, "new").await;
    let request = Request::get(server.uri("/")).body(()).expect("the request is valid");
    let (answer, _) = requests.send_request(request, true).expect("the connection is open");
    let word = answer.await.expect("it is answered").into_body().data().await;
    assert_eq!(word.expect("it has a body").expect("it is whole"), "new");
    drop((http1, requests));
    assert_eq!(server.end(LONG).await, Report::default());
}

#[tokio::test]
async fn new_limits_hold_for_new_connections_and_send_the_others_away_after_their_answer() {
    let (mut holding, service) = Holding::new();
    let server = start(patient(), service).await;
    let mut busy = server.connect().await;
    say(&mut busy, GET).await;
    assert_eq!(holding.next().await, Event::Began(Protocol::Http1));
    let (mut requests, http2) = h2_client(server.connect().await).await;
    let request = Request::get(server.uri("/")).body(()).expect("the request is valid");
    let (answer, _) = requests.send_request(request, true).expect("the connection is open");
    assert_eq!(holding.next().await, Event::Began(Protocol::Http2));

    server.offer.replace(says("new"), Limits { h2_streams_max: 7, ..patient() });
    holding.gate.send_replace(true);
    assert_eq!(answer.await.expect("it is answered").status(), StatusCode::OK);
    http2.await.expect("it does not panic").expect("GOAWAY without an error ends it");
    let said = String::from_utf8(rest(&mut busy).await).expect("the answer is text");
    let is_whole = said.starts_with("HTTP/1.1 200") && said.ends_with("held");
    assert!(is_whole, "the request was the old service's: {said}");

    let (mut requests, _http2) = h2_client(server.connect().await).await;
    let request = Request::get(server.uri("/")).body(()).expect("the request is valid");
    let (answer, _) = requests.send_request(request, true).expect("the connection is open");
    answer.await.expect("the client has the server's settings now");
    assert_eq!(requests.current_max_send_streams(), 7);
    drop(requests);
    assert_eq!(server.end(LONG).await, Report::default());
}

#[tokio::test]
async fn fewer_connections_are_allowed_from_the_next_one_on() {
    let server = start(patient(), By(|_, _| async { Response::new(Body::from("old")) })).await;
    let mut first = server.connect().await;
    say(&mut first, GET).await;
    until(&mut first, "old").await;
    server.offer.replace(says("new"), Limits { connections_max: 1, ..patient() });
    // the first one stays
    say(&mut first, GET).await;
    until(&mut first, "new").await;
    let mut refused = server.connect().await;
    assert_eq!(rest(&mut refused).await, b"");
    drop(first);
    // its seat is free a moment after it has left
    let mut second = loop {
        let mut second = server.connect().await;
        say(&mut second, GET).await;
        if second.read_u8().await.is_ok() {
            break second;
        }
    };
    until(&mut second, "new").await;
    let before = server.facts.count(Kind::ConnectionCap);
    let mut third = server.connect().await;
    assert_eq!(rest(&mut third).await, b"");
    assert_eq!(server.facts.count(Kind::ConnectionCap), before + 1);
    drop(second);
    assert_eq!(server.end(LONG).await, Report::default());
}
