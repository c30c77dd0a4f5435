//! The commands that people have open in a terminal, in a pseudo-terminal: what they see, and what is left behind.
#![cfg(unix)]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod support;

mod fake;
mod flags;
mod pty;
mod running;
mod send;
mod tap;
mod top;
mod trace;
