//! Which evaluations somebody wants to see: `flag=new-* variant!=on`.
//!
//! Terms are separated by spaces, and all have to hold. `*` stands for anything, values with spaces are in double
//! quotes, and a word without `=` is looked for in the flag, the service and the name of the span. Case counts in
//! values, as it does in flags.

use std::fmt;

use super::told::Told;

/// Terms that all have to hold; none lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    subject: Subject,
    is_negated: bool,
    pattern: Pattern,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Field(Field),
    /// Flag, service and span.
    Words,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Flag,
    Variant,
    Value,
    Reason,
    Error,
    Provider,
    Version,
    Service,
    Span,
    Trace,
}

/// Pieces between the stars; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern(Vec<String>);

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterError {
    /// There is no such key.
    UnknownKey(String),
    /// A quote that does not end.
    OpenQuote,
    TooLong,
}

impl fmt::Display for FilterError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FilterError::UnknownKey(key) => write!(
                out,
                "there is no key {}; there are {}",
                crate::config::quote(key),
                Field::ALL.map(|(name, _)| name).join(", ")
            ),
            FilterError::OpenQuote => out.write_str("a \" is opened and not closed"),
            FilterError::TooLong => write!(out, "a filter has at most {TEXT_BYTES_MAX} bytes"),
        }
    }
}

impl Field {
    const ALL: [(&'static str, Field); 10] = [
        ("flag", Field::Flag),
        ("variant", Field::Variant),
        ("value", Field::Value),
        ("reason", Field::Reason),
        ("error", Field::Error),
        ("provider", Field::Provider),
        ("version", Field::Version),
        ("service", Field::Service),
        ("span", Field::Span),
        ("trace", Field::Trace),
    ];
}

impl std::str::FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Filter, FilterError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(FilterError::TooLong);
        }
        let mut terms = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let end = rest.find(['=', ' ', '"', '\t']).unwrap_or(rest.len());
            let (subject, is_negated) = match &rest[..end] {
                key if rest[end..].starts_with('=') && !key.is_empty() => {
                    let name = key.strip_suffix('!').unwrap_or(key);
                    let field = Field::ALL.into_iter().find(|(known, _)| *known == name);
                    let (_, field) = field.ok_or_else(|| FilterError::UnknownKey(name.to_owned()))?;
                    rest = &rest[end + 1..];
                    (Subject::Field(field), name.len() < key.len())
                }
                _ => (Subject::Words, false),
            };
            let (value, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or(FilterError::OpenQuote)?,
                None => rest.split_at(rest.find([' ', '\t']).unwrap_or(rest.len())),
            };
            let value = match subject {
                Subject::Words => format!("*{value}*"),
                Subject::Field(_) => value.to_owned(),
            };
            terms.push(Term { subject, is_negated, pattern: Pattern::of(&value) });
            rest = after.trim_start();
        }
        Ok(Filter { terms })
    }
}

impl Filter {
    pub fn passes(&self, told: &Told) -> bool {
        self.terms.iter().all(|term| term.holds(told))
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

impl Term {
    fn holds(&self, told: &Told) -> bool {
        let fits = |text: &str| self.pattern.fits(text);
        let holds = match self.subject {
            Subject::Words => fits(&told.key) || fits(&told.service) || fits(&told.span),
            Subject::Field(Field::Trace) => fits(&crate::otlp::hex(&told.trace_id)),
            Subject::Field(field) => fits(match field {
                Field::Flag => &told.key,
                Field::Variant => &told.variant,
                Field::Value => &told.value,
                Field::Reason => &told.reason,
                Field::Error => &told.error,
                Field::Provider => &told.provider,
                Field::Version => &told.version,
                Field::Service => &told.service,
                Field::Span | Field::Trace => &told.span,
            }),
        };
        holds != self.is_negated
    }
}

impl Pattern {
    fn of(text: &str) -> Pattern {
        Pattern(text.split('*').map(str::to_owned).collect())
    }

    fn fits(&self, text: &str) -> bool {
        let [first, between @ .., last] = &self.0[..] else {
            return self.0.first().is_some_and(|only| only == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
        for piece in between {
            let Some(at) = rest.find(piece.as_str()) else { return false };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(last.as_str())
    }
}

const TEXT_BYTES_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> Told {
        Told {
            key: "new-checkout".into(),
            variant: "on".into(),
            service: "shop front".into(),
            span: "GET /basket".into(),
            trace_id: [0xab; 16],
            ..Told::default()
        }
    }

    fn passes(filter: &str) -> bool {
        filter.parse::<Filter>().expect("it is a filter").passes(&told())
    }

    #[test]
    fn all_terms_have_to_hold() {
        assert!(passes("") && passes("   "));
        assert!(passes("flag=new-checkout variant=on"));
        assert!(!passes("flag=new-checkout variant=off"));
        assert!(passes("flag=new-checkout  variant!=off error="));
        assert!(!passes("variant!=on"));
    }

    #[test]
    fn a_star_stands_for_anything() {
        for fits in ["flag=new-*", "flag=*checkout", "flag=*w-ch*", "flag=n*-*t", "flag=*", "trace=abab*"] {
            assert!(passes(fits), "{fits}");
        }
        for fits_not in
            ["flag=new", "flag=old-*", "flag=new-checkout*x", "flag=*new-checkoutnew-checkout*", "flag=New*"]
        {
            assert!(!passes(fits_not), "{fits_not}");
        }
        assert!(
            !"flag=a*a"
                .parse::<Filter>()
                .expect("a filter")
                .passes(&Told { key: "a".into(), ..Told::default() })
        );
    }

    #[test]
    fn words_and_quotes() {
        assert!(passes("checkout") && passes("basket shop") && passes("\"shop front\""));
        assert!(passes("service=\"shop front\" flag=new*") && passes("span=\"GET *\""));
        assert!(!passes("payment") && !passes("service=shop"));
    }

    #[test]
    fn mistakes_are_told() {
        let error = |text: &str| text.parse::<Filter>().expect_err("it is none").to_string();
        assert!(error("falg=a").starts_with("there is no key \"falg\"; there are flag, variant"));
        assert_eq!(error("flag=\"a"), "a \" is opened and not closed");
        assert_eq!(error(&"x".repeat(1001)), "a filter has at most 1000 bytes");
    }
}
