//! Proves to a downstream who sends.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use super::ClientKeys;
use crate::component::{BuildContext, ClientAuth, Problem};
use crate::extensions::watched;
use crate::values::Secret;

type Built = (Arc<dyn ClientAuth>, Vec<Problem>);

pub(super) fn build(keys: &ClientKeys, cx: &mut BuildContext) -> Result<Built, Vec<Problem>> {
    let mut warnings = Vec::new();
    let user = Part::of(
        "username",
        Secret::new(&keys.username),
        "username_file",
        &keys.username_file,
        &mut warnings,
    );
    let password =
        Part::of("password", keys.password.clone(), "password_file", &keys.password_file, &mut warnings);
    let mut problems = Vec::new();
    let mut read = |part: &Part| part.read().map_err(|problem| problems.push(problem)).ok();
    let (Some(name), Some(word)) = (read(&user), read(&password)) else { return Err(problems) };
    if trimmed(&name).is_empty() {
        let problem = Problem::new(&["client_auth", "username"], "is missing: there is nobody to be");
        return Err(vec![problem.with_help("write username: me, or username_file: path")]);
    }
    let key = if user.file.is_some() { "username_file" } else { "username" };
    let value = self::value(&name, &word).map_err(|why| vec![Problem::new(&["client_auth", key], why)])?;
    let client = Arc::new(Basic(ArcSwap::from_pointee(value)));

    let files: Vec<PathBuf> = [&user, &password].into_iter().filter_map(|part| part.file.clone()).collect();
    if !files.is_empty() {
        // in the order of `files`
        let known = [(&user, name), (&password, word)].into_iter().filter(|(part, _)| part.file.is_some());
        let known = known.map(|(_, text)| text).collect();
        let of_task = Arc::clone(&client);
        watched::follow(cx, files, known, move |contents| {
            let mut contents = contents.iter();
            let mut text = |part: &Part| match part.file {
                Some(_) => contents.next().expect("there is a content for each file").clone(),
                None => part.inline.clone(),
            };
            let (name, word) = (text(&user), text(&password));
            of_task.0.store(Arc::new(value_of_file(&name, &word)?));
            Ok(())
        });
    }
    Ok((client, warnings))
}

/// A name or a password, wherever it comes from.
struct Part {
    inline: Secret,
    file_key: &'static str,
    file: Option<PathBuf>,
}

impl Part {
    fn of(
        key: &'static str,
        inline: Secret,
        file_key: &'static str,
        file: &Path,
        warnings: &mut Vec<Problem>,
    ) -> Part {
        let file = Some(file.to_owned()).filter(|path| !path.as_os_str().is_empty());
        if file.is_some() && !inline.is_empty() {
            let warning = Problem::new(&["client_auth", key], format!("has no effect beside {file_key}"));
            warnings.push(warning.with_help("remove one of them"));
        }
        Part { inline, file_key, file }
    }

    fn read(&self) -> Result<Secret, Problem> {
        let Some(path) = &self.file else { return Ok(self.inline.clone()) };
        let contents = watched::read(std::slice::from_ref(path));
        let contents = contents.map_err(|why| Problem::new(&["client_auth", self.file_key], why))?;
        Ok(contents.into_iter().next().unwrap_or_default())
    }
}

struct Basic(ArcSwap<HeaderValue>);

impl ClientAuth for Basic {
    fn authorize(&self, headers: &mut HeaderMap) {
        headers.insert(AUTHORIZATION, HeaderValue::clone(&self.0.load()));
    }
}

fn value_of_file(user: &Secret, password: &Secret) -> Result<HeaderValue, String> {
    match trimmed(user).is_empty() {
        true => Err("the file of the name is empty".to_owned()),
        false => value(user, password),
    }
}

fn value(user: &Secret, password: &Secret) -> Result<HeaderValue, String> {
    let (user, password) = (trimmed(user), trimmed(password));
    if user.contains(':') {
        return Err("has a colon, which a name cannot have (RFC 7617)".to_owned());
    }
    let text = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut value = HeaderValue::from_str(&text).expect("base64 is a header value");
    value.set_sensitive(true);
    Ok(value)
}

/// Editors end files with a line break, which is nobody's password.
fn trimmed(text: &Secret) -> &str {
    text.reveal().trim_end_matches(['\r', '\n'])
}
