//! Downstreams and burgee itself.

use crate::doctor::{Entry, Severity};

pub(super) static ENTRIES: [Entry; 10] = [
    Entry {
        id: "D01",
        severity: Severity::Error,
        title: "A downstream cannot be reached",
        means: "An exporter gets no connection: the name is not known, nothing listens there, nobody \
                answers, or TLS fails because of a certificate's date, authority or name. burgee keeps what \
                it has and tries again, and refuses senders when its queue is full.",
        fix: concat!(
            "Correct the exporter's `endpoint` or `tls`; this sends one span and says what fails:\n",
            "burgee doctor --downstream",
        ),
        symptoms: &[
            "no such host",
            "connection refused",
            "context deadline exceeded",
            "x509: certificate signed by unknown authority",
            "certificate has expired",
            "certificate is valid for other names",
            "UnknownIssuer",
            "NotValidForName",
            "spans arrive in burgee but not in the backend",
        ],
        noticed_by: "The exporter's own errors, and `burgee doctor --downstream`.",
    },
    Entry {
        id: "D02",
        severity: Severity::Error,
        title: "A downstream refuses what burgee sends",
        means: "The downstream answers with an error. 401 and 403 are about credentials, 404 and \
                UNIMPLEMENTED about the path or a signal that it does not take, 413 about size, 415 about \
                the protocol. 429 and 503 mean later and are tried again; the others are final, and what \
                they refuse is dropped and counted.",
        fix: concat!(
            "Read the downstream's own words, then correct the exporter's endpoint, headers or type:\n",
            "burgee status",
        ),
        symptoms: &[
            "401 Unauthorized from the backend",
            "403 Forbidden from the backend",
            "404 from the backend",
            "Unimplemented: unknown service",
            "429 Too Many Requests",
            "rejected by the downstream",
            "Permanent error",
        ],
        noticed_by: "The exporter's answers, by code, with the downstream's message.",
    },
    Entry {
        id: "D03",
        severity: Severity::Error,
        title: "A downstream takes a part and rejects the rest",
        means: "The downstream said yes, and that it rejected some items: a partial success. OTLP forbids to \
                send them again, so they are gone. Its message says why; too old, too long and over a quota \
                are common reasons.",
        fix: concat!(
            "Read the downstream's message, and correct there or at the sender what it names:\n",
            "burgee status",
        ),
        symptoms: &[
            "partial success",
            "partial_success",
            "rejected_spans",
            "rejected spans",
            "Partial success response",
        ],
        noticed_by: "Answers with `partial_success`, by exporter.",
    },
    Entry {
        id: "D04",
        severity: Severity::Warning,
        title: "A queue is filling up",
        means: "More comes in than an exporter gets rid of, and its queue grows. When it is full, senders \
                are told to come back later, and they lose what their own queues cannot keep. The downstream \
                is slow or down, or gets too few requests at once.",
        fix: concat!(
            "Give the exporter more consumers and a longer queue, and the downstream more capacity:\n",
            "sending_queue:\n",
            "  num_consumers: 20\n",
            "  queue_size: 5000",
        ),
        symptoms: &[
            "sending queue is full",
            "queue is full",
            "otelcol_exporter_queue_size grows",
            "503 with Retry-After",
            "backend is slow",
        ],
        noticed_by: "The fill of every queue over time, and how long it will last at this rate.",
    },
    Entry {
        id: "D05",
        severity: Severity::Error,
        title: "burgee sends to itself",
        means: "Requests arrive here that this burgee has sent: an exporter's endpoint is one of its own \
                ports, directly or through another collector that sends back. Telemetry then goes round and \
                grows until everything is full.",
        fix: concat!(
            "Give the exporter the backend's address instead of burgee's:\n",
            "exporters:\n",
            "  otlp_grpc:\n",
            "    endpoint: http://jaeger:4317",
        ),
        symptoms: &[
            "loop",
            "burgee sends to itself",
            "spans multiply",
            "memory and queue grow without senders",
        ],
        noticed_by: "Requests with the user-agent that this very process has drawn for its exporters.",
    },
    Entry {
        id: "D06",
        severity: Severity::Warning,
        title: "The file exporter writes where nothing stays",
        means: "The exporter `file` cannot write, or it writes into a layer of the container or into memory, \
                where the file is gone with the container. What cannot be written waits in the queue and is \
                tried again; nothing that was acknowledged is lost while burgee runs.",
        fix: concat!(
            "Mount a volume where the file is, and let burgee's user write there; with compose:\n",
            "volumes:\n",
            "  - ./telemetry:/telemetry",
        ),
        symptoms: &[
            "No space left on device (os error 28)",
            "Permission denied (os error 13)",
            "Read-only file system (os error 30)",
            "file is gone after a restart of the container",
        ],
        noticed_by: "Errors of writing; where a file is gone with its container cannot be seen.",
    },
    Entry {
        id: "D07",
        severity: Severity::Warning,
        title: "burgee's memory budget is used up",
        means: "Telemetry on its way and in queues has reached the budget, 64 MiB if nothing else is \
                configured, so new requests are told to come back later. Very large requests, many at once, \
                or a queue that does not empty (D04) use it up.",
        fix: concat!(
            "Give burgee more, if the machine has it:\n",
            "processors:\n",
            "  memory_limiter:\n",
            "    limit_mib: 512",
        ),
        symptoms: &[
            "data refused due to high memory usage",
            "memory limit",
            "UNAVAILABLE",
            "503 Service Unavailable",
            "a queue or the memory is full",
        ],
        noticed_by: "The use of the budget, requests refused for want of it, and who sends most.",
    },
    Entry {
        id: "D08",
        severity: Severity::Info,
        title: "The system gives burgee little to work with",
        means: "The limit of open files is low, few connections may wait to be accepted, or the container \
                may use only a small part of a processor. With few senders that is enough. With many, \
                connections are refused or answers come late.",
        fix: concat!(
            "Raise the limit of open files where burgee is started (LimitNOFILE=65536 in a systemd unit):\n",
            "ulimit -n 65536",
        ),
        symptoms: &[
            "Too many open files (os error 24)",
            "EMFILE",
            "CPU throttling",
            "somaxconn",
            "cannot accept connections",
        ],
        noticed_by: "The process's limits and its control group, read when burgee starts.",
    },
    Entry {
        id: "D09",
        severity: Severity::Error,
        title: "burgee's ledger does not balance",
        means: "Whatever comes in has to be sent, rejected, dropped for a stated reason, or still there. \
                These counts do not add up, so burgee lost something or counted it twice. That is a bug in \
                burgee.",
        fix: concat!(
            "Please report it, with the output of this; it has counts and names, and no telemetry:\n",
            "burgee status --json",
        ),
        symptoms: &[
            "counts do not add up",
            "accepted is more than sent",
            "burgee_ledger_imbalance",
            "spans vanish inside burgee",
        ],
        noticed_by: "The sums of every door, pipeline and queue, when nothing is on its way.",
    },
    Entry {
        id: "D10",
        severity: Severity::Info,
        title: "The configuration uses outdated names",
        means: "Components or keys in the configuration have new names: `otlp` and `otlphttp` as exporters \
                are `otlp_grpc` and `otlp_http` now, and `service.telemetry.metrics.address` has become \
                `readers`. The old ones still work, here and in the OpenTelemetry Collector.",
        fix: concat!(
            "Have them listed with line and column, and rename them:\n",
            "burgee validate --config burgee.yaml",
        ),
        symptoms: &[
            "deprecated",
            "otlp exporter is an alias",
            "otlphttp is an alias",
            "deprecated configuration key",
        ],
        noticed_by: "The warnings of the configuration in force.",
    },
];
