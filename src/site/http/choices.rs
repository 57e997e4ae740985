//! What queries choose: which trial, graph or page, how many entries or revisions, which findings.

use std::str::FromStr;

use super::param::{InvalidParam, bounded};
use crate::model::FindingState;

/// The position of a trial in its case, from 0. Addresses count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TrialIndex(pub(crate) usize);

impl FromStr for TrialIndex {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<TrialIndex, InvalidParam> {
        bounded(text, 1..=10_000, "trials count from 1").map(|number| TrialIndex(number - 1))
    }
}

/// Which of several graphs, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GraphIndex(pub(crate) usize);

impl FromStr for GraphIndex {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<GraphIndex, InvalidParam> {
        bounded(text, 0..=999, "graphs count from 0").map(GraphIndex)
    }
}

/// Which page of a list, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageNumber(pub(crate) usize);

impl FromStr for PageNumber {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<PageNumber, InvalidParam> {
        bounded(text, 1..=1000, "pages count from 1").map(PageNumber)
    }
}

/// How many entries of a list, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) u32);

impl Limit {
    /// What lists hold unless asked.
    pub(crate) const DEFAULT: Limit = Limit(50);
}

impl FromStr for Limit {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<Limit, InvalidParam> {
        let limit = text.parse().ok().filter(|limit| (1..=500).contains(limit));
        limit.map(Limit).ok_or_else(|| InvalidParam::new("a limit is between 1 and 500"))
    }
}

/// How many revisions a graph shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) usize);

impl Span {
    /// The spans to choose from; more revisions would not fit a page.
    pub(crate) const ALL: [Span; 3] = [Span(20), Span(40), Span(160)];
    /// What graphs show unless asked.
    pub(crate) const DEFAULT: Span = Span(40);
}

impl FromStr for Span {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<Span, InvalidParam> {
        let span = text.parse().ok().map(Span).filter(|span| Span::ALL.contains(span));
        span.ok_or_else(|| InvalidParam::new("a graph shows the last 20, 40 or 160 revisions"))
    }
}

/// Which findings a list shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum FindingFilter {
    /// Those that still need attention.
    #[default]
    Open,
    All,
    State(FindingState),
}

impl FindingFilter {
    /// Every filter, in the order in which a page offers them.
    pub(crate) fn all() -> impl Iterator<Item = FindingFilter> {
        let states = FindingState::ALL.map(FindingFilter::State);
        std::iter::once(FindingFilter::Open).chain(states).chain([FindingFilter::All])
    }

    /// Its name in addresses.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            FindingFilter::Open => "open",
            FindingFilter::All => "all",
            FindingFilter::State(state) => state.as_str(),
        }
    }

    /// The states that it lets through.
    pub(crate) fn states(self) -> Vec<FindingState> {
        match self {
            FindingFilter::Open => vec![FindingState::New, FindingState::Confirmed],
            FindingFilter::All => FindingState::ALL.to_vec(),
            FindingFilter::State(state) => vec![state],
        }
    }
}

impl FromStr for FindingFilter {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<FindingFilter, InvalidParam> {
        match text {
            "open" => Ok(FindingFilter::Open),
            "all" => Ok(FindingFilter::All),
            state => state.parse().map(FindingFilter::State).map_err(InvalidParam),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_have_bounds() {
        assert_eq!("40".parse(), Ok(Span(40)));
        assert!("41".parse::<Span>().is_err());
        assert_eq!("1".parse(), Ok(TrialIndex(0)));
        assert!("0".parse::<TrialIndex>().is_err() && "0".parse::<PageNumber>().is_err());
        assert!("500".parse::<Limit>().is_ok() && "501".parse::<Limit>().is_err() && "0".parse::<Limit>().is_err());
    }

    #[test]
    fn filters_keep_their_names() {
        for filter in FindingFilter::all() {
            assert_eq!(filter.as_str().parse(), Ok(filter));
        }
        assert!("bogus".parse::<FindingFilter>().is_err());
    }
}
