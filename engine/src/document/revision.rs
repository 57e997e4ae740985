//! Revisions: vector clocks that determine which version of a document descends from which. Their text has exactly one form,
//! so equal texts are equal revisions; any other form must be rejected.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The most replicas that may have edited one document.
pub const MAX_REPLICAS: usize = 128;

/// The longest text of a revision, in bytes: every entry is 16 digits, a colon and at most 19 digits, with bars between.
pub const MAX_REVISION_TEXT: usize = MAX_REPLICAS * (16 + 1 + 19 + 1) - 1;

/// The largest counter. It fits the signed integers of a database.
const MAX_COUNTER: u64 = i64::MAX as u64;

/// A replica's id within one user's account: 64 random bits, printed as 16 lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReplicaId(u64);

impl ReplicaId {
    /// A new random id. Two replicas of one user get the same id with a probability of 2⁻⁶⁴.
    pub fn generate() -> Self {
        Self(uuid::Uuid::new_v4().as_u64_pair().0 ^ uuid::Uuid::new_v4().as_u64_pair().1)
    }

    /// The id as a signed number, as databases store it; the inverse of [`ReplicaId::from_bits`].
    pub const fn to_bits(self) -> i64 {
        self.0.cast_signed()
    }

    /// The id with these bits.
    pub const fn from_bits(bits: i64) -> Self {
        Self(bits.cast_unsigned())
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ReplicaId {
    type Err = InvalidRevision;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let bits = if digits { u64::from_str_radix(text, 16).ok() } else { None };
        bits.map(Self).ok_or(InvalidRevision::Replica)
    }
}

impl TryFrom<String> for ReplicaId {
    type Error = InvalidRevision;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ReplicaId> for String {
    fn from(id: ReplicaId) -> Self {
        id.to_string()
    }
}

/// The relation of one revision to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisionOrder {
    /// The same revision.
    Equal,
    /// An ancestor of the other.
    Before,
    /// A descendant of the other.
    After,
    /// Neither: the document was edited on two replicas.
    Concurrent,
}

/// A vector clock: how many edits of each replica a version includes. Printed as `replica:counter|…`, sorted by replica.
///
/// Invariants: sorted strictly, at least 1 and at most [`MAX_REPLICAS`] entries, every counter from 1 to 2⁶³−1.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Revision(Vec<(ReplicaId, u64)>);

/// A text that is not a valid revision, or an edit that no revision can express.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRevision {
    /// Not 16 lowercase hexadecimal digits.
    #[error("a replica id is 16 lowercase hexadecimal digits")]
    Replica,
    /// Not `replica:counter`.
    #[error("an entry of a revision has the form `replica:counter`")]
    Entry,
    /// Zero, too large, or written with a sign or leading zeros.
    #[error("a counter of a revision is a plain decimal number from 1 to {MAX_COUNTER}")]
    Counter,
    /// Entries out of order, or a replica twice.
    #[error("the entries of a revision are sorted by replica, each replica once")]
    Order,
    /// Too many entries.
    #[error("a revision has at most {MAX_REPLICAS} replicas")]
    TooManyReplicas,
}

impl Revision {
    /// The first version of a document, made by `replica`.
    pub fn first(replica: ReplicaId) -> Self {
        Self(vec![(replica, 1)])
    }

    /// The first version that `replica` creates of a document that was purged, of which it may have made up to `earlier` edits
    /// before.
    ///
    /// # Errors
    /// [`InvalidRevision::Counter`] when no counter is left.
    pub fn recreated(replica: ReplicaId, earlier: u64) -> Result<Self, InvalidRevision> {
        if earlier >= MAX_COUNTER { Err(InvalidRevision::Counter) } else { Ok(Self(vec![(replica, earlier + 1)])) }
    }

    /// How many edits of `replica` it includes.
    pub fn edits_of(&self, replica: ReplicaId) -> u64 {
        self.0.binary_search_by_key(&replica, |entry| entry.0).map_or(0, |place| self.0[place].1)
    }

