//! The live stream, and a server that people look at.

use axum::{body::Body, http::Request};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::support::{TestSite, state};
use crate::site::{
    fixture::{
        decisions,
        history::{self, Size},
    },
    run,
};

#[tokio::test]
async fn the_live_stream_tells_what_stands_and_what_changes() {
    let site = TestSite::empty();
    let size = Size { revisions: 1, ..Size::SMALL };
    let mut writer = history::write(&site.database(), size);
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
    history::begin_worktree(&mut writer, size);
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
    let server = tokio::spawn(run(listener, state(&site.database()), async { drop(stopped.await) }));
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
    let mut writer = history::write(&site.database(), Size::LARGE);
    decisions::decide(&mut writer, &site.database(), Size::LARGE);
    if std::env::var_os("BENCHLINE_LOOK_COMPARISON").is_some() {
        decisions::begin_comparison(&mut writer, Size::LARGE);
    }
    let measured = history::begin_worktree(&mut writer, Size::LARGE);
    let pace = std::time::Duration::from_secs(1);
    std::thread::spawn(move || history::measure_slowly(&mut writer, measured, Size::LARGE, pace));
    let address = std::env::var("BENCHLINE_LOOK").unwrap_or_else(|_| "127.0.0.1:8100".into());
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    run(listener, state(&site.database()), std::future::pending()).await.unwrap();
}
