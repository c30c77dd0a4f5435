use std::{borrow::Cow, fmt, ops::Deref, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A span of time in Go's syntax, as the Collector's files have it: `300ms`, `1.5h`, `2h45m`, `0`.
///
/// A number without a unit is refused: the Collector reads `timeout: 5` as 5 nanoseconds, which nobody means.
/// Never negative; at most `u64::MAX` seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(std::time::Duration);

/// Why a text is no [`Duration`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    #[error(
        "a duration needs a unit (the OpenTelemetry Collector reads \"{0}\" as nanoseconds); \
         try \"{0}s\" or \"{0}ms\""
    )]
    NoUnit(String),
    #[error("a duration cannot be negative: \"{0}\"")]
    Negative(String),
    #[error("\"{0}\" is not a duration; try \"300ms\", \"5s\" or \"1h30m\"")]
    Unreadable(String),
}

impl Duration {
    pub const ZERO: Duration = Duration(std::time::Duration::ZERO);

    pub const fn from_secs(seconds: u64) -> Self {
        Duration(std::time::Duration::from_secs(seconds))
    }

    pub const fn from_millis(milliseconds: u64) -> Self {
        Duration(std::time::Duration::from_millis(milliseconds))
    }

    pub const fn get(self) -> std::time::Duration {
        self.0
    }
}

impl From<std::time::Duration> for Duration {
    fn from(duration: std::time::Duration) -> Self {
        Duration(duration)
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

impl Deref for Duration {
    type Target = std::time::Duration;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromStr for Duration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.trim();
        if let Some(positive) = trimmed.strip_prefix('-')
            && positive.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        {
            return Err(InvalidDuration::Negative(text.to_owned()));
        }
        let amount = trimmed.strip_prefix('+').unwrap_or(trimmed);
        if amount.parse::<f64>().is_ok_and(|number| number != 0.0) {
            return Err(InvalidDuration::NoUnit(text.to_owned()));
        }
        let unreadable = || InvalidDuration::Unreadable(text.to_owned());
        // humantime knows `M` as months: whoever writes `5M` means minutes or a size, never 152 days.
        let mut units = amount.split(|part: char| part.is_ascii_digit() || part == '.').map(str::trim);
        if amount.contains(char::is_whitespace) || units.any(|unit| !UNITS.contains(&unit)) {
            return Err(unreadable());
        }
        // Go writes `.5s`, humantime wants the leading zero; Go's U+03BC is the other micro sign.
        let spelled = if amount.starts_with('.') { format!("0{amount}") } else { amount.to_owned() };
        let spelled = if spelled.trim_matches(['0', '.']).is_empty() && !spelled.is_empty() {
            "0s".to_owned()
        } else {
            spelled.replace('\u{3bc}', "\u{b5}")
        };
        humantime::parse_duration(&spelled).map(Duration).map_err(|_| unreadable())
    }
}

impl fmt::Display for Duration {
    /// Go's syntax, so that a printed configuration can be read by the Collector: `1h30m0.5s`, `300ms`, `0s`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let nanos = self.0.subsec_nanos();
        if seconds == 0 && nanos > 0 {
            return match nanos {
                nanos if nanos % 1_000_000 == 0 => write!(out, "{}ms", nanos / 1_000_000),
                nanos if nanos % 1_000 == 0 => write!(out, "{}µs", nanos / 1_000),
                nanos => write!(out, "{nanos}ns"),
            };
        }
        let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        if hours > 0 {
            write!(out, "{hours}h")?;
        }
        if minutes > 0 {
            write!(out, "{minutes}m")?;
        }
        match nanos {
            0 if rest == 0 && seconds > 0 => Ok(()),
            0 => write!(out, "{rest}s"),
            nanos => write!(out, "{rest}.{}s", format!("{nanos:09}").trim_end_matches('0')),
        }
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Duration;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a duration such as 5s")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Duration, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Duration, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Duration, E> {
                self.visit_str(&number.to_string())
            }
        }

        input.deserialize_any(Visitor)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A span of time: 300ms, 5s, 1h30m. Units: ns, us, ms, s, m, h.",
            "anyOf": [
                {"type": "string", "pattern": "^\\+?(0|(([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$"},
                {"const": 0}
            ]
        })
    }
}

/// Go's units; the empty one stands before the first digit and inside decimals.
const UNITS: [&str; 9] = ["", "ns", "us", "\u{b5}s", "\u{3bc}s", "ms", "s", "m", "h"];

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> u128 {
        text.parse::<Duration>().unwrap_or_else(|error| panic!("{text}: {error}")).as_nanos()
    }

    #[test]
    fn gos_syntax_is_read() {
        assert_eq!(nanos("300ms"), 300_000_000);
        assert_eq!(nanos("1.5h"), 5_400_000_000_000);
        assert_eq!(nanos("2h45m"), 9_900_000_000_000);
        assert_eq!(nanos("1h30m"), 5_400_000_000_000);
        assert_eq!(nanos("1.5s"), 1_500_000_000);
        assert_eq!(nanos(".5s"), 500_000_000);
        assert_eq!(nanos("+5s"), 5_000_000_000);
        assert_eq!(nanos("10us"), 10_000);
        assert_eq!(nanos("10µs"), 10_000);
        assert_eq!(nanos("10\u{3bc}s"), 10_000);
        assert_eq!(nanos("1h0.5s"), 3_600_500_000_000);
        for zero in ["0", "0s", "0.0", "0h0m0s"] {
            assert_eq!(nanos(zero), 0, "{zero}");
        }
    }

    #[test]
    fn a_bare_number_is_refused_with_the_reason() {
        for text in ["5", "5.5", "1000"] {
            let error = text.parse::<Duration>().unwrap_err();
            assert_eq!(error, InvalidDuration::NoUnit(text.to_owned()));
            assert!(error.to_string().contains(&format!("try \"{text}s\"")), "{error}");
        }
        let from_json = serde_json::from_str::<Duration>("5").unwrap_err().to_string();
        assert!(from_json.contains("nanoseconds"), "{from_json}");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in
            ["", " ", "s", "5x", "5 s", "five", "1h-5m", "5M", "1e3s", "99999999999999999999h", "1..5s"]
        {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
        assert_eq!("-5s".parse::<Duration>(), Err(InvalidDuration::Negative("-5s".to_owned())));
    }

    #[test]
    fn what_is_printed_reads_back() {
        for (text, printed) in [
            ("0", "0s"),
            ("90m", "1h30m"),
            ("1500ms", "1.5s"),
            ("250us", "250µs"),
            ("7ns", "7ns"),
            ("61.25s", "1m1.25s"),
            ("1h0.5s", "1h0.5s"),
        ] {
            let duration: Duration = text.parse().unwrap();
            assert_eq!(duration.to_string(), printed);
            assert_eq!(printed.parse(), Ok(duration));
        }
    }
}
