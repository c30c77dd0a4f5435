//! From text to a condition: recursive descent over its words.

use super::lexer::{Token, words};
use super::paths::{Key, Path, PathNames, RawPath, enum_value};
use super::{Condition, Mistake, Operand};
use crate::config::quote;
use crate::processors::pattern::Pattern;

/// Parses a condition whose paths mean what `names` says. Never panics, whatever the text.
///
/// # Errors
/// The first mistake: its place, what it is, and what there is instead.
pub(in super::super) fn parse(text: &str, names: &mut PathNames) -> Result<Condition, Mistake> {
    if text.len() > CONDITION_BYTES_MAX {
        return Err(Mistake::new(0, format!("the condition is longer than {CONDITION_BYTES_MAX} bytes")));
    }
    let words = words(text)?;
    let mut parser = Parser { words, next: 0, depth: 0, names };
    let condition = parser.condition()?;
    match parser.peek() {
        Token::End => Ok(condition),
        Token::Sign(')') => Err(parser.mistake("this parenthesis closes nothing")),
        Token::Sign('+' | '-' | '*' | '/') => Err(parser.mistake("burgee's conditions do not calculate")),
        Token::Word(word) if ["AND", "OR"].contains(&word.as_str()) => {
            let message = format!("write \"{}\" in small letters", word.to_lowercase());
            Err(parser.mistake(message))
        }
        _ => Err(parser.mistake("expected \"and\", \"or\" or the end")),
    }
}

struct Parser<'p> {
    words: Vec<(Token, usize)>,
    next: usize,
    depth: usize,
    names: &'p mut PathNames,
}

