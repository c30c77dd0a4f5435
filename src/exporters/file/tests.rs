use std::fs;
use std::os::unix::fs::PermissionsExt;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tempfile::TempDir;

use super::*;
use crate::exporters::scripted::{request, traces};
use crate::otlp::compression::decompress;

struct Rig {
    folder: TempDir,
    exporter: Arc<dyn Exporter>,
}

/// A file exporter with more keys in JSON, in a folder of its own.
fn rig(keys: &str) -> Rig {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let exporter = built(&folder, "out.jsonl", keys);
    Rig { folder, exporter }
}

fn built(folder: &TempDir, name: &str, keys: &str) -> Arc<dyn Exporter> {
    let path = folder.path().join(name);
    let json = format!(r#"{{"path": "{}"{keys}}}"#, path.display());
    let config: Config = serde_json::from_str(&json).expect("the keys are known");
    build(&config).unwrap_or_else(|problems| panic!("{problems:?}")).exporter
}

fn problems(json: &str) -> Vec<String> {
    let config: Config = serde_json::from_str(json).expect("the keys are known");
    build(&config).expect_err("it is wrong").iter().map(Problem::to_string).collect()
}

impl Rig {
    async fn write(&self, names: &[&str]) {
        assert_eq!(self.exporter.export(&traces(names)).await, Outcome::Accepted);
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).expect("it is there")
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("it is there");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
        names.sort();
        names
    }
}

/// The requests of a file of lines.
fn lines(bytes: &[u8]) -> Vec<ExportTraceServiceRequest> {
    let text = std::str::from_utf8(bytes).expect("text");
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).expect("OTLP/JSON")).collect()
}

/// The records of a file of lengths and bytes.
fn records(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let (record, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        found.push(record);
        bytes = rest;
    }
    assert!(bytes.is_empty());
    found
}

#[tokio::test]
async fn every_request_is_a_line_of_json() {
    let rig = rig("");
    rig.write(&["a"]).await;
    rig.write(&["b", "c"]).await;
    assert_eq!(lines(&rig.read("out.jsonl")), [request(&["a"]), request(&["b", "c"])]);
    let mode = fs::metadata(rig.folder.path().join("out.jsonl")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "for its owner alone");
}

