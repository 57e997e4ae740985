//! What a person sees while something is measured: a progress bar on a terminal, plain lines in a log.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::notices;
use crate::{
    campaign::{Judged, Notice, Observer, Scope},
    model::{Failure, FailureKind, Metric, PlannedCase, Scale, Unit, VariantKind, Verdict},
    report::{
        format::{self, change, plural, with_interval},
        text::columns,
    },
};

/// A log of a calibration has about this many lines of progress.
const LOG_LINES: u64 = 50;

/// Writes to standard error, so that standard output holds results alone.
pub(super) struct Terminal {
    interactive: bool,
    bar: RefCell<ProgressBar>,
    pass: RefCell<Option<Pass>>,
}

/// What is being measured.
struct Pass {
    scope: Scope,
    planned: u32,
    /// Units that were over when it began.
    before: u32,
    began: Instant,
    case: Option<(PlannedCase, u32)>,
    /// The newest verdicts, by the case's key.
    verdicts: BTreeMap<String, Vec<Verdict>>,
}

impl Observer for Terminal {
    fn notify(&self, notice: &Notice) {
        match notice {
            Notice::BuildStarted => self.begin_build(),
            Notice::BuildOutput(line) if self.interactive => {
                self.bar.borrow().set_message(format!("building: {}", line.trim()));
            }
            Notice::BuildOutput(line) => tracing::info!("{line}"),
            Notice::BuildFinished => self.bar.borrow().finish_and_clear(),
            Notice::PassStarted { scope, planned, done } => self.begin_pass(*scope, *planned, *done),
            Notice::TrialStarted { case, index } => self.begin_trial(case, *index),
            Notice::SampleTaken { sample, wall_ns } => self.show_sample(*sample, *wall_ns),
            Notice::Failed { variant, failure } => self.failure(*variant, failure),
            Notice::Kept { done, judged } => self.kept(*done, judged),
            Notice::PassFinished => {
                self.bar.borrow().finish_and_clear();
                self.pass.replace(None);
            }
            other => {
                if let Some(text) = notices::text(other) {
                    self.line(&text);
                }
            }
        }
    }
}

impl Terminal {
    pub(super) fn new() -> Terminal {
        Terminal {
            interactive: stderr().is_terminal(),
            bar: RefCell::new(ProgressBar::hidden()),
            pass: RefCell::new(None),
        }
    }

    /// One line, above the bar where there is one.
    pub(super) fn line(&self, text: &str) {
        self.bar.borrow().suspend(|| eprintln!("{text}"));
    }

    fn begin_build(&self) {
        if self.interactive {
            let spinner = ProgressBar::new_spinner().with_message("building");
            spinner.enable_steady_tick(Duration::from_millis(120));
            self.bar.replace(spinner);
        }
    }

