//! `${VAR}` in compose files and env files.

/// Where variables come from: none if it is in no file.
pub(super) type Lookup<'a> = dyn FnMut(&str) -> Option<String> + 'a;

/// The text with its variables, as compose reads it: `$VAR`, `${VAR}`, `${VAR:-default}`, `${VAR:+other}`,
/// `${VAR:?message}`, the same three without `:`, and `$$` for a dollar.
///
/// None if a variable without a default is in no file: the shell may have it.
pub(super) fn interpolate(text: &str, lookup: &mut Lookup<'_>) -> Option<String> {
    if !text.contains('$') {
        return Some(text.to_owned());
    }
    expand(text, lookup, 0)
}

fn expand(text: &str, lookup: &mut Lookup<'_>, depth: usize) -> Option<String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        expanded.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('{') {
            let end = closing(inner)?;
            expanded.push_str(&braced(&inner[..end], lookup, depth)?);
            rest = &inner[end + 1..];
        } else {
            let name = &rest[..name_end(rest)];
            match name {
                "" => expanded.push('$'),
                name => expanded.push_str(&lookup(name)?),
            }
            rest = &rest[name.len()..];
        }
        if expanded.len() > EXPANDED_BYTES_MAX {
            return None;
        }
    }
    expanded.push_str(rest);
    Some(expanded)
}

/// What stands between `${` and `}`.
fn braced(inner: &str, lookup: &mut Lookup<'_>, depth: usize) -> Option<String> {
    let (name, operator) = inner.split_at(name_end(inner));
    let value = lookup(name);
    let (empty_counts, operator) = match operator.strip_prefix(':') {
        Some(operator) => (false, operator),
        None => (true, operator),
    };
    let value = value.filter(|value| empty_counts || !value.is_empty());
    let Some(kind) = operator.chars().next() else { return value };
    let word = &operator[kind.len_utf8()..];
    if depth >= DEPTH_MAX {
        return None;
    }
    match (kind, value) {
        ('-' | '?', Some(value)) => Some(value),
        ('-', None) => expand(word, lookup, depth + 1),
        ('+', Some(_)) => expand(word, lookup, depth + 1),
        _ => None,
    }
}

/// Where the `}` is that ends `${`; there may be more `${…}` before it.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => open += 1,
            b'}' if open == 0 => return Some(at),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
}

fn name_end(text: &str) -> usize {
    text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len())
}

const DEPTH_MAX: usize = 8;
/// A variable may hold much, and be named often.
const EXPANDED_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::interpolate;

    fn read(text: &str) -> Option<String> {
        interpolate(text, &mut |name| match name {
            "HOST" => Some("burgee".to_owned()),
            "EMPTY" => Some(String::new()),
            "LONG" => Some("x".repeat(60_000)),
            _ => None,
        })
    }

    #[test]
    fn variables_are_read_as_compose_reads_them() {
        for (text, expected) in [
            ("plain", Some("plain")),
            ("http://$HOST:4318", Some("http://burgee:4318")),
            ("http://${HOST}:4318", Some("http://burgee:4318")),
            ("${EMPTY:-default}", Some("default")),
            ("${EMPTY-default}", Some("")),
            ("${MISSING:-default}", Some("default")),
            ("${MISSING-http://${HOST}:4318}", Some("http://burgee:4318")),
            ("${MISSING:-${ALSO:-x}}", Some("x")),
            ("${HOST:+other}", Some("other")),
            ("${HOST:?is needed}", Some("burgee")),
            ("a$$b", Some("a$b")),
            ("costs $ 5", Some("costs $ 5")),
            ("${MISSING}", None),
            ("$MISSING", None),
            ("${MISSING:?is needed}", None),
            ("${never closed", None),
        ] {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_grows_without_end_is_not_known() {
        assert_eq!(read("$LONG$LONG"), None);
        let nested = format!("{}x{}", "${M:-".repeat(50), "}".repeat(50));
        assert_eq!(read(&nested), None);
    }
}
