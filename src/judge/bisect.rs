//! Which revision a bisection looks at next, and what a comparison with its good end means. Pure: it must never measure,
//! and it must never claim one commit where several would explain what was seen.

use crate::model::{Scale, Verdict, VerdictKind};

/// What became of one revision of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The change of the bad end is not in it.
    Unchanged,
    /// The change of the bad end is in it.
    Changed,
    /// It shows nothing: it does not build, does not know the operation, or gives wrong results.
    Skipped,
    /// It was measured, and the data do not decide.
    Unclear,
}

/// What a bisection does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Look at this revision.
    Look(usize),
    /// The change came with this revision: the one before it was seen without.
    Found(usize),
    /// The change came after the first and at the latest with the second; what lies between is not known.
    Range(usize, usize),
}

/// A bisection over the revisions 0 (good) to `n` (bad) of one line, oldest first.
///
/// Invariant: revision 0 is unchanged and the last one is changed, so between them a change happens at least once. Where
/// there are several, the bisection ends at one of them.
#[derive(Debug, Clone)]
pub struct Bisection {
    seen: Vec<Option<Seen>>,
}

impl Bisection {
    /// Two ends that were seen to differ, and this many revisions between them.
    pub fn new(between: usize) -> Bisection {
        let mut seen = vec![None; between + 2];
        seen[0] = Some(Seen::Unchanged);
        seen[between + 1] = Some(Seen::Changed);
        Bisection { seen }
    }

    /// The most revisions that have to be measured, however the comparisons come out and whatever is skipped: halving
    /// `m` candidates leaves at most ⌊m ÷ 2⌋ of them.
    pub const fn most_steps(between: usize) -> u32 {
        match between.checked_ilog2() {
            Some(halvings) => halvings + 1,
            None => 0,
        }
    }

    /// The newest revision known to be without the change, and the oldest known to have it.
    pub fn bounds(&self) -> (usize, usize) {
        let is = |wanted: Seen| move |seen: &Option<Seen>| *seen == Some(wanted);
        let high = self.seen.iter().position(is(Seen::Changed)).unwrap_or(self.seen.len() - 1);
        let low = self.seen[..high].iter().rposition(is(Seen::Unchanged)).unwrap_or(0);
        (low, high)
    }

    /// What to do next. The middle one of the candidates, so that after a skipped revision its neighbour is next.
    pub fn next(&self) -> Next {
        let (low, high) = self.bounds();
        if high == low + 1 {
            return Next::Found(high);
        }
        let candidates: Vec<usize> = (low + 1..high).filter(|index| self.seen[*index].is_none()).collect();
        let unclear = self.seen[low..high].contains(&Some(Seen::Unclear));
        match candidates.get(candidates.len() / 2) {
            Some(middle) if !unclear => Next::Look(*middle),
            _ => Next::Range(low, high),
        }
    }

    /// Takes note of what became of a revision. The ends stay what they are.
    pub fn see(&mut self, index: usize, seen: Seen) {
        let last = self.seen.len() - 1;
        if (1..last).contains(&index) {
            self.seen[index] = Some(seen);
        }
    }
}

/// What the comparison of a revision with the good end shows, `end` being that of the bad end, which is worse or better.
///
/// The change is in it where its verdict is the end's own. It is not in it where the revision is equivalent to the good
/// end, has changed the other way, or where the interval of its effect leaves no room for a change as small as the
/// end's interval allows: bisection asks for *that* change, so it need not show that nothing changed at all.
pub fn seen(step: &Verdict, end: &Verdict) -> Seen {
    match step.kind {
        kind if kind == end.kind => Seen::Changed,
        VerdictKind::Worse | VerdictKind::Better | VerdictKind::Equivalent => Seen::Unchanged,
        VerdictKind::Unusable => Seen::Skipped,
        VerdictKind::Inconclusive => match excludes(step, end) {
            true => Seen::Unchanged,
            false => Seen::Unclear,
        },
    }
}

