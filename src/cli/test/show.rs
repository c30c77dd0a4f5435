//! How values and differences look.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::form::Literal;
use super::judge::{Complaint, Line};
use crate::config::escape;
use crate::otlp::Value;

/// A value as a test would write it: text in quotes, the rest without.
pub(super) fn value(value: Value<'_>) -> String {
    match value {
        Value::Empty => "null".to_owned(),
        Value::Str(text) => quoted(text),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Double(value) => double(value),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::Array(values) => list(values.iter().map(self::value)),
        Value::Map(pairs) => map(pairs.iter().map(|(key, of)| (key.to_owned(), self::value(of)))),
    }
}

pub(super) fn literal(literal: &Literal) -> String {
    match literal {
        Literal::Null => "null".to_owned(),
        Literal::Text(text) => quoted(text),
        Literal::Bool(value) => value.to_string(),
        Literal::Int(value) => value.to_string(),
        Literal::Double(value) => double(*value),
        Literal::List(items) => list(items.iter().map(self::literal)),
        Literal::Map(pairs) => map(pairs.0.iter().map(|(key, of)| (key.clone(), self::literal(of)))),
    }
}

/// The line of a test that is as expected.
pub(super) fn good(out: &mut impl Write, name: &str) -> io::Result<()> {
    writeln!(out, "  {GREEN}ok{GREEN:#}     {}", escape(name))
}

/// A test that is not, with everything that is different.
pub(super) fn bad(out: &mut impl Write, name: &str, complaints: &[Complaint]) -> io::Result<()> {
    writeln!(out, "  {RED}FAILED{RED:#} {}", escape(name))?;
    for Complaint { place, what, lines } in complaints {
        writeln!(out, "    {BOLD}{place}{BOLD:#}: {what}")?;
        for line in lines.iter().take(LINES_MAX) {
            match line {
                Line::Expected(line) => writeln!(out, "    {RED}- {line}{RED:#}")?,
                Line::Got(line) => writeln!(out, "    {GREEN}+ {line}{GREEN:#}")?,
                Line::Same(line) => writeln!(out, "      {line}")?,
                Line::Aside(line) => writeln!(out, "      {DIM}{line}{DIM:#}")?,
            }
        }
        if let Some(more @ 1..) = lines.len().checked_sub(LINES_MAX) {
            writeln!(out, "      … and {more} more lines")?;
        }
    }
    Ok(())
}

/// What the signs mean, once, under everything that failed.
pub(super) fn legend(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  ({RED}- expected{RED:#}, {GREEN}+ leaves{GREEN:#})")
}

fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(CHARS_MAX).collect();
    match shown.len() < text.len() {
        true => format!("\"{}…\" ({} bytes)", escape(&shown), text.len()),
        false => format!("\"{}\"", escape(text)),
    }
}

/// With a point, so that it is not taken for a whole number.
fn double(value: f64) -> String {
    format!("{value:?}")
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

fn map(pairs: impl Iterator<Item = (String, String)>) -> String {
    let pairs: Vec<String> = pairs.map(|(key, value)| format!("{}: {value}", escape(&key))).collect();
    format!("{{{}}}", pairs.join(", "))
}

const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
/// Of one difference; a span of a test has fewer attributes.
const LINES_MAX: usize = 100;
/// Of one text.
const CHARS_MAX: usize = 200;
