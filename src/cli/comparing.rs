//! From two revisions to verdicts in the history: build both, open or resume the comparison, measure blocks, decide.
//!
//! Sizes and error rates are fixed before the first trial and kept with the comparison. A block is kept when both of its
//! trials are over; data of one stage are never mixed with those of the other.

use std::path::Path;

use anyhow::Context as _;

use super::{
    measuring::{Outcome, Workbench, environment_of, fingerprint, now, platform},
    pairing::Pairing,
};
use crate::{
    history::{ComparisonListing, ComparisonStart, OpenComparison, OpenRun, RunListing, RunStart},
    judge,
    model::{ComparisonId, Design, Part, Purpose, Revision, RunState, Stage},
    revision::BuiltSubject,
    runner::{self, Ended, Programs, Variant, measure_blocks},
};

/// How many blocks, and the error that is allowed for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sizes {
    /// Blocks of the first stage.
    pub(super) first: u32,
    /// Blocks of the second stage.
    pub(super) second: u32,
    /// Probability that a clean commit shows any false red or green.
    pub(super) budget: f64,
}

impl Sizes {
    /// 10 blocks, 30 fresh ones for what is suspicious, and 1% of clean commits with any false verdict.
    pub(super) const DEFAULT: Sizes = Sizes { first: 10, second: 30, budget: 0.01 };
}

/// Two revisions to compare, and how.
pub(super) struct Order<'a> {
    pub(super) base: &'a Revision,
    pub(super) head: &'a Revision,
    pub(super) purpose: Purpose,
    pub(super) sizes: Sizes,
    /// Of the random orders; the comparison's own number where nothing is given.
    pub(super) seed: Option<u64>,
    /// Whether to measure once more what was measured already.
    pub(super) again: bool,
}

/// How comparing two revisions ended.
pub(super) enum Compared {
    /// There is a comparison; an interrupted one has what was measured so far.
    Comparison(Box<ComparisonOutcome>),
    /// One of the two has no subject to measure.
    Impossible { revision: Revision, outcome: Outcome },
    /// Stopped before anything was measured.
    Stopped,
}

/// What a comparison came to.
#[derive(Debug, Clone)]
pub(super) struct ComparisonOutcome {
    pub(super) listing: ComparisonListing,
    /// How many series have a verdict.
    pub(super) verdicts: usize,
}

impl ComparisonOutcome {
    /// Whether everything planned was measured or failed.
    pub(super) fn is_finished(&self) -> bool {
        self.listing.comparison.state == RunState::Finished
    }
}

