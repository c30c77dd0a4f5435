//! Broken or partial traces.

use crate::doctor::{Entry, Severity};

pub(super) static ENTRIES: [Entry; 15] = [
    Entry {
        id: "X01",
        severity: Severity::Error,
        title: "Relay-proxy traces are not connected to their callers",
        means: "Applications call the relay proxy, and its spans begin traces of their own instead of going \
                on with the callers'. Relay proxies before v1.41.2 ignore the `traceparent` header (GO \
                Feature Flag's issue 3042), whatever is configured. So nobody can see which request a flag \
                was evaluated for.",
        fix: concat!(
            "Upgrade the relay proxy to v1.41.2 or later, for instance:\n",
            "image: gofeatureflag/go-feature-flag:v1.49.0",
        ),
        symptoms: &[
            "relay proxy ignores traceparent",
            "flagEvaluation is in a separate trace",
            "go-feature-flag spans are root spans",
            "traces stop at the relay proxy",
            "the relay proxy's trace id is not the one that was sent",
        ],
        noticed_by: "Client spans to the relay proxy and its server spans at the same time on the same path, \
                     of which nearly none belong together; `burgee doctor --relay-proxy URL` sends a \
                     `traceparent` of its own.",
    },
    Entry {
        id: "X02",
        severity: Severity::Warning,
        title: "Callers do not send traceparent to the relay proxy",
        means: "The relay proxy would go on with its callers' traces, and these callers do not tell it about \
                them. The HTTP client that their OpenFeature provider uses is not instrumented, or a proxy, \
                an ingress or a mesh on the way removes the header.",
        fix: concat!(
            "Instrument the HTTP client that the provider uses; this says whether the rest is fine:\n",
            "burgee doctor --relay-proxy http://localhost:1031",
        ),
        symptoms: &[
            "traceparent is missing",
            "relay proxy is v1.41.2 or later and its traces are separate",
            "OpenFeature provider does not propagate the trace context",
            "nginx removes traceparent",
        ],
        noticed_by: "As X01, with a relay proxy that is new enough or whose other callers are connected.",
    },
    Entry {
        id: "X03",
        severity: Severity::Warning,
        title: "A caller passes its trace on in a format that the relay proxy does not read",
        means: "The relay proxy reads W3C `traceparent` and nothing else. This caller seems to send B3, \
                Jaeger's `uber-trace-id` or X-Ray's header, so its traces end at the relay proxy. \
                `OTEL_PROPAGATORS` of the relay proxy is ignored; the caller has to change.",
        fix: concat!(
            "Let the caller send W3C, beside the old format if others need it:\n",
            "OTEL_PROPAGATORS=tracecontext,baggage,b3multi",
        ),
        symptoms: &[
            "X-B3-TraceId",
            "uber-trace-id",
            "X-Amzn-Trace-Id",
            "OTEL_PROPAGATORS=b3",
            "B3 headers ignored",
        ],
        noticed_by: "As X02, where the caller's trace ids have 64 bits as in such a format; headers cannot be \
                     seen.",
    },
    Entry {
        id: "X04",
        severity: Severity::Info,
        title: "Spans arrive whose callers' spans never do",
        means: "These spans name a parent in another process, and that parent does not come. Most often the \
                caller does not send its traces here, or to another backend. It may also be that the caller \
                samples and left this trace out, that its spans are still waiting in it, or that they were \
                dropped.",
        fix: concat!(
            "Send the caller's spans to burgee, too:\n",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://burgee:4318",
        ),
        symptoms: &[
            "invalid parent span IDs",
            "orphan spans",
            "missing parent span",
            "trace without root span",
            "rootSpan not yet received",
            "skipping clock skew adjustment",
        ],
        noticed_by: "Spans with a remote parent that has not come after a while, by service.",
    },
    Entry {
        id: "X05",
        severity: Severity::Info,
        title: "The relay proxy samples everything, and its callers only a part",
        means: "Callers decided not to record most of their traces, and told the relay proxy so. It records \
                them all the same, because without `OTEL_TRACES_SAMPLER` it always samples. So most of its \
                spans have a parent that nobody recorded, and they cost money without being of use.",
        fix: concat!(
            "Let the relay proxy follow its callers:\n",
            "OTEL_TRACES_SAMPLER=parentbased_always_on",
        ),
        symptoms: &[
            "orphan flagEvaluation spans",
            "relay proxy ignores the sampled flag",
            "too many traces from go-feature-flag",
            "traces of the relay proxy without the application",
        ],
        noticed_by: "Some spans of the relay proxy have the parent that they name, and many have not.",
    },
    Entry {
        id: "X06",
        severity: Severity::Info,
        title: "A service is instrumented on one side only",
        means: "This service reports requests that it makes, and none that came in and led to them. If it \
                serves requests, the instrumentation of its HTTP server is missing, and traces are cut \
                there. For a job or a tool that serves nobody, all is well.",
        fix: concat!(
            "Switch the missing instrumentation on; automatic instrumentation brings both, in Node.js so:\n",
            "NODE_OPTIONS=--require @opentelemetry/auto-instrumentations-node/register",
        ),
        symptoms: &[
            "client spans are roots",
            "only server spans",
            "no http client spans",
            "traces are cut at a service",
        ],
        noticed_by: "Client spans without a parent, over many spans; those of web pages do not count.",
    },
    Entry {
        id: "X07",
        severity: Severity::Warning,
        title: "Spans are sent twice, or are their own ancestors",
        means: "Two spans of one trace have the same id, or the parents of a span lead back to it. Most \
                often a program has two exporters to the same place, or a simple and a batching span \
                processor side by side. Counts and durations are then wrong in every backend.",
        fix: "Register one span processor with one exporter in the service, and remove the other.",
        symptoms: &[
            "duplicate spans",
            "every span appears twice",
            "duplicate span IDs; skipping clock skew adjustment",
            "cycle in trace",
            "span is its own parent",
        ],
        noticed_by: "The same span id more than once in one trace, and chains of parents that come back.",
    },
    Entry {
        id: "X08",
        severity: Severity::Warning,
        title: "One trace goes on for hours or has very many roots",
        means: "A trace id is used again and again: a fixed `traceparent` in a script or a test, or a \
                context that a background loop keeps from the request that started it. Such a trace is too \
                large to look at, and sampling keeps all of it or nothing.",
        fix: "Begin a trace for each job: start its span in an empty context, and send no fixed \
              `traceparent`.",
        symptoms: &[
            "trace with thousands of spans",
            "one trace id for everything",
            "trace lasts for hours",
            "context leak",
            "constant traceparent",
        ],
        noticed_by: "Spans of one trace id that come hours apart, or a thousand roots in one trace.",
    },
    Entry {
        id: "X09",
        severity: Severity::Info,
        title: "Flag evaluations belong to no request",
        means: "These evaluations stand alone in traces of their own. For spans `feature_flag.evaluate` of \
                the relay proxy's exporter `opentelemetry` that is so by design: they are made later and \
                know no request, and their duration means nothing. From an OpenFeature hook it means that no \
                span was active when the flag was evaluated.",
        fix: concat!(
            "Register OpenFeature's hook in the application, which knows the request; in Node.js:\n",
            "OpenFeature.addHooks(new SpanEventHook())",
        ),
        symptoms: &[
            "feature_flag.evaluate is a root span",
            "flag evaluations in separate traces",
            "feature_flag.evaluate takes minutes",
            "kind: opentelemetry exporter spans are not connected",
            "hook without active span",
        ],
        noticed_by: "Evaluations on spans without parent and children, by service and kind.",
    },
    Entry {
        id: "X10",
        severity: Severity::Info,
        title: "Flags are evaluated inside the application or answered from its cache",
        means: "This application fetches the flags' configuration and evaluates by itself, or keeps answers \
                that may be cached. Then most evaluations never reach the relay proxy, and it can have no \
                span for them. Nothing is lost; only the application can tell of these evaluations.",
        fix: concat!(
            "Register OpenFeature's hook in the application; in Node.js:\n",
            "OpenFeature.addHooks(new SpanEventHook())",
        ),
        symptoms: &[
            "calls are missing from traces",
            "fewer flagEvaluation spans than evaluations",
            "reason CACHED",
            "in-process evaluation has no spans",
            "/v1/flag/configuration",
            "cacheable=true",
        ],
        noticed_by: "Calls to `/v1/flag/configuration`, reasons `cached`, and spans that say `cacheable`.",
    },
    Entry {
        id: "X11",
        severity: Severity::Info,
        title: "All flags are evaluated at once, which names none of them",
        means: "A client asks the relay proxy for all flags, as web and mobile SDKs do. The span \
                `AllFlagsState` says how many there were and not which. So which flag this client really \
                used cannot be seen from the relay proxy.",
        fix: concat!(
            "Register OpenFeature's hook in the web application, which sees each flag that is used:\n",
            "OpenFeature.addHooks(new SpanEventHook())",
        ),
        symptoms: &[
            "AllFlagsState",
            "/ofrep/v1/evaluate/flags without key",
            "bulk evaluation",
            "flags of the web client are missing",
        ],
        noticed_by: "Spans of bulk evaluations, by caller.",
    },
    Entry {
        id: "X12",
        severity: Severity::Info,
        title: "Failed evaluations of the relay proxy say nothing themselves",
        means: "When an evaluation over OFREP fails, because the flag does not exist or the request is \
                wrong, the relay proxy's span `flagEvaluation` has no attributes at all. burgee takes the \
                key and the error from the request above it. What is shown as key is what the client wrote \
                in the URL.",
        fix: "Correct the key in the caller, or add the flag to the relay proxy's flags; `burgee flags` \
              lists both.",
        symptoms: &[
            "empty flagEvaluation spans",
            "flagEvaluation without attributes",
            "404 FLAG_NOT_FOUND",
            "flag_not_found",
        ],
        noticed_by: "Spans `flagEvaluation` without attributes below a request that was answered with 4xx.",
    },
    Entry {
        id: "X13",
        severity: Severity::Warning,
        title: "The last seconds before a relay proxy's restart are missing",
        means: "When the relay proxy stops, it ends its connection for traces before it has emptied its \
                queue, so the last batch is lost. Callers' spans of these seconds have no counterpart. \
                Nothing in burgee's configuration can bring them back.",
        fix: concat!(
            "Make the loss smaller: let the relay proxy send every second instead of every five:\n",
            "OTEL_BSP_SCHEDULE_DELAY=1000",
        ),
        symptoms: &[
            "spans missing after a restart",
            "spans missing after a deployment",
            "last flagEvaluation before shutdown is lost",
        ],
        noticed_by: "The relay proxy's process changes, and calls just before have no server span, unlike \
                     others.",
    },
    Entry {
        id: "X14",
        severity: Severity::Info,
        title: "Most of the relay proxy's traces are health checks and metrics",
        means: "Probes ask `/health`, `/info` and `/metrics` every few seconds, and the relay proxy makes a \
                trace of each. They cost as much as real ones and hide them. On a monitoring port of its \
                own, the relay proxy does not trace these requests.",
        fix: concat!(
            "Give monitoring its own port in goff-proxy.yaml, and let probes ask there:\n",
            "server:\n",
            "  monitoringPort: 1032",
        ),
        symptoms: &[
            "GET /health traces",
            "GET /metrics traces",
            "too many traces of health checks",
            "noise from probes",
        ],
        noticed_by: "More than 30 % of the relay proxy's traces are requests to these paths.",
    },
    Entry {
        id: "X15",
        severity: Severity::Info,
        title: "Spans come minutes after they ended",
        means: "A sender holds spans back for a long time before it sends them, or could not send them \
                earlier. They are taken and passed on like any other. What is shown live comes late, though, \
                and backends that decide by whole traces may have decided already.",
        fix: concat!("Let the sender's batches go earlier:\n", "OTEL_BSP_SCHEDULE_DELAY=5000",),
        symptoms: &[
            "spans arrive late",
            "traces are complete only after minutes",
            "late spans",
            "out of order spans",
        ],
        noticed_by: "The time between the end of a sender's spans and their arrival.",
    },
];
