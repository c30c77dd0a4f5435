//! What paths and enum names mean.

use super::Mistake;
use crate::config::quote;

/// What a condition is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Context {
    Resource,
    Scope,
    Span,
    SpanEvent,
    Metric,
    DataPoint,
    Log,
}

impl Context {
    pub(in super::super) const ALL: [Context; 7] = [
        Context::Resource,
        Context::Scope,
        Context::Span,
        Context::SpanEvent,
        Context::Metric,
        Context::DataPoint,
        Context::Log,
    ];

    /// The prefix of its paths.
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Context::Resource => "resource",
            Context::Scope => "scope",
            Context::Span => "span",
            Context::SpanEvent => "spanevent",
            Context::Metric => "metric",
            Context::DataPoint => "datapoint",
            Context::Log => "log",
        }
    }

    pub(in super::super) fn parse(name: &str) -> Option<Context> {
        match name {
            "instrumentation_scope" => Some(Context::Scope),
            _ => Context::ALL.into_iter().find(|context| context.name() == name),
        }
    }

    /// Those whose fields it reaches: its own, and of what it belongs to.
    fn reaches(self) -> &'static [Context] {
        match self {
            Context::Resource => &[Context::Resource],
            Context::Scope => &[Context::Scope, Context::Resource],
            Context::Span => &[Context::Span, Context::Scope, Context::Resource],
            Context::SpanEvent => &[Context::SpanEvent, Context::Span, Context::Scope, Context::Resource],
            Context::Metric => &[Context::Metric, Context::Scope, Context::Resource],
            Context::DataPoint => &[Context::DataPoint, Context::Metric, Context::Scope, Context::Resource],
            Context::Log => &[Context::Log, Context::Scope, Context::Resource],
        }
    }
}

/// A path as it is written.
#[derive(Clone, Debug)]
pub(super) struct RawPath {
    pub names: Vec<String>,
    pub keys: Vec<Key>,
    pub at: usize,
}

/// What stands in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Key {
    Name(String),
    Index(usize),
}

/// A path that leads somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Path {
    pub context: Context,
    pub field: Field,
    pub keys: Vec<Key>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Field {
    Attributes,
    Name,
    Version,
    Kind,
    KindText,
    KindWord,
    StatusCode,
    StatusMessage,
    TraceIdText,
    SpanIdText,
    ParentSpanIdText,
    TraceState,
    StartTime,
    EndTime,
    Time,
    Body,
    BodyText,
    SeverityNumber,
    SeverityText,
    EventName,
    Unit,
    Description,
    Type,
    ValueInt,
    ValueDouble,
    Count,
    Sum,
}

/// The fields of each context, by their names.
fn fields(context: Context) -> &'static [(&'static str, Field)] {
    match context {
        Context::Resource => &[("attributes", Field::Attributes)],
        Context::Scope => {
            &[("name", Field::Name), ("version", Field::Version), ("attributes", Field::Attributes)]
        }
        Context::Span => &[
            ("name", Field::Name),
            ("attributes", Field::Attributes),
            ("kind", Field::Kind),
            ("kind.string", Field::KindText),
            ("kind.deprecated_string", Field::KindWord),
            ("status.code", Field::StatusCode),
            ("status.message", Field::StatusMessage),
            ("trace_id.string", Field::TraceIdText),
            ("span_id.string", Field::SpanIdText),
            ("parent_span_id.string", Field::ParentSpanIdText),
            ("trace_state", Field::TraceState),
            ("start_time_unix_nano", Field::StartTime),
            ("end_time_unix_nano", Field::EndTime),
        ],
        Context::SpanEvent => {
            &[("name", Field::Name), ("attributes", Field::Attributes), ("time_unix_nano", Field::Time)]
        }
        Context::Metric => &[
            ("name", Field::Name),
            ("unit", Field::Unit),
            ("description", Field::Description),
            ("type", Field::Type),
        ],
        Context::DataPoint => &[
            ("attributes", Field::Attributes),
            ("value_int", Field::ValueInt),
            ("value_double", Field::ValueDouble),
            ("count", Field::Count),
            ("sum", Field::Sum),
            ("time_unix_nano", Field::Time),
        ],
        Context::Log => &[
            ("body", Field::Body),
            ("body.string", Field::BodyText),
            ("attributes", Field::Attributes),
            ("severity_number", Field::SeverityNumber),
            ("severity_text", Field::SeverityText),
            ("event_name", Field::EventName),
            ("trace_id.string", Field::TraceIdText),
            ("span_id.string", Field::SpanIdText),
            ("time_unix_nano", Field::Time),
        ],
    }
}

