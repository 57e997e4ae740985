//! From two revisions to verdicts in the history: build both, open or resume the comparison, measure blocks, decide.
//!
//! Sizes and error rates are fixed before the first trial and kept with the comparison. A block is kept when both of its
//! trials are over; data of one stage are never mixed with those of the other.

mod pairs;
mod spec;

use std::fs;

use super::{
    error::{CampaignError, Result},
    identity::{environment_of, fingerprint, now},
    observer::{Notice, Scope},
    recorder::{Pass, Recorder},
    workbench::{RunOutcome, Workbench},
};
use crate::{
    history::{ComparisonStart, OpenComparison, OpenRun, RunListing, RunStart},
    judge,
    model::{ComparisonId, Design, Part, Purpose, Revision, RunState, Stage},
    revision::BuiltSubject,
    runner::{self, Ended, Programs, Variant, measure_blocks},
};
use pairs::{CasePairs, HEAD};

pub use spec::{ComparisonOutcome, ComparisonSpec, MeasuredComparison, Sizes};

/// Both sides of a comparison, the base first.
struct Sides {
    runs: [OpenRun; 2],
    subjects: [BuiltSubject; 2],
}

impl Sides {
    /// Whether both are the very same program, so that no difference can be the code's.
    fn are_identical(subjects: &[BuiltSubject; 2]) -> bool {
        subjects[0].build.sha256 == subjects[1].build.sha256
    }
}

