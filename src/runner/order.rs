//! Random orders that can be had again: places come from a digest of the seed and of what is placed, so that a run that is
//! resumed goes on in the order in which it began, without remembering it.

use aws_lc_rs::digest::{SHA256, digest};

/// The position of something in the random order of `seed`.
pub(super) fn rank(seed: u64, what: &str) -> [u8; 32] {
    let mut rank = [0; 32];
    rank.copy_from_slice(digest(&SHA256, format!("{seed} {what}").as_bytes()).as_ref());
    rank
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_depends_on_seed_and_thing_alone_and_favours_nobody() {
        assert_eq!(rank(1, "a"), rank(1, "a"));
        assert_ne!(rank(1, "a"), rank(2, "a"));
        let first = (0..4000).filter(|seed| rank(*seed, "a") < rank(*seed, "b")).count();
        // Four standard deviations of a fair coin.
        assert!((1874..=2126).contains(&first), "{first}");
    }
}
