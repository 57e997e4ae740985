//! What a person sees while something is measured: a progress bar on a terminal, plain lines in a log.

use std::{
    cell::RefCell,
    io::{IsTerminal as _, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    model::{Failure, Measurement, Metric, PlannedCase, Scale, Stage, Unit, Verdict},
    report::{
        format::{change, plural, with_interval},
        text::columns,
    },
};

/// Writes to standard error, so that standard output holds results alone.
pub(super) struct Terminal {
    interactive: bool,
    bar: RefCell<ProgressBar>,
    case: RefCell<Option<PlannedCase>>,
}

impl Terminal {
    pub(super) fn new() -> Terminal {
        Terminal {
            interactive: stderr().is_terminal(),
            bar: RefCell::new(ProgressBar::hidden()),
            case: RefCell::new(None),
        }
    }

    /// One line, above the bar where there is one.
    pub(super) fn line(&self, text: &str) {
        self.bar.borrow().suspend(|| eprintln!("{text}"));
    }

    /// One line where there is no bar to look at.
    pub(super) fn log(&self, text: &str) {
        if !self.interactive {
            eprintln!("{text}");
        }
    }

    /// So many trials are over.
    pub(super) fn position(&self, done_trials: u32) {
        self.bar.borrow().set_position(u64::from(done_trials));
    }

    /// Shows that something is being built while `build` works.
    pub(super) fn building<T>(&self, build: impl FnOnce(&mut dyn FnMut(&str)) -> T) -> T {
        if !self.interactive {
            return build(&mut |line| tracing::info!("{line}"));
        }
        let spinner = ProgressBar::new_spinner().with_message("building");
        spinner.enable_steady_tick(Duration::from_millis(120));
        let result = build(&mut |line| spinner.set_message(format!("building: {}", line.trim())));
        spinner.finish_and_clear();
        result
    }

    /// A run begins.
    pub(super) fn begin(&self, planned_trials: u32, done_trials: u32) {
        let bar = ProgressBar::new(u64::from(planned_trials)).with_position(u64::from(done_trials));
        bar.set_draw_target(if self.interactive { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() });
        if let Ok(style) = ProgressStyle::with_template("  {bar:24} {pos}/{len} trials, {eta} left  {wide_msg}") {
            bar.set_style(style);
        }
        bar.reset_eta();
        self.bar.replace(bar);
    }

    /// A stage of a comparison begins.
    pub(super) fn begin_stage(&self, stage: Stage, blocks: u32) {
        let bar = ProgressBar::new(u64::from(blocks));
        bar.set_draw_target(if self.interactive { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() });
        let template = "  {prefix} {bar:24} {pos}/{len} blocks, {eta} left\n{wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(format!("stage {}", stage.number()));
        self.bar.replace(bar);
        if !self.interactive {
            self.line(&format!("  stage {}: {}", stage.number(), plural(blocks, "block")));
        }
    }

    /// A block was kept. `verdicts` are asked for only where somebody watches.
    pub(super) fn compared(&self, done: u32, verdicts: impl FnOnce() -> Vec<Verdict>) {
        let bar = self.bar.borrow();
        bar.set_position(u64::from(done));
        if self.interactive {
            bar.set_message(live_table(&verdicts()));
        }
    }

    /// A case begins.
    pub(super) fn case(&self, planned: &PlannedCase) {
        self.bar.borrow().set_message(title(planned));
        self.case.replace(Some(planned.clone()));
    }

    /// A sample was taken.
    pub(super) fn sample(&self, index: u32, sample: u32, wall_ns: u64) {
        if let Some(planned) = &*self.case.borrow() {
            let (trials, samples) = (planned.trials, planned.samples);
            let wall = Unit::Nanoseconds.format(wall_ns as f64);
            let place = format!("trial {} of {trials}, sample {} of {samples}", index + 1, sample + 1);
            self.bar.borrow().set_message(format!("{}: {place}: {wall}", title(planned)));
        }
    }

    /// A trial was judged with those before it; the last of a case is worth a line.
    pub(super) fn judged(&self, done_trials: u32, measurements: &[Measurement]) {
        self.bar.borrow().set_position(u64::from(done_trials));
        let case = self.case.borrow();
        let Some(planned) = &*case else { return };
        let Some(wall) = measurements.iter().find(|m| m.metric == Metric::WALL_TIME) else { return };
        if wall.summary.trials == planned.trials {
            self.line(&format!(
                "  {:<40} {:>32}  {}",
                title(planned),
                with_interval(wall.metric, &wall.summary),
                wall.grade.as_str()
            ));
        }
    }

    /// Something could not be measured.
    pub(super) fn failure(&self, failure: &Failure) {
        let case = self.case.borrow().as_ref().map(title).unwrap_or_default();
        let trial = failure.trial.map(|trial| format!(", trial {}", trial + 1)).unwrap_or_default();
        self.line(&format!("  ✕ {case}{trial}: {}", failure.message));
        if let (Some(case), Some(_)) = (&failure.case, failure.trial) {
            self.line(&format!("    by hand: {}", case.replay()));
        }
    }

    /// The run is over.
    pub(super) fn end(&self) {
        self.bar.borrow().finish_and_clear();
        self.case.replace(None);
    }
}

/// The gate series whose estimates lie farthest from no change, as they stand now.
fn live_table(verdicts: &[Verdict]) -> String {
    const LINES: usize = 12;
    let mut gate: Vec<(&Verdict, f64)> = verdicts
        .iter()
        .filter(|verdict| verdict.gate)
        .filter_map(|verdict| Some((verdict, distance(verdict)?)))
        .collect();
    gate.sort_by(|a, b| b.1.total_cmp(&a.1));
    let rows: Vec<Vec<String>> = gate
        .iter()
        .take(LINES)
        .map(|(verdict, _)| {
            let name = format!("  {} {}", verdict.case.scenario, verdict.label.0);
            vec![name, verdict.metric.to_string(), change(verdict), plural(verdict.blocks, "block")]
        })
        .collect();
    columns(&rows, &[])
}

/// How far an estimate lies from no change, in margins.
fn distance(verdict: &Verdict) -> Option<f64> {
    let change = match verdict.scale {
        Scale::Ratio => verdict.effect?.ln(),
        Scale::Difference => verdict.effect?,
    };
    Some(change.abs() / verdict.margin.max(f64::MIN_POSITIVE))
}

fn title(planned: &PlannedCase) -> String {
    format!("{} {}", planned.case.scenario, planned.label.0)
}
