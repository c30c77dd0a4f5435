//! TLS, HTTP and gRPC that do not fit together.

use super::{Row, Topic};

pub(super) static ROWS: [Row; 12] = [
    Row {
        topic: Topic::Tls,
        texts: &[
            "first record does not look like a TLS handshake",
            "http: server gave HTTP response to HTTPS client",
            "wrong version number",
            "WRONG_VERSION_NUMBER",
            "Unsupported or unrecognized SSL message",
            "received corrupt message of type InvalidContentType",
            "ERR_SSL_PROTOCOL_ERROR",
            "packet length too long",
            "no transport security set",
        ],
        also: &[],
        status: None,
        title: "A client speaks TLS to a port in plain text",
        means: "The client's endpoint says https://, or its SDK takes an endpoint without a scheme for a \
                secure one, and the port has no TLS. What came back was no TLS but plain HTTP.",
        fix: concat!("Write the endpoint with http://:\n", "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4317",),
        see: &["P03"],
    },
    Row {
        topic: Topic::Tls,
        texts: &[
            "Client sent an HTTP request to an HTTPS server",
            "The plain HTTP request was sent to HTTPS port",
            "requires TLS",
        ],
        also: &[],
        status: None,
        title: "A client speaks plain text to a port with TLS",
        means: "The client's endpoint says http://, or it is told to be insecure, and the port wants TLS.",
        fix: concat!(
            "Write the endpoint with https://:\n",
            "OTEL_EXPORTER_OTLP_ENDPOINT=https://burgee:4317",
        ),
        see: &["P04"],
    },
    Row {
        topic: Topic::Tls,
        texts: &[
            "certificate has expired",
            "certificate expired",
            "CERT_HAS_EXPIRED",
            "certificate is not yet valid",
            "ERR_CERT_DATE_INVALID",
        ],
        also: &[r"certificate verify failed.{0,20}expired"],
        status: None,
        title: "The server's certificate is out of date, or a clock is wrong",
        means: "The certificate's time is over, or has not begun. If the certificate is new, the clock of \
                the machine that complains is wrong.",
        fix: concat!(
            "See until when the certificate is valid, and renew it:\n",
            "openssl s_client -connect burgee:4317 </dev/null | openssl x509 -noout -dates",
        ),
        see: &["D01", "T01"],
    },
    Row {
        topic: Topic::Tls,
        texts: &[
            "x509: certificate is valid for",
            "x509: certificate is not valid for any names",
            "cannot validate certificate for",
            "Hostname/IP does not match certificate's altnames",
            "ERR_TLS_CERT_ALTNAME_INVALID",
            "ERR_CERT_COMMON_NAME_INVALID",
            "Hostname mismatch",
            "NotValidForName",
            "certificate not valid for name",
            "No subject alternative",
        ],
        also: &[r"certificate is valid for.{0,200}not "],
        status: None,
        title: "The server's certificate is for another name",
        means: "The certificate lists the names and addresses that it is for, and the one in the endpoint is \
                not among them. `localhost`, an IP address and a service's name are different names.",
        fix: concat!(
            "Put a name into the endpoint that the certificate has; this lists them:\n",
            "openssl s_client -connect burgee:4317 </dev/null | openssl x509 -noout -ext subjectAltName",
        ),
        see: &["D01"],
    },
    Row {
        topic: Topic::Tls,
        texts: &[
            "tls: certificate required",
            "certificate required",
            "tls: bad certificate",
            "bad certificate",
        ],
        also: &[],
        status: None,
        title: "The server wants a certificate from the client",
        means: "The port lets in only clients that show a certificate of a certain authority (mutual TLS), \
                and this client showed none, or one that the server does not accept.",
        fix: concat!(
            "Give the client its certificate and key:\n",
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=/certs/client.crt\n",
            "OTEL_EXPORTER_OTLP_CLIENT_KEY=/certs/client.key",
        ),
        see: &["P13"],
    },
    Row {
        topic: Topic::Tls,
        texts: &[
            "x509: certificate signed by unknown authority",
            "signed by unknown authority",
            "self-signed certificate",
            "self signed certificate",
            "DEPTH_ZERO_SELF_SIGNED_CERT",
            "SELF_SIGNED_CERT_IN_CHAIN",
            "unable to verify the first certificate",
            "unable to get local issuer certificate",
            "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
            "PKIX path building failed",
            "UnknownIssuer",
            "CERTIFICATE_VERIFY_FAILED",
            "The remote certificate is invalid",
            "ERR_CERT_AUTHORITY_INVALID",
            "unknown certificate authority",
        ],
        also: &[],
        status: None,
        title: "The client does not trust the server's certificate",
        means: "The certificate was signed by an authority that the client does not know: one of a company, \
                one of a cluster, or the certificate itself. Images without a list of authorities know none \
                at all.",
        fix: concat!(
            "Give the client the certificate of the authority:\n",
            "OTEL_EXPORTER_OTLP_CERTIFICATE=/certs/ca.crt",
        ),
        see: &["D01"],
    },
    Row {
        topic: Topic::Tls,
        texts: &[
            "authentication handshake failed",
            "handshake failure",
            "HandshakeException",
            "remote error: tls",
        ],
        also: &[],
        status: None,
        title: "No TLS came about",
        means: "Both sides began with TLS, or only one of them did. Further words beside this say what was \
                wrong; without any, one side probably has no TLS at all.",
        fix: "Use https:// in the endpoint if the port has TLS, and http:// if it has none.",
        see: &["P03", "P04", "D01"],
    },
    Row {
        topic: Topic::Protocol,
        texts: &[
            "malformed HTTP response \"\\x00\\x00",
            "malformed HTTP response",
            "BadStatusLine",
            "Parse Error: Expected HTTP/",
            "HPE_INVALID_CONSTANT",
            "invalid HTTP version parsed",
            "HTTP/1.1 header parser received no bytes",
            "Received HTTP/0.9 when not allowed",
            "The server returned an invalid or unrecognized response",
            "ERR_INVALID_HTTP_RESPONSE",
            "unexpected end of stream",
        ],
        also: &[r"traces export:.{0,200}\bEOF\b", r"4317/v1/\w+\W{0,4} EOF", r"x00\\x00\\x[01][0-9a-f]\\x04"],
        status: None,
        title: "A client speaks HTTP to a port for gRPC",
        means: "The client sent OTLP over HTTP/1.1, and what came back was HTTP/2, whose first bytes are 00 \
                00 06 04 or the like, or nothing. So the port is for gRPC, usually 4317. burgee's ports take \
                both; another collector's do not.",
        fix: concat!(
            "Give the client the port for HTTP, or OTEL_EXPORTER_OTLP_PROTOCOL=grpc:\n",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318",
        ),
        see: &["P01"],
    },
    Row {
        topic: Topic::Protocol,
        texts: &[
            "FRAME_SIZE_ERROR",
            "http2: frame too large",
            "the frame header looked like an HTTP/1.1 header",
            "error reading server preface",
            "connection closed before server preface received",
            "First received frame was not SETTINGS",
            "Trying to connect an http1.x server",
            "UNIMPLEMENTED: HTTP status code 404",
            "unexpected HTTP status code received from server",
            "missing HTTP content-type",
            "invalid preface",
        ],
        also: &[],
        status: None,
        title: "A client speaks gRPC to a port for HTTP/1",
        means: "The client sent HTTP/2, as gRPC does, and what came back was something else, most often \
                HTTP/1. So the port is for OTLP over HTTP, usually 4318, or a proxy without HTTP/2 stands \
                before it; or one side has TLS and the other has not. burgee's ports take both protocols.",
        fix: concat!(
            "Give the client the port for gRPC, or let it speak HTTP to this one:\n",
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        ),
        see: &["P02", "P03", "P14"],
    },
    Row {
        topic: Topic::Protocol,
        texts: &[
            "received unexpected content-type \"text/html",
            "invalid content-type: text/html",
            "Unexpected token '<'",
            "Unexpected token < in JSON",
            "<!DOCTYPE html>",
        ],
        also: &[r"unexpected content.?type.{0,20}text/html"],
        status: None,
        title: "A web page came as the answer",
        means: "Something answers there that is no collector: a web server, a proxy's error page, or a \
                login. The endpoint has the wrong host, port or path.",
        fix: concat!(
            "Give the client the collector's own host and port:\n",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4318",
        ),
        see: &["P05", "P14"],
    },
    Row {
        topic: Topic::Protocol,
        texts: &["HTTP_1_1_REQUIRED", "use HTTP/1.1 for request", "gRPC requires HTTP/2"],
        also: &[r"\balpn\b", r"\b(?:464|505)\b.{0,30}(?:http|protocol)"],
        status: None,
        title: "Something on the way has no HTTP/2",
        means: "gRPC needs HTTP/2 all the way. A proxy or a load balancer in front of the collector speaks \
                only HTTP/1.1, or is not set up for gRPC.",
        fix: concat!(
            "Let the sender use HTTP, which passes any proxy:\n",
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        ),
        see: &["P14", "P02"],
    },
    Row {
        topic: Topic::Protocol,
        texts: &["unknown service opentelemetry.proto.collector", "unknown method Export"],
        also: &[],
        status: None,
        title: "The receiver has no pipeline for this signal",
        means: "The server speaks gRPC and does not take this signal: its name stands before the last dot, \
                as in `metrics.v1.MetricsService`. SDKs send metrics and logs as well, unless they are told \
                not to. With `trace.v1.TraceService` the server is none for traces, or has none configured.",
        fix: concat!(
            "Add a pipeline for it there, or let the sender leave the signal out, for instance:\n",
            "OTEL_METRICS_EXPORTER=none\n",
            "OTEL_LOGS_EXPORTER=none",
        ),
        see: &["P12"],
    },
];
