//! How a received version of a document merges with the versions that are present. A store holds, for each document, the
//! versions that no other version supersedes: usually one, several after concurrent edits. Merging may only drop a version
//! that another one includes, so no update is ever lost; the result never depends on the order of arrival.

use std::cmp::Reverse;

use super::{Document, DocumentId, InvalidRevision, Revision};

/// The effect of a received revision on the `present` ones, decided by revisions only (all that a server can see).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// It or a newer one is present: ignore it.
    Known,
    /// Store it. It replaces the present ones at these positions, which it includes.
    News {
        /// Positions in `present`, ascending.
        superseded: Vec<usize>,
    },
}

/// The effect of receiving `incoming`.
pub fn arrive(present: &[Revision], incoming: &Revision) -> Arrival {
    if present.iter().any(|revision| revision.includes(incoming)) {
        return Arrival::Known;
    }
    let superseded = present.iter().enumerate().filter(|(_, revision)| incoming.includes(revision));
    Arrival::News { superseded: superseded.map(|(position, _)| position).collect() }
}

/// The result of merging the versions of one document, decided with their contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// Nothing changes: the received version was known, or older.
    Unchanged,
    /// The present versions at `superseded` are dropped, and the incoming content is stored under `revision`.
    Changed {
        /// Positions in `present`, ascending.
        superseded: Vec<usize>,
        /// The incoming revision, or, where equal contents converged, the one that joins them.
        revision: Revision,
    },
}

/// Why versions cannot be merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// One revision has two contents: counters were used twice, because a replica was copied or restored from an old copy.
    #[error(
        "document {document} has two different contents under revision {revision}: a replica was copied, or restored from an old copy"
    )]
    Forked {
        /// Which document.
        document: DocumentId,
        /// The revision of both.
        revision: Revision,
    },
    /// The joined revision names too many replicas.
    #[error("document {document}: {source}")]
    Revision {
        /// Which document.
        document: DocumentId,
        /// The cause.
        source: InvalidRevision,
    },
}

/// Merges `incoming` into the `present` versions of the same document: an older version is ignored, a newer one supersedes,
/// equal contents converge, and any other version is concurrent and stored in addition.
///
/// # Errors
/// [`MergeError`] when the versions contradict each other.
pub fn merge(present: &[Document], incoming: &Document) -> Result<Merged, MergeError> {
    if let Some(known) = present.iter().find(|document| document.revision.includes(&incoming.revision)) {
        if known.revision == incoming.revision && known.content != incoming.content {
            return Err(MergeError::Forked { document: incoming.id.clone(), revision: incoming.revision.clone() });
        }
        return Ok(Merged::Unchanged);
    }
    let mut revision = incoming.revision.clone();
    for equal in present.iter().filter(|document| document.content == incoming.content) {
        revision = revision
            .join(&equal.revision)
            .map_err(|source| MergeError::Revision { document: incoming.id.clone(), source })?;
    }
    let superseded = present.iter().enumerate().filter(|(_, document)| revision.includes(&document.revision));
    Ok(Merged::Changed { superseded: superseded.map(|(position, _)| position).collect(), revision })
}

