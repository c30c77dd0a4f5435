//! `burgee flags`: every flag that a running burgee has seen evaluated.

use std::cmp::Reverse;
use std::time::SystemTime;

use super::Failure;
use super::ask::Admin;
use super::lines::{self, BOLD, DIM, GREEN, Line, PLAIN, RED};
use super::table::{Column, Table};
use crate::admin::v1;
use crate::collector::counted;
use crate::config::{nearest, quote};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this flag, with everything that is known of it.
    #[arg(value_name = "KEY")]
    key: Option<String>,
    /// What comes first: the alphabet, or the most, or the latest.
    #[arg(long, value_enum, value_name = "ORDER", default_value = "key", conflicts_with = "key")]
    sort: Order,
    /// Print JSON, with the names of admin.proto.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: Admin,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Order {
    Key,
    Evaluations,
    Errors,
    Last,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let running = args.admin.connect().await?;
    let mut answer = running.ask(async |mut client| client.flags(v1::FlagsRequest {}).await).await?;
    let now = SystemTime::now();
    if let Some(key) = &args.key {
        let flag = find(&answer, key)?;
        return match args.json {
            true => lines::print_json(flag),
            false => lines::print(&one(flag, answer.horizon.as_ref(), lines::terminal_width(), now)),
        };
    }
    sort(&mut answer.flags, args.sort);
    if args.json {
        return lines::print_json(&answer);
    }
    if answer.flags.is_empty() {
        anstream::eprintln!("burgee flags: no flag was evaluated yet; `burgee demo` sends some evaluations");
        return Ok(());
    }
    lines::print(&all(&answer, now).lines(lines::terminal_width()))?;
    if answer.beyond > 0 {
        let beyond = counted(answer.beyond, "evaluations");
        anstream::eprintln!("burgee flags: {beyond} more are of flags that burgee does not count apart");
    }
    Ok(())
}

fn find<'a>(answer: &'a v1::FlagsResponse, key: &str) -> Result<&'a v1::Flag, Failure> {
    if let Some(flag) = answer.flags.iter().find(|flag| flag.key == key) {
        return Ok(flag);
    }
    let known = || answer.flags.iter().map(|flag| flag.key.as_str());
    let mut message = format!("no evaluation of {} was seen", quote(key));
    match nearest(key, known()) {
        Some(meant) => message += &format!("; did you mean {}?", quote(meant)),
        None if answer.flags.is_empty() => message += ", nor of any other flag",
        None => {
            let some: Vec<String> = known().take(KNOWN_SHOWN_MAX).map(quote).collect();
            let more = answer.flags.len().saturating_sub(KNOWN_SHOWN_MAX);
            message += &format!("; known: {}", some.join(", "));
            if more > 0 {
                message += &format!(" and {more} more");
            }
        }
    }
    if answer.beyond > 0 {
        let beyond = counted(answer.beyond, "evaluations");
        message += &format!("; {beyond} are of flags that burgee does not count apart");
    }
    Err(Failure::new(message))
}

fn sort(flags: &mut [v1::Flag], order: Order) {
    match order {
        Order::Key => flags.sort_by(|a, b| a.key.cmp(&b.key)),
        Order::Evaluations => flags.sort_by_key(|flag| Reverse(flag.evaluations)),
        Order::Errors => flags.sort_by_key(|flag| Reverse((flag.errors, flag.evaluations))),
        Order::Last => flags.sort_by_key(|flag| Reverse(flag.last_seen_unix_ms)),
    }
}

fn all(answer: &v1::FlagsResponse, now: SystemTime) -> Table {
    let mut table = Table::new(&COLUMNS);
    for flag in &answer.flags {
        table.row(vec![
            Line::of(BOLD, &flag.key),
            Line::plain(&flag.evaluations.to_string()),
            errors(flag.errors),
            shares(&flag.variants),
            shares(&flag.reasons),
            Line::plain(&flag.services.join(", ")),
            Line::plain(&lines::age(flag.last_seen_unix_ms, now)),
        ]);
    }
    table
}

