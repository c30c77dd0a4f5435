//! What an answer means: one table between outcomes, gRPC status codes and HTTP statuses, read both ways.
//!
//! Sources: OTLP 1.11, "OTLP/gRPC Response" and "OTLP/HTTP Response" (failures, throttling); the retry columns are
//! its list of retryable codes and statuses.

use std::time::Duration;

use prost::Message;
use prost::bytes::Bytes;
use serde_json::{Value, json};

use super::Signal;

/// How a request fared, whichever side of the connection one is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    /// Accepted but for `rejected` items, which must not be sent again. With `rejected` 0 it is a warning.
    Partly {
        rejected: u64,
        message: String,
    },
    /// Not accepted now; the same request may be sent again, not before `after`.
    RetryLater {
        after: Option<Duration>,
        message: String,
    },
    /// Larger than a configured limit: must not be sent again as it is.
    TooLarge {
        message: String,
    },
    /// Must not be sent again.
    Rejected {
        code: Code,
        message: String,
    },
}

/// The gRPC status codes that burgee gives a meaning of its own; numbers as in `google.rpc.Code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl Code {
    /// Codes outside of the list count as [`Code::Unknown`], as gRPC clients do it.
    pub fn from_number(number: u32) -> Code {
        CODES.get(number as usize).map_or(Code::Unknown, |row| row.code)
    }

    /// The name in the gRPC documentation: `UNAVAILABLE`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The HTTP status that OTLP/HTTP answers for it.
    pub fn http_status(self) -> u16 {
        self.row().http
    }

    /// Whether OTLP lets a client send the same request again.
    pub fn retryable(self) -> bool {
        self.row().retry
    }

    fn row(self) -> &'static Row {
        &CODES[self as usize]
    }
}

struct Row {
    code: Code,
    name: &'static str,
    http: u16,
    retry: bool,
}

const fn row(code: Code, name: &'static str, http: u16, retry: bool) -> Row {
    Row { code, name, http, retry }
}