impl Workbench<'_> {
    /// Compares two revisions. A comparison of the same two that was cut off is continued; one that is finished is taken as it
    /// is, unless the order says otherwise.
    pub(super) fn compare(&mut self, order: &Order<'_>) -> anyhow::Result<Compared> {
        let Order { base, head, purpose, .. } = *order;
        self.terminal().line(&format!("{}  {}", head.short(), head.title));
        self.terminal().line(&format!("  against {}  {}", base.short(), base.title));
        let design = self.design(order.sizes)?;
        let mut subjects = Vec::new();
        for revision in [base, head] {
            match self.build(revision)? {
                Ok(subject) => subjects.push(subject),
                Err(Outcome::Stopped(_)) => return Ok(Compared::Stopped),
                Err(outcome) => return Ok(Compared::Impossible { revision: revision.clone(), outcome }),
            }
        }
        let subjects: [BuiltSubject; 2] =
            subjects.try_into().map_err(|_| anyhow::anyhow!("invariant: one subject a side"))?;
        let identical = subjects[0].build.sha256 == subjects[1].build.sha256;
        let part = self.part_of_head(order, identical)?;
        let starts = self.starts(order, part, &design, &subjects);
        if !order.again
            && let Some(comparison) = self.finished_comparison(&starts[1])?
        {
            self.terminal()
                .line(&format!("  compared already, in comparison {comparison}; --again measures once more"));
            return self.kept(comparison);
        }
        let runs = [self.history.open_run(&starts[0])?, self.history.open_run(&starts[1])?];
        let seed = order.seed.unwrap_or(runs[1].id.0.unsigned_abs());
        let start = ComparisonStart { base: runs[0].id, head: runs[1].id, purpose, identical, design, seed, at: now() };
        let comparison = self.history.open_comparison(&start)?;
        self.measure_comparison(&comparison, &runs, &subjects, design, identical)?;
        self.kept(comparison.id)
    }

    /// Sizes and error rates for the plan in force.
    pub(super) fn design(&self, sizes: Sizes) -> anyhow::Result<Design> {
        let series = self.plan.cases.iter().map(|case| case.rules.gate_metrics(&case.roles).len());
        let gate_series = u32::try_from(series.sum::<usize>()).unwrap_or(u32::MAX);
        Ok(judge::design(sizes.first, sizes.second, sizes.budget, gate_series)?)
    }

    /// On graphs stands what a commit's own verdict was measured on. A commit that builds to the same program as its parent was
    /// not measured at all: it stands there only as long as nothing better does.
    fn part_of_head(&self, order: &Order<'_>, identical: bool) -> anyhow::Result<Part> {
        if order.purpose != Purpose::Gate {
            return Ok(Part::Detached);
        }
        let environment = environment_of(None).id;
        let measured = |listing: &RunListing| {
            let run = &listing.run;
            run.environment == environment && matches!(run.part, Part::Single | Part::Head) && listing.trials > 0
        };
        let has_points = identical && self.reader()?.runs_of(&order.head.id)?.iter().any(measured);
        Ok(if has_points { Part::Detached } else { Part::Head })
    }

    /// How the two runs are opened. A run belongs to one comparison, so each names what it stands against.
    fn starts(&self, order: &Order<'_>, part: Part, design: &Design, subjects: &[BuiltSubject; 2]) -> [RunStart; 2] {
        let [base, head] = [&subjects[0].build, &subjects[1].build];
        let pair = format!(
            "{}{} against {}\n{} {} {} {} {:?}\n",
            self.plan.fingerprint_text(),
            head.sha256,
            base.sha256,
            order.head.id,
            order.base.id,
            order.purpose.as_str(),
            design.gate_series,
            (design.first_blocks, design.second_blocks, design.budget),
        );
        let plan = fingerprint(&pair);
        let blocks = design.first_blocks;
        let start = |revision: &Revision, part, subject: &BuiltSubject| RunStart {
            revision: revision.clone(),
            environment: environment_of(Some(&subject.build)),
            profile: self.plan.profile,
            part,
            build: Some(subject.build.clone()),
            plan: plan.clone(),
            planned_trials: u32::try_from(self.plan.cases.len()).unwrap_or(u32::MAX).saturating_mul(blocks),
            reproduce: format!(
                "benchline compare {} {} --profile {}",
                order.base.name_for_commands(),
                order.head.name_for_commands(),
                self.plan.profile.as_str()
            ),
            at: now(),
        };
        [start(order.base, Part::Base, &subjects[0]), start(order.head, part, &subjects[1])]
    }

    fn finished_comparison(&self, head: &RunStart) -> anyhow::Result<Option<ComparisonId>> {
        match self.history.finished_run(head)? {
            Some(run) => Ok(self.reader()?.comparison_of_run(run)?),
            None => Ok(None),
        }
    }

    /// Measures what is left of a comparison, and closes it with its runs.
    fn measure_comparison(
        &mut self,
        comparison: &OpenComparison,
        runs: &[OpenRun; 2],
        subjects: &[BuiltSubject; 2],
        design: Design,
        identical: bool,
    ) -> anyhow::Result<()> {
        if comparison.resumed {
            let kept = comparison.blocks.len();
            self.terminal().line(&format!("  resuming comparison {} after {kept} blocks", comparison.id));
        }
        let ended = if identical {
            self.terminal().line("  both build to the very same program: no difference can be the code's");
            self.decide_identical(comparison.id, &subjects[1].path)?;
            Ended::Complete
        } else {
            self.measure_stages(comparison, runs, subjects, design)?
        };
        let state = match ended {
            Ended::Complete => RunState::Finished,
            Ended::Stopped => RunState::Interrupted,
        };
        self.history.set_progress(None)?;
        for run in runs {
            self.history.finish_run(run.id, state, now())?;
        }
        Ok(self.history.finish_comparison(comparison.id, state, now())?)
    }

    /// Both stages: every series first, then the suspicious ones afresh.
    fn measure_stages(
        &mut self,
        comparison: &OpenComparison,
        runs: &[OpenRun; 2],
        subjects: &[BuiltSubject; 2],
        design: Design,
    ) -> anyhow::Result<Ended> {
        let folder = self.work_folder()?;
        let stop = std::sync::Arc::clone(self.stop());
        let plan = self.plan.clone();
        let binaries: [&Path; 2] = [&subjects[0].path, &subjects[1].path];
        let platform = platform()?;
        let programs = |subject| Programs { subject, platform: &platform };
        let variants = binaries.map(|binary| Variant { programs: programs(binary), injection: None });
        let mut pairing = Pairing::open(self, &plan, comparison, runs, design)?;
        for stage in [Stage::First, Stage::Second] {
            let cases = pairing.cases_of(stage)?;
            let orders = pairing.left(stage, &cases, comparison.seed);
            if orders.is_empty() {
                continue;
            }
            pairing.begin(stage, &orders);
            let first_order = pairing.next_order;
            let ended =
                measure_blocks(&orders, &variants, &folder, comparison.seed, first_order, &stop, &mut |event| {
                    pairing.handle(event)
                })?;
            if ended == Ended::Stopped {
                pairing.end()?;
                return Ok(Ended::Stopped);
            }
        }
        pairing.end()?;
        let _ = std::fs::remove_dir(&folder);
        Ok(Ended::Complete)
    }

    /// Equal programs: every gate series is equivalent without a trial.
    fn decide_identical(&mut self, comparison: ComparisonId, binary: &Path) -> anyhow::Result<()> {
        let offered = runner::operations(binary, self.stop())?;
        let version = |operation: &str| offered.iter().find(|o| o.name == operation).map(|o| o.version);
        let mut verdicts = Vec::new();
        for case in &self.plan.cases {
            // What the program does not know has no series to be equivalent in.
            if let Some(version) = version(&case.case.operation) {
                verdicts.extend(judge::identical(&case.case, &case.label, version, &case.roles, &case.rules));
            }
        }
        Ok(self.history.record_verdicts(comparison, &verdicts, now())?)
    }

    fn kept(&self, comparison: ComparisonId) -> anyhow::Result<Compared> {
        let reader = self.reader()?;
        let listing = reader.comparison(comparison)?.with_context(|| format!("there is no comparison {comparison}"))?;
        Ok(Compared::Comparison(Box::new(ComparisonOutcome { listing, verdicts: reader.verdicts(comparison)?.len() })))
    }
}
