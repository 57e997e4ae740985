//! What a calibration's rates say, in words.

use super::quantity::share;
use crate::{
    judge::shares::{FEWEST_PAIRS, Share},
    model::VariantKind,
    units,
};

/// A rate that is worth claiming, in shares.
const GOOD_RATE: f64 = 0.01;

/// A variant as people read it.
pub fn variant(variant: VariantKind) -> String {
    match variant {
        VariantKind::Base => "the program".to_owned(),
        VariantKind::Same => "the same program".to_owned(),
        // As many digits as the slowdown has: it is a setting, not a measurement.
        VariantKind::Slowdown(millionths) => format!("+{}%", f64::from(millionths) / 10_000.0),
        VariantKind::Memory(bytes) => format!("+{}", units::exact_bytes(bytes)),
        VariantKind::Neutral(seed) => format!("linked in order {seed}"),
    }
}

/// What may be claimed of a rate of false verdicts. `window` is how many blocks a window holds.
pub fn claim(found: &Share, window: u32) -> String {
    let Share { pairs, independent, flagged, .. } = *found;
    let bound = share(found.interval.high);
    if pairs < FEWEST_PAIRS {
        let blocks = (FEWEST_PAIRS - 1).saturating_add(window);
        return format!(
            "{flagged} of {pairs} bounds it at {bound}: too few pairs to claim a rate of at most {}; --blocks {blocks} \
             gives {FEWEST_PAIRS}",
            share(GOOD_RATE)
        );
    }
    let kept = if found.interval.high <= GOOD_RATE { "kept" } else { "not shown" };
    format!(
        "{flagged} of {pairs} bounds it at {bound}, so at most {} is {kept}, were every pair evidence of its own; the \
         {independent} that share no block bound it at {}",
        share(GOOD_RATE),
        share(found.cautious.high)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{judge::shares, model::Rate};

    fn found(pairs: u32, independent: u32, flagged: u32) -> Share {
        let same = VariantKind::Same;
        let rate = Rate { variant: same, series: None, pairs, independent, flagged, spread: None, resolution: None };
        shares::share(&[rate]).unwrap()
    }

    #[test]
    fn too_few_pairs_carry_no_claim() {
        assert_eq!(
            claim(&found(81, 3, 0), 40),
            "0 of 81 bounds it at 4.5%: too few pairs to claim a rate of at most 1%; --blocks 439 gives 400"
        );
    }

    #[test]
    fn enough_pairs_are_said_to_be_enough_with_their_overlap() {
        let says = claim(&found(401, 11, 0), 40);
        assert!(
            says.starts_with("0 of 401 bounds it at 0.95%, so at most 1% is kept") && says.contains("the 11"),
            "{says}"
        );
        let says = claim(&found(401, 11, 3), 40);
        assert!(says.contains("not shown"), "{says}");
    }

    #[test]
    fn variants_have_names() {
        use VariantKind::{Base, Memory, Neutral, Same, Slowdown};
        let names = [Base, Same, Slowdown(10_000), Slowdown(25_000), Memory(50_000_000), Neutral(1)].map(variant);
        assert_eq!(names, ["the program", "the same program", "+1%", "+2.5%", "+50 MB", "linked in order 1"]);
    }
}
