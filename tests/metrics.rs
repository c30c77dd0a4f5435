//! The page of burgee's own metrics, against the list of their names.

use std::fs;
use std::path::Path;

use burgee::observe::exposition::{Naming, name};
use burgee::observe::metrics::Family;
use burgee::observe::names::{ALL, ITEMS, Kind, Metric};

#[test]
fn the_page_has_a_line_for_every_metric() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let page = fs::read_to_string(&path).expect("docs/metrics.md");
    let (before, rest) = page.split_once(BEGIN).expect("the mark before the table");
    let (_, after) = rest.split_once(END).expect("the mark after it");
    let written = format!("{before}{BEGIN}\n\n{}\n{END}{after}", table());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, written).expect("a page of ours");
    } else {
        assert!(
            page == written,
            "docs/metrics.md is not up to date: UPDATE_GOLDEN=1 cargo test --test metrics"
        );
    }
}

#[test]
fn names_are_those_of_a_metric_and_listed_once() {
    for (at, metric) in ALL.iter().enumerate() {
        assert!(ALL[..at].iter().all(|other| other.name != metric.name), "{} is listed twice", metric.name);
        let is_allowed = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        assert!(metric.name.replace("{items}", "spans").chars().all(is_allowed), "{}", metric.name);
        assert!(metric.help.ends_with('.'), "{}", metric.name);
        assert!(metric.name.starts_with("otelcol_") || metric.name.starts_with("burgee_"), "{}", metric.name);
    }
}

fn table() -> String {
    let plurals = ITEMS.map(|(_, plural, _)| format!("`{plural}`")).join(", ");
    let mut table = format!(
        "`{{items}}` is one of {plurals}.\n\n| metric | with all suffixes adds | kind | labels | level | meaning |\n| --- | --- | --- | --- | --- | --- |\n"
    );
    for metric in ALL {
        let suffixed = suffixed(&metric);
        let suffix = &suffixed[metric.name.len()..];
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let suffix = if suffix.is_empty() { String::new() } else { format!("`{suffix}`") };
        let (name, help, level) = (metric.name, metric.help, metric.level.name());
        let labels = labels.join(", ");
        table.push_str(&format!("| `{name}` | {suffix} | {kind} | {labels} | {level} | {help} |\n"));
    }
    table
}

fn suffixed(metric: &Metric) -> String {
    let Metric { name: bare, help, kind, unit, .. } = *metric;
    name(&Family { name: bare.into(), help, kind, unit, series: Vec::new() }, Naming::default())
}

const BEGIN: &str = "<!-- metrics: written by `UPDATE_GOLDEN=1 cargo test --test metrics` -->";
const END: &str = "<!-- end -->";