    /// The revision after one more edit by `replica`.
    ///
    /// # Errors
    /// [`InvalidRevision::TooManyReplicas`] or [`InvalidRevision::Counter`] when the edit cannot be expressed.
    pub fn edited_by(&self, replica: ReplicaId) -> Result<Self, InvalidRevision> {
        let mut entries = self.0.clone();
        match entries.binary_search_by_key(&replica, |entry| entry.0) {
            Ok(place) if entries[place].1 >= MAX_COUNTER => return Err(InvalidRevision::Counter),
            Ok(place) => entries[place].1 += 1,
            Err(_) if entries.len() >= MAX_REPLICAS => return Err(InvalidRevision::TooManyReplicas),
            Err(place) => entries.insert(place, (replica, 1)),
        }
        Ok(Self(entries))
    }

    /// The smallest revision that includes the edits of both.
    ///
    /// # Errors
    /// [`InvalidRevision::TooManyReplicas`] when both together have too many.
    pub fn join(&self, other: &Self) -> Result<Self, InvalidRevision> {
        let mut entries = Vec::with_capacity(self.0.len().max(other.0.len()));
        each_replica(self, other, |replica, mine, theirs| entries.push((replica, mine.max(theirs))));
        if entries.len() > MAX_REPLICAS {
            return Err(InvalidRevision::TooManyReplicas);
        }
        Ok(Self(entries))
    }

    /// The relation of this revision to `other`.
    pub fn compare(&self, other: &Self) -> RevisionOrder {
        let (mut less, mut more) = (false, false);
        each_replica(self, other, |_, mine, theirs| match mine.cmp(&theirs) {
            Ordering::Less => less = true,
            Ordering::Greater => more = true,
            Ordering::Equal => {}
        });
        match (less, more) {
            (false, false) => RevisionOrder::Equal,
            (true, false) => RevisionOrder::Before,
            (false, true) => RevisionOrder::After,
            (true, true) => RevisionOrder::Concurrent,
        }
    }

    /// Whether every edit in `other` is in this revision too.
    pub fn includes(&self, other: &Self) -> bool {
        matches!(self.compare(other), RevisionOrder::Equal | RevisionOrder::After)
    }

    /// How many edits this revision includes.
    pub fn edits(&self) -> u128 {
        self.0.iter().map(|entry| u128::from(entry.1)).sum()
    }
}

/// Calls `visit(replica, counter in one, counter in other)` in order of replicas; an absent counter is 0.
fn each_replica(one: &Revision, other: &Revision, mut visit: impl FnMut(ReplicaId, u64, u64)) {
    let (mut left, mut right) = (one.0.iter().peekable(), other.0.iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (Some(&&(a, mine)), Some(&&(b, theirs))) if a == b => {
                visit(a, mine, theirs);
                left.next();
                right.next();
            }
            (Some(&&(a, mine)), Some(&&(b, _))) if a < b => {
                visit(a, mine, 0);
                left.next();
            }
            (Some(&&(a, mine)), None) => {
                visit(a, mine, 0);
                left.next();
            }
            (_, Some(&&(b, theirs))) => {
                visit(b, 0, theirs);
                right.next();
            }
            (None, None) => return,
        }
    }
}

impl FromStr for Revision {
    type Err = InvalidRevision;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_REVISION_TEXT {
            return Err(InvalidRevision::TooManyReplicas);
        }
        let entries = text.split('|').map(parse_entry).collect::<Result<Vec<_>, _>>()?;
        if entries.len() > MAX_REPLICAS {
            return Err(InvalidRevision::TooManyReplicas);
        }
        if !entries.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(InvalidRevision::Order);
        }
        Ok(Self(entries))
    }
}

