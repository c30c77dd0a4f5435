//! Wrong protocol, port or URL.

use crate::doctor::{Entry, Severity};

pub(super) static ENTRIES: [Entry; 14] = [
    Entry {
        id: "P01",
        severity: Severity::Info,
        title: "A sender speaks HTTP to the gRPC port",
        means: "By custom, 4317 is for OTLP/gRPC and 4318 for OTLP/HTTP. This sender speaks HTTP to 4317, as \
                the relay proxy does when its documentation is followed. burgee takes both on both ports, so \
                nothing is wrong here; most other collectors would refuse it.",
        fix: concat!(
            "Nothing has to be done; for other collectors, give the sender the HTTP port:\n",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4318",
        ),
        symptoms: &[
            "HTTP on 4317",
            "malformed HTTP response \"\\x00\\x00\\x06\\x04\"",
            "BadStatusLine('\\x00\\x00\\x06\\x04')",
            "traces export: 4317 EOF",
            "OTLP/HTTP sent to the gRPC port",
        ],
        noticed_by: "HTTP/1.1 requests for OTLP's paths on a port that the configuration opens for gRPC.",
    },
    Entry {
        id: "P02",
        severity: Severity::Info,
        title: "A sender speaks gRPC to the HTTP port",
        means: "By custom, 4317 is for OTLP/gRPC and 4318 for OTLP/HTTP. This sender speaks gRPC to 4318. \
                burgee takes both on both ports, so nothing is wrong here; most other collectors would \
                refuse it.",
        fix: concat!(
            "Nothing has to be done; for other collectors, give the sender the gRPC port:\n",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4317",
        ),
        symptoms: &[
            "gRPC on 4318",
            "http2: frame too large",
            "error reading server preface",
            "FRAME_SIZE_ERROR: 4740180",
            "OTLP/gRPC sent to the HTTP port",
        ],
        noticed_by: "gRPC requests on a port that the configuration opens for HTTP.",
    },
    Entry {
        id: "P03",
        severity: Severity::Error,
        title: "A sender speaks TLS to a port in plain text",
        means: "The sender begins with a TLS handshake, and this port has no TLS. Its endpoint begins with \
                `https://`, or its SDK takes an endpoint without a scheme for a secure one. Every request \
                fails before it is sent.",
        fix: concat!(
            "Write the endpoint with http://, which in all SDKs means plain text:\n",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4317",
        ),
        symptoms: &[
            "first record does not look like a TLS handshake",
            "http: server gave HTTP response to HTTPS client",
            "wrong version number",
            "SSL routines:ssl3_get_record:wrong version number",
            "EPROTO",
            "Unsupported or unrecognized SSL message",
            "received corrupt message of type InvalidContentType",
        ],
        noticed_by: "The first bytes of a connection to a plain port are those of a TLS handshake.",
    },
    Entry {
        id: "P04",
        severity: Severity::Error,
        title: "A sender speaks plain text to a port with TLS",
        means: "This port has TLS, and the sender writes plain HTTP or gRPC to it. Its endpoint begins with \
                `http://`, or `insecure` is set. burgee answers in plain text that TLS is wanted, and takes \
                nothing.",
        fix: concat!(
            "Write the endpoint with https://, and remove OTEL_EXPORTER_OTLP_INSECURE if it is set:\n",
            "OTEL_EXPORTER_OTLP_ENDPOINT=https://burgee:4317",
        ),
        symptoms: &[
            "Client sent an HTTP request to an HTTPS server",
            "connection closed before server preface received",
            "error reading server preface: EOF",
            "Unexpected EOF",
        ],
        noticed_by: "The first bytes of a connection to a port with TLS are those of HTTP.",
    },
    Entry {
        id: "P05",
        severity: Severity::Error,
        title: "A sender posts to a wrong path",
        means: "The sender's URL has a path at which nothing is taken. `OTEL_EXPORTER_OTLP_ENDPOINT` is a \
                base, to which SDKs add `/v1/traces`; `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and a URL given \
                in code are taken as they are. So the path is easily there twice, or not at all.",
        fix: concat!(
            "Give the base URL without a path, and leave the other variable away:\n",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4318",
        ),
        symptoms: &[
            "404 page not found",
            "404 Not Found",
            "failed to send to http://burgee:4318/v1/traces/v1/traces: 404",
            "/v1/trace",
            "/v1/v1/traces",
            "OTLPExporterError: Not Found",
            "POST / 404",
        ],
        noticed_by: "Requests with data to paths that take none; the answer names the mistake.",
    },
    Entry {
        id: "P06",
        severity: Severity::Error,
        title: "The sender's endpoint has no scheme",
        means: "An endpoint such as `burgee:4317` is no URL. Most SDKs want `http://` or `https://` before \
                it; some refuse to start without, and some send nothing and stay silent. Nothing of it \
                reaches burgee.",
        fix: concat!("Write http:// before the host:\n", "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4317",),
        symptoms: &[
            "first path segment in URL cannot contain colon",
            "unsupported protocol scheme",
            "Invalid endpoint, must start with http:// or https://",
            "Invalid URL",
            "relative URL without a base",
        ],
        noticed_by: "`burgee doctor --compose FILE` or `--env-file FILE` reads it; traffic cannot show it.",
    },
    Entry {
        id: "P07",
        severity: Severity::Error,
        title: "The sender's endpoint has a scheme or a port too many",
        means: "The endpoint has `http://` twice, a second port, or a scheme in a place that takes only host \
                and port, as `WithEndpoint` of Go does. The sender then tries to find a host called `http`, \
                and fails. Nothing of it reaches burgee.",
        fix: "In code, give host and port alone (`burgee:4317`) or use the option for URLs \
              (`WithEndpointURL` in Go).",
        symptoms: &[
            "too many colons in address",
            "dial tcp: address http://burgee:4317: too many colons in address",
            "dial tcp: lookup http: no such host",
            "lookup http on",
            "http://http://",
        ],
        noticed_by: "`burgee doctor --compose FILE` or `--env-file FILE` reads it; traffic cannot show it.",
    },
    Entry {
        id: "P08",
        severity: Severity::Error,
        title: "A sender's content type is not that of its data",
        means: "OTLP over HTTP is `application/x-protobuf` or `application/json`. This sender names another \
                type or none, or says one and sends the other. burgee does not guess, for any web page may \
                send `text/plain` without asking.",
        fix: concat!(
            "Name what is sent; with curl and a file of OTLP/JSON:\n",
            "curl -H 'content-type: application/json' --data @spans.json http://burgee:4318/v1/traces",
        ),
        symptoms: &[
            "415 Unsupported Media Type",
            "unsupported content type",
            "content-type text/plain",
            "application/x-www-form-urlencoded",
            "invalid wire type",
            "expected value at line 1 column 1",
        ],
        noticed_by: "Requests answered with 415, and bodies whose first byte belongs to the other encoding.",
    },
    Entry {
        id: "P09",
        severity: Severity::Error,
        title: "A sender compresses in a way that burgee does not read",
        means: "burgee reads gzip, zstd, deflate and what is not compressed. This sender uses something \
                else, such as brotli or snappy, and is refused with a list of what is taken; or it names one \
                of these, and its data is not compressed like that.",
        fix: concat!(
            "Let the sender use gzip, which every OTLP receiver reads:\n",
            "OTEL_EXPORTER_OTLP_COMPRESSION=gzip",
        ),
        symptoms: &[
            "415 Unsupported Media Type",
            "unsupported compression",
            "Decompressor is not installed for grpc-encoding",
            "content-encoding br",
            "content-encoding snappy",
        ],
        noticed_by: "Requests answered with 415 or UNIMPLEMENTED because of their content encoding, and bodies \
                     that are not compressed as they say.",
    },
    Entry {
        id: "P10",
        severity: Severity::Error,
        title: "A sender speaks another or an outdated protocol",
        means: "What arrives is not OTLP but Zipkin, Jaeger's own protocol or gRPC-Web, or OTLP from before \
                0.15 with `instrumentationLibrarySpans`. burgee takes OTLP alone. Every SDK of the last \
                years has an OTLP exporter.",
        fix: concat!(
            "Switch the sender to OTLP, and update its SDK if it does not know this variable:\n",
            "OTEL_TRACES_EXPORTER=otlp",
        ),
        symptoms: &[
            "/api/v2/spans",
            "/api/traces",
            "instrumentationLibrarySpans",
            "OTEL_TRACES_EXPORTER=zipkin",
            "OTEL_TRACES_EXPORTER=jaeger",
            "application/x-thrift",
            "application/grpc-web",
            "200 but no spans",
        ],
        noticed_by: "Requests to the paths or with the content types of other protocols, what is no HTTP at \
                     all, and OTLP/JSON that has nothing but the old fields.",
    },
    Entry {
        id: "P11",
        severity: Severity::Error,
        title: "A sender's batches are larger than the limit",
        means: "A request was larger than its port allows, 64 MiB if nothing else is configured; the limit \
                holds for what comes out of compression. SDKs do not send such a batch again, so its spans \
                are lost. Very long attributes make a batch that large, or very many spans in one.",
        fix: concat!("Let the sender make smaller batches:\n", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=128",),
        symptoms: &[
            "413 Payload Too Large",
            "413 Request Entity Too Large",
            "RESOURCE_EXHAUSTED",
            "grpc: received message larger than max",
            "trying to send message larger than max",
            "Received message exceeds the maximum configured message size",
        ],
        noticed_by: "Requests answered with 413, or with RESOURCE_EXHAUSTED and no time to come back.",
    },
    Entry {
        id: "P12",
        severity: Severity::Warning,
        title: "A signal arrives that no pipeline takes",
        means: "A sender offers metrics or logs as well, and no pipeline of the configuration takes them, so \
                they are refused. SDKs with automatic instrumentation send all three signals unless they are \
                told not to. If nobody wants this one, `OTEL_METRICS_EXPORTER=none` or \
                `OTEL_LOGS_EXPORTER=none` keeps the sender silent.",
        fix: concat!(
            "Add a pipeline under service.pipelines, with an exporter of yours:\n",
            "metrics:\n",
            "  receivers: [otlp]\n",
            "  exporters: [otlp_grpc]",
        ),
        symptoms: &[
            "unknown service opentelemetry.proto.collector.metrics.v1.MetricsService",
            "unknown service opentelemetry.proto.collector.logs.v1.LogsService",
            "unknown service opentelemetry.proto.collector.trace.v1.TraceService",
            "StatusCode.UNIMPLEMENTED",
            "Failed to export metrics",
            "Failed to export logs. Server responded with UNIMPLEMENTED",
            "404 on /v1/metrics",
        ],
        noticed_by: "Requests for a signal that are answered with 404 or UNIMPLEMENTED.",
    },
    Entry {
        id: "P13",
        severity: Severity::Error,
        title: "A sender and a port do not accept each other's credentials",
        means: "The port has `auth`, and the sender shows nothing or something wrong. burgee says whether a \
                header was there, never what it held. In the variable, a space has to be written as `%20`, \
                and a quote too many becomes a part of the token. With TLS, a sender may also lack the \
                certificate that `client_ca_file` asks for, or not trust the one of the port.",
        fix: concat!(
            "Give the sender the header that the configuration asks for:\n",
            "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20YOUR-TOKEN",
        ),
        symptoms: &[
            "401 Unauthorized",
            "UNAUTHENTICATED",
            "rpc error: code = Unauthenticated",
            "missing or empty authorization header",
            "Unauthenticated: invalid or missing credentials",
        ],
        noticed_by: "Requests answered with 401 or UNAUTHENTICATED and TLS handshakes that fail, by sender.",
    },
    Entry {
        id: "P14",
        severity: Severity::Info,
        title: "A sender reaches burgee through an HTTP proxy",
        means: "Requests come with the marks of a proxy. In front of burgee that may be meant; if it is the \
                proxy for the way out of a company, because `HTTP_PROXY` is set in the sender, it is a \
                detour that breaks gRPC, limits sizes and answers errors of its own.",
        fix: concat!(
            "If it is not meant, let the sender leave the proxy out:\n",
            "NO_PROXY=burgee,localhost,127.0.0.1",
        ),
        symptoms: &[
            "HTTP_PROXY is set",
            "407 Proxy Authentication Required",
            "502 Bad Gateway from a proxy",
            "403 Forbidden by squid",
            "Via header",
        ],
        noticed_by: "Requests with `Via`, or with a whole URL where the path belongs.",
    },
];
