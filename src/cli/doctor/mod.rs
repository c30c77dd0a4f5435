//! `burgee doctor`: why traces are missing or broken. Asks the running burgee what it has found, and tries what only
//! somebody who asks can try: the relay proxy, a web page's requests, the downstreams, the files of others.

mod downstream;
mod origin;
mod relay_proxy;
mod report;
mod settings;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use http::Uri;

use super::Failure;
use super::ask::{Admin, Running};
use crate::admin::v1;
use crate::doctor::{Raised, Severity, catalogue};
use crate::net::tls::{ClientTls, ClientTlsKeys};
use crate::net::{Body, Client, ClientConfig, Received, SendError};
use crate::values::Secret;
use report::Report;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    admin: Admin,
    /// Ask this relay proxy for a flag, with a trace of our own, and see where the trace comes out.
    #[arg(long, value_name = "URL")]
    relay_proxy: Option<Uri>,
    /// The key that the relay proxy asks for; better through the variable, where others cannot read it.
    #[arg(long, value_name = "KEY", env = "RELAY_PROXY_API_KEY", hide_env_values = true, value_parser = secret)]
    api_key: Option<Secret>,
    /// Send what a web page of this origin would send, and see whether it may: https://app.example.
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
    /// Where web pages send to, if not straight to burgee: the public URL of OTLP/HTTP.
    #[arg(long, value_name = "URL", requires = "origin")]
    endpoint: Option<Uri>,
    /// Send one marked span to every downstream, and require an answer.
    #[arg(long)]
    downstream: bool,
    /// Read a compose file, and name settings that have no effect.
    #[arg(long, value_name = "FILE")]
    compose: Vec<PathBuf>,
    /// The same of a file of variables, as `.env`.
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// The same of a relay proxy's configuration: YAML, TOML or JSON.
    #[arg(long, value_name = "FILE")]
    relay_config: Vec<PathBuf>,
    /// Print one JSON object. Exit codes are the same: 0 healthy, 1 warnings, 2 errors.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let mut report = Report::default();
    settings::read(&args, &mut report)?;
    match args.admin.connect().await {
        Ok(running) => examine(&args, &running, &mut report).await?,
        // files can be read without a burgee
        Err(failure) if args.reads_files() && !args.asks() => report.without_burgee(failure.message),
        Err(Failure { message, .. }) => return Err(Failure { code: ERRORS, message }),
    }
    report.print(args.json)?;
    match report.gravest() {
        Some(Severity::Error) => Err(Failure { code: ERRORS, message: String::new() }),
        Some(Severity::Warning) => Err(Failure { code: WARNINGS, message: String::new() }),
        Some(Severity::Info) | None => Ok(()),
    }
}

impl Args {
    fn reads_files(&self) -> bool {
        [&self.compose, &self.env_file, &self.relay_config].iter().any(|files| !files.is_empty())
    }

    fn asks(&self) -> bool {
        self.relay_proxy.is_some() || self.origin.is_some() || self.downstream
    }
}

async fn examine(args: &Args, running: &Running, report: &mut Report) -> Result<(), Failure> {
    let status = running.ask(async |mut client| client.status(v1::StatusRequest {}).await).await?;
    let senders = running.ask(async |mut client| client.senders(v1::SendersRequest {}).await).await?;
    report.burgee(&running.url, &status, &senders.senders);
    if let Some(url) = &args.relay_proxy {
        relay_proxy::probe(running, url, args.api_key.as_ref(), report).await?;
    }
    if let Some(origin) = &args.origin {
        origin::check(&status, origin, args.endpoint.as_ref(), report).await?;
    }
    if args.downstream {
        downstream::check(running, report).await?;
    }
    // last, so that what the probes have stirred up is among them
    let found = running.ask(async |mut client| client.findings(v1::FindingsRequest {}).await).await?;
    report.found(found.findings);
    Ok(())
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

/// A finding of our own, now.
fn raised(id: &'static str, evidence: String, fix: Option<String>) -> Raised {
    debug_assert!(catalogue::entry(id).is_some());
    let now = SystemTime::now();
    Raised { id, subject: String::new(), evidence, fix, count: 1, first: now, last: now }
}

/// Sends one request to a server of somebody else.
async fn send(request: http::Request<Body>, within: Duration) -> Result<http::Response<Received>, SendError> {
    let tls = ClientTls::build(&ClientTlsKeys::default()).ok().map(|(tls, _)| tls);
    let config = ClientConfig {
        tls,
        connect_timeout: within,
        answer_bytes_max: ANSWER_BYTES_MAX,
        ..ClientConfig::default()
    };
    Client::new(&config).send(request, within).await
}

const WARNINGS: u8 = 1;
const ERRORS: u8 = 2;
const ANSWER_BYTES_MAX: u64 = 1 << 20;
