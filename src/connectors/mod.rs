//! What leads from one pipeline into another: one folder per connector.

pub mod forward;
