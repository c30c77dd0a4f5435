//! What files of others say that has no effect: every fixture of `tests/doctor/` which consists of files raises what
//! its `expect.txt` lists, and nothing else.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use burgee::doctor::{Raised, settings::Settings};

#[test]
fn every_fixture_raises_what_it_lists_and_nothing_else() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for folder in fixtures() {
        let name = folder.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8").to_owned();
        let expected = fs::read_to_string(folder.join("expect.txt")).expect("expect.txt");
        let mut expected: Vec<String> = expected.lines().map(str::to_owned).collect();
        expected.sort();
        let raised = settings_of(&folder).findings(SystemTime::UNIX_EPOCH);
        let mut found: Vec<String> = raised.iter().map(short).collect();
        found.sort();
        if found != expected {
            let evidence: Vec<&str> = raised.iter().map(|raised| raised.evidence.as_str()).collect();
            wrong.push(format!("{name}: expected {expected:?}, found {found:?}\n{}", evidence.join("\n")));
        }
        assert_eq!(name.starts_with("healthy-"), expected.is_empty(), "{name}");
        assert!(raised.iter().all(|raised| name.starts_with("healthy-") || raised.fix.is_some()), "{name}");
        seen += 1;
    }
    assert!(seen > 30, "only {seen} fixtures were found");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
}

#[test]
fn every_finding_that_files_can_show_has_a_fixture() {
    let names: Vec<String> = fixtures().iter().map(|folder| folder.display().to_string()).collect();
    for id in [
        "N01", "N03", "N04", "N05", "N06", "N07", "N08", "P03", "P05", "P06", "P07", "X01", "X03", "X05",
        "T03",
    ] {
        assert!(names.iter().any(|name| name.contains(&format!("/{id}-"))), "{id} has no fixture");
    }
}

#[test]
fn the_compose_example_of_this_repository_is_fine() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/compose");
    let mut settings = Settings::default();
    let text = fs::read_to_string(folder.join("compose.yaml")).expect("compose.yaml");
    let mut read = |path: &str| fs::read_to_string(folder.join(path));
    settings.add_compose("compose.yaml", &text, &mut read).expect("a compose file");
    assert_eq!(settings.findings(SystemTime::UNIX_EPOCH), []);
    let notes = settings.notes().join("\n");
    assert!(
        notes.contains("relay-proxy (v1.49.0) is a relay proxy") && notes.contains("burgee is a burgee"),
        "{notes}"
    );
}

/// `N04 goff-proxy.env:3`.
fn short(raised: &Raised) -> String {
    format!("{} {}", raised.id, raised.subject.split(' ').next().unwrap_or_default())
}

/// The files of a folder, given as a user gives them: what a compose file mounts is not given once more.
fn settings_of(folder: &Path) -> Settings {
    let mut settings = Settings::default();
    let text = |name: &str| fs::read_to_string(folder.join(name)).ok();
    if let Some(text) = text("env") {
        settings.add_env_file("env", &text).expect("an env file");
    }
    let mut read = |path: &str| -> io::Result<String> { fs::read_to_string(folder.join(path)) };
    let mut has_compose = false;
    for name in ["compose.yaml", "compose.override.yaml"] {
        if let Some(text) = text(name) {
            settings.add_compose(name, &text, &mut read).expect("a compose file");
            has_compose = true;
        }
    }
    for name in RELAY_CONFIGS.into_iter().filter(|_| !has_compose) {
        if let Some(text) = text(name) {
            settings.add_relay_config(name, &text).expect("a relay proxy's configuration");
        }
    }
    settings
}

/// Every folder of `tests/doctor/` that consists of such files.
fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doctor");
    let has_settings = |folder: &Path| {
        let files = ["env", "compose.yaml"].into_iter().chain(RELAY_CONFIGS);
        files.into_iter().any(|name| folder.join(name).is_file())
    };
    let entries = fs::read_dir(folder).expect("tests/doctor");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    folders.retain(|folder| has_settings(folder));
    folders.sort();
    folders
}

const RELAY_CONFIGS: [&str; 3] = ["goff-proxy.yaml", "goff-proxy.toml", "goff-proxy.json"];
