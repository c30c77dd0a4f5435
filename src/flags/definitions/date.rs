//! Dates of flag files: RFC 3339, as text or as TOML's own type.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use toml::value::{Datetime, Offset};

/// A moment; one before 1970 is 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date(pub SystemTime);

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DateVisitor)
    }
}

struct DateVisitor;

impl<'de> Visitor<'de> for DateVisitor {
    type Value = Date;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a date such as 2026-01-31T12:00:00Z")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Date, E> {
        let date = text.parse().or_else(|_| two_digits(text).parse());
        date.ok().and_then(moment).map(Date).ok_or_else(|| {
            E::custom("this is not a date; write it as 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+01:00")
        })
    }

    /// How TOML's dates come.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Date, A::Error> {
        let date = Datetime::deserialize(MapAccessDeserializer::new(map))?;
        moment(date).map(Date).ok_or_else(|| A::Error::custom("a time without a date"))
    }
}

/// `2026-1-5` as `2026-01-05`, which is how YAML may write dates and times: a digit that stands alone gets a 0 before.
fn two_digits(text: &str) -> String {
    let mut padded = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_next_digit = letters.peek().is_some_and(char::is_ascii_digit);
        // not in fractions of a second
        if letter.is_ascii_digit() && !is_next_digit && !before.is_ascii_digit() && before != '.' {
            padded.push('0');
        }
        padded.push(letter);
        before = letter;
    }
    padded
}

/// What is not said is midnight, in UTC.
fn moment(written: Datetime) -> Option<SystemTime> {
    let date = written.date?;
    if date.year < 1970 {
        return Some(SystemTime::UNIX_EPOCH);
    }
    let (hour, minute, second, nanos) = match written.time {
        Some(time) => (time.hour, time.minute, time.second.unwrap_or(0), time.nanosecond.unwrap_or(0)),
        None => (0, 0, 0, 0),
    };
    let (year, month, day) = (date.year, date.month, date.day);
    let utc = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z");
    let utc = humantime::parse_rfc3339(&utc).ok()?;
    let Some(Offset::Custom { minutes }) = written.offset else { return Some(utc) };
    let offset = Duration::from_secs(u64::from(minutes.unsigned_abs()) * 60);
    if minutes < 0 { utc.checked_add(offset) } else { utc.checked_sub(offset) }
}
