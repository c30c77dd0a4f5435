//! The contract between components and the engine.
//!
//! A receiver hands requests to the [`Intake`]: [`Intake::admit`] before the body is read, [`Intake::accept`] with
//! the checked payload. Processors change payloads on the way, exporters send what the outboxes give them. What a
//! component needs to be built is in its own `Config` and a build context.

mod auth;
mod beside;
mod downstreams;
mod exporter;
mod extension;
mod intake;
mod listen;
mod memory;
mod parcel;
mod problem;
mod processor;
#[doc(hidden)]
pub mod puppets;
mod queue;
mod receiver;
mod task;

pub use auth::{AuthKeys, Authenticators, Candidate, ClientAuth, Denied, ServerAuth, Verdict};
pub use beside::beside;
pub use downstreams::{Downstreams, Tried};
pub use exporter::{Batch, Creditor, Exporter, Outcome, Owed};
pub use extension::{Extension, ExtensionContext, Serve};
pub use intake::{Admission, Intake, Origin, PortRole, Refusal, Ticket, Transport};
pub use listen::{Listen, WhenTaken};
pub use memory::{Budget, Charge};
pub use parcel::{OutboxId, Parcel, Receipt};
pub use problem::Problem;
pub use processor::{Cx, Processor};
pub use queue::{BatchConfig, QueueConfig, RequestLimit, RetryConfig, Sizer};
pub use receiver::{Receiver, ReceiverContext};
pub use task::{BuildContext, Task, TaskContext};
