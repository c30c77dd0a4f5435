use std::{collections::HashMap, mem};

use super::tree::{Entry, Kind, Node};

/// The later source over the earlier one: maps merge deep, everything else (lists, and null) replaces.
///
/// Every value has the place of the source that set it; a merged map has the later one's.
pub(super) fn merge(earlier: Kind, mut later: Node) -> Node {
    later.kind = match (earlier, later.kind) {
        (Kind::Map(mut entries), Kind::Map(overrides)) => {
            let known: HashMap<String, usize> =
                entries.iter().enumerate().map(|(at, entry)| (entry.key.text.clone(), at)).collect();
            for Entry { key, value } in overrides {
                match known.get(&key.text) {
                    Some(&at) => {
                        let earlier = mem::replace(&mut entries[at].value.kind, Kind::Null);
                        entries[at] = Entry { key, value: merge(earlier, value) };
                    }
                    None => entries.push(Entry { key, value }),
                }
            }
            Kind::Map(entries)
        }
        (_, kind) => kind,
    };
    later
}
