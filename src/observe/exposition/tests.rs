use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::*;
use crate::observe::board::{
    Board, BoardState, Fill, LastOutcome, Memory, OutboxState, OutboxView, PipelineEntry,
};
use crate::observe::evaluations::Tally;
use crate::observe::facts::Facts;
use crate::observe::ledger::{DoorOutcome, DropReason, OutboxLedger, Pipeline};
use crate::observe::metrics::{Numbers, families};
use crate::observe::names::Level;
use crate::observe::process::Process;

struct Downstream;

impl OutboxView for Downstream {
    fn snapshot(&self) -> OutboxState {
        let mut ledger = OutboxLedger { put: 20, sent: 9, rejected: 2, held: 4, ..OutboxLedger::default() };
        ledger.dropped.add(DropReason::RetriesExhausted, 3);
        ledger.dropped.add(DropReason::ExporterDown, 2);
        OutboxState {
            exporter: "otlp_grpc/eu".into(),
            signal: "traces",
            ledger,
            fill: Fill {
                requests: 2,
                items: 4,
                bytes: 512,
                capacity: 1000,
                sizer: "requests",
                bytes_max: 1 << 20,
            },
            in_flight: 1,
            retrying: 1,
            isolated: true,
            failing_for: None,
            full: false,
            lossy: false,
            last: Some(LastOutcome {
                at: SystemTime::UNIX_EPOCH,
                what: "retry_later",
                message: "busy".into(),
            }),
        }
    }
}

/// Something of everything.
fn board() -> BoardState {
    let board = Board::new();
    let receiver: Arc<str> = "otlp".into();
    let door = board.door(&receiver, "grpc", "traces");
    let mut request = door.request();
    request.checked(20, 1);
    request.accepted();
    request.finish(DoorOutcome::Partial);
    door.request().finish(DoorOutcome::Refused);
    board.door(&receiver, "http", "logs").request().finish(DoorOutcome::Rejected);
    let ledger = Arc::new(Pipeline::new(["filter".into(), "feature_flag".into()]));
    ledger.count(25, &[(0, 5), (0, 0)], 20, 3);
    let mut tally = Tally::default();
    tally.note(Some("new \"checkout\"\\"), Some("on"), Some("static"));
    tally.note(Some("new \"checkout\"\\"), Some("on"), Some("static"));
    tally.note(None, None, Some("error"));
    ledger.count_evaluated(&tally);
    board.set_pipelines(vec![PipelineEntry { id: "traces/eu".into(), signal: "traces", ledger }]);
    board.add_outbox(Arc::new(Downstream));
    board.definitions(&"feature_flag".into()).begin("flags.yaml", Some(12));
    let memory = Some(Memory { used: 10, limit: 100 });
    BoardState { uptime: Duration::from_millis(1500), memory, ..board.snapshot() }
}

fn page(level: Level, naming: Naming, is_label: impl Fn(&str) -> bool) -> String {
    let board = board();
    let numbers = Numbers {
        board: &board,
        facts: &Facts::default(),
        process: Process { cpu: Some(Duration::from_millis(250)), rss: Some(4096), anonymous: Some(2048) },
        now: SystemTime::UNIX_EPOCH,
    };
    let resource = [("service.name", "burgee"), ("service.instance.id", "1-2")];
    let resource = resource.map(|(name, value)| (name.to_owned(), value.to_owned()));
    text(&families(level, &numbers), naming, &resource, is_label)
}

