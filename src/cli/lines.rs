//! Lines for people: texts from anywhere, escaped, measured as terminals show them, and cut to what fits.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthChar;

use super::{Failure, printed};
use crate::config::escape;
use crate::observe::shown::is_unprintable;

/// Pieces of text in their styles. Nothing gets in unescaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pieces: Vec<(Style, String)>,
    width: usize,
}

impl Line {
    pub(super) fn of(style: Style, text: &str) -> Line {
        let mut line = Line::default();
        line.push(style, text);
        line
    }

    pub(super) fn plain(text: &str) -> Line {
        Line::of(PLAIN, text)
    }

    pub(super) fn push(&mut self, style: Style, text: &str) {
        // what nobody will read to the end is not carried along
        let end = text.char_indices().nth(CHARS_MAX).map(|(end, _)| end);
        let mut text = escape(&text[..end.unwrap_or(text.len())]).into_owned();
        if end.is_some() {
            text.push('…');
        }
        self.width += width_of(&text);
        self.pieces.push((style, text));
    }

    pub(super) fn append(&mut self, other: Line) {
        self.width += other.width;
        self.pieces.extend(other.pieces);
    }

    /// Columns of a terminal.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// At most so many columns, with a … where something is missing.
    pub(super) fn cut(self, width: usize) -> Line {
        if self.width <= width && self.pieces.iter().all(|(_, text)| !is_crowded(text)) {
            return self;
        }
        let room = width.saturating_sub(usize::from(self.width > width));
        let mut cut = Line::default();
        for (style, text) in self.pieces {
            let (fits, is_whole) = beginning(&text, room - cut.width);
            cut.width += width_of(fits);
            cut.pieces.push((style, fits.to_owned()));
            if !is_whole {
                break;
            }
        }
        if self.width > width && width > 0 {
            cut.push(PLAIN, "…");
        }
        cut
    }

    /// Exactly so many columns, filled at the end.
    pub(super) fn padded(self, width: usize) -> Line {
        let mut line = self.cut(width);
        line.fill(width);
        line
    }

    /// Exactly so many columns, filled at the beginning.
    pub(super) fn right(self, width: usize) -> Line {
        let line = self.cut(width);
        let mut filled = Line::default();
        filled.fill(width - line.width);
        filled.append(line);
        filled
    }

    fn fill(&mut self, width: usize) {
        let missing = width.saturating_sub(self.width);
        if missing > 0 {
            self.pieces.push((PLAIN, " ".repeat(missing)));
            self.width += missing;
        }
    }

    /// Without blanks at the end.
    fn trimmed(&self) -> impl Iterator<Item = (Style, &str)> {
        let full = self.pieces.iter().rposition(|(_, text)| !text.trim_end().is_empty());
        let full = full.map_or(0, |last| last + 1);
        self.pieces[..full].iter().enumerate().map(move |(at, (style, text))| match at + 1 == full {
            true => (*style, text.trim_end()),
            false => (*style, text.as_str()),
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.trimmed().try_for_each(|(style, text)| write!(out, "{style}{text}{style:#}"))
    }
}

/// As much of the text as fits, and whether that is all of it.
fn beginning(text: &str, width: usize) -> (&str, bool) {
    let (mut taken, mut unseen) = (0, 0);
    for (at, letter) in text.char_indices() {
        let columns = letter.width().unwrap_or(0);
        unseen = if columns == 0 { unseen + 1 } else { 0 };
        // a heap of accents on one letter would paint over the lines above
        if taken + columns > width || unseen > ACCENTS_MAX {
            return (&text[..at], false);
        }
        taken += columns;
    }
    (text, true)
}

/// A sentence in lines that fit, broken between words.
pub(super) fn wrapped(text: &str, width: usize) -> impl Iterator<Item = String> {
    let mut lines = vec![String::new()];
    for word in escape(text).split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() || width_of(line) + 1 + width_of(word) <= width => {
                line.push_str(if line.is_empty() { "" } else { " " });
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter()
}

fn is_crowded(text: &str) -> bool {
    !text.is_ascii() && !beginning(text, usize::MAX).1
}

fn width_of(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        // letter by letter, as terminals do it
        false => text.chars().map(|letter| letter.width().unwrap_or(0)).sum(),
    }
}

/// Prints data.
pub(super) fn print(lines: &[Line]) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    printed(lines.iter().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush()))
}

/// Columns of the terminal that is printed to; none if it is no terminal, where nothing is cut.
pub(super) fn terminal_width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let known = crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns));
    Some(known.filter(|columns| *columns > 0).unwrap_or(COLUMNS))
}

/// Prints one JSON object over several lines.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    printed(anstream::stdout().write_all(json(value).as_bytes()))
}

fn json(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("numbers and strings have a JSON form");
    json_for_terminals(&text) + "\n"
}

/// A JSON object on one line, without its break.
pub(super) fn json_line(value: &impl serde::Serialize) -> String {
    json_for_terminals(&serde_json::to_string(value).expect("numbers and strings have a JSON form"))
}

/// JSON leaves more characters as they are than is good for a terminal; they are all in its strings.
fn json_for_terminals(text: &str) -> String {
    let is_odd = |letter: char| letter != '\n' && is_unprintable(letter);
    if !text.contains(is_odd) {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match is_odd(letter) {
            true => {
                letter
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .for_each(|unit| safe.push_str(&format!("\\u{unit:04x}")));
            }
            false => safe.push(letter),
        }
    }
    safe
}

