//! Walks a line of commits until one is found to have brought a change: builds, compares with the good end, decides where
//! to look next. It must never measure what is known already, nor answer more than it has seen.

use std::collections::BTreeMap;

use super::{
    comparing::{Compared, Order, Sizes},
    measuring::{Outcome, Workbench},
};
use crate::{
    judge::bisect::{Bisection, Next, Seen, seen},
    model::{ComparisonId, Metric, Purpose, Revision, Verdict, VerdictKind},
    report::{Outcome as StepOutcome, format::change},
    revision::BuiltSubject,
    runner,
};

/// What a bisection is about. The plan of the workbench holds the one case, and the metric alone decides.
pub(super) struct Search<'b, 'w> {
    workbench: &'b mut Workbench<'w>,
    /// From the good end to the bad one, along first parents.
    line: &'b [Revision],
    metric: Metric,
    sizes: Sizes,
    /// Digest of a binary → what became of the revision that it was first seen in.
    known: BTreeMap<String, (usize, Seen)>,
    pub(super) steps: Vec<Step>,
}

/// One revision that was looked at.
pub(super) struct Step {
    /// Its place in the line.
    pub(super) index: usize,
    pub(super) seen: Seen,
    /// What was measured, where something was.
    pub(super) verdict: Option<Verdict>,
    pub(super) comparison: Option<ComparisonId>,
    /// In plain English.
    pub(super) said: String,
}

/// What came out.
pub(super) enum Answer {
    /// The change came with this revision. The verdict is that of the revision against the one before it.
    Found { index: usize, verdict: Box<Verdict> },
    /// It came after the first and at the latest with the second.
    Range { after: usize, upto: usize },
    /// The two ends do not differ, so there is nothing to look for.
    NoDifference,
    /// A person stopped it.
    Stopped,
}

/// A comparison that came to an end.
struct Judged {
    comparison: ComparisonId,
    verdict: Verdict,
}

/// How many comparisons a bisection with this many revisions between its ends makes at most: the ends, the steps, and the
/// one that was found against the one before it.
pub(super) fn most_comparisons(between: usize) -> u32 {
    if between == 0 { 1 } else { Bisection::most_steps(between) + 2 }
}

impl<'b, 'w> Search<'b, 'w> {
    /// A search with an error budget that all its comparisons share.
    pub(super) fn new(
        workbench: &'b mut Workbench<'w>,
        line: &'b [Revision],
        metric: Metric,
        sizes: Sizes,
    ) -> Search<'b, 'w> {
        let comparisons = most_comparisons(line.len().saturating_sub(2));
        let sizes = Sizes { budget: sizes.budget / f64::from(comparisons), ..sizes };
        Search { workbench, line, metric, sizes, known: BTreeMap::new(), steps: Vec::new() }
    }

    /// Verifies that the ends differ, then narrows.
    pub(super) fn run(&mut self) -> anyhow::Result<Answer> {
        let last = self.line.len() - 1;
        match self.workbench.build(&self.line[0])? {
            Ok(good) => self.known.insert(good.build.sha256, (0, Seen::Unchanged)),
            Err(Outcome::Stopped(_)) => return Ok(Answer::Stopped),
            Err(_) => anyhow::bail!("the good end, {}, has no subject to measure: name another", self.line[0].short()),
        };
        self.say("comparing the two ends");
        let Some(end) = self.look(last, None)? else { return Ok(Answer::Stopped) };
        self.tell(&end);
        if end.seen == Seen::Skipped {
            anyhow::bail!("the bad end, {}, cannot be measured: {}; name another", self.line[last].short(), end.said);
        }
        let differs =
            end.verdict.clone().filter(|verdict| matches!(verdict.kind, VerdictKind::Worse | VerdictKind::Better));
        self.steps.push(end);
        match differs {
            Some(end) => self.narrow(&end),
            None => Ok(Answer::NoDifference),
        }
    }

    fn narrow(&mut self, end: &Verdict) -> anyhow::Result<Answer> {
        let mut bisection = Bisection::new(self.line.len() - 2);
        loop {
            match bisection.next() {
                Next::Look(index) => {
                    let (low, high) = bisection.bounds();
                    let between = high - low - 1;
                    self.say(&format!("{between} commits between; looking at {}", self.line[index].short()));
                    let Some(step) = self.look(index, Some(end))? else { return Ok(Answer::Stopped) };
                    self.tell(&step);
                    bisection.see(index, step.seen);
                    self.steps.push(step);
                }
                Next::Range(after, upto) => return Ok(Answer::Range { after, upto }),
                Next::Found(index) => return self.confirm(index, end),
            }
        }
    }