/// By number. RESOURCE_EXHAUSTED is retryable only with a RetryInfo, see [`Answer::from_grpc`].
static CODES: [Row; 17] = [
    row(Code::Ok, "OK", 200, false),
    row(Code::Cancelled, "CANCELLED", 503, true),
    row(Code::Unknown, "UNKNOWN", 500, false),
    row(Code::InvalidArgument, "INVALID_ARGUMENT", 400, false),
    row(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", 503, true),
    row(Code::NotFound, "NOT_FOUND", 404, false),
    row(Code::AlreadyExists, "ALREADY_EXISTS", 500, false),
    row(Code::PermissionDenied, "PERMISSION_DENIED", 403, false),
    row(Code::ResourceExhausted, "RESOURCE_EXHAUSTED", 413, false),
    row(Code::FailedPrecondition, "FAILED_PRECONDITION", 500, false),
    row(Code::Aborted, "ABORTED", 503, true),
    row(Code::OutOfRange, "OUT_OF_RANGE", 503, true),
    row(Code::Unimplemented, "UNIMPLEMENTED", 404, false),
    row(Code::Internal, "INTERNAL", 500, false),
    row(Code::Unavailable, "UNAVAILABLE", 503, true),
    row(Code::DataLoss, "DATA_LOSS", 503, true),
    row(Code::Unauthenticated, "UNAUTHENTICATED", 401, false),
];

impl Answer {
    /// The status code that says it over gRPC, and, by [`Code::http_status`], over HTTP.
    pub fn code(&self) -> Code {
        match self {
            Answer::Accepted | Answer::Partly { .. } => Code::Ok,
            Answer::RetryLater { .. } => Code::Unavailable,
            Answer::TooLarge { .. } => Code::ResourceExhausted,
            Answer::Rejected { code, .. } => *code,
        }
    }

    /// The sentence for the sender's developer; empty for full success. At most [`MESSAGE_BYTES_MAX`], so that no answer
    /// comes near the 4 MiB that OTLP 1.11 recommends to clients and servers as the limit of a response.
    pub fn message(&self) -> &str {
        match self {
            Answer::Accepted => "",
            Answer::Partly { message, .. }
            | Answer::RetryLater { message, .. }
            | Answer::TooLarge { message }
            | Answer::Rejected { message, .. } => shortened(message),
        }
    }

    /// The encoded `Export…ServiceResponse` of a success: no bytes at all for a full one, since the field
    /// `partial_success` must stay unset then.
    pub fn response(&self, signal: Signal) -> Bytes {
        let Answer::Partly { rejected, message } = self else { return Bytes::new() };
        use opentelemetry_proto::tonic::collector::{
            logs::v1 as logs, metrics::v1 as metrics, trace::v1 as trace,
        };
        let rejected = i64::try_from(*rejected).unwrap_or(i64::MAX);
        let error_message = shortened(message).to_owned();
        let bytes = match signal {
            Signal::Traces => trace::ExportTraceServiceResponse {
                partial_success: Some(trace::ExportTracePartialSuccess {
                    rejected_spans: rejected,
                    error_message,
                }),
            }
            .encode_to_vec(),
            Signal::Metrics => metrics::ExportMetricsServiceResponse {
                partial_success: Some(metrics::ExportMetricsPartialSuccess {
                    rejected_data_points: rejected,
                    error_message,
                }),
            }
            .encode_to_vec(),
            Signal::Logs => logs::ExportLogsServiceResponse {
                partial_success: Some(logs::ExportLogsPartialSuccess {
                    rejected_log_records: rejected,
                    error_message,
                }),
            }
            .encode_to_vec(),
        };
        bytes.into()
    }

    /// [`Answer::response`] as OTLP/JSON: `{}` for a full success.
    pub fn response_json(&self, signal: Signal) -> Bytes {
        let Answer::Partly { rejected, message } = self else { return Bytes::from_static(b"{}") };
        let partial =
            json!({ rejected_name(signal): rejected.to_string(), "errorMessage": shortened(message) });
        json!({ "partialSuccess": partial }).to_string().into()
    }

    /// [`Answer::status`] as JSON.
    pub fn status_json(&self) -> Bytes {
        let mut status = json!({ "code": self.code() as i32, "message": self.message() });
        if let Answer::RetryLater { after: Some(after), .. } = self {
            let delay = format!("{}.{:03}s", after.as_secs(), after.subsec_millis());
            status["details"] = json!([{ "@type": RETRY_INFO, "retryDelay": delay }]);
        }
        if self.code() == Code::InvalidArgument {
            let violations = json!([{ "description": self.message() }]);
            status["details"] = json!([{ "@type": BAD_REQUEST, "fieldViolations": violations }]);
        }
        status.to_string().into()
    }

    /// The encoded `google.rpc.Status` of a failure, with a `RetryInfo` where a retry makes sense and a `BadRequest`
    /// where the request is at fault.
    pub fn status(&self) -> Bytes {
        use tonic_types::pb;
        let mut details = Vec::new();
        if let Answer::RetryLater { after: Some(after), .. } = self {
            let retry_delay = prost_types_duration(*after);
            let info = pb::RetryInfo { retry_delay: Some(retry_delay) };
            details.push(prost_types::Any { type_url: RETRY_INFO.into(), value: info.encode_to_vec() });
        }
        if self.code() == Code::InvalidArgument {
            let violation = pb::bad_request::FieldViolation {
                description: self.message().to_owned(),
                ..Default::default()
            };
            let bad = pb::BadRequest { field_violations: vec![violation] };
            details.push(prost_types::Any { type_url: BAD_REQUEST.into(), value: bad.encode_to_vec() });
        }
        let status = pb::Status { code: self.code() as i32, message: self.message().to_owned(), details };
        status.encode_to_vec().into()
    }

    /// Reads the `Export…ServiceResponse` of a success. A body that cannot be read is a success all the same: the
    /// status said so.
    pub fn from_response(signal: Signal, body: &[u8]) -> Answer {
        // the three responses have the same layout: partial_success = 1 {rejected = 1, error_message = 2}
        use opentelemetry_proto::tonic::collector::trace::v1 as trace;
        let _ = signal;
        let partial = trace::ExportTraceServiceResponse::decode(body).ok().and_then(|r| r.partial_success);
        match partial {
            Some(partial) if partial.rejected_spans > 0 || !partial.error_message.is_empty() => {
                Answer::Partly {
                    rejected: u64::try_from(partial.rejected_spans).unwrap_or(0),
                    message: partial.error_message,
                }
            }
            _ => Answer::Accepted,
        }
    }

    /// [`Answer::from_response`] for a body in OTLP/JSON.
    pub fn from_response_json(signal: Signal, body: &[u8]) -> Answer {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let partial = &body["partialSuccess"];
        let rejected = match &partial[rejected_name(signal)] {
            Value::String(number) => number.parse().unwrap_or(0),
            number => number.as_u64().unwrap_or(0),
        };
        let message = partial["errorMessage"].as_str().unwrap_or_default();
        if rejected == 0 && message.is_empty() {
            return Answer::Accepted;
        }
        Answer::Partly { rejected, message: message.to_owned() }
    }

    /// Reads a gRPC failure. `details` is the decoded `grpc-status-details-bin`, if there was one.
    pub fn from_grpc(code: Code, message: String, details: &[u8]) -> Answer {
        let after = retry_info(details);
        match code {
            Code::Ok => Answer::Accepted,
            Code::ResourceExhausted if after.is_some() => Answer::RetryLater { after, message },
            Code::ResourceExhausted => Answer::TooLarge { message },
            code if code.retryable() => Answer::RetryLater { after, message },
            code => Answer::Rejected { code, message },
        }
    }

    /// Reads an HTTP failure. Only 429, 502, 503 and 504 are worth a retry (OTLP 1.11, "Retryable Response Codes").
    pub fn from_http(status: u16, retry_after: Option<Duration>, message: String) -> Answer {
        match status {
            200..=299 => Answer::Accepted,
            429 | 502 | 503 | 504 => Answer::RetryLater { after: retry_after, message },
            413 => Answer::TooLarge { message },
            400 => Answer::Rejected { code: Code::InvalidArgument, message },
            401 => Answer::Rejected { code: Code::Unauthenticated, message },
            403 => Answer::Rejected { code: Code::PermissionDenied, message },
            404 | 405 | 415 => Answer::Rejected { code: Code::Unimplemented, message },
            _ => Answer::Rejected { code: Code::Unknown, message },
        }
    }
}

/// As much of a message as is sent.
fn shortened(message: &str) -> &str {
    &message[..message.floor_char_boundary(MESSAGE_BYTES_MAX)]
}

/// The message of an encoded `google.rpc.Status`, if the bytes are one; at most 1,000 characters.
pub fn status_message(body: &[u8]) -> Option<String> {
    let status = tonic_types::pb::Status::decode(body).ok()?;
    (!status.message.is_empty()).then(|| status.message.chars().take(1000).collect())
}

/// [`status_message`] for a body in JSON.
pub fn status_message_json(body: &[u8]) -> Option<String> {
    let status: Value = serde_json::from_slice(body).ok()?;
    let message = status["message"].as_str()?;
    (!message.is_empty()).then(|| message.chars().take(1000).collect())
}

/// What OTLP/JSON calls the number of items that were not taken.
fn rejected_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "rejectedSpans",
        Signal::Metrics => "rejectedDataPoints",
        Signal::Logs => "rejectedLogRecords",
    }
}

