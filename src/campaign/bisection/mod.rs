//! Walks a line of commits until one is found to have brought a change: builds, compares with the good end, decides where
//! to look next. It must never measure what is known already, nor answer more than it has seen.

mod range;
pub(super) mod step;

use std::collections::BTreeMap;

use super::{
    comparison::{ComparisonOutcome, ComparisonSpec, Sizes},
    error::{BisectionError, Result},
    observer::Notice,
    workbench::{RunOutcome, Workbench},
};
use crate::{
    judge::bisect::{Bisection, Next, Seen, seen},
    model::{ComparisonId, Metric, Purpose, Revision, Verdict, VerdictKind},
    revision::BuiltSubject,
    runner,
};

pub use range::{check_sizes, line_between, one_case};
pub use step::{Evidence, Gap, Step};

/// What a bisection found.
#[derive(Debug, Clone, PartialEq)]
pub struct BisectionResult {
    /// The answer.
    pub answer: Answer,
    /// The revisions that were looked at, in that order.
    pub steps: Vec<Step>,
}

/// What came out. Places are those of the line of revisions.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The change came with this revision.
    Found {
        /// Its place.
        index: usize,
        /// The verdict on the revision against the one before it.
        verdict: Box<Verdict>,
    },
    /// It came after the first and at the latest with the second.
    Range {
        /// The last revision without the change.
        after: usize,
        /// The first one that is known to have it.
        upto: usize,
    },
    /// The two ends do not differ, so there is nothing to look for.
    NoDifference,
    /// Somebody stopped it. The same call goes on from there.
    Stopped,
}

/// How many comparisons a bisection with this many revisions between its ends makes at most: the ends, the steps, and the
/// one that was found against the one before it.
pub fn most_comparisons(between: usize) -> u32 {
    if between == 0 { 1 } else { Bisection::most_steps(between) + 2 }
}

impl Workbench<'_> {
    /// Looks for the revision of `line` with which the metric changed. `line` goes from the good end to the bad one (see
    /// [`line_between`]), and the plan holds the one case (see [`one_case`]). All comparisons share the error budget.
    ///
    /// # Errors
    /// Where an end cannot be measured, and as [`Workbench::compare`].
    pub fn bisect(&mut self, line: &[Revision], metric: Metric, sizes: Sizes) -> Result<BisectionResult> {
        let comparisons = most_comparisons(line.len().saturating_sub(2));
        let sizes = Sizes { budget: sizes.budget / f64::from(comparisons), ..sizes };
        let mut search = Search { workbench: self, line, metric, sizes, known: BTreeMap::new(), steps: Vec::new() };
        let answer = search.run()?;
        Ok(BisectionResult { answer, steps: search.steps })
    }
}

struct Search<'b, 'w> {
    workbench: &'b mut Workbench<'w>,
    /// From the good end to the bad one, along first parents.
    line: &'b [Revision],
    metric: Metric,
    sizes: Sizes,
    /// Digest of a binary → what became of the revision that it was first seen in.
    known: BTreeMap<String, (usize, Seen)>,
    steps: Vec<Step>,
}

/// A comparison that came to an end.
struct Judged {
    comparison: ComparisonId,
    verdict: Verdict,
}

impl Search<'_, '_> {
    /// Verifies that the ends differ, then narrows.
    fn run(&mut self) -> Result<Answer> {
        let last = self.line.len() - 1;
        match self.workbench.build(&self.line[0])? {
            Ok(good) => self.known.insert(good.build.sha256, (0, Seen::Unchanged)),
            Err(RunOutcome::Stopped(_)) => return Ok(Answer::Stopped),
            Err(_) => return Err(BisectionError::GoodEnd { revision: self.name(0) }.into()),
        };
        self.workbench.observer.notify(&Notice::EndsCompared);
        let Some(end) = self.look(last, None)? else { return Ok(Answer::Stopped) };
        self.report(&end);
        if end.seen == Seen::Skipped {
            let reason = match &end.evidence {
                Evidence::Gap(gap) => gap.to_string(),
                Evidence::Compared { verdict, .. } => format!("{}: {}", verdict.kind.as_str(), verdict.reason),
                Evidence::SameProgram(twin) => format!("it builds to the same program as {}", twin.short()),
            };
            return Err(BisectionError::BadEnd { revision: self.name(last), reason }.into());
        }
        let differs = |verdict: &&Verdict| matches!(verdict.kind, VerdictKind::Worse | VerdictKind::Better);
        let verdict = end.verdict().filter(differs).cloned();
        self.steps.push(end);
        match verdict {
            Some(verdict) => self.narrow(&verdict),
            None => Ok(Answer::NoDifference),
        }
    }

