//! One budget for memory, charged to the buffers themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::observe::board::{Memory, MemoryView};

/// How many bytes of telemetry the process may hold. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Budget(Arc<State>);

#[derive(Debug)]
struct State {
    limit: AtomicU64,
    used: AtomicU64,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: u64) -> Budget {
        Budget(Arc::new(State { limit: AtomicU64::new(limit), used: AtomicU64::new(0) }))
    }

    /// Charges `bytes`; `None` if they do not fit.
    ///
    /// What does not fit is charged all the same while nothing else is, so that every size below the limits of a
    /// request gets through sooner or later: the process holds at most the budget plus one such charge.
    pub fn charge(&self, bytes: u64) -> Option<Charge> {
        let mut charge = Charge { budget: self.clone(), bytes: 0 };
        charge.grow(bytes).then_some(charge)
    }

    /// Charges `bytes` that are there already, whether they fit or not: for copies that replace a charged original,
    /// as when a payload is divided.
    pub fn charge_copy(&self, bytes: u64) -> Charge {
        self.0.used.fetch_add(bytes, Ordering::AcqRel);
        Charge { budget: self.clone(), bytes }
    }

    /// Bytes that are charged now.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    pub fn limit(&self) -> u64 {
        self.0.limit.load(Ordering::Relaxed)
    }

    /// Sets another limit. What is charged stays charged, also if that is more.
    pub fn set_limit(&self, bytes: u64) {
        self.0.limit.store(bytes, Ordering::Relaxed);
    }
}

impl MemoryView for Budget {
    fn snapshot(&self) -> Memory {
        Memory { used: self.used(), limit: self.limit() }
    }
}

/// A part of the budget. Given back when it is dropped.
#[derive(Debug)]
pub struct Charge {
    budget: Budget,
    bytes: u64,
}

impl Charge {
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Charges up to `bytes` in all; false, and nothing changed, if they do not fit.
    pub fn grow(&mut self, bytes: u64) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let (limit, used) = (self.budget.limit(), &self.budget.0.used);
        let own = self.bytes;
        let fits = |used: u64| {
            let sum = used.checked_add(more)?;
            (sum <= limit || used == own).then_some(sum)
        };
        let grown = more == 0 || used.try_update(Ordering::AcqRel, Ordering::Relaxed, fits).is_ok();
        if grown {
            self.bytes += more;
        }
        grown
    }

    /// Gives back all but `bytes`.
    pub fn shrink(&mut self, bytes: u64) {
        let less = self.bytes.saturating_sub(bytes);
        self.budget.0.used.fetch_sub(less, Ordering::AcqRel);
        self.bytes -= less;
    }

    /// Takes a part of at most `bytes` out of this charge.
    pub fn split(&mut self, bytes: u64) -> Charge {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Charge { budget: self.budget.clone(), bytes }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_ends_with_its_owner() {
        let budget = Budget::new(100);
        let charge = budget.charge(60).expect("fits");
        assert!(budget.charge(60).is_none());
        drop(charge);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn what_is_larger_than_the_budget_gets_through_alone() {
        let budget = Budget::new(100);
        let small = budget.charge(1).expect("fits");
        assert!(budget.charge(1000).is_none());
        drop(small);
        let large = budget.charge(1000).expect("nothing else is charged");
        assert!(budget.charge(1).is_none());
        drop(large);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_charge_grows_shrinks_and_splits_without_losing_a_byte() {
        let budget = Budget::new(100);
        let mut charge = budget.charge(10).expect("fits");
        assert!(charge.grow(50));
        let part = charge.split(20);
        assert_eq!((charge.bytes(), part.bytes(), budget.used()), (30, 20, 50));
        charge.shrink(5);
        assert_eq!(budget.used(), 25);
        assert!(!charge.grow(90));
        drop((charge, part));
        assert_eq!(budget.used(), 0);
    }
}
