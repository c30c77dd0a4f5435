//! burgee inside another program: `cargo run --example embed`.
//!
//! The configuration is what `burgee --config` reads. Telemetry may come in by the network, or past it, as here.

use std::error::Error;
use std::time::Duration;

use burgee::collector::Collector;
use burgee::config::Source;
use burgee::otlp::Signal;
use burgee::registry::Plan;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

const CONFIG: &str = "
receivers:
  otlp:
    protocols:
      grpc: {endpoint: 127.0.0.1:0}
processors:
  feature_flag:
exporters:
  debug: {verbosity: detailed}
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let plan = Plan::read(&[Source::new("embed.rs", CONFIG)], &|name| std::env::var(name).ok())?;
    let collector = Collector::start(plan).await?;
    for address in collector.local_addrs() {
        println!("other programs may send to {address}");
    }

    // What this program has to say itself: one evaluation, in the words of GO Feature Flag's relay proxy.
    let request = Bytes::from(evaluation().encode_to_vec());
    let answer = collector.local("otlp").send(Signal::Traces, request).await;
    println!("the answer is: {answer:?}");

    println!("{}", collector.stop(Duration::from_secs(5)).await);
    Ok(())
}

fn evaluation() -> ExportTraceServiceRequest {
    let attribute = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) }),
        ..Default::default()
    };
    let span = Span {
        trace_id: vec![7; 16],
        span_id: vec![9; 8],
        name: "flagEvaluation".to_owned(),
        attributes: vec![
            attribute("flagEvaluation.flagName", "new-checkout"),
            attribute("flagEvaluation.variant", "on"),
            attribute("flagEvaluation.reason", "TARGETING_MATCH"),
        ],
        ..Default::default()
    };
    let scope = InstrumentationScope { name: "go-feature-flag".to_owned(), ..Default::default() };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans: vec![span], ..Default::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..Default::default() }] }
}
