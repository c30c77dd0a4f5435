//! The README's first command does what it promises, on a machine where other programs may have the ports.

#[expect(dead_code, reason = "the command line's tests need more of it")]
mod support;

use std::collections::BTreeSet;

#[test]
fn the_readme_starts_with_the_two_commands_that_are_tested() {
    let readme = include_str!("../README.md");
    let start = readme.split("## Start").nth(1).expect("it says how to start");
    assert!(start.contains("\ncargo run --release -- --demo ") && start.contains("\ncargo test "), "{start}");
}

#[tokio::test]
async fn the_demo_shows_evaluations_of_every_shape_and_ends_with_a_summary() {
    let ended = support::run(&["--demo"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);

    // Relay proxy, span events of both generations, log records: each of them names flags in its own way.
    for (service, flag) in [
        ("go-feature-flag", "new-checkout"),
        ("go-feature-flag", "payment-provider"),
        ("checkout-api", "banner-color"),
        ("order-service", "payment-provider"),
        ("search-api", "search-ranking"),
        ("storefront", "new-checkout"),
        ("go-feature-flag", "new-chekout"),
    ] {
        let is_shown = ended.out.lines().any(|line| line.contains(service) && line.contains(flag));
        assert!(is_shown, "no evaluation of {flag} by {service} in:\n{}", ended.out);
    }
    let lines: BTreeSet<&str> = ended.out.lines().collect();
    assert!(lines.len() > 100, "a minute's traffic has more than {} evaluations", lines.len());

    assert!(ended.log.contains("burgee stopped: received "), "{}", ended.log);
    assert!(ended.log.contains(" accepted"), "{}", ended.log);
    assert!(!ended.log.contains("dropped"), "{}", ended.log);
}
