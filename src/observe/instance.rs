//! What burgee calls itself where it sends something.

use std::sync::LazyLock;

/// `burgee/0.1.0`.
pub const PROGRAM: &str = concat!("burgee/", env!("CARGO_PKG_VERSION"));

/// `burgee/0.1.0 (1f2e3d4c)`: the `user-agent` of the exporters, with a number that this process has drawn by chance.
/// A receiver that finds it in a request knows that what was sent has come back.
pub fn agent() -> &'static str {
    static AGENT: LazyLock<String> = LazyLock::new(|| format!("{PROGRAM} ({:08x})", fastrand::u32(..)));
    &AGENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_always_the_same_one() {
        let rest = agent().strip_prefix(PROGRAM).expect("the program comes first");
        assert_eq!((rest.len(), agent()), (" (1f2e3d4c)".len(), agent()));
    }
}
