//! `burgee explain`: what a finding means, or what a pasted error text means.

use std::io::{self, IsTerminal as _, Read as _, Write};

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::{Failure, printed};
use crate::config::escape;
use crate::doctor::catalogue::{CATALOGUE, entries, entry, parts};
use crate::doctor::decode::{Meaning, TEXT_BYTES_MAX, decode, nearest, with_symptom};
use crate::doctor::{Entry, Severity};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Ids of findings (`X01`), or the text of an error from any log or browser, in quotes. `-` reads the text from
    /// stdin, and so does nothing at all if something is piped in. Otherwise nothing lists every finding.
    #[arg(value_name = "ID|TEXT")]
    what: Vec<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match Question::of(&args.what)? {
        Question::All if args.json => {
            printed(write_json(&mut out, &json!({"findings": findings(entries())})))
        }
        Question::All => printed(list(&mut out)),
        Question::Entries(asked) if args.json => {
            printed(write_json(&mut out, &json!({"findings": findings(asked)})))
        }
        Question::Entries(asked) => printed(describe_all(&mut out, &asked)),
        Question::Text(text) => answer(&mut out, &text, args.json),
    }
}

/// What is asked for.
enum Question {
    All,
    Entries(Vec<&'static Entry>),
    Text(String),
}

impl Question {
    fn of(what: &[String]) -> Result<Question, Failure> {
        let is_stdin = match what {
            [only] => only == "-",
            [] => !io::stdin().is_terminal(),
            _ => false,
        };
        if is_stdin {
            let text = piped()?;
            let is_nothing = text.trim().is_empty() && what.is_empty();
            return Ok(if is_nothing { Question::All } else { Question::Text(text) });
        }
        if what.is_empty() {
            return Ok(Question::All);
        }
        if what.iter().all(|word| is_id(word)) {
            return what.iter().map(|id| known(id)).collect::<Result<_, _>>().map(Question::Entries);
        }
        Ok(Question::Text(what.join(" ")))
    }
}

/// A letter and digits; no error text is as short as that.
fn is_id(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
        && (2..=3).contains(&word.len())
        && letters.all(|letter| letter.is_ascii_digit())
}

fn known(id: &str) -> Result<&'static Entry, Failure> {
    entry(id).ok_or_else(|| {
        let group =
            CATALOGUE.iter().find(|group| id.starts_with([group.letter, group.letter.to_ascii_lowercase()]));
        let there_are = match group.and_then(|group| group.entries.first().zip(group.entries.last())) {
            Some((first, last)) => format!("there are {} to {}", first.id, last.id),
            None => "`burgee explain` lists all of them".to_owned(),
        };
        Failure::new(format!("there is no finding {id}; {there_are}"))
    })
}

fn piped() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(TEXT_BYTES_MAX).expect("a limit far below 2^64");
    match io::stdin().lock().take(limit).read_to_end(&mut bytes) {
        Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => Err(Failure::new(format!("cannot read stdin: {error}"))),
    }
}

/// Every finding in a line, by group.
fn list(out: &mut impl Write) -> io::Result<()> {
    for group in CATALOGUE {
        writeln!(out, "{BOLD}{}{BOLD:#}", group.title)?;
        for Entry { id, severity, title, .. } in group.entries {
            let style = style(*severity);
            writeln!(out, "  {id}  {style}{:7}{style:#}  {title}", severity.name())?;
        }
        writeln!(out)?;
    }
    writeln!(out, "`burgee explain X01` tells more, `burgee explain 'ERROR TEXT'` what an error means.")
}

fn describe_all(out: &mut impl Write, asked: &[&Entry]) -> io::Result<()> {
    for (at, entry) in asked.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        describe(out, entry)?;
    }
    Ok(())
}

/// The long form.
fn describe(out: &mut impl Write, entry: &Entry) -> io::Result<()> {
    let style = style(entry.severity);
    let (id, title, severity) = (entry.id, entry.title, entry.severity.name());
    writeln!(out, "{BOLD}{id} {title}{BOLD:#} ({style}{severity}{style:#})\n")?;
    paragraph(out, "", entry.means)?;
    fix(out, entry.fix)?;
    writeln!(out)?;
    paragraph(out, "noticed", entry.noticed_by)?;
    writeln!(out)?;
    for (at, symptom) in entry.symptoms.iter().enumerate() {
        paragraph(out, if at == 0 { "seen as" } else { "" }, symptom)?;
    }
    Ok(())
}

