//! What burgee says of itself: the [`ledger`] that balances, the [`board`] that shows it, [`facts`] about what is
//! odd, with [`encounters`] and [`rejections`], how the reading of [`definitions`] goes, [`evaluations`] by flag, its
//! [`metrics`], their [`names`] and their [`exposition`].

pub mod board;
mod connections;
pub mod definitions;
pub mod encounters;
pub mod evaluations;
pub mod exposition;
pub mod facts;
pub mod health;
pub mod instance;
pub mod ledger;
pub mod metrics;
pub mod names;
pub mod process;
pub mod rejections;
pub mod reloads;
pub mod shown;
