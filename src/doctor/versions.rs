//! What each version of GO Feature Flag's relay proxy does about tracing, as its git tags say.
//!
//! The version comes from the tag of an image, from the header `X-GOFEATUREFLAG-VERSION` of an answer, or from
//! `service.version` of its spans. A relay proxy that somebody built without a version says `localdev`; nothing is
//! known of that one.

use std::fmt;

/// A version as the table below compares it. What follows the numbers (`-amd64`, `-rc.1`) does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u64,
    minor: u64,
    /// None for a tag that moves, such as `v1.41`: it is the newest there is, and thus above all others.
    patch: Patch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Patch {
    Number(u64),
    Newest,
}

/// What a relay proxy of one version does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tracing {
    /// Nothing is known of this version.
    Unknown,
    /// It has no tracing.
    Absent,
    /// Speaks OTLP/HTTP only, reads `openTelemetryOtlpEndpoint` only, and of that the host only.
    HostOfOldSetting,
    /// Its tracing is never started, whatever the settings say.
    NeverStarts,
    /// Speaks OTLP/HTTP only and reads `openTelemetryOtlpEndpoint` only.
    OldSetting,
    /// Reads `OTEL_*`, but starts only if `openTelemetryOtlpEndpoint` is set as well.
    GatedByOldSetting,
    /// Reads all settings. Like all before it, it ignores `traceparent`.
    IgnoresCallers,
    /// Reads all settings, and its spans belong to the traces of its callers.
    ContinuesCallers,
}

impl Tracing {
    /// Whether it can send traces at all; none if that is not known.
    pub fn sends(self) -> Option<bool> {
        match self {
            Tracing::Unknown => None,
            Tracing::Absent | Tracing::NeverStarts => Some(false),
            _ => Some(true),
        }
    }

    /// Whether its spans join the traces of its callers; none if that is not known, or if it sends none.
    pub fn continues_callers(self) -> Option<bool> {
        match self {
            Tracing::Unknown | Tracing::Absent | Tracing::NeverStarts => None,
            Tracing::ContinuesCallers => Some(true),
            _ => Some(false),
        }
    }

    /// Whether nothing but `openTelemetryOtlpEndpoint` starts it.
    pub fn needs_old_setting(self) -> bool {
        matches!(self, Tracing::HostOfOldSetting | Tracing::OldSetting | Tracing::GatedByOldSetting)
    }
}

/// What the table says of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// None if it is not the number of a version.
    pub version: Option<Version>,
    pub tracing: Tracing,
    /// What that means, one or two sentences that begin with "this version".
    pub means: &'static str,
    /// One thing to do; empty if nothing is to be done.
    pub fix: &'static str,
}

/// What is known of a version: `v1.40.0`, `1.40.0`, `v1.40`; anything else, as `latest` and `localdev`, is unknown.
///
/// ```
/// use burgee::doctor::versions::{Tracing, verdict};
///
/// assert_eq!(verdict("v1.40.0").tracing, Tracing::IgnoresCallers);
/// assert_eq!(verdict("localdev").tracing, Tracing::Unknown);
/// ```
pub fn verdict(version: &str) -> Verdict {
    let Some(version) = Version::parse(version) else {
        return Verdict { version: None, tracing: Tracing::Unknown, means: UNKNOWN, fix: "" };
    };
    let row =
        TABLE.iter().rev().find(|row| (row.from.0, row.from.1, Patch::Number(row.from.2)) <= version.key());
    let row = row.unwrap_or(&TABLE[0]);
    Verdict { version: Some(version), tracing: row.tracing, means: row.means, fix: row.fix }
}

impl Version {
    /// `v1.40.0` or `1.40.0`, or both without the last number; whatever follows on `-` or `+` is ignored.
    pub fn parse(text: &str) -> Option<Version> {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let numbers = &text[..text.find(['-', '+']).unwrap_or(text.len())];
        let mut numbers = numbers.split('.').map(|number| {
            let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
            number.parse::<u64>().ok().filter(|_| is_number)
        });
        let (major, minor) = (numbers.next()??, numbers.next()??);
        let patch = match numbers.next() {
            Some(number) => Patch::Number(number?),
            None => Patch::Newest,
        };
        numbers.next().is_none().then_some(Version { major, minor, patch })
    }

    fn key(self) -> (u64, u64, Patch) {
        (self.major, self.minor, self.patch)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.patch {
            Patch::Number(patch) => write!(out, "{}.{}.{patch}", self.major, self.minor),
            Patch::Newest => write!(out, "{}.{}", self.major, self.minor),
        }
    }
}

/// A range of versions: from this one to the one before the next row's.
struct Row {
    from: (u64, u64, u64),
    tracing: Tracing,
    means: &'static str,
    fix: &'static str,
}

