//! Endpoints, names, connections and the system.

use super::{Row, Topic};

pub(super) static ROWS: [Row; 13] = [
    Row {
        topic: Topic::Address,
        texts: &[
            "first path segment in URL cannot contain colon",
            "unsupported protocol scheme",
            "missing protocol scheme",
            "relative URL without a base",
            "invalid URL, scheme is missing",
            "must start with http:// or https://",
        ],
        also: &[r"invalid (?:url|uri|endpoint)"],
        status: None,
        title: "The endpoint has no scheme",
        means: "`burgee:4317` is a host and a port and no URL, and this program wants a URL. What stands \
                before the colon is taken for a scheme, or for nothing. No request was made.",
        fix: concat!("Write http:// before the host:\n", "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4318",),
        see: &["P06"],
    },
    Row {
        topic: Topic::Address,
        texts: &["too many colons in address", "lookup http: no such host", "lookup https: no such host"],
        also: &[r"lookup https?(?::| on )", r"https?://https?(?:://|%3a)", r"getaddrinfo \w+ https?\b"],
        status: None,
        title: "The endpoint has a scheme or a port too many",
        means: "A URL was given where only host and port belong, or the scheme or the port is there twice. \
                The program then looks for a host called `http`, or finds a colon that it has no use for.",
        fix: "In code, give host and port alone (`burgee:4317`) or use the option for URLs \
              (`WithEndpointURL` in Go).",
        see: &["P07"],
    },
    Row {
        topic: Topic::Address,
        texts: &["missing port in address", "Port missing in uri"],
        also: &[],
        status: None,
        title: "The endpoint has no port",
        means: "This program takes host and port, and there is only a host. For OTLP the port is 4317 or \
                4318; burgee takes both protocols on both.",
        fix: concat!("Write the port behind the host:\n", "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4317",),
        see: &["P06", "P07"],
    },
    Row {
        topic: Topic::Address,
        texts: &[
            "no such host",
            "ENOTFOUND",
            "EAI_AGAIN",
            "Name or service not known",
            "Temporary failure in name resolution",
            "nodename nor servname provided",
            "Name does not resolve",
            "failed to lookup address information",
            "DNS resolution failed",
            "name resolver error",
            "UnknownHostException",
            "ERR_NAME_NOT_RESOLVED",
            "dns error",
        ],
        also: &[],
        status: None,
        title: "Nobody knows a host of that name",
        means: "The name in the endpoint has no address where the sender runs. In compose a service is known \
                by its name only to services on the same network; in Kubernetes a service of another \
                namespace is `burgee.namespace`. A typing error does it, too.",
        fix: concat!("Ask for the name from inside the sender's container:\n", "getent hosts burgee",),
        see: &["N01", "D01"],
    },
    Row {
        topic: Topic::Reach,
        texts: &["ECONNREFUSED ::1", "dial tcp [::1]"],
        also: &[r"\[::1\]:\d+.{0,40}refused", r"refused.{0,40}\[?::1\]?:\d+"],
        status: None,
        title: "`localhost` was taken for ::1, and nothing listens there",
        means: "`localhost` is two addresses, 127.0.0.1 and ::1, and this sender tried the second one only. \
                burgee listens on both where its configuration says `localhost`, and on one where it says \
                127.0.0.1. In a container, both of them are the container itself.",
        fix: concat!(
            "Name the address instead of localhost, or burgee's name in containers:\n",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318",
        ),
        see: &["N10", "N01"],
    },
    Row {
        topic: Topic::Reach,
        texts: &[
            "connection refused",
            "ECONNREFUSED",
            "ConnectionRefused",
            "actively refused it",
            "Failed to connect to",
            "failed to connect to all addresses",
            "ERR_CONNECTION_REFUSED",
            "tcp connect error",
            "Max retries exceeded with url",
        ],
        also: &[],
        status: None,
        title: "Nothing listens at that address and port",
        means: "The host is there and refuses the connection. In a container `localhost` is that container \
                itself and not the host. Otherwise burgee is not running, has another port, or listens on \
                127.0.0.1 where the sender comes from outside.",
        fix: concat!(
            "Give the sender burgee's name or address as it sees it, from a container for instance:\n",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4318",
        ),
        see: &["N01", "N08", "N09", "D01"],
    },
    Row {
        topic: Topic::Reach,
        texts: &[
            "no route to host",
            "EHOSTUNREACH",
            "Network is unreachable",
            "i/o timeout",
            "ETIMEDOUT",
            "Connection timed out",
            "connect timed out",
            "ConnectTimeoutError",
            "ERR_CONNECTION_TIMED_OUT",
        ],
        also: &[],
        status: None,
        title: "Nobody answers at that address",
        means: "Packets to this address get lost: a firewall, a network policy, a security group or a wrong \
                address. A program that is not running would have refused at once.",
        fix: concat!(
            "See from inside the sender whether the port answers at all:\n",
            "curl -m 3 http://burgee:4318/",
        ),
        see: &["N01", "D01"],
    },
    Row {
        topic: Topic::Reach,
        texts: &[
            "connection reset by peer",
            "ECONNRESET",
            "socket hang up",
            "Empty reply from server",
            "connection closed before message completed",
            "Remote end closed connection without response",
            "ERR_EMPTY_RESPONSE",
            "broken pipe",
            "EPIPE",
        ],
        also: &[],
        status: None,
        title: "Somebody took the connection and hung up",
        means: "A published port of a container does that when nothing inside listens on more than \
                127.0.0.1. So does a port that expects TLS, or another protocol, and so does a server that \
                is being restarted.",
        fix: concat!(
            "If burgee runs in a container, let it listen on all addresses:\n",
            "burgee --set=receivers.otlp.protocols.grpc.endpoint=0.0.0.0:4317",
        ),
        see: &["N08", "P03", "P04"],
    },
    Row {
        topic: Topic::System,
        texts: &["address already in use", "EADDRINUSE", "port is already allocated"],
        also: &[r"only one usage of each socket address"],
        status: None,
        title: "Another program listens on that port",
        means: "A port belongs to one program. Often a Collector, a Jaeger or a burgee that was started \
                earlier has it.",
        fix: concat!(
            "See who has the port, and stop it or give it another one:\n",
            "ss -ltnp 'sport = :4317'",
        ),
        see: &["N09"],
    },
    Row {
        topic: Topic::System,
        texts: &["Too many open files", "EMFILE"],
        also: &[],
        status: None,
        title: "The limit of open files is used up",
        means: "Every connection is an open file, and the system allows this process no more. New \
                connections are not accepted until others end.",
        fix: concat!(
            "Raise the limit where the process is started (LimitNOFILE=65536 in a systemd unit):\n",
            "ulimit -n 65536",
        ),
        see: &["D08"],
    },
    Row {
        topic: Topic::System,
        texts: &["No space left on device", "ENOSPC", "Read-only file system"],
        also: &[r"permission denied.{0,40}(?:file|os error 13)"],
        status: None,
        title: "A file cannot be written",
        means: "The disk is full, the file system is read-only, or the user may not write there. With \
                burgee's exporter `file`, what was acknowledged waits in the queue and is tried again.",
        fix: "Mount a volume with room where the file is, and let burgee's user write there.",
        see: &["D06"],
    },
    Row {
        topic: Topic::Vague,
        texts: &[
            "context deadline exceeded",
            "DEADLINE_EXCEEDED",
            "DeadlineExceeded",
            "Timeout expired",
            "ReadTimeout",
            "The operation was canceled",
        ],
        also: &[],
        status: None,
        title: "No answer came in time",
        means: "The request was given up after a while. Often nothing is reachable at that address and a \
                firewall says nothing; sometimes one side speaks TLS and the other waits for plain text; \
                sometimes the receiver is too slow.",
        fix: concat!(
            "See from inside the sender whether the port answers at all:\n",
            "curl -m 3 http://burgee:4318/",
        ),
        see: &["N01", "P03", "D01"],
    },
    Row {
        topic: Topic::Vague,
        texts: &["UNAVAILABLE", "code = Unavailable", "503 Service Unavailable", "ServiceUnavailable"],
        also: &[],
        status: Some(503),
        title: "The receiver is not there, or has no room now",
        means: "In gRPC, UNAVAILABLE is both: no connection came about, or the receiver asks to come back \
                later. Further words beside it say which; with 503 it was the receiver, or a proxy before \
                it. SDKs try again by themselves.",
        fix: concat!("If burgee is reachable, see whether a queue is full there:\n", "burgee status",),
        see: &["N01", "D04", "D07"],
    },
];
