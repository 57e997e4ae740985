//! The variants of a calibration: what each block measures besides the plain program.

use benchline_contract::Injection;

use crate::{campaign::error::CalibrationError, model::VariantKind, report::format, revision::BuildVariant};

/// The most that a subject is slowed down: ten times its time, in millionths.
const MOST_SLOWDOWN: f64 = 9e6;

/// The variants of a calibration: the plain program, the same program once more, then each slowdown (a share of the
/// measured time), the injected memory (in bytes), and so many other link orders.
///
/// # Errors
/// A slowdown that cannot be injected or is given twice; no memory at all.
pub fn variants(slowdowns: &[f64], memory: Option<u64>, neutral: u32) -> Result<Vec<VariantKind>, CalibrationError> {
    let mut variants = vec![VariantKind::Base, VariantKind::Same];
    for share in slowdowns {
        let ppm = (share * 1e6).round();
        if !(1.0..=MOST_SLOWDOWN).contains(&ppm) {
            return Err(CalibrationError::Slowdown(*share));
        }
        let variant = VariantKind::Slowdown(ppm as u32);
        if variants.contains(&variant) {
            return Err(CalibrationError::Repeated(format::variant(variant)));
        }
        variants.push(variant);
    }
    match memory {
        Some(0) => return Err(CalibrationError::NoMemory),
        Some(bytes) => variants.push(VariantKind::Memory(bytes)),
        None => {}
    }
    variants.extend((1..=neutral).map(VariantKind::Neutral));
    Ok(variants)
}

/// What the subject of a variant is asked to do beside its work.
pub(super) fn injection(variant: VariantKind) -> Option<Injection> {
    match variant {
        VariantKind::Slowdown(slowdown_ppm) => Some(Injection { slowdown_ppm, ..Injection::default() }),
        VariantKind::Memory(memory_bytes) => Some(Injection { memory_bytes, ..Injection::default() }),
        VariantKind::Base | VariantKind::Same | VariantKind::Neutral(_) => None,
    }
}

/// How the program of a variant is built, where not in the usual way.
pub(super) fn build_variant(variant: VariantKind) -> Option<BuildVariant> {
    match variant {
        VariantKind::Neutral(seed) => Some(BuildVariant::LinkOrder(seed)),
        VariantKind::Base | VariantKind::Same | VariantKind::Slowdown(_) | VariantKind::Memory(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_made_of_what_was_asked_for() {
        let made = variants(&[0.01, 0.025], Some(50_000_000), 2).unwrap();
        let names: Vec<String> = made.iter().map(|variant| format::variant(*variant)).collect();
        assert_eq!(
            names,
            ["the program", "the same program", "+1%", "+2.5%", "+50 MB", "linked in order 1", "linked in order 2"]
        );
        assert_eq!(injection(made[3]), Some(Injection { slowdown_ppm: 25_000, ..Injection::default() }));
        assert_eq!(made.iter().filter(|variant| injection(**variant).is_some()).count(), 3);
        assert_eq!(made.iter().filter_map(|variant| build_variant(*variant)).count(), 2);
        assert_eq!(variants(&[], None, 0).unwrap(), [VariantKind::Base, VariantKind::Same]);
    }

    #[test]
    fn what_cannot_be_injected_is_rejected() {
        for slowdowns in [&[0.0][..], &[-0.01], &[f64::NAN], &[10.0], &[0.01, 0.01]] {
            assert!(variants(slowdowns, None, 0).is_err(), "{slowdowns:?}");
        }
        assert_eq!(variants(&[], Some(0), 0), Err(CalibrationError::NoMemory));
    }
}
