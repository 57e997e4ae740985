//! How a number comes to be, and what the signs mean.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};

use crate::{
    model::CheckName,
    report::format::{self, Sign},
    site::{
        http::{
            error::PageError,
            shared::{Shared, Site},
        },
        parts::layout::{Layout, Place},
    },
};

#[derive(Template)]
#[template(path = "about.html")]
struct AboutPage {
    layout: Layout,
    signs: [(Sign, &'static str); 5],
    checks: [(&'static str, &'static str); CheckName::ALL.len()],
    verdicts: [(Sign, &'static str); 5],
}

/// Answers `/about`.
pub(crate) async fn page(State(shared): State<Arc<Shared>>) -> Result<Response, PageError> {
    shared.page("/about".to_owned(), render).await
}

fn render(site: &Site) -> Result<String, PageError> {
    let signs = [
        (Sign::SOUND, "every check passes: believe the number within its interval"),
        (Sign::NOISY, "a check warns: believe it with care, and read which check it was"),
        (Sign::UNUSABLE, "a check fails: do not believe it; it is shown, and never decides anything"),
        (Sign::FAILED, "something went wrong, or a result was not the expected one, however fast it came"),
        (Sign::UNSUPPORTED, "the revision does not know the operation yet; a gap, not a fault"),
    ];
    let names = CheckName::ALL;
    let checks = names.map(|name| (name.as_str(), format::check(name)));
    Ok(AboutPage {
        layout: Layout::new(site, "How a number comes to be", Place::About)?,
        signs,
        checks,
        verdicts: format::MEANINGS,
    }
    .render()?)
}
