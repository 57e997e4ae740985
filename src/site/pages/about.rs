//! How results are computed, and what the symbols mean.

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
        parts::layout::{Layout, Section},
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
pub(crate) async fn show(State(shared): State<Arc<Shared>>) -> Result<Response, PageError> {
    shared.page("/about".to_owned(), render).await
}

fn render(site: &Site) -> Result<String, PageError> {
    let signs = [
        (Sign::SOUND, "every check passes: the result is reliable within its interval"),
        (Sign::NOISY, "a check warns: read which check it was before you rely on the result"),
        (Sign::UNUSABLE, "a check fails: do not rely on the result; it is shown and never decides a verdict"),
        (Sign::FAILED, "the measurement failed, or the program gave a wrong result, however fast it was"),
        (Sign::UNSUPPORTED, "the revision does not support the operation yet; this is a gap, not a failure"),
    ];
    let names = CheckName::ALL;
    let checks = names.map(|name| (name.as_str(), format::check(name)));
    Ok(AboutPage {
        layout: Layout::new(site, "How results are computed", Section::About)?,
        signs,
        checks,
        verdicts: format::MEANINGS,
    }
    .render()?)
}
