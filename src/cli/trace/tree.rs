//! Spans in the order in which a waterfall shows them: each below its parent, whatever their ids say.

use std::collections::HashMap;

use crate::admin::v1::Span;

/// A span's place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Its place in the list of spans.
    pub(super) span: usize,
    pub(super) depth: usize,
    pub(super) stands: Stands,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// It has no parent.
    First,
    Below,
    /// It names a parent that is not among the spans.
    Orphan,
    /// Whoever follows its parents comes back to it.
    Circle,
}

/// Every span exactly once; roots and the children of one span by their start. Takes no stack, however deep it goes.
pub(super) fn arrange(spans: &[Span]) -> Vec<Placed> {
    let mut by_start: Vec<usize> = (0..spans.len()).collect();
    by_start.sort_by_key(|at| spans[*at].start_unix_nano);
    let parents = parents(spans);
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    for at in &by_start {
        if let Some(parent) = parents[*at] {
            children[parent].push(*at);
        }
    }
    let mut tree = Tree { children, is_placed: vec![false; spans.len()], placed: Vec::new() };
    for at in by_start.iter().copied().filter(|at| parents[*at].is_none()) {
        let has_parent = !spans[at].parent_span_id.is_empty();
        tree.place(at, if has_parent { Stands::Orphan } else { Stands::First });
    }
    // what no root leads to goes in circles
    for at in by_start {
        if !tree.is_placed[at] {
            tree.place(at, Stands::Circle);
        }
    }
    tree.placed
}

/// The place of each one's parent. Of spans with the same id, the first is the parent.
fn parents(spans: &[Span]) -> Vec<Option<usize>> {
    let mut by_id = HashMap::with_capacity(spans.len());
    for (at, span) in spans.iter().enumerate().filter(|(_, span)| !span.span_id.is_empty()) {
        by_id.entry(span.span_id.as_str()).or_insert(at);
    }
    spans.iter().map(|span| by_id.get(span.parent_span_id.as_str()).copied()).collect()
}

struct Tree {
    children: Vec<Vec<usize>>,
    is_placed: Vec<bool>,
    placed: Vec<Placed>,
}

impl Tree {
    /// The span and everything below it.
    fn place(&mut self, root: usize, stands: Stands) {
        let mut next = vec![Placed { span: root, depth: 0, stands }];
        while let Some(placed) = next.pop() {
            if std::mem::replace(&mut self.is_placed[placed.span], true) {
                continue;
            }
            self.placed.push(placed);
            let depth = placed.depth + 1;
            let below = self.children[placed.span].iter().rev();
            next.extend(below.map(|span| Placed { span: *span, depth, stands: Stands::Below }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: &str, parent: &str, start: u64) -> Span {
        Span {
            span_id: id.into(),
            parent_span_id: parent.into(),
            start_unix_nano: start,
            ..Default::default()
        }
    }

    /// `id depth` of each, and how it stands where it is no ordinary child.
    fn shape(spans: &[Span]) -> Vec<String> {
        let shape = |placed: Placed| {
            let id = &spans[placed.span].span_id;
            match placed.stands {
                Stands::Below => format!("{id} {}", placed.depth),
                stands => format!("{id} {} {stands:?}", placed.depth),
            }
        };
        arrange(spans).into_iter().map(shape).collect()
    }

    #[test]
    fn spans_stand_below_their_parents_by_their_start() {
        let spans =
            [span("c", "a", 30), span("b", "a", 20), span("d", "b", 25), span("a", "", 10), span("e", "", 5)];
        assert_eq!(shape(&spans), ["e 0 First", "a 0 First", "b 1", "d 2", "c 1"]);
    }

    #[test]
    fn orphans_and_circles_are_shown_too() {
        let spans = [
            span("a", "", 1),
            span("o", "gone", 2),
            span("p", "o", 3),
            span("x", "z", 4),
            span("y", "x", 5),
            span("z", "y", 6),
            span("s", "s", 7),
        ];
        let expected = ["a 0 First", "o 0 Orphan", "p 1", "x 0 Circle", "y 1", "z 2", "s 0 Circle"];
        assert_eq!(shape(&spans), expected);
    }

    #[test]
    fn the_same_span_twice_and_spans_without_ids_are_all_there() {
        let spans = [span("a", "", 1), span("a", "", 2), span("b", "a", 3), span("", "", 4), span("", "", 5)];
        assert_eq!(shape(&spans), ["a 0 First", "b 1", "a 0 First", " 0 First", " 0 First"]);
    }

    #[test]
    fn a_chain_of_all_spans_that_there_can_be_is_no_matter() {
        let id = |at: u32| at.to_string();
        let spans: Vec<Span> = (1..100_000).map(|at| span(&id(at), &id(at - 1), at.into())).collect();
        let placed = arrange(&spans);
        assert_eq!(placed.last().map(|placed| placed.depth), Some(99_998));
    }
}