    fn narrow(&mut self, end: &Verdict) -> Result<Answer> {
        let mut bisection = Bisection::new(self.line.len() - 2);
        loop {
            match bisection.next() {
                Next::Look(index) => {
                    let (low, high) = bisection.bounds();
                    let revision = self.line[index].clone();
                    self.workbench.observer.notify(&Notice::RevisionChosen { revision, between: high - low - 1 });
                    let Some(step) = self.look(index, Some(end))? else { return Ok(Answer::Stopped) };
                    self.report(&step);
                    bisection.see(index, step.seen);
                    self.steps.push(step);
                }
                Next::Range(after, upto) => return Ok(Answer::Range { after, upto }),
                Next::Found(index) => return self.confirm(index, end),
            }
        }
    }

    /// Measures what was found against the revision before it, for the size of that change alone.
    fn confirm(&mut self, index: usize, end: &Verdict) -> Result<Answer> {
        let against_good = self.steps.iter().find(|step| step.index == index).and_then(|step| step.verdict().cloned());
        if index == 1
            && let Some(verdict) = against_good
        {
            return Ok(Answer::Found { index, verdict: Box::new(verdict) });
        }
        self.workbench.observer.notify(&Notice::Confirming(self.line[index].clone()));
        let Some(judged) = self.compare(index - 1, index)? else { return Ok(Answer::Stopped) };
        let verdict = Box::new(judged.verdict);
        if verdict.kind == end.kind {
            return Ok(Answer::Found { index, verdict });
        }
        self.workbench.observer.notify(&Notice::NotConfirmed(verdict));
        Ok(Answer::Range { after: index - 1, upto: index })
    }

    /// What became of a revision, without measuring where that is possible; nothing where somebody stopped it. `end` is the
    /// verdict on the bad end, which has none yet when it is looked at itself.
    fn look(&mut self, index: usize, end: Option<&Verdict>) -> Result<Option<Step>> {
        let subject = match self.workbench.build(&self.line[index])? {
            Ok(subject) => subject,
            Err(RunOutcome::Stopped(_)) => return Ok(None),
            Err(RunOutcome::BuildFailed(_)) => return Ok(Some(Step::gap(index, Gap::BuildFailed))),
            Err(_) => return Ok(Some(Step::gap(index, Gap::NoSubject))),
        };
        if let Some((twin, seen)) = self.known.get(&subject.build.sha256) {
            let evidence = Evidence::SameProgram(Box::new(self.line[*twin].clone()));
            return Ok(Some(Step { index, seen: *seen, evidence }));
        }
        if let Some(gap) = self.gap_of(&subject) {
            return Ok(Some(Step::gap(index, gap)));
        }
        let Some(Judged { comparison, verdict }) = self.compare(0, index)? else { return Ok(None) };
        let seen = match end {
            Some(end) => seen(&verdict, end),
            None if verdict.kind == VerdictKind::Unusable => Seen::Skipped,
            None => Seen::Changed,
        };
        self.known.insert(subject.build.sha256, (index, seen));
        let evidence = Evidence::Compared { comparison, verdict: Box::new(verdict) };
        Ok(Some(Step { index, seen, evidence }))
    }

    /// Why the case cannot be measured with a program, if it cannot.
    fn gap_of(&self, subject: &BuiltSubject) -> Option<Gap> {
        let offered = match runner::operations(&subject.path, self.workbench.stop) {
            Ok(offered) => offered,
            Err(error) => return Some(Gap::NoHello(error.to_string())),
        };
        let unknown = |operation: &&String| !offered.iter().any(|offered| offered.name == **operation);
        let wanted = self.workbench.plan.cases.iter().map(|case| &case.case.operation);
        wanted.filter(unknown).map(|operation| Gap::NotOffered(operation.clone())).next()
    }

    /// Compares two revisions of the line. Nothing where somebody stopped it.
    fn compare(&mut self, base: usize, head: usize) -> Result<Option<Judged>> {
        let spec = ComparisonSpec {
            base: &self.line[base],
            head: &self.line[head],
            purpose: Purpose::Bisect,
            sizes: self.sizes,
            seed: None,
            again: false,
        };
        let comparison = match self.workbench.compare(&spec)? {
            ComparisonOutcome::Measured(measured) if measured.is_finished() => measured.listing.comparison.id,
            ComparisonOutcome::Measured(_) | ComparisonOutcome::Stopped => return Ok(None),
            ComparisonOutcome::Impossible { revision, .. } => {
                return Err(BisectionError::NoLongerBuilds { revision: revision.short().to_owned() }.into());
            }
        };
        let verdicts = self.workbench.reader()?.verdicts(comparison)?;
        let verdict = verdicts.into_iter().find(|verdict| verdict.metric == self.metric);
        let verdict = verdict.ok_or(BisectionError::NotMeasured { comparison, metric: self.metric })?;
        Ok(Some(Judged { comparison, verdict }))
    }

    fn report(&self, step: &Step) {
        let revision = self.line[step.index].clone();
        let is_end = step.index + 1 == self.line.len();
        self.workbench.observer.notify(&Notice::RevisionSeen { revision, is_end, step: step.clone() });
    }

    fn name(&self, index: usize) -> String {
        self.line[index].short().to_owned()
    }
}