pub(super) fn errors(errors: u64) -> Line {
    Line::of(if errors > 0 { RED } else { DIM }, &errors.to_string())
}

/// `off 75.0%, on 25.0%`, the largest first.
pub(super) fn shares(shares: &[v1::Share]) -> Line {
    let mut line = Line::default();
    for (share, part) in by_size(shares).take(SHARES_SHOWN_MAX) {
        if line.width() > 0 {
            line.push(PLAIN, ", ");
        }
        line.push(PLAIN, name(share));
        line.push(DIM, &format!(" {part}"));
    }
    if shares.len() > SHARES_SHOWN_MAX {
        line.push(DIM, &format!(", {} more", shares.len() - SHARES_SHOWN_MAX));
    }
    line
}

fn by_size(shares: &[v1::Share]) -> impl Iterator<Item = (&v1::Share, String)> {
    let whole = shares.iter().fold(0_u64, |sum, share| sum.saturating_add(share.evaluations));
    let mut shares: Vec<&v1::Share> = shares.iter().collect();
    shares.sort_by_key(|share| Reverse(share.evaluations));
    shares.into_iter().map(move |share| (share, lines::percent(share.evaluations, whole)))
}

fn name(share: &v1::Share) -> &str {
    if share.name.is_empty() { "(none)" } else { &share.name }
}

/// Everything about one flag.
fn one(flag: &v1::Flag, horizon: Option<&v1::Horizon>, width: Option<usize>, now: SystemTime) -> Vec<Line> {
    let mut about = About { lines: vec![Line::of(BOLD, &flag.key)], width };
    let mut evaluations = Line::plain(&flag.evaluations.to_string());
    if flag.errors > 0 {
        evaluations.push(RED, &format!(", {} failed", flag.errors));
    }
    about.entry("evaluations", evaluations);
    if flag.last_seen_unix_ms > 0 {
        let [last, first] = [flag.last_seen_unix_ms, flag.first_seen_unix_ms].map(|at| lines::age(at, now));
        about.entry("seen", Line::plain(&format!("last {last} ago, first {first} ago")));
    }
    let most = flag.recent.iter().max().copied().unwrap_or(0);
    if !flag.recent.is_empty() {
        let mut recent = Line::of(GREEN, &lines::sparkline(&flag.recent));
        recent.push(DIM, &format!(" now, at most {most} in 10s"));
        about.entry("recent", recent);
    }
    for (title, shares) in [("variants", &flag.variants), ("reasons", &flag.reasons)] {
        let widest = shares.iter().map(|share| Line::plain(name(share)).width()).max().unwrap_or(0).min(40);
        about.entries(
            title,
            by_size(shares).map(|(share, part)| {
                let mut line = Line::plain(name(share)).padded(widest);
                line.append(Line::plain(&part).right(8));
                line.push(DIM, &format!("  {}", share.evaluations));
                line
            }),
        );
    }
    let names = [("services", &flag.services), ("providers", &flag.providers), ("versions", &flag.versions)];
    for (title, names) in names {
        about.entries(title, names.iter().map(|name| Line::plain(name)));
    }
    if let Some(one_in @ 2..) = horizon.map(|horizon| horizon.one_in) {
        let names = "services, providers and versions";
        about.entry("note", Line::of(DIM, &format!("{names} are those of one in {one_in} traces")));
    }
    about.lines
}

/// Lines with a title before the first of each kind.
struct About {
    lines: Vec<Line>,
    width: Option<usize>,
}

impl About {
    fn entry(&mut self, title: &str, content: Line) {
        self.entries(title, [content]);
    }

    fn entries(&mut self, title: &str, content: impl IntoIterator<Item = Line>) {
        for (at, content) in content.into_iter().enumerate() {
            let mut line = Line::of(DIM, if at == 0 { title } else { "" }).padded(TITLE_WIDTH);
            line.append(content);
            self.lines.push(match self.width {
                Some(width) => line.cut(width),
                None => line,
            });
        }
    }
}

