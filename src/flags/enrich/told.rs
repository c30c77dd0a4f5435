//! What the events of one span tell, taken together.

use crate::flags::evaluation::Evaluation;
use crate::flags::project::{NONE, Slots};

/// What the events of one span tell.
#[derive(Default)]
pub(super) struct Told<'a> {
    pub any: bool,
    /// The marks of flags that have been told of, among those of the request.
    pub marks: Slots,
    /// Flags that have been told of by more than an exception.
    by_event: Slots,
    exceptions: Vec<u32>,
    /// The flag of each evaluation, an exception and an event of one flag being one.
    pub counted: Vec<u32>,
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

    pub fn add(&mut self, evaluation: Evaluation<'a>, exception: bool, flag: u32) {
        self.any = true;
        if exception {
            self.exceptions.push(flag);
        } else {
            self.counted.push(flag);
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

    pub fn count_exceptions(&mut self) {
        for &flag in &self.exceptions {
            if self.by_event.place_of(flag).is_none() {
                self.counted.push(flag);
            }
        }
    }
}
