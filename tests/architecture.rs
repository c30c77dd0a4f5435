//! A module imports lower ranks only, never its own rank: the table of ARCHITECTURE.md, held against the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every room of `src/` and its rank. The rooms of one rank do not know each other.
const RANKS: [(&str, u8); 21] = [
    ("otlp", 0),
    ("values", 0),
    ("observe", 0),
    ("flags", 1),
    ("config", 1),
    ("net", 1),
    ("insight", 2),
    ("doctor", 3),
    ("component", 4),
    ("receivers", 5),
    ("processors", 5),
    ("exporters", 5),
    ("connectors", 5),
    ("extensions", 5),
    ("admin", 5),
    ("telemetry", 5),
    ("registry", 6),
    ("pipeline", 6),
    ("collector", 7),
    ("cli", 8),
    ("main", 9),
];

#[test]
fn a_module_imports_lower_ranks_only() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for file in rust_files(&src()) {
        let room = room_of(&file);
        if room == "lib" {
            continue;
        }
        let Some(rank) = rank_of(&room) else {
            broken.push(format!("{}: {room:?} is no room of the table", file.display()));
            continue;
        };
        let text = fs::read_to_string(&file).expect("a source file");
        for imported in imports(&text) {
            seen += 1;
            match rank_of(&imported) {
                _ if imported == room => {}
                Some(of) if of < rank => {}
                Some(of) => broken
                    .push(format!("{}: {room} (rank {rank}) imports {imported} (rank {of})", file.display())),
                None => broken.push(format!("{}: crate::{imported} is no room of the table", file.display())),
            }
        }
    }
    assert!(seen > 100, "only {seen} imports were found: does this test still read the code?");
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn the_architecture_page_has_the_same_table() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mut listed = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let ranks: Vec<u8> = cells[1].split(", ").filter_map(|rank| rank.parse().ok()).collect();
        let rooms = cells[2].split(", ").map(|room| room.trim_matches('`'));
        for (at, room) in rooms.enumerate().filter(|_| !ranks.is_empty()) {
            let rank = ranks.get(at).or(ranks.last()).expect("a row has a rank");
            assert_eq!(rank_of(room), Some(*rank), "{room}");
            listed.insert(room.to_owned());
        }
    }
    for file in rust_files(&src()) {
        let room = room_of(&file);
        assert!(room == "lib" || listed.contains(&room), "ARCHITECTURE.md does not list {room}");
    }
}

#[test]
fn imports_are_found_in_every_form() {
    let text = "
        use crate::otlp::Payload;
        use crate::{config::{tree, id::Id}, values::Secret};
        pub(super) use crate::net;
        // crate::cli in a comment is none
        let x: crate::observe::board::Board = todo!();
    ";
    let found: Vec<String> = imports(text).into_iter().collect();
    assert_eq!(found, ["config", "net", "observe", "otlp", "values"]);
}

/// The rooms that a file names by `crate::`.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .map(|line| line.find("//").map_or(line, |comment| &line[..comment]))
        .collect::<Vec<_>>()
        .join("\n");
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == '$') {
            continue;
        }
        let path = &code[at + "crate::".len()..];
        match path.strip_prefix('{') {
            Some(group) => rooms.extend(heads(group)),
            None => rooms.extend(word(path)),
        }
    }
    rooms
}

/// The first word of each path in `a::{b, c}, d}`.
fn heads(group: &str) -> Vec<String> {
    let (mut depth, mut heads, mut is_head) = (0, Vec::new(), true);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_head = true,
            letter if is_head && letter.is_alphabetic() => {
                heads.extend(word(&group[at..]));
                is_head = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(path: &str) -> Option<String> {
    let word: String = path.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    (!word.is_empty()).then_some(word)
}

fn rank_of(room: &str) -> Option<u8> {
    RANKS.iter().find(|(name, _)| *name == room).map(|(_, rank)| *rank)
}

/// `src/net/client.rs` and `src/net.rs` are in the room `net`.
fn room_of(file: &Path) -> String {
    let inside = file.strip_prefix(src()).expect("it was found there");
    let first = inside.components().next().expect("a file has a name");
    let name = Path::new(first.as_os_str());
    name.file_stem().expect("a name").to_string_lossy().into_owned()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn src() -> PathBuf {
    root().join("src")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
