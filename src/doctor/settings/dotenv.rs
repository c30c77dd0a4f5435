//! Env files, in compose's dialect.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    interpolate::interpolate,
    said::{Form, Said, Spot},
};
use crate::config::{Problem, Source};

/// The variables of an env file, in its order. What `${…}` in it means is looked up in the lines above and in `outer`.
///
/// `KEY=value` and `KEY: value`, with or without `export`; comments; quotes, also over several lines.
///
/// # Errors
/// The first line that is none of these.
pub(super) fn parse(source: &Arc<Source>, outer: &BTreeMap<String, String>) -> Result<Vec<Said>, Problem> {
    let mut reader = Reader { source, rest: source.text(), line: 1 };
    let (mut variables, mut known) = (Vec::new(), BTreeMap::new());
    while let Some((name, raw, line)) = reader.next_variable()? {
        let text = match raw {
            Raw::FromShell => outer.get(&name).cloned(),
            Raw::Literal(text) => Some(text),
            Raw::Text(text) => {
                interpolate(&text, &mut |name| known.get(name).or_else(|| outer.get(name)).cloned())
            }
        };
        if let Some(text) = &text {
            known.insert(name.clone(), text.clone());
        }
        variables.push(Said { name, text, spot: Spot::new(source, line), form: Form::Line });
        if variables.len() > VARIABLES_MAX {
            let message = format!("more than {VARIABLES_MAX} variables; is it an env file?");
            return Err(Problem::error(message).at(reader.here()));
        }
    }
    Ok(variables)
}

/// A value before its variables are put in.
enum Raw {
    /// A name alone: the shell's value.
    FromShell,
    /// Between `'…'`.
    Literal(String),
    Text(String),
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    fn next_variable(&mut self) -> Result<Option<(String, Raw, usize)>, Problem> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let line = self.rest.lines().next().unwrap_or_default();
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                self.skip_line();
                continue;
            }
            return self.variable(line).map(Some);
        }
    }

    fn variable(&mut self, line: &'a str) -> Result<(String, Raw, usize), Problem> {
        let number = self.line;
        let trimmed = line.trim_start();
        let trimmed = trimmed.strip_prefix("export ").map_or(trimmed, str::trim_start);
        let end = trimmed.find(['=', ':']).unwrap_or(trimmed.len());
        let name = trimmed[..end].trim();
        let is_name = !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-[]".contains(letter));
        if !is_name {
            let problem = Problem::error("this is no line of an env file");
            return Err(problem.at(self.here()).help("write KEY=value, or # before a comment"));
        }
        if end == trimmed.len() {
            self.skip_line();
            return Ok((name.to_owned(), Raw::FromShell, number));
        }
        let value = trimmed[end + 1..].trim_start_matches([' ', '\t']);
        let raw = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(line, value, quote)?,
            _ => Raw::Text(unquoted(value)),
        };
        self.skip_line();
        Ok((name.to_owned(), raw, number))
    }

    /// A value in quotes at the end of a line, or over several: leaves the reader in the line where it ends.
    fn quoted(&mut self, line: &str, value: &str, quote: char) -> Result<Raw, Problem> {
        let offset = line.len() - value.len() + quote.len_utf8();
        let body = &self.rest[offset..];
        let is_escaped =
            |at: usize| quote == '"' && (body[..at].len() - body[..at].trim_end_matches('\\').len()) % 2 == 1;
        let Some((end, _)) = body.match_indices(quote).find(|(at, _)| !is_escaped(*at)) else {
            let problem = Problem::error("a value in quotes that never ends");
            return Err(problem.at(self.here()).help(format!("write {quote} behind the value")));
        };
        let text = &body[..end];
        let breaks = text.matches('\n').count();
        let skipped = match text.rfind('\n') {
            Some(newline) => offset + newline + 1,
            None => 0,
        };
        self.rest = &self.rest[skipped..];
        self.line += breaks;
        Ok(match quote {
            '\'' => Raw::Literal(text.to_owned()),
            _ => Raw::Text(unescaped(text)),
        })
    }

    fn skip_line(&mut self) {
        let end = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
        self.rest = &self.rest[end..];
        self.line += 1;
    }

    fn here(&self) -> crate::config::Place {
        let start = self.source.text().len() - self.rest.len();
        self.source.place(start..start)
    }
}

/// A value without quotes: a comment behind a space does not belong to it.
fn unquoted(value: &str) -> String {
    let comment = value.find(" #").or_else(|| value.find("\t#")).unwrap_or(value.len());
    let value = if value.starts_with('#') { "" } else { &value[..comment] };
    value.trim().to_owned()
}

fn unescaped(text: &str) -> String {
    let mut unescaped = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => unescaped.push('\n'),
                Some('r') => unescaped.push('\r'),
                Some('t') => unescaped.push('\t'),
                // Interpolation reads it next, and knows `$$` for a dollar.
                Some('$') => unescaped.push_str("$$"),
                Some(other) => unescaped.push(other),
                None => unescaped.push('\\'),
            },
            other => unescaped.push(other),
        }
    }
    unescaped
}

/// More than any process is given.
const VARIABLES_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::parse;
    use crate::config::Source;

    fn read(text: &str) -> Vec<(String, Option<String>, usize)> {
        let outer = BTreeMap::from([("SHELL_HOST".to_owned(), "outer".to_owned())]);
        let variables = parse(&Source::new("env", text), &outer).expect("an env file");
        variables.into_iter().map(|said| (said.name, said.text, said.spot.line)).collect()
    }

    #[test]
    fn the_dialects_of_env_files_are_read() {
        for (text, expected) in [
            ("A=b", Some("b")),
            ("export A=b\r\n", Some("b")),
            ("A: b", Some("b")),
            ("  A = b  ", Some("b")),
            ("A=b # comment", Some("b")),
            ("A=b#c", Some("b#c")),
            ("A=", Some("")),
            ("A=# comment", Some("")),
            ("A=\"b # c\" # comment", Some("b # c")),
            ("A='$B'", Some("$B")),
            ("A=\"x\\\"y\\n\"", Some("x\"y\n")),
            ("A=\"\\$5\"", Some("$5")),
            ("A=http://${SHELL_HOST}:4318", Some("http://outer:4318")),
            ("A=${NOBODY}", None),
            ("A", None),
            ("\u{feff}A=b", Some("b")),
        ] {
            let read = read(text);
            assert_eq!(read, [("A".to_owned(), expected.map(str::to_owned), 1)], "{text}");
        }
    }

    #[test]
    fn lines_are_counted_through_comments_line_ends_and_quotes() {
        let read = read("# one\r\n\r\nA=1\r\nB=\"two\nlines\"\nC=${A}\n");
        let expected = [("A", "1", 3), ("B", "two\nlines", 4), ("C", "1", 6)];
        assert_eq!(read, expected.map(|(name, text, line)| (name.to_owned(), Some(text.to_owned()), line)));
    }

    #[test]
    fn what_is_no_env_file_is_refused_at_its_line() {
        for (text, message) in [
            ("A=1\nthis is text\n", "e:2:1: error: this is no line of an env file"),
            ("A=1\n\u{0}\u{1}=\u{2}\n", "e:2:1: error: this is no line of an env file"),
            ("=b", "e:1:1: error: this is no line of an env file"),
            ("A=1\nB=\"open\nC=2", "e:2:1: error: a value in quotes that never ends"),
        ] {
            let problem = parse(&Source::new("e", text), &BTreeMap::new()).expect_err(text);
            assert!(problem.to_string().starts_with(message), "{problem}");
        }
    }
}
