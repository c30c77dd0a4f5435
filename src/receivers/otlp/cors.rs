//! Which web pages may send: from `cors` to a layer.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer, ExposeHeaders};

use super::Cors;
use super::origins::Origins;

impl Cors {
    /// Entries that can never match, or that are no header names.
    pub(super) fn errors(&self) -> Vec<(&'static str, String)> {
        let mut errors = Vec::new();
        for origin in self.allowed_origins.iter().filter(|origin| *origin != ANY) {
            if origin.matches('*').count() > 1 {
                errors.push(("allowed_origins", format!("{origin:?} has more than one *; one is allowed")));
            } else if origin.ends_with('/') {
                let without = origin.trim_end_matches('/');
                let what = format!("{origin:?} ends with a /, which no origin does; try {without:?}");
                errors.push(("allowed_origins", what));
            } else if !origin.contains('*') && !origin.contains("://") {
                let what = format!("{origin:?} has no scheme; try \"https://{origin}\"");
                errors.push(("allowed_origins", what));
            }
        }
        let headers =
            [("allowed_headers", &self.allowed_headers), ("exposed_headers", &self.exposed_headers)];
        for (key, names) in headers {
            for name in names.iter().filter(|name| *name != ANY) {
                if HeaderName::try_from(name.as_str()).is_err() {
                    errors.push((key, format!("{name:?} is not the name of a header")));
                }
            }
        }
        errors
    }

    /// The layer, or none if no origin is allowed. Names that are not headers are left out.
    pub(super) fn layer(&self) -> Option<CorsLayer> {
        let origins = Origins::of(self)?;
        let headers = match self.headers() {
            // a literal * would not cover requests with credentials
            None => AllowHeaders::mirror_request(),
            Some(names) => AllowHeaders::list(names),
        };
        let mut exposed = vec![header::RETRY_AFTER];
        exposed.extend(names(&self.exposed_headers));
        let mut layer = CorsLayer::new()
            .allow_methods([Method::POST])
            .allow_headers(headers)
            .expose_headers(ExposeHeaders::list(exposed));
        if self.max_age > 0 {
            layer = layer.max_age(Duration::from_secs(self.max_age));
        }
        Some(if origins.are_all() {
            // browsers refuse the pair of * and credentials
            layer.allow_origin(AllowOrigin::any())
        } else {
            layer.allow_credentials(true).allow_origin(AllowOrigin::predicate(
                move |origin: &HeaderValue, _| origin.to_str().is_ok_and(|origin| origins.allow(origin)),
            ))
        })
    }

    /// The headers that a page may send; `None` for every header.
    pub(super) fn headers(&self) -> Option<Vec<HeaderName>> {
        if self.allowed_headers.iter().any(|name| name == ANY) {
            return None;
        }
        let mut allowed = vec![header::ACCEPT, header::CONTENT_TYPE, X_REQUESTED_WITH];
        allowed.extend(names(&self.allowed_headers));
        Some(allowed)
    }
}

fn names(names: &[String]) -> Vec<HeaderName> {
    names.iter().filter_map(|name| HeaderName::try_from(name.as_str()).ok()).collect()
}

pub(super) const ANY: &str = "*";
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
