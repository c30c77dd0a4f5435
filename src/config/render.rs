use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{
    mask::masked_from,
    problem::{Problem, Severity, escape},
    source::Place,
};
use crate::observe::shown::is_unprintable;
use crate::values::{REDACTED, mask_url_password};

/// The problem's one line, then the lines it points at.
///
/// Each line is shown alone, so nothing appears that the problem does not point at.
pub(super) fn render(problem: &Problem, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let (style, reset) = match (color, problem.severity) {
        (false, _) => ("", ""),
        (true, Severity::Error) => ("\u{1b}[1;31m", "\u{1b}[0m"),
        (true, Severity::Warning) => ("\u{1b}[1;33m", "\u{1b}[0m"),
    };
    let mut text = String::new();
    if let Some(place) = &problem.place {
        text.push_str(&format!("{place}: "));
    }
    text.push_str(&format!("{style}{}{reset}: {}\n", problem.severity, escape(&problem.message)));

    let level = || match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let main = problem.place.iter().map(|place| Shown::new(place, None));
    let also = problem.also.iter().map(|(place, label)| Shown::new(place, Some(label)));
    let shown: Vec<Shown> = main.chain(also).collect();
    let mut group = Group::with_level(level());
    for (index, line) in shown.iter().enumerate() {
        let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        let annotation = kind.span(line.marked.clone());
        let annotation = match &line.label {
            Some(label) => annotation.label(label.as_str()),
            None => annotation,
        };
        // The first line's place is in the message already.
        let path = Some(line.path.as_str()).filter(|_| index > 0);
        let snippet = Snippet::source(line.text.as_str()).line_start(line.number).path(path);
        group = group.element(snippet.annotation(annotation));
    }
    let help = problem.help.as_deref().map(|help| escape(help).into_owned());
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    if !group.is_empty() {
        text.push_str(&renderer.render(&[group]));
        text.push('\n');
    }
    text
}

/// A source line fit to be seen, and the part of it to mark.
struct Shown {
    path: String,
    number: usize,
    text: String,
    marked: Range<usize>,
    label: Option<String>,
}

impl Shown {
    fn new(place: &Place, label: Option<&str>) -> Self {
        let source = place.source();
        let line = source.line(place.line());
        let mut raw = &source.text()[line.clone()];
        let masked = masked_from(source, place.line());
        if let Some(secret) = masked {
            raw = &raw[..secret];
        }
        let (mut text, mut marked) = (String::new(), 0..0);
        let wanted = place.range();
        let window = window(raw, wanted.start.saturating_sub(line.start));
        if window.start > 0 {
            text.push('…');
        }
        for (at, letter) in raw[window.clone()].char_indices() {
            let at = line.start + window.start + at;
            if at <= wanted.start {
                marked.start = text.len();
            }
            match letter {
                '\t' => text.push('\t'),
                letter if is_unprintable(letter) => text.extend(letter.escape_default()),
                letter => text.push(letter),
            }
            if at < wanted.end {
                marked.end = text.len();
            }
        }
        let seen_end = text.len();
        if window.end < raw.len() {
            text.push('…');
        } else if masked.is_some() {
            text.push_str(REDACTED);
        }
        if wanted.start >= line.start + window.end {
            marked = seen_end..text.len();
        } else if wanted.end > line.start + window.end {
            marked.end = text.len();
        }
        // A password in a URL changes the length; the marker then covers what is left of the line.
        if let std::borrow::Cow::Owned(shorter) = mask_url_password(&text) {
            marked = marked.start.min(shorter.len())..marked.end.min(shorter.len());
            text = shorter;
        }
        marked.start = text.floor_char_boundary(marked.start);
        marked.end = text.ceil_char_boundary(marked.end.max(marked.start));
        Shown {
            path: escape(source.name()).into_owned(),
            number: place.line(),
            text,
            marked,
            label: label.map(|label| escape(label).into_owned()),
        }
    }
}

/// The part of a very long line around a byte.
fn window(line: &str, around: usize) -> Range<usize> {
    if line.len() <= LINE_BYTES_MAX {
        return 0..line.len();
    }
    let start = line.floor_char_boundary(around.min(line.len()).saturating_sub(LINE_BYTES_MAX / 2));
    start..line.floor_char_boundary(start + LINE_BYTES_MAX)
}

const LINE_BYTES_MAX: usize = 200;
