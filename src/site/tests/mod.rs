//! Pages, downloads and headers, asked for without a socket.

mod deciding;

use std::{
    ffi::OsString,
    fs,
    path::Path,
    sync::{Arc, OnceLock},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode},
};
use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::{
    ScenarioText, SiteState, app,
    fixture::{self, ENVIRONMENT, HOSTILE, Size},
};
use crate::history::Writer;
use crate::model::{Rules, Value, Values};

/// A site over a history in a folder of its own.
struct TestSite {
    router: Router,
    folder: TempDir,
}

/// An answer, read whole.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl TestSite {
    fn empty() -> TestSite {
        let folder = tempfile::tempdir().unwrap();
        TestSite { router: app(state(&folder.path().join("history.sqlite"))), folder }
    }

    fn filled() -> TestSite {
        let site = TestSite::empty();
        drop(fixture::write(&site.database(), Size::SMALL));
        site
    }

    /// With comparisons, findings and a calibration. Written once, then copied: every trial reaches the disk by itself.
    fn decided() -> TestSite {
        static FILES: OnceLock<Vec<(OsString, Vec<u8>)>> = OnceLock::new();
        let files = FILES.get_or_init(|| {
            let site = TestSite::empty();
            let mut writer = fixture::write(&site.database(), Size::SMALL);
            fixture::decide(&mut writer, &site.database(), Size::SMALL);
            drop(writer);
            let entries = fs::read_dir(site.folder.path()).unwrap().map(Result::unwrap);
            entries.map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap())).collect()
        });
        let site = TestSite::empty();
        files.iter().for_each(|(name, bytes)| fs::write(site.folder.path().join(name), bytes).unwrap());
        site
    }

    fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("history.sqlite")
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    async fn get(&self, address: &str) -> Answer {
        self.send(Request::get(address).body(Body::empty()).unwrap()).await
    }

    async fn page(&self, address: &str) -> String {
        let answer = self.get(address).await;
        assert_eq!(answer.status, StatusCode::OK, "{address}: {}", answer.text);
        answer.text
    }
}

