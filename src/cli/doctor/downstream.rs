//! The downstreams, each sent one marked span.

use super::report::{Mark, Report};
use super::{Failure, Running, raised};
use crate::admin::v1;
use crate::config::escape;

/// Has the running burgee send it, and says what came back.
pub(super) async fn check(running: &Running, report: &mut Report) -> Result<(), Failure> {
    let asked = v1::TryDownstreamsRequest {};
    let tried = running.ask(async |mut client| client.try_downstreams(asked).await).await?.downstreams;
    if tried.is_empty() {
        report.line(Mark::Info, "there is no downstream: all traces end in this burgee".to_owned());
    }
    for downstream in &tried {
        let (exporter, message) = (escape(&downstream.exporter), escape(&downstream.message));
        match downstream.what.as_str() {
            "accepted" => {
                let millis = downstream.took_us.div_ceil(1000);
                report.line(
                    Mark::Good,
                    format!("{exporter}: the downstream acknowledged a test span in {millis} ms"),
                );
            }
            "partly" => {
                report.raise(raised("D03", format!("{exporter}: a test span was rejected: {message}"), None))
            }
            "retry_later" => {
                report.raise(raised("D01", format!("{exporter}: a test span was not taken: {message}"), None))
            }
            _ => report.raise(raised("D02", format!("{exporter}: a test span was refused: {message}"), None)),
        }
    }
    report.downstreams(tried);
    Ok(())
}
