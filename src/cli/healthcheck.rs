//! `burgee healthcheck`: whether the burgee of this machine or container is well, for images without any other tool.

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Failure;
use super::ask::Admin;
use crate::admin::{self, v1};
use crate::config::escape;
use crate::extensions::health_check;
use crate::values;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to ask: the endpoint of the extension `health_check`, with its path if that is not /. Without it, the
    /// extension's default, localhost:13133, and if nothing answers there, the admin service on 127.0.0.1:4380.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Any answer will do, also that burgee is not ready: for liveness, where the alternative is a restart.
    #[arg(long)]
    live: bool,
    /// How long it may take in all.
    #[arg(long, value_name = "TIME", default_value = "2s")]
    timeout: values::Duration,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let within = args.timeout.get();
    let asked = async {
        let default = format!("http://localhost:{}/", health_check::DEFAULT_PORT);
        match &args.endpoint {
            Some(endpoint) => ask(endpoint, args.live).await,
            None => match ask(&default, args.live).await {
                // the extension is not in the configuration; the admin service is there without being asked for
                Err(Unhealthy::Silent(_)) => ask_admin().await,
                answered => answered,
            },
        }
    };
    match tokio::time::timeout(within, asked).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(Unhealthy::Silent(why) | Unhealthy::Says(why))) => Err(Failure::new(why)),
        Err(_) => Err(Failure::new(format!("no answer within {}", values::Duration::from(within)))),
    }
}

/// Why it is not well, in a sentence.
enum Unhealthy {
    /// Nothing listens there.
    Silent(String),
    Says(String),
}

async fn ask(url: &str, live: bool) -> Result<(), Unhealthy> {
    let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let says = |why: String| Unhealthy::Says(why);
    let wrong = || says(format!("--endpoint {} is not http://host:port/path", crate::config::quote(url)));
    let uri: Uri = whole.parse().map_err(|_| wrong())?;
    let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(wrong()) };
    let port = authority.port_u16().unwrap_or(health_check::DEFAULT_PORT);
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, port)).await.map_err(|error| {
        Unhealthy::Silent(format!(
            "nothing answers on {authority} ({error}); is health_check in service.extensions?"
        ))
    })?;
    let broken = |error: hyper::Error| says(format!("what answers on {authority} is not HTTP: {error}"));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(http::header::HOST, authority.as_str())
        .body(Empty::<Bytes>::new())
        .map_err(|_| wrong())?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await;
        Ok((status, body.map(|body| body.to_bytes()).unwrap_or_default()))
    };
    let (status, body) = tokio::select! {
        answer = answer => answer?,
        Err(error) = connection => return Err(broken(error)),
    };
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::SERVICE_UNAVAILABLE if live => Ok(()),
        status => {
            let text = String::from_utf8_lossy(&body);
            Err(says(format!("{status} from {authority}: {}", escape(text.trim()))))
        }
    }
}

/// It has no health to tell of, but whoever answers runs.
async fn ask_admin() -> Result<(), Unhealthy> {
    let running = Admin::local().connect().await.map_err(|_| {
        Unhealthy::Silent(format!(
            "nothing answers on localhost:{} and http://127.0.0.1:{}; is burgee running here? --endpoint says \
             where to ask",
            health_check::DEFAULT_PORT,
            admin::DEFAULT_PORT
        ))
    })?;
    let asked = running.ask(async |mut client| client.status(v1::StatusRequest {}).await).await;
    asked.map(drop).map_err(|why| Unhealthy::Says(why.failure.message))
}

/// More than that no health check says.
const BODY_BYTES_MAX: usize = 64 << 10;
