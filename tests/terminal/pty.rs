//! A terminal with a program in it: keys go in, a screen comes out.

use std::num::NonZeroU16;
use std::time::Duration;

use pty_process::{Command, Pty, Size};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::time::timeout;

pub struct Terminal {
    pty: Pty,
    child: Child,
    parser: vt100::Parser,
    /// Everything that was written to the terminal.
    pub raw: Vec<u8>,
}

impl Terminal {
    /// Runs `burgee` with these arguments in a terminal of so many columns.
    pub fn burgee(args: &[&str], columns: u16) -> Terminal {
        Terminal::start(env!("CARGO_BIN_EXE_burgee"), args, columns)
    }

    /// Runs it below a shell, which afterwards says how the terminal is set.
    pub fn burgee_and_stty(args: &[&str], columns: u16) -> Terminal {
        // the inner shell becomes burgee, so that its number is known
        let script = r#"sh -c 'echo "number $$."; exec "$0" "$@"' "$0" "$@"; stty -a; echo left"#;
        let args = [&["-c", script, env!("CARGO_BIN_EXE_burgee")], args].concat();
        Terminal::start("sh", &args, columns)
    }

    fn start(program: &str, args: &[&str], columns: u16) -> Terminal {
        let (pty, pts) = pty_process::open().expect("a pseudo-terminal");
        pty.resize(Size::new(ROWS, columns)).expect("a size");
        let command = Command::new(program).args(args).kill_on_drop(true);
        let command = command.env("TERM", "xterm-256color").env_remove("NO_COLOR").env_remove("RUST_LOG");
        let child = command.spawn(pts).expect("the binary was built");
        let parser = vt100::Parser::new(size(ROWS), size(columns), 10_000);
        Terminal { pty, child, parser, raw: Vec::new() }
    }

    /// Waits until all of these are to be seen at once, and tells what there is then.
    pub async fn shows(&mut self, parts: &[&str]) -> String {
        self.waits(|shown| parts.iter().all(|part| shown.contains(part)), &format!("{parts:?}")).await
    }

    /// Waits until this is no longer to be seen.
    pub async fn shows_no(&mut self, part: &str) -> String {
        self.waits(|shown| !shown.contains(part), &format!("an end of {part:?}")).await
    }

    async fn waits(&mut self, wanted: impl Fn(&str) -> bool, what: &str) -> String {
        let seen = async {
            while !wanted(&self.contents()) {
                assert!(self.read().await, "no {what} before the end in\n{}", self.contents());
            }
        };
        if timeout(PATIENCE, seen).await.is_err() {
            panic!("no {what} in\n{}", self.contents());
        }
        self.contents()
    }

    pub async fn press(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).await.expect("somebody reads the keys");
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.parser.set_size(size(rows), size(columns));
        self.pty.resize(Size::new(rows, columns)).expect("a size");
    }

    /// Reads to the end, and tells with which code the program ended.
    pub async fn end(&mut self) -> Option<i32> {
        let ended = timeout(PATIENCE, async {
            while self.read().await {}
            self.child.wait().await
        });
        let Ok(status) = ended.await else { panic!("it does not end after\n{}", self.contents()) };
        status.expect("it was started").code()
    }

    pub fn contents(&self) -> String {
        self.parser.screen().contents()
    }

    pub fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// False at the end.
    async fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        // Linux has an error for a terminal that nobody has open any more
        let read = self.pty.read(&mut bytes).await.unwrap_or(0);
        self.parser.process(&bytes[..read]);
        self.raw.extend_from_slice(&bytes[..read]);
        read > 0
    }
}

fn size(of: u16) -> NonZeroU16 {
    NonZeroU16::new(of).expect("a terminal has rows and columns")
}

pub const ROWS: u16 = 30;
/// Far more than anything here takes, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
