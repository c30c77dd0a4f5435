use std::{collections::BTreeMap, io, time::SystemTime};

use proptest::prelude::*;

use super::Settings;
use crate::config::SOURCE_BYTES_MAX;
use crate::doctor::{EVIDENCE_CHARS_MAX, Raised, catalogue};

/// A folder with files in it.
struct Files(BTreeMap<&'static str, &'static str>);

impl Files {
    fn settings(&self, compose: &str) -> Settings {
        let mut settings = Settings::default();
        settings.add_compose("compose.yaml", compose, &mut |path| self.read(path)).expect("a compose file");
        settings
    }

    fn read(&self, path: &str) -> io::Result<String> {
        let found = self.0.get(path.trim_start_matches("./")).map(|text| (*text).to_owned());
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn raised(settings: &Settings) -> Vec<Raised> {
    settings.findings(SystemTime::UNIX_EPOCH)
}

/// `N04 goff.env:3`, one after the other.
fn short(settings: &Settings) -> Vec<String> {
    let place = |raised: &Raised| raised.subject.split(' ').next().unwrap_or_default().to_owned();
    raised(settings).iter().map(|raised| format!("{} {}", raised.id, place(raised))).collect()
}

#[test]
fn a_finding_says_where_what_and_what_to_paste() {
    let files = Files(BTreeMap::new());
    let settings = files.settings(
        "services:\n  flags:\n    image: gofeatureflag/go-feature-flag:v1.50.0\n    environment:\n      \
         - OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317\n  burgee:\n    image: burgee\n",
    );
    let raised = raised(&settings);
    let [raised] = raised.as_slice() else { panic!("{raised:?}") };
    assert_eq!((raised.id, raised.count), ("N01", 1));
    assert_eq!(raised.subject, "compose.yaml:5 OTEL_EXPORTER_OTLP_ENDPOINT");
    assert_eq!(
        raised.evidence,
        "compose.yaml:5: flags: OTEL_EXPORTER_OTLP_ENDPOINT http://localhost:4317: in a container localhost is the \
         container itself"
    );
    let fix = raised.fix.as_deref().map(catalogue::parts);
    assert_eq!(
        fix,
        Some((
            "Write burgee's name, as this container sees it:",
            Some("- OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4317")
        ))
    );
}

#[test]
fn dot_env_beside_the_compose_file_gives_variables_unless_an_env_file_was_named() {
    let compose = "services:\n  flags:\n    image: go-feature-flag:${GOFF}\n    environment: {OTEL_EXPORTER_OTLP_ENDPOINT: \"http://burgee:4318\"}\n  burgee: {image: burgee}\n";
    let files = Files(BTreeMap::from([(".env", "GOFF=v1.40.0\n")]));
    assert_eq!(short(&files.settings(compose)), ["X01 compose.yaml:3"]);

    let mut settings = Settings::default();
    settings.add_env_file("other.env", "GOFF=v1.50.0\n").expect("an env file");
    settings.add_compose("compose.yaml", compose, &mut |path| files.read(path)).expect("a compose file");
    assert_eq!(short(&settings), [""; 0]);
}

#[test]
fn env_files_are_found_from_the_folder_of_the_compose_file_and_named_with_it() {
    let mut settings = Settings::default();
    let compose = "services:\n  flags:\n    image: go-feature-flag:v1.50.0\n    env_file: ../goff.env\n";
    let mut asked = Vec::new();
    let mut read = |path: &str| {
        asked.push(path.to_owned());
        match path {
            "../goff.env" => {
                Ok("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://h.example:4318/v1/traces".to_owned())
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    };
    settings.add_compose("deploy/dev/compose.yaml", compose, &mut read).expect("a compose file");
    assert_eq!(asked, [".env", "../goff.env"]);
    assert_eq!(short(&settings), ["N04 deploy/goff.env:1"]);
}

#[test]
fn what_environment_says_wins_over_env_files_and_a_later_env_file_over_an_earlier() {
    let files = Files(BTreeMap::from([
        ("one.env", "OTEL_SDK_DISABLED=true\nOTEL_TRACES_EXPORTER=none\n"),
        ("two.env", "OTEL_TRACES_EXPORTER=otlp\n"),
    ]));
    let settings = files.settings(
        "services:\n  shop:\n    image: shop\n    env_file: [one.env, {path: two.env}, {path: no.env, required: false}]\n    \
         environment:\n      OTEL_SDK_DISABLED: \"false\"\n",
    );
    assert_eq!(short(&settings), [""; 0]);
    assert_eq!(settings.notes(), ["other services, whose OTEL_ variables were looked at: 1"]);
}

#[test]
fn an_env_file_that_no_compose_file_uses_is_the_environment_of_a_process() {
    let mut settings = Settings::default();
    settings
        .add_env_file("goff.env", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://b:4318/v1/traces")
        .expect("an env file");
    let compose = "services: {shop: {image: shop}}";
    let nothing = &mut |_: &str| Err(io::ErrorKind::NotFound.into());
    settings.add_compose("compose.yaml", compose, nothing).expect("a compose file");
    assert_eq!(short(&settings), ["N04 goff.env:1"]);
}

#[test]
fn a_given_relay_configuration_belongs_to_the_relay_proxy_of_the_compose_file() {
    let files = Files(BTreeMap::new());
    let mut settings = files.settings(
        "services:\n  flags:\n    image: go-feature-flag:v1.50.0\n    volumes: [\"./conf:/goff\"]\n  burgee: {image: burgee}\n",
    );
    assert_eq!(short(&settings), ["N01 compose.yaml:2"]);
    settings
        .add_relay_config("conf/goff-proxy.yaml", "openTelemetryOtlpEndpoint: http://localhost:4318")
        .expect("YAML");
    assert_eq!(short(&settings), ["N01 conf/goff-proxy.yaml:1"]);
}

#[test]
fn without_a_burgee_in_the_files_it_is_looked_for_on_this_machine() {
    let files = Files(BTreeMap::new());
    let settings = files.settings("services: {shop: {image: shop, environment: [\"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318\"]}}");
    let fix = raised(&settings).remove(0).fix.expect("a fix");
    assert!(fix.ends_with("- OTEL_EXPORTER_OTLP_ENDPOINT=http://host.docker.internal:4318"), "{fix}");
}

#[test]
fn an_image_is_known_by_its_name_if_its_tag_is_not_and_a_digest_is_not_made_up() {
    let files = Files(BTreeMap::new());
    let settings = files.settings(
        "services: {a: {image: \"gofeatureflag/go-feature-flag:${GOFF}\"}, b: {image: \"${ALL}\"}}",
    );
    assert_eq!(short(&settings), ["N01 compose.yaml:1"]);

    let image = "gofeatureflag/go-feature-flag:v1.40.0@sha256:00";
    let settings = files.settings(&format!(
        "services: {{a: {{image: \"{image}\", environment: [\"OTEL_EXPORTER_OTLP_ENDPOINT=http://b.example:4318\"]}}}}"
    ));
    let fix = raised(&settings).remove(0).fix;
    assert_eq!(fix.as_deref(), Some("Upgrade the relay proxy to v1.41.2 or newer."));
}

#[test]
fn secrets_are_in_no_finding_and_no_note() {
    let files =
        Files(BTreeMap::from([("goff.env", "AUTHORIZEDKEYS_EVALUATION=s3cret\nNOT A LINE s3cret\n")]));
    let settings = files.settings(
        "services:\n  flags:\n    image: gofeatureflag/go-feature-flag:v1.40.0\n    env_file: goff.env\n    \
         environment:\n      OTEL_EXPORTER_OTLP_HEADERS: api-key=s3cret\n      \
         OTEL_EXPORTER_OTLP_ENDPOINT: https://user:s3cret@localhost:4318/s3cret/v1/traces?key=s3cret\n      \
         OTEL_RESOURCE_ATTRIBUTES: token=s3cret,service.name=flags\n  shop:\n    image: shop\n    environment:\n      \
         OTEL_EXPORTER_OTLP_ENDPOINT: user:s3cret@burgee:4317\n",
    );
    let raised = raised(&settings);
    let ids: Vec<_> = raised.iter().map(|raised| raised.id).collect();
    assert_eq!(ids, ["X01", "N01", "P05", "T03", "P06"]);
    assert!(
        !format!("{raised:?} {:?}", settings.notes()).contains("s3cret"),
        "{raised:#?} {:#?}",
        settings.notes()
    );
}

#[test]
fn hostile_names_are_escaped_and_cut() {
    let files = Files(BTreeMap::new());
    let long = "x".repeat(1_000);
    let settings = files.settings(&format!(
        "services:\n  \"\\e[31m{long}\":\n    image: shop\n    environment:\n      OTEL_EXPORTER_OTLP_ENDPOINT: \"http://\\e]0;{long}\"\n"
    ));
    let raised = raised(&settings);
    assert_eq!(raised.len(), 1);
    for text in [&raised[0].evidence, &raised[0].subject, raised[0].fix.as_ref().expect("a fix")] {
        assert!(!text.contains('\u{1b}') && text.chars().count() <= EVIDENCE_CHARS_MAX, "{text}");
    }
}

#[test]
fn files_that_are_something_else_are_refused_with_their_place() {
    let nothing = &mut |_: &str| Err(io::ErrorKind::NotFound.into());
    for (text, message) in [
        ("services: [", "c.yaml:"),
        ("just text", "c.yaml:1:1: error: expected a map"),
        ("apiVersion: v1\nkind: Pod\n", "c.yaml:1:1: error: c.yaml has no services"),
        ("services: [a, b]", "c.yaml:1:11: error: services: expected a map, found a list"),
        ("services: {a: text}", "c.yaml:1:15: error: services.a: expected a map"),
        ("\u{0}\u{1}\u{2}", "c.yaml:1:"),
        ("", "c.yaml:1:1: error: c.yaml has no services"),
    ] {
        let problem = Settings::default().add_compose("c.yaml", text, nothing).expect_err(text);
        assert!(problem.to_string().starts_with(message), "{text:?}: {problem}");
    }
    let huge = "#".repeat(SOURCE_BYTES_MAX + 1);
    let problem = Settings::default().add_compose("c.yaml", &huge, nothing).expect_err("too long");
    assert_eq!(problem.to_string(), "error: c.yaml is larger than 4 MiB; is it a configuration?");
    assert!(Settings::default().add_env_file("e", &huge).is_err());
    assert!(Settings::default().add_relay_config("r", &huge).is_err());
}

#[test]
fn parts_of_compose_files_that_say_nothing_here_do_no_harm() {
    let files = Files(BTreeMap::new());
    let settings = files.settings(
        "name: shop\nversion: \"3.8\"\nx-anything: &a {b: c}\ninclude: [other.yaml]\nservices:\n  one:\n    image: shop\n    \
         ports: !override [\"80:80\"]\n    environment: !reset {}\n    profiles: [debug]\n    extends: {file: base.yaml, service: base}\n    \
         deploy: {resources: {limits: {cpus: \"0.5\"}}}\n  two: {}\n  three:\nvolumes: {data: }\n",
    );
    assert_eq!(short(&settings), [""; 0]);
    let notes = settings.notes().join("\n");
    assert!(notes.contains("compose.yaml:11: one: `extends` is not followed"), "{notes}");
    assert!(notes.contains("compose.yaml: `include` is not followed"), "{notes}");
}

#[test]
fn every_id_that_is_raised_is_in_the_catalogue() {
    let ids = [
        "N01", "N03", "N04", "N05", "N06", "N07", "N08", "P03", "P05", "P06", "P07", "X01", "X03", "X05",
        "T03",
    ];
    assert!(ids.into_iter().all(|id| catalogue::entry(id).is_some()));
}

proptest! {
    #[test]
    fn nothing_that_is_read_makes_it_panic(
        pieces in proptest::collection::vec(prop_oneof![
            Just("services:\n"), Just("  flags:\n"), Just("    image: go-feature-flag:v1.40.0\n"),
            Just("    environment:\n"), Just("      OTEL_EXPORTER_OTLP_ENDPOINT: "), Just("      - OTEL_TRACES_SAMPLER="),
            Just("http://"), Just("${"), Just(":-"), Just("}"), Just("$"), Just("\n"), Just("    env_file: e\n"),
            Just("    volumes: [\"./:/goff\"]\n"), Just("    command: --config=/x\n"), Just("'"), Just("\""), Just("é"),
            Just("["), Just("::1]"), Just("@"), Just("/v1"), Just("=" ), Just("\\"), Just("#"), Just("a.b"),
        ], 0..40),
        loose in "\\PC{0,60}",
    ) {
        let text = pieces.concat() + &loose;
        let mut read = |_: &str| Ok(text.clone());
        let mut settings = Settings::default();
        // Most of it cannot be read, and that is fine.
        settings.add_env_file("e", &text).ok();
        for name in ["r.yaml", "r.toml", "r.json"] {
            settings.add_relay_config(name, &text).ok();
        }
        settings.add_compose("c.yaml", &text, &mut read).ok();
        prop_assert!(settings.findings(SystemTime::UNIX_EPOCH).iter().all(|raised| !raised.evidence.contains('\n')));
        prop_assert!(settings.notes().iter().all(|note| !note.contains('\n')));
    }
}
