//! What browsers print on their consoles. Chrome, Firefox and Safari have their own words for each of these.

use super::{Row, Topic};

pub(super) static ROWS: [Row; 8] = [
    Row {
        topic: Topic::Cors,
        texts: &[
            "is not allowed by Access-Control-Allow-Headers",
            "is not allowed according to header 'Access-Control-Allow-Headers'",
            "missing token in CORS header 'Access-Control-Allow-Headers'",
        ],
        also: &[],
        status: None,
        title: "A page wants to send a header that CORS does not allow",
        means: "The page's origin is allowed, but not the header that is named in the message. The browser \
                does not send the request.",
        fix: concat!(
            "Allow the header beside the origin:\n",
            "cors:\n",
            "  allowed_origins: [\"http://localhost:4200\"]\n",
            "  allowed_headers: [x-api-key, traceparent]",
        ),
        see: &["C03"],
    },
    Row {
        topic: Topic::Cors,
        texts: &[
            "must not be the wildcard '*' when the request's credentials mode is 'include'",
            "Credential is not supported if the CORS header 'Access-Control-Allow-Origin' is '*'",
            "Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true",
        ],
        also: &[],
        status: None,
        title: "A page sends credentials, and every origin is allowed",
        means: "Browsers do not combine `*` with cookies and other credentials. Only named origins may have \
                them.",
        fix: concat!(
            "Name the origins instead of `*`:\n",
            "cors:\n",
            "  allowed_origins: [\"https://shop.example.com\"]",
        ),
        see: &["C04"],
    },
    Row {
        topic: Topic::Cors,
        texts: &[
            "header contains multiple values",
            "Multiple CORS header 'Access-Control-Allow-Origin' not allowed",
            "Access-Control-Allow-Origin cannot contain more than one origin",
        ],
        also: &[],
        status: None,
        title: "Two programs answer for CORS",
        means: "The collector and a proxy in front of it both add the header, and browsers accept only one.",
        fix: "Let the proxy pass the collector's answers as they are, and remove its own Access-Control \
              lines.",
        see: &["C05"],
    },
    Row {
        topic: Topic::Cors,
        texts: &["that is not equal to the supplied origin", "'Access-Control-Allow-Origin' does not match"],
        also: &[],
        status: None,
        title: "CORS allows another origin than this page's",
        means: "The allowed origin and the page's differ, if only in http and https, in the port, in \
                `localhost` and `127.0.0.1`, or in a slash at the end.",
        fix: concat!(
            "Write the origin exactly as the message has it:\n",
            "cors:\n",
            "  allowed_origins: [\"http://localhost:4200\"]",
        ),
        see: &["C02"],
    },
    Row {
        topic: Topic::Cors,
        texts: &[
            "It does not have HTTP ok status",
            "CORS preflight did not succeed",
            "CORS preflight channel did not succeed",
            "Preflight response is not successful",
        ],
        also: &[],
        status: None,
        title: "The answer to the preflight is an error",
        means: "Before it sends, the browser asks with OPTIONS, and what answers there says 4xx or 5xx: the \
                path is wrong, CORS is switched off, or a proxy wants credentials, which a preflight never \
                has.",
        fix: concat!(
            "See who answers, and how:\n",
            "curl -i -X OPTIONS -H 'origin: http://localhost:4200' \\\n",
            "  -H 'access-control-request-method: POST' http://burgee:4318/v1/traces",
        ),
        see: &["C01", "C05", "P05"],
    },
    Row {
        topic: Topic::Cors,
        texts: &[
            "blocked by CORS policy: No 'Access-Control-Allow-Origin' header",
            "Response to preflight request doesn't pass access control check",
            "blocked by CORS policy",
            "CORS header 'Access-Control-Allow-Origin' missing",
            "is not allowed by Access-Control-Allow-Origin",
            "Cross-Origin Request Blocked",
            "due to access control checks",
        ],
        also: &[],
        status: None,
        title: "The page's origin may not send to this receiver",
        means: "Before a page sends to another origin, its browser asks for permission, and the receiver \
                gave none. burgee allows the origins in `cors.allowed_origins`, and none without that key.",
        fix: concat!(
            "Allow the page's origin, written as the browser shows it:\n",
            "receivers:\n",
            "  otlp:\n",
            "    protocols:\n",
            "      http:\n",
            "        cors:\n",
            "          allowed_origins: [\"http://localhost:4200\"]",
        ),
        see: &["C01", "C02", "C05"],
    },
    Row {
        topic: Topic::Cors,
        texts: &[
            "Mixed Content",
            "Blocked loading mixed active content",
            "was not allowed to run insecure content",
            "the content must be served over HTTPS",
            "more-private address space",
        ],
        also: &[],
        status: None,
        title: "A page over https may not send to an address over http",
        means: "Browsers block requests from a secure page to plain `http://`, unless it is the same \
                machine. Nothing of it reaches the collector.",
        fix: concat!(
            "Put the collector behind the page's own host, in nginx for instance:\n",
            "location /v1/traces {\n",
            "  proxy_pass http://burgee:4318;\n",
            "}",
        ),
        see: &["C06"],
    },
    Row {
        topic: Topic::Vague,
        texts: &[
            "Failed to fetch",
            "NetworkError when attempting to fetch resource",
            "Load failed",
            "ERR_FAILED",
        ],
        also: &[],
        status: None,
        title: "A page's request did not come through, and its script may not know why",
        means: "Browsers tell scripts nothing more, so that pages cannot look around. The reason is on the \
                browser's console, one line above: CORS, a refused connection, or mixed content.",
        fix: "Open the browser's console, and paste the line that names CORS or the error's code.",
        see: &["C01", "C06", "N01"],
    },
];