fn state(history: &Path) -> SiteState {
    let ciphers = Values::from([("cipher".to_owned(), Value::Text("aes-256-gcm".into()))]);
    let text = |name: &str, question: &str| ScenarioText {
        version: 1,
        rules: Rules::default(),
        name: name.into(),
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

#[tokio::test]
async fn the_page_of_a_scenario_with_a_baseline_says_what_each_setting_buys() {
    let site = TestSite::filled();
    let page = site.page("/scenarios/crypto/seal").await;
    let (_, table) = page.split_once("What each setting buys").unwrap();
    let (table, _) = table.split_once("</table>").unwrap();
    // The other cipher takes 3.1 times as long in this history.
    for size in ["10 kB", "100 kB", "1 MB", "10 MB"] {
        let row = table.split("<tr").find(|row| row.contains(&format!("{size} chacha20 against {size} aes-256-gcm")));
        let row = row.unwrap_or_else(|| panic!("no row of {size}"));
        assert!(row.contains("3.1") || row.contains("3.09"), "{size}: {row}");
        assert!(row.contains("…"), "{size} has no interval: {row}");
    }
    assert!(!site.page("/scenarios/sync/upload").await.contains("What each setting buys"));
}

/// The address of the first case that a run's page names.
fn first_case(run_page: &str) -> String {
    let start = run_page.find("/cases/").unwrap();
    let from = run_page[..start].rfind('"').unwrap() + 1;
    let to = start + run_page[start..].find('"').unwrap();
    run_page[from..to].to_owned()
}

/// Every page of a small history, with the address of each.
async fn every_page(site: &TestSite) -> Vec<(String, String)> {
    let newest = fixture::commit(4);
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
    addresses.extend((1..=4).map(|position| format!("/commits/{}", fixture::commit(position))));
    addresses.push(format!("/commits/{}?scenario=sync/upload", &newest[..7]));
    addresses.push(first_case(&run));
    addresses.push(format!("{}?metric=client.cpu_time&trial=2", first_case(&run)));
    if site.get("/comparison/1").await.status == StatusCode::OK {
        addresses.extend(deciding::ADDRESSES.map(str::to_owned));
        addresses.push(deciding::series(site, "worse").await);
        addresses.push(deciding::series(site, "unusable").await);
    }
    let mut pages = Vec::new();
    for address in addresses {
        let page = site.page(&address).await;
        pages.push((address, page));
    }
    pages
}

#[tokio::test]
async fn an_empty_site_says_what_to_do_and_picks_the_history_up() {
    let site = TestSite::empty();
    for address in ["/", "/scenarios", "/scenarios/sync/upload", "/environments", "/about"] {
        site.page(address).await;
    }
    assert!(site.page("/").await.contains("cargo run --release -- up"));
    let missing = site.get("/runs/1").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.text.contains("cargo run --release -- up"), "{}", missing.text);
    let before = site.get("/").await.headers["etag"].clone();
    let writer = Writer::open(&site.database()).unwrap();
    assert!(site.page("/").await.contains("the program is being built"));
    drop(writer);
    assert!(site.page("/").await.contains("cargo run --release -- up"));
    drop(fixture::write(&site.database(), Size { revisions: 1, ..Size::SMALL }));
    let after = site.get("/").await;
    assert!(after.text.contains(&fixture::commit(1)[..8]) && after.headers["etag"] != before);
}

#[tokio::test]
async fn the_overview_answers_first() {
    let site = TestSite::filled();
    let page = site.page("/").await;
    let newest = fixture::commit(4);
    let headline = page.split("<h1>").nth(1).unwrap().split("</h1>").next().unwrap();
    assert!(headline.contains(&newest[..8]), "{headline}");
    for position in 1..=4 {
        assert!(page.contains(&format!("/commits/{}", fixture::commit(position))), "{position}");
    }
    assert!(page.contains("unsupported: no subject that speaks the contract") && page.contains("1 failure"));
    assert_eq!(page.matches("class=\"card\"").count(), 5, "a sparkline for each scenario");
}

#[tokio::test]
async fn pages_are_small_strict_and_escape_what_strangers_wrote() {
    let site = TestSite::decided();
    let mut met = 0;
    for (address, page) in every_page(&site).await {
        assert!(page.len() < 100_000, "{address} has {} bytes", page.len());
        assert!(!page.contains("alert('x')</script>") && !page.contains("</title><style>"), "{address}");
        met += usize::from(page.contains("alert(&#39;x&#39;)"));
        let lower = page.to_lowercase();
        assert!(!lower.contains("style=") && !lower.contains("<style"), "{address} has inline style");
        assert!(!lower.contains(" onclick") && !lower.contains("javascript:"), "{address} has inline script");
        for script in lower.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/static/") && script.contains("></script>"), "{address}: {script:.60}");
        }
        assert_eq!(lower.matches("<h1").count(), 1, "{address}");
        for chart in page.split("<svg").skip(1).filter(|svg| svg.contains("class=\"chart\"")) {
            assert!(chart.contains("role=\"img\" aria-label=\""), "{address}");
        }
    }
    assert!(met >= 4, "the hostile text is on {met} pages");
}

