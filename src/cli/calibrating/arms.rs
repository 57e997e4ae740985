//! The arms of a calibration: what stands in its blocks beside the plain program.

use benchline_contract::Injection;

use crate::{model::VariantKind, report::format, revision::BuildVariant};

/// The most that a subject is slowed down: ten times its time, in millionths.
const MOST_SLOWDOWN: f64 = 9e6;

/// The arms that were asked for, the plain program first and then the same program once more.
///
/// # Errors
/// A slowdown that is none, or is asked for twice.
pub(in crate::cli) fn arms(slowdowns: &[f64], memory: Option<u64>, neutral: u32) -> anyhow::Result<Vec<VariantKind>> {
    let mut arms = vec![VariantKind::Base, VariantKind::Same];
    for share in slowdowns {
        let ppm = (share * 1e6).round();
        anyhow::ensure!(
            (1.0..=MOST_SLOWDOWN).contains(&ppm),
            "a slowdown of {share} cannot be injected: give shares from 0.0001% to 900%, such as `--inject 1%,5%`"
        );
        let arm = VariantKind::Slowdown(ppm as u32);
        anyhow::ensure!(!arms.contains(&arm), "the slowdown {} is asked for twice", format::variant(arm));
        arms.push(arm);
    }
    if let Some(bytes) = memory {
        anyhow::ensure!(bytes > 0, "no memory cannot be told from some: give `--inject-memory` more than 0 bytes");
        arms.push(VariantKind::Memory(bytes));
    }
    arms.extend((1..=neutral).map(VariantKind::Neutral));
    Ok(arms)
}

/// What the subject of an arm is asked to do beside its work.
pub(in crate::cli) fn injection(arm: VariantKind) -> Option<Injection> {
    match arm {
        VariantKind::Slowdown(slowdown_ppm) => Some(Injection { slowdown_ppm, ..Injection::default() }),
        VariantKind::Memory(memory_bytes) => Some(Injection { memory_bytes, ..Injection::default() }),
        VariantKind::Base | VariantKind::Same | VariantKind::Neutral(_) => None,
    }
}

/// How the program of an arm is built, where not as always.
pub(in crate::cli) fn variant(arm: VariantKind) -> Option<BuildVariant> {
    match arm {
        VariantKind::Neutral(seed) => Some(BuildVariant::LinkOrder(seed)),
        VariantKind::Base | VariantKind::Same | VariantKind::Slowdown(_) | VariantKind::Memory(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_are_made_of_what_was_asked_for() {
        let made = arms(&[0.01, 0.025], Some(50_000_000), 2).unwrap();
        let names: Vec<String> = made.iter().map(|arm| format::variant(*arm)).collect();
        assert_eq!(
            names,
            ["the program", "the same program", "+1%", "+2.5%", "+50 MB", "linked in order 1", "linked in order 2"]
        );
        assert_eq!(injection(made[3]), Some(Injection { slowdown_ppm: 25_000, ..Injection::default() }));
        assert_eq!(made.iter().filter(|arm| injection(**arm).is_some()).count(), 3);
        assert_eq!(made.iter().filter_map(|arm| variant(*arm)).count(), 2);
        assert_eq!(arms(&[], None, 0).unwrap(), [VariantKind::Base, VariantKind::Same]);
    }

    #[test]
    fn what_cannot_be_injected_is_refused() {
        for slowdowns in [&[0.0][..], &[-0.01], &[f64::NAN], &[10.0], &[0.01, 0.01]] {
            assert!(arms(slowdowns, None, 0).is_err(), "{slowdowns:?}");
        }
        assert!(arms(&[], Some(0), 0).is_err());
    }
}
