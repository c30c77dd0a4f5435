//! One readable line for each flag evaluation.

use std::borrow::Cow;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::items::{self, Service, clock};
use crate::exporters::escape::escape_within;
use crate::flags::{self, Evaluated, Evaluation};
use crate::otlp::{Item, Payload, hex};

/// Writes a line for each evaluation in the payload: time, service, flag, variant, reason, error, trace id.
pub(super) fn write(out: &mut String, payload: &Payload) {
    let mut service = Service::default();
    flags::evaluations(payload, |item, evaluation| line(out, item, service.of(item), evaluation));
}

fn line(out: &mut String, item: &Item<'_>, service: &str, evaluation: &Evaluation<'_>) {
    let (dim, cyan, bold) = (Style::new().dimmed(), colour(AnsiColor::Cyan), Style::new().bold());
    let mut field = |style: Style, text: &str| {
        write!(out, "{style}{text}{style:#}").expect("writing to a String does not fail");
    };
    field(dim, &clock(item.time_unix_nano()));
    field(Style::new(), "  ");
    field(cyan, &short(service));
    field(Style::new(), "  ");
    field(bold, &short(evaluation.key.as_deref().unwrap_or("-")));
    field(Style::new(), " = ");
    field(result_style(evaluation), &result(evaluation));
    field(Style::new(), "  ");
    field(Style::new(), &short(evaluation.reason.as_deref().unwrap_or("-")));
    for error in [&evaluation.error_type, &evaluation.error_message].into_iter().flatten() {
        field(Style::new(), "  ");
        field(colour(AnsiColor::Red), &short(error));
    }
    if !item.trace_id().is_empty() {
        field(dim, &format!("  trace {}", hex(item.trace_id())));
    }
    out.push('\n');
}

/// The variant, or else the value, or else which variation it was, or else whether it was the caller's default.
fn result(evaluation: &Evaluation<'_>) -> String {
    let named: Option<Cow<'_, str>> = match (&evaluation.variant, &evaluation.value) {
        (Some(variant), _) => Some(short(variant)),
        (None, Some(Evaluated::Text(text))) => Some(short(text)),
        (None, Some(value @ Evaluated::Other(_))) => {
            Some(Cow::Owned(items::value(value.as_value(), CHARS_MAX)))
        }
        (None, None) => evaluation.variation_index.map(|index| Cow::Owned(format!("variation {index}"))),
    };
    match (named, evaluation.defaulted) {
        (Some(named), true) => format!("{named} (default)"),
        (Some(named), false) => named.into_owned(),
        (None, true) => "default".to_owned(),
        (None, false) => "-".to_owned(),
    }
}

fn result_style(evaluation: &Evaluation<'_>) -> Style {
    if evaluation.failed() {
        colour(AnsiColor::Red)
    } else if evaluation.defaulted {
        colour(AnsiColor::Yellow)
    } else {
        colour(AnsiColor::Green)
    }
}

fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(colour.into()))
}

fn short(text: &str) -> Cow<'_, str> {
    escape_within(text, CHARS_MAX)
}

const CHARS_MAX: usize = 100;
