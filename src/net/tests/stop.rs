use super::*;

const GET: &str = "GET / HTTP/1.1\r\nhost: here\r\n\r\n";

#[tokio::test]
async fn a_stop_closes_the_port_and_idle_connections_at_once() {
    let server = start(patient(), reader()).await;
    let address = server.address;
    let mut silent = server.connect().await;
    let mut idle = server.connect().await;
    say(&mut idle, GET).await;
    until(&mut idle, "\r\n\r\n").await;
    let (mut requests, http2) = h2_client(server.connect().await).await;
    let request = Request::get(server.uri("/")).body(()).expect("the request is valid");
    let (answer, _) = requests.send_request(request, true).expect("the connection is open");
    answer.await.expect("it is answered");
    let report = server.end(LONG).await;
    assert_eq!(report, Report::default());
    assert_eq!(rest(&mut silent).await, b"");
    assert_eq!(rest(&mut idle).await, b"");
    http2.await.expect("it does not panic").expect("GOAWAY without an error ends it");
    let error = TcpStream::connect(address).await.expect_err("the port is closed");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn requests_in_flight_are_answered_before_the_end() {
    let (mut holding, service) = Holding::new();
    let server = start(patient(), service).await;
    let mut http1 = server.connect().await;
    say(&mut http1, GET).await;
    assert_eq!(holding.next().await, Event::Began(Protocol::Http1));
    let (mut requests, http2) = h2_client(server.connect().await).await;
    let request = Request::get(server.uri("/")).body(()).expect("the request is valid");
    let (answer, _) = requests.send_request(request, true).expect("the connection is open");
    assert_eq!(holding.next().await, Event::Began(Protocol::Http2));

    server.stop.begin(LONG);
    // GOAWAY has arrived when the connection takes no more requests, with one still unanswered.
    let refused = loop {
        match requests.clone().ready().await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert!(refused.is_go_away(), "{refused}");
    assert!(!server.serving.is_finished());
    holding.gate.send_replace(true);
    assert_eq!(answer.await.expect("it is answered").status(), StatusCode::OK);
    let said = String::from_utf8(rest(&mut http1).await).expect("the answer is text");
    assert!(said.starts_with("HTTP/1.1 200") && said.contains("connection: close"), "{said}");
    assert_eq!(server.serving.await.expect("serve does not panic"), Report::default());
    http2.await.expect("it does not panic").expect("GOAWAY without an error ends it");
}

#[tokio::test]
async fn an_unfinished_upload_is_told_that_the_server_stops() {
    let server = start(patient(), reader()).await;
    let mut http1 = server.connect().await;
    say(&mut http1, "POST / HTTP/1.1\r\nhost: here\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
        .await;
    until(&mut http1, "100 Continue\r\n\r\n").await;
    let (mut requests, _http2) = h2_client(server.connect().await).await;
    let request = Request::post(server.uri("/")).body(()).expect("the request is valid");
    let (answer, _sending) = requests.send_request(request, false).expect("the connection is open");
    requests.ready().await.expect("the connection is open");
    // The server knows of the HTTP/2 request before that of a later connection.
    client(Protocol::Http2).send(post(&server.uri("/"), "x"), LONG).await.expect("it answers");

    let report = server.end(Duration::from_secs(1)).await;
    assert_eq!(report, Report { uploads_cut: 2, ..Report::default() });
    let said = String::from_utf8(rest(&mut http1).await).expect("the answer is text");
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("stopping"), "{said}");
    assert_eq!(answer.await.expect("it is answered").status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_upload_that_nobody_reads_does_not_keep_the_server() {
    let (mut holding, service) = Holding::new();
    let server = start(patient(), service).await;
    let mut http1 = server.connect().await;
    say(&mut http1, "POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 9\r\n\r\n1").await;
    assert_eq!(holding.next().await, Event::Began(Protocol::Http1));
    let report = server.end(SHORT).await;
    assert_eq!(report, Report { connections_cut: 1, handlers_aborted: 1, uploads_cut: 0 });
    assert_eq!(rest(&mut http1).await, b"");
}

#[tokio::test]
async fn an_unfinished_head_does_not_keep_the_server() {
    let server = start(patient(), reader()).await;
    let mut stream = server.connect().await;
    say(&mut stream, "POST / HT").await;
    // When a later connection has its answer, the server has read from the earlier one.
    let mut later = server.connect().await;
    say(&mut later, GET).await;
    until(&mut later, "\r\n\r\n").await;
    let report = server.end(SHORT).await;
    assert_eq!(report, Report { connections_cut: 1, ..Report::default() });
    assert_eq!(rest(&mut stream).await, b"");
}

#[tokio::test]
async fn handlers_that_do_not_end_are_aborted_at_the_deadline() {
    let (mut holding, service) = Holding::new();
    let server = start(patient(), service).await;
    let mut http1 = server.connect().await;
    say(&mut http1, GET).await;
    assert_eq!(holding.next().await, Event::Began(Protocol::Http1));
    let (mut requests, _http2) = h2_client(server.connect().await).await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let request = Request::get(server.uri("/")).body(()).expect("the request is valid");
        answers.push(requests.send_request(request, true).expect("the connection is open").0);
        assert_eq!(holding.next().await, Event::Began(Protocol::Http2));
    }
    let report = server.end(SHORT).await;
    assert_eq!(report, Report { connections_cut: 2, handlers_aborted: 3, uploads_cut: 0 });
    for _ in 0..3 {
        assert_eq!(holding.next().await, Event::Dropped);
    }
    for answer in answers {
        answer.await.expect_err("there is no answer");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_stop_sets_the_schedule() {
    let stop = Stop::new();
    let now = tokio::time::Instant::now();
    stop.begin(Duration::from_secs(9));
    stop.begin(Duration::from_secs(1));
    let schedule = stop.clone().begun().await;
    assert_eq!(schedule.uploads, now + Duration::from_secs(3));
    assert_eq!(schedule.end, now + Duration::from_secs(9));
}
