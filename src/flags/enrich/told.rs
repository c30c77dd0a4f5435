//! What the events of one span tell, taken together, and what counts of it.

use crate::flags::evaluation::Evaluation;
use crate::flags::project::{NONE, Slots};
use crate::observe::evaluations::{Note, Tally};

/// Where evaluations are noted by flag, if anybody wants that.
pub(super) struct Count<'t>(pub Option<&'t mut Tally>);

/// An evaluation that an event tells of.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    pub flag: u32,
    pub note: Option<Note>,
}

impl Count<'_> {
    pub fn note(&mut self, evaluation: &Evaluation<'_>) -> Option<Note> {
        let Evaluation { key, variant, reason, .. } = evaluation;
        Some(self.0.as_mut()?.note(key.as_deref(), variant.as_deref(), reason.as_deref()))
    }

    /// It is another one, which is noted itself.
    pub fn take_back(&mut self, note: Option<Note>) {
        if let (Some(tally), Some(note)) = (&mut self.0, note) {
            tally.take_back(note);
        }
    }
}

/// What the events of one span tell.
#[derive(Default)]
pub(super) struct Told<'a> {
    pub any: bool,
    /// The marks of flags that have been told of, among those of the request.
    pub marks: Slots,
    /// Flags that have been told of by more than an exception.
    by_event: Slots,
    exceptions: Vec<Counted>,
    /// Each evaluation, an exception and an event of one flag being one.
    pub counted: Vec<Counted>,
    /// The evaluation that speaks for the span, unless there are `several` flags or variants.
    pub only: Option<Evaluation<'a>>,
    pub several: bool,
}

impl<'a> Told<'a> {
    pub fn clear(&mut self) {
        self.counted.clear();
        if self.any {
            self.any = false;
            self.exceptions.clear();
            self.only = None;
            self.several = false;
        }
        self.marks.begin();
        self.by_event.begin();
    }

    pub fn add(&mut self, evaluation: Evaluation<'a>, exception: bool, counted: Counted) {
        let flag = counted.flag;
        self.any = true;
        if exception {
            self.exceptions.push(counted);
        } else {
            self.counted.push(counted);
            if flag != NONE {
                self.by_event.place(flag, 0);
            }
        }
        if flag == NONE {
            return;
        }
        match &mut self.only {
            None => self.only = Some(evaluation),
            Some(only) if only.key != evaluation.key => self.several = true,
            Some(only) => match (&only.variant, &evaluation.variant) {
                (Some(a), Some(b)) if a != b => self.several = true,
                // the last that has a variant speaks
                (Some(_), None) => {}
                _ => *only = evaluation,
            },
        }
    }

    pub fn count_exceptions(&mut self, count: &mut Count<'_>) {
        for &exception in &self.exceptions {
            match self.by_event.place_of(exception.flag) {
                None => self.counted.push(exception),
                Some(_) => count.take_back(exception.note),
            }
        }
    }

    /// What events tell of a flag whose evaluation the span itself is, is that one.
    pub fn discount(&mut self, flag: u32, count: &mut Count<'_>) {
        self.counted.retain(|counted| {
            let stays = counted.flag != flag || flag == NONE;
            if !stays {
                count.take_back(counted.note);
            }
            stays
        });
    }
}
