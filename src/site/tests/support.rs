//! A site over a synthetic history, asked without a socket, and what the tests share.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use http_body_util::BodyExt as _;
use serde_json::Value as Json;
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::{
    model::{Rules, Value, Values},
    site::{
        fixture::{
            decisions,
            history::{self, HOSTILE, Size},
        },
        http::{live::Live, shared::Shared},
        router,
        state::{ScenarioText, SiteState},
    },
};

/// A site over a history in a folder of its own.
pub(crate) struct TestSite {
    pub(crate) router: Router,
    pub(crate) folder: TempDir,
}

/// An answer, read whole.
pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl TestSite {
    pub(crate) fn empty() -> TestSite {
        let folder = tempfile::tempdir().unwrap();
        TestSite { router: serve(state(&folder.path().join("history.sqlite")), "one-build"), folder }
    }

    pub(crate) fn filled() -> TestSite {
        let site = TestSite::empty();
        drop(history::write(&site.database(), Size::SMALL));
        site
    }

    /// With comparisons, findings and a calibration. Written once, then copied: every trial reaches the disk by itself.
    pub(crate) fn decided() -> TestSite {
        static FILES: OnceLock<Vec<(OsString, Vec<u8>)>> = OnceLock::new();
        let files = FILES.get_or_init(|| {
            let site = TestSite::empty();
            let mut writer = history::write(&site.database(), Size::SMALL);
            decisions::decide(&mut writer, &site.database(), Size::SMALL);
            drop(writer);
            let entries = fs::read_dir(site.folder.path()).unwrap().map(Result::unwrap);
            entries.map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap())).collect()
        });
        let site = TestSite::empty();
        files.iter().for_each(|(name, bytes)| fs::write(site.folder.path().join(name), bytes).unwrap());
        site
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("history.sqlite")
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> TestResponse {
        ask(&self.router, request).await
    }

    pub(crate) async fn get(&self, address: &str) -> TestResponse {
        self.send(Request::get(address).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn page(&self, address: &str) -> String {
        let answer = self.get(address).await;
        assert_eq!(answer.status, StatusCode::OK, "{address}: {}", answer.text);
        answer.text
    }
}

/// A site as a program of this build serves it.
pub(crate) fn serve(state: SiteState, build: &str) -> Router {
    let shared = Arc::new(Shared::new(state, build));
    router(&shared, &Arc::new(Live::new(Arc::clone(&shared))))
}

pub(crate) fn state(history: &Path) -> SiteState {
    let ciphers = Values::from([("cipher".to_owned(), Value::Text("aes-256-gcm".into()))]);
    let text = |name: &str, question: &str| ScenarioText {
        name: name.into(),
        version: 1,
        rules: Rules::default(),
        question: question.into(),
        reading: "Wall time is what a person waits for; CPU time tells who works meanwhile.".into(),
        baseline: (name == "crypto/seal").then(|| ciphers.clone()),
        source: format!("name = \"{name}\"\nversion = 1\n"),
        path: format!("scenarios/{name}.toml"),
    };
    let scenarios = Arc::from([
        text("crypto/seal", "How long does it take to seal a document or a blob, in memory?"),
        text("reactor/pool", HOSTILE),
        text("store/create", "How long does it take to write documents into a replica, durably?"),
        text("sync/upload", "How long until the server holds what a device created, durably?"),
    ]);
    SiteState { history: history.to_owned(), scenarios, title: "Benchline".into() }
}

/// The address of the first case that a run's page names.
pub(crate) fn first_case(run_page: &str) -> String {
    let start = run_page.find("/cases/").unwrap();
    let from = run_page[..start].rfind('"').unwrap() + 1;
    let to = start + run_page[start..].find('"').unwrap();
    run_page[from..to].to_owned()
}

/// Every page of a small history, with the address of each.
pub(crate) async fn every_page(site: &TestSite) -> Vec<(String, String)> {
    let newest = history::commit(4);
    let run = site.page("/runs/4").await;
    let mut addresses: Vec<String> = [
        "/",
        "/runs/1",
        "/runs/2",
        "/runs/3",
        "/runs/4",
        "/scenarios",
        "/scenarios/sync/upload",
        "/scenarios/crypto/seal",
        "/scenarios/reactor/pool",
        "/scenarios/sync/upload?metric=client.rss_peak&last=160",
        "/environments",
        "/about",
    ]
    .map(str::to_owned)
    .to_vec();
    addresses.extend((1..=4).map(|position| format!("/commits/{}", history::commit(position))));
    addresses.push(format!("/commits/{}?scenario=sync/upload", &newest[..7]));
    addresses.push(first_case(&run));
    addresses.push(format!("{}?metric=client.cpu_time&trial=2", first_case(&run)));
    if site.get("/comparisons/1").await.status == StatusCode::OK {
        addresses.extend(DECISION_ADDRESSES.map(str::to_owned));
        addresses.push(series(site, "worse").await);
        addresses.push(series(site, "unusable").await);
    }
    let mut pages = Vec::new();
    for address in addresses {
        let page = site.page(&address).await;
        pages.push((address, page));
    }
    pages
}

/// The addresses of the pages about decisions.
pub(crate) const DECISION_ADDRESSES: [&str; 11] = [
    "/comparisons",
    "/comparisons/1",
    "/comparisons/1?scenario=sync/upload",
    "/comparisons/2",
    "/findings",
    "/findings?state=all",
    "/findings/1",
    "/findings/2",
    "/findings/4",
    "/scenarios/sync/upload",
    "/calibration",
];

pub(crate) async fn json(site: &TestSite, address: &str) -> Json {
    serde_json::from_str(&site.page(address).await).unwrap()
}

pub(crate) fn headline(page: &str) -> &str {
    page.split("<h1>").nth(1).unwrap().split("</h1>").next().unwrap()
}

/// The address of the series of comparison 1 with this verdict.
pub(crate) async fn series(site: &TestSite, word: &str) -> String {
    let page = site.page("/comparisons/1").await;
    let row = page.split("<tr id=\"").skip(1).find(|row| row.contains(&format!("class=\"sign {word}\""))).unwrap();
    row.split("href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&")
}

/// Sends a request, and reads the whole answer.
pub(crate) async fn ask(router: &Router, request: Request<Body>) -> TestResponse {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    TestResponse { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
}
