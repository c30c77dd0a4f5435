use std::convert::Infallible;

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;

use super::*;

const MIB: usize = 1024 * 1024;

fn pieces(sizes: &[usize]) -> Vec<Bytes> {
    sizes.iter().enumerate().map(|(n, size)| Bytes::from(vec![n as u8; *size])).collect()
}

/// A body of `chunks` that does not say how long it is.
fn unannounced(chunks: Vec<Bytes>) -> RequestBody {
    RequestBody::from(Body::chunks(chunks).with_trailers(http::HeaderMap::new()))
}

fn grpc(length: u32, chunks: &[&'static [u8]]) -> Vec<Bytes> {
    let prefix = [&[0][..], &length.to_be_bytes()].concat();
    std::iter::once(Bytes::from(prefix)).chain(chunks.iter().map(|chunk| Bytes::from_static(chunk))).collect()
}

async fn read(
    mut body: RequestBody,
    limit: u64,
    sizing: Sizing,
) -> (Result<Vec<u8>, ReadError<Infallible>>, Vec<usize>) {
    let mut capacities = Vec::new();
    let read = read_body(&mut body, limit, sizing, |capacity| {
        capacities.push(capacity);
        Ok(())
    })
    .await;
    (read, capacities)
}

#[tokio::test]
async fn an_announced_body_gets_one_buffer_of_its_size() {
    let chunks = pieces(&[100, 1, 7000]);
    let (body, capacities) = read(Body::chunks(chunks.clone()).into(), 7101, Sizing::ContentLength).await;
    let body = body.expect("it is within the limit");
    assert_eq!(body, chunks.concat());
    assert_eq!(capacities, [7101]);
    assert_eq!(body.capacity(), 7101);
}

#[tokio::test]
async fn a_grpc_message_announces_its_size_itself() {
    let message = [b'x'; 100];
    let chunks = vec![
        Bytes::from_static(&[0, 0]),
        Bytes::from_static(&[0, 0, 100]),
        Bytes::from(message[..50].to_vec()),
        Bytes::from(message[50..].to_vec()),
    ];
    let (body, capacities) = read(unannounced(chunks.clone()), 105, Sizing::GrpcPrefix).await;
    assert_eq!(body.expect("it is within the limit"), chunks.concat());
    assert_eq!(capacities, [2, 105], "nothing is known before the prefix is complete");
}

#[tokio::test]
async fn a_large_announcement_is_believed_only_as_far_as_data_has_come() {
    let (body, capacities) =
        read(unannounced(grpc(u32::MAX - 10, &[b"tiny"])), u64::from(u32::MAX), Sizing::GrpcPrefix).await;
    assert_eq!(body.expect("it is within the limit").len(), 9);
    assert_eq!(capacities, [256 * 1024, 9], "what was not needed is given back");

    let (body, capacities) =
        read(Body::chunks(pieces(&[MIB / 8; 32])).into(), 64 * MIB as u64, Sizing::ContentLength).await;
    assert_eq!(body.expect("it is within the limit").len(), 4 * MIB);
    assert_eq!(capacities, [MIB / 2, 5 * MIB / 2, 4 * MIB]);
}

#[tokio::test]
async fn an_unannounced_body_grows_by_doubling_and_never_above_the_limit() {
    let (body, capacities) = read(unannounced(pieces(&[1000; 10])), 10_000, Sizing::ContentLength).await;
    assert_eq!(body.expect("it is within the limit").len(), 10_000);
    assert_eq!(capacities, [1000, 2000, 4000, 8000, 10_000]);
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_as_soon_as_that_is_known() {
    let too_large = |read: Result<Vec<u8>, ReadError<Infallible>>| match read {
        Err(ReadError::TooLarge { limit }) => limit,
        other => panic!("{other:?}"),
    };
    let mut body = RequestBody::from(Body::chunks(pieces(&[1000; 3])));
    let read_it = read_body(&mut body, 2999, Sizing::ContentLength, |_| Ok(())).await;
    assert_eq!(too_large(read_it), 2999);
    assert_eq!(body.size_hint().exact(), Some(3000), "nothing of it was read");

    let (read_it, capacities) = read(unannounced(pieces(&[1000; 3])), 2999, Sizing::ContentLength).await;
    assert_eq!((too_large(read_it), capacities.last()), (2999, Some(&2000)));

    let (read_it, capacities) =
        read(unannounced(grpc(u32::MAX, &[b"x"])), 4 * MIB as u64, Sizing::GrpcPrefix).await;
    assert_eq!((too_large(read_it), capacities), (4 * MIB as u64, vec![]));
}

#[tokio::test]
async fn a_refused_growth_ends_the_reading() {
    let mut body = unannounced(pieces(&[1000; 10]));
    let room = |capacity| if capacity > 3000 { Err("full") } else { Ok(()) };
    let read = read_body(&mut body, 10_000, Sizing::ContentLength, room).await;
    assert!(matches!(read, Err(ReadError::Refused("full"))));
}

#[tokio::test]
async fn an_empty_body_is_an_empty_buffer() {
    let (body, capacities) = read(Body::empty().into(), 0, Sizing::GrpcPrefix).await;
    assert_eq!((body.expect("nothing is within any limit"), capacities), (vec![], vec![]));
}

#[tokio::test]
async fn a_refusal_reads_up_to_a_mebibyte() {
    assert_eq!(discard(Body::chunks(pieces(&[1000; 5])).into(), LONG).await, 5000);
    let large = Body::chunks(pieces(&[MIB / 4; 9]));
    assert_eq!(discard(large.into(), LONG).await, DISCARD_BYTES_MAX);
}

#[tokio::test]
async fn a_writing_client_gets_its_refusal() {
    let refusing = By(|request: Request<RequestBody>, _| async move {
        let discarded = discard(request.into_body(), LONG).await;
        answer(StatusCode::SERVICE_UNAVAILABLE, discarded.to_string())
    });
    let server = start(patient(), refusing).await;
    let body = Body::chunks(pieces(&[60_000; 15]));
    let answer =
        client(Protocol::Http1).send(post(&server.uri("/"), body), LONG).await.expect("it is answered");
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body().bytes, "900000");

    let mut polite = server.connect().await;
    say(&mut polite, "POST / HTTP/1.1\r\nhost: here\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
        .await;
    let said = String::from_utf8(rest(&mut polite).await).expect("the answer is text");
    assert!(said.starts_with("HTTP/1.1 503"), "it was not asked for its body: {said}");
}

#[tokio::test]
async fn a_client_that_leaves_in_its_body_aborts_it() {
    let (results, mut seen) = mpsc::channel(2);
    let service = By(move |mut request: Request<RequestBody>, _| {
        let results = results.clone();
        // The handler is dropped with its client, so it is another task that sees what became of the body.
        let reading = tokio::spawn(async move {
            let room = |_| Ok::<(), Infallible>(());
            let read = read_body(request.body_mut(), 100, Sizing::ContentLength, room).await;
            results.try_send(read).expect("two requests come");
        });
        async move {
            reading.await.expect("reading does not panic");
            Response::new(Body::empty())
        }
    });
    let server = start(patient(), service).await;

    let mut http1 = server.connect().await;
    say(&mut http1, "POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 9\r\n\r\nhalf").await;
    drop(http1);
    let read = seen.recv().await.expect("the service lives");
    assert!(matches!(read, Err(ReadError::Body(BodyError::Aborted(_)))), "{read:?}");

    let (mut requests, connection) = h2_client(server.connect().await).await;
    let request = Request::post(server.uri("/")).body(()).expect("the request is valid");
    let (_answer, mut sending) = requests.send_request(request, false).expect("the connection is open");
    sending.send_data(Bytes::from_static(b"half"), false).expect("the stream is open");
    requests = requests.ready().await.expect("the connection is open");
    sending.send_reset(h2::Reason::CANCEL);
    let read = seen.recv().await.expect("the service lives");
    assert!(matches!(read, Err(ReadError::Body(BodyError::Aborted(_)))), "{read:?}");

    drop(requests);
    connection.abort();
    assert_eq!(server.end(LONG).await, Report::default());
}

#[tokio::test]
async fn a_body_goes_out_chunk_by_chunk_with_its_size_and_its_trailers() {
    let chunks = pieces(&[3, 0, 5]);
    let body = Body::chunks(chunks.clone());
    assert_eq!(body.size_hint().exact(), Some(8));
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    let mut body = body.with_trailers(trailers.clone());
    assert_eq!(body.size_hint().exact(), None, "a content-length would leave the trailers out");

    let first = body.frame().await.expect("a frame").expect("no error").into_data().expect("data");
    assert_eq!(first.as_ptr(), chunks[0].as_ptr(), "it is not copied");
    assert_eq!(body.frame().await.expect("a frame").expect("no error").into_data().expect("data"), chunks[2]);
    assert!(!body.is_end_stream());
    let last = body.frame().await.expect("a frame").expect("no error").into_trailers().expect("trailers");
    assert_eq!(last, trailers);
    assert!(body.is_end_stream());
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn every_sort_of_body_has_its_content_and_then_ends() {
    let boxed = || Body::boxed(http_body_util::Full::new(Bytes::from_static(b"abc")));
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x", http::HeaderValue::from_static("y"));
    let bodies = [
        (Body::empty(), "", false),
        (Body::from(Bytes::new()), "", false),
        (Body::from("abc"), "abc", false),
        (Body::from(String::from("abc")).with_trailers(trailers.clone()), "abc", true),
        (Body::chunks([Bytes::from_static(b"ab"), Bytes::from_static(b"c")]), "abc", false),
        (boxed(), "abc", false),
        (boxed().with_trailers(trailers.clone()), "abc", true),
    ];
    for (index, (body, content, has_trailers)) in bodies.into_iter().enumerate() {
        let collected = body.collect().await.expect("no error");
        assert_eq!(collected.trailers().is_some(), has_trailers, "body {index}");
        assert_eq!(collected.to_bytes(), content, "body {index}");
    }
    assert!(Body::from(Bytes::new()).is_end_stream(), "HTTP/2 then needs no DATA frame");
}

#[tokio::test]
async fn small_parts_of_a_packed_body_share_a_frame_and_large_ones_are_not_copied() {
    let large = Bytes::from(vec![1; 100_000]);
    let parts =
        [Bytes::from_static(b"ab"), Bytes::from_static(b"cd"), large.clone(), Bytes::from_static(b"e")];
    let mut body = Body::packed(parts);
    assert_eq!(http_body::Body::size_hint(&body).exact(), Some(100_005));
    let mut frames = Vec::new();
    while let Some(frame) = body.frame().await {
        frames.push(frame.expect("nothing fails").into_data().expect("data"));
    }
    assert_eq!(frames.iter().map(Bytes::len).collect::<Vec<_>>(), [4, 100_000, 1]);
    assert_eq!(frames[0], "abcd");
    assert_eq!(frames[1].as_ptr(), large.as_ptr());
}
