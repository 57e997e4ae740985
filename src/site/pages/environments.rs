//! The machines that measured.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};

use crate::{
    model::Environment,
    report::format,
    site::{
        http::{
            error::PageError,
            shared::{Shared, Site},
        },
        parts::layout::{Layout, Place},
    },
};

#[derive(Template)]
#[template(path = "environments.html")]
struct EnvironmentsPage {
    layout: Layout,
    machines: Vec<Machine>,
}

/// A machine with what it measured.
struct Machine {
    environment: Environment,
    revisions: usize,
    newest: Option<(String, String, String)>,
}

/// Answers `/environments`.
pub(crate) async fn page(State(shared): State<Arc<Shared>>) -> Result<Response, PageError> {
    shared.page("/environments".to_owned(), render).await
}

fn render(site: &Site) -> Result<String, PageError> {
    let mut machines = Vec::new();
    if let Some(reader) = site.reader() {
        for environment in reader.environments()? {
            let axis = reader.axis(&environment.id)?;
            let newest = axis.iter().max_by_key(|listing| listing.run.started_at).map(|listing| {
                let href = format!("/runs/{}", listing.run.id);
                (listing.run.revision.short().to_owned(), href, format::date(listing.run.started_at))
            });
            machines.push(Machine { revisions: axis.len(), newest, environment });
        }
    }
    Ok(EnvironmentsPage { layout: Layout::new(site, "Environments", Place::Environments)?, machines }.render()?)
}
