//! LaunchDarkly's SDKs: span events of two generations, method spans, and the spans of the Ruby plugin (N9).
//!
//! None of them knows a variant's name: the current ones tell which variation of the flag it was, the older ones at
//! most the value. What has the conventions' names (context id, environment as set id, value as JSON text) needs
//! nothing here, and `feature_flag.result.reason.inExperiment` stays as it is.

use super::{Clue, Family, Form, Homonym, Sender};
use crate::flags::conventions::{self, Field, Name, Words};

/// What the conventions call a variant from 1.16.0 to 1.31.0; here it never is one.
const VARIANT: &str = "feature_flag.variant";
/// The Ruby plugin's alone.
const REASON_KIND: &str = "feature_flag.reason.kind";
const PROVIDER: &str = "LaunchDarkly";

pub(super) static FAMILY: Family = Family {
    names: &[
        // Node 1.3.0, java-core#89, PHP 0.1.0 and later; Python's as text
        Name::outdated("feature_flag.result.variationIndex", Field::VariationIndex),
        // Node up to 1.2.2, Go, Python, C++; the Ruby plugin
        Name::outdated("feature_flag.context.key", Field::ContextId),
        // the Ruby plugin
        Name::outdated(REASON_KIND, Field::Reason).saying(REASONS),
        Name::outdated("feature_flag.reason.error_kind", Field::ErrorType),
        Name::outdated("feature_flag.error", Field::ErrorType),
    ],
    spans: &[Form {
        title: None,
        // the spans are named after the SDK's methods, in PHP with `LDClient.` before
        scope: Some("launchdarkly-client"),
        carries: &[conventions::KEY],
        sender: Sender::Other,
    }],
    homonyms: &[
        Homonym { clue: Clue::Carries(REASON_KIND), means: Name::outdated(VARIANT, Field::VariationIndex) },
        // JSON text of the value
        Homonym { clue: Clue::Provider(PROVIDER), means: Name::outdated(VARIANT, Field::Value) },
    ],
    ..Family::NONE
};

/// `EvaluationReason`.
const REASONS: Words = &[
    ("off", "disabled"),
    ("fallthrough", "default"),
    ("target_match", "targeting_match"),
    ("rule_match", "targeting_match"),
    ("prerequisite_failed", "default"),
];
