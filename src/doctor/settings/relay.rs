//! What the settings of a relay proxy do, and what they do not.

use super::{
    endpoints::BASE_VARIABLE,
    found::Findings,
    image::Image,
    relay_config::RelayConfig,
    said::{Environment, Form, Said, Spot, word},
    sdk::{self, Sampling},
    service::Service,
    url::{Url, shown},
};
use crate::doctor::versions::{self, Tracing, Verdict};

/// A relay proxy as its settings describe it.
#[derive(Debug)]
pub(super) struct Relay<'a> {
    /// The service, or empty if it is not one of a compose file.
    pub who: &'a str,
    /// Where it is written that there is one.
    pub spot: Spot,
    pub environment: &'a Environment,
    pub config: Option<&'a RelayConfig>,
    /// None outside of a compose file.
    pub service: Option<&'a Service>,
    /// Whether there are settings that could not be seen.
    pub has_unseen: bool,
    /// Whether it may be another program: an env file alone does not say.
    pub is_guess: bool,
}

/// Where a relay proxy sends to, by which setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate<'a> {
    /// `otel.exporter.otlp.endpoint`, from the environment or the file.
    new: Option<&'a Said>,
    /// `openTelemetryOtlpEndpoint`.
    old: Option<&'a Said>,
}

impl<'a> Relay<'a> {
    /// A setting as the relay proxy sees it: from the environment, with its prefix, or from its file.
    fn setting(&self, path: &str) -> Option<&'a Said> {
        self.variable(path).or_else(|| self.config?.get(path))
    }

    /// The variable that stands for a key: `OTEL_SDK_DISABLED` for `otel.sdk.disabled`. An empty one counts, too.
    fn variable(&self, path: &str) -> Option<&'a Said> {
        let name = format!("{}{}", self.prefix(), path.to_ascii_uppercase().replace('.', "_"));
        self.environment.get_in_any_case(&name)
    }

    /// With a prefix, the relay proxy sees only the variables that begin with it.
    fn prefix(&self) -> &'a str {
        let flag = self.service.and_then(|service| service.flag("--envVariablePrefix"));
        let key = self.config.and_then(|config| config.get("envVariablePrefix"));
        flag.or(key.map(Said::known)).unwrap_or_default()
    }

    fn gate(&self) -> Gate<'a> {
        let set = |path| self.setting(path).filter(|said| said.is_set());
        Gate { new: set(ENDPOINT), old: set(OLD_ENDPOINT) }
    }

    /// The setting that says where its traces go: what endpoint rules have to look at.
    pub(super) fn destination(&self) -> Option<&'a Said> {
        let Gate { new, old } = self.gate();
        if self.version().is_some_and(|(_, verdict)| is_blind_to_otel(verdict.tracing)) {
            return old;
        }
        self.environment.set(sdk::TRACES_ENDPOINT).or(new).or(old)
    }

    /// A variable for its environment, in the form in which others stand there.
    fn line(&self, name: &str, value: &str) -> String {
        let own = self.environment.values().find(|said| said.spot.file == self.spot.file);
        let form = match (own, self.service) {
            (Some(said), _) => said.form,
            (None, Some(_)) => Form::Yaml,
            (None, None) => Form::Line,
        };
        form.line(name, value)
    }

    fn version(&self) -> Option<(&'a Said, Verdict)> {
        let image = self.service?.image.as_ref()?;
        let parsed = Image::parse(image.known());
        let tag = parsed.tag.filter(|_| parsed.is_relay_release())?;
        Some((image, versions::verdict(tag)))
    }

    /// What to call it in notes: `relay-proxy (v1.40.0)`.
    pub(super) fn describe(&self) -> String {
        match self.version() {
            Some((_, Verdict { version: Some(version), .. })) => {
                format!("{} (v{version})", word(self.who))
            }
            _ => word(self.who),
        }
    }

    /// Raises what is wrong with it; `burgee` is where it should send, `sampled` whether its callers keep only a part
    /// of their traces. What could not be decided is left as a note.
    pub(super) fn check(&self, burgee: &str, sampled: bool, found: &mut Findings, notes: &mut Vec<String>) {
        self.check_version(found);
        self.check_gate(burgee, found, notes);
        self.check_ineffective(found, notes);
        self.check_service_name(found);
        sdk::check_exporter_and_sampler(self.who, self.environment, found);
        if let Some(disabled) = self.setting("otel.sdk.disabled").filter(|said| is_true(said.known())) {
            sdk::raise_off(self.who, disabled, &disabled.line_with("false"), found);
        }
        if let Some(propagators) = sdk::foreign_propagators(self.environment) {
            let reason = format!(
                "{}={}: the relay proxy ignores it and reads W3C traceparent only",
                propagators.name,
                word(propagators.known())
            );
            let line = Form::Line.line(propagators.name.as_str(), "tracecontext,baggage");
            let fix = format!("Remove it here, and let the callers send W3C as well:\n{line}");
            found.raise("X03", self.who, propagators, &reason, fix);
        }
        if sampled && self.samples_always() {
            self.raise_sampler(found);
        }
    }

    fn check_version(&self, found: &mut Findings) {
        let Some((image, verdict)) = self.version() else { return };
        let Some(version) = verdict.version else { return };
        let newer = format!("{}:{NEWEST_CHECKED}", word(repository(image)));
        // A digest belongs to one version, and nobody here knows the newer one's.
        let upgrade = match image.known().contains('@') {
            true => verdict.fix.to_owned(),
            false => format!("Upgrade the relay proxy:\n{}", image.line_with(&newer)),
        };
        let is_started = !verdict.tracing.needs_old_setting() || self.gate().old.is_some() || self.has_unseen;
        if verdict.tracing.sends() == Some(false) {
            let reason = format!("v{version}: {}", verdict.means);
            found.raise("N03", self.who, image, &reason, upgrade);
        } else if !is_started {
            let reason =
                format!("v{version}: {}; {OLD_ENDPOINT} is not set, so it sends nothing", verdict.means);
            found.raise("N03", self.who, image, &reason, upgrade);
        } else if verdict.tracing.continues_callers() == Some(false) {
            let reason = format!("v{version}: {}", verdict.means);
            found.raise("X01", self.who, image, &reason, upgrade);
        }
    }

    /// Tracing is off unless one of two settings is there.
    fn check_gate(&self, burgee: &str, found: &mut Findings, notes: &mut Vec<String>) {
        let Gate { new, old } = self.gate();
        let is_off = self.setting("otel.sdk.disabled").is_some_and(|said| is_true(said.known()));
        if new.is_some() || old.is_some() {
            return;
        }
        let prefix = self.prefix();
        let hidden = [BASE_VARIABLE, "OPENTELEMETRYOTLPENDPOINT"].map(|name| self.environment.set(name));
        if let Some(said) = hidden.into_iter().flatten().next().filter(|_| !prefix.is_empty()) {
            let prefix = word(prefix);
            let name = format!("{prefix}{}", said.name);
            let reason = format!(
                "{} is not seen, since envVariablePrefix is {prefix}: only variables that begin with it \
                 are, so tracing stays off",
                said.name
            );
            let fix = format!("Write the prefix before it:\n{}", said.form.line(&name, &shown(said.known())));
            found.raise("N04", self.who, said, &reason, fix);
        } else if let Some(traces) = self.environment.set(sdk::TRACES_ENDPOINT) {
            let url = Url::parse(traces.known()).ok();
            let url = url.filter(|url| self.service.is_none() || !url.is_loopback());
            let base = url.map_or_else(|| burgee.to_owned(), |url| url.base_at(url.host));
            let reason = format!(
                "{} alone does not start tracing in the relay proxy{}",
                traces.name,
                if self.is_guess { ", if this is its environment" } else { "" }
            );
            let name = format!("{}{BASE_VARIABLE}", word(prefix));
            let fix = format!("Write this in its place:\n{}", traces.form.line(&name, &base));
            found.raise("N04", self.who, traces, &reason, fix);
        } else if self.has_unseen && !is_off {
            let at = &self.spot;
            notes.push(format!(
                "{at}: {}: no endpoint was seen, and not all of its settings were",
                word(self.who)
            ));
        } else if !is_off && !self.is_guess {
            let condition = match self.service.is_none() && self.environment.is_empty() {
                true => " unless its environment has OTEL_EXPORTER_OTLP_ENDPOINT",
                false => "",
            };
            let reason = format!("no endpoint is set for the relay proxy, so its tracing is off{condition}");
            let line = self.line(&format!("{}{BASE_VARIABLE}", word(prefix)), burgee);
            let fix = format!("Give it burgee's address in its environment:\n{line}");
            found.raise_at("N01", self.who, &self.spot, "", &reason, fix);
        }
    }

    /// Settings that another one, or the relay proxy itself, makes useless.
    fn check_ineffective(&self, found: &mut Findings, notes: &mut Vec<String>) {
        self.check_two_endpoints(found);
        if let Some(protocol) = self.file_or_prefixed("otel.exporter.otlp.protocol") {
            let spoken = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
            let spoken = spoken.iter().find_map(|name| self.environment.set(name));
            let is_spoken = match spoken {
                Some(spoken) => spoken.text.is_none() || spoken.known() == protocol.known(),
                None => protocol.known() == "http/protobuf",
            };
            if !is_spoken {
                let is = spoken.map_or("http/protobuf", Said::known);
                let reason = format!(
                    "{} {} has no effect: the relay proxy never reads it, and speaks {}",
                    word(&protocol.name),
                    word(protocol.known()),
                    word(is)
                );
                let line = self.line("OTEL_EXPORTER_OTLP_PROTOCOL", &word(protocol.known()));
                let fix = format!("Set it in its environment, or remove it:\n{line}");
                found.raise("N06", self.who, protocol, &reason, fix);
            }
        }
        let sampler =
            self.config.and_then(|config| config.get("otel.traces.sampler")).filter(|said| said.is_set());
        if let Some(sampler) = sampler.filter(|said| said.known() != "jaeger_remote")
            && self.environment.set(sdk::SAMPLER).is_none()
        {
            notes.push(format!(
                "{}: otel.traces.sampler: whatever it says, the relay proxy samples as parentbased_always_on; only \
                 OTEL_TRACES_SAMPLER in its environment chooses another",
                sampler.spot
            ));
        }
    }

    fn check_two_endpoints(&self, found: &mut Findings) {
        if self.version().is_some_and(|(_, verdict)| verdict.tracing.needs_old_setting()) {
            return;
        }
        if let Gate { new: Some(new), old: Some(old) } = self.gate() {
            let reason = format!(
                "{} has no effect: {} at {} wins over it",
                word(&old.name),
                word(&new.name),
                new.spot
            );
            let line = old.line_with(&shown(old.known()));
            found.raise("N05", self.who, old, &reason, format!("Remove this line:\n{line}"));
        }
        for path in [ENDPOINT, OLD_ENDPOINT] {
            let (variable, key) = (self.variable(path), self.config.and_then(|config| config.get(path)));
            let (Some(variable), Some(key)) = (variable, key) else { continue };
            if variable.text.is_some() && key.is_set() && variable.known() != key.known() {
                let reason = format!(
                    "{} has no effect: {} at {} wins over the file",
                    word(&key.name),
                    word(&variable.name),
                    variable.spot
                );
                let line = key.line_with(&shown(key.known()));
                found.raise("N05", self.who, key, &reason, format!("Remove this line:\n{line}"));
            }
        }
    }

    /// A key of the file, or the variable with the prefix: what the relay proxy reads, and SDKs do not.
    fn file_or_prefixed(&self, path: &str) -> Option<&'a Said> {
        let prefixed = if self.prefix().is_empty() { None } else { self.variable(path) };
        prefixed.or_else(|| self.config?.get(path)).filter(|said| said.is_set())
    }

    /// `service.name` among the resource's attributes is overwritten.
    fn check_service_name(&self, found: &mut Findings) {
        let name = self.setting("otel.service.name").filter(|said| said.is_set());
        if name.is_some_and(|name| name.text.is_none()) {
            return;
        }
        let name = name.map_or("go-feature-flag", Said::known);
        let key = self.config.and_then(|config| config.get("otel.resource.attributes.service.name"));
        let listed = self.environment.set("OTEL_RESOURCE_ATTRIBUTES");
        let in_list =
            listed.and_then(|listed| Some((listed, sdk::attribute(listed.known(), "service.name")?)));
        let in_file = key.map(|key| (key, key.known()));
        for (said, wanted) in [in_file, in_list].into_iter().flatten() {
            if !wanted.is_empty() && wanted != name {
                let reason = format!("service.name {} is overwritten by {}", word(wanted), word(name));
                let line = self.line(&format!("{}OTEL_SERVICE_NAME", word(self.prefix())), &word(wanted));
                found.raise("T03", self.who, said, &reason, format!("Name it in its environment:\n{line}"));
            }
        }
    }

    fn samples_always(&self) -> bool {
        let sampler = self.setting("otel.traces.sampler").filter(|said| said.is_set());
        let is_known =
            self.version().is_none_or(|(_, verdict)| verdict.tracing.continues_callers() != Some(false));
        let is_tracing = self.destination().is_some() && is_known;
        is_tracing && sampler.is_none_or(|said| sdk::sampling_of(self.environment, said) == Sampling::Always)
    }

    fn raise_sampler(&self, found: &mut Findings) {
        let reason = "the relay proxy samples every request, and its callers only a part";
        let line = self.line(sdk::SAMPLER, "parentbased_always_on");
        let fix = format!("Let it follow its callers:\n{line}");
        match self.environment.set(sdk::SAMPLER) {
            Some(sampler) => found.raise("X05", self.who, sampler, reason, fix),
            None => found.raise_at("X05", self.who, &self.spot, sdk::SAMPLER, reason, fix),
        }
    }
}

/// The name of an image without its tag.
fn repository(image: &Said) -> &str {
    let text = image.known();
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => text,
    }
}

/// Whether a version reads nothing that begins with `OTEL_`.
fn is_blind_to_otel(tracing: Tracing) -> bool {
    matches!(tracing, Tracing::HostOfOldSetting | Tracing::OldSetting)
}

/// As Go reads a bool.
fn is_true(text: &str) -> bool {
    ["1", "t", "true"].contains(&text.to_ascii_lowercase().as_str())
}

const ENDPOINT: &str = "otel.exporter.otlp.endpoint";
const OLD_ENDPOINT: &str = "openTelemetryOtlpEndpoint";
/// A version with which all of this works.
const NEWEST_CHECKED: &str = "v1.49.0";
