//! What happens to the events of a calibration's blocks: kept first, told next. A block is kept with all its trials.

use std::time::Instant;

use crate::{
    cli::{measuring::now, terminal::Terminal},
    history::{Progress, Writer},
    model::{FailureKind, PlannedCase, RunId, Unit},
    runner::{BlockEvent, FinishedBlock},
};

/// Between lines in a log lies this share of all blocks.
const LINES: usize = 50;

/// Keeps the events of one calibration.
pub(super) struct Recorder<'a> {
    history: &'a mut Writer,
    terminal: &'a Terminal,
    /// The run of each variant, the base's first.
    runs: &'a [RunId],
    names: Vec<String>,
    count: Count,
    case: Option<(PlannedCase, u32)>,
    failures: usize,
}

/// How far it came, in blocks of one case.
pub(super) struct Count {
    /// Blocks of each case.
    pub(super) blocks: u32,
    /// All of all cases.
    pub(super) planned: usize,
    /// Those that an earlier process left.
    pub(super) left: usize,
    began: Instant,
    measured: usize,
}

impl Count {
    pub(super) fn new(blocks: u32, planned: usize, left: usize) -> Count {
        Count { blocks, planned, left, began: Instant::now(), measured: 0 }
    }

    fn done(&self) -> usize {
        self.planned.saturating_sub(self.left) + self.measured
    }

    /// In nanoseconds, as the blocks so far went.
    fn time_left(&self) -> f64 {
        let each = self.began.elapsed().as_nanos() as f64 / self.measured.max(1) as f64;
        each * self.left.saturating_sub(self.measured) as f64
    }
}

impl<'a> Recorder<'a> {
    pub(super) fn new(
        history: &'a mut Writer,
        terminal: &'a Terminal,
        runs: &'a [RunId],
        names: Vec<String>,
        count: Count,
    ) -> Recorder<'a> {
        let trials = |blocks: usize| count_of(blocks.saturating_mul(runs.len()));
        terminal.begin(trials(count.planned), trials(count.done()));
        Recorder { history, terminal, runs, names, count, case: None, failures: 0 }
    }

    /// Keeps one event. An error means that it could not be kept, and measuring must end.
    pub(super) fn handle(&mut self, event: BlockEvent) -> anyhow::Result<()> {
        match event {
            BlockEvent::Started { case, block } => {
                // As the display has it, a trial of a case is a block.
                let planned = PlannedCase { trials: self.count.blocks, ..case };
                self.terminal.case(&planned);
                self.case = Some((planned, block));
                self.tell_progress()
            }
            BlockEvent::TrialStarted { .. } => Ok(()),
            BlockEvent::SampleTaken { sample, wall_ns, .. } => {
                let block = self.case.as_ref().map_or(0, |(_, block)| *block);
                self.terminal.sample(block, sample, wall_ns);
                Ok(())
            }
            BlockEvent::Finished(block) => self.keep(&block),
        }
    }

    /// Ends the display. Returns how many trials failed.
    pub(super) fn finish(self) -> usize {
        self.terminal.end();
        self.failures
    }

    fn keep(&mut self, block: &FinishedBlock) -> anyhow::Result<()> {
        for (run, trial) in self.runs.iter().zip(&block.trials) {
            if let Some(trial) = trial {
                self.history.record_trial(*run, trial)?;
            }
        }
        for (variant, failure) in &block.failures {
            if let Some(run) = self.runs.get(*variant) {
                self.history.record_failure(*run, failure)?;
            }
            self.failures += 1;
            self.terminal.line(&format!("  {}:", self.names.get(*variant).map_or("", String::as_str)));
            self.terminal.failure(failure);
            if failure.kind == FailureKind::Unsupported && *variant > 0 {
                self.terminal.line("  a subject that cannot be slowed down is calibrated with `--inject none`");
            }
        }
        self.count.measured += 1;
        self.tell();
        Ok(())
    }

    fn tell(&self) {
        let Count { planned, .. } = self.count;
        let done = self.count.done();
        self.terminal.position(count_of(done.saturating_mul(self.runs.len())));
        let share = |done: usize| done * LINES / planned.max(1);
        if share(done) > share(done.saturating_sub(1)) {
            let left = Unit::Nanoseconds.format(self.count.time_left());
            self.terminal.log(&format!("  {done} of {planned} blocks, about {left} left"));
        }
    }

    fn tell_progress(&mut self) -> anyhow::Result<()> {
        let (Some((case, block)), Some(run)) = (&self.case, self.runs.first()) else { return Ok(()) };
        let progress = Progress {
            run: *run,
            case: case.case.clone(),
            label: case.label.clone(),
            trial: *block,
            trials: case.trials,
            done_trials: count_of(self.count.done()),
            planned_trials: count_of(self.count.planned),
            at: now(),
        };
        Ok(self.history.set_progress(Some(&progress))?)
    }
}

fn count_of(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
