//! What an image's name tells: which program it is, and its version.

/// The parts of `registry:5000/owner/name:tag@digest` that count.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Image<'a> {
    /// The last part of the name.
    pub name: &'a str,
    /// None without a tag.
    pub tag: Option<&'a str>,
    whole: &'a str,
}

impl<'a> Image<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let text = text.trim();
        let whole = text.split_once('@').map_or(text, |(name, _)| name);
        let last = whole.rsplit_once('/').map_or(whole, |(_, last)| last);
        match last.split_once(':') {
            Some((name, tag)) => Image { name, tag: Some(tag), whole },
            None => Image { name: last, tag: None, whole },
        }
    }

    /// Whether its tags are versions of the relay proxy.
    pub(super) fn is_relay_release(&self) -> bool {
        RELAY_IMAGES.contains(&self.name)
    }

    /// Whether it is the relay proxy by its name, also as somebody's own image.
    pub(super) fn names_relay(&self) -> bool {
        let is_other = OTHER_TOOLS.iter().any(|tool| self.name.ends_with(tool));
        let begins = ["go-feature-flag", "goff-relay", "goff-proxy", "relay-proxy"];
        let is_named = self.name == "goff"
            || begins.iter().any(|start| self.name.starts_with(start))
            || self.name.ends_with("go-feature-flag");
        self.is_relay_release() || (is_named && !is_other)
    }

    pub(super) fn is_burgee(&self) -> bool {
        self.name == "burgee"
    }

    /// Whether it receives telemetry of others, so that `localhost` in it may be right.
    pub(super) fn is_collector(&self) -> bool {
        COLLECTORS.iter().any(|part| self.whole.contains(part))
    }
}

/// The names under which GO Feature Flag publishes it.
pub(super) const RELAY_IMAGES: [&str; 2] = ["go-feature-flag", "go-feature-flag-relay-proxy"];
/// Of the same project, and not the relay proxy.
const OTHER_TOOLS: [&str; 6] = ["-cli", "-lint", "-editor", "-migration", "-ui", "-demo"];
const COLLECTORS: [&str; 15] = [
    "opentelemetry-collector",
    "otel-collector",
    "otelcol",
    "otel-lgtm",
    "jaegertracing/",
    "jaeger",
    "grafana/tempo",
    "grafana/alloy",
    "grafana/agent",
    "datadog/agent",
    "aspire-dashboard",
    "signoz",
    "openobserve",
    "zipkin",
    "uptrace",
];

#[cfg(test)]
mod tests {
    use super::Image;

    #[test]
    fn name_and_tag_are_found_behind_registry_and_before_digest() {
        for (text, name, tag) in [
            ("gofeatureflag/go-feature-flag:v1.40.0", "go-feature-flag", Some("v1.40.0")),
            ("gofeatureflag/go-feature-flag", "go-feature-flag", None),
            ("registry:5000/a/go-feature-flag:v1.40.0@sha256:00", "go-feature-flag", Some("v1.40.0")),
            ("registry:5000/go-feature-flag", "go-feature-flag", None),
        ] {
            let image = Image::parse(text);
            assert_eq!((image.name, image.tag, image.is_relay_release()), (name, tag, true), "{text}");
        }
    }

    #[test]
    fn programs_are_told_apart() {
        assert!(!Image::parse("gofeatureflag/go-feature-flag-cli:v1.40.0").names_relay());
        assert!(Image::parse("shop/my-go-feature-flag:3").names_relay());
        assert!(!Image::parse("shop/my-go-feature-flag:3").is_relay_release());
        assert!(Image::parse("ghcr.io/somebody/burgee:1").is_burgee());
        assert!(Image::parse("otel/opentelemetry-collector-contrib:0.100.0").is_collector());
        assert!(!Image::parse("shop/checkout:1").is_collector());
    }
}
