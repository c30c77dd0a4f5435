//! `burgee version`.

use std::io::Write;

use super::{Failure, printed};

pub(super) fn run() -> Result<(), Failure> {
    printed(writeln!(anstream::stdout(), "burgee {}", env!("CARGO_PKG_VERSION")))
}
