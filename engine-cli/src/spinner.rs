//! Progress of work whose length is unknown: a spinner on a terminal, a line now and then in a log. A result must never be
//! shown only here.

use std::{
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// How often the line moves.
const FRAME: Duration = Duration::from_millis(120);

/// How often a log gets a line.
const LINE: Duration = Duration::from_secs(10);

/// Spins until it is dropped.
pub(crate) struct Spinner {
    bar: ProgressBar,
    interactive: bool,
    /// When the log got its last line.
    logged: Instant,
}

impl Spinner {
    /// Starts to spin.
    pub(crate) fn start(what: &str) -> Spinner {
        let interactive = stderr().is_terminal();
        let bar = if interactive { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        if interactive {
            bar.enable_steady_tick(FRAME);
        }
        Spinner { bar, interactive, logged: Instant::now() }
    }

    /// Shows the progress.
    pub(crate) fn set_message(&mut self, message: String) {
        if self.interactive {
            self.bar.set_message(message);
        } else if self.logged.elapsed() >= LINE {
            self.logged = Instant::now();
            eprintln!("{message}");
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
