#![doc = include_str!("README.md")]

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::header::{WRONG, challenge, credentials, denied};
use super::watched;
use crate::component::{BuildContext, ClientAuth, Extension, Problem, ServerAuth, Verdict};
use crate::values::{Secret, Unread};

/// The keys of `bearertokenauth`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What stands before the token; empty: nothing.
    pub scheme: String,
    /// The header that has the token.
    pub header: String,
    /// The token that is sent, and taken.
    pub token: Secret,
    /// Several that are taken, instead of `token`; the first is sent.
    pub tokens: Vec<Secret>,
    /// A file with a token a line, read again when it changes; then `token` and `tokens` have no effect.
    pub filename: PathBuf,
    file_retry: Option<Unread>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            scheme: "Bearer".to_owned(),
            header: "Authorization".to_owned(),
            token: Secret::default(),
            tokens: Vec::new(),
            filename: PathBuf::new(),
            file_retry: None,
        }
    }
}

/// Builds the extension, which is both: what lets senders in, and what proves to a downstream who sends.
///
/// # Errors
/// Every key that is wrong, a file that cannot be read, and that there is no token.
pub fn build(config: &Config, cx: &mut BuildContext) -> Result<Extension, Vec<Problem>> {
    let mut problems = Vec::new();
    let header = HeaderName::from_bytes(config.header.trim().as_bytes());
    if header.is_err() {
        problems
            .push(Problem::new(&["header"], "is not the name of a header").with_help("write Authorization"));
    }
    let challenge =
        challenge(if config.scheme.is_empty() { &config.header } else { &config.scheme }, "burgee");
    // As a header's name, a scheme is a token (RFC 9110, 11.1).
    if !config.scheme.is_empty() && HeaderName::from_bytes(config.scheme.as_bytes()).is_err() {
        problems.push(Problem::new(&["scheme"], "is not one word, such as Bearer or ApiKey"));
    }
    let found = config.tokens().and_then(|(key, found)| {
        let tokens = Tokens::new(&config.scheme, &found);
        tokens.map(|tokens| (found, tokens)).map_err(|what| Problem::new(&[key], what))
    });
    let found = found.map_err(|problem| problems.push(problem)).ok();
    let (Some((found, tokens)), Ok(header), Some(challenge), []) = (found, header, challenge, &problems[..])
    else {
        return Err(problems);
    };
    let scheme = config.scheme.clone();
    let bearer = Arc::new(Bearer { header, scheme, challenge, tokens: ArcSwap::from_pointee(tokens) });
    if let Some(path) = config.file() {
        let of_task = Arc::clone(&bearer);
        watched::follow(cx, vec![path], found, move |contents| {
            let tokens = Tokens::new(&of_task.scheme, &lines(contents))?;
            of_task.tokens.store(Arc::new(tokens));
            Ok(())
        });
    }
    Ok(Extension {
        server_auth: Some(Arc::<Bearer>::clone(&bearer)),
        client_auth: Some(bearer),
        warnings: config.warnings(),
        ..Extension::default()
    })
}

impl Config {
    fn file(&self) -> Option<PathBuf> {
        Some(self.filename.clone()).filter(|path| !path.as_os_str().is_empty())
    }

    /// The key that has the tokens, and what stands there: a file's content is one text.
    fn tokens(&self) -> Result<(&'static str, Vec<Secret>), Problem> {
        match (self.file(), self.token.is_empty(), self.tokens.is_empty()) {
            (Some(path), ..) => {
                let contents = watched::read(&[path]).map_err(|why| Problem::new(&["filename"], why))?;
                Ok(("filename", contents))
            }
            (None, false, true) => Ok(("token", vec![self.token.clone()])),
            (None, true, false) => Ok(("tokens", self.tokens.clone())),
            (None, false, false) => {
                let problem = Problem::new(&["tokens"], "stands beside token: only one of them can be meant");
                Err(problem.with_help("write them all under tokens; the first is the one that is sent"))
            }
            (None, true, true) => {
                let problem = Problem::new(&["token"], "is missing: there is no token to send or to take");
                Err(problem.with_help("write token: ${env:TOKEN}, tokens: [...] or filename: path"))
            }
        }
    }

    fn warnings(&self) -> Vec<Problem> {
        let without_effect = |key| {
            let warning = Problem::new(&[key], "has no effect beside filename");
            warning.with_help("remove one of them")
        };
        let mut warnings = Vec::new();
        if self.file().is_some() {
            warnings.extend((!self.token.is_empty()).then(|| without_effect("token")));
            warnings.extend((!self.tokens.is_empty()).then(|| without_effect("tokens")));
        }
        if self.file_retry.is_some() {
            let warning = Problem::unused(&["file_retry"]);
            warnings.push(
                warning.with_help("the file has to be there at the start, and is looked at every second"),
            );
        }
        warnings
    }
}

struct Bearer {
    header: HeaderName,
    scheme: String,
    challenge: HeaderValue,
    tokens: ArcSwap<Tokens>,
}

struct Tokens {
    /// What is compared: of one length, whatever was written.
    digests: Vec<[u8; 32]>,
    /// The value with the first of them.
    sent: HeaderValue,
}

impl Tokens {
    fn new(scheme: &str, texts: &[Secret]) -> Result<Tokens, String> {
        let tokens = lines(texts);
        let Some(first) = tokens.first() else { return Err("has no token in it".to_owned()) };
        if texts.len() > 1 && tokens.len() < texts.len() {
            return Err("has an empty one among them, which anybody could send".to_owned());
        }
        let is_usable = |token: &Secret| HeaderValue::from_str(token.reveal()).is_ok();
        if !tokens.iter().all(is_usable) {
            return Err("has a token that no header can carry: a control character is in it".to_owned());
        }
        let value = if scheme.is_empty() {
            first.reveal().to_owned()
        } else {
            format!("{scheme} {}", first.reveal())
        };
        let mut sent =
            HeaderValue::from_str(&value).map_err(|_| "has a token that no header can carry".to_owned())?;
        sent.set_sensitive(true);
        let digests = tokens.iter().map(|token| Sha256::digest(token.reveal().as_bytes()).into()).collect();
        Ok(Tokens { digests, sent })
    }

    /// Takes the same time for every token, whichever of them it is like and however far.
    fn have(&self, token: &[u8]) -> bool {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let matches = |found: Choice, known: &[u8; 32]| found | known.ct_eq(&digest);
        self.digests.iter().fold(Choice::from(0), matches).into()
    }
}

/// The tokens in some texts: one a line, without what is around it.
fn lines(texts: &[Secret]) -> Vec<Secret> {
    let lines = texts.iter().flat_map(|text| text.reveal().lines());
    lines.map(str::trim).filter(|line| !line.is_empty()).map(Secret::new).collect()
}

impl ServerAuth for Bearer {
    fn authenticate(&self, headers: &HeaderMap) -> Verdict {
        let verdict = match credentials(headers, &self.header, &self.scheme) {
            Ok(token) if self.tokens.load().have(token) => Ok(()),
            Ok(_) => Err(WRONG),
            Err(why) => Err(why),
        };
        Verdict::Now(verdict.map_err(|why| denied(&self.challenge, why)))
    }
}

impl ClientAuth for Bearer {
    fn authorize(&self, headers: &mut HeaderMap) {
        headers.insert(self.header.clone(), self.tokens.load().sent.clone());
    }
}

#[cfg(test)]
mod tests;
