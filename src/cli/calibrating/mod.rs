//! From a plan to a stored calibration: builds the arms, measures blocks that hold a trial of each, keeps everything as it
//! is measured, and replays the procedure on it.

pub(super) mod arms;
mod left;
mod recorder;

use std::{fs, sync::Arc};

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, digest};

use self::{
    arms::{injection, variant},
    left::{Done, left},
    recorder::{Count, Recorder},
};
use super::measuring::{Outcome, Workbench, environment_of, fingerprint, now, platform};
use crate::{
    history::{CalibrationStart, RunStart},
    judge::calibration::{CaseReplay, rates},
    model::{Design, Environment, Part, Rate, Revision, RunId, RunState, VariantKind},
    report::format,
    revision::{BuildOutcome, BuiltSubject},
    runner::{self, BlockSpec, Ended, Programs, Variant},
    scenario::Plan,
};

/// How a calibration ended.
pub(super) enum Ending {
    /// Everything planned was measured; so many trials failed.
    Finished { id: i64, failures: usize },
    /// A person stopped it; what was measured so far was replayed. `None` where nothing was begun.
    Stopped(Option<i64>),
}

/// An arm that can be measured.
struct ReadyArm {
    arm: VariantKind,
    subject: BuiltSubject,
}

/// A calibration that is open in the history.
struct OpenArms {
    id: i64,
    runs: Vec<RunId>,
    /// What each arm has done already.
    done: Vec<Done>,
    next_order: u32,
    seed: u64,
    /// Some arm's run is finished, so everything was measured: only the replay is missing.
    measured: bool,
}

