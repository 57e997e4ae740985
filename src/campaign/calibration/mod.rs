//! From a plan to a stored calibration: builds the variants, measures blocks that hold a trial of each, keeps everything as
//! it is measured, and replays the procedure of a comparison on it.

mod remaining;
mod variants;

use std::fs;

use super::{
    builds::built,
    comparison::Sizes,
    error::{CalibrationError, Result},
    identity::{environment_of, fingerprint, now, seed},
    observer::{Judged, Notice, Scope},
    recorder::{Judge, Pass, Recorder},
    workbench::{RunOutcome, Workbench},
};
use crate::{
    history::{CalibrationStart, RunStart, Writer},
    judge::calibration::{CaseReplay, rates},
    model::{Design, Environment, Part, Rate, Revision, RunId, RunState, VariantKind},
    report::format,
    revision::BuiltSubject,
    runner::{self, Ended, FinishedBlock, Programs, Variant},
};
use remaining::{Done, remaining};
use variants::{build_variant, injection};

pub use variants::variants;

/// How a calibration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalibrationOutcome {
    /// Everything planned was measured or failed.
    Finished {
        /// Its number in the history.
        id: i64,
        /// How many trials and cases failed.
        failures: usize,
    },
    /// Somebody stopped it; what was measured until then was replayed. `None` where nothing was begun.
    Stopped(Option<i64>),
}

/// A variant that can be measured.
struct BuiltVariant {
    kind: VariantKind,
    subject: BuiltSubject,
}

/// A calibration that is open in the history.
struct OpenVariants {
    id: i64,
    runs: Vec<RunId>,
    /// What each variant has done already.
    done: Vec<Done>,
    next_order: u32,
    seed: u64,
    /// Some variant's run is finished, so everything was measured: only the replay is missing.
    measured: bool,
}

/// Blocks are judged when all of them are there; until then failures are counted.
#[derive(Default)]
struct Failures(usize);

impl Judge for Failures {
    fn judge(&mut self, _history: &mut Writer, block: FinishedBlock) -> Result<Judged> {
        self.0 += block.failures.len();
        Ok(Judged::Nothing)
    }
}

/// Whether so many blocks of each case hold a window of the procedure.
///
/// # Errors
/// [`CalibrationError::TooFewBlocks`].
pub fn check_blocks(blocks: u32) -> Result<(), CalibrationError> {
    let window = Sizes::DEFAULT.first + Sizes::DEFAULT.second;
    if blocks >= window { Ok(()) } else { Err(CalibrationError::TooFewBlocks { blocks, window }) }
}

