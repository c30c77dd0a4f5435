//! Microsoft.FeatureManagement: the event `FeatureFlag` (`FeatureEvaluationTelemetry.cs`).
//!
//! Its attributes mean something in that event only. `Version` there is the event's, not the flag's (N7); `Enabled`
//! and whatever telemetry metadata a flag has stay as they are.

use super::Family;
use crate::flags::conventions::{Field, Name, Words};

const EVENT: &str = "FeatureFlag";

pub(super) static FAMILY: Family = Family {
    names: &[
        Name::outdated("FeatureName", Field::Key).within(EVENT),
        Name::outdated("Variant", Field::Variant).within(EVENT),
        Name::outdated("VariantAssignmentReason", Field::Reason).within(EVENT).saying(REASONS),
        Name::outdated("TargetingId", Field::ContextId).within(EVENT),
    ],
    events: &[EVENT],
    ..Family::NONE
};

/// `VariantAssignmentReason`.
const REASONS: Words = &[
    ("none", "unknown"),
    ("defaultwhendisabled", "disabled"),
    ("defaultwhenenabled", "default"),
    ("user", "targeting_match"),
    ("group", "targeting_match"),
    ("percentile", "split"),
];
