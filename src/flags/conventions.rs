//! Names and words of flag evaluations, by generation: tables, not code.
//!
//! The current names are those of the OpenTelemetry semantic conventions 1.44, group `feature_flag`. What the
//! conventions never knew, because a vendor made it up, stands in that vendor's file in `recognise/`.

/// What an attribute says about an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Key,
    Variant,
    Value,
    Reason,
    Provider,
    ContextId,
    SetId,
    Version,
    ErrorType,
    ErrorMessage,
    /// Whether the caller's default was served.
    Defaulted,
    /// How many flags a bulk evaluation evaluated.
    BulkCount,
    /// Which of the flag's variations was served, where the sender knows no name for it.
    VariationIndex,
}

/// Where a name stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Of the conventions as they are.
    Current,
    /// Of earlier conventions or of one sender only: what `originals: drop` takes away.
    Outdated,
    /// The current name of something else, which an evaluation may carry: it stays in any case.
    Borrowed,
}

/// Words and what the conventions call them. The words are in lower case and fit in any.
pub type Words = &'static [(&'static str, &'static str)];

/// A name and what it means. Of several names for one field the earlier in a table is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    pub name: &'static str,
    pub field: Field,
    pub age: Age,
    /// The only event in which it means this: for names so common that elsewhere they are something else.
    pub event: Option<&'static str>,
    /// What its sender's own words for a reason mean.
    pub words: Words,
}

impl Name {
    pub const fn current(name: &'static str, field: Field) -> Name {
        Name { name, field, age: Age::Current, event: None, words: &[] }
    }

    pub const fn outdated(name: &'static str, field: Field) -> Name {
        Name { age: Age::Outdated, ..Name::current(name, field) }
    }

    pub const fn borrowed(name: &'static str, field: Field) -> Name {
        Name { age: Age::Borrowed, ..Name::current(name, field) }
    }

    /// The same name, but only in this event.
    pub const fn within(self, event: &'static str) -> Name {
        Name { event: Some(event), ..self }
    }

    /// The same name with its sender's own words.
    pub const fn saying(self, words: Words) -> Name {
        Name { words, ..self }
    }
}

pub const KEY: &str = "feature_flag.key";
pub const VARIANT: &str = "feature_flag.result.variant";
pub const VALUE: &str = "feature_flag.result.value";
pub const REASON: &str = "feature_flag.result.reason";
pub const PROVIDER: &str = "feature_flag.provider.name";
pub const CONTEXT_ID: &str = "feature_flag.context.id";
pub const SET_ID: &str = "feature_flag.set.id";
pub const VERSION: &str = "feature_flag.version";
pub const ERROR_TYPE: &str = "error.type";
pub const ERROR_MESSAGE: &str = "feature_flag.error.message";

/// `feature_flags.<key>` = variant, on the spans that an evaluation affects.
pub const MARK_PREFIX: &str = "feature_flags.";
/// `burgee.flag.error.<key>` = error type, on the spans that a failed evaluation affects.
pub const MARK_ERROR_PREFIX: &str = "burgee.flag.error.";
pub const MARKS_DROPPED: &str = "burgee.flag.dropped_count";
pub const VARIANT_CONFLICT: &str = "burgee.flag.variant_conflict";
pub const CONFLICT: &str = "burgee.flag.conflict";
pub const DEFAULTED: &str = "burgee.flag.defaulted";
pub const REASON_ORIGINAL: &str = "burgee.flag.reason.original";
pub const KEY_SOURCE: &str = "burgee.flag.key.source";
pub const KEY_SOURCE_URL: &str = "url";
pub const BULK_COUNT: &str = "burgee.flag.bulk.count";
pub const VARIATION_INDEX: &str = "burgee.flag.variation_index";
/// `burgee.flag.metadata.<name>` = what the flag's definition says there.
pub const METADATA_PREFIX: &str = "burgee.flag.metadata.";
/// What definitions do not know.
pub const UNDECLARED: &str = "burgee.flag.undeclared";
pub const UNDECLARED_KEY: &str = "key";
pub const UNDECLARED_VARIANT: &str = "variant";
/// The variant that a split should have come to.
pub const EXPECTED_VARIANT: &str = "burgee.flag.expected_variant";

/// Whether a name may be one that the enrichment writes.
#[inline]
pub fn may_be_written(name: &[u8]) -> bool {
    match name.first() {
        Some(b'f') => name.starts_with(b"feature_flag"),
        Some(b'b') => name.starts_with(b"burgee."),
        Some(b'e') => name == ERROR_TYPE.as_bytes(),
        _ => false,
    }
}