/// Which context the paths of a condition are in.
#[derive(Clone, Debug)]
pub(in super::super) enum PathNames {
    /// A known one: its own fields need no prefix.
    In(Context),
    /// To be found out from the prefixes, which every path then needs; the innermost one so far.
    Open(Option<Context>),
}

impl PathNames {
    pub(super) fn resolve(&mut self, path: RawPath) -> Result<Path, Mistake> {
        let prefix = Context::parse(&path.names[0]).filter(|_| path.names.len() > 1);
        let (context, names) = match (&mut *self, prefix) {
            (_, Some(prefix)) => (prefix, &path.names[1..]),
            (PathNames::In(context), None) => (*context, &path.names[..]),
            (PathNames::Open(_), None) => {
                let message = format!(
                    "{} needs the prefix of its context here: resource, scope, span, spanevent, metric, datapoint or log",
                    quote(&path.names.join("."))
                );
                return Err(Mistake::new(path.at, message));
            }
        };
        match self {
            PathNames::In(within) if !within.reaches().contains(&context) => {
                let reached: Vec<&str> = within.reaches().iter().map(|context| context.name()).collect();
                let message = format!(
                    "a {} has no {}; its conditions reach {}",
                    within.name(),
                    context.name(),
                    reached.join(", ")
                );
                return Err(Mistake::new(path.at, message));
            }
            PathNames::In(_) => {}
            PathNames::Open(found) => *found = (*found).max(Some(context)),
        }
        let name = names.join(".");
        let fields = fields(context);
        let Some((_, field)) = fields.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
            let message = format!(
                "{} is no field of a {} in burgee's conditions; there are {}",
                quote(&name),
                context.name(),
                known.join(", ")
            );
            return Err(Mistake::new(path.at, message));
        };
        match (field, path.keys.first()) {
            (Field::Attributes, None | Some(Key::Index(_))) => {
                Err(Mistake::new(path.at, "attributes are compared one by one; write attributes[\"key\"]"))
            }
            (Field::Attributes | Field::Body, _) | (_, None) => {
                Ok(Path { context, field: *field, keys: path.keys })
            }
            _ => Err(Mistake::new(path.at, format!("{} is no map; remove the brackets", quote(&name)))),
        }
    }

    /// A function that spans alone have.
    pub(super) fn is_root_span(&mut self, at: usize) -> Result<(), Mistake> {
        self.function("IsRootSpan", Context::Span, at)
    }

    /// A function that metrics alone have.
    pub(super) fn looks_at_points(&mut self, name: &str, at: usize) -> Result<(), Mistake> {
        self.function(name, Context::Metric, at)
    }

    fn function(&mut self, name: &str, of: Context, at: usize) -> Result<(), Mistake> {
        match self {
            PathNames::In(context) if *context == of => Ok(()),
            PathNames::In(context) => {
                let message = format!(
                    "{name} asks about a {}, and this condition about a {}",
                    of.name(),
                    context.name()
                );
                Err(Mistake::new(at, message))
            }
            PathNames::Open(found) => {
                *found = (*found).max(Some(of));
                Ok(())
            }
        }
    }
}

/// The number behind a name such as `SPAN_KIND_SERVER`.
pub(super) fn enum_value(name: &str) -> Result<i64, String> {
    for (prefix, names) in ENUMS {
        let Some(rest) = name.strip_prefix(prefix) else { continue };
        return match names.iter().position(|known| *known == rest) {
            Some(number) => Ok(number as i64),
            None => Err(format!("{} is unknown; there are {prefix}{}", quote(name), names.join(", …"))),
        };
    }
    Err(format!(
        "{} is no name that conditions know; there are SPAN_KIND_…, STATUS_CODE_…, SEVERITY_NUMBER_…, METRIC_DATA_TYPE_…",
        quote(name)
    ))
}

/// Names by prefix, each numbered by its place.
const ENUMS: [(&str, &[&str]); 4] = [
    ("SPAN_KIND_", &["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]),
    ("STATUS_CODE_", &["UNSET", "OK", "ERROR"]),
    (
        "SEVERITY_NUMBER_",
        &[
            "UNSPECIFIED",
            "TRACE",
            "TRACE2",
            "TRACE3",
            "TRACE4",
            "DEBUG",
            "DEBUG2",
            "DEBUG3",
            "DEBUG4",
            "INFO",
            "INFO2",
            "INFO3",
            "INFO4",
            "WARN",
            "WARN2",
            "WARN3",
            "WARN4",
            "ERROR",
            "ERROR2",
            "ERROR3",
            "ERROR4",
            "FATAL",
            "FATAL2",
            "FATAL3",
            "FATAL4",
        ],
    ),
    ("METRIC_DATA_TYPE_", &["NONE", "GAUGE", "SUM", "HISTOGRAM", "EXPONENTIAL_HISTOGRAM", "SUMMARY"]),
];
