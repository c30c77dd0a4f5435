//! Words of a condition, each with its place.

use super::{Comparison, Mistake};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name: of a path, a function, an enum, or a keyword.
    Word(String),
    Text(String),
    Int(i64),
    Float(f64),
    Compare(Comparison),
    /// `( ) [ ] , . + - * /`
    Sign(char),
    End,
}

impl Token {
    /// As a message shows it.
    pub(super) fn show(&self) -> String {
        match self {
            Token::Word(word) => crate::config::quote(word),
            Token::Text(text) => format!("the text {}", crate::config::quote(text)),
            Token::Int(number) => number.to_string(),
            Token::Float(number) => number.to_string(),
            Token::Compare(op) => format!("\"{}\"", op.sign()),
            Token::Sign(sign) => format!("\"{sign}\""),
            Token::End => "the end".to_owned(),
        }
    }
}

/// All words, each with the byte it begins at, and `End` last.
///
/// # Errors
/// At the first that is none.
pub(super) fn words(text: &str) -> Result<Vec<(Token, usize)>, Mistake> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let start = at;
        let rest = &text[at..];
        let (token, len) = match letter {
            letter if letter.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            '"' => quoted(rest).map_err(|(within, message)| Mistake::new(start + within, message))?,
            'a'..='z' | 'A'..='Z' | '_' => {
                let len = len_while(rest, |letter| letter.is_ascii_alphanumeric() || letter == '_');
                (Token::Word(rest[..len].to_owned()), len)
            }
            '0'..='9' => number(rest).map_err(|message| Mistake::new(start, message))?,
            '.' if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => {
                number(rest).map_err(|message| Mistake::new(start, message))?
            }
            '(' | ')' | '[' | ']' | ',' | '.' | '+' | '-' | '*' | '/' => (Token::Sign(letter), 1),
            _ => match Comparison::at_start(rest) {
                Some(op) => (Token::Compare(op), op.sign().len()),
                None => return Err(Mistake::new(start, unexpected(letter))),
            },
        };
        words.push((token, start));
        at += len;
    }
    words.push((Token::End, text.len()));
    Ok(words)
}

fn unexpected(letter: char) -> String {
    match letter {
        '\'' => "texts stand in double quotes".to_owned(),
        '=' => "one \"=\" sets; write \"==\" to compare".to_owned(),
        '!' => "write \"not\" instead of \"!\"".to_owned(),
        '&' => "write \"and\" instead of \"&&\"".to_owned(),
        '|' => "write \"or\" instead of \"||\"".to_owned(),
        '{' | '}' => "maps are not in burgee's conditions".to_owned(),
        letter => format!("\"{}\" means nothing in a condition", letter.escape_default()),
    }
}

/// A number and how long it is.
fn number(text: &str) -> Result<(Token, usize), String> {
    if text.starts_with("0x") {
        return Err(
            "bytes such as 0x0102 are not in burgee's conditions; compare `trace_id.string`".to_owned()
        );
    }
    let digits = |from: usize| from + len_while(&text[from..], |letter| letter.is_ascii_digit());
    let whole = digits(0);
    if !text[whole..].starts_with('.') {
        let number = text[..whole].parse().map_err(|_| format!("{} is too large", &text[..whole]))?;
        return Ok((Token::Int(number), whole));
    }
    let mut end = digits(whole + 1);
    if let Some(exponent) = text[end..].strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        if exponent[sign..].starts_with(|letter: char| letter.is_ascii_digit()) {
            end = digits(end + 1 + sign);
        }
    }
    let number = text[..end].parse().map_err(|_| format!("{} is no number", &text[..end]))?;
    Ok((Token::Float(number), end))
}

/// A text in double quotes, with the escapes of Go, and how long it is with its quotes; or where it is wrong.
fn quoted(text: &str) -> Result<(Token, usize), (usize, String)> {
    let mut out = Vec::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => {
                let text = String::from_utf8(out)
                    .map_err(|_| (0, "is no UTF-8 once its escapes are read".to_owned()))?;
                return Ok((Token::Text(text), at + 1));
            }
            '\n' => return Err((at, "a text ends in the line it begins in; write \\n".to_owned())),
            '\\' => {
                let (_, escape) = letters.next().unwrap_or_default();
                let code = |letters: &mut dyn Iterator<Item = (usize, char)>, digits: &str, count, radix| {
                    let rest: String = letters.take(count).map(|(_, letter)| letter).collect();
                    let digits = format!("{digits}{rest}");
                    u32::from_str_radix(&digits, radix)
                        .map_err(|_| (at, format!("\"{}\" is no code", crate::config::escape(&digits))))
                };
                let single = match escape {
                    'a' => 7,
                    'b' => 8,
                    'f' => 12,
                    'n' => b'\n',
                    'r' => b'\r',
                    't' => b'\t',
                    'v' => 11,
                    '\\' | '"' => escape as u8,
                    'x' => code(&mut letters, "", 2, 16)? as u8,
                    '0'..='7' => u8::try_from(code(&mut letters, &escape.to_string(), 2, 8)?)
                        .map_err(|_| (at, "is larger than a byte".to_owned()))?,
                    'u' | 'U' => {
                        let count = if escape == 'u' { 4 } else { 8 };
                        let code = code(&mut letters, "", count, 16)?;
                        let letter = char::from_u32(code).ok_or((at, "is no character".to_owned()))?;
                        out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                        continue;
                    }
                    _ => {
                        let escape = escape.escape_default();
                        let message =
                            format!("\"\\{escape}\" is no escape; write \"\\\\{escape}\" for a backslash");
                        return Err((at, message));
                    }
                };
                out.push(single);
            }
            letter => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err((0, "the text has no closing quote".to_owned()))
}

fn len_while(text: &str, is_part: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !is_part(letter)).unwrap_or(text.len())
}
