use std::sync::Arc;

use super::*;
use crate::observe::board::{Board, Listener, PipelineEntry};
use crate::observe::ledger::{DoorOutcome, Pipeline};

#[test]
fn the_page_has_what_went_through_and_no_text_can_leave_its_cell() {
    let board = Board::new();
    let ledger = Arc::new(Pipeline::new(["filter/<b>".into()]));
    ledger.count(30, &[(0, 12)], 18, 7);
    board.set_pipelines(vec![PipelineEntry { id: "traces/<script>\"'&".into(), signal: "traces", ledger }]);
    board.door(&"otlp".into(), "grpc", "traces").request().finish(DoorOutcome::Refused);
    let html = page::pipelines(&board.snapshot());
    let cells = "<td>traces/&lt;script&gt;&quot;&#39;&amp;</td><td>traces</td><td>filter/&lt;b&gt;</td>\
                 <td>30</td><td>0</td><td>12</td><td>18</td><td>7</td>";
    assert!(html.contains(cells), "{html}");
    assert!(!html.contains("<script"), "{html}");
    assert!(
        html.contains("<td>otlp</td><td>grpc</td><td>traces</td><td>1</td><td>0</td><td>0</td><td>1</td>"),
        "{html}"
    );
}

#[test]
fn the_service_page_has_the_ports() {
    let board = Board::new();
    let address = "127.0.0.1:4317".to_owned();
    board.add_listener(Listener { component: "otlp".into(), address, protocols: vec!["OTLP/gRPC"] });
    let html = page::service(&board.snapshot());
    assert!(html.contains("<td>otlp</td><td>127.0.0.1:4317</td><td>OTLP/gRPC</td>"), "{html}");
    assert!(html.contains(env!("CARGO_PKG_VERSION")), "{html}");
}

#[test]
fn what_does_not_hold_here_is_said() {
    let config: Config = serde_yaml::from_str("{expvar: {enabled: true}, cors: {}}").expect("right");
    let warnings = build(&config).expect("odd, not wrong").warnings;
    assert_eq!(
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["expvar is read but has no effect in burgee", "cors is read but has no effect in burgee"]
    );
    let config: Config = serde_yaml::from_str("tls: {cert_file: a}").expect("read");
    assert!(build(&config).expect_err("refused")[0].to_string().starts_with("tls is not in burgee's zpages"));
}
