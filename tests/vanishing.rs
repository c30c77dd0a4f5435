//! Clients that go away at any point of a request: what arrives downstream is whole, and every ledger balances.

#[expect(dead_code, reason = "the tests of bad input need more of it")]
#[path = "support/sender.rs"]
mod sender;
#[path = "support/sink.rs"]
mod sink;

use std::net::SocketAddr;
use std::time::Duration;

use burgee::collector::Collector;
use burgee::config::Source;
use burgee::observe::board::BoardState;
use burgee::observe::ledger::DoorOutcome;
use burgee::registry::Plan;
use bytes::Bytes;
use sender::{GRPC, HTTP, Http2, framed, post, request};
use sink::Sink;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Spans of every request.
const SPANS: u64 = 4;

struct Rig {
    collector: Collector,
    address: SocketAddr,
    sink: Sink,
}

/// A collector before a sink that may give `answers` answers.
async fn rig(queue: &str, answers: usize) -> Rig {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let downstream = listener.local_addr().expect("bound");
    let sink = Sink::serve(listener, answers);
    let text = format!(
        "receivers: {{otlp: {{protocols: {{http: {{endpoint: \"127.0.0.1:0\"}}}}}}}}
extensions: {{admin: {{endpoint: \"127.0.0.1:0\"}}}}
exporters:
  otlp_grpc: {{endpoint: \"http://{downstream}\", compression: none, timeout: 60s, sending_queue: {queue}}}
service:
  extensions: [admin]
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_grpc]}}}}"
    );
    let plan =
        Plan::read(&[Source::new("test.yaml", &text)], &|_| None).unwrap_or_else(|report| panic!("{report}"));
    let collector = Collector::start(plan).await.expect("free ports");
    let address = collector.local_addrs().next().expect("one port");
    Rig { collector, address, sink }
}

impl Rig {
    /// Waits until this many requests have come to an end of some sort.
    async fn settled(&self, requests: u64) -> BoardState {
        let settled = async {
            loop {
                let state = self.collector.board().snapshot();
                if outcomes(&state, &DoorOutcome::ALL) >= requests {
                    return state;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, settled).await.expect("a client that has left ends its request")
    }

    /// Ends everything; what was accepted has arrived by then, whole and once, and nothing else.
    async fn ends_balanced(self) -> u64 {
        let board = self.collector.board().clone();
        self.sink.answers.add_permits(10_000);
        let summary = self.collector.stop(Duration::from_secs(30)).await;
        let state = board.snapshot();
        let mut accepted = 0;
        for door in &state.doors {
            assert!(door.ledger.balanced(), "{door:?}");
            accepted += door.ledger.accepted;
        }
        assert!(state.pipelines.iter().all(|pipeline| pipeline.ledger.balanced()));
        assert!(state.outboxes.iter().all(|outbox| outbox.ledger.balanced() && outbox.ledger.held == 0));
        assert_eq!((summary.exporters[0].sent, summary.exporters[0].dropped.len()), (accepted, 0));
        let mut spans = self.sink.trace_ids();
        assert_eq!(spans.len() as u64, accepted, "what was accepted and what arrived");
        for whole in spans.chunks(SPANS as usize) {
            assert!(whole.iter().all(|id| *id == whole[0]), "half a request arrived");
        }
        spans.dedup();
        assert_eq!(spans.len() as u64 * SPANS, accepted, "a request arrived twice");
        accepted
    }
}

fn outcomes(state: &BoardState, of: &[DoorOutcome]) -> u64 {
    let doors = state.doors.iter();
    doors.flat_map(|door| of.iter().map(|outcome| door.ledger.requests_by(*outcome))).sum()
}

#[tokio::test]
async fn an_http1_client_that_leaves_after_any_byte_leaves_no_half() {
    let rig = rig("{queue_size: 100000}", 10_000).await;
    let length = request(0, SPANS as u8).len();
    let head = format!(
        "POST {HTTP} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {length}\r\n\r\n"
    );
    for end in 0..=head.len() + length {
        let whole = [head.as_bytes(), &request(end as u32, SPANS as u8)].concat();
        let mut socket = TcpStream::connect(rig.address).await.expect("it listens");
        socket.write_all(&whole[..end]).await.expect("it reads");
        if end % 2 == 0 {
            // A reset instead of an end.
            socket.set_zero_linger().expect("a socket option");
        }
    }
    rig.ends_balanced().await;
}

/// How far an HTTP/2 client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    Connected,
    Head,
    HalfABody,
    /// The whole body, but not the end of the stream.
    Body,
    End,
}

/// How it leaves.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    /// RST_STREAM; the connection goes on.
    Cancels,
    /// The socket closes.
    Dies,
}

#[tokio::test]
async fn an_http2_client_that_leaves_at_any_point_leaves_no_half() {
    let rig = rig("{queue_size: 100000}", 10_000).await;
    let mut number = 0;
    for until in [Until::Connected, Until::Head, Until::HalfABody, Until::Body, Until::End] {
        for leaving in [Leaving::Cancels, Leaving::Dies] {
            for grpc in [true, false] {
                for _ in 0..10 {
                    number += 1;
                    go(rig.address, number, until, leaving, grpc).await;
                }
            }
        }
    }
    // One that stays, so that there is something to compare with.
    let other = Http2::connect(rig.address).await;
    let headers = [("content-type", "application/grpc")];
    let answer = other.send(GRPC, &headers, &[framed(0, &request(number + 1, SPANS as u8))]).await;
    assert_eq!(answer.grpc_status(), Some(0));
    drop(other);
    assert!(rig.ends_balanced().await >= SPANS);
}

async fn go(address: SocketAddr, number: u32, until: Until, leaving: Leaving, grpc: bool) {
    let mut client = Http2::connect(address).await;
    if until == Until::Connected {
        return;
    }
    let body = request(number, SPANS as u8);
    let (path, kind, body) = match grpc {
        true => (GRPC, "application/grpc", framed(0, &body)),
        false => (HTTP, "application/x-protobuf", body),
    };
    let head = post(path, &[("content-type", kind)]);
    let (answer, mut stream) = client.requests.send_request(head, false).expect("a request");
    let part = match until {
        Until::Connected | Until::Head => 0,
        Until::HalfABody => body.len() / 2,
        Until::Body | Until::End => body.len(),
    };
    stream.send_data(body.slice(..part), until == Until::End).expect("a small body fits the window");
    match leaving {
        Leaving::Cancels => {
            stream.send_reset(h2::Reason::CANCEL);
            drop((answer, stream));
            // A ping comes back after what was sent before it was read.
            ping(&mut client).await;
        }
        Leaving::Dies => drop(client),
    }
}

/// A request of its own on the same connection, whose answer shows that all before it was read.
async fn ping(client: &mut Http2) {
    let headers = [("content-type", "application/x-protobuf")];
    let answer = client.send("/nothing-here", &headers, &[Bytes::new()]).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_for_the_downstream_loses_its_answer_and_nothing_else() {
    for queue in ["{enabled: false}", "{wait_for_result: true}"] {
        let mut rig = rig(queue, 0).await;
        let body = request(1, SPANS as u8);
        let head = format!(
            "POST {HTTP} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut http1 = TcpStream::connect(rig.address).await.expect("it listens");
        http1.write_all(&[head.as_bytes(), &body].concat()).await.expect("it reads");
        rig.sink.arrived.recv().await.expect("it is on its way");
        drop(http1);

        for (number, leaving) in [(2, Leaving::Cancels), (3, Leaving::Dies)] {
            let mut client = Http2::connect(rig.address).await;
            let head = post(GRPC, &[("content-type", "application/grpc")]);
            let (answer, mut stream) = client.requests.send_request(head, false).expect("a request");
            stream.send_data(framed(0, &request(number, SPANS as u8)), true).expect("it fits the window");
            rig.sink.arrived.recv().await.expect("it is on its way");
            match leaving {
                Leaving::Cancels => {
                    stream.send_reset(h2::Reason::CANCEL);
                    drop((answer, stream));
                    ping(&mut client).await;
                }
                Leaving::Dies => drop(client),
            }
        }
        let state = rig.settled(3).await;
        assert_eq!(
            outcomes(&state, &[DoorOutcome::Abandoned]),
            3,
            "{queue}: nobody was there for the answer"
        );
        assert_eq!(rig.ends_balanced().await, 3 * SPANS, "{queue}: all three arrive, and once");
    }
}

/// Far more than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