/// Decides which of the concurrent versions of a document is the current one: a version with content before a tombstone, then
/// the one with more edits, then the greater text of the revision. The greatest key wins, on every replica.
pub(crate) fn precedence(revision: &Revision, deleted: bool) -> (Reverse<bool>, u128, String) {
    (Reverse(deleted), revision.edits(), revision.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::ReplicaId;

    fn document(revision: &Revision, content: Option<&str>) -> Document {
        let content = content.map(|text| text.as_bytes().to_vec());
        Document { id: "D-1".parse().unwrap(), revision: revision.clone(), content }
    }

    fn replica(name: i64) -> ReplicaId {
        ReplicaId::from_bits(name)
    }

    #[test]
    fn older_newer_equal_and_concurrent() {
        let one = Revision::first(replica(1));
        let two = one.edited_by(replica(1)).unwrap();
        let fork = one.edited_by(replica(2)).unwrap();
        let joined = two.join(&fork).unwrap();
        let merged = |present: &[Document], incoming: &Document| merge(present, incoming).unwrap();
        let changed = |superseded: &[usize], revision: &Revision| Merged::Changed {
            superseded: superseded.to_vec(),
            revision: revision.clone(),
        };

        let present = [document(&two, Some("b"))];
        assert_eq!(merged(&present, &document(&one, Some("a"))), Merged::Unchanged);
        assert_eq!(merged(&present, &present[0]), Merged::Unchanged);
        assert_eq!(merged(&[document(&one, Some("a"))], &document(&two, Some("b"))), changed(&[0], &two));
        assert_eq!(merged(&present, &document(&fork, Some("c"))), changed(&[], &fork));
        assert_eq!(merged(&present, &document(&fork, Some("b"))), changed(&[0], &joined));
        assert_eq!(merged(&[document(&two, None)], &document(&fork, None)), changed(&[0], &joined));
        assert!(merge(&present, &document(&two, Some("z"))).is_err());
    }

    #[test]
    fn content_wins_over_a_tombstone_and_more_edits_over_fewer() {
        let one = Revision::first(replica(1));
        let more = Revision::first(replica(2)).edited_by(replica(2)).unwrap();
        assert!(precedence(&one, false) > precedence(&more, true));
        assert!(precedence(&more, false) > precedence(&one, false));
        assert!(precedence(&Revision::first(replica(2)), false) > precedence(&one, false));
    }

    /// Applies one arrival to a place.
    fn receive(place: &mut Vec<Document>, incoming: &Document) {
        if let Merged::Changed { superseded, revision } = merge(place, incoming).unwrap() {
            let mut position = 0;
            place.retain(|_| {
                position += 1;
                !superseded.contains(&(position - 1))
            });
            place.push(Document { revision, ..incoming.clone() });
        }
    }

    fn sorted(mut place: Vec<Document>) -> Vec<Document> {
        place.sort_by_key(|document| document.revision.to_string());
        place
    }

    /// A replica edits what it holds: the new version supersedes all that the replica could see.
    fn edit(place: &mut Vec<Document>, editor: ReplicaId, content: &str) -> Document {
        let seen = place.iter().map(|document| document.revision.clone()).reduce(|a, b| a.join(&b).unwrap());
        let revision = seen.map_or(Revision::first(editor), |seen| seen.edited_by(editor).unwrap());
        let version = document(&revision, Some(content));
        *place = vec![version.clone()];
        version
    }

    proptest! {
        /// Three replicas edit one document, versions are delivered in any order and more than once, then exchanged. Every
        /// replica then holds the same versions, and every version ever made is included in one that is left.
        #[test]
        fn every_order_of_delivery_gives_the_same_result(
            steps in proptest::collection::vec((0..3usize, 0..3usize, any::<bool>(), 0..3u8), 1..12),
            order in any::<u64>(),
        ) {
            let mut places = vec![Vec::new(); 3];
            let mut made = Vec::new();
            for (who, from, exchange, text) in steps {
                if exchange {
                    for version in places[from].clone() {
                        receive(&mut places[who], &version);
                    }
                } else {
                    made.push(edit(&mut places[who], replica(who as i64), &text.to_string()));
                }
            }
            let mut deliveries: Vec<_> = made.iter().chain(&made).cloned().collect();
            for (place, versions) in places.iter_mut().enumerate() {
                let turn = (order as usize).wrapping_mul(place + 1) % deliveries.len().max(1);
                deliveries.rotate_left(turn);
                deliveries.reverse();
                for version in &deliveries {
                    receive(versions, version);
                }
            }
            // Converged contents are versions of their own, which travel too.
            for (who, from) in [(0, 1), (0, 2), (1, 0), (2, 0), (1, 2), (2, 1), (0, 1), (0, 2)] {
                for version in places[from].clone() {
                    receive(&mut places[who], &version);
                }
            }
            let ends: Vec<_> = places.into_iter().map(sorted).collect();
            prop_assert_eq!(&ends[0], &ends[1]);
            prop_assert_eq!(&ends[0], &ends[2]);
            for version in made {
                prop_assert!(ends[0].iter().any(|left| left.revision.includes(&version.revision)));
            }
        }

        /// The server's rule keeps the same revisions as the clients' where no contents are equal.
        #[test]
        fn the_rule_by_revisions_agrees(steps in proptest::collection::vec((0..3usize, 0..3usize, any::<bool>()), 1..12)) {
            let mut places = vec![Vec::new(); 3];
            let (mut seeing, mut blind) = (Vec::new(), Vec::<Revision>::new());
            for (number, (who, from, exchange)) in steps.into_iter().enumerate() {
                if exchange {
                    for version in places[from].clone() {
                        receive(&mut places[who], &version);
                    }
                    continue;
                }
                let version = edit(&mut places[who], replica(who as i64), &number.to_string());
                receive(&mut seeing, &version);
                if let Arrival::News { superseded } = arrive(&blind, &version.revision) {
                    let mut position = 0;
                    blind.retain(|_| {
                        position += 1;
                        !superseded.contains(&(position - 1))
                    });
                    blind.push(version.revision);
                }
            }
            let seeing: Vec<_> = seeing.into_iter().map(|document| document.revision).collect();
            prop_assert_eq!(seeing, blind);
        }
    }
}
