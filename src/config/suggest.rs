/// The known name that was probably meant by an unknown one: few letters differ, or one begins the other.
///
/// Case and `-` against `_` are the smallest differences, since keys are case-sensitive.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = plain(name);
    if wanted.is_empty() || wanted.len() > NAME_BYTES_MAX {
        return None;
    }
    known
        .into_iter()
        .filter_map(|candidate| {
            let plain = plain(candidate);
            let distance = strsim::damerau_levenshtein(&wanted, &plain);
            let allowed = (wanted.chars().count() / 3).clamp(1, 3);
            let begins = plain.len().min(wanted.len()) >= 3
                && (plain.starts_with(&wanted) || wanted.starts_with(&plain));
            (distance <= allowed || begins).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `: did you mean "http"? (known: grpc, http)`, to be put after a message, as far as there is something to say.
pub(super) fn suggestion(name: &str, known: &[&str]) -> String {
    let meant = nearest(name, known.iter().copied()).map(|meant| format!(": did you mean \"{meant}\"?"));
    // The empty word of the Collector's enums is no advice.
    let mut sorted: Vec<&str> = known.iter().copied().filter(|word| !word.is_empty()).collect();
    sorted.sort_unstable();
    let rest = sorted.len().saturating_sub(KNOWN_SHOWN_MAX);
    sorted.truncate(KNOWN_SHOWN_MAX);
    let list = match (sorted.is_empty(), rest) {
        (true, _) => None,
        (false, 0) => Some(format!(" (known: {})", sorted.join(", "))),
        (false, rest) => Some(format!(" (known: {} and {rest} more)", sorted.join(", "))),
    };
    [meant, list].into_iter().flatten().collect()
}

fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace('-', "_")
}

/// Longer names are not compared: the cost is the product of both lengths.
const NAME_BYTES_MAX: usize = 128;
const KNOWN_SHOWN_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_the_name_that_was_meant() {
        let known = ["grpc", "http", "endpoint", "max_age", "allowed_origins", "otlp", "otlp_http"];
        for (slip, meant) in [
            ("htttp", "http"),
            ("htpt", "http"),
            ("HTTP", "http"),
            ("endpiont", "endpoint"),
            ("endpoints", "endpoint"),
            ("max-age", "max_age"),
            ("allowedOrigins", "allowed_origins"),
            ("oltp", "otlp"),
        ] {
            assert_eq!(nearest(slip, known), Some(meant), "{slip}");
        }
        for unlike in ["", "x", "kafka", "completely_different", &"h".repeat(1000)] {
            assert_eq!(nearest(unlike, known), None, "{unlike}");
        }
    }

    #[test]
    fn a_suggestion_lists_what_is_known() {
        assert_eq!(suggestion("htttp", &["http", "grpc"]), ": did you mean \"http\"? (known: grpc, http)");
        assert_eq!(suggestion("kafka", &["http", "grpc"]), " (known: grpc, http)");
        assert_eq!(suggestion("zstd", &["", "gzip"]), " (known: gzip)", "the empty word is no advice");
        assert_eq!(suggestion("kafka", &[]), "");
    }
}
