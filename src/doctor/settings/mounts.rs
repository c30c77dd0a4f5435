//! Which file of the host a container sees at a path.

use super::said::Spot;

/// A file or folder of the host in a container.
#[derive(Clone, Debug)]
pub(super) struct Mount {
    /// The path on the host as the compose file says it; none for a volume, whose content nobody knows here.
    pub from: Option<String>,
    /// The path in the container, without a slash at its end.
    pub to: String,
    pub spot: Spot,
}

/// Where the file is that a container has at a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// On the host at this path.
    Host {
        path: String,
        /// Whether the mount names that very file, so that it has to be there.
        is_exact: bool,
    },
    /// In a volume.
    Volume,
}

impl Mount {
    /// `source:target`, `source:target:ro`; none if it is only a target.
    pub(super) fn short(text: &str, spot: Spot) -> Option<Self> {
        // The drive of `C:\goff:/goff` is no source of its own.
        let is_drive = text.as_bytes().get(1) == Some(&b':')
            && text.as_bytes()[0].is_ascii_alphabetic()
            && matches!(text.as_bytes().get(2), Some(b'\\' | b'/'));
        let skipped = if is_drive { 2 } else { 0 };
        let colon = skipped + text.get(skipped..)?.find(':')?;
        let (source, rest) = (&text[..colon], &text[colon + 1..]);
        let target = rest.split_once(':').map_or(rest, |(target, _)| target);
        let is_path = is_drive || source.starts_with(['.', '/', '~', '\\']);
        let from = is_path.then(|| source.to_owned());
        Some(Mount { from, to: target.trim_end_matches('/').to_owned(), spot })
    }
}

/// What a container sees at a path: the innermost mount that has it.
pub(super) fn origin<'a>(mounts: &'a [Mount], path: &str) -> Option<(Origin, &'a Spot)> {
    let path = normal(path);
    let holds = |mount: &&Mount| {
        let rest = path.strip_prefix(mount.to.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mount = mounts.iter().filter(holds).max_by_key(|mount| mount.to.len())?;
    let below = path[mount.to.len()..].trim_start_matches('/');
    let origin = match &mount.from {
        None => Origin::Volume,
        Some(from) if below.is_empty() => Origin::Host { path: from.clone(), is_exact: true },
        Some(from) => {
            Origin::Host { path: format!("{}/{below}", from.trim_end_matches('/')), is_exact: false }
        }
    };
    Some((origin, &mount.spot))
}

/// A path without `.` and `..`.
pub(super) fn normal(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            // There is nothing above the root.
            ".." if path.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{Mount, Origin, normal, origin};
    use crate::doctor::settings::said::Spot;

    fn mount(text: &str) -> Mount {
        Mount::short(text, Spot { file: "compose.yaml".into(), line: 1 }).expect("a mount")
    }

    #[test]
    fn mounts_have_two_ends() {
        for (text, from, to) in [
            ("./a.yaml:/goff/a.yaml:ro", Some("./a.yaml"), "/goff/a.yaml"),
            ("/a:/b/", Some("/a"), "/b"),
            ("conf:/goff", None, "/goff"),
            ("C:\\goff:/goff:ro", Some("C:\\goff"), "/goff"),
        ] {
            let mount = mount(text);
            assert_eq!((mount.from.as_deref(), mount.to.as_str()), (from, to), "{text}");
        }
    }

    #[test]
    fn the_innermost_mount_has_the_file() {
        let mounts =
            [mount("./conf:/goff"), mount("./own.yaml:/goff/goff-proxy.yaml"), mount("data:/etc/opt/goff")];
        let at = |path| origin(&mounts, path).map(|(origin, _)| origin);
        let host = |path: &str, is_exact| Some(Origin::Host { path: path.to_owned(), is_exact });
        assert_eq!(at("/goff/goff-proxy.yaml"), host("./own.yaml", true));
        assert_eq!(at("/goff/./goff-proxy.toml"), host("./conf/goff-proxy.toml", false));
        assert_eq!(at("/etc/opt/goff/goff-proxy.yaml"), Some(Origin::Volume));
        assert_eq!(at("/goffer/goff-proxy.yaml"), None);
    }

    #[test]
    fn paths_lose_their_dots() {
        for (path, expected) in
            [("./a/../b", "b"), ("/a/./b/", "/a/b"), ("../a", "../a"), ("../../a", "../../a"), ("/..", "/")]
        {
            assert_eq!(normal(path), expected, "{path}");
        }
    }
}
