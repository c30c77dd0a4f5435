//! What a browser would send for a page of an origin: may it?

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};

use super::report::{Mark, Report};
use super::{Failure, raised, send};
use crate::admin::v1;
use crate::config::escape;
use crate::doctor::catalogue;
use crate::net::{Body, Received};

/// Sends the preflight and the request, and compares what they answer with what browsers want.
pub(super) async fn check(
    status: &v1::StatusResponse,
    origin: &str,
    endpoint: Option<&Uri>,
    report: &mut Report,
) -> Result<(), Failure> {
    let shown = escape(origin).into_owned();
    let value = HeaderValue::from_str(origin)
        .ok()
        .filter(|_| origin.contains("://"))
        .ok_or_else(|| Failure::new(format!("--origin {shown} is not an origin; try https://app.example")))?;
    let base = match endpoint {
        Some(url) => plain(url).ok_or_else(|| Failure::new("--endpoint is not http://host:port"))?,
        None => own_port(status)
            .ok_or_else(|| Failure::new("burgee has no port for OTLP; --endpoint names one"))?,
    };
    let url = format!("{base}/v1/traces");
    let ask = async |method: Method, extra: &[(header::HeaderName, &'static str)], body: &'static str| {
        let mut request = Request::builder().method(method).uri(&url).header(header::ORIGIN, value.clone());
        for (name, value) in extra {
            request = request.header(name, *value);
        }
        let request = request
            .body(Body::from(body))
            .map_err(|_| Failure::new(format!("--endpoint {base} is not a URL")))?;
        Ok::<_, Failure>(send(request, WITHIN).await)
    };
    let preflight = ask(
        Method::OPTIONS,
        &[
            (header::ACCESS_CONTROL_REQUEST_METHOD, "POST"),
            (header::ACCESS_CONTROL_REQUEST_HEADERS, "content-type"),
        ],
        "",
    );
    let preflight = preflight.await?;
    let post = ask(Method::POST, &[(header::CONTENT_TYPE, "application/json")], EMPTY).await?;
    let (preflight, post) = match (preflight, post) {
        (Ok(preflight), Ok(post)) => (preflight, post),
        (Err(error), _) | (_, Err(error)) => {
            let why = format!("nothing answers a web page on {}: {error}", escape(&base));
            report.broken(why);
            return Ok(());
        }
    };
    judge(origin, &shown, &base, &preflight, &post, report);
    Ok(())
}

fn judge(
    origin: &str,
    shown: &str,
    base: &str,
    preflight: &http::Response<Received>,
    post: &http::Response<Received>,
    report: &mut Report,
) {
    let (before, after) = (allows(preflight.headers(), origin), allows(post.headers(), origin));
    let base = escape(base);
    let allow = catalogue::allow_origin(shown);
    match (before, after) {
        (Allows::Once, Allows::Once) if !allows_header(preflight.headers(), "content-type") => {
            let evidence = format!("{base} does not let {shown} send the header content-type");
            report.raise(raised("C03", evidence, None));
        }
        (Allows::Once, Allows::Once) => {
            report.line(
                Mark::Good,
                format!("web pages of {shown} may send to {base}: preflight and POST agree"),
            );
        }
        (Allows::Never, Allows::Never) => {
            let evidence =
                format!("{base} does not allow the origin {shown}, neither in the preflight nor on POST");
            report.raise(raised("C01", evidence, Some(allow)));
        }
        (Allows::Twice, _) | (_, Allows::Twice) => {
            let evidence = format!(
                "{base} answers with more than one access-control-allow-origin, which browsers refuse"
            );
            report.raise(raised("C05", evidence, None));
        }
        _ => {
            let (with, without) =
                if before == Allows::Once { ("the preflight", "POST") } else { ("POST", "the preflight") };
            let evidence =
                format!("{base} allows {shown} in its answer to {with} and not in the one to {without}");
            report.raise(raised("C05", evidence, None));
        }
    }
}

/// The URL without what lets somebody in.
fn plain(url: &Uri) -> Option<String> {
    let (scheme, authority) = (url.scheme_str()?, url.authority()?);
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    Some(format!("{scheme}://{host}{}", url.path().trim_end_matches('/')))
}

/// Whether an answer lets a page of the origin read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allows {
    Once,
    Twice,
    Never,
}

fn allows(headers: &HeaderMap, origin: &str) -> Allows {
    let values: Vec<_> = headers.get_all(header::ACCESS_CONTROL_ALLOW_ORIGIN).iter().collect();
    let fits = |value: &HeaderValue| value == "*" || value.as_bytes().eq_ignore_ascii_case(origin.as_bytes());
    match values[..] {
        [one] if fits(one) => Allows::Once,
        [] | [_] => Allows::Never,
        _ => Allows::Twice,
    }
}

fn allows_header(headers: &HeaderMap, name: &str) -> bool {
    let listed =
        headers.get_all(header::ACCESS_CONTROL_ALLOW_HEADERS).iter().filter_map(|value| value.to_str().ok());
    listed
        .flat_map(|list| list.split(','))
        .any(|header| header.trim() == "*" || header.trim().eq_ignore_ascii_case(name))
}

/// The port for OTLP/HTTP of the burgee that was asked: the last one, as receivers open them.
fn own_port(status: &v1::StatusResponse) -> Option<String> {
    let mut otlp = status.listeners.iter().rev().filter(|listener| listener.speaks.contains("OTLP/HTTP"));
    let address: std::net::SocketAddr = otlp.next()?.address.parse().ok()?;
    let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    Some(format!("http://{host}:{}", address.port()))
}

/// An export request with nothing in it.
const EMPTY: &str = r#"{"resourceSpans":[]}"#;
const WITHIN: Duration = Duration::from_secs(5);
