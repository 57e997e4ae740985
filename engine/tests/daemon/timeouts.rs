//! Clients that are slow on purpose or by accident: each ends after a while, and none keeps others from being served.

use std::time::Duration;

use benchline_engine::config::Config;

use super::talk::{Talk, announcing, head};
use super::until;
use crate::support::{Http, TestServer, payload, quick, run_test};

fn short_timeouts() -> Config {
    let mut config = quick();
    (config.server.head_seconds, config.server.body_seconds) = (1, 1);
    config
}

/// A byte now and then, which is always soon enough for a timeout that begins anew with each.
async fn drip(talk: &mut Talk, bytes: &[u8]) {
    for byte in bytes.iter().cycle() {
        if talk.is_closed_by_now().await || !talk.try_send(&[*byte]).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Side by side, as each waits for a second or several that its server allows.
#[test]
fn slow_clients_time_out_and_idle_connections_make_room() {
    run_test(async {
        tokio::join!(
            slow_or_missing_heads_close_the_connection(),
            slow_bodies_get_a_408(),
            a_client_that_does_not_read_loses_the_connection(),
            idle_connections_make_room_for_others()
        );
    });
}

async fn slow_or_missing_heads_close_the_connection() {
    let server = TestServer::start(&short_timeouts()).await;
    let mut dripping = Talk::to(&server.address).await;
    dripping.send(b"GET /healthz HTTP/1.1\r\nX-Slow: ").await;
    let mut silent = Talk::to(&server.address).await;
    let mut idle = Talk::to(&server.address).await;
    assert_eq!(idle.ask("GET", "/healthz", "", b"").await.status, 200);
    tokio::join!(drip(&mut dripping, b"x"), async { assert!(silent.is_closed().await) }, async {
        assert!(idle.is_closed().await);
    });
}

async fn slow_bodies_get_a_408() {
    let server = TestServer::start(&short_timeouts()).await;
    let ana = server.user("ana").await;
    let slot = "/v1/users/ana/recovery";
    let headers = format!("{}If-None-Match: *\r\n", ana.bearer());
    let mut small = Talk::to(&server.address).await;
    small.send(&head("PUT", slot, &headers, 1000)).await;
    let mut blob = Talk::to(&server.address).await;
    let content = payload(1, 100_000);
    blob.send(&head("PUT", "/v1/users/ana/blobs/mail/a", &announcing(&ana, &content), content.len())).await;
    tokio::join!(answered(&mut small, b"x"), answered(&mut blob, &content));
    let http = Http::to(&server.address);
    assert_eq!(http.of(&ana, "GET", slot, "", b"").await.status, 404);
    assert_eq!(http.of(&ana, "GET", "/v1/users/ana/blobs/mail/a", "", b"").await.status, 404);
}

/// Drips until the answer comes, which must be a 408.
async fn answered(talk: &mut Talk, bytes: &[u8]) {
    let mut bytes = bytes.iter().cycle();
    while !talk.has_answer_by_now().await {
        talk.try_send(&[*bytes.next().unwrap()]).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    talk.answer().await.expect_problem(408, "timeout");
}

async fn a_client_that_does_not_read_loses_the_connection() {
    let server = TestServer::start(&short_timeouts()).await;
    let ana = server.user("ana").await;
    let http = Http::to(&server.address);
    let content = payload(1, 16 << 20);
    let path = "/v1/users/ana/blobs/mail/a";
    assert_eq!(http.request("PUT", path, &announcing(&ana, &content), &content).await.status, 201);
    let mut greedy = Talk::to(&server.address).await;
    greedy.send(&head("GET", path, &ana.bearer(), 0)).await;
    let open = async |count: usize| {
        let metrics = http.request("GET", "/metrics", "", b"").await;
        String::from_utf8(metrics.body).unwrap().contains(&format!("benchline_connections {count}\n"))
    };
    until("the connection is there", || open(2)).await;
    until("the connection is gone", || open(1)).await;
}

async fn idle_connections_make_room_for_others() {
    let mut config = quick();
    config.server.connections = 3;
    let server = TestServer::start(&config).await;
    let ana = server.user("ana").await;
    let content = payload(1, 100_000);
    let mut busy = Talk::to(&server.address).await;
    busy.send(&head("PUT", "/v1/users/ana/blobs/mail/a", &announcing(&ana, &content), content.len())).await;
    busy.send(&content[..1000]).await;
    let mut idle = Talk::to(&server.address).await;
    assert_eq!(idle.ask("GET", "/healthz", "", b"").await.status, 200);
    let mut silent = Talk::to(&server.address).await;

    let mut late = Talk::to(&server.address).await;
    assert_eq!(late.ask("GET", "/healthz", "", b"").await.status, 200);
    assert!(idle.is_closed().await && silent.is_closed().await);
    busy.send(&content[1000..]).await;
    assert_eq!(busy.answer().await.status, 201, "who was busy was left alone");
}

#[test]
fn busy_answers_have_retry_after() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        // Eight streams of one user, and a ninth.
        let path = "/v1/users/ana/peers/00000000000000aa/documents";
        let headers = format!("{}Content-Type: application/vnd.benchline.documents\r\n", ana.bearer());
        let http = Http::to(&server.address);
        let mut streams = Vec::new();
        for _ in 0..8 {
            streams.push(http.begin("POST", path, &headers, 1000).await);
        }
        let more = http.request("POST", path, &headers, b"").await;
        assert_eq!(more.status, 503);
        assert!(more.head.to_lowercase().contains("retry-after: 1"), "{}", more.head);
    });
}
