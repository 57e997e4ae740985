//! Copies that browsers hold: never sent again while they are right, never kept when they are not.

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};

use super::support::{TestSite, ask, every_page, serve, state};
use crate::site::fixture::history::{self, ENVIRONMENT, Size};

#[tokio::test]
async fn a_copy_that_is_still_right_is_not_sent_again() {
    let site = TestSite::empty();
    let mut writer = history::write(&site.database(), Size { revisions: 1, ..Size::SMALL });
    let first = site.get("/").await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(first.headers["cache-control"], "no-cache");
    let again = |tag: String| Request::get("/").header("if-none-match", tag).body(Body::empty()).unwrap();
    let held = site.send(again(tag.clone())).await;
    assert_eq!((held.status, held.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(held.headers["etag"], tag.as_str());
    assert_eq!(site.send(again(format!("\"other\", {tag}"))).await.status, StatusCode::NOT_MODIFIED);
    assert_eq!(site.send(again("W/\"other\"".into())).await.status, StatusCode::OK);
    history::begin_worktree(&mut writer, Size { revisions: 1, ..Size::SMALL });
    let changed = site.send(again(tag)).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert!(changed.text.contains("<b>Measuring</b>"), "{}", changed.text);
    assert_eq!(site.page("/commits/worktree").await.matches("<b>Measuring</b>").count(), 1);
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

/// Every kind of address that carries an ETag.
async fn tagged_addresses(site: &TestSite) -> Vec<String> {
    let mut addresses: Vec<String> = every_page(site).await.into_iter().map(|(address, _)| address).collect();
    let series = format!("scenario=sync/upload&metric=wall_time&environment={ENVIRONMENT}");
    addresses.extend([format!("/series.csv?{series}"), format!("/series.svg?{series}"), "/api/v1/runs".to_owned()]);
    addresses
}

/// Whether a router answers 304 to somebody who holds this tag.
async fn takes_for_fresh(router: &Router, address: &str, tag: &str) -> bool {
    let request = Request::get(address).header("if-none-match", tag).body(Body::empty()).unwrap();
    let answer = ask(router, request).await;
    assert!([StatusCode::OK, StatusCode::NOT_MODIFIED].contains(&answer.status), "{address}: {}", answer.text);
    assert_ne!(answer.status == StatusCode::NOT_MODIFIED, answer.headers["etag"] != tag, "{address}");
    answer.status == StatusCode::NOT_MODIFIED
}

#[tokio::test]
async fn a_copy_is_stale_once_anything_changed_that_its_page_is_made_of() {
    let site = TestSite::decided();
    let base = state(&site.database());
    let restarted = serve(base.clone(), "one-build");
    let rebuilt = serve(base.clone(), "another-build");
    let mut reworded = base.clone();
    let mut texts = reworded.scenarios.to_vec();
    texts[3].reading.push_str(" A better explanation.");
    reworded.scenarios = texts.into();
    let reworded = serve(reworded, "one-build");
    let renamed = serve(crate::site::SiteState { title: "Another project".into(), ..base }, "one-build");
    let mut held = Vec::new();
    for address in tagged_addresses(&site).await {
        let tag = site.get(&address).await.headers["etag"].to_str().unwrap().to_owned();
        for same in [&site.router, &restarted] {
            assert!(takes_for_fresh(same, &address, &tag).await, "{address} did not change");
        }
        for (changed, what) in [(&rebuilt, "the build"), (&reworded, "a scenario"), (&renamed, "the title")] {
            assert!(!takes_for_fresh(changed, &address, &tag).await, "{address} is stale: {what} changed");
        }
        held.push((address, tag));
    }
    let mut writer = crate::history::Writer::open(&site.database()).unwrap();
    history::begin_worktree(&mut writer, Size::SMALL);
    for (address, tag) in held {
        assert!(!takes_for_fresh(&site.router, &address, &tag).await, "{address} is stale: the data changed");
    }
}
