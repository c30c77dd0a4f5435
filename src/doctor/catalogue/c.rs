//! Browsers and CORS.

use crate::doctor::{Entry, Severity};

pub(super) static ENTRIES: [Entry; 7] = [
    Entry {
        id: "C01",
        severity: Severity::Error,
        title: "A web page may not send here: its origin is not allowed",
        means: "Before a page sends telemetry to another origin, its browser asks burgee for permission, and \
                burgee allows only the origins in `cors.allowed_origins`; without that key, none. The page's \
                spans never leave the browser.",
        fix: concat!(
            "Allow the page's origin, written as the browser shows it:\n",
            "receivers:\n",
            "  otlp:\n",
            "    protocols:\n",
            "      http:\n",
            "        cors:\n",
            "          allowed_origins: [\"http://localhost:4200\"]",
        ),
        symptoms: &[
            "has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present",
            "Response to preflight request doesn't pass access control check",
            "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource",
            "CORS header 'Access-Control-Allow-Origin' missing",
            "Origin is not allowed by Access-Control-Allow-Origin",
            "TypeError: Failed to fetch",
            "no traces from the browser",
        ],
        noticed_by: "Preflight requests from an origin that the configuration does not allow.",
    },
    Entry {
        id: "C02",
        severity: Severity::Error,
        title: "A refused origin is almost one that is allowed",
        means: "A page was refused whose origin differs from an allowed one only in its scheme, its port, or \
                in `localhost` against `127.0.0.1`. For browsers these are different origins. An origin is a \
                scheme, a host and a port that is not the usual one, without a slash at the end.",
        fix: concat!(
            "Write the origin exactly as the browser sends it; several are allowed:\n",
            "cors:\n",
            "  allowed_origins: [\"http://localhost:4200\", \"http://127.0.0.1:4200\"]",
        ),
        symptoms: &[
            "CORS error although the origin is allowed",
            "origin with a trailing slash",
            "http instead of https in allowed_origins",
            "localhost and 127.0.0.1 are different origins",
            "The 'Access-Control-Allow-Origin' header has a value that is not equal to the supplied origin",
        ],
        noticed_by: "Preflight requests from an origin that is close to one in the configuration.",
    },
    Entry {
        id: "C03",
        severity: Severity::Error,
        title: "A web page wants to send a header that is not allowed",
        means: "The page's origin is allowed, but its browser asks for a header beyond `accept`, \
                `content-type` and `x-requested-with`. That is often an API key, or `traceparent` when the \
                fetch instrumentation traces the exporter's own requests. The browser does not send the \
                request.",
        fix: concat!(
            "Allow the header beside the origin:\n",
            "cors:\n",
            "  allowed_origins: [\"http://localhost:4200\"]\n",
            "  allowed_headers: [x-api-key, traceparent, tracestate]",
        ),
        symptoms: &[
            "Request header field x-api-key is not allowed by Access-Control-Allow-Headers",
            "Request header field traceparent is not allowed by Access-Control-Allow-Headers",
            "Request header field content-type is not allowed by Access-Control-Allow-Headers",
            "is not allowed according to header 'Access-Control-Allow-Headers' from CORS preflight",
        ],
        noticed_by: "Preflight requests whose `Access-Control-Request-Headers` go beyond what is allowed.",
    },
    Entry {
        id: "C04",
        severity: Severity::Error,
        title: "A web page sends credentials, and every origin is allowed",
        means: "`allowed_origins: [\"*\"]` lets every page send, but browsers refuse to combine it with \
                credentials: cookies, or a `fetch` with `credentials: 'include'`. The beacon that some SDKs \
                use when a page closes has credentials, too. Pages without credentials are not affected.",
        fix: concat!(
            "Name the origins instead of `*`:\n",
            "cors:\n",
            "  allowed_origins: [\"https://shop.example.com\", \"http://localhost:4200\"]",
        ),
        symptoms: &[
            "must not be the wildcard '*' when the request's credentials mode is 'include'",
            "Credential is not supported if the CORS header 'Access-Control-Allow-Origin' is '*'",
            "Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true",
            "sendBeacon blocked by CORS",
        ],
        noticed_by: "Requests of web pages with a cookie or `Authorization`, while the configuration allows \
                     every origin.",
    },
    Entry {
        id: "C05",
        severity: Severity::Error,
        title: "Something in front of burgee removes or doubles CORS headers",
        means: "burgee's answers have the CORS headers, and what arrives at the browser does not, or has \
                them twice. A reverse proxy, an ingress or a gateway changes them, often on errors only or \
                on the POST but not on the preflight. The browser then reports a CORS error whatever burgee \
                allows.",
        fix: concat!(
            "Let the proxy pass burgee's answers as they are, without headers of its own; in nginx:\n",
            "location /v1/ {\n",
            "  proxy_pass http://burgee:4318;\n",
            "}",
        ),
        symptoms: &[
            "preflight is fine but the POST is blocked by CORS policy",
            "The 'Access-Control-Allow-Origin' header contains multiple values",
            "CORS error behind nginx",
            "CORS error only for failed requests",
        ],
        noticed_by: "`burgee doctor --origin ORIGIN` sends OPTIONS and POST as a browser would, and \
                     compares.",
    },
    Entry {
        id: "C06",
        severity: Severity::Warning,
        title: "A page over https sends to burgee over http",
        means: "Browsers block requests from a secure page to a plain `http://` address, unless it is this \
                machine. What arrives has come through something that ends TLS, or from a browser that is \
                less strict; other visitors' spans are lost without a trace here.",
        fix: concat!(
            "Give the port TLS, or put it behind the page's own host:\n",
            "protocols:\n",
            "  http:\n",
            "    tls:\n",
            "      cert_file: server.crt\n",
            "      key_file: server.key",
        ),
        symptoms: &[
            "Mixed Content: The page was loaded over HTTPS, but requested an insecure resource",
            "This request has been blocked; the content must be served over HTTPS",
            "Blocked loading mixed active content",
            "was not allowed to run insecure content",
        ],
        noticed_by: "Requests with `Origin: https://…` to a port in plain text that is not on loopback.",
    },
    Entry {
        id: "C07",
        severity: Severity::Warning,
        title: "Traces of a web page end at the browser",
        means: "The page's spans arrive, and the service that it calls begins a trace of its own. The fetch \
                and XHR instrumentations send `traceparent` only to the page's own origin unless they are \
                told of others, and the service has to allow that header in its own CORS settings. Flags \
                that were evaluated behind it are not connected to the visit.",
        fix: concat!(
            "Name the service's origin, and allow `traceparent` in that service's CORS settings:\n",
            "new FetchInstrumentation({\n",
            "  propagateTraceHeaderCorsUrls: [/^https:\\/\\/api\\.example\\.com\\//],\n",
            "})",
        ),
        symptoms: &[
            "front-end and back-end traces are not connected",
            "browser trace stops at fetch",
            "traceparent is not sent cross-origin",
            "propagateTraceHeaderCorsUrls",
        ],
        noticed_by: "A browser's client spans to an origin whose service's server spans have no parent.",
    },
];
