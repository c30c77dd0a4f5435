//! Who may send, and how burgee proves who it is: what the extensions that authenticate do for receivers and exporters.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Problem;

/// Lets clients of a receiver in, or not. Asked for every request, before its body is read.
pub trait ServerAuth: Send + Sync {
    fn authenticate(&self, headers: &HeaderMap) -> Verdict;
}

/// What an authenticator says of a request.
pub enum Verdict {
    Now(Result<(), Denied>),
    /// It takes more than a moment, and is done beside the runtime.
    Later(BoxFuture<'static, Result<(), Denied>>),
}

/// Why a request is not let in. Never has anything of what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It does not prove who it is: 401, `UNAUTHENTICATED`.
    Unauthenticated {
        /// How it could: `www-authenticate` (RFC 9110, 11.6.1).
        challenge: HeaderValue,
        message: Cow<'static, str>,
    },
    /// Too many are being asked who they are: 503, `UNAVAILABLE`; it may come again.
    Busy,
}

/// Proves to a downstream who sends. Asked for every request, so that what is renewed meanwhile is in force.
pub trait ClientAuth: Send + Sync {
    /// Sets its header, whatever was there; its value is marked sensitive.
    fn authorize(&self, headers: &mut HeaderMap);
}

/// The key `auth` of receivers and exporters. Whose it is makes sure that its extension exists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuthKeys {
    /// The id of an extension in `service.extensions`: `bearertokenauth`, `basicauth/inside`.
    pub authenticator: String,
    /// Not in burgee: an error. Of the Collector's HTTP receivers: parameters of the query that authenticate.
    pub request_params: Vec<String>,
}

/// The configured extensions, as `auth.authenticator` finds them. Clones are the same ones.
#[derive(Clone, Default)]
pub struct Authenticators(Arc<HashMap<String, Candidate>>);

/// An extension that `auth.authenticator` may name.
#[derive(Clone, Default)]
pub struct Candidate {
    /// Whether `service.extensions` names it.
    pub is_in_service: bool,
    /// Its own settings are wrong, which is said already.
    pub is_broken: bool,
    pub server: Option<Arc<dyn ServerAuth>>,
    pub client: Option<Arc<dyn ClientAuth>>,
}

impl Verdict {
    pub async fn wait(self) -> Result<(), Denied> {
        match self {
            Verdict::Now(result) => result,
            Verdict::Later(result) => result.await,
        }
    }
}

impl Denied {
    pub fn message(&self) -> &str {
        match self {
            Denied::Unauthenticated { message, .. } => message,
            Denied::Busy => "too many passwords are being checked; send again later",
        }
    }
}

impl Authenticators {
    pub fn new(candidates: impl IntoIterator<Item = (String, Candidate)>) -> Authenticators {
        Authenticators(Arc::new(candidates.into_iter().collect()))
    }

    /// Who lets clients in. None if what is wrong with it is said elsewhere.
    ///
    /// # Errors
    /// There is no such extension, it is not in the service, or it does not do that. The path begins with
    /// `authenticator`.
    pub fn server(&self, keys: &AuthKeys) -> Result<Option<Arc<dyn ServerAuth>>, Problem> {
        let candidate = self.find(keys)?;
        let what = "only proves who burgee is to others, and cannot tell who sends to it";
        side(keys, candidate, candidate.server.clone(), candidate.client.is_some().then_some(what))
    }

    /// Who proves to a downstream who sends. None if what is wrong with it is said elsewhere.
    ///
    /// # Errors
    /// As for [`server`](Authenticators::server).
    pub fn client(&self, keys: &AuthKeys) -> Result<Option<Arc<dyn ClientAuth>>, Problem> {
        let candidate = self.find(keys)?;
        let what = "only tells who sends to burgee, and has nothing to show to others";
        side(keys, candidate, candidate.client.clone(), candidate.server.is_some().then_some(what))
    }

