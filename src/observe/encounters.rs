//! Who did what, where: facts by peer, so that the doctor can name the sender. Bounded.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::facts::{Fact, Kind};
use super::shown::shown;

/// Facts of one kind, from one host to one address of ours, with the same detail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encounter {
    pub kind: Kind,
    /// The host it came from: the port changes with every connection. `None` where no client was concerned.
    pub peer: Option<IpAddr>,
    /// Our address, as the fact has it; `None` where no port was concerned.
    pub listener: Option<SocketAddr>,
    /// What the kind does not say: a path, an origin, a content type. Escaped, and at most 200 characters of it; empty
    /// if there is nothing more to say. Never telemetry, never the value of a header that lets somebody in.
    pub detail: Box<str>,
    pub count: u64,
    pub first: SystemTime,
    pub last: SystemTime,
}

/// The encounters of the last time. Whoever was not seen for longest makes room for a new one.
#[derive(Debug, Default)]
pub(super) struct Encounters {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    rows: Vec<Row>,
    /// Counts sightings: the clock may be set back, and this is not.
    sightings: u64,
    evicted: u64,
}

#[derive(Debug)]
struct Row {
    encounter: Encounter,
    /// The sighting that it was last a part of.
    sighted: u64,
}

impl Encounters {
    pub(super) fn enter(&self, fact: &Fact, detail: &str, at: SystemTime) {
        let (kind, detail) = (fact.kind(), shown(detail, DETAIL_CHARS_MAX));
        let (peer, listener) = (fact.peer().map(|peer| peer.ip().to_canonical()), fact.listener());
        let mut table = self.table();
        table.sightings += 1;
        let sighted = table.sightings;
        let same = |row: &&mut Row| {
            let known = &row.encounter;
            known.kind == kind && known.peer == peer && known.listener == listener && *known.detail == *detail
        };
        if let Some(row) = table.rows.iter_mut().find(same) {
            row.sighted = sighted;
            row.encounter.count += 1;
            row.encounter.last = at;
            return;
        }
        let detail = detail.into();
        let encounter = Encounter { kind, peer, listener, detail, count: 1, first: at, last: at };
        let row = Row { encounter, sighted };
        if table.rows.len() < ROWS_MAX {
            return table.rows.push(row);
        }
        table.evicted += 1;
        if let Some(oldest) = table.rows.iter_mut().min_by_key(|row| row.sighted) {
            *oldest = row;
        }
    }

    /// All that are remembered, the one seen last at the end.
    pub(super) fn all(&self) -> Vec<Encounter> {
        let table = self.table();
        let mut rows: Vec<&Row> = table.rows.iter().collect();
        rows.sort_by_key(|row| row.sighted);
        rows.into_iter().map(|row| row.encounter.clone()).collect()
    }

    /// How many were forgotten since the start.
    pub(super) fn evicted(&self) -> u64 {
        self.table().evicted
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing under this lock can leave half a value, so a panic elsewhere does not spoil it.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const ROWS_MAX: usize = 512;
const DETAIL_CHARS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn wrong_path(host: u8, port: u16) -> Fact {
        let listener = SocketAddr::from(([127, 0, 0, 1], 4318));
        Fact::WrongPath { peer: SocketAddr::from(([10, 0, 0, host], port)), listener }
    }

    fn after(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn one_host_that_does_the_same_again_is_one_encounter_whatever_its_port() {
        let encounters = Encounters::default();
        encounters.enter(&wrong_path(1, 1000), "/v1/trace", after(1));
        encounters.enter(&wrong_path(2, 1000), "/v1/trace", after(2));
        encounters.enter(&wrong_path(1, 1000), "/", after(3));
        encounters.enter(&wrong_path(1, 2000), "/v1/trace", after(4));
        let all = encounters.all();
        let seen: Vec<_> = all
            .iter()
            .map(|seen| (seen.peer.expect("a host").to_string(), &*seen.detail, seen.count))
            .collect();
        assert_eq!(
            seen,
            [
                ("10.0.0.2".to_owned(), "/v1/trace", 1),
                ("10.0.0.1".to_owned(), "/", 1),
                ("10.0.0.1".to_owned(), "/v1/trace", 2)
            ]
        );
        assert_eq!((all[2].first, all[2].last), (after(1), after(4)));
    }

    #[test]
    fn an_ipv4_host_is_the_same_on_a_port_that_serves_both() {
        let encounters = Encounters::default();
        let listener = SocketAddr::from(([127, 0, 0, 1], 4318));
        for peer in ["10.0.0.1:1", "[::ffff:10.0.0.1]:1"] {
            let peer = peer.parse().expect("an address");
            encounters.enter(&Fact::NotHttp { peer, listener }, "", after(1));
        }
        assert_eq!(encounters.all().len(), 1);
    }

    #[test]
    fn the_one_not_seen_for_longest_makes_room_and_that_is_counted() {
        let encounters = Encounters::default();
        for n in 0..ROWS_MAX {
            encounters.enter(&wrong_path(1, 1), &n.to_string(), after(1));
        }
        encounters.enter(&wrong_path(1, 1), "0", after(2));
        encounters.enter(&wrong_path(1, 1), "new", after(3));
        let all = encounters.all();
        assert_eq!((all.len(), encounters.evicted()), (ROWS_MAX, 1));
        let is_there = |detail: &str| all.iter().any(|seen| &*seen.detail == detail);
        assert!(is_there("0") && is_there("new") && !is_there("1"));
    }

    #[test]
    fn a_detail_is_cut_and_escaped() {
        let encounters = Encounters::default();
        encounters.enter(&wrong_path(1, 1), "/\u{1b}[2J", after(1));
        encounters.enter(&wrong_path(1, 1), &"/".repeat(300), after(1));
        let all = encounters.all();
        assert_eq!(&*all[0].detail, r"/\u{1b}[2J");
        assert_eq!(all[1].detail.chars().count(), 201);
    }
}
