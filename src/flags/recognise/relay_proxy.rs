//! GO Feature Flag's relay proxy: its evaluation spans, its bulk spans, and what its exporter `opentelemetry` makes.
//!
//! The server spans around them are in `request`.

use super::{Family, Form, Sender, Title};
use crate::flags::conventions::{Field, Name};

/// The name of an evaluation's span (`handler/goff/flag_eval.go`, `handler/ofrep/evaluate.go`, since v1.20.0).
pub(in crate::flags) const EVALUATION: &str = "flagEvaluation";
/// What such a span calls the flag's key, unless it failed over OFREP: then it has no attribute at all.
const FLAG_NAME: &str = "flagEvaluation.flagName";
/// `cmdhelpers/configfile/const.go`.
const SCOPE: &str = "go-feature-flag";

pub(super) static FAMILY: Family = Family {
    names: &[
        Name::outdated(FLAG_NAME, Field::Key),
        Name::outdated("flagEvaluation.variant", Field::Variant),
        Name::outdated("flagEvaluation.value", Field::Value),
        Name::outdated("flagEvaluation.reason", Field::Reason),
        Name::outdated("flagEvaluation.version", Field::Version),
        Name::outdated("flagEvaluation.flagSetName", Field::SetId),
        Name::outdated("flagEvaluation.errorCode", Field::ErrorType),
        Name::outdated("flagEvaluation.failed", Field::Defaulted),
        // the exporter's, v1.50.0 and later
        Name::outdated("feature_flag.variation", Field::Variant),
        Name::outdated("feature_flag.user_key", Field::ContextId),
        Name::outdated("feature_flag.default", Field::Defaulted),
        Name::outdated("AllFlagsState.numberEvaluation", Field::BulkCount),
    ],
    spans: &[
        Form::carrying(&[FLAG_NAME], Sender::RelayProxy),
        Form {
            title: Some(Title::Is(EVALUATION)),
            scope: Some(SCOPE),
            carries: &[],
            sender: Sender::RelayProxy,
        },
        // its scope can be configured (`tracerName`)
        Form::named("feature_flag.evaluate", Sender::RelayProxy),
    ],
    bulk: &[Form::named("AllFlagsState", Sender::RelayProxy)],
    ..Family::NONE
};