/// Every name that the conventions ever had, those that several senders made up, and burgee's own where the
/// conventions have none. The comment is the release that brought the name.
pub const NAMES: &[Name] = &[
    Name::current(KEY, Field::Key),
    Name::current(VARIANT, Field::Variant),
    // 1.16.0
    Name::outdated("feature_flag.variant", Field::Variant),
    Name::current(VALUE, Field::Value),
    // in no convention
    Name::outdated("feature_flag.value", Field::Value),
    Name::current(REASON, Field::Reason),
    // 1.29.0
    Name::outdated("feature_flag.evaluation.reason", Field::Reason),
    // in no convention
    Name::outdated("feature_flag.reason", Field::Reason),
    Name::current(PROVIDER, Field::Provider),
    // 1.16.0
    Name::outdated("feature_flag.provider_name", Field::Provider),
    // twelve days in November 2024
    Name::outdated("feature_flag.system", Field::Provider),
    Name::current(CONTEXT_ID, Field::ContextId),
    Name::current(SET_ID, Field::SetId),
    // in no convention
    Name::outdated("feature_flag.flagset", Field::SetId),
    Name::current(VERSION, Field::Version),
    Name::current(ERROR_TYPE, Field::ErrorType),
    Name::current(ERROR_MESSAGE, Field::ErrorMessage),
    // 1.29.0
    Name::outdated("feature_flag.evaluation.error.message", Field::ErrorMessage),
    // 1.33.0 to 1.39.0
    Name::outdated("error.message", Field::ErrorMessage),
    Name::borrowed("exception.message", Field::ErrorMessage),
    Name::current(BULK_COUNT, Field::BulkCount),
    Name::current(VARIATION_INDEX, Field::VariationIndex),
    Name::current(DEFAULTED, Field::Defaulted),
];

/// The event of an evaluation since 1.29.0, of a span or a log record.
pub const EVENT: &str = "feature_flag.evaluation";
/// The span event of 1.16.0 to 1.28.0, which `originals: drop` renames.
pub const EVENT_OUTDATED: &str = "feature_flag";
/// With a flag key it is a failed evaluation.
pub const EVENT_EXCEPTION: &str = "exception";
/// Where a log record's event name may stand beside field 12: the outdated attribute, and that of loggers which
/// know no event names.
pub const EVENT_NAME_ATTRIBUTES: &[&str] = &["event.name", "otel.event.name"];
/// The field of a log record's body (a map) that held the value from 1.29.0 to 1.33.0.
pub const BODY_VALUE: &str = "value";

/// The values of `feature_flag.result.reason` (semantic conventions 1.44).
pub const CONVENTIONAL_REASONS: [&str; 9] = [
    "static",
    "default",
    "targeting_match",
    REASON_SPLIT,
    "cached",
    REASON_DISABLED,
    "unknown",
    "stale",
    REASON_ERROR,
];

/// Reasons that are none of the conventions', and what they are called there. They leave their original.
/// GO Feature Flag's, which its providers hand to hooks of every kind.
pub const REASONS: Words = &[("targeting_match_split", "targeting_match"), ("offline", "default")];
/// Of an evaluation that failed.
pub const REASON_ERROR: &str = "error";
/// Of a flag that is off.
pub const REASON_DISABLED: &str = "disabled";
/// Of a variant that was drawn by a share of all contexts.
pub const REASON_SPLIT: &str = "split";

/// The error codes of OpenFeature without their separators, as `error.type` has them.
pub const ERRORS: Words = &[
    ("flagnotfound", "flag_not_found"),
    ("invalidcontext", "invalid_context"),
    ("parseerror", "parse_error"),
    ("providerfatal", "provider_fatal"),
    ("providernotready", "provider_not_ready"),
    ("targetingkeymissing", "targeting_key_missing"),
    ("typemismatch", "type_mismatch"),
    ("general", "general"),
    // GO Feature Flag's own: the flag's definition is broken
    ("flagconfig", "parse_error"),
];
/// What older SDKs write before the code, without its separator.
pub const ERROR_PREFIX: &str = "errorcode";
pub const ERROR_GENERAL: &str = "general";
pub const ERROR_FLAG_NOT_FOUND: &str = "flag_not_found";

/// The variant that says that GO Feature Flag served the caller's default (`modules/core/flag/constant.go`).
pub const VARIANT_OF_DEFAULT: &str = "SdkDefault";
/// The targeting key that GO Feature Flag's providers make up.
pub const NO_CONTEXT_ID: &str = "undefined-targetingKey";
/// Values that say that there is none: Go's and JSON's null, the type's name where .NET knows no text for it, and what
/// the relay proxy passed as default to OFREP evaluations up to v1.49.0.
pub const NO_VALUE: &[&str] =
    &["<nil>", "null", "OpenFeature.Model.Value", "thisisadefaultvaluethatItest1233%%"];
