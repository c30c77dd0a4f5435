//! Facts about the way from text to settings; one snapshot per mistake is in `tests/mistakes.rs`.

mod expansion;
mod mistakes;
mod random;
mod sources;

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;
use serde_yaml::Value;

use super::{Kind, Loaded, Node, Problem, Report, Source, decode, load, parse_ids, unknown_keys};
use crate::values::{Block, ByteSize, Duration, Extra, Headers, ListenEndpoint, Secret};

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Receiver {
    protocols: Protocols,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Protocols {
    grpc: Block<Server>,
    http: Block<Server>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(default)]
struct Server {
    endpoint: ListenEndpoint,
    cors: Extra<Cors>,
    max_body: ByteSize,
    timeout: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            endpoint: ListenEndpoint::new("localhost", 4317),
            cors: Extra::OFF,
            max_body: ByteSize::mib(4),
            timeout: Duration::from_secs(5),
        }
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Cors {
    allowed_origins: Vec<String>,
    max_age: u32,
}

#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Exporter {
    endpoint: String,
    #[serde(default)]
    headers: Headers,
    #[serde(default)]
    api_key: Option<Secret>,
    #[serde(default, alias = "mode")]
    project: Project,
    #[serde(default = "on")]
    insecure: bool,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Project {
    #[default]
    Request,
    Off,
}

fn on() -> bool {
    true
}

pub(super) fn read(text: &str) -> Result<Loaded, Report> {
    read_with(text, &[])
}

pub(super) fn read_with(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, Report> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    load(&[Source::new("collector.yaml", text)], &|name| variables.get(name).map(|value| (*value).to_owned()))
}

pub(super) fn root(text: &str) -> Node {
    read(text).unwrap_or_else(|report| panic!("{report}")).root
}

fn decoded<T: serde::de::DeserializeOwned>(text: &str) -> T {
    decode(&root(text)).unwrap_or_else(|problems| panic!("{}", Report::new(problems)))
}

fn messages<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> Vec<String> {
    let problems = decode::<T>(&root(text)).expect_err("the text is wrong");
    problems.iter().map(Problem::to_string).collect()
}

#[test]
fn every_key_and_value_knows_its_place() {
    let root = root("receivers:\n  otlp:\n    list: [a, 'ü', b]\n");
    let otlp = root.entry("receivers").unwrap().value.entry("otlp").unwrap();
    assert_eq!(otlp.key.place.to_string(), "collector.yaml:2:3");
    let list = otlp.value.entry("list").unwrap();
    assert_eq!(list.key.place.to_string(), "collector.yaml:3:5");
    let places: Vec<_> =
        list.value.items().iter().map(|item| (item.place.column(), item.path.as_str())).collect();
    assert_eq!(
        places,
        [(12, "receivers.otlp.list[0]"), (15, "receivers.otlp.list[1]"), (20, "receivers.otlp.list[2]")]
    );
    assert_eq!(&list.value.place.source().text()[list.value.items()[1].place.range()], "'ü'");
}

#[test]
fn words_that_yaml_1_1_took_for_bools_stay_words() {
    let root = root("a: off\nb: on\nc: yes\nd: no\ne: y\nf: false\ng: 'true'\nh: 0123\n");
    for (key, text) in
        [("a", "off"), ("b", "on"), ("c", "yes"), ("d", "no"), ("e", "y"), ("g", "true"), ("h", "0123")]
    {
        assert_eq!(root.get(key).unwrap().to_value(), Value::from(text), "{key}");
    }
    assert_eq!(root.get("f").unwrap().to_value(), Value::from(false));
    assert_eq!(decoded::<Exporter>("endpoint: x\nproject: off").project, Project::Off);
}

#[test]
fn a_text_field_gets_a_scalar_as_it_is_written() {
    for (written, text) in [
        ("0123", "0123"),
        ("4317", "4317"),
        ("1.50", "1.50"),
        ("true", "true"),
        ("0x10", "0x10"),
        ("'1'", "1"),
        ("1e3", "1e3"),
    ] {
        assert_eq!(decoded::<Exporter>(&format!("endpoint: {written}  # why")).endpoint, text);
    }
}

#[test]
fn numbers_and_bools_are_not_read_from_text() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its errors count")]
    struct Typed {
        count: u16,
        ratio: f64,
        wait: bool,
    }
    assert_eq!(
        messages::<Typed>("count: '5'\nratio: much\nwait: off"),
        [
            "collector.yaml:1:8: error: count: expected a whole number from 0 to 65535, found the text \"5\"; \
             remove the quotes",
            "collector.yaml:2:8: error: ratio: expected a number, found the text \"much\"",
            "collector.yaml:3:7: error: wait: expected true or false, found the text \"off\"; \
             YAML 1.2 knows only true and false; write false",
        ]
    );
    let range = &messages::<Typed>("count: 70000\nratio: 1\nwait: true")[0];
    assert!(range.contains("from 0 to 65535, found the number 70000"), "{range}");
    let negative = &messages::<Typed>("count: -1\nratio: 1\nwait: true")[0];
    assert!(negative.contains("found the number -1"), "{negative}");
}

