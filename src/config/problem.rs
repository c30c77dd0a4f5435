use std::{cmp::Reverse, fmt};

use super::{render, source::Place};
pub use crate::observe::shown::escape;
use crate::values::{REDACTED, is_secret_name, mask_url_password};

/// Something wrong with a configuration: where, what, what now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// Where it stands; none if there is no text to point at.
    pub place: Option<Place>,
    /// The dotted path of what is wrong, `receivers.otlp.protocols`; empty for the whole.
    pub path: Box<str>,
    /// One sentence, complete without the snippet.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that belong to it, each with a few words.
    pub also: Vec<(Place, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Warning,
    Error,
}

impl Problem {
    pub fn error(message: impl Into<String>) -> Self {
        Problem {
            severity: Severity::Error,
            place: None,
            path: Box::default(),
            message: message.into(),
            help: None,
            also: Vec::new(),
        }
    }

    pub fn warning(message: impl Into<String>) -> Self {
        Problem { severity: Severity::Warning, ..Problem::error(message) }
    }

    pub fn at(self, place: Place) -> Self {
        Problem { place: Some(place), ..self }
    }

    pub fn path(self, path: impl Into<Box<str>>) -> Self {
        Problem { path: path.into(), ..self }
    }

    pub fn help(self, help: impl Into<String>) -> Self {
        Problem { help: Some(help.into()), ..self }
    }

    pub fn also(mut self, place: Place, label: impl Into<String>) -> Self {
        self.also.push((place, label.into()));
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// One line and a snippet of the source under it, with a line break at the end; in color if asked.
    ///
    /// The values of keys that look secret are `[REDACTED]` in it, control characters are escaped.
    pub fn render(&self, color: bool) -> String {
        render::render(self, color)
    }
}

impl fmt::Display for Problem {
    /// The short form, one line: `collector.yaml:12:7: error: …; help`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(out, "{place}: ")?;
        }
        write!(out, "{}: {}", self.severity, escape(&self.message))?;
        match &self.help {
            Some(help) => write!(out, "; {}", escape(help)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// All problems found in one go, by file and line. At most [`PROBLEMS_MAX`] are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    problems: Vec<Problem>,
}

impl Report {
    pub fn new(problems: impl IntoIterator<Item = Problem>) -> Self {
        let mut report = Report::default();
        report.extend(problems);
        report
    }

    pub fn push(&mut self, problem: Problem) {
        self.extend([problem]);
    }

    /// Adds problems in their place; one that is there already, word for word, is not repeated.
    pub fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.problems.extend(problems);
        self.problems.sort_by_key(|problem| {
            let start =
                problem.place.as_ref().map(|place| (place.source().name().to_owned(), place.range().start));
            (start.is_none(), start, Reverse(problem.severity))
        });
        self.problems.dedup();
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(Problem::is_error)
    }

    /// Every problem with its snippet, an empty line between two, and a count at the end if there are several.
    pub fn render(&self, color: bool) -> String {
        let shown = self.problems.iter().take(PROBLEMS_MAX).map(|problem| problem.render(color));
        let mut text = shown.collect::<Vec<_>>().join("\n");
        match self.problems.len() {
            0 | 1 => {}
            count if count > PROBLEMS_MAX => {
                text.push_str(&format!("\n… and {} more problems\n", count - PROBLEMS_MAX));
            }
            count => text.push_str(&format!("\n{count} problems\n")),
        }
        text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.render(false))
    }
}

impl std::error::Error for Report {}

impl From<Problem> for Report {
    fn from(problem: Problem) -> Self {
        Report::new([problem])
    }
}

/// A text from a file or a user in quotes: short, without control characters, without what looks like a password.
pub fn quote(text: &str) -> String {
    let word_end = text.find([':', '=', ' ', '\n']).unwrap_or(text.len());
    if word_end < text.len() && is_secret_name(&text[..word_end]) {
        return format!("\"{}{REDACTED}\"", escape(&text[..=word_end]));
    }
    let text = mask_url_password(text);
    let mut letters = text.chars();
    let shown: String = letters.by_ref().take(QUOTED_CHARS_MAX).collect();
    let more = if letters.next().is_some() { "…" } else { "" };
    format!("\"{}{more}\"", escape(&shown))
}

/// More problems than this are counted, not shown.
pub const PROBLEMS_MAX: usize = 50;
const QUOTED_CHARS_MAX: usize = 80;
