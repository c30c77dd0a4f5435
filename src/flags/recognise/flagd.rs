//! flagd. Its evaluation spans (`resolveBoolean` …) carry `feature_flag.key` and need nothing of their own.

use super::{Family, Form, Sender};
use crate::flags::conventions::{BULK_COUNT, Field, Name};

/// How many flags `resolveAll` resolved.
const COUNT: &str = "feature_flag.count";

pub(super) static FAMILY: Family = Family {
    names: &[Name::outdated(COUNT, Field::BulkCount)],
    spans: &[],
    bulk: &[Form {
        name: Some("resolveAll"),
        scope: None,
        // the second is what is left of the first after the enrichment
        carries: &[COUNT, BULK_COUNT],
        sender: Sender::Other,
    }],
    events: &[],
};
