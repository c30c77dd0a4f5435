//! From the doctor and the facts to the messages.

use super::status::unix_ms;
use super::v1;
use crate::doctor::{Doctor, Finding};
use crate::observe::facts::Facts;
use crate::observe::rejections::Rejection;

/// What the doctor has found.
pub fn findings(doctor: &Doctor) -> v1::FindingsResponse {
    let (findings, examined) = doctor.findings();
    v1::FindingsResponse {
        findings: findings.into_iter().map(finding).collect(),
        examined_unix_ms: examined.map_or(0, unix_ms),
    }
}

fn finding(finding: Finding) -> v1::Finding {
    v1::Finding {
        id: finding.id.to_owned(),
        severity: finding.severity.name().to_owned(),
        title: finding.title.to_owned(),
        evidence: finding.evidence,
        count: finding.count,
        fix: finding.fix,
        means: finding.means.to_owned(),
        first_seen_unix_ms: unix_ms(finding.first_seen),
        last_seen_unix_ms: unix_ms(finding.last_seen),
        resolved_unix_ms: finding.resolved.map(unix_ms),
    }
}

/// The requests that were turned away lately.
pub fn rejections(facts: &Facts) -> v1::RejectionsResponse {
    let rejections = facts.rejections();
    let mut all: Vec<_> = rejections.all().into_iter().map(rejection).collect();
    all.sort_by_key(|rejection| std::cmp::Reverse(rejection.at_unix_ms));
    v1::RejectionsResponse { rejections: all, total: rejections.total() }
}

fn rejection(rejection: Rejection) -> v1::Rejection {
    v1::Rejection {
        at_unix_ms: unix_ms(rejection.at),
        peer: rejection.peer.to_string(),
        listener: rejection.listener.to_string(),
        transport: rejection.transport.to_owned(),
        method: rejection.method.into(),
        path: rejection.path.into(),
        status: rejection.status.into(),
        reason: rejection.reason.into(),
        content_type: rejection.content_type.into(),
        content_encoding: rejection.content_encoding.into(),
        user_agent: rejection.user_agent.into(),
        bytes: rejection.bytes,
    }
}
