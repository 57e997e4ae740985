//! The verdicts of a comparison on the series of a case. Sizes and error rates were fixed before and are applied here: the
//! second stage speaks alone where there is one, data are never pooled, and nothing is decided before a stage is whole.
//!
//! Interleaving and the interval are what keep noise and a disturbed machine from deciding, so these do not make a series
//! unusable; only what makes pairs worthless does: a wrong result, work that differs, a metric that one side lacks, a
//! clock that cannot resolve the samples.

#[cfg(test)]
mod tests;

use super::checks;
use super::effects::{Effects, Figures};
use super::error::JudgeError;
use super::pairing::{Pairing, Pairs, name};
use super::reasons;
use super::series::SeriesTrials;
use crate::model::{CheckStatus, Design, Direction, Metric, Rules, Scale, Side, Stage, Verdict, VerdictKind};
use crate::stats::{self, Power, SignedRank, StatsError, TwoStages};

/// With which probability a change of the stated resolution would have been caught.
const CAUGHT: f64 = 0.9;

/// The gate metrics that the first stage marks suspicious, in the order in which the trials list them: those whose p is
/// below α₁. Empty as long as the first stage is incomplete. Series that are unusable are left out.
///
/// # Errors
/// When the trials do not belong together, see [`JudgeError`].
pub fn suspicious(pairs: &Pairs<'_>, rules: &Rules, design: &Design) -> Result<Vec<Metric>, JudgeError> {
    let Some(pairing) = Pairing::of(pairs)? else { return Ok(Vec::new()) };
    let comparison = CaseComparison { pairing, rules, design };
    let mut found = Vec::new();
    for metric in comparison.pairing.metrics() {
        if comparison.obstacle(metric).is_none() && comparison.is_suspicious(metric)? {
            found.push(metric);
        }
    }
    Ok(found)
}

/// The verdicts of the blocks so far on every series of the case, in the order in which the trials list them. A suspicious
/// gate series takes everything from the second stage alone, even while that has no blocks; all others take it from the
/// first. A stage that is not whole decides nothing. May be called at any time. Empty without trials.
///
/// # Errors
/// When the trials do not belong together, see [`JudgeError`].
pub fn verdicts(pairs: &Pairs<'_>, rules: &Rules, design: &Design) -> Result<Vec<Verdict>, JudgeError> {
    let Some(pairing) = Pairing::of(pairs)? else { return Ok(Vec::new()) };
    let comparison = CaseComparison { pairing, rules, design };
    let power = two_stages(design);
    comparison.pairing.metrics().into_iter().map(|metric| comparison.verdict(metric, power.as_ref())).collect()
}

struct CaseComparison<'a> {
    pairing: Pairing<'a>,
    rules: &'a Rules,
    design: &'a Design,
}