/// Kinds of facts come and go, and each has a series.
fn with_one_fact(page: &str) -> String {
    let is_shown = |line: &&str| !line.starts_with("burgee_facts") || line.contains("\"no_room\"");
    page.lines().filter(is_shown).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_page_as_without_any_reader_in_the_configuration() {
    insta::assert_snapshot!(with_one_fact(&page(Level::Normal, Naming::BARE, |_| false)));
}

#[test]
fn the_page_with_all_that_a_reader_can_add() {
    let page = page(Level::Detailed, Naming::default(), |name| name == "service.name");
    insta::assert_snapshot!(with_one_fact(&page));
}

#[test]
fn names_dashboards_know_are_there_in_both_forms() {
    let (bare, full) =
        (page(Level::Basic, Naming::BARE, |_| false), page(Level::Basic, Naming::default(), |_| false));
    for (without, with) in [
        ("otelcol_receiver_accepted_spans", "otelcol_receiver_accepted_spans_total"),
        ("otelcol_receiver_refused_spans", "otelcol_receiver_refused_spans_total"),
        ("otelcol_processor_incoming_items", "otelcol_processor_incoming_items_total"),
        ("otelcol_exporter_sent_spans", "otelcol_exporter_sent_spans_total"),
        ("otelcol_exporter_send_failed_spans", "otelcol_exporter_send_failed_spans_total"),
        ("otelcol_exporter_enqueue_failed_spans", "otelcol_exporter_enqueue_failed_spans_total"),
        ("otelcol_exporter_queue_size", "otelcol_exporter_queue_size"),
        ("otelcol_exporter_queue_capacity", "otelcol_exporter_queue_capacity"),
        ("otelcol_process_uptime", "otelcol_process_uptime_seconds_total"),
        ("otelcol_process_cpu_seconds", "otelcol_process_cpu_seconds_total"),
        ("otelcol_process_memory_rss", "otelcol_process_memory_rss_bytes"),
        ("otelcol_process_runtime_heap_alloc_bytes", "otelcol_process_runtime_heap_alloc_bytes"),
    ] {
        for (page, name) in [(&bare, without), (&full, with)] {
            let is_sample =
                |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
            assert!(page.lines().any(is_sample), "{name} is not in\n{page}");
        }
    }
}

#[test]
fn levels_leave_out_what_they_should() {
    assert!(!page(Level::Basic, Naming::BARE, |_| false).contains("burgee_flag_evaluations"));
    assert!(page(Level::Normal, Naming::BARE, |_| false).contains("burgee_flag_evaluations"));
    assert_eq!(page(Level::None, Naming::BARE, |_| false).lines().count(), 3, "only target_info");
}

#[test]
fn every_metric_of_the_list_is_shown_and_nothing_else() {
    let page = page(Level::Detailed, Naming::BARE, |_| false);
    let shown: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .filter(|name| *name != "target_info")
        .collect();
    let pattern = |name: &str| {
        let plurals = crate::observe::names::ITEMS.map(|(_, plural, _)| name.replace("{items}", plural));
        plurals.into_iter().any(|name| shown.contains(&name.as_str()))
    };
    for metric in crate::observe::names::ALL {
        assert!(pattern(metric.name), "{} is not shown", metric.name);
    }
    let known = |shown: &str| {
        crate::observe::names::ALL.iter().any(|metric| {
            crate::observe::names::ITEMS
                .iter()
                .any(|(_, plural, _)| metric.name.replace("{items}", plural) == shown)
        })
    };
    assert!(shown.iter().all(|name| known(name)), "{shown:?}");
}

#[test]
fn no_label_occurs_twice_whatever_the_resource_has() {
    let resource =
        [("service.name", "a"), ("service_name", "b"), ("receiver", "c"), ("otel.scope.name", "d")];
    let resource = resource.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let board = board();
    let facts = Facts::default();
    let numbers =
        Numbers { board: &board, facts: &facts, process: Process::default(), now: SystemTime::UNIX_EPOCH };
    let families = families(Level::Detailed, &numbers);
    let page = text(&families, Naming::default(), &resource, |_| true);
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let labels = line.split_once('{').expect(line).1;
        let mut names: Vec<_> =
            labels.split(',').filter_map(|label| Some(label.split_once('=')?.0)).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "{line}");
    }
    assert!(page.contains("target_info{service_name=\"a;b\","), "{page}");
    assert!(page.contains("receiver=\"otlp\",transport=\"grpc\",service_name=\"a;b\""), "{page}");
}
