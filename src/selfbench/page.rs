//! `self/page`: what a visitor's look at a scenario costs the site: the page with a graph for each metric, over a history of
//! many commits. Through the site's whole router, without a socket.

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{Request, StatusCode},
};
use benchline_contract::Prepare;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use super::{
    error::{Result, SelfbenchError},
    operation::{Operation, folder, only_count},
    synthetic_history::{case, fill},
};
use crate::{
    history::Writer,
    site::{SiteState, app},
};

/// Larger than any page.
const LIMIT: usize = 64 << 20;

struct Page {
    runtime: Runtime,
    site: Router,
    /// Kept open, as beside a run: pages never wait for who writes.
    _writer: Writer,
    shown: Bytes,
}

pub(super) fn page(prepare: &Prepare) -> Result<Box<dyn Operation>> {
    let commits = only_count(&prepare.parameters, "commits")?;
    let history = folder(prepare).join("history/benchline.sqlite");
    let writer = fill(&history, commits)?;
    let site = app(SiteState { history, scenarios: [].into(), title: "self".to_owned() });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    Ok(Box::new(Page { runtime, site, _writer: writer, shown: Bytes::new() }))
}

impl Page {
    fn get(&self, path: &str) -> Result<Bytes> {
        let request = Request::get(path).body(Body::empty())?;
        self.runtime.block_on(async {
            let Ok(answer) = self.site.clone().oneshot(request).await;
            if answer.status() != StatusCode::OK {
                return Err(SelfbenchError::Status { path: path.to_owned(), status: answer.status().as_u16() });
            }
            Ok(to_bytes(answer.into_body(), LIMIT).await?)
        })
    }
}

impl Operation for Page {
    fn once(&mut self) -> Result<()> {
        self.shown = self.get(&format!("/scenarios/{}", case().scenario))?;
        Ok(())
    }

    fn items(&self) -> u64 {
        1
    }

    /// That the page is whole and has graphs, and how many commits one of them shows.
    fn proof(&mut self) -> Result<String> {
        let page = std::str::from_utf8(&self.shown)?;
        let graphs = page.contains("<svg") && page.trim_end().ends_with("</html>");
        let (_, linked) = page.split_once("/series.csv?").ok_or(SelfbenchError::Page("links to no series"))?;
        let (query, _) = linked.split_once('"').ok_or(SelfbenchError::Page("has a link without an end"))?;
        let series = self.get(&format!("/series.csv?{}", query.replace("&amp;", "&").replace("&#38;", "&")))?;
        let rows = series.iter().filter(|byte| **byte == b'\n').count().saturating_sub(1);
        Ok(format!("{graphs} {rows}"))
    }
}