#[test]
fn null_means_on_for_a_block_and_off_for_an_extra() {
    let receiver: Receiver = decoded("protocols:\n  grpc:\n  http:\n    cors:\n");
    assert_eq!(receiver.protocols.grpc, Block::on(Server::default()));
    assert_eq!(receiver.protocols.http, Block::on(Server::default()));
    assert_eq!(receiver.protocols.http.as_ref().unwrap().cors, Extra::OFF);
    assert_eq!(decoded::<Receiver>("protocols:\n  grpc:\n").protocols.http, Block::OFF);
}

#[test]
fn an_optional_block_takes_enabled() {
    let receiver: Receiver = decoded(
        "protocols:\n  grpc: {enabled: false, endpoint: 5, nonsense: 1}\n  http: {enabled: true, timeout: 1s}\n",
    );
    assert_eq!(receiver.protocols.grpc, Block::OFF);
    assert_eq!(receiver.protocols.http.as_ref().unwrap().timeout, Duration::from_secs(1));
    let wrong = messages::<Receiver>("protocols: {grpc: {enabled: maybe}}");
    assert_eq!(
        wrong,
        [
            "collector.yaml:1:29: error: protocols.grpc.enabled: expected true or false, found the text \"maybe\"",
        ]
    );
}

#[test]
fn null_behind_a_key_leaves_the_default() {
    let server: Server = decoded("endpoint:\ntimeout: ~\nmax_body: null\n");
    assert_eq!(server, Server::default());
    assert!(decoded::<Exporter>("endpoint: x\ninsecure:\nheaders:\napi_key:\n").insecure);
    let needed = messages::<Exporter>("endpoint:\n");
    assert_eq!(needed, ["collector.yaml:1:1: error: endpoint: a value is missing behind this key"]);
}

#[test]
fn a_null_section_is_all_defaults_and_a_needed_key_is_missed() {
    let root = root("receivers:\n  otlp:\n  jaeger:\n");
    let otlp = root.find(&["receivers", "otlp"]);
    assert_eq!(decode::<Receiver>(otlp), Ok(Receiver::default()));
    let problems = decode::<Exporter>(otlp).unwrap_err();
    assert_eq!(problems[0].message, "receivers.otlp: missing required key \"endpoint\"");
    assert_eq!(problems[0].place.as_ref().unwrap().line(), 2);
}

#[test]
fn a_list_may_be_text_with_commas() {
    assert_eq!(decoded::<Cors>("allowed_origins: a, b").allowed_origins, ["a", "b"]);
    assert_eq!(decoded::<Cors>("allowed_origins: [a, 5]").allowed_origins, ["a", "5"]);
    assert_eq!(decoded::<Cors>("allowed_origins: ''").allowed_origins, [""; 0]);
    let map = messages::<Cors>("allowed_origins: {a: b}");
    assert_eq!(map, ["collector.yaml:1:18: error: allowed_origins: expected a list, found a map"]);
}

#[test]
fn a_text_does_not_become_a_list_of_maps() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its errors count")]
    struct Actions {
        actions: Vec<Exporter>,
    }
    assert_eq!(
        messages::<Actions>("actions: insert"),
        ["collector.yaml:1:10: error: actions: expected a list, found the text \"insert\""]
    );
}

#[test]
fn an_alias_of_a_key_is_known() {
    assert_eq!(decoded::<Exporter>("endpoint: x\nmode: off").project, Project::Off);
}

#[test]
fn enums_with_settings_are_maps_with_one_key() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Source {
        Inline,
        File(String),
        Relay { endpoint: String },
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Definitions {
        from: Vec<Source>,
    }
    let text = "from: [inline, {file: a.yaml}, {relay: {endpoint: x}}]";
    let expected = [Source::Inline, Source::File("a.yaml".into()), Source::Relay { endpoint: "x".into() }];
    assert_eq!(decoded::<Definitions>(text).from, expected);
    let wrong = messages::<Definitions>("from: [{fil: a}, {relay: {endpiont: x}}]");
    assert!(wrong[0].contains("did you mean \"file\""), "{wrong:?}");
    assert!(wrong[2].contains("did you mean \"endpoint\""), "{wrong:?}");
}

