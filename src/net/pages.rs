//! Small pages for people and probes: who may ask, and how it is answered.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};

use super::{Body, Connection, Limits, RequestBody, Service};
use crate::values::ListenEndpoint;

/// Answers GET and HEAD by the path; everything else is refused.
///
/// A page on loopback is for this machine alone: it answers only those who call it by a name of this machine, so that
/// no web page can read it through a name of its own that it points at 127.0.0.1 (DNS rebinding).
pub struct Pages<F> {
    is_local: bool,
    page: F,
}

impl<F: Fn(&str) -> Response<Body> + Send + Sync + 'static> Pages<F> {
    /// For pages that are served on `endpoint`.
    pub fn new(endpoint: &ListenEndpoint, page: F) -> Pages<F> {
        Pages { is_local: !endpoint.is_public(), page }
    }

    fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
        if self.is_local && !is_of_this_machine(uri, headers) {
            let why = "this page is for this machine: ask for it as localhost, or as 127.0.0.1\n";
            return page(StatusCode::FORBIDDEN, TEXT, why);
        }
        if method != Method::GET && method != Method::HEAD {
            let mut refused =
                page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "there is only something to read here\n");
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        (self.page)(uri.path())
    }
}

impl<F: Fn(&str) -> Response<Body> + Send + Sync + 'static> Service for Pages<F> {
    fn call(&self, request: Request<RequestBody>, _: &Arc<Connection>) -> BoxFuture<'static, Response<Body>> {
        let answer = self.answer(request.method(), request.uri(), request.headers());
        std::future::ready(answer).boxed()
    }
}

/// A page that no browser may take for something else, keep, or show inside another one.
pub fn page(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut page = Response::new(body.into());
    *page.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        page.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    page
}

/// People and probes, not traffic: few connections, and questions are small.
pub fn limits() -> Limits {
    Limits {
        connections_max: CONNECTIONS_MAX,
        h2_connection_window: WINDOW_BYTES,
        h1_buffer_max: WINDOW_BYTES as usize,
        ..Limits::default()
    }
}

/// Whether a request names this machine by a name that only this machine has. HTTP/1.0 may leave the host out; browsers
/// never do.
pub fn is_of_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or("?"));
    let named = uri.authority().map(|authority| authority.as_str());
    named.into_iter().chain(hosts.by_ref()).all(|host| {
        let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|host: IpAddr| host.is_loopback())
    })
}

/// The content type of a text.
pub const TEXT: &str = "text/plain; charset=utf-8";
const CONNECTIONS_MAX: usize = 64;
/// The narrowest that HTTP/2 has.
const WINDOW_BYTES: u32 = 65_535;

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(endpoint: &str, method: Method, uri: &'static str, host: Option<&str>) -> StatusCode {
        let endpoint = endpoint.parse().expect("an endpoint");
        let pages = Pages::new(&endpoint, |_| page(StatusCode::OK, TEXT, "here"));
        let mut headers = HeaderMap::new();
        headers.extend(host.map(|host| (header::HOST, HeaderValue::from_str(host).expect("a host"))));
        pages.answer(&method, &Uri::from_static(uri), &headers).status()
    }

    #[test]
    fn a_page_on_loopback_answers_only_names_of_this_machine() {
        for host in ["localhost", "LOCALHOST:8888", "127.0.0.1:1", "127.8.8.8", "[::1]:8888"] {
            assert_eq!(asked("localhost:8888", Method::GET, "/", Some(host)), StatusCode::OK, "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:8888", "127.0.0.1.evil.example", "10.0.0.1", ""]
        {
            let status = asked("127.0.0.1:8888", Method::GET, "/", Some(host));
            assert_eq!(status, StatusCode::FORBIDDEN, "{host:?}");
        }
        assert_eq!(
            asked("[::1]:8888", Method::GET, "http://evil.example/", Some("localhost")),
            StatusCode::FORBIDDEN
        );
        assert_eq!(asked("localhost:8888", Method::GET, "/", None), StatusCode::OK);
        assert_eq!(asked("0.0.0.0:8888", Method::GET, "/", Some("burgee.example")), StatusCode::OK);
    }

    #[test]
    fn nothing_can_be_changed_by_a_page() {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let status = asked("localhost:8888", method, "/", Some("localhost"));
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        }
        assert_eq!(asked("localhost:8888", Method::HEAD, "/", Some("localhost")), StatusCode::OK);
    }
}
