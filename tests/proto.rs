//! The committed code of burgee's own protocol is what its `.proto` file says.
//!
//! Nothing is generated at build time, so that building burgee needs neither protoc nor a build script.
//! After a change of the file: `BURGEE_REGENERATE=1 cargo test --test proto`.

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;
use protox::Compiler;

const FILE: &str = "burgee/admin/v1/admin.proto";
const CODE: &str = "burgee.admin.v1.rs";
const DESCRIPTORS: &str = "burgee.admin.v1.bin";

#[test]
fn the_committed_code_is_what_the_proto_file_generates() {
    let fresh = generate();
    let committed = root().join("src/admin/generated");
    if std::env::var_os("BURGEE_REGENERATE").is_some() {
        for (name, content) in &fresh {
            fs::write(committed.join(name), content).expect("src/admin/generated can be written");
        }
    }
    for (name, content) in fresh {
        let there = fs::read(committed.join(name)).unwrap_or_default();
        assert!(
            there == content,
            "src/admin/generated/{name} is not what proto/{FILE} says; run `BURGEE_REGENERATE=1 cargo test --test proto`"
        );
    }
}

/// The files, by name.
fn generate() -> [(&'static str, Vec<u8>); 2] {
    let mut compiler = Compiler::new([root().join("proto")]).expect("proto/ is a folder");
    compiler.include_imports(true).include_source_info(true);
    compiler.open_file(FILE).unwrap_or_else(|error| panic!("{FILE}: {error}"));
    let out = tempfile::tempdir().expect("a temporary folder");
    tonic_prost_build::configure()
        .out_dir(out.path())
        .type_attribute(".", "#[derive(serde::Serialize)]")
        .field_attribute("signal", r#"#[serde(serialize_with = "signal_name")]"#)
        .compile_fds(compiler.file_descriptor_set())
        .expect("the file has nothing that cannot be generated");
    let code = fs::read(out.path().join(CODE)).expect("its package names the output");

    // The comments are for readers of the code; whoever asks a server for its descriptors gets them without.
    let mut plain = Compiler::new([root().join("proto")]).expect("proto/ is a folder");
    plain.include_imports(true).include_source_info(false);
    plain.open_file(FILE).unwrap_or_else(|error| panic!("{FILE}: {error}"));
    [(CODE, code), (DESCRIPTORS, plain.file_descriptor_set().encode_to_vec())]
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