impl Workbench<'_> {
    /// Measures this checkout against its arms, or goes on where an earlier process was cut off, and replays `design`.
    pub(super) fn calibrate(&mut self, arms: &[VariantKind], blocks: u32, design: Design) -> anyhow::Result<Ending> {
        let revision = self.repository().resolve_one(None)?;
        let Some(ready) = self.build_arms(&revision, arms)? else { return Ok(Ending::Stopped(None)) };
        let plan = self.plan.clone();
        let open = self.open_arms(&plan, &revision, &ready, blocks, design)?;
        let orders = if open.measured { Vec::new() } else { left(&plan.cases, blocks, &open.done, open.seed) };
        let count = Count::new(blocks, plan.cases.len() * blocks as usize, orders.len());
        let (ended, failures) = self.measure_arms(&ready, &open, &orders, count)?;
        let state = match ended {
            Ended::Complete => RunState::Finished,
            Ended::Stopped => RunState::Interrupted,
        };
        let rates = self.replay(&plan, &ready, &open, &design)?;
        self.history.record_rates(open.id, &rates)?;
        for run in open.runs.iter().filter(|_| !open.measured) {
            self.history.finish_run(*run, state, now())?;
        }
        self.history.finish_calibration(open.id, state, now())?;
        Ok(match ended {
            Ended::Complete => Ending::Finished { id: open.id, failures },
            Ended::Stopped => Ending::Stopped(Some(open.id)),
        })
    }

    /// Builds what the arms start. Nothing where a person stopped it.
    fn build_arms(&mut self, revision: &Revision, arms: &[VariantKind]) -> anyhow::Result<Option<Vec<ReadyArm>>> {
        self.terminal().line(&format!("{}  {}", revision.short(), revision.title));
        let mut plain = None;
        let mut ready = Vec::new();
        for arm in arms {
            let built = match (variant(*arm), &plain) {
                (Some(variant), _) => self.build_variant(revision, variant)?,
                (None, Some(subject)) => BuildOutcome::Built(BuiltSubject::clone(subject)),
                (None, None) => match self.build(revision)? {
                    Ok(subject) => BuildOutcome::Built(plain.insert(subject).clone()),
                    Err(Outcome::Stopped(_)) => BuildOutcome::Stopped,
                    Err(_) => anyhow::bail!("this checkout has no subject to calibrate with"),
                },
            };
            match built {
                BuildOutcome::Built(subject) => ready.push(ReadyArm { arm: *arm, subject }),
                BuildOutcome::Stopped => return Ok(None),
                BuildOutcome::Unsupported { reason } => anyhow::bail!("{}: {reason}", format::variant(*arm)),
                BuildOutcome::Failed { message, log } => anyhow::bail!("{}: {message}\n{log}", format::variant(*arm)),
            }
        }
        Ok(Some(ready))
    }

    fn open_arms(
        &mut self,
        plan: &Plan,
        revision: &Revision,
        arms: &[ReadyArm],
        blocks: u32,
        design: Design,
    ) -> anyhow::Result<OpenArms> {
        let base = &arms.first().context("a calibration has a base")?.subject.build;
        let environment = environment_of(Some(base));
        let names: Vec<String> =
            arms.iter().map(|ready| format!("{} {}", format::variant(ready.arm), ready.subject.build.sha256)).collect();
        let whole = format!("{}{}\n{}", plan.fingerprint_text(), revision.id, names.join("\n"));
        let start = CalibrationStart {
            environment: environment.clone(),
            build: base.clone(),
            plan: fingerprint(&whole),
            blocks,
            design,
            at: now(),
        };
        let opened = self.history.open_calibration(&start)?;
        // The number makes the arms' runs this calibration's own: those of an earlier one are never continued.
        let own = format!("calibration {} {}", opened.id, start.plan);
        let mut open = OpenArms {
            id: opened.id,
            runs: Vec::new(),
            done: Vec::new(),
            next_order: 0,
            seed: seed(&own),
            measured: false,
        };
        for ready in arms {
            let run = self.run_start(plan, revision, ready, blocks, &environment, &own);
            match self.history.finished_run(&run)? {
                Some(id) => {
                    open.measured = true;
                    open.runs.push(id);
                    open.done.push(Done::default());
                }
                None => {
                    let opened_run = self.history.open_run(&run)?;
                    self.history.calibration_variant(opened.id, ready.arm, opened_run.id)?;
                    open.next_order = open.next_order.max(opened_run.next_order);
                    open.runs.push(opened_run.id);
                    open.done.push(Done::of(&opened_run));
                }
            }
        }
        if opened.resumed {
            self.terminal().line(&format!("  resuming calibration {}", opened.id));
        }
        Ok(open)
    }

    fn run_start(
        &self,
        plan: &Plan,
        revision: &Revision,
        ready: &ReadyArm,
        blocks: u32,
        environment: &Environment,
        own: &str,
    ) -> RunStart {
        RunStart {
            revision: revision.clone(),
            environment: environment.clone(),
            profile: plan.profile,
            part: Part::Calibration,
            build: Some(ready.subject.build.clone()),
            plan: fingerprint(&format!("{own} {}", format::variant(ready.arm))),
            planned_trials: blocks.saturating_mul(u32::try_from(plan.cases.len()).unwrap_or(u32::MAX)),
            reproduce: format!("benchline calibrate --blocks {blocks} --profile {}", plan.profile.as_str()),
            at: now(),
        }
    }

    /// Measures the blocks. Returns how many trials failed, too.
    fn measure_arms(
        &mut self,
        arms: &[ReadyArm],
        open: &OpenArms,
        orders: &[BlockSpec<'_>],
        count: Count,
    ) -> anyhow::Result<(Ended, usize)> {
        if orders.is_empty() {
            return Ok((Ended::Complete, 0));
        }
        let folder = self.work_folder()?;
        let platform = platform()?;
        let mut variants = Vec::new();
        for ReadyArm { subject, arm } in arms {
            let programs = Programs { subject: &subject.path, platform: &platform };
            variants.push(Variant { programs, injection: injection(*arm) });
        }
        let names = arms.iter().map(|ready| format::variant(ready.arm)).collect();
        let stop = Arc::clone(self.stop());
        let (history, terminal) = self.history_and_terminal();
        let mut recorder = Recorder::new(history, terminal, &open.runs, names, count);
        let mut emit = |event| recorder.handle(event);
        let ended = runner::measure_blocks(orders, &variants, &folder, open.seed, open.next_order, &stop, &mut emit);
        let failures = recorder.finish();
        self.history.set_progress(None)?;
        let _ = fs::remove_dir(&folder);
        Ok((ended?, failures))
    }

    /// Replays the procedure on everything that was recorded, a case at a time.
    fn replay(&self, plan: &Plan, arms: &[ReadyArm], open: &OpenArms, design: &Design) -> anyhow::Result<Vec<Rate>> {
        let mut replays = Vec::new();
        for case in &plan.cases {
            let trials = |run: &RunId| self.history.trials(*run, &case.case.key());
            let recorded = open.runs.iter().map(trials).collect::<Result<Vec<_>, _>>()?;
            let Some((base, others)) = recorded.split_first() else { continue };
            let others: Vec<_> =
                arms.iter().skip(1).map(|ready| ready.arm).zip(others.iter().map(Vec::as_slice)).collect();
            replays.push(CaseReplay::of(&case.roles, &case.rules, base, &others, design)?);
        }
        Ok(rates(&replays, design))
    }
}

/// The seed that a text stands for.
fn seed(text: &str) -> u64 {
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