impl Workbench<'_> {
    /// Compares two revisions. A comparison of the same two that was cut off is continued; one that is finished is taken as
    /// it is, unless the specification says otherwise.
    ///
    /// # Errors
    /// Where the sizes cannot decide, the history cannot be written or a build cannot be tried. Failures of subjects are
    /// kept, and are no errors.
    pub fn compare(&mut self, spec: &ComparisonSpec<'_>) -> Result<ComparisonOutcome> {
        let ComparisonSpec { base, head, purpose, .. } = *spec;
        self.observer.notify(&Notice::RevisionStarted { revision: head.clone(), base: Some(base.clone()) });
        let design = self.design(spec.sizes)?;
        let subjects = match self.build_sides(base, head)? {
            Ok(subjects) => subjects,
            Err(outcome) => return Ok(outcome),
        };
        let identical = Sides::are_identical(&subjects);
        let part = self.part_of_head(spec, identical)?;
        let starts = self.starts(spec, part, &design, &subjects);
        if !spec.again
            && let Some(comparison) = self.finished_comparison(&starts[1])?
        {
            self.observer.notify(&Notice::AlreadyCompared(comparison));
            return self.measured(comparison);
        }
        let runs = [self.history.open_run(&starts[0])?, self.history.open_run(&starts[1])?];
        let seed = spec.seed.unwrap_or(runs[1].id.0.unsigned_abs());
        let start = ComparisonStart { base: runs[0].id, head: runs[1].id, purpose, identical, design, seed, at: now() };
        let comparison = self.history.open_comparison(&start)?;
        self.measure_comparison(&comparison, &Sides { runs, subjects }, design)?;
        self.measured(comparison.id)
    }

    /// Sizes and error rates for the plan in force.
    pub(super) fn design(&self, sizes: Sizes) -> Result<Design> {
        let series = self.plan.cases.iter().map(|case| case.rules.gate_metrics(&case.roles).len());
        let gate_series = u32::try_from(series.sum::<usize>()).unwrap_or(u32::MAX);
        Ok(judge::design(sizes.first, sizes.second, sizes.budget, gate_series)?)
    }

    /// Builds both sides, or says why there is nothing to compare.
    fn build_sides(
        &mut self,
        base: &Revision,
        head: &Revision,
    ) -> Result<Result<[BuiltSubject; 2], ComparisonOutcome>> {
        let mut build = |revision: &Revision| {
            Ok::<_, CampaignError>(self.build(revision)?.map_err(|outcome| match outcome {
                RunOutcome::Stopped(_) => ComparisonOutcome::Stopped,
                outcome => ComparisonOutcome::Impossible { revision: revision.clone(), outcome },
            }))
        };
        let base = match build(base)? {
            Ok(subject) => subject,
            Err(outcome) => return Ok(Err(outcome)),
        };
        Ok(build(head)?.map(|head| [base, head]))
    }

    /// Graphs show what a commit's own verdict was measured on. A commit that builds to the same program as its parent was
    /// not measured at all: graphs show it only as long as nothing better exists.
    fn part_of_head(&self, spec: &ComparisonSpec<'_>, identical: bool) -> Result<Part> {
        if spec.purpose != Purpose::Gate {
            return Ok(Part::Detached);
        }
        let environment = environment_of(None).id;
        let measured = |listing: &RunListing| {
            let run = &listing.run;
            run.environment == environment && matches!(run.part, Part::Single | Part::Head) && listing.trials > 0
        };
        let has_points = identical && self.reader()?.runs_of(&spec.head.id)?.iter().any(measured);
        Ok(if has_points { Part::Detached } else { Part::Head })
    }

    /// How the two runs are opened. A run belongs to one comparison, so each names what it is measured against.
    fn starts(
        &self,
        spec: &ComparisonSpec<'_>,
        part: Part,
        design: &Design,
        subjects: &[BuiltSubject; 2],
    ) -> [RunStart; 2] {
        let [base, head] = [&subjects[0].build, &subjects[1].build];
        let pair = format!(
            "{}{} against {}\n{} {} {} {} {:?}\n",
            self.plan.fingerprint_text(),
            head.sha256,
            base.sha256,
            spec.head.id,
            spec.base.id,
            spec.purpose.as_str(),
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
                spec.base.name_for_commands(),
                spec.head.name_for_commands(),
                self.plan.profile.as_str()
            ),
            at: now(),
        };
        [start(spec.base, Part::Base, &subjects[0]), start(spec.head, part, &subjects[1])]
    }

    fn finished_comparison(&self, head: &RunStart) -> Result<Option<ComparisonId>> {
        match self.history.finished_run(head)? {
            Some(run) => Ok(self.reader()?.comparison_of_run(run)?),
            None => Ok(None),
        }
    }

    /// Measures what is missing of a comparison, and closes it with its runs.
    fn measure_comparison(&mut self, comparison: &OpenComparison, sides: &Sides, design: Design) -> Result<()> {
        if comparison.resumed {
            let kept = comparison.blocks.len();
            self.observer.notify(&Notice::ComparisonResumed { comparison: comparison.id, kept });
        }
        let ended = if Sides::are_identical(&sides.subjects) {
            self.observer.notify(&Notice::IdenticalPrograms);
            self.decide_identical(comparison.id, &sides.subjects[1])?;
            Ended::Complete
        } else {
            self.measure_stages(comparison, sides, design)?
        };
        let state = match ended {
            Ended::Complete => RunState::Finished,
            Ended::Stopped => RunState::Interrupted,
        };
        self.history.set_progress(None)?;
        for run in &sides.runs {
            self.history.finish_run(run.id, state, now())?;
        }
        Ok(self.history.finish_comparison(comparison.id, state, now())?)
    }

    /// Both stages: every series first, then the suspicious ones afresh.
    fn measure_stages(&mut self, comparison: &OpenComparison, sides: &Sides, design: Design) -> Result<Ended> {
        let folder = self.work_folder()?;
        let variants = [0, 1].map(|side: usize| {
            let programs = Programs { subject: &sides.subjects[side].path, platform: &self.config.platform };
            Variant { programs, injection: None }
        });
        let runs = [sides.runs[0].id, sides.runs[1].id];
        let mut next_order = sides.runs.iter().map(|run| run.next_order).max().unwrap_or(0);
        let mut pairs = CasePairs::read(&self.reader()?, &self.plan, comparison, runs, design)?;
        let mut ended = Ended::Complete;
        for stage in [Stage::First, Stage::Second] {
            let cases = pairs.begin(stage)?;
            let remaining = pairs.remaining(&cases, comparison.seed);
            if remaining.is_empty() {
                continue;
            }
            let pass = Pass {
                scope: Scope::Stage { stage, suspicious: pairs.suspicious },
                runs: &runs,
                shown: runs[HEAD],
                variants: &[],
                blocks: Some(design.blocks(stage)),
                planned: u32::try_from(remaining.len()).unwrap_or(u32::MAX),
                done: 0,
            };
            let mut recorder = Recorder::start(&mut self.history, self.observer, &mut pairs, pass);
            let mut emit = |event| recorder.block_event(event);
            let outcome =
                measure_blocks(&remaining, &variants, &folder, comparison.seed, next_order, self.stop, &mut emit);
            next_order += recorder.finish();
            ended = outcome?;
            if ended == Ended::Stopped {
                break;
            }
        }
        pairs.conclude(&mut self.history)?;
        let _ = fs::remove_dir(&folder);
        Ok(ended)
    }

    /// Equal programs: every gate series is equivalent without a trial.
    fn decide_identical(&mut self, comparison: ComparisonId, subject: &BuiltSubject) -> Result<()> {
        let offered = runner::operations(&subject.path, self.stop)?;
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

    fn measured(&self, comparison: ComparisonId) -> Result<ComparisonOutcome> {
        let reader = self.reader()?;
        let listing = reader.comparison(comparison)?.ok_or(CampaignError::LostComparison(comparison))?;
        let verdicts = reader.verdicts(comparison)?.len();
        Ok(ComparisonOutcome::Measured(Box::new(MeasuredComparison { listing, verdicts })))
    }
}
