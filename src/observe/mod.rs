//! See ARCHITECTURE.md.

pub mod facts;
