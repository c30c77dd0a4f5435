//! Nothing arrives.

use crate::doctor::{Entry, Severity};

pub(super) static ENTRIES: [Entry; 11] = [
    Entry {
        id: "N01",
        severity: Severity::Warning,
        title: "No sender has connected yet",
        means: "burgee has been listening for a minute, and nobody has connected to its ports. The sender \
                has tracing switched off, or it sends somewhere else. In a container, `localhost` is that \
                container itself: there the endpoint is burgee's name, or `host.docker.internal` if burgee \
                runs on the host.",
        fix: concat!(
            "Give this to the relay proxy or to any SDK, with burgee's name or address as they see it:\n",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4318\n",
            "OTEL_TRACES_EXPORTER=otlp",
        ),
        symptoms: &[
            "no traces at all",
            "nothing arrives",
            "connection refused",
            "connect: connection refused 127.0.0.1:4317",
            "ECONNREFUSED 127.0.0.1:4318",
            "Failed to export spans. The request could not be executed",
            "no such host",
        ],
        noticed_by: "No connection to any port for OTLP within a minute of the start.",
    },
    Entry {
        id: "N02",
        severity: Severity::Info,
        title: "Somebody only checks whether the port is open",
        means: "A client connects and closes without a word, again and again. Load balancers, Kubernetes' \
                TCP probes and monitoring do that. It does no harm, and it is no telemetry: if you expect \
                spans from this address, its exporter is not the one that connects.",
        fix: "Let probes ask the extension `health_check` (`http://burgee:13133/`) instead of an OTLP port.",
        symptoms: &[
            "connections without data",
            "connection reset by peer in the log of a probe",
            "tcpSocket probe succeeds but no spans arrive",
        ],
        noticed_by: "Connections from one address that end without having sent a byte, and no request from \
                     there.",
    },
    Entry {
        id: "N03",
        severity: Severity::Error,
        title: "The relay proxy is called but sends no traces",
        means: "Applications report calls to the relay proxy, and the relay proxy itself reports nothing. \
                Versions up to v1.19 do not trace, and v1.23.0 to v1.35.x never start tracing, whatever is \
                set. v1.20 to v1.22, v1.36 and v1.37 start only by the key `openTelemetryOtlpEndpoint`, and \
                v1.37 is the first that reads other `OTEL_` variables. From v1.38.0 on \
                `OTEL_EXPORTER_OTLP_ENDPOINT` is enough, and from v1.41.2 on the traces are connected, too.",
        fix: concat!(
            "Run v1.41.2 or later with this key, which every version that traces understands:\n",
            "openTelemetryOtlpEndpoint: http://burgee:4318",
        ),
        symptoms: &[
            "relay proxy sends no traces",
            "no service go-feature-flag in Jaeger",
            "flagEvaluation spans are missing",
            "OTEL configuration is not working",
            "relay proxy v1.31.1 no spans",
        ],
        noticed_by: "Client spans name the relay proxy's paths, and no span has the marks of a relay \
                     proxy; `burgee doctor --relay-proxy URL` reads its version and asks it for a trace.",
    },
    Entry {
        id: "N04",
        severity: Severity::Error,
        title: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT alone starts no tracing in the relay proxy",
        means: "The relay proxy starts tracing only if `OTEL_EXPORTER_OTLP_ENDPOINT` or \
                `openTelemetryOtlpEndpoint` is set. The variable for traces alone is right for other \
                programs, and here it changes nothing until one of the others is there.",
        fix: concat!(
            "Set the general variable, without a path:\n",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4318",
        ),
        symptoms: &[
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set and nothing happens",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ignored",
            "relay proxy does not trace although an endpoint is set",
        ],
        noticed_by: "`burgee doctor --compose FILE` or `--env-file FILE` finds this variable without the \
                     other two.",
    },
    Entry {
        id: "N05",
        severity: Severity::Warning,
        title: "Two endpoints are set for the relay proxy, and one has no effect",
        means: "Both `openTelemetryOtlpEndpoint` and `otel.exporter.otlp.endpoint` are there. The second one \
                wins, and the variable `OTEL_EXPORTER_OTLP_ENDPOINT` wins over both. If the one that you \
                changed last is not the one that wins, the relay proxy still sends to the old place.",
        fix: "Remove `openTelemetryOtlpEndpoint` and keep `otel.exporter.otlp.endpoint`, or the other way \
              round.",
        symptoms: &[
            "openTelemetryOtlpEndpoint has no effect",
            "relay proxy sends to the old endpoint",
            "endpoint in goff-proxy.yaml ignored",
        ],
        noticed_by: "`burgee doctor --relay-config FILE` finds both keys, or a key and the variable beside \
                     it.",
    },
    Entry {
        id: "N06",
        severity: Severity::Warning,
        title: "The protocol in the relay proxy's file has no effect",
        means: "The relay proxy reads `otel.exporter.otlp.protocol` from its file and never looks at it \
                again. It speaks OTLP over HTTP unless the environment says otherwise. With burgee that is \
                fine, for both ports take both protocols; another collector's port 4317 would refuse it.",
        fix: concat!(
            "If it has to be gRPC, say so in the relay proxy's environment:\n",
            "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
        ),
        symptoms: &[
            "otel.exporter.otlp.protocol: grpc is ignored",
            "relay proxy sends HTTP to 4317",
            "protocol grpc in goff-proxy.yaml has no effect",
        ],
        noticed_by: "`burgee doctor --relay-config FILE` finds the key.",
    },
    Entry {
        id: "N07",
        severity: Severity::Error,
        title: "A setting switches the sender's tracing off",
        means: "A variable tells the SDK not to trace or not to export: `OTEL_SDK_DISABLED=true`, \
                `OTEL_TRACES_EXPORTER=none` or `console`, or `OTEL_TRACES_SAMPLER=always_off`. Such lines \
                often stay behind after a test. As long as one of them is there, no endpoint helps.",
        fix: concat!(
            "Remove that line, or write these in its place:\n",
            "OTEL_SDK_DISABLED=false\n",
            "OTEL_TRACES_EXPORTER=otlp\n",
            "OTEL_TRACES_SAMPLER=parentbased_always_on",
        ),
        symptoms: &[
            "OTEL_SDK_DISABLED=true",
            "OTEL_TRACES_EXPORTER=none",
            "OTEL_TRACES_EXPORTER=console",
            "OTEL_TRACES_SAMPLER=always_off",
            "traces in the sender's console but nowhere else",
        ],
        noticed_by: "`burgee doctor --compose FILE`, `--env-file FILE` or `--relay-config FILE` finds the \
                     setting.",
    },
    Entry {
        id: "N08",
        severity: Severity::Error,
        title: "burgee listens on loopback inside a container",
        means: "burgee runs in a container and listens on 127.0.0.1, which only processes in the same \
                container or pod can reach. Published ports do not help: what comes through them arrives \
                from outside. As a sidecar it would be right, but no OTLP has arrived.",
        fix: concat!(
            "Listen on all addresses of the container:\n",
            "receivers:\n",
            "  otlp:\n",
            "    protocols:\n",
            "      grpc:\n",
            "        endpoint: 0.0.0.0:4317\n",
            "      http:\n",
            "        endpoint: 0.0.0.0:4318",
        ),
        symptoms: &[
            "connection refused from another container",
            "connection reset by peer on a published port",
            "curl: (56) Recv failure: Connection reset by peer",
            "Empty reply from server",
            "works on the host but not in docker",
        ],
        noticed_by: "burgee finds itself in a container with every OTLP port on loopback, and nothing has \
                     arrived.",
    },
    Entry {
        id: "N09",
        severity: Severity::Error,
        title: "Another program has burgee's port",
        means: "burgee could not open one of its ports, because another program listens there: often a \
                Collector, a Jaeger or a second burgee. Senders talk to that program, and their data never \
                comes here.",
        fix: concat!(
            "See who has the port, and stop it or give it another one:\n",
            "ss -ltnp 'sport = :4317'",
        ),
        symptoms: &[
            "Address already in use (os error 98)",
            "bind: address already in use",
            "EADDRINUSE",
            "port is already allocated",
            "listen tcp 0.0.0.0:4317: bind: address already in use",
        ],
        noticed_by: "The system refuses the port when burgee starts or reads its configuration anew.",
    },
    Entry {
        id: "N10",
        severity: Severity::Info,
        title: "Only 127.0.0.1 is served, and some senders try ::1",
        means: "`localhost` has two addresses, 127.0.0.1 and ::1. Node.js from 17 on and others try ::1 \
                first, and not all of them go on to 127.0.0.1. An endpoint `localhost:4317` in burgee's \
                configuration serves both; `127.0.0.1:4317` only the one.",
        fix: concat!(
            "Write `localhost` where burgee listens:\n",
            "receivers:\n",
            "  otlp:\n",
            "    protocols:\n",
            "      grpc:\n",
            "        endpoint: localhost:4317\n",
            "      http:\n",
            "        endpoint: localhost:4318",
        ),
        symptoms: &[
            "connect ECONNREFUSED ::1:4317",
            "connect ECONNREFUSED ::1:4318",
            "dial tcp [::1]:4317: connect: connection refused",
            "works with 127.0.0.1 but not with localhost",
        ],
        noticed_by: "burgee listens on 127.0.0.1 alone, on a machine that has ::1; who failed there cannot \
                     be seen.",
    },
    Entry {
        id: "N11",
        severity: Severity::Error,
        title: "Senders have lost spans while burgee refused them",
        means: "burgee had no room for a while and told senders to come back. SDKs keep 2,048 spans by \
                default and drop what comes beyond that, without telling anybody but their own log. Traces \
                of that time have gaps that nothing can fill any more.",
        fix: concat!(
            "Let senders keep more while burgee catches up, and look at D04 and D07 for the reason:\n",
            "OTEL_BSP_MAX_QUEUE_SIZE=16384",
        ),
        symptoms: &[
            "gaps in traces",
            "BatchSpanProcessor dropped span because queue is full",
            "Queue is full, dropping spans",
            "dropped spans",
            "503 Service Unavailable from the collector",
        ],
        noticed_by: "Requests were refused for want of room, and spans whose parents are missing followed.",
    },
];