const COLUMNS: [Column; 7] = [
    Column::text("FLAG", 12, 9),
    Column::number("EVALUATIONS", 8),
    Column::number("ERRORS", 7),
    Column::text("VARIANTS", 20, 6),
    Column::text("REASONS", 12, 3),
    Column::text("SERVICES", 12, 4),
    Column::number("SEEN", 5),
];
const TITLE_WIDTH: usize = 13;
/// In one cell of a table.
const SHARES_SHOWN_MAX: usize = 8;
const KNOWN_SHOWN_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn flag(key: &str, evaluations: u64, errors: u64, last: u64) -> v1::Flag {
        let share = |name: &str, evaluations| v1::Share { name: name.into(), evaluations };
        v1::Flag {
            key: key.into(),
            evaluations,
            errors,
            variants: vec![share("on", evaluations / 4), share("", evaluations - evaluations / 4)],
            reasons: vec![share("split", evaluations)],
            services: vec!["checkout-api".into(), "\u{1b}[2Jevil".into()],
            first_seen_unix_ms: 1_000,
            last_seen_unix_ms: last,
            recent: vec![0, 1, 8],
            ..Default::default()
        }
    }

    fn answer() -> v1::FlagsResponse {
        let flags = vec![flag("b", 8, 0, 3_000), flag("a-flag", 4, 2, 2_000), flag("c", 100, 0, 9_000)];
        v1::FlagsResponse { flags, ..Default::default() }
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(10)
    }

    fn plain(lines: Vec<Line>) -> String {
        let text: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
        anstream::adapter::strip_str(&text.concat()).to_string()
    }

    #[test]
    fn flags_come_in_the_order_that_was_asked_for() {
        let order = |order| {
            let mut flags = answer().flags;
            sort(&mut flags, order);
            flags.into_iter().map(|flag| flag.key).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(order(Order::Key), "a-flag b c");
        assert_eq!(order(Order::Evaluations), "c b a-flag");
        assert_eq!(order(Order::Errors), "a-flag c b");
        assert_eq!(order(Order::Last), "c b a-flag");
    }

    #[test]
    fn a_line_has_what_counts_about_a_flag() {
        let text = plain(all(&answer(), now()).lines(None));
        let line = text.lines().nth(2).expect("a head and three flags");
        for part in ["a-flag", "  4  ", "(none) 75.0%, on 25.0%", "split 100%", r"\u{1b}[2Jevil", "8s"] {
            assert!(line.contains(part), "no {part:?} in {line}");
        }
        let narrow = plain(all(&answer(), now()).lines(Some(40)));
        assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
    }

    #[test]
    fn one_flag_is_shown_with_everything() {
        let horizon = v1::Horizon { one_in: 4, ..Default::default() };
        let text = plain(one(&flag("a-flag", 4, 2, 2_000), Some(&horizon), None, now()));
        for part in [
            "evaluations  4, 2 failed\n",
            "seen         last 8s ago, first 9s ago\n",
            "recent       ▁▂█ now, at most 8 in 10s\n",
            "variants     (none)   75.0%  3\n             on       25.0%  1\n",
            "services     checkout-api\n             \\u{1b}[2Jevil\n",
            "one in 4 traces\n",
        ] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
    }

    #[test]
    fn an_unknown_flag_is_answered_with_the_nearest() {
        let said = |key: &str| find(&answer(), key).expect_err("it is unknown").message;
        assert_eq!(said("a_flagg"), "no evaluation of \"a_flagg\" was seen; did you mean \"a-flag\"?");
        assert!(said("other").ends_with("; known: \"b\", \"a-flag\", \"c\""), "{}", said("other"));
        let nothing = find(&v1::FlagsResponse::default(), "x").expect_err("it is unknown").message;
        assert!(nothing.ends_with("was seen, nor of any other flag"), "{nothing}");
    }
}