#[test]
fn flattened_and_untagged_settings_are_read_and_their_mistakes_named() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(flatten)]
        inner: Inner,
        #[serde(default)]
        either: Option<Either>,
    }
    #[derive(Debug, Deserialize)]
    struct Inner {
        count: u16,
        timeout: Duration,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Words(Vec<String>),
    }
    let outer: Outer = decoded("count: 5\ntimeout: 5s\neither: [a]\n");
    assert_eq!((outer.inner.count, outer.inner.timeout), (5, Duration::from_secs(5)));
    assert_eq!(outer.either, Some(Either::Words(vec!["a".to_owned()])));
    assert_eq!(decoded::<Outer>("count: 5\ntimeout: 5s\neither: 7\n").either, Some(Either::Number(7)));
    let wrong = messages::<Outer>("count: x\ntimeout: 5s\n");
    assert_eq!(
        wrong,
        [
            "collector.yaml:1:1: error: expected a whole number from 0 to 65535 for one of its values, found a text"
        ]
    );
    let unknown = messages::<Outer>("count: 5\ntimeout: 5s\ncuont: 6\n");
    assert_eq!(unknown, ["collector.yaml:1:1: error: unknown field `cuont`"]);
}

#[test]
fn odd_scalars_mean_what_yaml_1_2_says() {
    for (written, value) in [
        ("0o17", Value::from(15)),
        ("0xff", Value::from(255)),
        ("-5", Value::from(-5)),
        ("18446744073709551615", Value::from(u64::MAX)),
        ("1.5e3", Value::from(1500.0)),
        (".inf", Value::from(f64::INFINITY)),
        ("!!str 5", Value::from("5")),
        ("'null'", Value::from("null")),
        ("2020-01-01", Value::from("2020-01-01")),
        ("12:30:45", Value::from("12:30:45")),
        ("|-\n  a\n  b", Value::from("a\nb")),
        ("a\n  b", Value::from("a b")),
    ] {
        assert_eq!(root(&format!("key: {written}\n")).get("key").unwrap().to_value(), value, "{written}");
    }
}

#[test]
fn all_mistakes_of_a_section_are_found_at_once() {
    let text = "endpoint: [a]\nheaders: 5\nprojekt: off\nproject: sometimes\ninsecure: 3\nextra: {a: b}\n";
    let found = messages::<Exporter>(text);
    assert_eq!(found.len(), 6, "{found:#?}");
    for (line, message) in found.iter().enumerate() {
        assert!(message.starts_with(&format!("collector.yaml:{}:", line + 1)), "{found:#?}");
    }
}

#[test]
fn unknown_keys_of_a_tree_can_be_asked_for() {
    let root = root("receivers: {}\nrecievers: {}\n");
    let problems = unknown_keys(&root, &["receivers", "exporters"]);
    assert_eq!(
        problems[0].to_string(),
        "collector.yaml:2:1: error: unknown key \"recievers\" at the top: did you mean \"receivers\"? \
         (known: exporters, receivers)"
    );
}

#[test]
fn merge_keys_and_aliases_are_followed_to_where_the_value_is_written() {
    let root = root("base: &b {timeout: 5s, max: 1}\nuse:\n  <<: *b\n  max: 2\nagain: *b\n");
    assert_eq!(root.find(&["use", "timeout"]).text(), Some("5s"));
    assert_eq!(root.find(&["use", "max"]).text(), Some("2"));
    assert_eq!(root.find(&["use", "timeout"]).place.to_string(), "collector.yaml:1:20");
    assert_eq!(root.find(&["again", "max"]).path, "again.max");
}

