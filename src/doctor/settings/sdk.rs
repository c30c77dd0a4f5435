//! Variables of OpenTelemetry's SDKs that switch something off, whatever program reads them.

use super::{
    found::Findings,
    said::{Environment, Said, word},
};

/// How a sampler decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampling {
    Always,
    Never,
    /// A part of the traces, more than none and less than all.
    Part,
    /// As the caller did, or not known.
    Other,
}

/// Raises what switches an SDK off.
pub(super) fn check(who: &str, environment: &Environment, found: &mut Findings) {
    let disabled = environment.set("OTEL_SDK_DISABLED");
    if let Some(disabled) = disabled.filter(|said| said.known().eq_ignore_ascii_case("true")) {
        raise_off(who, disabled, &disabled.line_with("false"), found);
    }
    check_exporter_and_sampler(who, environment, found);
    if let Some(propagators) = foreign_propagators(environment) {
        let known = word(propagators.known());
        let reason = format!(
            "{}={known}: without tracecontext the relay proxy cannot go on with its traces",
            propagators.name
        );
        let others: Vec<&str> = list(propagators.known()).filter(|name| *name != "none").collect();
        let wanted = ["tracecontext", "baggage"]
            .into_iter()
            .chain(others.iter().copied().filter(|name| *name != "baggage"));
        let line = propagators.line_with(&word(&wanted.collect::<Vec<_>>().join(",")));
        found.raise("X03", who, propagators, &reason, format!("Let it send W3C as well:\n{line}"));
    }
}

/// Raises the exporters and samplers that let nothing out.
pub(super) fn check_exporter_and_sampler(who: &str, environment: &Environment, found: &mut Findings) {
    if let Some(exporter) = environment.set("OTEL_TRACES_EXPORTER") {
        let mut names = list(exporter.known()).peekable();
        if names.peek().is_some() && names.all(|name| SILENT_EXPORTERS.contains(&name)) {
            raise_off(who, exporter, &exporter.line_with("otlp"), found);
        }
    }
    if let Some(sampler) = environment.set(SAMPLER)
        && sampling_of(environment, sampler) == Sampling::Never
    {
        let argument = environment.set(SAMPLER_ARGUMENT).filter(|_| sampler.known() != "always_off");
        let with = argument.map_or(String::new(), |said| format!(" with {}", word(said.known())));
        let reason = format!("{SAMPLER}={}{with} lets no trace out", word(sampler.known()));
        raise_off_because(who, sampler, &sampler.line_with("parentbased_always_on"), &reason, found);
    }
}

/// Raises N07 for a setting, with the line that should stand in its place.
pub(super) fn raise_off(who: &str, said: &Said, line: &str, found: &mut Findings) {
    let reason = format!("{}={} lets no trace out", word(&said.name), word(said.known()));
    raise_off_because(who, said, line, &reason, found);
}

fn raise_off_because(who: &str, said: &Said, line: &str, reason: &str, found: &mut Findings) {
    found.raise("N07", who, said, reason, format!("Remove it, or write in its place:\n{line}"));
}

/// What a sampler does, with the argument that belongs to it.
pub(super) fn sampling_of(environment: &Environment, sampler: &Said) -> Sampling {
    match sampler.known() {
        "always_on" => Sampling::Always,
        "always_off" => Sampling::Never,
        name @ ("traceidratio" | "parentbased_traceidratio") => {
            let argument = environment.set(SAMPLER_ARGUMENT);
            // Without an argument it is all of them.
            let ratio = argument.map_or(Some(1.0), |said| said.text.as_deref()?.trim().parse::<f64>().ok());
            match (name, ratio) {
                (_, Some(ratio)) if ratio > 0.0 && ratio < 1.0 => Sampling::Part,
                ("traceidratio", Some(0.0)) => Sampling::Never,
                ("traceidratio", Some(1.0)) => Sampling::Always,
                _ => Sampling::Other,
            }
        }
        _ => Sampling::Other,
    }
}

/// Whether a program keeps only a part of its traces.
pub(super) fn keeps_a_part(environment: &Environment) -> bool {
    environment.set(SAMPLER).is_some_and(|sampler| sampling_of(environment, sampler) == Sampling::Part)
}

/// `OTEL_PROPAGATORS` if W3C is not in it.
pub(super) fn foreign_propagators(environment: &Environment) -> Option<&Said> {
    let propagators = environment.set("OTEL_PROPAGATORS").filter(|said| said.text.is_some())?;
    list(propagators.known()).all(|name| name != "tracecontext").then_some(propagators)
}

/// The value of a key of `OTEL_RESOURCE_ATTRIBUTES`: `k=v,k=v`.
pub(super) fn attribute<'a>(attributes: &'a str, key: &str) -> Option<&'a str> {
    let pairs = attributes.split(',').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim()).next_back()
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}

pub(super) const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
pub(super) const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// Of `OTEL_TRACES_EXPORTER`: they print, or do nothing.
const SILENT_EXPORTERS: [&str; 5] = ["none", "console", "logging", "logging-otlp", "stdout"];