#[tokio::test]
async fn links_lead_somewhere() {
    let site = TestSite::decided();
    let mut links = std::collections::BTreeSet::new();
    for (_, page) in every_page(&site).await {
        for part in page.split("href=\"").skip(1) {
            let link = part.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
            let link = link.split('#').next().unwrap().to_owned();
            if link.starts_with('/') {
                links.insert(link);
            }
        }
    }
    assert!(links.len() > 60, "{}", links.len());
    for link in links {
        let answer = site.get(&link).await;
        assert_eq!(answer.status, StatusCode::OK, "{link}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_copy_that_is_still_right_is_not_sent_again() {
    let site = TestSite::empty();
    let mut writer = fixture::write(&site.database(), Size { revisions: 1, ..Size::SMALL });
    let first = site.get("/").await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(first.headers["cache-control"], "no-cache");
    let again = |tag: String| Request::get("/").header("if-none-match", tag).body(Body::empty()).unwrap();
    let held = site.send(again(tag.clone())).await;
    assert_eq!((held.status, held.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(held.headers["etag"], tag.as_str());
    assert_eq!(site.send(again(format!("\"other\", {tag}"))).await.status, StatusCode::NOT_MODIFIED);
    assert_eq!(site.send(again("W/\"other\"".into())).await.status, StatusCode::OK);
    fixture::begin_worktree(&mut writer, Size { revisions: 1, ..Size::SMALL });
    let changed = site.send(again(tag)).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert!(changed.text.contains("<b>Measuring</b>"), "{}", changed.text);
    assert_eq!(site.page("/commits/worktree").await.matches("<b>Measuring</b>").count(), 1);
}

#[tokio::test]
async fn every_answer_carries_the_policy() {
    let site = TestSite::filled();
    let address = format!("/series.csv?scenario=sync/upload&metric=wall_time&environment={ENVIRONMENT}");
    for address in ["/", "/nowhere", "/static/style.css", "/healthz", "/api/v1/runs", &address] {
        let answer = site.get(address).await;
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{address}: {policy}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{address}");
        assert!(answer.headers.contains_key("referrer-policy"), "{address}");
    }
}

#[tokio::test]
async fn wrong_addresses_get_a_page_that_helps() {
    let site = TestSite::filled();
    for (address, status) in [
        ("/nowhere", 404),
        ("/runs/99", 404),
        ("/runs/x", 400),
        ("/runs/4/cases/00000000", 404),
        ("/runs/4/cases/..", 400),
        ("/commits/0000000", 404),
        ("/commits/main", 400),
        ("/commits/%3Cscript%3E", 400),
        ("/commits/%ff", 400),
        ("/scenarios/no/such", 404),
        ("/scenarios/NO/such", 400),
        ("/scenarios/sync/upload?metric=bogus", 400),
        ("/scenarios/sync/upload?last=7", 400),
        ("/scenarios/sync/upload?bogus=1", 400),
        ("/scenarios/sync/upload?environment=%27", 400),
        ("/series.csv", 400),
        ("/series.csv?scenario=sync/upload&metric=server.fsyncs", 404),
        ("/static/../Cargo.toml", 404),
    ] {
        let answer = site.get(address).await;
        assert_eq!(answer.status.as_u16(), status, "{address}: {}", answer.text);
        assert!(answer.text.contains("<h1>") && answer.text.contains("href=\"/\""), "{address}: {}", answer.text);
        assert!(!answer.text.contains("<script>"), "{address}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{address}");
    }
    let numbered = site.get("/runs/4/cases/2").await;
    assert_eq!(numbered.status, StatusCode::TEMPORARY_REDIRECT);
    site.page(numbered.headers["location"].to_str().unwrap()).await;
    assert_eq!(site.get("/runs/4/cases/9999").await.status, StatusCode::NOT_FOUND);
    let api = site.get("/api/v1/runs/99").await;
    assert_eq!((api.status.as_u16(), &api.headers["content-type"]), (404, &"application/json".parse().unwrap()));
    assert!(
        serde_json::from_str::<serde_json::Value>(&api.text).unwrap()["error"].as_str().unwrap().contains("no run 99")
    );
}

#[tokio::test]
async fn pages_are_only_read() {
    let site = TestSite::filled();
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let request = Request::builder().method(method.clone()).uri("/").body(Body::empty()).unwrap();
        let answer = site.send(request).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert!(answer.text.contains("<h1>") && answer.headers["allow"].to_str().unwrap().contains("GET"));
    }
    let head = Request::builder().method(Method::HEAD).uri("/").body(Body::empty()).unwrap();
    let answer = site.send(head).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, ""));
}

#[tokio::test]
async fn downloads_hold_what_was_measured() {
    let site = TestSite::filled();
    let query = format!("scenario=sync/upload&metric=wall_time&environment={ENVIRONMENT}");
    let csv = site.page(&format!("/series.csv?{query}")).await;
    // Three revisions were measured (the second has no subject), with three payloads each.
    assert_eq!(csv.lines().count(), 1 + 3 * 3, "{csv}");
    let series: serde_json::Value = serde_json::from_str(&site.page(&format!("/api/v1/series?{query}")).await).unwrap();
    let shifts = series["shifts"].as_array().unwrap();
    assert_eq!(shifts.len(), 1, "{shifts:?}");
    assert_eq!((&shifts[0]["name"], &shifts[0]["revision"]), (&"kernel".into(), &fixture::commit(3).into()));
    let graph =
        site.page(&format!("/scenarios/sync/upload?environment={}", series["environment"].as_str().unwrap())).await;
    let told = format!("Since {}: kernel 6.18.1 → 6.18.44.", &fixture::commit(3)[..8]);
    assert!(graph.contains("line shifted") && graph.contains(&told), "{told} is missing");
    assert_eq!((series["revisions"].as_array().unwrap().len(), series["unit"].as_str()), (4, Some("nanoseconds")));
    let estimates: Vec<f64> = series["series"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|line| line["points"].as_array().unwrap().iter().map(|point| point["estimate"].as_f64().unwrap()))
        .collect();
    let mut from_csv: Vec<f64> =
        csv.lines().skip(1).map(|row| row.split(',').nth(8).unwrap().parse().unwrap()).collect();
    let mut from_json = estimates;
    from_csv.sort_by(f64::total_cmp);
    from_json.sort_by(f64::total_cmp);
    assert_eq!(from_csv, from_json);

    let samples = site.page("/runs/1/samples.csv").await;
    // 15 cases, 6 trials, 2 + 4 samples; 7 metrics less where there is no server.
    let columns: usize = 15 * 3 + 6;
    assert_eq!(samples.lines().count(), 1 + columns * 6 * 6, "{}", samples.lines().count());
    let case = first_case(&site.page("/runs/1").await);
    let raw: serde_json::Value = serde_json::from_str(&site.page(&format!("/api/v1{case}")).await).unwrap();
    assert_eq!(raw["trials"].as_array().unwrap().len(), 6);
    assert_eq!(site.page(&format!("{case}/samples.csv")).await.lines().count(), 1 + 4 * 36);
    assert!(site.page(&format!("{case}/timelines.csv?trial=6")).await.starts_with("role,at_ns,cpu_ns"));
    for drawing in
        [format!("/series.svg?{query}"), format!("{case}/samples.svg"), format!("{case}/timelines.svg?trial=2")]
    {
        let answer = site.get(&drawing).await;
        assert_eq!(answer.headers["content-type"], "image/svg+xml");
        assert!(answer.text.starts_with("<svg xmlns=") && answer.text.contains("<style>"), "{drawing}");
    }
    let runs: serde_json::Value = serde_json::from_str(&site.page("/api/v1/runs?limit=2").await).unwrap();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn answers_are_compressed_and_assets_kept() {
    let site = TestSite::filled();
    let request = Request::get("/").header("accept-encoding", "gzip").body(Body::empty()).unwrap();
    assert_eq!(site.send(request).await.headers["content-encoding"], "gzip");
    let page = site.page("/").await;
    for asset in ["style.css", "theme.js", "live.js", "mark.svg"] {
        let link = page.split('"').find(|part| part.starts_with(&format!("/static/{asset}?v="))).unwrap();
        let answer = site.get(link).await;
        assert!(answer.headers["cache-control"].to_str().unwrap().contains("immutable"), "{asset}");
        let held = Request::get(link).header("if-none-match", &answer.headers["etag"]).body(Body::empty()).unwrap();
        assert_eq!(site.send(held).await.status, StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn the_live_stream_tells_what_stands_and_what_changes() {
    let site = TestSite::empty();
    let size = Size { revisions: 1, ..Size::SMALL };
    let mut writer = fixture::write(&site.database(), size);
    let request = Request::get("/live").header("accept-encoding", "gzip").body(Body::empty()).unwrap();
    let response = site.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert!(!response.headers().contains_key("content-encoding"), "compression would hold events back");
    let mut body = response.into_body();
    let mut heard = String::new();
    while !heard.contains("event: progress\ndata: null") {
        heard.push_str(&String::from_utf8_lossy(body.frame().await.unwrap().unwrap().data_ref().unwrap()));
    }
    assert!(heard.contains("event: serial\ndata: "), "{heard}");
    fixture::begin_worktree(&mut writer, size);
    while !heard.contains("\"trials\":6") {
        heard.push_str(&String::from_utf8_lossy(body.frame().await.unwrap().unwrap().data_ref().unwrap()));
    }
    assert!(heard.contains("\"scenario\":\"sync/upload\"") && heard.contains("\"trial\":3"), "{heard}");
}

#[tokio::test]
async fn a_server_ends_although_somebody_listens() {
    let site = TestSite::empty();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(super::run(listener, state(&site.database()), async { drop(stopped.await) }));
    let mut stream = reqwest::get(format!("http://{address}/live")).await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some());
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

/// Serves a month of history to a browser, for eyes: `BENCHLINE_LOOK=127.0.0.1:8100 cargo test -- --ignored look_at`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "serves until it is stopped"]
async fn look_at_the_pages() {
    let site = TestSite::empty();
    let mut writer = fixture::write(&site.database(), Size::LARGE);
    fixture::decide(&mut writer, &site.database(), Size::LARGE);
    if std::env::var_os("BENCHLINE_LOOK_COMPARISON").is_some() {
        fixture::begin_comparison(&mut writer, Size::LARGE);
    }
    let run = fixture::begin_worktree(&mut writer, Size::LARGE);
    let pace = std::time::Duration::from_secs(1);
    std::thread::spawn(move || fixture::measure_slowly(&mut writer, run, Size::LARGE, pace));
    let address = std::env::var("BENCHLINE_LOOK").unwrap_or_else(|_| "127.0.0.1:8100".into());
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    super::run(listener, state(&site.database()), std::future::pending()).await.unwrap();
}
