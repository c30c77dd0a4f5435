//! The files of the page, as they lie in `page/`. A test compares the list with the folder.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// A file that browsers ask for.
pub(super) struct Asset {
    pub name: &'static str,
    pub content_type: &'static str,
    pub content: &'static [u8],
}

/// The file of this name.
pub(super) fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// Changes with the content: one entity tag (RFC 9110, 8.8.3) for all files together.
pub(super) fn tag() -> &'static str {
    &TAG
}

static TAG: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    ASSETS.iter().for_each(|asset| digest.update(asset.content));
    let digest: String = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digest}\"")
});

/// The type of a file by the ending of its name.
const fn content_type(name: &str) -> &'static str {
    match name.as_bytes() {
        [.., b'.', b'j', b's'] => "text/javascript; charset=utf-8",
        [.., b'.', b'c', b's', b's'] => "text/css; charset=utf-8",
        [.., b'.', b's', b'v', b'g'] => "image/svg+xml",
        _ => "text/html; charset=utf-8",
    }
}

macro_rules! assets {
    ($($name:literal,)*) => {
        &[$(Asset {
            name: $name,
            content_type: content_type($name),
            content: include_bytes!(concat!("page/", $name)),
        },)*]
    };
}

const ASSETS: &[Asset] = assets![
    "api.js",
    "dom.js",
    "findings.js",
    "flag.js",
    "flags.js",
    "foot.js",
    "format.js",
    "hints.js",
    "index.html",
    "keys.js",
    "lane.js",
    "live.js",
    "logo.svg",
    "main.js",
    "overview.js",
    "pulse.js",
    "rejected.js",
    "router.js",
    "span.js",
    "spark.js",
    "strip.js",
    "style.css",
    "table.js",
    "theme.js",
    "toolbar.js",
    "trace.css",
    "trace.js",
    "traces.js",
    "tree.js",
    "waterfall.js",
    "welcome.js",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_file_of_the_folder() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/page");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .filter(|name| name != "README.md")
            .collect();
        there.sort();
        let listed: Vec<&str> = ASSETS.iter().map(|asset| asset.name).collect();
        assert_eq!(there, listed);
    }

    #[test]
    fn the_page_is_light() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.content.len()).sum();
        assert!(bytes <= 300 << 10, "{bytes} bytes");
    }

    #[test]
    fn nothing_of_it_comes_from_elsewhere_or_stands_in_line() {
        for asset in ASSETS {
            let text = std::str::from_utf8(asset.content).expect("text");
            for forbidden in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "src=\"http",
                "href=\"http",
            ] {
                assert!(!text.contains(forbidden), "{} has {forbidden}", asset.name);
            }
        }
        assert!(find("index.html").is_some() && find("nothing.js").is_none() && find("../mod.rs").is_none());
    }
}
