//! The list of comparisons: which two revisions, why, what came out. Newest first, a page at a time.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use serde::Deserialize;

use crate::{
    history::ComparisonListing,
    model::{ComparisonId, Revision},
    report::format::{self, Sign},
    site::{
        http::{
            address::Params,
            error::PageError,
            names::ComparisonNumber,
            param::Optional,
            shared::{Shared, Site},
        },
        parts::{
            layout::{Layout, Section},
            progress::LiveProgress,
        },
    },
};

/// Comparisons on a page.
const LISTED: u32 = 40;

/// The query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ComparisonsParams {
    /// Only comparisons older than this one; the newest unless named.
    before: Optional<ComparisonNumber>,
}

#[derive(Template)]
#[template(path = "comparisons.html")]
struct ComparisonsPage {
    layout: Layout,
    progress: Option<LiveProgress>,
    rows: Vec<ComparisonRow>,
    newest: bool,
    /// The address of the next page, where there is one.
    older: Option<String>,
}

/// One comparison.
struct ComparisonRow {
    href: String,
    sign: Sign,
    sentence: String,
    head: String,
    head_href: String,
    title: String,
    base: String,
    base_href: String,
    purpose: &'static str,
    state: &'static str,
    date: String,
}

/// Answers `/comparisons`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Params(params): Params<ComparisonsParams>,
) -> Result<Response, PageError> {
    let before = params.before.0.map(|ComparisonNumber(before)| before);
    let key = format!("/comparisons?{before:?}");
    shared.page(key, move |site| render(site, before)).await
}

fn render(site: &Site, before: Option<ComparisonId>) -> Result<String, PageError> {
    let mut listings = match (site.reader(), before) {
        (None, _) => Vec::new(),
        (Some(reader), None) => reader.comparisons(LISTED + 1)?,
        (Some(reader), Some(before)) => reader.comparisons_before(before, LISTED + 1)?,
    };
    // One more than shown was asked for, to know whether there are older ones.
    let more = listings.len() > LISTED as usize;
    listings.truncate(LISTED as usize);
    let last = listings.last().filter(|_| more);
    let page = ComparisonsPage {
        layout: Layout::new(site, "Comparisons", Section::Comparisons)?,
        progress: match site.reader() {
            Some(reader) => LiveProgress::read(reader)?.filter(|progress| progress.comparison.is_some()),
            None => None,
        },
        older: last.map(|last| format!("/comparisons?before={}", last.comparison.id)),
        newest: before.is_none(),
        rows: listings.iter().map(ComparisonRow::of).collect(),
    };
    Ok(page.render()?)
}

impl ComparisonRow {
    fn of(listing: &ComparisonListing) -> ComparisonRow {
        let (sign, sentence) = format::headline(&listing.comparison, &listing.summary());
        let (base, head) = (&listing.base.run.revision, &listing.head.run.revision);
        let href = |revision: &Revision| format!("/commits/{}", revision.id);
        ComparisonRow {
            href: format!("/comparisons/{}", listing.comparison.id),
            sign,
            sentence,
            head: head.short().to_owned(),
            head_href: href(head),
            title: head.title.clone(),
            base: base.short().to_owned(),
            base_href: href(base),
            purpose: format::purpose(listing.comparison.purpose),
            state: format::state(listing.comparison.state),
            date: format::date(listing.comparison.started_at),
        }
    }
}
