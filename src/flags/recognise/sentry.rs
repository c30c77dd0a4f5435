//! Sentry's SDKs: an attribute `flag.evaluation.<key>` = true or false for each flag that was evaluated during a
//! span (R6; sentry-python#4326).

use super::Family;

pub(super) static FAMILY: Family = Family { flags: &["flag.evaluation."], ..Family::NONE };
