//! One series of a comparison with its blocks: what names it in an address, and how it is read. The one place where a
//! comparison's raw trials are read, a case at a time.

use serde::Deserialize;

use super::{comparison_facts::find_comparison, effects::Effects};
use crate::{
    history::{ComparisonListing, Reader},
    model::{ComparisonId, Metric, Verdict},
    site::http::{error::PageError, names::CaseId},
};

/// Which series of a comparison; both must be named.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlockSeriesParams {
    pub(crate) case: CaseId,
    pub(crate) metric: Metric,
}

/// A series of a comparison, with its blocks.
#[derive(Debug)]
pub(crate) struct BlockSeries {
    pub(crate) listing: ComparisonListing,
    pub(crate) verdict: Verdict,
    pub(crate) effects: Effects,
}

impl BlockSeries {
    /// The series with its blocks, or the page that says that the comparison has no such series.
    pub(crate) fn read(
        reader: &Reader,
        comparison: ComparisonId,
        params: &BlockSeriesParams,
    ) -> Result<BlockSeries, PageError> {
        let listing = find_comparison(reader, comparison)?;
        let ours = |verdict: &Verdict| verdict.metric == params.metric && CaseId::of(&verdict.case) == params.case;
        let missing = || {
            let what = format!("comparison {comparison} has no {} of this case", params.metric);
            PageError::missing(format!("{what}; its page lists its series"))
        };
        // The newest version of the operation comes last.
        let verdict = reader.verdicts(comparison)?.into_iter().rfind(ours).ok_or_else(missing)?;
        let key = verdict.case.key();
        let blocks = reader.blocks(comparison, &key)?;
        let (base, head) =
            (reader.trials(listing.comparison.base, &key)?, reader.trials(listing.comparison.head, &key)?);
        let effects = Effects::of(&verdict, &blocks, &base, &head);
        Ok(BlockSeries { listing, verdict, effects })
    }
}