/// What a text means, or which findings are near it.
fn answer(out: &mut impl Write, text: &str, as_json: bool) -> Result<(), Failure> {
    let meanings = decode(text);
    // What a meaning leads to has no need to be named a second time.
    let led_to = |entry: &&Entry| meanings.iter().any(|meaning| meaning.see.contains(&entry.id));
    let symptoms: Vec<_> = with_symptom(text).into_iter().filter(|entry| !led_to(entry)).collect();
    let is_known = !meanings.is_empty() || !symptoms.is_empty();
    let near = if is_known { Vec::new() } else { nearest(text) };
    if as_json {
        let meanings: Vec<_> = meanings.iter().map(meaning_json).collect();
        let said = json!({"meanings": meanings, "findings": findings(symptoms), "nearest": findings(near)});
        printed(write_json(out, &said))?;
        return if is_known { Ok(()) } else { Err(Failure::new("")) };
    }
    if !is_known {
        return Err(Failure::new(unknown(text, &near)));
    }
    printed(tell(out, &meanings, &symptoms))
}

fn tell(out: &mut impl Write, meanings: &[Meaning], symptoms: &[&Entry]) -> io::Result<()> {
    for (at, meaning) in meanings.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{BOLD}{}{BOLD:#}\n", meaning.title)?;
        paragraph(out, "", &meaning.means)?;
        fix(out, meaning.fix)?;
        writeln!(out)?;
        for (at, entry) in meaning.see.iter().filter_map(|id| entry(id)).enumerate() {
            let head = if at == 0 { "see" } else { "" };
            paragraph(out, head, &format!("{} {}", entry.id, entry.title))?;
        }
    }
    if !symptoms.is_empty() {
        if !meanings.is_empty() {
            writeln!(out)?;
        }
        writeln!(out, "{BOLD}A symptom of{BOLD:#}")?;
        for Entry { id, title, .. } in symptoms {
            writeln!(out, "  {id} {title}")?;
        }
    }
    Ok(())
}

fn unknown(text: &str, near: &[&Entry]) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = line.chars().take(QUOTED_CHARS_MAX).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    let mut said = format!("no finding and no known error text fits \"{}\"", escape(&shown));
    if near.is_empty() {
        said.push_str("\n`burgee explain` lists every finding");
        return said;
    }
    said.push_str("\nthe nearest findings are");
    for Entry { id, title, .. } in near {
        said.push_str(&format!("\n  {id} {title}"));
    }
    said
}

/// The sentence as a paragraph, what is to be pasted below it as it is.
fn fix(out: &mut impl Write, fix: &str) -> io::Result<()> {
    let (sentence, paste) = parts(fix);
    writeln!(out)?;
    paragraph(out, "fix", sentence)?;
    let Some(paste) = paste else { return Ok(()) };
    for line in paste.lines() {
        writeln!(out, "{:MARGIN$}{GREEN}{line}{GREEN:#}", "")?;
    }
    Ok(())
}

/// Text beside a head in the margin, broken between words.
fn paragraph(out: &mut impl Write, head: &str, text: &str) -> io::Result<()> {
    let mut line = String::new();
    let mut head = head;
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > TEXT_CHARS {
            writeln!(out, "{DIM}{head:MARGIN$}{DIM:#}{line}")?;
            (head, line) = ("", String::new());
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(out, "{DIM}{head:MARGIN$}{DIM:#}{line}")
}

fn findings<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Value> {
    let one = |entry: &Entry| {
        let Entry { id, severity, title, means, fix, symptoms, noticed_by } = *entry;
        let severity = severity.name();
        json!({
            "id": id, "severity": severity, "title": title, "means": means, "fix": fix,
            "noticed_by": noticed_by, "symptoms": symptoms,
        })
    };
    entries.into_iter().map(one).collect()
}

fn meaning_json(meaning: &Meaning) -> Value {
    let Meaning { title, means, fix, see } = meaning;
    json!({"title": title, "means": means, "fix": fix, "see": see})
}

fn write_json(out: &mut impl Write, value: &Value) -> io::Result<()> {
    writeln!(out, "{value:#}")
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Info => CYAN,
        Severity::Warning => YELLOW,
        Severity::Error => RED,
    }
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();
/// Where text begins.
const MARGIN: usize = 9;
/// Characters of a line of text, which with the margin fits into 100 columns.
const TEXT_CHARS: usize = 90;
const QUOTED_CHARS_MAX: usize = 120;
