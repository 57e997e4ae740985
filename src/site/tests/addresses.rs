//! Addresses that are wrong, methods that do not exist, headers that every answer has.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};

use super::support::{TestSite, json};
use crate::site::fixture::history::ENVIRONMENT;

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
async fn wrong_addresses_of_decisions_are_refused_with_help() {
    let site = TestSite::decided();
    for (address, status) in [
        ("/comparisons/99", 404),
        ("/comparisons/x", 400),
        ("/comparisons/1?scenario=..", 400),
        ("/comparisons/1/series", 400),
        ("/comparisons/1/series?case=00000000&metric=wall_time", 404),
        ("/comparisons/1/series?case=zz&metric=wall_time", 400),
        ("/comparisons/1/series.csv?case=00000000&metric=bogus", 400),
        ("/comparisons?before=-1", 400),
        ("/findings?state=bogus", 400),
        ("/findings?environment=..", 400),
        ("/findings?page=0", 400),
        ("/findings/99", 404),
        ("/findings/%3Cscript%3E", 400),
    ] {
        let answer = site.get(address).await;
        assert_eq!(answer.status.as_u16(), status, "{address}: {}", answer.text);
        assert!(answer.text.contains("<h1>") && !answer.text.contains("<script>"), "{address}");
    }
    assert_eq!(site.get("/api/v1/comparisons?limit=0").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(site.get("/api/v1/findings?state=bogus").await.status, StatusCode::BAD_REQUEST);
    let empty = TestSite::empty();
    for address in ["/comparisons", "/findings", "/calibration"] {
        assert!(empty.page(address).await.contains("benchline "), "{address} says what to do");
    }
    assert_eq!(json(&empty, "/api/v1/findings").await["findings"].as_array().unwrap().len(), 0);
}
