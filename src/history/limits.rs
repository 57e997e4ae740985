//! Limits of stored comparisons, findings and calibrations: figures are finite and within their range, texts bounded.
//! Checked before a record is written and again by the search for damage, so that both always agree. Each refusal gives
//! its reason in plain English.

use super::error::HistoryError;
use crate::model::{Canary, Design, FindingEvent, Interval, Rate, SeriesChange, Verdict, VerdictKind};

/// The longest reason, in bytes.
const REASON: usize = 4096;

/// The longest name of a person, in characters.
const PERSON: usize = 200;

/// The longest name of a canary's workload, in bytes.
const WORKLOAD: usize = 64;

/// A refusal gives its reason.
type Outcome = Result<(), String>;

/// `why` about `what`, as an error.
pub(super) fn invalid(what: impl Into<String>, why: impl Into<String>) -> HistoryError {
    HistoryError::Invalid { what: what.into(), why: why.into() }
}

pub(super) fn design(design: &Design) -> Outcome {
    let Design { first_alpha, second_alpha, budget, .. } = *design;
    level("the level of its first stage", first_alpha)?;
    level("the level of its second stage", second_alpha)?;
    level("its error budget", budget)
}

pub(super) fn verdict(verdict: &Verdict) -> Outcome {
    if !verdict.gate && matches!(verdict.kind, VerdictKind::Worse | VerdictKind::Better) {
        return Err(format!("a series that is no gate series has the verdict {}", verdict.kind.as_str()));
    }
    if verdict.stage.is_none() && verdict.blocks > 0 {
        return Err(format!("it has {} blocks and no stage", verdict.blocks));
    }
    verdict.effect.map_or(Ok(()), |effect| finite("its effect", effect))?;
    verdict.interval.map_or(Ok(()), interval)?;
    verdict.p.map_or(Ok(()), probability)?;
    verdict.alpha.map_or(Ok(()), |alpha| level("its level", alpha))?;
    amount("its margin", verdict.margin)?;
    verdict.resolution.map_or(Ok(()), |resolution| amount("its resolution", resolution))?;
    reason(&verdict.reason)
}

pub(super) fn change(change: &SeriesChange) -> Outcome {
    finite("its ratio", change.ratio)?;
    if change.ratio <= 0.0 {
        return Err(format!("its ratio is {}, and no level is below zero", change.ratio));
    }
    change.interval.map_or(Ok(()), interval)?;
    finite("what it gains", change.gain)?;
    amount("its penalty", change.penalty)
}

pub(super) fn event(event: &FindingEvent) -> Outcome {
    if let Some(person) = &event.person {
        let length = person.chars().count();
        if person.trim().is_empty() || length > PERSON {
            return Err(format!("the person's name has {length} characters; 1 to {PERSON} can be stored"));
        }
    }
    reason(&event.reason)
}

pub(super) fn rate(rate: &Rate) -> Outcome {
    if rate.flagged > rate.pairs || rate.independent > rate.pairs {
        return Err(format!(
            "of {} pairs, {} were flagged and {} are independent",
            rate.pairs, rate.flagged, rate.independent
        ));
    }
    rate.spread.map_or(Ok(()), |spread| amount("its spread", spread))?;
    rate.resolution.map_or(Ok(()), |resolution| amount("its resolution", resolution))
}

pub(super) fn canary(canary: &Canary) -> Outcome {
    match canary.workload.len() {
        1..=WORKLOAD => Ok(()),
        length => Err(format!("the name of its canary has {length} bytes; 1 to {WORKLOAD} can be stored")),
    }
}

fn interval(interval: Interval) -> Outcome {
    finite("an end of its interval", interval.low)?;
    finite("an end of its interval", interval.high)?;
    if interval.low > interval.high {
        return Err(format!("its interval ends at {} before it starts at {}", interval.high, interval.low));
    }
    level("the level of its interval", interval.level)
}

/// A probability strictly between 0 and 1.
fn level(what: &str, value: f64) -> Outcome {
    if value > 0.0 && value < 1.0 { Ok(()) } else { Err(format!("{what} is {value}, not between 0 and 1")) }
}

fn probability(value: f64) -> Outcome {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(format!("its p is {value}, not from 0 to 1")) }
}

fn amount(what: &str, value: f64) -> Outcome {
    finite(what, value)?;
    if value >= 0.0 { Ok(()) } else { Err(format!("{what} is {value}, which is negative")) }
}

fn finite(what: &str, value: f64) -> Outcome {
    if value.is_finite() { Ok(()) } else { Err(format!("{what} is {value}, not a finite number")) }
}

fn reason(text: &str) -> Outcome {
    if text.len() <= REASON {
        Ok(())
    } else {
        Err(format!("its reason has {} bytes; {REASON} can be stored", text.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FindingEventKind, FindingState, UnixMillis};

    #[test]
    fn texts_are_counted_as_they_are_stated() {
        let said = |person: &str, length: usize| FindingEvent {
            at: UnixMillis(0),
            kind: FindingEventKind::Note,
            state: FindingState::Noise,
            person: Some(person.to_owned()),
            reason: "é".repeat(length / 2),
        };
        assert_eq!(event(&said(&"ü".repeat(200), 4096)), Ok(()));
        assert!(event(&said(&"ü".repeat(201), 0)).is_err());
        assert!(event(&said(" ", 0)).is_err());
        assert!(event(&said("Ada", 4098)).is_err());
    }

    #[test]
    fn levels_and_probabilities_have_their_ranges() {
        for (value, is_level, is_probability) in [
            (0.0, false, true),
            (f64::MIN_POSITIVE, true, true),
            (0.5, true, true),
            (1.0, false, true),
            (-0.1, false, false),
            (1.1, false, false),
            (f64::NAN, false, false),
        ] {
            assert_eq!(level("", value).is_ok(), is_level, "{value}");
            assert_eq!(probability(value).is_ok(), is_probability, "{value}");
        }
        assert!(amount("", f64::INFINITY).is_err() && amount("", -1.0).is_err() && amount("", 0.0).is_ok());
        let upside_down = Interval { low: 2.0, high: 1.0, level: 0.95 };
        assert!(interval(upside_down).is_err());
    }
}
