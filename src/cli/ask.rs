//! Asking a running burgee: what all commands that do so have in common.

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status};

use super::Failure;
use crate::admin::{self, v1};
use crate::config::escape;

pub(super) type Client = v1::admin_client::AdminClient<Channel>;

/// Which burgee to ask.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Admin {
    /// Where burgee's admin service listens.
    #[arg(long = "admin", value_name = "URL", default_value_t = Admin::local().url)]
    url: String,
}

impl Admin {
    /// The one of this machine, where nothing else is configured.
    pub(super) fn local() -> Admin {
        Admin { url: format!("http://127.0.0.1:{}", admin::DEFAULT_PORT) }
    }

    pub(super) async fn connect(&self) -> Result<Running, Failure> {
        let url = match self.url.contains("://") {
            true => self.url.clone(),
            false => format!("http://{}", self.url),
        };
        let shown = escape(&url).into_owned();
        let endpoint = Endpoint::from_shared(url)
            .map_err(|_| Failure::new(format!("--admin {shown} is not a URL; try {}", Admin::local().url)))?
            .connect_timeout(CONNECT_TIMEOUT);
        let channel = endpoint.connect().await.map_err(|_| {
            Failure::new(format!("nothing answers on {shown}; is burgee running there? `burgee` starts it"))
        })?;
        let client = Client::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Ok(Running { url: shown, client })
    }
}

/// A burgee that has answered. Its connection is made anew if it ends.
#[derive(Clone)]
pub(super) struct Running {
    /// Fit to be shown.
    pub(super) url: String,
    client: Client,
}

/// Why a question has no answer.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) code: Code,
    pub(super) failure: Failure,
}

impl From<Unanswered> for Failure {
    fn from(why: Unanswered) -> Failure {
        why.failure
    }
}

impl Running {
    /// Makes one call. Of a stream, it is its beginning that has to come in time.
    pub(super) async fn ask<A>(
        &self,
        call: impl AsyncFnOnce(Client) -> Result<Response<A>, Status>,
    ) -> Result<A, Unanswered> {
        match self.called(call).await {
            Ok(answer) => Ok(answer),
            Err(status) => Err(self.explain(&status).await),
        }
    }

    async fn called<A>(
        &self,
        call: impl AsyncFnOnce(Client) -> Result<Response<A>, Status>,
    ) -> Result<A, Status> {
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, call(self.client.clone())).await;
        let late = |_| {
            let within = humantime::format_duration(ANSWER_TIMEOUT);
            Status::deadline_exceeded(format!("no answer within {within}"))
        };
        Ok(answer.map_err(late)??.into_inner())
    }

    /// What a refusal means, in a sentence.
    pub(super) async fn explain(&self, status: &Status) -> Unanswered {
        let (url, said) = (&self.url, escape(status.message()));
        let sentence = match status.code() {
            // burgee's own sentences
            Code::NotFound | Code::InvalidArgument | Code::ResourceExhausted | Code::FailedPrecondition => {
                said.into_owned()
            }
            Code::Unavailable => format!("nothing answers on {url} any more; did burgee stop?"),
            Code::Unimplemented => self.unimplemented(&said).await,
            _ => not_ours(url, &said),
        };
        Unanswered { code: status.code(), failure: Failure::new(sentence) }
    }

    /// An older burgee knows `Status` at least; other servers know nothing of it.
    async fn unimplemented(&self, said: &str) -> String {
        let url = &self.url;
        let status = self.called(async |mut client| client.status(v1::StatusRequest {}).await).await;
        match status {
            Ok(status) => format!(
                "the burgee on {url} ({}) is older than this command ({}) and cannot answer it; start it anew",
                escape(&status.version),
                env!("CARGO_PKG_VERSION")
            ),
            Err(_) => not_ours(url, said),
        }
    }
}

fn not_ours(url: &str, said: &str) -> String {
    format!("what answers on {url} is not burgee's admin service: {said}")
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A trace of 40,000 spans takes a while on a busy machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Enough for a trace of 40,000 spans with their attributes.
const ANSWER_BYTES_MAX: usize = 64 << 20;