#[tokio::test]
async fn as_proto_or_compressed_every_request_follows_its_length() {
    let plain = rig(r#", "format": "proto""#);
    plain.write(&["a"]).await;
    plain.write(&["b"]).await;
    let bytes = plain.read("out.jsonl");
    let read: Vec<_> = records(&bytes).into_iter().map(ExportTraceServiceRequest::decode).collect();
    assert_eq!(read, [Ok(request(&["a"])), Ok(request(&["b"]))]);

    let compressed = rig(r#", "compression": "zstd", "compression_params": {"level": 3}"#);
    compressed.write(&["a"]).await;
    compressed.write(&["b"]).await;
    let bytes = compressed.read("out.jsonl");
    for (record, name) in records(&bytes).into_iter().zip(["a", "b"]) {
        let json = decompress(Encoding::Zstd, record, 1 << 20, |_| Ok::<(), ()>(())).expect("zstd");
        assert_eq!(
            serde_json::from_slice::<ExportTraceServiceRequest>(&json).expect("JSON"),
            request(&[name])
        );
    }
}

#[tokio::test]
async fn a_start_begins_the_file_anew_unless_told_otherwise_and_a_reload_never_does() {
    for (keys, kept) in [("", 0), (r#", "append": true"#, 1)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("out.jsonl"), "{}\n").expect("a file");
        let rig = Rig { exporter: built(&folder, "out.jsonl", keys), folder };
        rig.write(&["a"]).await;
        assert_eq!(lines(&rig.read("out.jsonl")).len(), kept + 1);
        // The same configuration once more, in the same process.
        let again = built(&rig.folder, "out.jsonl", keys);
        assert_eq!(again.export(&traces(&["b"])).await, Outcome::Accepted);
        assert_eq!(lines(&rig.read("out.jsonl")).len(), kept + 2);
    }
}

#[tokio::test]
async fn a_file_that_was_moved_or_removed_is_made_anew() {
    let rig = rig("");
    rig.write(&["a"]).await;
    let path = rig.folder.path().join("out.jsonl");
    fs::rename(&path, rig.folder.path().join("moved.jsonl")).expect("it is there");
    rig.write(&["b"]).await;
    fs::remove_file(&path).expect("it is there");
    rig.write(&["c"]).await;
    assert_eq!(lines(&rig.read("moved.jsonl")), [request(&["a"])]);
    assert_eq!(lines(&rig.read("out.jsonl")), [request(&["c"])]);
}

/// A writer that rotates after so many bytes.
fn writer(folder: &TempDir, rotation: Rotation) -> Writer {
    let path = folder.path().join("out.jsonl");
    Writer::new(Settings {
        path,
        append: true,
        lines: true,
        rotation: Some(rotation),
        create_directory: None,
    })
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_607_200 + seconds)
}

#[test]
fn a_full_file_gets_the_name_that_the_collector_gives_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut writer = writer(&folder, Rotation { bytes_max: 10, kept_for: None, backups_max: None });
    for (second, record) in ["12345\n", "678\n", "more than ten bytes\n", "x\n", "y\n"].iter().enumerate() {
        writer.write(record.as_bytes(), at(second as u64)).expect("there is room");
    }
    // Two in one millisecond are two.
    writer.write(b"0123456789\n", at(3)).expect("there is room");
    let rig = Rig { folder, exporter: super::super::nop::build(&Default::default()).exporter };
    assert_eq!(
        rig.files(),
        [
            "out-2026-01-05T10-00-02.000.jsonl",
            "out-2026-01-05T10-00-03.000.jsonl",
            "out-2026-01-05T10-00-03.001.jsonl",
            "out.jsonl",
        ]
    );
    assert_eq!(rig.read("out-2026-01-05T10-00-02.000.jsonl"), b"12345\n678\n");
    assert_eq!(rig.read("out-2026-01-05T10-00-03.000.jsonl"), b"more than ten bytes\n", "a file of its own");
    assert_eq!(rig.read("out.jsonl"), b"0123456789\n");
}

#[test]
fn what_another_exporter_writes_to_the_file_counts_for_its_size() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let rotation = Rotation { bytes_max: 10, kept_for: None, backups_max: None };
    let mut before = writer(&folder, rotation.clone());
    let mut after = writer(&folder, rotation);
    before.write(b"123\n", at(0)).expect("there is room");
    after.write(b"4567\n", at(1)).expect("there is room");
    before.write(b"89\n", at(2)).expect("there is room");
    assert_eq!(fs::read(folder.path().join("out.jsonl")).expect("it is there"), b"89\n");
}

