//! OpenFeature's SDKs and hooks: spans, span events and log records of every generation.
//!
//! Their attributes are those of the conventions of their time, so that the names are all in
//! [`conventions::NAMES`](crate::flags::conventions::NAMES).

use super::{Family, Form, Sender};
use crate::flags::conventions;

pub(super) static FAMILY: Family = Family {
    names: &[],
    // JavaScript's SpanHook, .NET 2.14 and later
    spans: &[Form::named(conventions::EVENT, Sender::Other)],
    bulk: &[],
    events: &[conventions::EVENT, conventions::EVENT_OUTDATED],
};