    fn begin_pass(&self, scope: Scope, planned: u32, done: u32) {
        let bar = ProgressBar::new(u64::from(planned)).with_position(u64::from(done));
        bar.set_draw_target(if self.interactive { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() });
        let template = match scope {
            Scope::Run => "  {bar:24} {pos}/{len} trials, {eta} left  {wide_msg}",
            Scope::Calibration => "  {bar:24} {pos}/{len} blocks, {eta} left  {wide_msg}",
            Scope::Stage { .. } => "  {prefix} {bar:24} {pos}/{len} blocks, {eta} left\n{wide_msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.reset_eta();
        if let Scope::Stage { stage, suspicious } = scope {
            if suspicious > 0 {
                self.line(&format!("  {} suspicious: measuring again with fresh data", plural(suspicious, "series")));
            }
            if !self.interactive {
                self.line(&format!("  stage {}: {}", stage.number(), plural(planned, "block")));
            }
            bar.set_prefix(format!("stage {}", stage.number()));
        }
        self.bar.replace(bar);
        let (before, began) = (done, Instant::now());
        self.pass.replace(Some(Pass { scope, planned, before, began, case: None, verdicts: BTreeMap::new() }));
    }

    fn begin_trial(&self, case: &PlannedCase, index: u32) {
        if let Some(pass) = &mut *self.pass.borrow_mut() {
            // Under the bar of a stage stand its verdicts.
            if !matches!(pass.scope, Scope::Stage { .. }) {
                self.bar.borrow().set_message(title(case));
            }
            pass.case = Some((case.clone(), index));
        }
    }

    fn show_sample(&self, sample: u32, wall_ns: u64) {
        let pass = self.pass.borrow();
        let Some(Pass { scope: Scope::Run | Scope::Calibration, case: Some((case, index)), .. }) = &*pass else {
            return;
        };
        let wall = Unit::Nanoseconds.format(wall_ns as f64);
        let place = format!("trial {} of {}, sample {} of {}", index + 1, case.trials, sample + 1, case.samples);
        self.bar.borrow().set_message(format!("{}: {place}: {wall}", title(case)));
    }

    fn failure(&self, variant: Option<VariantKind>, failure: &Failure) {
        let pass = self.pass.borrow();
        let case = pass.as_ref().and_then(|pass| pass.case.as_ref()).map(|(case, _)| title(case)).unwrap_or_default();
        if let Some(variant) = variant {
            self.line(&format!("  {}:", format::variant(variant)));
        }
        let trial = failure.trial.map(|trial| format!(", trial {}", trial + 1)).unwrap_or_default();
        self.line(&format!("  ✕ {case}{trial}: {}", failure.message));
        if let (Some(case), Some(_)) = (&failure.case, failure.trial) {
            self.line(&format!("    to repeat it: {}", case.replay()));
        }
        if variant.is_some_and(|variant| variant != VariantKind::Base) && failure.kind == FailureKind::Unsupported {
            self.line("  use `--inject none` to calibrate a subject that cannot be slowed down");
        }
    }

    fn kept(&self, done: u32, judged: &Judged) {
        let mut pass = self.pass.borrow_mut();
        let Some(pass) = &mut *pass else { return };
        self.bar.borrow().set_position(u64::from(done));
        match judged {
            Judged::Nothing => self.log_time_left(pass, done),
            Judged::Measurements(measurements) => {
                // The last trial of a case is worth a line.
                let Some((case, _)) = &pass.case else { return };
                let wall = measurements.iter().find(|m| m.metric == Metric::WALL_TIME);
                if let Some(wall) = wall.filter(|wall| wall.summary.trials == case.trials) {
                    self.line(&format!(
                        "  {:<40} {:>32}  {}",
                        title(case),
                        with_interval(wall.metric, &wall.summary),
                        wall.grade.as_str()
                    ));
                }
            }
            Judged::Verdicts(verdicts) if self.interactive => {
                if let Some(first) = verdicts.first() {
                    pass.verdicts.insert(first.case.key(), verdicts.clone());
                }
                self.bar.borrow().set_message(live_table(pass.verdicts.values().flatten()));
            }
            Judged::Verdicts(_) => {}
        }
    }

    /// A log has no bar to look at.
    fn log_time_left(&self, pass: &Pass, done: u32) {
        let share = |done: u32| u64::from(done) * LOG_LINES / u64::from(pass.planned.max(1));
        if self.interactive || share(done) == share(done.saturating_sub(1)) {
            return;
        }
        let each = pass.began.elapsed().as_nanos() as f64 / f64::from(done.saturating_sub(pass.before).max(1));
        let left = Unit::Nanoseconds.format(each * f64::from(pass.planned.saturating_sub(done)));
        self.line(&format!("  {done} of {} blocks, about {left} left", pass.planned));
    }
}

/// The gate series whose estimates are farthest from no change so far.
fn live_table<'v>(verdicts: impl Iterator<Item = &'v Verdict>) -> String {
    const LINES: usize = 12;
    let gate = verdicts.filter(|verdict| verdict.gate);
    let mut gate: Vec<(&Verdict, f64)> = gate.filter_map(|verdict| Some((verdict, distance(verdict)?))).collect();
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

/// How far an estimate is from no change, in margins.
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