/// `850µs`, `12.3ms`, `4.56s`, `3m 20s`.
pub(super) fn took(nanos: u64) -> String {
    match nanos {
        0..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", nanos / 1_000),
        1_000_000..1_000_000_000 => format!("{:.1}ms", nanos as f64 / 1e6),
        1_000_000_000..60_000_000_000 => format!("{:.2}s", nanos as f64 / 1e9),
        _ => {
            let seconds = nanos / 1_000_000_000;
            match seconds {
                0..3_600 => format!("{}m {}s", seconds / 60, seconds % 60),
                _ => format!("{}h {}m", seconds / 3_600, seconds / 60 % 60),
            }
        }
    }
}

/// How long ago, in its largest unit: `3s`, `5m`, `2h`, `4d`; `-` for never. Both times are those of one machine.
pub(super) fn age(unix_ms: u64, now: SystemTime) -> String {
    if unix_ms == 0 {
        return "-".to_owned();
    }
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(unix_ms));
    let age = at.and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
    match age.as_secs() {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7_200 => format!("{}m", seconds / 60),
        seconds @ 7_200..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// `25.3%`
pub(super) fn percent(part: u64, whole: u64) -> String {
    match whole {
        0 => "-".to_owned(),
        _ if part == whole => "100%".to_owned(),
        _ => format!("{:.1}%", part as f64 * 100.0 / whole as f64),
    }
}

/// A column for each number. What is not zero is higher than what is.
pub(super) fn sparkline(numbers: &[u64]) -> String {
    let most = numbers.iter().copied().max().unwrap_or(0).max(1);
    let bar = |number: u64| match number {
        0 => BARS[0],
        number => {
            let step = u128::from(number) * (BARS.len() as u128 - 1) / u128::from(most);
            BARS[usize::try_from(step).map_or(BARS.len() - 1, |step| step.clamp(1, BARS.len() - 1))]
        }
    };
    numbers.iter().copied().map(bar).collect()
}

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Of one piece of text.
const CHARS_MAX: usize = 1_000;
/// On one letter, in a row.
const ACCENTS_MAX: usize = 4;
/// Of a terminal that does not tell its size.
const COLUMNS: usize = 80;

pub(super) const PLAIN: Style = Style::new();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const RED: Style = AnsiColor::Red.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const CYAN: Style = AnsiColor::Cyan.on_default();

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: Line) -> String {
        anstream::adapter::strip_str(&line.to_string()).to_string()
    }

    #[test]
    fn texts_are_cut_by_what_a_terminal_shows() {
        for (text, width, cut) in [
            ("checkout", 8, "checkout"),
            ("checkout", 7, "checko…"),
            ("checkout", 1, "…"),
            ("checkout", 0, ""),
            ("旗標旗標", 8, "旗標旗標"),
            ("旗標旗標", 7, "旗標旗…"),
            ("旗標旗標", 6, "旗標…"),
            ("a\u{1b}[2Jb", 20, r"a\u{1b}[2Jb"),
            ("\u{9b}31mred\u{202e}", 40, r"\u{9b}31mred\u{202e}"),
        ] {
            let line = Line::plain(text).cut(width);
            assert!(line.width() <= width, "{text} in {width}");
            assert_eq!(shown(line), cut, "{text} in {width}");
        }
        assert_eq!(Line::plain("旗標旗").padded(5).width(), 5);
        assert_eq!(shown(Line::plain("7").right(3)), "  7");
    }

    #[test]
    fn sentences_are_broken_between_words() {
        let lines: Vec<String> = wrapped("note: the parent  did\nnot arrive", 10).collect();
        assert_eq!(lines, ["note: the", "parent", r"did\nnot", "arrive"]);
        assert_eq!(wrapped("", 10).collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn accents_do_not_pile_up() {
        let line = Line::plain(&format!("a{}b", "\u{301}".repeat(900))).cut(10);
        assert_eq!(shown(line).chars().count(), 1 + ACCENTS_MAX);
    }

    #[test]
    fn a_text_without_an_end_is_not_carried_along() {
        let line = Line::plain(&"x".repeat(1 << 20));
        assert_eq!(line.width(), CHARS_MAX + 1);
        assert!(shown(line).ends_with('…'));
        let line = Line::plain(&"é".repeat(CHARS_MAX + 1));
        assert_eq!(line.width(), CHARS_MAX + 1);
    }

    #[test]
    fn json_has_nothing_that_a_terminal_would_obey_and_stays_the_same_value() {
        let hostile = "\u{1b}]0;x\u{7} \u{9b}2J \u{202e}abc \u{7f} é 旗";
        for text in [json(&[hostile]), json_line(&[hostile])] {
            assert!(!text.trim_end().contains(|letter| letter != '\n' && is_unprintable(letter)), "{text}");
            assert_eq!(serde_json::from_str::<Vec<String>>(&text).expect("JSON"), [hostile]);
        }
    }

    #[test]
    fn durations_ages_and_shares_are_short() {
        let times = [0, 850_000, 12_345_678, 4_560_000_000, 200_000_000_000, u64::MAX].map(took);
        assert_eq!(times, ["0ns", "850µs", "12.3ms", "4.56s", "3m 20s", "5124095h 34m"]);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let ages = [0, 1_000_000_000, 999_700_000, 1, u64::MAX].map(|at| age(at, now));
        assert_eq!(ages, ["-", "0s", "5m", "11d", "0s"]);
        assert_eq!([percent(1, 3), percent(3, 3), percent(0, 0)], ["33.3%", "100%", "-"]);
    }

    #[test]
    fn a_single_evaluation_is_seen_beside_many() {
        assert_eq!(sparkline(&[0, 1, 500, 1_000]), "▁▂▄█");
        assert_eq!(sparkline(&[0, 0]), "▁▁");
        assert_eq!(sparkline(&[u64::MAX, 1]), "█▂");
        assert_eq!(sparkline(&[]), "");
    }
}
