//! Work whose end nobody knows in advance, as people see it: a line that moves on a terminal, now and then one in a log. What is
//! shown is never the only place where something is said.

use std::{
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// How often the line moves.
const FRAME: Duration = Duration::from_millis(120);

/// How often a log gets a line.
const LINE: Duration = Duration::from_secs(10);

/// Something that goes on until it is dropped.
pub(super) struct Working {
    bar: ProgressBar,
    interactive: bool,
    /// When the log got its last line.
    told: Instant,
}

impl Working {
    /// It begins.
    pub(super) fn begin(what: &str) -> Working {
        let interactive = stderr().is_terminal();
        let bar = if interactive { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        if interactive {
            bar.enable_steady_tick(FRAME);
        }
        Working { bar, interactive, told: Instant::now() }
    }

    /// It has come so far.
    pub(super) fn at(&mut self, place: String) {
        if self.interactive {
            self.bar.set_message(place);
        } else if self.told.elapsed() >= LINE {
            self.told = Instant::now();
            eprintln!("{place}");
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
