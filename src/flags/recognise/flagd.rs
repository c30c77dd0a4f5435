//! flagd's server: a span for each evaluation, one for the evaluation of all flags.
//!
//! Its evaluation spans have inner ones of the same names in the scope `jsonEvaluator`, which carry nothing.

use super::{Family, Form, Sender, Title};
use crate::flags::conventions::{self, BULK_COUNT, Field, Name};

/// How many flags `resolveAll` resolved.
const COUNT: &str = "feature_flag.count";

pub(super) static FAMILY: Family = Family {
    names: &[Name::outdated(COUNT, Field::BulkCount)],
    // `flagd/pkg/service/flag-evaluation`; core 0.11.8 and earlier name variant and provider as in 1.16.0
    spans: &[
        resolve("resolveBoolean"),
        resolve("resolveString"),
        resolve("resolveInt"),
        resolve("resolveFloat"),
        resolve("resolveObject"),
    ],
    bulk: &[Form {
        title: Some(Title::Is("resolveAll")),
        scope: None,
        // the second is what is left of the first after the enrichment
        carries: &[COUNT, BULK_COUNT],
        sender: Sender::Other,
    }],
    ..Family::NONE
};

const fn resolve(name: &'static str) -> Form {
    Form { title: Some(Title::Is(name)), scope: None, carries: &[conventions::KEY], sender: Sender::Other }
}