    fn find(&self, AuthKeys { authenticator, request_params }: &AuthKeys) -> Result<&Candidate, Problem> {
        if !request_params.is_empty() {
            let problem =
                Problem::new(&["request_params"], "is not in burgee: what is in a URL ends up in logs");
            return Err(problem.with_help("remove it, and let senders put their credentials into a header"));
        }
        if authenticator.is_empty() {
            let problem = Problem::new(&[KEY], "is missing: auth needs the id of an extension");
            return Err(problem.with_help("write for instance authenticator: bearertokenauth"));
        }
        let Some(candidate) = self.0.get(authenticator) else {
            let problem =
                Problem::new(&[KEY], format!("names {authenticator:?}, which is not among the extensions"));
            let known = self.0.iter().filter(|(_, candidate)| candidate.authenticates());
            let meant = crate::config::nearest(authenticator, known.map(|(id, _)| id.as_str()));
            return Err(problem.with_help(match meant {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => "write it under extensions, and its id into service.extensions".to_owned(),
            }));
        };
        if candidate.is_broken || candidate.is_in_service {
            return Ok(candidate);
        }
        let problem =
            Problem::new(&[KEY], format!("names {authenticator:?}, which is not in service.extensions"));
        Err(problem.with_help("add it there: only then it runs"))
    }
}

impl Candidate {
    fn authenticates(&self) -> bool {
        self.server.is_some() || self.client.is_some()
    }
}

/// The side that is asked for; `otherwise` says why there is only the other one.
fn side<T>(
    AuthKeys { authenticator, .. }: &AuthKeys,
    candidate: &Candidate,
    wanted: Option<T>,
    otherwise: Option<&str>,
) -> Result<Option<T>, Problem> {
    if wanted.is_some() || candidate.is_broken {
        return Ok(wanted);
    }
    let what = otherwise.unwrap_or("does not authenticate anybody");
    let problem = Problem::new(&[KEY], format!("names {authenticator:?}, which {what}"));
    Err(problem.with_help(
        "name a bearertokenauth, or a basicauth with htpasswd (receivers) or client_auth (exporters)",
    ))
}

impl fmt::Debug for Authenticators {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

const KEY: &str = "authenticator";

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl ServerAuth for Nobody {
        fn authenticate(&self, _: &HeaderMap) -> Verdict {
            Verdict::Now(Err(Denied::Busy))
        }
    }

    fn authenticators() -> Authenticators {
        let server = || Some(Arc::new(Nobody) as Arc<dyn ServerAuth>);
        let listed = Candidate { is_in_service: true, server: server(), ..Candidate::default() };
        let broken = Candidate { is_broken: true, ..Candidate::default() };
        Authenticators::new([
            ("basicauth".to_owned(), listed),
            ("basicauth/idle".to_owned(), Candidate { server: server(), ..Candidate::default() }),
            ("admin".to_owned(), Candidate { is_in_service: true, ..Candidate::default() }),
            ("bearertokenauth".to_owned(), broken),
        ])
    }

    fn keys(authenticator: &str) -> AuthKeys {
        AuthKeys { authenticator: authenticator.to_owned(), request_params: Vec::new() }
    }

    #[test]
    fn an_authenticator_is_found_by_its_id() {
        assert!(authenticators().server(&keys("basicauth")).expect("it is right").is_some());
    }

    #[test]
    fn a_mistake_of_the_extension_itself_is_not_said_twice() {
        assert!(authenticators().server(&keys("bearertokenauth")).expect("said elsewhere").is_none());
    }

    #[test]
    fn what_cannot_authenticate_is_refused_with_what_to_do() {
        for (id, says) in [
            ("", "is missing"),
            ("basicauht", "did you mean \"basicauth\"?"),
            ("oidc", "write it under extensions"),
            ("basicauth/idle", "not in service.extensions; add it there"),
            ("admin", "does not authenticate anybody"),
        ] {
            let problem = authenticators().server(&keys(id)).err().expect(id).to_string();
            assert!(problem.contains(says), "{id}: {problem}");
        }
        let params = AuthKeys { request_params: vec!["key".to_owned()], ..keys("basicauth") };
        let problem = authenticators().server(&params).err().expect("no parameters").to_string();
        assert!(problem.starts_with("request_params is not in burgee"), "{problem}");
        let problem = authenticators().client(&keys("basicauth")).err().expect("a server only").to_string();
        assert!(problem.contains("only tells who sends to burgee"), "{problem}");
    }
}
