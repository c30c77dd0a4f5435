//! Every finding that burgee knows: what it means, how it shows, and one thing to do about it.
//!
//! Ids are stable and never used twice: people search for them and scripts compare them. The letter says where the
//! trouble is, one file for each. `burgee explain`, the page and `docs/my-traces-do-not-show-up.md` show these texts;
//! detectors add who did it and, where they know better, a more exact fix.

mod c;
mod d;
mod n;
mod p;
mod t;
mod x;

use super::Entry;

/// Findings with the same letter.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    pub letter: char,
    pub title: &'static str,
    pub entries: &'static [Entry],
}

/// The whole catalogue, in the order in which a person with missing traces would ask.
pub const CATALOGUE: [Group; 6] = [
    Group { letter: 'N', title: "Nothing arrives", entries: &n::ENTRIES },
    Group { letter: 'P', title: "Wrong protocol, port or URL", entries: &p::ENTRIES },
    Group { letter: 'C', title: "Browsers and CORS", entries: &c::ENTRIES },
    Group { letter: 'X', title: "Broken or partial traces", entries: &x::ENTRIES },
    Group { letter: 'T', title: "Times, identity and quality", entries: &t::ENTRIES },
    Group { letter: 'D', title: "Downstreams and burgee itself", entries: &d::ENTRIES },
];

/// Every entry, in the order of the catalogue.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    CATALOGUE.iter().flat_map(|group| group.entries)
}

/// The entry of this id, in upper or lower case.
pub fn entry(id: &str) -> Option<&'static Entry> {
    entries().find(|entry| entry.id.eq_ignore_ascii_case(id))
}

/// The fix for a web page of this origin that is not allowed to send.
pub fn allow_origin(shown: &str) -> String {
    format!(
        "Allow the origin, exactly as the browser writes it:\nreceivers:\n  otlp:\n    protocols:\n      http:\n        cors:\n          allowed_origins: [\"{shown}\"]"
    )
}

/// A fix in its two parts: what to do, in a sentence, and what to paste. The sentence then ends with a colon, and every
/// further line belongs to what is pasted.
pub fn parts(fix: &str) -> (&str, Option<&str>) {
    match fix.split_once('\n') {
        Some((sentence, paste)) => (sentence, Some(paste)),
        None => (fix, None),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_a_letter_and_a_number_without_gaps() {
        let mut ids = BTreeSet::new();
        for group in CATALOGUE {
            for (at, entry) in group.entries.iter().enumerate() {
                assert_eq!(entry.id, format!("{}{:02}", group.letter, at + 1));
                assert!(ids.insert(entry.id), "{} is there twice", entry.id);
            }
        }
        assert_eq!(ids.len(), 66);
    }

    #[test]
    fn an_entry_is_found_in_any_case_and_nothing_else_is() {
        assert_eq!(entry("x01").map(|entry| entry.id), Some("X01"));
        assert_eq!(entry("X01").map(|entry| entry.id), Some("X01"));
        for id in ["", "X", "X1", "X001", "X01 ", "Z01", "É01"] {
            assert!(entry(id).is_none(), "{id:?}");
        }
    }

    #[test]
    fn titles_are_one_line_without_a_full_stop_and_told_apart() {
        let mut titles = BTreeSet::new();
        for entry in entries() {
            let title = entry.title;
            assert!(!title.ends_with(['.', ':', '!']) && !title.contains('\n'), "{}: {title}", entry.id);
            assert!((10..=80).contains(&title.chars().count()), "{}: {title}", entry.id);
            assert!(titles.insert(title), "{}: {title} is there twice", entry.id);
        }
    }

    #[test]
    fn texts_are_whole_sentences_on_one_line() {
        for entry in entries() {
            for text in [entry.means, entry.noticed_by] {
                assert!(text.ends_with('.'), "{}: {text}", entry.id);
                assert!(!text.contains('\n') && !text.contains("  "), "{}: {text}", entry.id);
                assert_eq!(text.matches('`').count() % 2, 0, "{}: {text}", entry.id);
            }
            let sentences = entry.means.split(". ").count();
            assert!((2..=5).contains(&sentences), "{}: {sentences} sentences", entry.id);
        }
    }

    #[test]
    fn a_fix_is_a_sentence_or_a_sentence_and_something_to_paste() {
        for entry in entries() {
            let (sentence, paste) = parts(entry.fix);
            assert!(sentence.len() > 20, "{}: {sentence}", entry.id);
            match paste {
                None => assert!(sentence.ends_with('.'), "{}: {sentence}", entry.id),
                Some(paste) => {
                    assert!(sentence.ends_with(':'), "{}: {sentence}", entry.id);
                    assert!(!paste.is_empty() && paste == paste.trim(), "{}: {paste}", entry.id);
                    assert!(paste.lines().all(|line| !line.is_empty() && line.len() <= 100), "{}", entry.id);
                }
            }
        }
    }

    #[test]
    fn every_entry_has_symptoms_in_one_line_each() {
        for entry in entries() {
            assert!(!entry.symptoms.is_empty(), "{}", entry.id);
            for symptom in entry.symptoms {
                assert!(!symptom.is_empty() && !symptom.contains(['\n', '`']), "{}: {symptom}", entry.id);
            }
        }
    }

    #[test]
    fn what_is_fixed_to_be_info_is() {
        for id in ["P01", "P02", "X10", "X11", "X12", "T05"] {
            let severity = entry(id).map(|entry| entry.severity.name());
            assert_eq!(severity, Some("info"), "{id}");
        }
    }
}