    /// Measures what was found against the revision before it, for the size of that change alone.
    fn confirm(&mut self, index: usize, end: &Verdict) -> anyhow::Result<Answer> {
        let against_good = self.steps.iter().find(|step| step.index == index).and_then(|step| step.verdict.clone());
        if index == 1
            && let Some(verdict) = against_good
        {
            return Ok(Answer::Found { index, verdict: Box::new(verdict) });
        }
        self.say(&format!("{} it seems; comparing it with the commit before", self.line[index].short()));
        let Some(judged) = self.compare(index - 1, index)? else { return Ok(Answer::Stopped) };
        if judged.verdict.kind == end.kind {
            return Ok(Answer::Found { index, verdict: Box::new(judged.verdict) });
        }
        self.say(&format!("  measured against each other, the two differ by {}", told(&judged.verdict)));
        Ok(Answer::Range { after: index - 1, upto: index })
    }

    /// What became of a revision, without measuring where that is possible; nothing where a person stopped it. `end` is the verdict of the bad end, which has
    /// none yet when it is looked at itself.
    fn look(&mut self, index: usize, end: Option<&Verdict>) -> anyhow::Result<Option<Step>> {
        let revision = &self.line[index];
        let subject = match self.workbench.build(revision)? {
            Ok(subject) => subject,
            Err(Outcome::Stopped(_)) => return Ok(None),
            Err(Outcome::BuildFailed(_)) => return Ok(Some(skipped(index, "it does not build"))),
            Err(_) => return Ok(Some(skipped(index, "it has no subject"))),
        };
        if let Some((twin, seen)) = self.known.get(&subject.build.sha256) {
            let said = format!("builds to the very same program as {}", self.line[*twin].short());
            return Ok(Some(Step { index, seen: *seen, verdict: None, comparison: None, said }));
        }
        if let Some(why) = self.lacks(&subject)? {
            return Ok(Some(skipped(index, &why)));
        }
        let Some(Judged { comparison, verdict }) = self.compare(0, index)? else { return Ok(None) };
        let seen = match end {
            Some(end) => seen(&verdict, end),
            None if verdict.kind == VerdictKind::Unusable => Seen::Skipped,
            None => Seen::Changed,
        };
        self.known.insert(subject.build.sha256, (index, seen));
        let said = told(&verdict);
        Ok(Some(Step { index, seen, verdict: Some(verdict), comparison: Some(comparison), said }))
    }

    /// Why the case cannot be measured with a program, if it cannot.
    fn lacks(&self, subject: &BuiltSubject) -> anyhow::Result<Option<String>> {
        let offered = match runner::operations(&subject.path, self.workbench.stop()) {
            Ok(offered) => offered,
            Err(error) => return Ok(Some(error.to_string())),
        };
        let unknown = |operation: &&str| !offered.iter().any(|offered| offered.name == **operation);
        let wanted = self.workbench.plan.cases.iter().map(|case| case.case.operation.as_str());
        Ok(wanted.filter(unknown).map(|operation| format!("it does not know the operation `{operation}`")).next())
    }

    /// Compares two revisions of the line. Nothing where a person stopped it.
    fn compare(&mut self, base: usize, head: usize) -> anyhow::Result<Option<Judged>> {
        let order = Order {
            base: &self.line[base],
            head: &self.line[head],
            purpose: Purpose::Bisect,
            sizes: self.sizes,
            seed: None,
            again: false,
        };
        let comparison = match self.workbench.compare(&order)? {
            Compared::Comparison(comparison) if comparison.is_finished() => comparison.listing.comparison.id,
            Compared::Comparison(_) | Compared::Stopped => return Ok(None),
            Compared::Impossible { revision, .. } => {
                anyhow::bail!("{} can no longer be built, and could before", revision.short())
            }
        };
        let verdicts = self.workbench.reader()?.verdicts(comparison)?;
        let verdict = verdicts.into_iter().find(|verdict| verdict.metric == self.metric);
        let verdict = verdict
            .ok_or_else(|| anyhow::anyhow!("comparison {comparison} measured no {}: see its failures", self.metric))?;
        Ok(Some(Judged { comparison, verdict }))
    }

    fn tell(&self, step: &Step) {
        let word = match step.seen {
            _ if step.index + 1 == self.line.len() => "the bad end",
            seen => StepOutcome::from(seen).as_str(),
        };
        self.say(&format!("  {}  {word}: {}", self.line[step.index].short(), step.said));
    }

    fn say(&self, text: &str) {
        self.workbench.terminal().line(text);
    }
}

fn skipped(index: usize, why: &str) -> Step {
    Step { index, seen: Seen::Skipped, verdict: None, comparison: None, said: why.to_owned() }
}

/// A verdict with its change, in a few words.
pub(super) fn told(verdict: &Verdict) -> String {
    let reason = if verdict.reason.is_empty() { String::new() } else { format!(" ({})", verdict.reason) };
    format!("{}, {}{reason}", verdict.kind.as_str(), change(verdict))
}