impl CaseComparison<'_> {
    /// Why a series gets no verdict, if it gets none.
    fn obstacle(&self, metric: Metric) -> Option<String> {
        self.pairing.obstacle().or_else(|| {
            [Side::Base, Side::Head].into_iter().find_map(|side| {
                let trials = self.pairing.side(side);
                let Some(series) = SeriesTrials::of(trials, metric) else {
                    return (!trials.is_empty()).then(|| format!("the {} has no such value", name(side)));
                };
                let check = checks::clock_resolved(&series).filter(|check| check.status == CheckStatus::Fail)?;
                Some(format!("the clock cannot resolve the {}'s samples. {}", name(side), check.advice))
            })
        })
    }

    /// Whether the first stage is whole and sends a gate series on to the second.
    fn is_suspicious(&self, metric: Metric) -> Result<bool, JudgeError> {
        let pairs = self.pairing.stage(Stage::First);
        if !self.rules.gates(metric) || pairs.over() < self.design.first_blocks {
            return Ok(false);
        }
        let Some(effects) = Effects::of(pairs, metric, self.rules) else { return Ok(false) };
        Ok(sends_on(&self.figures(metric, &effects)?.test, self.design))
    }

    fn figures(&self, metric: Metric, effects: &Effects) -> Result<Figures, JudgeError> {
        effects.figures().map_err(|source| JudgeError::Estimate { metric, source })
    }

    fn verdict(&self, metric: Metric, power: Option<&Power>) -> Result<Verdict, JudgeError> {
        if let Some(reason) = self.obstacle(metric) {
            let mut verdict = self.blank(metric, Stage::First);
            (verdict.kind, verdict.reason) = (VerdictKind::Unusable, reason);
            return Ok(verdict);
        }
        let suspicious = self.is_suspicious(metric)?;
        let stage = if suspicious && self.design.second_blocks > 0 { Stage::Second } else { Stage::First };
        let mut verdict = self.blank(metric, stage);
        let Some(effects) = Effects::of(self.pairing.stage(stage), metric, self.rules) else {
            verdict.reason = self.unfinished(stage).unwrap_or_else(|| "no block has a value on both sides".to_owned());
            return Ok(verdict);
        };
        let figures = self.figures(metric, &effects)?;
        state(&mut verdict, &effects, &figures);
        match self.unfinished(stage) {
            Some(reason) => verdict.reason = reason,
            None => self.decide(&mut verdict, &effects, &figures, suspicious, power)?,
        }
        if let Some(spread) = reasons::exact_spread(&self.pairing, metric, self.rules) {
            verdict.reason = reasons::joined(&verdict.reason, &spread);
        }
        Ok(verdict)
    }

    /// A verdict without figures, from which every other is made.
    fn blank(&self, metric: Metric, stage: Stage) -> Verdict {
        let gate = self.rules.gates(metric);
        let alpha = match stage {
            Stage::First => self.design.first_alpha,
            Stage::Second => self.design.second_alpha,
        };
        let counted = super::design::counted(metric, self.rules);
        let margin = self.rules.margin(metric);
        Verdict {
            case: self.pairing.example.case.clone(),
            label: self.pairing.example.label.clone(),
            operation_version: self.pairing.example.operation_version,
            metric,
            kind: VerdictKind::Inconclusive,
            gate,
            scale: if counted { Scale::Difference } else { Scale::Ratio },
            stage: Some(stage),
            blocks: 0,
            effect: None,
            interval: None,
            p: None,
            alpha: gate.then_some(alpha),
            margin: if counted { margin.absolute } else { margin.share },
            resolution: None,
            blocks_needed: None,
            reason: String::new(),
        }
    }

    /// The verdict while a stage is incomplete.
    fn unfinished(&self, stage: Stage) -> Option<String> {
        let over = self.pairing.stage(stage).over();
        let (planned, which) = match stage {
            Stage::First => (self.design.first_blocks, "first"),
            Stage::Second => (self.design.second_blocks, "second"),
        };
        (over < planned).then(|| format!("interrupted in the {which} stage, after {over} of {planned} blocks"))
    }

    /// Decides on a series whose stage is whole.
    fn decide(
        &self,
        verdict: &mut Verdict,
        effects: &Effects,
        figures: &Figures,
        suspicious: bool,
        power: Option<&Power>,
    ) -> Result<(), JudgeError> {
        let alpha = if suspicious { self.design.second_alpha } else { self.design.first_alpha };
        let too_few = verdict.gate && stats::least_p(verdict.blocks) >= alpha;
        let significant = suspicious && is_significant(&figures.test, self.design);
        let within = figures.shift.interval.is_some_and(|i| i.low >= -effects.margin && i.high <= effects.margin);
        verdict.kind = match () {
            () if too_few => VerdictKind::Inconclusive,
            () if suspicious && decides(effects, figures, self.design) => {
                direction(verdict.metric, figures.shift.estimate)
            }
            () if within => VerdictKind::Equivalent,
            () => VerdictKind::Inconclusive,
        };
        if verdict.gate
            && let Some(power) = power
        {
            verdict.resolution =
                resolution(power, effects).map_err(|source| JudgeError::Estimate { metric: verdict.metric, source })?;
        }
        if verdict.kind == VerdictKind::Inconclusive {
            if verdict.gate {
                let alpha = self.design.second_alpha;
                verdict.blocks_needed =
                    stats::blocks_needed(effects.effects.len(), &figures.shift, effects.margin, alpha);
            }
            verdict.reason = if too_few {
                reasons::too_few(verdict, self.pairing.stage(verdict.stage.unwrap_or(Stage::First)).failed)
            } else {
                reasons::inconclusive(verdict, significant, suspicious && self.design.second_blocks == 0)
            };
        }
        Ok(())
    }
}

/// What can be seen with a design. Nothing where it can catch no change at all.
pub(super) fn two_stages(design: &Design) -> Option<Power> {
    Power::of(TwoStages {
        first_blocks: design.first_blocks,
        first_alpha: design.first_alpha,
        second_blocks: design.second_blocks,
        second_alpha: design.second_alpha,
    })
}

/// Whether the first stage of a gate series sends it on to the second.
pub(super) fn sends_on(first: &SignedRank, design: &Design) -> bool {
    first.p < design.first_alpha
}

fn is_significant(second: &SignedRank, design: &Design) -> bool {
    design.second_blocks > 0 && second.p < design.second_alpha
}

/// Whether the second stage of a suspicious gate series ends worse or better: significant, and beyond the margin.
pub(super) fn decides(second: &Effects, figures: &Figures, design: &Design) -> bool {
    is_significant(&figures.test, design) && figures.shift.estimate.abs() > second.margin
}

/// Puts the figures into a verdict.
fn state(verdict: &mut Verdict, effects: &Effects, figures: &Figures) {
    verdict.scale = effects.scale;
    verdict.blocks = u32::try_from(effects.effects.len()).unwrap_or(u32::MAX);
    verdict.effect = Some(effects.shown(figures.shift.estimate));
    verdict.interval = figures.shift.interval.map(|interval| effects.shown_interval(interval));
    verdict.p = Some(figures.test.p);
    verdict.margin = effects.size(effects.margin);
}

fn direction(metric: Metric, effect: f64) -> VerdictKind {
    match (metric.direction(), effect > 0.0) {
        (Direction::Lower, true) | (Direction::Higher, false) => VerdictKind::Worse,
        (Direction::Lower, false) | (Direction::Higher, true) => VerdictKind::Better,
    }
}

/// The change that would have been detected. Nothing where there are too few blocks to estimate the spread.
pub(super) fn resolution(power: &Power, effects: &Effects) -> Result<Option<f64>, StatsError> {
    match power.catches(&effects.effects, effects.margin) {
        Ok(catches) => Ok(catches.resolution(CAUGHT).map(|shift| effects.size(shift))),
        Err(StatsError::TooFew { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
