//! What every request shares: the history, opened when it appears; the scenarios; pages made already.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::Bytes,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::{assets, error::PageError, live::Live};
use crate::{
    history::{HistoryError, Reader},
    model::{Case, Rules},
    site::{ScenarioText, SiteState},
};

/// Pages kept until the data change; then all are forgotten.
const KEPT_PAGES: usize = 128;

/// The site's state, one for all requests.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: SiteState,
    pub(crate) live: Live,
    reader: Mutex<Option<Reader>>,
    kept: Mutex<Kept>,
}

/// Pages made from one state of the data.
#[derive(Debug, Default)]
struct Kept {
    tag: String,
    pages: HashMap<String, Bytes>,
}

/// What one page is made from.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// The history; `None` while there is none.
    reader: Option<Reader>,
    shared: Arc<Shared>,
}

impl Shared {
    pub(crate) fn new(state: SiteState) -> Shared {
        Shared { state, live: Live::default(), reader: Mutex::default(), kept: Mutex::default() }
    }

    /// The history, as soon as there is one.
    pub(crate) fn reader(&self) -> Result<Option<Reader>, HistoryError> {
        let mut held = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            match Reader::open(&self.state.history) {
                Ok(reader) => *held = Some(reader),
                Err(error) if error.is_missing() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(held.clone())
    }

    /// The state of everything that pages are made of, as an ETag. Costs microseconds. Weak, because compressed and plain
    /// answers share it.
    pub(crate) async fn tag(self: &Arc<Self>) -> Result<String, PageError> {
        self.blocking(|shared| {
            let Some(reader) = shared.reader()? else { return Ok(format!("W/\"none-{}\"", assets::build())) };
            let doing = if reader.is_written() {
                reader.progress()?.map_or_else(|| "preparing".to_owned(), |progress| progress.at.0.to_string())
            } else {
                "idle".to_owned()
            };
            Ok(format!("W/\"{}-{doing}-{}\"", reader.serial()?, assets::build()))
        })
        .await
    }

    /// A page, made at most once for each state of the data. `key` tells pages apart: the path with its query.
    pub(crate) async fn page(
        self: &Arc<Self>,
        key: String,
        make: impl FnOnce(&Site) -> Result<String, PageError> + Send + 'static,
    ) -> Result<Response, PageError> {
        let tag = self.tag().await?;
        if let Some(page) = self.kept(&tag, &key) {
            return Ok(html(page));
        }
        let page = Bytes::from(self.read(make).await?);
        self.keep(&tag, key, page.clone());
        Ok(html(page))
    }

    /// Runs what reads the history where waiting for the disk holds nobody up.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Site) -> Result<T, PageError> + Send + 'static,
    ) -> Result<T, PageError> {
        self.blocking(|shared| work(&Site { reader: shared.reader()?, shared })).await
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(Arc<Shared>) -> Result<T, PageError> + Send + 'static,
    ) -> Result<T, PageError> {
        let shared = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(shared)).await;
        done.unwrap_or_else(|error| Err(PageError::internal(&error)))
    }

    fn kept(&self, tag: &str, key: &str) -> Option<Bytes> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.tag == tag { kept.pages.get(key).cloned() } else { None }
    }

    fn keep(&self, tag: &str, key: String, page: Bytes) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.tag != tag || kept.pages.len() >= KEPT_PAGES {
            *kept = Kept { tag: tag.to_owned(), pages: HashMap::new() };
        }
        kept.pages.insert(key, page);
    }
}

impl Site {
    /// The history, or the page that says that there is none yet.
    pub(crate) fn history(&self) -> Result<&Reader, PageError> {
        let missing = "nothing has been measured yet; `cargo run --release -- up` measures this checkout";
        self.reader.as_ref().ok_or_else(|| PageError::missing(missing))
    }

    /// The history, if there is one.
    pub(crate) fn reader(&self) -> Option<&Reader> {
        self.reader.as_ref()
    }

    /// The name of what is measured.
    pub(crate) fn title(&self) -> &str {
        &self.shared.state.title
    }

    /// The rules of a case, where its scenario is there in the same version.
    pub(crate) fn rules(&self, case: &Case) -> Option<&Rules> {
        self.scenario(&case.scenario).filter(|text| text.version == case.version).map(|text| &text.rules)
    }

    /// The scenarios as their files explain them.
    pub(crate) fn scenarios(&self) -> &[ScenarioText] {
        &self.shared.state.scenarios
    }

    /// One of them.
    pub(crate) fn scenario(&self, name: &str) -> Option<&ScenarioText> {
        self.scenarios().iter().find(|text| text.name == name)
    }
}

fn html(page: Bytes) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], page).into_response()
}
