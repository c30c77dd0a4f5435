//! What `burgee top` knows and what its keys have made of it. Knows nothing of a terminal.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::sample::{Rates, Sample};

pub(super) struct State {
    pub(super) url: String,
    pub(super) sample: Sample,
    pub(super) rates: Rates,
    /// Why there is nothing newer.
    pub(super) trouble: Option<String>,
    pub(super) order: Order,
    /// Only names with this in them, in lower case.
    pub(super) filter: String,
    pub(super) mode: Mode,
    pub(super) is_paused: bool,
    /// Lines of the content that are above the screen.
    pub(super) scrolled: usize,
}

/// What comes first among senders and flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Rate,
    Total,
    Errors,
    Last,
    Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Watching,
    /// Keys are letters of the filter.
    Filtering,
    Help,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Draw,
    Quit,
}

impl State {
    pub(super) fn new(url: String, sample: Sample) -> State {
        State {
            url,
            sample,
            rates: Rates::default(),
            trouble: None,
            order: Order::Rate,
            filter: String::new(),
            mode: Mode::Watching,
            is_paused: false,
            scrolled: 0,
        }
    }

    /// A new look at burgee, or why there is none.
    pub(super) fn take(&mut self, sample: Result<Sample, String>) {
        if self.is_paused {
            return;
        }
        match sample {
            Ok(sample) => {
                self.rates = Rates::between(&self.sample, &sample);
                self.sample = sample;
                self.trouble = None;
            }
            Err(why) => self.trouble = Some(why),
        }
    }

    pub(super) fn press(&mut self, key: KeyEvent) -> Next {
        if key.kind == KeyEventKind::Release {
            return Next::Draw;
        }
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        if is_control && key.code == KeyCode::Char('c') {
            return Next::Quit;
        }
        match self.mode {
            Mode::Watching => return self.command(key.code),
            Mode::Help => self.mode = Mode::Watching,
            Mode::Filtering => match key.code {
                KeyCode::Enter => self.mode = Mode::Watching,
                KeyCode::Esc => {
                    self.filter.clear();
                    self.mode = Mode::Watching;
                }
                KeyCode::Backspace => drop(self.filter.pop()),
                KeyCode::Char(letter) if !is_control && self.filter.len() < FILTER_BYTES_MAX => {
                    self.filter.extend(letter.to_lowercase());
                }
                _ => {}
            },
        }
        Next::Draw
    }

    fn command(&mut self, code: KeyCode) -> Next {
        match code {
            KeyCode::Char('q') | KeyCode::Esc => return Next::Quit,
            KeyCode::Char('s') => self.order = self.order.next(),
            KeyCode::Char('p') | KeyCode::Char(' ') => self.is_paused = !self.is_paused,
            KeyCode::Char('/') => self.mode = Mode::Filtering,
            KeyCode::Char('?') | KeyCode::Char('h') => self.mode = Mode::Help,
            // the picture knows where the end is
            KeyCode::Down | KeyCode::Char('j') => self.scrolled = self.scrolled.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => self.scrolled = self.scrolled.saturating_sub(1),
            KeyCode::PageDown => self.scrolled = self.scrolled.saturating_add(PAGE),
            KeyCode::PageUp => self.scrolled = self.scrolled.saturating_sub(PAGE),
            KeyCode::Home | KeyCode::Char('g') => self.scrolled = 0,
            KeyCode::End | KeyCode::Char('G') => self.scrolled = usize::MAX,
            _ => {}
        }
        Next::Draw
    }

    /// Whether a row with these names is to be seen.
    pub(super) fn passes(&self, names: &[&str]) -> bool {
        self.filter.is_empty() || names.iter().any(|name| name.to_lowercase().contains(&self.filter))
    }
}

impl Order {
    fn next(self) -> Order {
        match self {
            Order::Rate => Order::Total,
            Order::Total => Order::Errors,
            Order::Errors => Order::Last,
            Order::Last => Order::Name,
            Order::Name => Order::Rate,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Order::Rate => "rate",
            Order::Total => "total",
            Order::Errors => "errors",
            Order::Last => "last seen",
            Order::Name => "name",
        }
    }
}

const FILTER_BYTES_MAX: usize = 100;
const PAGE: usize = 10;
