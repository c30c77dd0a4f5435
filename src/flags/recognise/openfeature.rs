//! OpenFeature's SDKs and hooks: spans, span events and log records of every generation.
//!
//! Their attributes are those of the conventions of their time, so that nearly all names are in
//! [`conventions::NAMES`](crate::flags::conventions::NAMES).

use super::{Family, Form, Sender};
use crate::flags::conventions::{self, Field, Name};

/// What the hooks of 2022, before there was a convention, call the flag's key. Their spans are named
/// `<provider> <key>`.
const KEY_OF_2022: &str = "feature_flag.flag_key";

pub(super) static FAMILY: Family = Family {
    names: &[
        Name::outdated(KEY_OF_2022, Field::Key),
        Name::outdated("feature_flag.evaluated_variant", Field::Variant),
        Name::outdated("feature_flag.evaluated_value", Field::Value),
        // Dart's, by type
        Name::outdated("feature_flag.value.boolean", Field::Value),
        Name::outdated("feature_flag.value.string", Field::Value),
        Name::outdated("feature_flag.value.int", Field::Value),
        Name::outdated("feature_flag.value.float", Field::Value),
    ],
    spans: &[
        // JavaScript's SpanHook, .NET 2.14 and later
        Form::named(conventions::EVENT, Sender::Other),
        Form::carrying(&[KEY_OF_2022], Sender::Other),
    ],
    events: &[conventions::EVENT, conventions::EVENT_OUTDATED],
    ..Family::NONE
};
