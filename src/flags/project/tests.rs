use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;

/// Ids are 1 and up; 0 is no parent.
fn span(id: u64, parent: u64) -> Span {
    Span { trace_id: (1, 1), span_id: id, parent_id: parent, own: 0..0, shows_own: true, keys: Keys::ALL }
}

fn mark(flag: u32, at: u32, variant: u32) -> Mark {
    Mark { flag, first: at, variant: Some(Said { text: variant, at }), error: None, conflict: false }
}

/// Spans `(id, parent, shows_own, flags)`, with one mark for each flag.
fn request(spans: &[(u64, u64, bool, &[u32])]) -> (Vec<Span>, Vec<Mark>) {
    let mut all = Vec::new();
    let mut marks = Vec::new();
    for &(id, parent, shows_own, flags) in spans {
        let start = marks.len() as u32;
        for &flag in flags {
            marks.push(mark(flag, marks.len() as u32, 100));
        }
        all.push(Span { shows_own, own: start..marks.len() as u32, ..span(id, parent) });
    }
    (all, marks)
}

fn shown(projection: &Projection) -> BTreeMap<u32, (Vec<u32>, u32)> {
    projection
        .shown
        .iter()
        .map(|shown| {
            let marks = &projection.marks[shown.marks.start as usize..shown.marks.end as usize];
            (shown.span, (marks.iter().map(|mark| mark.flag).collect(), shown.dropped))
        })
        .collect()
}

#[test]
fn marks_go_up_to_the_root_and_to_no_one_else() {
    let (spans, marks) =
        request(&[(4, 3, false, &[7]), (1, 0, true, &[]), (3, 1, true, &[]), (5, 1, true, &[])]);
    let projection = Tree::new(&spans).project(&marks, 32);
    assert_eq!(shown(&projection), BTreeMap::from([(1, (vec![7], 0)), (2, (vec![7], 0))]));
}

#[test]
fn what_finds_no_room_is_counted_once_for_each_flag() {
    let (spans, marks) = request(&[
        (1, 0, true, &[]),
        (2, 1, true, &[]),
        (3, 2, false, &[7]),
        (4, 2, false, &[8]),
        (5, 2, false, &[8]),
        (6, 2, false, &[9]),
        (7, 1, false, &[9]),
    ]);
    let projection = Tree::new(&spans).project(&marks, 1);
    assert_eq!(shown(&projection), BTreeMap::from([(0, (vec![7], 2)), (1, (vec![7], 2))]));
}

#[test]
fn a_cycle_ends_where_it_began() {
    let (spans, marks) = request(&[
        (1, 3, false, &[7]),
        (2, 1, true, &[]),
        (3, 2, true, &[]),
        (4, 2, false, &[8]),
        (5, 5, false, &[9]),
    ]);
    let projection = Tree::new(&spans).project(&marks, 32);
    let expected = [(0, (vec![8], 0)), (1, (vec![7, 8], 0)), (2, (vec![7, 8], 0))];
    assert_eq!(shown(&projection), BTreeMap::from(expected));
}

#[test]
fn a_deep_trace_is_no_more_work_than_a_flat_one() {
    let depth = 8_000;
    let projection = deep(depth);
    let root = projection.shown.last().expect("the root is marked");
    assert_eq!((root.span, root.marks.len(), root.dropped), (depth - 1, 32, depth - 1 - 32));
}

#[test]
fn marks_that_find_no_room_in_the_request_are_counted_on_every_span() {
    let depth = 20_000;
    let projection = deep(depth);
    assert_eq!(projection.marks.len(), PROJECTED_MARKS_MAX);
    assert_eq!(projection.shown.len() as u32, depth - 1);
    for Shown { span, marks, dropped, .. } in &projection.shown {
        assert_eq!(marks.len() as u32 + dropped, *span, "every span is above all those before it");
    }
}

/// Each span is an evaluation and the parent of the one before it.
fn deep(depth: u32) -> Projection {
    let flags: Vec<u32> = (0..depth).collect();
    let spans: Vec<_> = (0..depth)
        .map(|i| (u64::from(depth - i), u64::from(depth - i - 1), false, &flags[i as usize..=i as usize]))
        .collect();
    let (spans, marks) = request(&spans);
    Tree::new(&spans).project(&marks, 32)
}

