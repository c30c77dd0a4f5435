//! What answers, SDKs and backends say about requests.

use super::{Row, Topic};

pub(super) static ROWS: [Row; 19] = [
    Row {
        topic: Topic::Size,
        texts: &[
            "received message larger than max",
            "trying to send message larger than max",
            "message length too large",
            "exceeds the maximum configured message size",
            "413 Payload Too Large",
            "413 Request Entity Too Large",
            "Content Too Large",
            "request body too large",
        ],
        also: &[
            r"(?:RESOURCE_?EXHAUSTED|code = ResourceExhausted).{0,120}(?:larger|too large|exceeds|maximum)",
        ],
        status: Some(413),
        title: "A batch is larger than the receiver takes",
        means: "The receiver limits the size of a request, also after decompression: burgee at 64 MiB unless \
                it is configured otherwise, gRPC servers usually at 4 MiB, nginx at 1 MiB. SDKs do not send \
                such a batch again, so its spans are lost.",
        fix: concat!("Let the sender make smaller batches:\n", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=128",),
        see: &["P11", "D02"],
    },
    Row {
        topic: Topic::Room,
        texts: &[
            "429 Too Many Requests",
            "data refused due to high memory usage",
            "sending queue is full",
            "sending_queue is full",
            "rate limit exceeded",
            "quota exceeded",
        ],
        also: &[
            r"(?:RESOURCE_?EXHAUSTED|code = ResourceExhausted).{0,120}(?:full|queue|quota|memory|limit|later)",
            r"(?:unavailable|503).{0,120}(?:queue|memory|later|full)",
        ],
        status: Some(429),
        title: "The receiver has no room, or allows no more",
        means: "The receiver is there and asks to come back later: a queue or its memory is full, or a quota \
                is used up. SDKs try again by themselves for a while, and drop what their own queues cannot \
                keep until then.",
        fix: concat!("See which exporter does not keep up:\n", "burgee status",),
        see: &["D04", "D07", "N11"],
    },
    Row {
        topic: Topic::Answer,
        texts: &["407 Proxy Authentication Required"],
        also: &[],
        status: Some(407),
        title: "A proxy stands between, and wants credentials",
        means: "`HTTP_PROXY` or `HTTPS_PROXY` is set in the sender, so its requests go to that proxy, which \
                refuses them.",
        fix: concat!("Let the sender leave the proxy out:\n", "NO_PROXY=burgee,localhost,127.0.0.1",),
        see: &["P14"],
    },
    Row {
        topic: Topic::Answer,
        texts: &[
            "401 Unauthorized",
            "UNAUTHENTICATED",
            "code = Unauthenticated",
            "missing or empty authorization",
            "invalid or missing credentials",
        ],
        also: &[],
        status: Some(401),
        title: "The receiver wants credentials that were not shown",
        means: "The request had no token, or one that the receiver does not accept. In the variable, a space \
                has to be written as `%20`, and a quote too many becomes a part of the token.",
        fix: concat!(
            "Give the sender the header:\n",
            "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20YOUR-TOKEN",
        ),
        see: &["P13", "D02"],
    },
    Row {
        topic: Topic::Answer,
        texts: &["403 Forbidden", "PERMISSION_DENIED", "code = PermissionDenied"],
        also: &[],
        status: Some(403),
        title: "The receiver knows the sender and does not let it write",
        means: "The credentials are understood and are not enough: a token for reading, for another tenant \
                or project, or a proxy with rules of its own. burgee itself never answers so.",
        fix: "Make a token that may write traces for this tenant, and put it into \
              OTEL_EXPORTER_OTLP_HEADERS.",
        see: &["D02", "P14"],
    },
    Row {
        topic: Topic::Answer,
        texts: &["404 page not found", "404 Not Found", "Not Found (404)", "nothing takes data at this path"],
        also: &[r"otlpexportererror: not found"],
        status: Some(404),
        title: "Nothing takes data at that path",
        means: "The server is there and the path is wrong. `OTEL_EXPORTER_OTLP_ENDPOINT` is a base, to which \
                SDKs add `/v1/traces`; `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and URLs in code are taken as \
                they are. It may also be another server than you think, or one that does not take this \
                signal.",
        fix: concat!("Give the base URL without a path:\n", "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4318",),
        see: &["P05", "P12", "D02"],
    },
    Row {
        topic: Topic::Answer,
        texts: &["405 Method Not Allowed"],
        also: &[],
        status: Some(405),
        title: "The request is no POST, or the path is none for data",
        means: "OTLP over HTTP is always a POST. Something that only looks (a browser, a health check) gets \
                405, and so does data that goes to a page of a web server.",
        fix: "Send data with POST to /v1/traces; health checks belong to the extension `health_check`.",
        see: &["P05", "N02"],
    },
    Row {
        topic: Topic::Answer,
        texts: &[
            "Decompressor is not installed",
            "unsupported compression",
            "unsupported Content-Encoding",
            "grpc: Decompressor",
        ],
        also: &[],
        status: None,
        title: "The receiver does not read this compression",
        means: "The sender compresses in a way that the receiver does not know. gzip is known everywhere; \
                burgee also reads zstd and deflate.",
        fix: concat!("Let the sender use gzip:\n", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip",),
        see: &["P09", "D02"],
    },
    Row {
        topic: Topic::Answer,
        texts: &["415 Unsupported Media Type", "unsupported content type", "unsupported media type"],
        also: &[],
        status: Some(415),
        title: "The receiver does not take this content type or compression",
        means: "OTLP over HTTP is `application/x-protobuf` or `application/json`, plain or compressed with \
                gzip, zstd or deflate. The request said something else, or nothing.",
        fix: concat!(
            "Let the sender use what every receiver takes:\n",
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n",
            "OTEL_EXPORTER_OTLP_COMPRESSION=gzip",
        ),
        see: &["P08", "P09", "D02"],
    },
    Row {
        topic: Topic::Answer,
        texts: &["invalid UTF-8", "contains invalid UTF-8", "data is not UTF-8 encoded"],
        also: &[],
        status: None,
        title: "Some text in the telemetry is not UTF-8",
        means: "Protobuf wants UTF-8 for text, and a name or an attribute holds other bytes: binary data, or \
                text in another encoding. It costs the whole request.",
        fix: "Find the attribute that takes bytes as they come, and encode it (base64) or convert it to \
              UTF-8.",
        see: &["T07"],
    },
    Row {
        topic: Topic::Answer,
        texts: &[
            "cannot parse invalid wire-format data",
            "invalid wire type",
            "illegal tag",
            "failed to decode Protobuf message",
            "InvalidProtocolBufferException",
        ],
        also: &[],
        status: None,
        title: "What was sent is not what the content type says",
        means: "The receiver read protobuf where JSON or something else was sent, or the data was compressed \
                without saying so, or changed on the way.",
        fix: concat!(
            "Let content-type and content-encoding say what is sent; for JSON:\n",
            "content-type: application/json",
        ),
        see: &["P08", "P10"],
    },
    Row {
        topic: Topic::Answer,
        texts: &["502 Bad Gateway", "504 Gateway Timeout", "504 Gateway Time-out"],
        also: &[r"\b(?:status|code|http)[ :=]+50[24]\b"],
        status: None,
        title: "A proxy in front could not reach the receiver",
        means: "The answer is a proxy's and not the receiver's: an ingress, a load balancer or nginx, whose \
                way to the receiver is broken, or that speaks HTTP/1 to a port for gRPC.",
        fix: "Correct the proxy's address and protocol for the receiver (`grpc_pass` for gRPC in nginx).",
        see: &["P14", "D02"],
    },
    Row {
        topic: Topic::Answer,
        texts: &["partial success", "partial_success", "PartialSuccess"],
        also: &[],
        status: None,
        title: "The receiver took a part and rejected the rest",
        means: "The answer is a success with a number of rejected items and a reason. OTLP forbids to send \
                them again, so they are lost.",
        fix: "Read the reason beside it, and correct at the sender what it names.",
        see: &["T07", "D03"],
    },
    Row {
        topic: Topic::Queue,
        texts: &[
            "queue is full",
            "dropping spans",
            "dropped spans",
            "spans were dropped",
            "span was dropped",
            "maxQueueSize reached",
            "BatchSpanProcessor.SpansDropped",
            "dropped_spans",
        ],
        also: &[
            r"BatchSpanProcessor.{0,80}(?:full|drop)",
            r"drop(?:ped|ping) .{0,20}span",
            r"queue .{0,20}(?:reached|overflow)",
        ],
        status: None,
        title: "The sender's own queue is full, so it drops spans",
        means: "Spans come faster than they are sent, or were not sent for a while because the receiver was \
                away. SDKs keep 2,048 spans and drop the rest. If sending fails, that is the cause, and \
                other lines in the log say why.",
        fix: concat!(
            "Let the sender keep more and send sooner:\n",
            "OTEL_BSP_MAX_QUEUE_SIZE=16384\n",
            "OTEL_BSP_SCHEDULE_DELAY=1000",
        ),
        see: &["N11", "D04"],
    },
    Row {
        topic: Topic::Traces,
        texts: &["duplicate span IDs"],
        also: &[],
        status: None,
        title: "A trace has two spans with one id",
        means: "The backend cannot tell which of them is the parent of others. Most often every span is sent \
                twice, by two exporters or two span processors.",
        fix: "Register one span processor with one exporter in the service, and remove the other.",
        see: &["X07"],
    },
    Row {
        topic: Topic::Traces,
        texts: &["invalid parent span IDs", "skipping clock skew adjustment", "rootSpan not yet received"],
        also: &[],
        status: None,
        title: "A trace has spans whose parents never arrived",
        means: "These spans name a parent that the backend does not have. The service above does not send \
                its traces there, left this trace out by sampling, or still holds it. Clocks have nothing to \
                do with it.",
        fix: concat!(
            "Send the caller's spans to the same place:\n",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4318",
        ),
        see: &["X04", "X05", "X01"],
    },
    Row {
        topic: Topic::Vague,
        texts: &["RESOURCE_EXHAUSTED", "code = ResourceExhausted", "RESOURCEEXHAUSTED"],
        also: &[],
        status: None,
        title: "A request is too large, or the receiver is full",
        means: "The code is used for both. With words like `larger than max` it is the size, and smaller \
                batches help. With `queue`, `memory` or `quota` the receiver is full, and only time or more \
                room helps.",
        fix: concat!("Try smaller batches first:\n", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=128",),
        see: &["P11", "D04", "D07"],
    },
    Row {
        topic: Topic::Vague,
        texts: &["UNIMPLEMENTED", "code = Unimplemented"],
        also: &[],
        status: None,
        title: "The server does not do what it was asked for",
        means: "The server speaks gRPC, and has no service for this signal, does not read this compression, \
                or is none for OTLP at all.",
        fix: concat!(
            "If it is about metrics or logs that nobody wants, let the sender leave them out:\n",
            "OTEL_METRICS_EXPORTER=none\n",
            "OTEL_LOGS_EXPORTER=none",
        ),
        see: &["P12", "P09", "P05"],
    },
    Row {
        topic: Topic::Vague,
        texts: &[
            "Failed to export",
            "failed to upload traces",
            "Exception while exporting",
            "OTLPExporterError",
            "traces export",
            "ExportFailed",
            "Transient error",
        ],
        also: &[],
        status: None,
        title: "An exporter could not send, and the reason stands beside it",
        means: "This part of the message is always the same. What follows it, or the next lines of the log, \
                say why: a code, a refused connection, a name that is not known.",
        fix: concat!(
            "Paste the whole message, or pipe the sender's log:\n",
            "docker compose logs checkout | burgee explain",
        ),
        see: &["N01", "P01", "P05"],
    },
];
