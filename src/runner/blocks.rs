//! Measures programs against each other in blocks: one trial of each, one right after the other, in random order. What
//! disturbs one disturbs the others too, so that their ratio is the programs' own.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
};

use super::{
    attempt::{Attempt, FAILURES_IN_A_ROW, attempt, given_up},
    canary::Workload,
    order::rank,
    programs::Programs,
    spec::TrialSpec,
    stop::{Ended, Stop},
};
use crate::{
    model::{Case, Failure, FailureKind, Injection, PlannedCase, Trial},
    probe::machine,
    scenario::CasePlan,
};

/// One of the programs that are compared.
#[derive(Debug, Clone, Copy)]
pub struct Variant<'a> {
    /// What is started.
    pub programs: Programs<'a>,
    /// What a role of the subject does in addition to its work, so that the platform can measure its own power.
    pub injection: Option<Injection>,
}

/// One block that is to be measured.
#[derive(Debug, Clone, Copy)]
pub struct BlockSpec<'a> {
    /// Of which case.
    pub case: &'a CasePlan,
    /// Which block, from 0. Decides the order of the variants.
    pub block: u32,
    /// The index that each variant's trial gets.
    pub trial: u32,
}

/// What happens while blocks are measured. The runner waits while an event is handled.
#[derive(Debug)]
pub enum BlockEvent {
    /// A block begins.
    Started {
        /// Of which case.
        case: PlannedCase,
        /// Which block.
        block: u32,
    },
    /// A variant's trial begins.
    TrialStarted {
        /// Index in the list of variants.
        variant: usize,
    },
    /// A sample was taken; for progress only.
    SampleTaken {
        /// Index in the list of variants.
        variant: usize,
        /// Which sample, from 0, warm-up included.
        sample: u32,
        /// Its wall time per operation, in nanoseconds.
        wall_ns: u64,
    },
    /// Every variant was measured. A block that was cut off is never reported: nothing of it is kept.
    Finished(Box<FinishedBlock>),
}

/// A block that is over.
#[derive(Debug)]
pub struct FinishedBlock {
    /// Of which case.
    pub case: Case,
    /// Which block.
    pub block: u32,
    /// The variants in the order in which they were measured.
    pub order: Vec<usize>,
    /// Each variant's trial; `None` where it failed.
    pub trials: Vec<Option<Trial>>,
    /// What failed, with the variant. One that names no trial ends the case for all variants.
    pub failures: Vec<(usize, Failure)>,
}

/// Blocks in rounds: each round visits every case once, in a random order of its own, so that the blocks of a case are
/// spread over the whole time, and what is interrupted has something of everything.
pub fn rounds<'a>(cases: &'a [CasePlan], blocks: Range<u32>, seed: u64) -> Vec<BlockSpec<'a>> {
    let round = |block: u32| {
        let mut round: Vec<BlockSpec<'a>> = cases.iter().map(|case| BlockSpec { case, block, trial: block }).collect();
        round.sort_by_cached_key(|spec| rank(seed, &format!("{block} {}", spec.case.case.key())));
        round
    };
    blocks.flat_map(round).collect()
}

/// Measures `blocks` in the order given. `first_order` is the first trial's position in the comparison's order. Trials' files
/// go below `folder`. A case that failed twice in a row, or that a variant does not support, is given up.
///
/// # Errors
/// Only those of `emit`: failures of subjects are events.
pub fn measure_blocks<E>(
    blocks: &[BlockSpec<'_>],
    variants: &[Variant<'_>],
    folder: &Path,
    seed: u64,
    first_order: u32,
    stop: &Stop,
    emit: &mut dyn FnMut(BlockEvent) -> Result<(), E>,
) -> Result<Ended, E> {
    let mut walk = Walk {
        variants,
        folder,
        seed,
        stop,
        canary: Workload::new(),
        clock_step_ns: machine::clock_step_ns(),
        order: first_order,
        emit,
    };
    let mut given_up = BTreeSet::new();
    let mut failures_in_a_row: BTreeMap<String, u32> = BTreeMap::new();
    for block in blocks {
        let key = block.case.case.key();
        if given_up.contains(&key) {
            continue;
        }
        if stop.is_set() {
            return Ok(Ended::Stopped);
        }
        let failures = failures_in_a_row.entry(key.clone()).or_default();
        let Some(mut finished) = walk.block(block)? else { return Ok(Ended::Stopped) };
        *failures = if finished.failures.is_empty() { 0 } else { *failures + 1 };
        if give_up(block.case, &mut finished, *failures) {
            given_up.insert(key);
        }
        (walk.emit)(BlockEvent::Finished(Box::new(finished)))?;
    }
    Ok(if stop.is_set() { Ended::Stopped } else { Ended::Complete })
}

/// Whether the case is given up after this number of failed blocks in a row. Adds the failure that reports it.
fn give_up(case: &CasePlan, finished: &mut FinishedBlock, failures_in_a_row: u32) -> bool {
    if finished.failures.iter().any(|(_, failure)| failure.trial.is_none()) {
        return true;
    }
    let last: Option<(usize, FailureKind)> = finished.failures.last().map(|(who, failure)| (*who, failure.kind));
    match last {
        Some((who, kind)) if failures_in_a_row >= FAILURES_IN_A_ROW => {
            finished.failures.push((who, given_up(case, kind)));
            true
        }
        _ => false,
    }
}

struct Walk<'a, E> {
    variants: &'a [Variant<'a>],
    folder: &'a Path,
    seed: u64,
    stop: &'a Stop,
    canary: Workload,
    clock_step_ns: u64,
    order: u32,
    emit: &'a mut dyn FnMut(BlockEvent) -> Result<(), E>,
}

impl<E> Walk<'_, E> {
    /// One trial of each variant; nothing where a person stopped it.
    fn block(&mut self, block: &BlockSpec<'_>) -> Result<Option<FinishedBlock>, E> {
        (self.emit)(BlockEvent::Started { case: block.case.planned(), block: block.block })?;
        let key = block.case.case.key();
        let mut order: Vec<usize> = (0..self.variants.len()).collect();
        order.sort_by_cached_key(|variant| rank(self.seed, &format!("{} {key} {variant}", block.block)));
        let mut trials: Vec<Option<Trial>> = self.variants.iter().map(|_| None).collect();
        let mut failures = Vec::new();
        for variant in &order {
            match self.trial(block, *variant)? {
                Attempt::Kept(trial) => trials[*variant] = Some(*trial),
                Attempt::Stopped => return Ok(None),
                Attempt::Failed(failure) => failures.push((*variant, failure)),
            }
        }
        Ok(Some(FinishedBlock { case: block.case.case.clone(), block: block.block, order, trials, failures }))
    }

    fn trial(&mut self, block: &BlockSpec<'_>, variant: usize) -> Result<Attempt, E> {
        (self.emit)(BlockEvent::TrialStarted { variant })?;
        let Variant { programs, injection } = self.variants[variant];
        // One folder for all: paths of equal length, and the same place on the disk.
        let folder = self.folder.join("trial");
        let spec = TrialSpec {
            plan: block.case,
            programs,
            folder: &folder,
            index: block.trial,
            order: self.order,
            clock_step_ns: self.clock_step_ns,
            injection,
            inspection: None,
            stop: self.stop,
        };
        self.order += 1;
        let mut emitted = Ok(());
        let attempt = attempt(&spec, &self.canary, &mut |sample, wall_ns| {
            if emitted.is_ok() {
                emitted = (self.emit)(BlockEvent::SampleTaken { variant, sample, wall_ns });
            }
        });
        emitted?;
        Ok(attempt)
    }
}
