//! What burgee says of itself: the [`ledger`] that balances, the [`board`] that shows it, [`facts`] about what is
//! odd, the metric [`names`].

pub mod board;
pub mod facts;
pub mod ledger;
pub mod names;
