//! One revision that a bisection looked at, and what it found there.

use crate::{
    judge::bisect::Seen,
    model::{ComparisonId, Revision, Verdict},
};

/// One revision that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its place in the line.
    pub index: usize,
    /// What it means for the search.
    pub seen: Seen,
    /// What that rests on.
    pub evidence: Evidence,
}

/// What was found of a revision.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// It cannot be measured.
    Gap(Gap),
    /// It builds to the very same program as another revision of the line, which was looked at before.
    SameProgram(Box<Revision>),
    /// It was compared with the good end.
    Compared {
        /// The comparison.
        comparison: ComparisonId,
        /// Its verdict on the metric.
        verdict: Box<Verdict>,
    },
}

/// Why a revision cannot be measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Gap {
    /// The build failed.
    #[error("it does not build")]
    BuildFailed,
    /// It lacks what the subject is built from.
    #[error("it has no subject")]
    NoSubject,
    /// Its subject does not offer the operation of the case.
    #[error("it does not know the operation `{0}`")]
    NotOffered(String),
    /// Its subject does not say what it offers.
    #[error("{0}")]
    NoHello(String),
}

impl Step {
    /// A revision that cannot be measured.
    pub(super) fn gap(index: usize, gap: Gap) -> Step {
        Step { index, seen: Seen::Skipped, evidence: Evidence::Gap(gap) }
    }

    /// The verdict against the good end, where it was measured.
    pub fn verdict(&self) -> Option<&Verdict> {
        match &self.evidence {
            Evidence::Compared { verdict, .. } => Some(verdict),
            Evidence::Gap(_) | Evidence::SameProgram(_) => None,
        }
    }

    /// The comparison with the good end, where it was measured.
    pub fn comparison(&self) -> Option<ComparisonId> {
        match &self.evidence {
            Evidence::Compared { comparison, .. } => Some(*comparison),
            Evidence::Gap(_) | Evidence::SameProgram(_) => None,
        }
    }
}
