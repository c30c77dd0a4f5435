//! Flipt's server: span events of v2, span attributes of v1.
//!
//! Late versions of v1 also set the conventions' names of their time.

use super::{Family, Form, Sender};
use crate::flags::conventions::{Field, Name, Words};

const KEY: &str = "flipt.key";
const KEY_OF_V1: &str = "flipt.flag";

pub(super) static FAMILY: Family = Family {
    names: &[
        Name::outdated(KEY, Field::Key),
        Name::outdated("flipt.result.variant", Field::Variant),
        Name::outdated("flipt.result.reason", Field::Reason).saying(REASONS),
        Name::outdated("flipt.context.entity_id", Field::ContextId),
        Name::outdated(KEY_OF_V1, Field::Key),
        Name::outdated("flipt.value", Field::Value),
        Name::outdated("flipt.reason", Field::Reason).saying(REASONS),
        Name::outdated("flipt.entity_id", Field::ContextId),
    ],
    spans: &[Form::carrying(&[KEY, KEY_OF_V1], Sender::Other)],
    events: &["flipt.flag_evaluation"],
    ..Family::NONE
};

/// Those of v2, then `EvaluationReason` of v1.
const REASONS: Words = &[
    ("match", "targeting_match"),
    ("match_evaluation_reason", "targeting_match"),
    ("default_evaluation_reason", "default"),
    ("flag_disabled_evaluation_reason", "disabled"),
    ("unknown_evaluation_reason", "unknown"),
];
