//! DevCycle's hooks: a span `feature_flag_evaluation.<key>` or `feature_flag_evaluation`, or a log record for each
//! evaluation (`DevCycleHQ-Labs/dynatrace-integration-hooks`).
//!
//! Most names are the conventions'. `feature_flag.result.reason.details`, the project, the environment and the like
//! stay as they are, and so does the exception's class in `error.type`.

use super::{Family, Form, Sender, Title};
use crate::flags::conventions::{self, Field, Name};

pub(super) static FAMILY: Family = Family {
    names: &[Name::outdated("feature_flag.error_message", Field::ErrorMessage)],
    spans: &[titled(Title::Is("feature_flag_evaluation")), titled(Title::Begins("feature_flag_evaluation."))],
    ..Family::NONE
};

const fn titled(title: Title) -> Form {
    Form { title: Some(title), scope: None, carries: &[conventions::KEY], sender: Sender::Other }
}
