//! A burgee as its users have it: a process with a command line, two outputs and an exit code.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

/// A running burgee. Killed if the test ends before it does.
pub struct Burgee {
    child: Child,
    pub out: Output<ChildStdout>,
    pub log: Output<ChildStderr>,
}

/// Lines of an output, as they come.
pub struct Output<R> {
    lines: Lines<BufReader<R>>,
    seen: Vec<String>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub log: String,
}

/// Starts `burgee` with these arguments.
pub fn start(args: &[&str]) -> Burgee {
    start_after(":", args)
}

/// Starts it in a shell that has run `before`, such as `ulimit -n 64`.
pub fn start_after(before: &str, args: &[&str]) -> Burgee {
    let script = format!("{before}; exec \"$0\" \"$@\"");
    let args = [&["-c", &script, env!("CARGO_BIN_EXE_burgee")], args].concat();
    let mut child = command("sh", &args).spawn().expect("sh is there, and the binary was built");
    let out = Output::new(child.stdout.take().expect("piped"));
    let log = Output::new(child.stderr.take().expect("piped"));
    Burgee { child, out, log }
}

/// Runs `burgee` with these arguments to its end.
pub async fn run(args: &[&str]) -> Ended {
    let output = timeout(PATIENCE, command(env!("CARGO_BIN_EXE_burgee"), args).output())
        .await
        .expect("it ends")
        .expect("the binary was built");
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        log: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A file of this text in a folder of the test's own.
pub fn file(folder: &Path, name: &str, text: &str) -> String {
    let path: PathBuf = folder.join(name);
    std::fs::write(&path, text).expect("a temporary file");
    path.to_str().expect("UTF-8").to_owned()
}

impl Burgee {
    /// Waits for the line that tells of the port whose line has `what` in it.
    pub async fn listening(&mut self, what: &str) -> SocketAddr {
        let line = self.log.line_with(&["listening on ", what]).await;
        let address = line.split("listening on ").nth(1).and_then(|rest| rest.split(' ').next());
        address.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("no address in {line:?}"))
    }

    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    #[cfg(unix)]
    pub async fn signal(&self, name: &str) {
        let pid = self.pid();
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {pid}")).status().await;
        assert!(sent.expect("sh is there").success(), "SIG{name} could not be sent to {pid}");
    }

    /// Waits for the end, and gives the exit code and what was not read of the outputs yet.
    pub async fn end(mut self) -> Ended {
        let (out, log) = timeout(PATIENCE, async { tokio::join!(self.out.rest(), self.log.rest()) })
            .await
            .expect("it closes its outputs");
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it ends").expect("it was started");
        Ended { code: status.code(), out, log }
    }
}

impl<R: AsyncRead + Unpin> Output<R> {
    fn new(stream: R) -> Self {
        Output { lines: BufReader::new(stream).lines(), seen: Vec::new() }
    }

    /// The next line that has all of `parts`.
    pub async fn line_with(&mut self, parts: &[&str]) -> String {
        loop {
            let next = timeout(PATIENCE, self.lines.next_line()).await;
            let Ok(Ok(Some(line))) = next else {
                panic!("no line with {parts:?} ({next:?}) after:\n{}", self.seen.join("\n"));
            };
            self.seen.push(line.clone());
            if parts.iter().all(|part| line.contains(part)) {
                return line;
            }
        }
    }

    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        while let Ok(Some(line)) = self.lines.next_line().await {
            rest.push_str(&line);
            rest.push('\n');
        }
        rest
    }
}

fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // What the developer has set for himself is not part of the test.
    command.env_remove("RUST_LOG").env("NO_COLOR", "1");
    command
}

/// Far more than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
