//! Counts steps of work in tests, where a clock would say something else on every run.

use std::cell::Cell;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// One more step: a field looked at, an operation or a mark compared.
#[inline]
pub(crate) fn step() {
    STEPS.set(STEPS.get() + 1);
}

/// How many steps this thread takes for it.
pub(crate) fn steps(run: impl FnOnce()) -> u64 {
    let before = STEPS.get();
    run();
    STEPS.get() - before
}

/// Does something that is not to be counted.
pub(crate) fn uncounted<T>(run: impl FnOnce() -> T) -> T {
    let before = STEPS.get();
    let out = run();
    STEPS.set(before);
    out
}
