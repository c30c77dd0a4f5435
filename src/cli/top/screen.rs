//! The terminal while it is drawn on, and as it was before.

use std::io::{self, Stdout, Write};
use std::sync::Once;

use anstream::adapter::strip_str;
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{execute, queue};

use crate::cli::lines::Line;

/// A screen of its own, without a cursor, whose keys are read as they are pressed. What was there is back when this is
/// dropped, and before a panic is told.
pub(super) struct Screen {
    out: Stdout,
    is_coloured: bool,
}

impl Screen {
    pub(super) fn open() -> io::Result<Screen> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let tell = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                tell(panic);
            }));
        });
        terminal::enable_raw_mode()?;
        let is_coloured = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
        // from here on, leaving this function restores the terminal
        let mut screen = Screen { out: io::stdout(), is_coloured };
        execute!(screen.out, EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    /// Draws the lines of `picture`, which is told how many columns and rows there are and keeps to them.
    pub(super) fn draw(&mut self, picture: impl FnOnce(usize, usize) -> Vec<Line>) -> io::Result<()> {
        let (columns, rows) = terminal::size()?;
        let lines = picture(columns.into(), rows.into());
        queue!(self.out, BeginSynchronizedUpdate)?;
        for (row, line) in (0..rows).zip(&lines) {
            let is_full = line.width() >= columns.into();
            let line = line.to_string();
            queue!(self.out, MoveTo(0, row))?;
            match self.is_coloured {
                true => write!(self.out, "{line}")?,
                false => write!(self.out, "{}", strip_str(&line))?,
            }
            // behind the last column, it would clear that column
            if !is_full {
                queue!(self.out, Clear(ClearType::UntilNewLine))?;
            }
        }
        if lines.len() < rows.into() {
            queue!(self.out, MoveTo(0, lines.len() as u16), Clear(ClearType::FromCursorDown))?;
        }
        queue!(self.out, EndSynchronizedUpdate)?;
        self.out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn restore() {
    // a terminal that is gone needs no restoring
    let _ = execute!(io::stdout(), Show, LeaveAlternateScreen);
    let _ = terminal::disable_raw_mode();
}