/// Ascending. The numbers in brackets are GO Feature Flag's issues and pull requests.
const TABLE: [Row; 7] = [
    Row {
        from: (0, 0, 0),
        tracing: Tracing::Absent,
        means: "this version has no tracing: it came with v1.20.0",
        fix: UPGRADE,
    },
    Row {
        from: (1, 20, 0),
        tracing: Tracing::HostOfOldSetting,
        means: "this version speaks OTLP/HTTP only, reads openTelemetryOtlpEndpoint only and of that the host only, \
                ignores OTEL_* and traceparent",
        fix: UPGRADE,
    },
    Row {
        from: (1, 23, 0),
        tracing: Tracing::NeverStarts,
        means: "this version never starts its tracing, whatever the settings say: v1.23.0 lost the call (#1503) and \
                v1.36.0 restored it (#2482)",
        fix: UPGRADE,
    },
    Row {
        from: (1, 36, 0),
        tracing: Tracing::OldSetting,
        means: "this version speaks OTLP/HTTP only, reads openTelemetryOtlpEndpoint only, ignores OTEL_* and traceparent",
        fix: UPGRADE,
    },
    Row {
        from: (1, 37, 0),
        tracing: Tracing::GatedByOldSetting,
        means: "this version starts its tracing only if openTelemetryOtlpEndpoint is set (#2499), also where OTEL_* says \
                where to send, and ignores traceparent",
        fix: UPGRADE,
    },
    Row {
        from: (1, 38, 0),
        tracing: Tracing::IgnoresCallers,
        means: "this version ignores traceparent (#3042): its spans are traces of their own",
        fix: UPGRADE,
    },
    // Since v1.50.0 it can also send evaluations themselves, as `exporters: [{kind: opentelemetry}]` (#4549).
    Row {
        from: (1, 41, 2),
        tracing: Tracing::ContinuesCallers,
        means: "this version traces, and its spans join the traces of its callers (#3068)",
        fix: "",
    },
];

const UNKNOWN: &str = "this version is not known by its number";
const UPGRADE: &str = "Upgrade the relay proxy to v1.41.2 or newer.";

#[cfg(test)]
mod tests {
    use super::{TABLE, Tracing, Version, verdict};

    #[test]
    fn every_boundary_of_the_table_is_where_the_tags_say() {
        for (version, tracing) in [
            ("0.1.0", Tracing::Absent),
            ("1.0.0", Tracing::Absent),
            ("1.19.0", Tracing::Absent),
            ("1.19.99", Tracing::Absent),
            ("1.20.0", Tracing::HostOfOldSetting),
            ("1.22.0", Tracing::HostOfOldSetting),
            ("1.22.9", Tracing::HostOfOldSetting),
            ("1.23.0", Tracing::NeverStarts),
            ("1.31.1", Tracing::NeverStarts),
            ("1.35.0", Tracing::NeverStarts),
            ("1.35.9", Tracing::NeverStarts),
            ("1.36.0", Tracing::OldSetting),
            ("1.36.1", Tracing::OldSetting),
            ("1.37.0", Tracing::GatedByOldSetting),
            ("1.37.9", Tracing::GatedByOldSetting),
            ("1.38.0", Tracing::IgnoresCallers),
            ("1.40.0", Tracing::IgnoresCallers),
            ("1.41.0", Tracing::IgnoresCallers),
            ("1.41.1", Tracing::IgnoresCallers),
            ("1.41.2", Tracing::ContinuesCallers),
            ("1.42.0", Tracing::ContinuesCallers),
            ("1.49.0", Tracing::ContinuesCallers),
            ("1.50.0", Tracing::ContinuesCallers),
            ("1.55.2", Tracing::ContinuesCallers),
            ("2.0.0", Tracing::ContinuesCallers),
        ] {
            assert_eq!(verdict(version).tracing, tracing, "{version}");
            assert_eq!(verdict(&format!("v{version}")).tracing, tracing, "v{version}");
            assert_eq!(verdict(&format!(" {version}-amd64 ")).tracing, tracing, "{version}-amd64");
        }
    }

    #[test]
    fn a_tag_that_moves_is_the_newest_of_its_kind() {
        assert_eq!(verdict("v1.41").tracing, Tracing::ContinuesCallers);
        assert_eq!(verdict("v1.40").tracing, Tracing::IgnoresCallers);
        assert_eq!(verdict("v1.35").tracing, Tracing::NeverStarts);
    }

    #[test]
    fn what_is_no_version_is_unknown() {
        let huge = format!("1.{}.0", "9".repeat(40));
        for text in [
            "", "v", "localdev", "latest", "v1", "1", "1.", "1.+4.0", "1.40.0.1", "1.40.x", "trixie", "…",
            &huge,
        ] {
            let verdict = verdict(text);
            assert_eq!((verdict.tracing, verdict.version), (Tracing::Unknown, None), "{text}");
            assert_eq!((verdict.tracing.sends(), verdict.tracing.continues_callers()), (None, None));
        }
    }

    #[test]
    fn whoever_cannot_send_or_ignores_callers_is_told_to_upgrade() {
        for row in &TABLE {
            let is_sound = row.tracing.continues_callers() == Some(true);
            assert_eq!(row.fix.is_empty(), is_sound, "{:?}", row.from);
            assert!(row.means.starts_with("this version"), "{:?}", row.from);
        }
        assert!(TABLE.is_sorted_by_key(|row| row.from));
    }

    #[test]
    fn a_version_is_shown_without_its_v() {
        let shown = |text| Version::parse(text).map(|version| version.to_string());
        assert_eq!(shown("v1.40.0-rc.1").as_deref(), Some("1.40.0"));
        assert_eq!(shown("v1.40").as_deref(), Some("1.40"));
    }
}
