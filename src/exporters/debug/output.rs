//! The way to the terminal, which may be slow, paused or gone, and must not hold up anything else.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Writes pages, one after the other, in a thread of its own that begins with the first of them. The thread may hang
/// for as long as the terminal is paused; it never keeps the program from ending.
pub(super) struct Output {
    /// Taken by the thread.
    sink: Mutex<Option<Sink>>,
    pages: OnceLock<mpsc::Sender<Sheet>>,
    /// Items that were given up since the thread last wrote.
    missed: Arc<AtomicU64>,
}

type Sink = Box<dyn Write + Send>;

/// Why something is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unwritten {
    #[error("not shown: nobody reads the output")]
    Paused,
    #[error("not shown: the output is closed")]
    Closed,
}

/// What the thread gets.
struct Sheet {
    text: String,
    written: oneshot::Sender<std::io::Result<()>>,
}

impl Output {
    /// Standard output. What is not a terminal, and who has set `NO_COLOR`, gets no colours.
    pub(super) fn stdout() -> Output {
        Output::new(Box::new(anstream::stdout()))
    }

    pub(super) fn stderr() -> Output {
        Output::new(Box::new(anstream::stderr()))
    }

    pub(super) fn new(sink: Sink) -> Output {
        Output { sink: Mutex::new(Some(sink)), pages: OnceLock::new(), missed: Arc::default() }
    }

    /// An empty page for a batch of `items`.
    pub(super) fn page(&self, items: u64) -> Page<'_> {
        Page { output: self, text: String::new(), items, last: None }
    }

    fn pages(&self) -> &mpsc::Sender<Sheet> {
        self.pages.get_or_init(|| {
            let (sender, receiver) = mpsc::channel(PAGES_MAX);
            let sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner).take();
            let sink = sink.expect("the first page starts the thread, and only that takes the sink");
            let missed = self.missed.clone();
            let thread = std::thread::Builder::new().name("debug-output".to_owned());
            if let Err(error) = thread.spawn(move || write_all(receiver, sink, &missed)) {
                // the receiver is gone: every page finds the output closed
                tracing::error!(%error, "the debug exporter cannot start its thread and shows nothing");
            }
            sender
        })
    }
}

/// The text of a batch, handed on in parts.
pub(super) struct Page<'a> {
    output: &'a Output,
    text: String,
    items: u64,
    /// Resolves when the part that was handed on last is written.
    last: Option<oneshot::Receiver<std::io::Result<()>>>,
}

impl Page<'_> {
    /// To be appended to, in whole lines.
    pub(super) fn text(&mut self) -> &mut String {
        &mut self.text
    }

    /// Hands the text on if it is long enough for a part. Waits while the output is slow, but not for ever.
    pub(super) async fn turn(&mut self) -> Result<(), Unwritten> {
        if self.text.len() >= PAGE_BYTES { self.hand_on().await } else { Ok(()) }
    }

    /// Hands on the rest and waits until everything is written.
    pub(super) async fn end(mut self) -> Result<(), Unwritten> {
        if !self.text.is_empty() {
            self.hand_on().await?;
        }
        let Some(written) = self.last.take() else { return Ok(()) };
        match timeout(PATIENCE, written).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(_)) | Err(_)) => Err(Unwritten::Closed),
            // It is on its way, and is shown if the output goes on.
            Err(_) => Err(Unwritten::Paused),
        }
    }

    async fn hand_on(&mut self) -> Result<(), Unwritten> {
        let (written, last) = oneshot::channel();
        let sheet = Sheet { text: std::mem::take(&mut self.text), written };
        match timeout(PATIENCE, self.output.pages().send(sheet)).await {
            Ok(Ok(())) => {
                self.last = Some(last);
                Ok(())
            }
            Ok(Err(_)) => Err(Unwritten::Closed),
            Err(_) => {
                self.output.missed.fetch_add(self.items, Ordering::Relaxed);
                Err(Unwritten::Paused)
            }
        }
    }
}

