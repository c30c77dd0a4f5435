//! The demo's world: its flags, its users, and who is served what.

/// What one evaluation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) flag: &'static str,
    pub(super) reason: Reason,
    pub(super) variant: &'static str,
    /// As text, the way both Go and Java print it.
    pub(super) value: &'static str,
    pub(super) version: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Static,
    Split,
    TargetingMatch,
    TargetingMatchSplit,
    Disabled,
    FlagNotFound,
}

impl Reason {
    /// As the relay proxy writes it.
    pub(super) fn relay(self) -> &'static str {
        match self {
            Reason::Static => "STATIC",
            Reason::Split => "SPLIT",
            Reason::TargetingMatch => "TARGETING_MATCH",
            Reason::TargetingMatchSplit => "TARGETING_MATCH_SPLIT",
            Reason::Disabled => "DISABLED",
            Reason::FlagNotFound => "ERROR",
        }
    }
}

/// A user. Users are served by a hash of who they are, so each one sees the same variants all along.
#[derive(Clone, Copy)]
pub(super) struct User(pub(super) u64);

impl User {
    pub(super) fn id(self) -> String {
        format!("user-{}", self.0)
    }

    /// 0 to 99, fixed for a user and a flag.
    fn percentile(self, flag: &str) -> u64 {
        let seed = flag.bytes().fold(self.0, |hash, byte| Random(hash ^ u64::from(byte)).next());
        Random(seed).next() % 100
    }
}

/// A quarter of the users have the new checkout.
pub(super) fn new_checkout(user: User) -> Decision {
    let (variant, value) =
        if user.percentile("new-checkout") < 25 { ("on", "true") } else { ("off", "false") };
    Decision { flag: "new-checkout", reason: Reason::Split, variant, value, version: "3.1.0" }
}

/// Everybody sees the same banner, but for the internal users.
pub(super) fn banner_color(user: User) -> Decision {
    let (reason, variant, value) = match user.percentile("banner-color") {
        0..10 => (Reason::TargetingMatch, "azure", "#007fff"),
        _ => (Reason::Static, "crimson", "#dc143c"),
    };
    Decision { flag: "banner-color", reason, variant, value, version: "" }
}

/// An experiment among those who search in English.
pub(super) fn search_ranking(user: User) -> Decision {
    let (variant, value) = match user.percentile("search-ranking") {
        0..50 => ("control", "bm25"),
        _ => ("treatment", "hybrid"),
    };
    Decision { flag: "search-ranking", reason: Reason::TargetingMatchSplit, variant, value, version: "12" }
}

/// A rollout of the second provider to one payment in ten.
pub(super) fn payment_provider(user: User) -> Decision {
    let (variant, value) = match user.percentile("payment-provider") {
        0..10 => ("adyen", "adyen"),
        _ => ("stripe", "stripe"),
    };
    Decision { flag: "payment-provider", reason: Reason::Split, variant, value, version: "1.4.2" }
}

/// Somebody turned it off and left it in the code.
pub(super) fn old_search() -> Decision {
    Decision { flag: "old-search", reason: Reason::Disabled, variant: "", value: "false", version: "" }
}

/// A typing mistake that nobody noticed.
pub(super) fn misspelt() -> Decision {
    Decision { flag: "new-chekout", reason: Reason::FlagNotFound, variant: "", value: "false", version: "" }
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough for ids and traffic that looks alive.
#[derive(Clone, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to just below `high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low)
    }

    /// A span id, which may not be zero.
    pub(super) fn span_id(&mut self) -> u64 {
        self.next().max(1)
    }

    pub(super) fn trace_id(&mut self) -> u128 {
        (u128::from(self.next()) << 64 | u128::from(self.next())).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_a_quarter_of_the_users_has_the_new_checkout_and_keeps_it() {
        let on = (0..10_000).filter(|id| new_checkout(User(*id)).variant == "on").count();
        assert!((2_300..2_700).contains(&on), "{on} of 10000");
        assert_eq!(new_checkout(User(7)), new_checkout(User(7)));
    }

    #[test]
    fn two_flags_do_not_share_their_users() {
        let both = (0..10_000)
            .filter(|id| {
                new_checkout(User(*id)).variant == "on" && search_ranking(User(*id)).variant == "control"
            })
            .count();
        assert!((1_050..1_450).contains(&both), "an eighth of 10000, not {both}");
    }
}