/// The delay of the `RetryInfo` in an encoded `google.rpc.Status`.
fn retry_info(details: &[u8]) -> Option<Duration> {
    let status = tonic_types::pb::Status::decode(details).ok()?;
    let any = status.details.iter().find(|any| any.type_url == RETRY_INFO)?;
    let delay = tonic_types::pb::RetryInfo::decode(&*any.value).ok()?.retry_delay?;
    Some(Duration::new(u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?))
}

fn prost_types_duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: duration.subsec_nanos() as i32,
    }
}

/// The longest message of an answer, in bytes. Over gRPC it is a header, in which many clients take 8 KiB, and every byte
/// may become three.
pub const MESSAGE_BYTES_MAX: usize = 2048;
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_short_whatever_there_is_to_say() {
        let message = "é".repeat(3 << 20);
        let partly = Answer::Partly { rejected: 1, message: message.clone() };
        for signal in Signal::ALL {
            for body in [partly.response(signal), partly.response_json(signal)] {
                assert!(body.len() < MESSAGE_BYTES_MAX + 100, "{}", body.len());
            }
        }
        for code in [Code::Internal, Code::InvalidArgument] {
            let refused = Answer::Rejected { code, message: message.clone() };
            assert!(refused.message().ends_with('é'));
            for body in [refused.status(), refused.status_json()] {
                assert!(body.len() < 2 * MESSAGE_BYTES_MAX + 200, "{}", body.len());
            }
        }
    }

    #[test]
    fn what_is_said_in_json_is_read_from_json() {
        let partly = |rejected| Answer::Partly { rejected, message: "two \"bad\" ids".into() };
        for signal in Signal::ALL {
            for answer in [Answer::Accepted, partly(0), partly(2)] {
                assert_eq!(Answer::from_response_json(signal, &answer.response_json(signal)), answer);
            }
        }
        assert_eq!(&Answer::Accepted.response_json(Signal::Logs)[..], b"{}");
        assert_eq!(
            &partly(2).response_json(Signal::Metrics)[..],
            br#"{"partialSuccess":{"errorMessage":"two \"bad\" ids","rejectedDataPoints":"2"}}"#
        );
        // the Collector's way to say yes, a number, and what is no answer at all
        let read = |body: &str| Answer::from_response_json(Signal::Traces, body.as_bytes());
        assert_eq!(read(r#"{"partialSuccess":{}}"#), Answer::Accepted);
        assert_eq!(read(r#"{"partialSuccess":{"rejectedSpans":3}}"#).code(), Code::Ok);
        assert_eq!(read("<html>"), Answer::Accepted);
        let refused = Answer::Rejected { code: Code::InvalidArgument, message: "no".into() };
        assert_eq!(status_message_json(&refused.status_json()).as_deref(), Some("no"));
        assert_eq!(status_message_json(b"<html>"), None);
    }
}