#[test]
fn later_sources_win() {
    let sources = [
        Source::new("a.yaml", "m: {a: 1, b: [1, 2], c: {d: 1}}\nn: {x: 1}\n"),
        Source::new("b.yaml", "m: {b: [3], c: {e: 2}}\nn:\n"),
        Source::new("empty.yaml", "# nothing\n"),
    ];
    let root = load(&sources, &|_| None).unwrap().root;
    let json = serde_json::to_string(&root.to_value()).unwrap();
    assert_eq!(json, r#"{"m":{"a":1,"b":[3],"c":{"d":1,"e":2}},"n":null}"#);
    assert_eq!(root.find(&["m", "c", "d"]).place.to_string(), "a.yaml:1:29");
    assert_eq!(root.find(&["m", "b"]).place.to_string(), "b.yaml:1:8");
}

#[test]
fn what_a_later_source_replaces_is_not_expanded() {
    let sources = [Source::new("a.yaml", "key: ${env:UNSET}\n"), Source::new("b.yaml", "key: 1\n")];
    assert_eq!(load(&sources, &|_| None).unwrap().root.get("key").unwrap().text(), Some("1"));
}

#[test]
fn an_empty_file_is_a_null_root() {
    for empty in ["", "\n\n", "# only a comment\n", "---\n", "~", "\u{feff}"] {
        assert!(root(empty).is_null(), "{empty:?}");
    }
}

#[test]
fn ids_are_unique_once_trimmed() {
    let root = root("receivers:\n  otlp / a: 1\n  otlp/a: 2\n  a-b: 3\n  otlp: 4\n");
    let (ids, problems) = parse_ids(root.get("receivers").unwrap(), super::ComponentId::parse);
    assert_eq!(ids.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>(), ["otlp/a", "otlp"]);
    assert_eq!(problems.len(), 2);
    assert!(problems[0].message.contains("duplicate id \"otlp/a\" (first at collector.yaml:2:3)"));
    assert_eq!(problems[1].place.as_ref().unwrap().line(), 4);
}

#[test]
fn a_list_of_names_keeps_the_place_of_each() {
    let root = root("list: [otlp, 5]\ntext: otlp,debug\nnone:\nwrong: [[a]]\n");
    let texts = |key: &str| {
        let texts = root.get(key).unwrap().expect_texts()?;
        Ok(texts.iter().map(|(text, node)| format!("{text}@{}", node.place.column())).collect())
    };
    assert_eq!(texts("list"), Ok::<Vec<_>, Problem>(vec!["otlp@8".to_owned(), "5@14".to_owned()]));
    assert_eq!(texts("text"), Ok(vec!["otlp@7".to_owned(), "debug@7".to_owned()]));
    assert_eq!(texts("none"), Ok(vec![]));
    assert_eq!(texts("wrong").unwrap_err().message, "wrong[0]: expected text, found a list");
}

#[test]
fn a_tree_prints_without_its_secrets() {
    let text =
        "headers: {x: hunter2}\napi_key: hunter2\nplain: 1\nattributes: [{key: api_key, value: hunter2}]\n";
    let printed = serde_yaml::to_string(&root(text).to_value()).unwrap();
    assert!(!printed.contains("hunter2") && printed.contains("plain: 1"), "{printed}");
}

#[test]
fn a_secret_with_a_reference_in_it_is_not_shown_in_the_error() {
    let env = |name: &str| (name == "API_TOKEN").then(|| "pa${hunter2}!".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password.yaml");
    std::fs::write(&path, "a: pa${hunter2}!\n").unwrap();
    for value in ["${env:API_TOKEN}", "${env:${env:API_TOKEN}}", &format!("${{file:{}}}", path.display())] {
        let source = Source::new("x.yaml", format!("some: {value}\n"));
        let report = super::load(&[source], &env).expect_err("it cannot be expanded");
        let shown = report.render(false);
        assert!(shown.contains("that cannot be expanded") && !shown.contains("hunter2"), "{shown}");
    }
    let env = |name: &str| (name == "API_TOKEN").then(|| "hunter2".to_owned());
    let source = Source::new("x.yaml", "some: ${env:${env:API_TOKEN}}\n");
    let shown = super::load(&[source], &env).expect_err("it is not set").render(false);
    assert!(shown.contains("is not set") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_file_of_other_bytes_is_refused() {
    let problem = Source::from_bytes("x.yaml", b"ok: 1\nbad: \xff\n".to_vec()).unwrap_err();
    assert!(problem.to_string().starts_with("x.yaml:2:6: error: this byte is not UTF-8"), "{problem}");
    let large = Source::from_bytes("x.yaml", vec![b' '; super::SOURCE_BYTES_MAX + 1]).unwrap_err();
    assert!(large.message.contains("larger than 4 MiB"), "{large}");
}

#[test]
fn a_debug_print_does_not_show_the_source() {
    let source: Arc<Source> = Source::new("x.yaml", "token: hunter2");
    assert!(!format!("{source:?}").contains("hunter2"));
    assert!(matches!(root("a: 1").kind, Kind::Map(_)));
}