impl Parser<'_> {
    fn condition(&mut self) -> Result<Condition, Mistake> {
        let mut parts = vec![self.conjunction()?];
        while self.take_word("or") {
            parts.push(self.conjunction()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn conjunction(&mut self) -> Result<Condition, Mistake> {
        let mut parts = vec![self.negation()?];
        while self.take_word("and") {
            parts.push(self.negation()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    fn negation(&mut self) -> Result<Condition, Mistake> {
        if self.take_word("not") {
            return Ok(Condition::Not(Box::new(self.boolean()?)));
        }
        self.boolean()
    }

    fn boolean(&mut self) -> Result<Condition, Mistake> {
        if self.take_sign('(') {
            let condition = self.deeper(Parser::condition)?;
            self.expect(')', "the parenthesis is not closed")?;
            return Ok(condition);
        }
        let start = self.place();
        let left = self.operand()?;
        let Token::Compare(op) = *self.peek() else {
            return match left {
                Operand::Call(condition) => Ok(*condition),
                Operand::Bool(value) => Ok(Condition::Constant(value)),
                _ if matches!(self.peek(), Token::Sign('+' | '-' | '*' | '/')) => {
                    Err(self.mistake("burgee's conditions do not calculate"))
                }
                Operand::Path(_) => Err(Mistake::new(
                    start,
                    "a path alone is no condition; compare it: == true, != nil, or IsMatch(path, \"…\")",
                )),
                _ => Err(self.mistake("expected a comparison: ==, !=, <, <=, > or >=")),
            };
        };
        self.next += 1;
        let right = self.operand()?;
        Ok(Condition::Compare(left, op, right))
    }

    fn operand(&mut self) -> Result<Operand, Mistake> {
        let (token, at) = self.take();
        let word = match token {
            Token::Text(text) => return Ok(Operand::Text(text)),
            Token::Int(number) => return Ok(Operand::Int(number)),
            Token::Float(number) => return Ok(Operand::Float(number)),
            Token::Sign('-') => return self.negative(at),
            Token::Word(word) => word,
            Token::Sign('[') => return Err(Mistake::new(at, "lists are not in burgee's conditions")),
            Token::Compare(_) | Token::Sign(_) | Token::End => {
                return Err(Mistake::new(
                    at,
                    "expected a path, a text, a number, true, false, nil or a function",
                ));
            }
        };
        match word.as_str() {
            "nil" => Ok(Operand::Nil),
            "true" => Ok(Operand::Bool(true)),
            "false" => Ok(Operand::Bool(false)),
            "and" | "or" | "not" => Err(Mistake::new(
                at,
                format!("\"{word}\" has nothing to stand between; something is missing"),
            )),
            _ if *self.peek() == Token::Sign('(') => self.call(&word, at),
            _ if word.starts_with(|first: char| first.is_ascii_uppercase()) => {
                enum_value(&word).map(Operand::Int).map_err(|message| Mistake::new(at, message))
            }
            _ => self.path(word, at),
        }
    }

    fn negative(&mut self, at: usize) -> Result<Operand, Mistake> {
        match self.take().0 {
            Token::Int(number) => Ok(Operand::Int(-number)),
            Token::Float(number) => Ok(Operand::Float(-number)),
            _ => {
                Err(Mistake::new(at, "a minus stands before a number; burgee's conditions do not calculate"))
            }
        }
    }

    fn call(&mut self, name: &str, at: usize) -> Result<Operand, Mistake> {
        self.next += 1;
        let mut arguments = Vec::new();
        if !self.take_sign(')') {
            loop {
                let place = self.place();
                arguments.push((self.deeper(Parser::operand)?, place));
                if !self.take_sign(',') {
                    break;
                }
            }
            self.expect(')', "the parenthesis of the function is not closed")?;
        }
        let mut arguments = arguments.into_iter();
        let takes = |what: &str| Mistake::new(at, format!("{name} takes {what}"));
        let text = |argument: Option<(Operand, usize)>, what: &str| match argument {
            Some((Operand::Text(text), place)) => Ok((text, place)),
            Some((_, place)) => Err(Mistake::new(place, format!("{name} needs a text in quotes here"))),
            None => Err(takes(what)),
        };
        let pair = "a value and a text: (path, \"…\")";
        let call = match name {
            "IsMatch" => {
                let target = arguments.next().ok_or_else(|| takes(pair))?.0;
                let (pattern, place) = text(arguments.next(), pair)?;
                let pattern = Pattern::parse(&pattern)
                    .map_err(|message| Mistake::new(place, format!("{} {message}", quote(&pattern))))?;
                Condition::Matches(target, pattern)
            }
            "HasPrefix" | "HasSuffix" => {
                let target = arguments.next().ok_or_else(|| takes(pair))?.0;
                let (part, _) = text(arguments.next(), pair)?;
                match name {
                    "HasPrefix" => Condition::HasPrefix(target, part),
                    _ => Condition::HasSuffix(target, part),
                }
            }
            "IsRootSpan" => {
                self.names.is_root_span(at)?;
                Condition::IsRootSpan
            }
            "HasAttrKeyOnDatapoint" => {
                self.names.looks_at_points(name, at)?;
                Condition::PointHas(text(arguments.next(), "a key: (\"…\")")?.0, None)
            }
            "HasAttrOnDatapoint" => {
                self.names.looks_at_points(name, at)?;
                let both = "a key and a text: (\"…\", \"…\")";
                let key = text(arguments.next(), both)?.0;
                Condition::PointHas(key, Some(text(arguments.next(), both)?.0))
            }
            _ => {
                let message =
                    format!("{} is no function of burgee's conditions; there are {FUNCTIONS}", quote(name));
                return Err(Mistake::new(at, message));
            }
        };
        match arguments.next() {
            Some((_, place)) => Err(Mistake::new(place, format!("{name} takes no argument here"))),
            None => Ok(Operand::Call(Box::new(call))),
        }
    }

    fn path(&mut self, first: String, at: usize) -> Result<Operand, Mistake> {
        let mut path = RawPath { names: vec![first], keys: Vec::new(), at };
        loop {
            if self.take_sign('.') {
                let Token::Word(name) = self.peek().clone() else {
                    return Err(self.mistake("expected the name of a field after the dot"));
                };
                if !path.keys.is_empty() {
                    return Err(self.mistake("nothing follows a key in brackets but another one"));
                }
                self.next += 1;
                path.names.push(name);
            } else if self.take_sign('[') {
                path.keys.push(match self.peek().clone() {
                    Token::Text(key) => Key::Name(key),
                    Token::Int(index) => Key::Index(usize::try_from(index).unwrap_or(usize::MAX)),
                    _ => return Err(self.mistake("expected a key in quotes or a number")),
                });
                self.next += 1;
                if path.keys.len() > DEPTH_MAX {
                    return Err(self.mistake(format!("there are more than {DEPTH_MAX} keys")));
                }
                self.expect(']', "the bracket is not closed")?;
            } else {
                break;
            }
        }
        let resolved: Path = self.names.resolve(path)?;
        Ok(Operand::Path(resolved))
    }

    fn deeper<T>(&mut self, parse: fn(&mut Self) -> Result<T, Mistake>) -> Result<T, Mistake> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.mistake(format!("parentheses are nested deeper than {DEPTH_MAX}")));
        }
        let parsed = parse(self)?;
        self.depth -= 1;
        Ok(parsed)
    }

    fn peek(&self) -> &Token {
        // `End` is the last word, and nothing but an error follows it
        self.words.get(self.next).map_or(&Token::End, |(token, _)| token)
    }

    fn take(&mut self) -> (Token, usize) {
        let taken = (self.peek().clone(), self.place());
        self.next += 1;
        taken
    }

    fn place(&self) -> usize {
        self.words.get(self.next).or(self.words.last()).map_or(0, |(_, at)| *at)
    }

    fn mistake(&self, message: impl Into<String>) -> Mistake {
        Mistake::new(self.place(), message)
    }

    fn take_sign(&mut self, sign: char) -> bool {
        let is_it = *self.peek() == Token::Sign(sign);
        self.next += usize::from(is_it);
        is_it
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Word(word) if word == wanted);
        self.next += usize::from(is_it);
        is_it
    }

    fn expect(&mut self, sign: char, otherwise: &str) -> Result<(), Mistake> {
        if self.take_sign(sign) {
            return Ok(());
        }
        let found = self.peek().show();
        Err(self.mistake(format!("{otherwise}: expected \"{sign}\", found {found}")))
    }
}

const FUNCTIONS: &str =
    "IsMatch, HasPrefix, HasSuffix, IsRootSpan, HasAttrKeyOnDatapoint, HasAttrOnDatapoint";
const DEPTH_MAX: usize = 64;
const CONDITION_BYTES_MAX: usize = 64 << 10;
