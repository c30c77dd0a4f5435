use std::sync::Arc;

use super::v1::admin_client::AdminClient;
use super::*;
use crate::component::{Budget, ExtensionContext, Listen, WhenTaken};
use crate::net::{self, Listener, Offer, Stop, Windows};
use crate::observe::board::{self, Board};
use crate::observe::facts::Facts;
use crate::observe::ledger::DoorOutcome;

fn loopback() -> Config {
    Config { endpoint: ListenEndpoint::new("127.0.0.1", 0), ..Config::default() }
}

#[tokio::test]
async fn the_status_call_answers_with_the_board() {
    let board = Board::new();
    let address = "127.0.0.1:4317".to_owned();
    board.add_listener(board::Listener {
        component: "otlp".into(),
        address,
        protocols: vec!["OTLP/gRPC", "OTLP/HTTP"],
    });
    let door = board.door(&"otlp".into(), "http", "traces");
    board.door(&"otlp".into(), "grpc", "traces");
    let mut request = door.request();
    request.checked(3, 1);
    request.accepted();
    request.finish(DoorOutcome::Partial);
    let budget = Budget::new(1000);
    let charge = budget.charge(10).expect("it fits");

    let facts = Arc::new(Facts::default());
    let cx = ExtensionContext::new("admin", board, facts.clone(), budget);
    let serve = build(&loopback(), WhenTaken::Fail).serve.expect("it answers questions");
    let [Listen { endpoint, limits, service, .. }] = &serve.listeners(cx)[..] else { panic!("one port") };
    let listener = Listener::bind(&endpoint.to_string()).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr());
    let stop = Stop::new();
    let windows = Windows::new(0);
    let server = tokio::spawn(net::serve(
        listener,
        Offer::new(service.clone(), limits.clone()),
        windows,
        facts,
        stop.clone(),
    ));
    let mut client = AdminClient::connect(url).await.expect("it listens");
    let status = client.status(v1::StatusRequest {}).await.expect("it answers").into_inner();

    assert_eq!(status.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(status.listeners[0].speaks, "OTLP/gRPC and OTLP/HTTP");
    let [door] = &status.doors[..] else { panic!("one door was used: {:?}", status.doors) };
    assert_eq!(door.signal(), v1::Signal::Traces);
    assert_eq!(
        (door.requests, door.partial, door.items, door.items_accepted, door.items_flawed),
        (1, 1, 4, 3, 1)
    );
    assert_eq!(status.memory, Some(v1::Memory { used: 10, limit: 1000 }));
    drop((client, charge));
    stop.begin(std::time::Duration::from_secs(5));
    assert_eq!(server.await.expect("it ends"), crate::net::Report::default());
}

#[test]
fn json_has_the_signals_name() {
    let status = v1::StatusResponse {
        pipelines: vec![v1::Pipeline {
            id: "traces".into(),
            signal: v1::Signal::Traces.into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let json = serde_json::to_value(&status).expect("JSON");
    assert_eq!(json["pipelines"][0]["signal"], "traces");
}
