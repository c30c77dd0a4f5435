//! Metrics as Prometheus reads them: its text format 0.0.4, its names.

use prometheus::proto;
use prometheus::{TEXT_FORMAT, TextEncoder};

use super::metrics::Family;
use super::names::Kind;

/// The content type of [`text`].
pub const CONTENT_TYPE: &str = TEXT_FORMAT;

/// How names are made: the keys of the Collector's Prometheus reader.
///
/// Without any reader in its configuration, the Collector has all three; a reader that says nothing has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// No labels `otel_scope_name` and `otel_scope_version`.
    pub without_scope_info: bool,
    /// No `_seconds` and `_bytes`.
    pub without_units: bool,
    /// No `_total`.
    pub without_type_suffix: bool,
}

impl Naming {
    /// As the Collector has it without any reader in its configuration.
    pub const BARE: Naming =
        Naming { without_scope_info: true, without_units: true, without_type_suffix: true };
}

/// The page: every family, and `target_info` with the `resource`, some of whose attributes are labels everywhere.
pub fn text(
    families: &[Family],
    naming: Naming,
    resource: &[(String, String)],
    is_label: impl Fn(&str) -> bool,
) -> String {
    let mut everywhere = merged(resource.iter().filter(|(name, _)| is_label(name)));
    if !naming.without_scope_info {
        let scope = [("otel_scope_name", SCOPE_NAME), ("otel_scope_version", SCOPE_VERSION)];
        everywhere.retain(|label| scope.iter().all(|(name, _)| label.name() != *name));
        everywhere.extend(scope.map(|(name, value)| label(name, value)));
    }
    let mut shown = vec![target_info(resource)];
    shown.extend(families.iter().map(|family| exposed(family, naming, &everywhere)));
    TextEncoder::new().encode_to_string(&shown).expect("every family has a name and a series")
}

fn exposed(family: &Family, naming: Naming, everywhere: &[proto::LabelPair]) -> proto::MetricFamily {
    let (field_type, is_counter) = match family.kind {
        Kind::Counter => (proto::MetricType::COUNTER, true),
        Kind::Gauge => (proto::MetricType::GAUGE, false),
    };
    let metric = |series: &super::metrics::Series| {
        let mut labels: Vec<_> = series.labels.iter().map(|(name, value)| label(name, value)).collect();
        // a page on which a label occurs twice is refused whole
        let own = labels.len();
        for label in everywhere {
            if labels[..own].iter().all(|known| known.name() != label.name()) {
                labels.push(label.clone());
            }
        }
        let mut metric = proto::Metric::from_label(labels);
        let value = series.value.as_f64();
        if is_counter {
            let mut counter = proto::Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = proto::Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        metric
    };
    let mut shown = proto::MetricFamily::default();
    shown.set_name(name(family, naming));
    shown.set_help(family.help.to_owned());
    shown.set_field_type(field_type);
    shown.set_metric(family.series.iter().map(metric).collect());
    shown
}

/// As the Prometheus exporter of the OpenTelemetry SDKs makes it (compatibility specification, "Metric Metadata").
pub fn name(family: &Family, naming: Naming) -> String {
    let mut name = family.name.clone().into_owned();
    let unit = UNITS.iter().find(|(unit, _)| *unit == family.unit).filter(|_| !naming.without_units);
    if let Some((_, suffix)) = unit.filter(|(_, suffix)| !name.ends_with(suffix)) {
        name.push_str(suffix);
    }
    if family.kind == Kind::Counter && !naming.without_type_suffix {
        name.push_str("_total");
    }
    name
}

fn target_info(resource: &[(String, String)]) -> proto::MetricFamily {
    let mut gauge = proto::Gauge::default();
    gauge.set_value(1.0);
    let mut metric = proto::Metric::from_label(merged(resource));
    metric.set_gauge(gauge);
    let mut family = proto::MetricFamily::default();
    family.set_name("target_info".to_owned());
    family.set_help("What is measured here.".to_owned());
    family.set_field_type(proto::MetricType::GAUGE);
    family.set_metric(vec![metric]);
    family
}

/// Attributes as labels. Those whose names are one as labels are one label with all their values (compatibility
/// specification, "Metric Attributes").
fn merged<'a>(attributes: impl IntoIterator<Item = &'a (String, String)>) -> Vec<proto::LabelPair> {
    let mut labels: Vec<proto::LabelPair> = Vec::new();
    for (name, value) in attributes {
        let label = label(name, value);
        match labels.iter_mut().find(|known| known.name() == label.name()) {
            Some(known) => known.set_value(format!("{};{value}", known.value())),
            None => labels.push(label),
        }
    }
    labels
}

/// A label's name has letters, digits and underscores, and begins with no digit.
fn label(name: &str, value: &str) -> proto::LabelPair {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut allowed: String =
        name.chars().map(|letter| if is_allowed(letter) { letter } else { '_' }).collect();
    if allowed.starts_with(|first: char| first.is_ascii_digit()) {
        allowed.insert(0, '_');
    }
    let mut pair = proto::LabelPair::default();
    pair.set_name(allowed);
    pair.set_value(value.to_owned());
    pair
}

const UNITS: [(&str, &str); 2] = [("s", "_seconds"), ("By", "_bytes")];
/// Who measures.
pub const SCOPE_NAME: &str = "burgee";
pub const SCOPE_VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod tests;
