//! Configurations as people have them, from the pages that they read: what becomes of each with burgee.
//!
//! Beside every `tests/collector_configs/NAME.yaml` stands `NAME.txt` with the outcome: the ways of its pipelines and
//! its warnings, or every error. `UPDATE_GOLDEN=1 cargo test --test collector_configs` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use burgee::config::{Report, Source};
use burgee::registry::Plan;

#[test]
fn configurations_of_the_collectors_documentation_load_or_say_precisely_why_not() {
    let files = files();
    assert!(files.len() >= 30, "{}", files.len());
    let mut different = Vec::new();
    for file in files {
        let outcome = outcome(&file);
        let expected = file.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&expected, outcome).expect("a folder of ours");
        } else if fs::read_to_string(&expected).unwrap_or_default() != outcome {
            different.push(format!("{}:\n{outcome}", file.display()));
        }
    }
    assert!(different.is_empty(), "other outcomes than expected:\n{}", different.join("\n"));
}

#[test]
fn every_error_names_its_line() {
    for file in files() {
        let outcome = outcome(&file);
        let name = file.file_name().expect("a file").to_string_lossy().into_owned();
        let errors: Vec<&str> = outcome.lines().filter(|line| line.contains("error: ")).collect();
        assert_eq!(errors.is_empty(), outcome.starts_with("loads\n"), "{outcome}");
        for error in errors {
            let place = error.strip_prefix(&format!("{name}:")).and_then(|rest| rest.split_once(": "));
            let (line, column) = place.and_then(|(place, _)| place.split_once(':')).unwrap_or_default();
            assert!(line.parse::<u32>().is_ok() && column.parse::<u32>().is_ok(), "{error}");
        }
    }
}

/// What burgee makes of a file, a line for each pipeline or problem.
fn outcome(file: &Path) -> String {
    let name = file.file_name().expect("a file").to_string_lossy().into_owned();
    let text = fs::read_to_string(file).expect("a file");
    let lines =
        |report: &Report| report.problems().iter().map(|problem| format!("{problem}\n")).collect::<String>();
    let outcome = match Plan::read(&[Source::new(name, text)], &variable) {
        Ok(plan) => {
            let way =
                |pipeline: &burgee::registry::Pipeline| format!("  {}: {}\n", pipeline.id, pipeline.way());
            let ways: String = plan.pipelines.iter().map(way).collect();
            format!("loads\n{ways}{}", lines(&plan.warnings))
        }
        Err(report) => format!("refused\n{}", lines(&report)),
    };
    // Where this is built is nobody's business.
    outcome.replace(env!("CARGO_MANIFEST_DIR"), "/burgee")
}

/// The variables that the pages tell their readers to set.
fn variable(name: &str) -> Option<String> {
    let value = match name {
        "MY_POD_IP" => "10.0.0.7",
        "INGEST_TOKEN" => "0123456789abcdef",
        "BASIC_AUTH_USERNAME" => "shop",
        "BASIC_AUTH_PASSWORD" => "hunter2hunter2",
        "OTEL_COLLECTOR_HOST" => "0.0.0.0",
        "OTEL_COLLECTOR_PORT_GRPC" => "4317",
        "OTEL_COLLECTOR_PORT_HTTP" => "4318",
        "FRONTEND_PROXY_ADDR" => "frontend-proxy:8080",
        "POSTGRES_PASSWORD" => "otel",
        _ => return None,
    };
    Some(value.to_owned())
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/collector_configs");
    let entries = fs::read_dir(&folder).expect("the folder is part of the project");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    files.sort();
    files
}