/// Whether the interval of `step` ends short of that of `end`, seen from no change.
fn excludes(step: &Verdict, end: &Verdict) -> bool {
    let none = match end.scale {
        Scale::Ratio => 1.0,
        Scale::Difference => 0.0,
    };
    let (Some(found), Some(wanted)) = (step.interval, end.interval) else { return false };
    if step.scale != end.scale {
        return false;
    }
    (wanted.low > none && found.high < wanted.low) || (wanted.high < none && found.low > wanted.high)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{Case, CaseLabel, Interval, Metric};

    fn verdict(kind: VerdictKind, scale: Scale, interval: Option<(f64, f64)>) -> Verdict {
        Verdict {
            case: Case::plain("toy/work"),
            label: CaseLabel(String::new()),
            operation_version: 1,
            metric: Metric::WALL_TIME,
            kind,
            gate: true,
            scale,
            stage: None,
            blocks: 10,
            effect: interval.map(|(low, high)| (low + high) / 2.0),
            interval: interval.map(|(low, high)| Interval { low, high, level: 0.95 }),
            p: None,
            alpha: None,
            margin: 0.01,
            resolution: None,
            blocks_needed: None,
            reason: String::new(),
        }
    }

    /// Walks a line whose revisions from `first_changed` on are changed, those of `broken` apart. Returns the answer and
    /// how many revisions were measured.
    fn walk(between: usize, first_changed: usize, broken: &BTreeSet<usize>) -> (Next, u32) {
        let mut bisection = Bisection::new(between);
        let (mut looked, mut measured) = (BTreeSet::new(), 0);
        loop {
            let Next::Look(index) = bisection.next() else { return (bisection.next(), measured) };
            assert!((1..=between).contains(&index) && looked.insert(index), "looked at {index} of {between} twice");
            let seen = match index {
                _ if broken.contains(&index) => Seen::Skipped,
                _ if index >= first_changed => Seen::Changed,
                _ => Seen::Unchanged,
            };
            measured += u32::from(seen != Seen::Skipped);
            bisection.see(index, seen);
        }
    }

    proptest! {
        /// The model looks at every revision.
        #[test]
        fn it_finds_what_looking_at_all_of_them_would(
            (between, first_changed, broken) in (0_usize..200).prop_flat_map(|between| {
                let broken = prop::collection::btree_set(1..between.max(1) + 1, 0..between / 2 + 1);
                (Just(between), 1..between + 2, broken)
            })
        ) {
            let broken: BTreeSet<usize> = broken.into_iter().filter(|index| *index <= between).collect();
            let tells = |index: &usize| !broken.contains(index);
            let high = (first_changed..between + 2).find(tells).unwrap();
            let low = (0..first_changed).rev().find(tells).unwrap();
            let expected = if high == low + 1 { Next::Found(high) } else { Next::Range(low, high) };
            let (answer, measured) = walk(between, first_changed, &broken);
            prop_assert_eq!(answer, expected);
            prop_assert!(measured <= Bisection::most_steps(between));
        }
    }

    #[test]
    fn the_most_steps_are_needed_by_some_line_and_exceeded_by_none() {
        for between in 0..70 {
            let most = (1..between + 2).map(|first| walk(between, first, &BTreeSet::new()).1).max().unwrap();
            assert_eq!(most, Bisection::most_steps(between), "{between}");
        }
    }

    #[test]
    fn neighbours_need_no_look_and_an_unclear_one_ends_it() {
        assert_eq!(Bisection::new(0).next(), Next::Found(1));
        let mut bisection = Bisection::new(7);
        assert_eq!(bisection.next(), Next::Look(4));
        bisection.see(4, Seen::Skipped);
        assert_eq!(bisection.next(), Next::Look(5), "the neighbour");
        bisection.see(5, Seen::Changed);
        assert_eq!(bisection.next(), Next::Look(2));
        bisection.see(2, Seen::Unclear);
        assert_eq!(bisection.next(), Next::Range(0, 5));
        bisection.see(0, Seen::Changed);
        bisection.see(8, Seen::Unchanged);
        assert_eq!(bisection.bounds(), (0, 5), "the ends were seen before");
    }

    #[test]
    fn an_inconclusive_step_is_unchanged_only_where_it_excludes_the_change() {
        use VerdictKind::{Better, Equivalent, Inconclusive, Unusable, Worse};
        let ratio = |kind, interval| verdict(kind, Scale::Ratio, Some(interval));
        let slower = ratio(Worse, (1.04, 1.06));
        for (step, expected) in [
            (ratio(Worse, (1.02, 1.03)), Seen::Changed),
            (ratio(Better, (0.9, 0.95)), Seen::Unchanged),
            (ratio(Equivalent, (0.995, 1.005)), Seen::Unchanged),
            (ratio(Inconclusive, (0.98, 1.03)), Seen::Unchanged),
            (ratio(Inconclusive, (0.98, 1.05)), Seen::Unclear),
            (verdict(Inconclusive, Scale::Ratio, None), Seen::Unclear),
            (verdict(Inconclusive, Scale::Difference, Some((0.0, 0.0))), Seen::Unclear),
            (verdict(Unusable, Scale::Ratio, None), Seen::Skipped),
        ] {
            assert_eq!(seen(&step, &slower), expected, "{step:?}");
        }
        let faster = ratio(Better, (0.8, 0.9));
        assert_eq!(seen(&ratio(Inconclusive, (0.91, 1.2)), &faster), Seen::Unchanged);
        assert_eq!(seen(&ratio(Inconclusive, (0.89, 1.2)), &faster), Seen::Unclear);
        let more = verdict(Worse, Scale::Difference, Some((3.0, 5.0)));
        assert_eq!(seen(&verdict(Inconclusive, Scale::Difference, Some((-1.0, 2.0))), &more), Seen::Unchanged);
        assert_eq!(seen(&verdict(Inconclusive, Scale::Difference, Some((-1.0, 4.0))), &more), Seen::Unclear);
    }
}
