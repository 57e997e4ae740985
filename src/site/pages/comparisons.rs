//! The list of comparisons: which two revisions, why, what came out. Newest first, a page at a time.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use serde::Deserialize;

use crate::{
    history::ComparisonListing,
    model::{ComparisonId, Revision},
    report::format::{self, Sign},
    site::{
        http::{
            error::PageError,
            params,
            shared::{Shared, Site},
        },
        parts::{
            layout::{Layout, Place},
            progress::Now,
        },
    },
};

/// Comparisons on a page.
const LISTED: u32 = 40;

/// What may follow the question mark.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Only comparisons older than this one; the newest unless named.
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "comparisons.html")]
struct ComparisonsPage {
    layout: Layout,
    now: Option<Now>,
    rows: Vec<Row>,
    newest: bool,
    /// The address of the next page, where there is one.
    older: Option<String>,
}

/// One comparison.
struct Row {
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
pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let before = params::optional(params::query(query)?.before.as_ref(), params::comparison)?;
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
        layout: Layout::new(site, "Comparisons", Place::Comparisons)?,
        now: match site.reader() {
            Some(reader) => Now::read(reader)?.filter(|now| now.comparison.is_some()),
            None => None,
        },
        older: last.map(|last| format!("/comparisons?before={}", last.comparison.id)),
        newest: before.is_none(),
        rows: listings.iter().map(Row::of).collect(),
    };
    Ok(page.render()?)
}

impl Row {
    fn of(listing: &ComparisonListing) -> Row {
        let (sign, sentence) = format::headline(&listing.comparison, &listing.summary());
        let (base, head) = (&listing.base.run.revision, &listing.head.run.revision);
        let href = |revision: &Revision| format!("/commits/{}", revision.id);
        Row {
            href: format!("/comparison/{}", listing.comparison.id),
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