fn parse_entry(entry: &str) -> Result<(ReplicaId, u64), InvalidRevision> {
    let (replica, counter) = entry.split_once(':').ok_or(InvalidRevision::Entry)?;
    let replica = replica.parse()?;
    let plain = !counter.starts_with('0') && counter.bytes().all(|byte| byte.is_ascii_digit());
    match counter.parse() {
        Ok(number @ 1..=MAX_COUNTER) if plain => Ok((replica, number)),
        _ => Err(InvalidRevision::Counter),
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (replica, counter)) in self.0.iter().enumerate() {
            let bar = if place == 0 { "" } else { "|" };
            write!(f, "{bar}{replica}:{counter}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn revision(text: &str) -> Revision {
        text.parse().unwrap()
    }

    #[test]
    fn text_has_one_form() {
        let text = "00000000000000aa:1|00000000000000bb:22";
        assert_eq!(revision(text).to_string(), text);
        for (bad, why) in [
            ("", InvalidRevision::Entry),
            ("00000000000000aa", InvalidRevision::Entry),
            ("00000000000000AA:1", InvalidRevision::Replica),
            ("aa:1", InvalidRevision::Replica),
            ("+0000000000000aa:1", InvalidRevision::Replica),
            ("00000000000000aa:0", InvalidRevision::Counter),
            ("00000000000000aa:01", InvalidRevision::Counter),
            ("00000000000000aa:+1", InvalidRevision::Counter),
            ("00000000000000aa:9223372036854775808", InvalidRevision::Counter),
            ("00000000000000aa:1|", InvalidRevision::Entry),
            ("00000000000000bb:1|00000000000000aa:1", InvalidRevision::Order),
            ("00000000000000aa:1|00000000000000aa:2", InvalidRevision::Order),
        ] {
            assert_eq!(bad.parse::<Revision>(), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn the_number_of_replicas_is_bounded() {
        let full: Vec<_> = (1..=MAX_REPLICAS as u64).map(|n| format!("{n:016x}:{MAX_COUNTER}")).collect();
        let full = full.join("|");
        assert_eq!(full.len(), MAX_REVISION_TEXT);
        let full = revision(&full);
        let other = ReplicaId::from_bits(-1);
        assert_eq!(full.edited_by(other), Err(InvalidRevision::TooManyReplicas));
        assert_eq!(full.join(&Revision::first(other)), Err(InvalidRevision::TooManyReplicas));
        assert_eq!(full.edited_by(ReplicaId::from_bits(1)), Err(InvalidRevision::Counter));
    }

    /// The textbook definition of vector clocks, over a map in which absence is 0: the oracle.
    type Clock = BTreeMap<u64, u64>;

    fn included(small: &Clock, large: &Clock) -> bool {
        small.iter().all(|(replica, counter)| large.get(replica).copied().unwrap_or(0) >= *counter)
    }

    fn to_revision(clock: &Clock) -> Revision {
        Revision(clock.iter().map(|(replica, counter)| (ReplicaId(*replica), *counter)).collect())
    }

    fn clock() -> impl Strategy<Value = Clock> {
        proptest::collection::btree_map(0..5u64, 1..4u64, 1..5)
    }

    proptest! {
        #[test]
        fn comparing_is_inclusion_both_ways(a in clock(), b in clock()) {
            let expected = match (included(&a, &b), included(&b, &a)) {
                (true, true) => RevisionOrder::Equal,
                (true, false) => RevisionOrder::Before,
                (false, true) => RevisionOrder::After,
                (false, false) => RevisionOrder::Concurrent,
            };
            prop_assert_eq!(to_revision(&a).compare(&to_revision(&b)), expected);
        }

        #[test]
        fn joining_is_the_least_upper_bound(a in clock(), b in clock()) {
            let mut expected = a.clone();
            for (replica, counter) in &b {
                let entry = expected.entry(*replica).or_default();
                *entry = (*entry).max(*counter);
            }
            prop_assert_eq!(to_revision(&a).join(&to_revision(&b)).unwrap(), to_revision(&expected));
        }

        #[test]
        fn an_edit_descends_from_what_it_edits(a in clock(), editor in 0..6u64) {
            let before = to_revision(&a);
            let after = before.edited_by(ReplicaId(editor)).unwrap();
            prop_assert_eq!(after.compare(&before), RevisionOrder::After);
            prop_assert_eq!(after.edits(), before.edits() + 1);
        }

        #[test]
        fn printing_and_parsing_are_inverse(a in clock()) {
            let revision = to_revision(&a);
            prop_assert_eq!(revision.to_string().parse::<Revision>().unwrap(), revision);
        }

        #[test]
        fn whatever_parses_prints_as_it_was(text in "[0-9a-f:|]{0,60}") {
            if let Ok(revision) = text.parse::<Revision>() {
                prop_assert_eq!(revision.to_string(), text);
            }
        }
    }
}