impl Workbench<'_> {
    /// Measures this checkout against its variants (see [`variants`]), or goes on where an earlier process was cut off, and
    /// replays a comparison of default sizes over all cases of the plan.
    ///
    /// # Errors
    /// Where the blocks are too few, a variant cannot be built, or the history cannot be written.
    pub fn calibrate(&mut self, variants: &[VariantKind], blocks: u32) -> Result<CalibrationOutcome> {
        check_blocks(blocks)?;
        let design = self.design(Sizes::DEFAULT)?;
        let revision = self.repository.resolve_one(None)?;
        let Some(built) = self.build_variants(&revision, variants)? else {
            return Ok(CalibrationOutcome::Stopped(None));
        };
        let open = self.open_variants(&revision, &built, blocks, design)?;
        let (ended, failures) = self.measure_variants(&built, &open, blocks)?;
        let state = match ended {
            Ended::Complete => RunState::Finished,
            Ended::Stopped => RunState::Interrupted,
        };
        let rates = self.replay_procedure(&built, &open, &design)?;
        self.history.record_rates(open.id, &rates)?;
        for run in open.runs.iter().filter(|_| !open.measured) {
            self.history.finish_run(*run, state, now())?;
        }
        self.history.finish_calibration(open.id, state, now())?;
        Ok(match ended {
            Ended::Complete => CalibrationOutcome::Finished { id: open.id, failures },
            Ended::Stopped => CalibrationOutcome::Stopped(Some(open.id)),
        })
    }

    /// Builds what the variants start. Nothing where somebody stopped it.
    fn build_variants(&mut self, revision: &Revision, kinds: &[VariantKind]) -> Result<Option<Vec<BuiltVariant>>> {
        self.observer.notify(&Notice::RevisionStarted { revision: revision.clone(), base: None });
        let plain = match self.build(revision)? {
            Ok(subject) => subject,
            Err(RunOutcome::Stopped(_)) => return Ok(None),
            Err(_) => return Err(CalibrationError::NoSubject.into()),
        };
        let mut variants = Vec::new();
        for kind in kinds {
            // What becomes of a variant is no fact about the revision, and is not kept.
            let subject = match build_variant(*kind) {
                Some(variant) => built(self.builds.build(revision, Some(variant))?, &format::variant(*kind))?,
                None => Some(plain.clone()),
            };
            let Some(subject) = subject else { return Ok(None) };
            variants.push(BuiltVariant { kind: *kind, subject });
        }
        Ok(Some(variants))
    }

    fn open_variants(
        &mut self,
        revision: &Revision,
        variants: &[BuiltVariant],
        blocks: u32,
        design: Design,
    ) -> Result<OpenVariants> {
        let base = &variants.first().ok_or(CalibrationError::NoSubject)?.subject.build;
        let environment = environment_of(Some(base));
        let named =
            |variant: &BuiltVariant| format!("{} {}", format::variant(variant.kind), variant.subject.build.sha256);
        let names: Vec<String> = variants.iter().map(named).collect();
        let whole = format!("{}{}\n{}", self.plan.fingerprint_text(), revision.id, names.join("\n"));
        let start = CalibrationStart {
            environment: environment.clone(),
            build: base.clone(),
            plan: fingerprint(&whole),
            blocks,
            design,
            at: now(),
        };
        let opened = self.history.open_calibration(&start)?;
        // The number makes the variants' runs this calibration's own: those of an earlier one are never continued.
        let own = format!("calibration {} {}", opened.id, start.plan);
        let mut open = OpenVariants {
            id: opened.id,
            runs: Vec::new(),
            done: Vec::new(),
            next_order: 0,
            seed: seed(&own),
            measured: false,
        };
        for variant in variants {
            let run = self.variant_start(revision, variant, blocks, &environment, &own);
            match self.history.finished_run(&run)? {
                Some(id) => {
                    open.measured = true;
                    open.runs.push(id);
                    open.done.push(Done::default());
                }
                None => {
                    let opened_run = self.history.open_run(&run)?;
                    self.history.calibration_variant(opened.id, variant.kind, opened_run.id)?;
                    open.next_order = open.next_order.max(opened_run.next_order);
                    open.runs.push(opened_run.id);
                    open.done.push(Done::of(&opened_run));
                }
            }
        }
        if opened.resumed {
            self.observer.notify(&Notice::CalibrationResumed(opened.id));
        }
        Ok(open)
    }

    fn variant_start(
        &self,
        revision: &Revision,
        variant: &BuiltVariant,
        blocks: u32,
        environment: &Environment,
        own: &str,
    ) -> RunStart {
        RunStart {
            revision: revision.clone(),
            environment: environment.clone(),
            profile: self.plan.profile,
            part: Part::Calibration,
            build: Some(variant.subject.build.clone()),
            plan: fingerprint(&format!("{own} {}", format::variant(variant.kind))),
            planned_trials: blocks.saturating_mul(count(self.plan.cases.len())),
            reproduce: format!("benchline calibrate --blocks {blocks} --profile {}", self.plan.profile.as_str()),
            at: now(),
        }
    }

    /// Measures the blocks that are missing. Returns how many trials failed, too.
    fn measure_variants(&mut self, built: &[BuiltVariant], open: &OpenVariants, blocks: u32) -> Result<(Ended, usize)> {
        let specs = match open.measured {
            true => Vec::new(),
            false => remaining(&self.plan.cases, blocks, &open.done, open.seed),
        };
        let (Some(base), false) = (open.runs.first(), specs.is_empty()) else { return Ok((Ended::Complete, 0)) };
        let folder = self.work_folder()?;
        let mut variants = Vec::new();
        for BuiltVariant { kind, subject } in built {
            let programs = Programs { subject: &subject.path, platform: &self.config.platform };
            variants.push(Variant { programs, injection: injection(*kind) });
        }
        let kinds: Vec<VariantKind> = built.iter().map(|built| built.kind).collect();
        let planned = self.plan.cases.len() * blocks as usize;
        let pass = Pass {
            scope: Scope::Calibration,
            runs: &open.runs,
            shown: *base,
            variants: &kinds,
            blocks: Some(blocks),
            planned: count(planned),
            done: count(planned.saturating_sub(specs.len())),
        };
        let mut failures = Failures::default();
        let mut recorder = Recorder::start(&mut self.history, self.observer, &mut failures, pass);
        let mut emit = |event| recorder.block_event(event);
        let ended =
            runner::measure_blocks(&specs, &variants, &folder, open.seed, open.next_order, self.stop, &mut emit);
        recorder.finish();
        self.history.set_progress(None)?;
        let _ = fs::remove_dir(&folder);
        Ok((ended?, failures.0))
    }

    /// Replays the procedure on everything that was recorded, a case at a time.
    fn replay_procedure(&self, variants: &[BuiltVariant], open: &OpenVariants, design: &Design) -> Result<Vec<Rate>> {
        let mut replays = Vec::new();
        for case in &self.plan.cases {
            let trials = |run: &RunId| self.history.trials(*run, &case.case.key());
            let recorded = open.runs.iter().map(trials).collect::<Result<Vec<_>, _>>()?;
            let Some((base, others)) = recorded.split_first() else { continue };
            let kinds = variants.iter().skip(1).map(|variant| variant.kind);
            let others: Vec<_> = kinds.zip(others.iter().map(Vec::as_slice)).collect();
            replays.push(CaseReplay::of(&case.roles, &case.rules, base, &others, design)?);
        }
        Ok(rates(&replays, design))
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
