//! The list of scenarios, by group: what each asks, and whether it was measured.

use std::{collections::BTreeSet, sync::Arc};

use askama::Template;
use axum::{extract::State, response::Response};

use crate::site::{
    http::{
        error::PageError,
        shared::{Shared, Site},
    },
    parts::layout::{Layout, Section},
};

#[derive(Template)]
#[template(path = "scenarios.html")]
struct ScenariosPage {
    layout: Layout,
    groups: Vec<(String, Vec<ScenarioEntry>)>,
}

/// A scenario in the list.
struct ScenarioEntry {
    name: String,
    question: String,
    measured: bool,
}

/// Answers `/scenarios`.
pub(crate) async fn show(State(shared): State<Arc<Shared>>) -> Result<Response, PageError> {
    shared.page("/scenarios".to_owned(), render).await
}

fn render(site: &Site) -> Result<String, PageError> {
    let measured: BTreeSet<String> = match site.reader() {
        Some(reader) => reader.scenarios()?.into_iter().collect(),
        None => BTreeSet::new(),
    };
    let named = site.scenarios().iter().map(|text| text.name.clone());
    // What was measured once and has no file any more is still there.
    let names: BTreeSet<String> = named.chain(measured.iter().cloned()).collect();
    let mut groups: Vec<(String, Vec<ScenarioEntry>)> = Vec::new();
    for name in names {
        let group = name.split('/').next().unwrap_or_default().to_owned();
        let question = site.scenario(&name).map(|text| text.question.trim().to_owned()).unwrap_or_default();
        let entry = ScenarioEntry { measured: measured.contains(&name), question, name };
        match groups.last_mut() {
            Some((last, entries)) if *last == group => entries.push(entry),
            _ => groups.push((group, vec![entry])),
        }
    }
    Ok(ScenariosPage { layout: Layout::new(site, "Scenarios", Section::Scenarios)?, groups }.render()?)
}
