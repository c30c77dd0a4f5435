//! Whatever the text, there is a tree or a report.

use std::collections::HashMap;

use proptest::{prelude::*, test_runner::TestRunner};

use super::{Exporter, Receiver};
use crate::config::{Loaded, Report, Source, decode, load};

#[test]
fn random_text_never_panics() {
    let pieces: Vec<&str> = [
        "a",
        ": ",
        ":",
        "- ",
        "\n",
        "  ",
        "\t",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\"",
        "'",
        "|",
        ">",
        "&a ",
        "*a",
        "<<: ",
        "${",
        "env:X",
        "}",
        "$$",
        "token: ",
        "headers:\n  ",
        "ü",
        "\u{202e}",
        "\u{7f}",
        "\r",
        "#",
        "? ",
        "!!str ",
        "---\n",
        "~",
        "0123",
        "1e999",
        "%",
        "@",
        "protocols:\n  grpc:\n    ",
        "endpoint",
        "\u{0}",
        "\\",
    ]
    .to_vec();
    let texts = proptest::collection::vec(
        prop_oneof![proptest::sample::select(pieces).prop_map(str::to_owned), any::<String>()],
        0..24,
    );
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() });
    let outcome = runner.run(&texts, |pieces| {
        let text = pieces.concat();
        let variable = |name: &str| (name == "X").then(|| text.clone());
        match load(&[Source::new("r.yaml", text.clone())], &variable) {
            Ok(Loaded { root, warnings, .. }) => {
                Report::new(warnings).render(true);
                root.to_value();
                for problems in [
                    decode::<Receiver>(&root).err(),
                    decode::<Exporter>(&root).err(),
                    decode::<HashMap<String, Receiver>>(&root).err(),
                ] {
                    Report::new(problems.into_iter().flatten()).render(true);
                }
            }
            Err(report) => drop(report.render(false)),
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn random_bytes_never_panic() {
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() });
    let outcome = runner.run(&proptest::collection::vec(any::<u8>(), 0..200), |bytes| {
        let report = match Source::from_bytes("r.yaml", bytes) {
            Ok(source) => load(&[source], &|_| None).err(),
            Err(problem) => Some(problem.into()),
        };
        drop(report.map(|report| report.render(true)));
        Ok(())
    });
    outcome.unwrap();
}
