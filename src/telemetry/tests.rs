use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use prost::Message;

use super::config::ConstantLabels;
use super::*;
use crate::component::TaskContext;
use crate::component::puppets::{Scripted, Step};
use crate::observe::board::{Board, PipelineEntry};
use crate::observe::evaluations::Tally;
use crate::observe::ledger::Pipeline;
use crate::observe::names::Level;

/// A board with one evaluation.
fn board() -> Board {
    let board = Board::new();
    let ledger = Arc::new(Pipeline::new([]));
    let mut tally = Tally::default();
    tally.note(Some("new-checkout"), Some("on"), Some("static"));
    ledger.count_evaluated(&tally);
    board.set_pipelines(vec![PipelineEntry { id: "traces".into(), signal: "traces", ledger }]);
    board
}

fn pushing(exporter: Arc<Scripted>) -> Push {
    Push {
        exporter,
        interval: Duration::from_secs(10),
        level: Level::Normal,
        resource: Arc::default(),
        endpoint: "http://localhost:4318".into(),
    }
}

#[tokio::test(start_paused = true)]
async fn metrics_are_sent_at_every_interval_whatever_became_of_the_last() {
    let mut tries = 0;
    let downstream = Scripted::new(move |_| {
        tries += 1;
        if tries == 2 { Step::retry_later() } else { Step::Answer(crate::component::Outcome::Accepted) }
    });
    let cx = TaskContext { facts: Arc::default(), board: board() };
    let pushed = push(pushing(Arc::clone(&downstream)), cx);
    let began = tokio::time::Instant::now();
    tokio::time::timeout(Duration::from_secs(35), pushed).await.expect_err("it never ends");
    let sent = downstream.tries();
    let at: Vec<u64> = sent.iter().map(|sent| (sent.at - began).as_secs()).collect();
    assert_eq!(at, [10, 20, 30]);
    let request = ExportMetricsServiceRequest::decode(&*sent[2].body).expect("OTLP");
    let resource = &request.resource_metrics[0];
    let attributes = &resource.resource.as_ref().expect("it has one").attributes;
    let names: Vec<&str> = attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert_eq!(names, ["service.name", "service.version", "service.instance.id"]);
    let metrics = &resource.scope_metrics[0].metrics;
    let metric = metrics.iter().find(|metric| metric.name == "burgee_flag_evaluations").expect("it is there");
    let Some(metric::Data::Sum(sum)) = &metric.data else { panic!("{metric:?}") };
    assert!(sum.is_monotonic && sum.aggregation_temporality == 2, "cumulative");
    let point = &sum.data_points[0];
    assert_eq!(point.value, Some(number_data_point::Value::AsInt(1)));
    assert!(point.start_time_unix_nano > 0 && point.time_unix_nano >= point.start_time_unix_nano);
    let labels: Vec<&str> = point.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    let expected =
        ["pipeline", "feature_flag.key", "feature_flag.result.variant", "feature_flag.result.reason"];
    assert_eq!(labels, expected);
    let uptime = metrics.iter().find(|metric| metric.name == "otelcol_process_uptime").expect("always");
    assert_eq!(uptime.unit, "s");
}

#[test]
fn an_instance_has_one_id_which_is_a_uuid() {
    let of = |resource: &Resource| resource.attributes()[2].1.clone();
    let id = of(&Resource::default());
    assert_eq!(id, of(&Resource::default()));
    assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert_eq!(&id[14..15], "4", "{id}");
    assert!("89ab".contains(&id[19..20]), "{id}");
}

#[test]
fn attributes_become_labels_by_pattern() {
    let labels = |included: &[&str], excluded: &[&str]| ConstantLabels {
        included: included.iter().map(|&pattern| pattern.to_owned()).collect(),
        excluded: excluded.iter().map(|&pattern| pattern.to_owned()).collect(),
    };
    assert!(!labels(&[], &[]).has("service.name"));
    assert!(labels(&["service.*"], &[]).has("service.name"));
    assert!(labels(&["*"], &["host.name"]).has("service.name"));
    assert!(!labels(&["*"], &["service.???e"]).has("service.name"));
    assert!(!labels(&["service"], &[]).has("service.name"));
    assert!(labels(&["*e*name"], &[]).has("service.name"));
}

#[test]
fn times_before_1970_are_no_panic() {
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    assert!(!encode(&[], &Resource::default(), before, before).is_empty());
}
