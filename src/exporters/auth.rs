//! The key `auth` of both network exporters.

use std::sync::Arc;

use http::Uri;

use super::{Notes, Problem, endpoint};
use crate::component::{AuthKeys, Authenticators, ClientAuth};

/// Who proves to these destinations that it is burgee which sends, if anybody is to.
pub(super) fn client<'u>(
    keys: Option<&AuthKeys>,
    authenticators: &Authenticators,
    destinations: impl IntoIterator<Item = &'u Uri>,
    notes: &mut Notes,
) -> Option<Arc<dyn ClientAuth>> {
    let found = authenticators.client(keys?).map_err(|problem| problem.below(&["auth"]));
    let mut open = destinations.into_iter().filter(|uri| !endpoint::is_secure(uri) && !is_this_machine(uri));
    if let Some(uri) = open.next() {
        let message = format!("sends credentials to {} in plain text", endpoint::shown(uri));
        notes.warnings.push(Problem::new(&["auth"], message).with_help("use an https:// endpoint"));
    }
    notes.take(found).flatten()
}

fn is_this_machine(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;
    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::component::{Candidate, Exporter, Outcome};
    use crate::exporters::scripted::{Downstream, Reply, try_once};
    use crate::exporters::{Built, otlp_grpc, otlp_http};
    use crate::net::Protocol;

    struct Word;

    impl ClientAuth for Word {
        fn authorize(&self, headers: &mut HeaderMap) {
            headers.insert(AUTHORIZATION, HeaderValue::from_static("the word"));
        }
    }

    fn authenticators() -> Authenticators {
        let word = Candidate { is_in_service: true, client: Some(Arc::new(Word)), ..Candidate::default() };
        Authenticators::new([("word".to_owned(), word)])
    }

    fn built(protocol: Protocol, endpoint: &str, authenticator: &str) -> Result<Built, Vec<Problem>> {
        let json = format!(
            r#"{{"endpoint": "{endpoint}", "auth": {{"authenticator": "{authenticator}"}},
                "headers": {{"authorization": "another"}}}}"#
        );
        match protocol {
            Protocol::Http1 => {
                otlp_http::build(&serde_json::from_str(&json).expect("the keys are known"), &authenticators())
            }
            Protocol::Http2 => {
                otlp_grpc::build(&serde_json::from_str(&json).expect("the keys are known"), &authenticators())
            }
        }
    }

    #[tokio::test]
    async fn every_request_says_who_sends_it_whatever_its_headers_say() {
        for (protocol, yes) in [
            (Protocol::Http1, Reply::http(200, &[], "")),
            (
                Protocol::Http2,
                Reply::http(200, &[("content-type", "application/grpc"), ("grpc-status", "0")], ""),
            ),
        ] {
            let downstream = Downstream::start(protocol).await;
            downstream.reply(yes);
            let built =
                built(protocol, &format!("http://{}", downstream.address), "word").expect("it is right");
            assert!(built.warnings.is_empty(), "{built:?}");
            let exporter: &dyn Exporter = &*built.exporter;
            assert_eq!(try_once(exporter).await, Outcome::Accepted);
            assert_eq!(downstream.seen()[0].header("authorization"), "the word");
        }
    }

    #[test]
    fn credentials_in_plain_text_are_a_warning_beyond_this_machine() {
        for (endpoint, warns) in [
            ("http://collector.test:9", true),
            ("https://collector.test:9", false),
            ("http://localhost:9", false),
            ("http://[::1]:9", false),
        ] {
            for protocol in [Protocol::Http1, Protocol::Http2] {
                let built = built(protocol, endpoint, "word").expect("it is right");
                let says = built
                    .warnings
                    .iter()
                    .any(|warning| warning.path == ["auth"] && warning.message.contains("in plain text"));
                assert_eq!(says, warns, "{endpoint}: {built:?}");
            }
        }
    }

    #[test]
    fn an_authenticator_that_does_not_exist_is_an_error_at_its_key() {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let problems = built(protocol, "http://localhost:9", "wrod").expect_err("there is none");
            assert_eq!(problems[0].path, ["auth", "authenticator"]);
            assert_eq!(problems[0].help.as_deref(), Some("did you mean \"word\"?"));
        }
    }
}