/// Ends with the exporter, after what was handed on; or when the output is closed.
fn write_all(mut sheets: mpsc::Receiver<Sheet>, mut sink: Sink, missed: &AtomicU64) {
    while let Some(Sheet { text, written }) = sheets.blocking_recv() {
        let result = write(&mut sink, &text, missed.swap(0, Ordering::Relaxed));
        let is_closed = result.is_err();
        // whoever waited may have given up
        let _ = written.send(result);
        if is_closed {
            return;
        }
    }
}

fn write(sink: &mut Sink, text: &str, missed: u64) -> std::io::Result<()> {
    sink.write_all(text.as_bytes())?;
    if missed > 0 {
        let note = format!("(debug: up to {missed} items are not shown, since nobody read the output)\n");
        sink.write_all(note.as_bytes())?;
    }
    sink.flush()
}

const PAGES_MAX: usize = 8;
/// Large enough to be written in few calls.
const PAGE_BYTES: usize = 64 * 1024;
/// How long a batch waits for a paused output before it is given up.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc as blocking;

    use super::*;

    /// Writes what it is allowed to.
    struct Paused {
        begun: blocking::Sender<()>,
        allowed: blocking::Receiver<()>,
        written: blocking::Sender<String>,
    }

    impl Write for Paused {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.begun.send(()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.allowed.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.written
                .send(String::from_utf8_lossy(bytes).into_owned())
                .map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The other ends of a `Paused`.
    struct Reader {
        begun: blocking::Receiver<()>,
        allow: blocking::Sender<()>,
        texts: blocking::Receiver<String>,
    }

    fn paused() -> (Output, Reader) {
        let (begin, begun) = blocking::channel();
        let (allow, allowed) = blocking::channel();
        let (written, texts) = blocking::channel();
        let sink = Paused { begun: begin, allowed, written };
        (Output::new(Box::new(sink)), Reader { begun, allow, texts })
    }

    async fn print(output: &Output, text: &str) -> Result<(), Unwritten> {
        let mut page = output.page(7);
        page.text().push_str(text);
        page.end().await
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_terminal_holds_nobody_up_and_is_told_what_it_missed() {
        let (output, reader) = paused();
        assert_eq!(print(&output, "line\n").await, Err(Unwritten::Paused));
        reader.begun.recv().expect("the thread begins to write");
        // as many as fit wait behind it, and two more are given up
        for _ in 0..PAGES_MAX + 2 {
            assert_eq!(print(&output, "line\n").await, Err(Unwritten::Paused));
        }
        let writes = 1 + PAGES_MAX + 1;
        let shown: Vec<String> = (0..writes)
            .map(|_| {
                reader.allow.send(()).expect("the thread waits");
                reader.texts.recv().expect("the thread writes")
            })
            .collect();
        let said = "(debug: up to 14 items are not shown, since nobody read the output)\n";
        assert_eq!(shown.iter().filter(|text| *text == "line\n").count(), 1 + PAGES_MAX);
        assert_eq!(shown.iter().filter(|text| *text == said).count(), 1);
    }

    #[tokio::test]
    async fn who_has_been_answered_has_been_shown() {
        let (output, reader) = paused();
        reader.allow.send(()).expect("the thread will be there");
        assert_eq!(print(&output, "line\n").await, Ok(()));
        assert_eq!(reader.texts.try_recv(), Ok("line\n".to_owned()));
    }

    #[tokio::test]
    async fn a_closed_output_is_an_outcome_and_no_panic() {
        let (output, reader) = paused();
        drop(reader.allow);
        for _ in 0..3 {
            assert_eq!(print(&output, "line\n").await, Err(Unwritten::Closed));
        }
    }

    #[tokio::test]
    async fn nothing_to_show_needs_no_thread() {
        let (output, _reader) = paused();
        assert_eq!(print(&output, "").await, Ok(()));
        assert!(output.pages.get().is_none());
    }
}