#[tokio::test]
async fn what_a_crash_has_left_of_a_line_does_not_spoil_the_next() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("out.jsonl"), "{}\n{\"resourceSp").expect("a file");
    let rig = Rig { exporter: built(&folder, "out.jsonl", r#", "append": true"#), folder };
    rig.write(&["a"]).await;
    rig.write(&["b"]).await;
    let text = String::from_utf8(rig.read("out.jsonl")).expect("text");
    let (torn, whole) = text.split_at(text.find("Sp\n").expect("the torn line ends") + 3);
    assert_eq!(torn, "{}\n{\"resourceSp\n");
    assert_eq!(lines(whole.as_bytes()), [request(&["a"]), request(&["b"])]);
}

#[test]
fn old_files_are_removed_by_number_and_by_age_and_strangers_stay() {
    for (rotation, kept) in [
        (Rotation { bytes_max: 1, kept_for: None, backups_max: Some(2) }, vec!["03", "04"]),
        (
            Rotation { bytes_max: 1, kept_for: Some(Duration::from_secs(3)), backups_max: None },
            vec!["01", "02", "03", "04"],
        ),
        (Rotation { bytes_max: 1, kept_for: None, backups_max: None }, vec!["01", "02", "03", "04"]),
        (
            Rotation { bytes_max: 1, kept_for: Some(Duration::from_secs(1)), backups_max: Some(9) },
            vec!["03", "04"],
        ),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for stranger in ["out-notes.jsonl", "out-2026-01-05.jsonl", "other-2020-01-05T10-00-00.000.jsonl"] {
            fs::write(folder.path().join(stranger), "mine").expect("a file");
        }
        let mut writer = writer(&folder, rotation);
        for second in 0..5 {
            writer.write(b"x\n", at(second)).expect("there is room");
        }
        let rig = Rig { folder, exporter: super::super::nop::build(&Default::default()).exporter };
        let expected: Vec<String> =
            kept.iter().map(|second| format!("out-2026-01-05T10-00-{second}.000.jsonl")).collect();
        let backups: Vec<String> =
            rig.files().into_iter().filter(|name| name.starts_with("out-2026-01-05T")).collect();
        assert_eq!(backups, expected);
        assert_eq!(rig.files().len(), expected.len() + 4, "three strangers and the file itself");
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_tried_again_with_a_reason() {
    let gone = rig("");
    let folder = gone.folder.path().to_owned();
    fs::remove_dir(&folder).expect("it is empty");
    let outcome = gone.exporter.export(&traces(&["a"])).await;
    let Outcome::RetryLater { after: None, message } = &outcome else { panic!("{outcome:?}") };
    assert!(message.contains("out.jsonl cannot be opened: No such file"), "{message}");
    fs::create_dir(&folder).expect("it was removed");
    gone.write(&["a"]).await;
    assert_eq!(lines(&gone.read("out.jsonl")), [request(&["a"])]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_tried_again() {
    let config: Config = serde_json::from_str(r#"{"path": "/dev/full"}"#).expect("the keys are known");
    let exporter = build(&config).expect("it is right").exporter;
    let outcome = exporter.export(&traces(&["a"])).await;
    let Outcome::RetryLater { message, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(message.contains("/dev/full cannot be written to: No space left"), "{message}");
}

#[tokio::test]
async fn a_folder_is_made_where_one_is_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let exporter =
        built(&folder, "a/b/out.jsonl", r#", "create_directory": true, "directory_permissions": "0700""#);
    assert_eq!(exporter.export(&traces(&["a"])).await, Outcome::Accepted);
    let mode = fs::metadata(folder.path().join("a/b")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn what_is_wrong_is_said_all_at_once_with_what_to_write() {
    assert!(problems("{}")[0].starts_with("path is missing"));
    let json = r#"{"path": "gone/x.jsonl", "append": true, "rotation": {"max_megabytes": 0}, "compression": "gzip",
        "flush_interval": "0s", "encoding": "otlp_json", "group_by": {"enabled": true}, "directory_permissions": "rwx"}"#;
    let problems = problems(json);
    for part in [
        "append cannot be combined with rotation",
        "append cannot be combined with compression",
        "rotation.max_megabytes must be positive",
        "compression \"gzip\" is not in burgee; there are zstd, none",
        "flush_interval must be positive",
        "encoding names an extension",
        "group_by is not in burgee",
        "directory_permissions \"rwx\" is no octal number; try \"0755\"",
    ] {
        assert_eq!(
            problems.iter().filter(|problem| problem.starts_with(part)).count(),
            1,
            "{part}: {problems:?}"
        );
    }
    assert_eq!(problems.len(), 8);
}

#[test]
fn what_has_no_effect_is_said_and_nothing_is_written_yet() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("not/there.jsonl");
    let json = format!(
        r#"{{"path": "{}", "rotation": {{"localtime": true}}, "group_by": {{"max_open_files": 5}}}}"#,
        path.display()
    );
    let config: Config = serde_json::from_str(&json).expect("the keys are known");
    let warnings: Vec<String> =
        build(&config).expect("it is right").warnings.iter().map(Problem::to_string).collect();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings.iter().any(|warning| warning.contains("set create_directory: true")));
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 0);
}

#[test]
fn for_a_file_the_outbox_keeps_what_cannot_be_written() {
    let config: Config = serde_json::from_str(r#"{"path": "x.jsonl"}"#).expect("the keys are known");
    let built = build(&config).expect("it is right");
    assert_eq!((built.retry.max_elapsed_time, built.queue.num_consumers), (Duration::ZERO, 1));
    assert_eq!(built.queue.request, RequestLimit::NONE);
}
