//! Which web pages may send: from `cors` to a layer.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer, ExposeHeaders};

use super::Cors;

/// One entry of `allowed_origins`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origins {
    Exact(String),
    /// With one `*`: what stands before and after it.
    Between(String, String),
}

impl Origins {
    /// Origins are compared without regard to case, as the Collector does it.
    fn parse(text: &str) -> Origins {
        let text = text.to_ascii_lowercase();
        match text.split_once('*') {
            Some((before, after)) => Origins::Between(before.into(), after.into()),
            None => Origins::Exact(text),
        }
    }

    fn allow(&self, origin: &str) -> bool {
        match self {
            Origins::Exact(text) => origin == text,
            Origins::Between(before, after) => {
                origin.len() >= before.len() + after.len()
                    && origin.starts_with(before)
                    && origin.ends_with(after)
            }
        }
    }
}

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
        if self.allowed_origins.is_empty() {
            return None;
        }
        let every_page = self.allowed_origins.iter().any(|origin| origin == ANY);
        let every_header = self.allowed_headers.iter().any(|name| name == ANY);
        let names = |names: &[String]| -> Vec<HeaderName> {
            names.iter().filter_map(|name| HeaderName::try_from(name.as_str()).ok()).collect()
        };
        let headers = if every_header {
            // a literal * would not cover requests with credentials
            AllowHeaders::mirror_request()
        } else {
            let mut allowed = vec![header::ACCEPT, header::CONTENT_TYPE, X_REQUESTED_WITH];
            allowed.extend(names(&self.allowed_headers));
            AllowHeaders::list(allowed)
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
        Some(if every_page {
            // browsers refuse the pair of * and credentials
            layer.allow_origin(AllowOrigin::any())
        } else {
            let origins: Vec<_> = self.allowed_origins.iter().map(|origin| Origins::parse(origin)).collect();
            layer.allow_credentials(true).allow_origin(AllowOrigin::predicate(
                move |origin: &HeaderValue, _| {
                    let Ok(origin) = origin.to_str() else { return false };
                    let origin = origin.to_ascii_lowercase();
                    origins.iter().any(|allowed| allowed.allow(&origin))
                },
            ))
        })
    }
}

const ANY: &str = "*";
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
