//! A span's trace state: the part `ot` that says how it was sampled, and the rest.

use super::threshold::{Randomness, Threshold};

/// A W3C trace state (Trace Context, level 2), with OpenTelemetry's part taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TraceState<'t> {
    pub randomness: Option<Randomness>,
    /// As it was written: case is kept.
    randomness_text: Option<&'t str>,
    pub threshold: Option<Threshold>,
    threshold_text: Option<&'t str>,
    /// Other members of `ot`, then other vendors.
    others: Vec<(&'t str, &'t str)>,
    vendors: Vec<(&'t str, &'t str)>,
}

impl<'t> TraceState<'t> {
    /// None if the text is no trace state, or its `ot` is none.
    pub(super) fn parse(text: &'t str) -> Option<TraceState<'t>> {
        let mut state = TraceState::default();
        if text.len() > STATE_BYTES_MAX {
            return None;
        }
        for (count, member) in text.strip_suffix(',').unwrap_or(text).split(',').enumerate() {
            // Empty members are allowed, and count.
            if count + 1 >= MEMBERS_MAX {
                return None;
            }
            let member = member.trim_matches([' ', '\t']);
            if member.is_empty() {
                continue;
            }
            let (key, value) = member.split_once('=')?;
            if !is_key(key) || !is_value(value) {
                return None;
            }
            match key {
                "ot" => state.parse_own(value)?,
                _ => state.vendors.push((key, value)),
            }
        }
        Some(state)
    }

    fn parse_own(&mut self, text: &'t str) -> Option<()> {
        for member in text.split(';') {
            let (key, value) = member.split_once(':')?;
            let is_key = key.starts_with(|first: char| first.is_ascii_lowercase())
                && key.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
            let is_value =
                value.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"._-".contains(&letter));
            if !is_key || !is_value {
                return None;
            }
            match key {
                "rv" => {
                    self.randomness = Some(Randomness::parse(value)?);
                    self.randomness_text = Some(value);
                }
                "th" => {
                    self.threshold = Some(Threshold::parse(value)?);
                    self.threshold_text = Some(value);
                }
                _ => self.others.push((key, value)),
            }
        }
        Some(())
    }

    pub(super) fn set_randomness(&mut self, randomness: Randomness) {
        (self.randomness, self.randomness_text) = (Some(randomness), None);
    }

    pub(super) fn set_threshold(&mut self, threshold: Option<Threshold>) {
        (self.threshold, self.threshold_text) = (threshold, None);
    }

    /// OpenTelemetry's part first, in it `rv` and `th` first.
    pub(super) fn text(&self) -> String {
        let mut own: Vec<String> = Vec::new();
        if let Some(randomness) = self.randomness {
            own.push(format!(
                "rv:{}",
                self.randomness_text.map_or_else(|| randomness.digits(), str::to_owned)
            ));
        }
        if let Some(threshold) = self.threshold {
            own.push(format!("th:{}", self.threshold_text.map_or_else(|| threshold.digits(), str::to_owned)));
        }
        own.extend(self.others.iter().map(|(key, value)| format!("{key}:{value}")));
        let own = (!own.is_empty()).then(|| format!("ot={}", own.join(";")));
        let vendors = self.vendors.iter().map(|(key, value)| format!("{key}={value}"));
        own.into_iter().chain(vendors).collect::<Vec<_>>().join(",")
    }
}

fn is_key(key: &str) -> bool {
    let part = |part: &str, may_begin_with_digit: bool| {
        let first =
            |letter: char| letter.is_ascii_lowercase() || may_begin_with_digit && letter.is_ascii_digit();
        let rest =
            |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"_-*/".contains(&letter);
        part.starts_with(first) && part.bytes().skip(1).all(rest)
    };
    key.len() <= KEY_BYTES_MAX
        && match key.split_once('@') {
            Some((tenant, system)) => {
                part(tenant, true)
                    && part(system, false)
                    && tenant.len() <= TENANT_BYTES_MAX
                    && system.len() <= SYSTEM_BYTES_MAX
            }
            None => part(key, false),
        }
}

fn is_value(value: &str) -> bool {
    let is_letter = |letter: u8| (0x20..=0x7e).contains(&letter) && letter != b',' && letter != b'=';
    !value.is_empty()
        && value.len() <= VALUE_BYTES_MAX
        && value.bytes().all(is_letter)
        && !value.ends_with(' ')
}

/// The limits of Trace Context. The Collector takes one member less than it allows.
const MEMBERS_MAX: usize = 32;
const STATE_BYTES_MAX: usize = 1024;
const KEY_BYTES_MAX: usize = 256;
const TENANT_BYTES_MAX: usize = 241;
const SYSTEM_BYTES_MAX: usize = 14;
const VALUE_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_state_is_written_as_it_was_read_its_own_part_first() {
        for (before, after) in [
            ("", ""),
            ("ot=th:8", "ot=th:8"),
            ("a=1, ot=x:y;th:8;rv:0123456789ABcd ,b@c=2,", "ot=rv:0123456789ABcd;th:8;x:y,a=1,b@c=2"),
        ] {
            assert_eq!(TraceState::parse(before).expect(before).text(), after);
        }
    }

    #[test]
    fn what_is_no_trace_state_is_not_read() {
        for text in [
            "a",
            "=1",
            "A=1",
            "a=",
            "a=b=c",
            "ot=th",
            "ot=th:",
            "ot=th:xyz",
            "ot=rv:1",
            "ot=th:8;",
            "ot=:1",
            "ü=1",
        ] {
            assert_eq!(TraceState::parse(text), None, "{text}");
        }
        let many = |count: usize| (0..count).map(|n| format!("v{n}=1")).collect::<Vec<_>>().join(",");
        assert!(TraceState::parse(&many(31)).is_some() && TraceState::parse(&many(32)).is_none());
        assert_eq!(TraceState::parse(&format!("a={}", "x".repeat(257))), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_written_is_read(text in "(ot=|rv:|th:|[a-z0-9=:;,@ é]){0,20}") {
            if let Some(state) = TraceState::parse(&text) {
                let written = state.text();
                proptest::prop_assert_eq!(TraceState::parse(&written).map(|state| state.text()), Some(written));
            }
        }
    }
}
