//! Times, identity and quality.

use crate::doctor::{Entry, Severity};

pub(super) static ENTRIES: [Entry; 9] = [
    Entry {
        id: "T01",
        severity: Severity::Warning,
        title: "A sender's clock is wrong",
        means: "Spans of this sender end in the future, or begin before the calls that they serve. \
                Network and batches only make spans late, never early, so its clock is ahead, or another one \
                is behind. burgee shows the times as they came and corrects nothing.",
        fix: concat!("Switch time synchronisation on at the sender's host:\n", "timedatectl set-ntp true",),
        symptoms: &[
            "clock skew",
            "clock skew adjustment",
            "child span starts before its parent",
            "spans in the future",
            "server span is longer than client span",
        ],
        noticed_by: "Spans that end more than two seconds after they arrive, or that serve a call and began \
                     more than two seconds before it.",
    },
    Entry {
        id: "T02",
        severity: Severity::Warning,
        title: "Spans have impossible times",
        means: "Times are 0, lie before 1990 or after 2100, or a span ends before it starts. Most often a \
                number is in another unit than its reader expects: OTLP wants nanoseconds, and \
                `creationDate` of the relay proxy's data collector wants seconds although milliseconds are \
                often sent. Backends put such spans where nobody looks.",
        fix: "Give OTLP nanoseconds since 1970, and `creationDate` of `/v1/data/collector` in seconds.",
        symptoms: &[
            "spans from 1970",
            "span in the year 57000",
            "negative duration",
            "end time before start time",
            "trace does not show up although it was accepted",
        ],
        noticed_by: "Start and end of spans, compared with each other and with the years that telemetry may be \
                     of.",
    },
    Entry {
        id: "T03",
        severity: Severity::Warning,
        title: "A sender does not say which service it is",
        means: "Its telemetry has no `service.name`, or the SDK's stand-in `unknown_service`. Backends put \
                all such senders together, so its traces are there but under a name nobody looks for.",
        fix: concat!("Name the service in its environment:\n", "OTEL_SERVICE_NAME=checkout-api",),
        symptoms: &[
            "unknown_service",
            "unknown_service:node",
            "unknown_service:java",
            "service name is missing",
            "OTLPResourceNoServiceName",
        ],
        noticed_by: "Resources without `service.name`, or with one that begins with `unknown_service`.",
    },
    Entry {
        id: "T04",
        severity: Severity::Warning,
        title: "Two processes claim to be the same instance of a service",
        means: "Different processes send the same `service.instance.id`, so that their metrics overwrite \
                each other and nobody can tell them apart in traces. An id in an image or in a shared \
                environment file does that.",
        fix: concat!(
            "Let each process have its own id, for instance its host's name:\n",
            "OTEL_RESOURCE_ATTRIBUTES=service.instance.id=$HOSTNAME",
        ),
        symptoms: &[
            "service.instance.id is not unique",
            "metrics jump between two values",
            "out-of-order samples",
            "instances are mixed up",
        ],
        noticed_by: "One `service.instance.id`, and processes, hosts or versions that take turns.",
    },
    Entry {
        id: "T05",
        severity: Severity::Info,
        title: "A sender uses outdated names for flag evaluations",
        means: "The OpenTelemetry conventions for feature flags have been renamed several times, and this \
                sender uses older names, upper-case reasons, or puts attributes where they do not belong. \
                burgee writes today's names beside them. Dashboards that ask for today's names work.",
        fix: concat!(
            "Update the hook or SDK; if nobody needs the old names, let burgee leave them out:\n",
            "processors:\n",
            "  feature_flag:\n",
            "    originals: drop",
        ),
        symptoms: &[
            "feature_flag.variant",
            "feature_flag.provider_name",
            "feature_flag.evaluation.reason",
            "feature_flag.evaluation.error.message",
            "TARGETING_MATCH in upper case",
            "dashboards are empty after an update of the hook",
        ],
        noticed_by: "Names of earlier versions of the conventions on what the processor `feature_flag` \
                     recognises.",
    },
    Entry {
        id: "T06",
        severity: Severity::Warning,
        title: "Span names or attributes have too many values",
        means: "Span names contain ids or whole URLs, a span has very many attributes, or a flag's value is \
                very large. Backends group by name, so every request becomes a group of its own; and what is \
                large costs money and may be cut.",
        fix: "Name spans after the route's template (`GET /orders/{id}`), and put the id into an attribute.",
        symptoms: &[
            "high cardinality",
            "span name contains an id",
            "too many operations in Jaeger",
            "attribute value too long",
            "cardinality limit",
        ],
        noticed_by: "The number of different span names of a service, and the number and size of attributes.",
    },
    Entry {
        id: "T07",
        severity: Severity::Error,
        title: "Spans have invalid ids or text",
        means: "A trace id has 16 bytes and a span id 8, and neither is all zero; text is UTF-8. burgee \
                takes an item with an invalid id out, passes the rest of the request on, and tells the \
                sender how many it took out. Text that is not UTF-8 costs the whole request, because \
                protobuf does not allow it.",
        fix: "Update the SDK that makes these spans; in scripts, take 32 and 16 random hexadecimal digits.",
        symptoms: &[
            "invalid trace id",
            "invalid span id",
            "all-zero trace id",
            "string field contains invalid UTF-8",
            "partial success",
            "rejected spans",
        ],
        noticed_by: "Items that are cut out at the door, and requests refused because they are no OTLP or their \
                     text is not UTF-8.",
    },
    Entry {
        id: "T08",
        severity: Severity::Warning,
        title: "Flag telemetry seems to carry personal data",
        means: "Who a flag was evaluated for, a flag's value or a URL looks like an e-mail address. It \
                goes on to every exporter as it is. The processor `feature_flag` can \
                hash or drop whom flags are evaluated for, under every name.",
        fix: concat!(
            "Hash whom flags are evaluated for, with a key of yours (`openssl rand -hex 32`):\n",
            "processors:\n",
            "  feature_flag:\n",
            "    context_id: hash\n",
            "    hash_key: ${env:BURGEE_HASH_KEY}",
        ),
        symptoms: &[
            "e-mail addresses in traces",
            "feature_flag.user_key",
            "feature_flag.context.id",
            "PII in spans",
            "GDPR",
        ],
        noticed_by: "What the values of these attributes and the queries of URLs look like; no value is kept.",
    },
    Entry {
        id: "T09",
        severity: Severity::Warning,
        title: "A flag does not behave as its definition says",
        means: "A key is asked for that no flag has, one trace saw two variants of the same flag for the \
                same user, or the definitions that burgee was given have no such flag or variant. A typo, \
                senders with different versions of the flags, or a cache that is too old does that. Users \
                may then see half of a feature.",
        fix: concat!("Look at the flag, its versions and who evaluates it:\n", "burgee flags",),
        symptoms: &[
            "FLAG_NOT_FOUND",
            "flag_not_found",
            "different variants in one trace",
            "burgee.flag.undeclared",
            "burgee.flag.expected_variant",
        ],
        noticed_by: "Evaluations of one trace compared with each other, keys that are never found with those \
                     that are, and all with `definitions` if given.",
    },
];
