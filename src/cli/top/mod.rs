//! `burgee top`: what a running burgee does, second by second.

mod sample;
mod screen;
mod state;
mod view;

use std::io::IsTerminal;
use std::thread;
use std::time::Duration;

use crossterm::event::{self, Event};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use self::sample::Sample;
use self::screen::Screen;
use self::state::{Next, State};
use super::Failure;
use super::ask::{Admin, Running};
use super::lines;
use super::signals::Signals;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print one picture and end, as it also does where the output is no terminal.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    admin: Admin,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let running = args.admin.connect().await?;
    let state = State::new(running.url.clone(), sample::take(&running).await?);
    match args.once || !std::io::stdout().is_terminal() {
        true => once(&running, state).await,
        false => live(running, state).await,
    }
}

/// Rates take two looks.
async fn once(running: &Running, mut state: State) -> Result<(), Failure> {
    tokio::time::sleep(EVERY).await;
    state.take(Ok(sample::take(running).await?));
    lines::print(&view::whole(&state, lines::terminal_width().unwrap_or(COLUMNS)))
}

async fn live(running: Running, mut state: State) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let mut events = keyboard()?;
    let (sender, mut samples) = mpsc::channel(1);
    let looking = tokio::spawn(look(running, sender));
    let mut screen = Screen::open().map_err(|error| {
        Failure::new(format!("the terminal cannot be used: {error}; try `burgee top --once`"))
    })?;
    let ended = loop {
        screen.draw(|width, height| view::screen(&mut state, width, height)).map_err(cannot_draw)?;
        tokio::select! {
            () = signals.next() => break Ok(()),
            event = events.recv() => match event {
                Some(Event::Key(key)) if state.press(key) == Next::Quit => break Ok(()),
                // a change of size, too, is answered by drawing
                Some(_) => {}
                None => break Err(Failure::new("the terminal has gone")),
            },
            sample = samples.recv() => match sample {
                Some(sample) => state.take(sample),
                None => break Err(Failure::new("burgee is no longer asked: this is a defect")),
            },
        }
    };
    drop(screen);
    looking.abort();
    ended
}

fn cannot_draw(error: std::io::Error) -> Failure {
    Failure::new(format!("cannot draw: {error}"))
}

/// Asks again and again; a burgee that has gone may come back.
async fn look(running: Running, samples: mpsc::Sender<Result<Sample, String>>) {
    let mut ticks = tokio::time::interval_at(Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let sample = sample::take(&running).await.map_err(|failure| failure.message);
        if samples.send(sample).await.is_err() {
            return;
        }
    }
}

/// Keys and changes of size, from a thread that waits for them until the process ends.
fn keyboard() -> Result<mpsc::Receiver<Event>, Failure> {
    let (sender, events) = mpsc::channel(EVENTS_WAITING_MAX);
    let wait = move || {
        while let Ok(event) = event::read() {
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    };
    let started = thread::Builder::new().name("keyboard".into()).spawn(wait);
    started.map_err(|error| Failure::new(format!("cannot start: {error}")))?;
    Ok(events)
}

const EVERY: Duration = Duration::from_secs(1);
const EVENTS_WAITING_MAX: usize = 64;
/// Of a picture that is not printed to a terminal.
const COLUMNS: usize = 100;

#[cfg(test)]
mod tests;