/// What the rules say, word for word: from every span that tells of a flag, every ancestor once.
fn by_walking(spans: &[Span], own: &[Mark], cap: usize) -> BTreeMap<u32, (Vec<Mark>, u32)> {
    let mut below: Vec<Vec<Mark>> = vec![Vec::new(); spans.len()];
    for start in 0..spans.len() {
        let told = &own[spans[start].own.start as usize..spans[start].own.end as usize];
        let mut met = HashSet::from([start]);
        let mut at = start;
        while let Some(parent) = spans.iter().position(|span| span.span_id == spans[at].parent_id) {
            if !met.insert(parent) {
                break;
            }
            below[parent].extend(told);
            at = parent;
        }
    }
    let mut all = BTreeMap::new();
    for (at, span) in spans.iter().enumerate() {
        let own = &own[span.own.start as usize..span.own.end as usize];
        let own = if span.shows_own { own } else { &[] };
        let mut from_below: Vec<Mark> = Vec::new();
        below[at].sort_by_key(|mark| mark.first);
        for mark in &below[at] {
            match from_below.iter_mut().find(|earlier| earlier.flag == mark.flag) {
                Some(earlier) => earlier.absorb(mark),
                None => from_below.push(*mark),
            }
        }
        let mut marks = own.to_vec();
        for mark in &from_below {
            match marks.iter_mut().find(|own| own.flag == mark.flag) {
                Some(own) => own.absorb_below(mark),
                None => marks.push(*mark),
            }
        }
        let dropped = marks.len().saturating_sub(cap) as u32;
        marks.truncate(cap);
        if !marks.is_empty() {
            all.insert(at as u32, (marks, dropped));
        }
    }
    all
}

/// `parents[i]` is the parent's place, modulo twice the number of spans; what is beyond has none.
fn arbitrary(acyclic: bool) -> impl Strategy<Value = (Vec<Span>, Vec<Mark>)> {
    let one = (
        any::<prop::sample::Index>(),
        any::<bool>(),
        prop::collection::btree_map(0u32..6, 100u32..103, 0..3),
    );
    prop::collection::vec(one, 1..14).prop_flat_map(move |nodes| {
        let order = Just((0..nodes.len()).collect::<Vec<_>>()).prop_shuffle();
        (Just(nodes), order).prop_map(move |(nodes, order)| {
            let count = nodes.len();
            let mut spans = Vec::new();
            let mut marks = Vec::new();
            for &place in &order {
                let (parent, shows_own, flags) = &nodes[place];
                let parent = parent.index(if acyclic { place.max(1) } else { count + 1 });
                let parent = if acyclic && place == 0 { 0 } else { parent as u64 + 1 };
                let start = marks.len() as u32;
                for (&flag, &variant) in flags {
                    marks.push(mark(flag, marks.len() as u32, variant));
                }
                let own = start..marks.len() as u32;
                spans.push(Span { shows_own: *shows_own, own, ..span(place as u64 + 1, parent) });
            }
            (spans, marks)
        })
    })
}

proptest! {
    #[test]
    fn climbing_finds_what_walking_finds((spans, marks) in arbitrary(true), cap in 1usize..8) {
        let projection = Tree::new(&spans).project(&marks, cap);
        let found: BTreeMap<u32, (Vec<Mark>, u32)> = projection
            .shown
            .iter()
            .map(|shown| {
                let marks = &projection.marks[shown.marks.start as usize..shown.marks.end as usize];
                (shown.span, (marks.to_vec(), shown.dropped))
            })
            .collect();
        prop_assert_eq!(found, by_walking(&spans, &marks, cap));
    }

    #[test]
    fn climbing_finds_the_flags_that_walking_finds_in_cycles((spans, marks) in arbitrary(false)) {
        let found = shown(&Tree::new(&spans).project(&marks, 100));
        let walked: BTreeMap<_, _> = by_walking(&spans, &marks, 100)
            .into_iter()
            .map(|(span, (marks, dropped))| (span, (marks.iter().map(|mark| mark.flag).collect::<HashSet<_>>(), dropped)))
            .collect();
        let found: BTreeMap<_, _> =
            found.into_iter().map(|(span, (flags, dropped))| (span, (flags.into_iter().collect(), dropped))).collect();
        prop_assert_eq!(found, walked);
    }
}
