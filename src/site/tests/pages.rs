//! What pages say, and that they are small, strict and linked.

use axum::http::StatusCode;

use super::support::{TestSite, every_page};
use crate::{
    history::Writer,
    site::fixture::history::{self, Size},
};

#[tokio::test]
async fn the_page_of_a_scenario_with_a_baseline_says_what_each_setting_buys() {
    let site = TestSite::filled();
    let page = site.page("/scenarios/crypto/seal").await;
    let (_, table) = page.split_once("Effect of each setting").unwrap();
    let (table, _) = table.split_once("</table>").unwrap();
    // The other cipher takes 3.1 times as long in this history.
    for size in ["10 kB", "100 kB", "1 MB", "10 MB"] {
        let row = table.split("<tr").find(|row| row.contains(&format!("{size} chacha20 against {size} aes-256-gcm")));
        let row = row.unwrap_or_else(|| panic!("no row of {size}"));
        assert!(row.contains("3.1") || row.contains("3.09"), "{size}: {row}");
        assert!(row.contains("…"), "{size} has no interval: {row}");
    }
    assert!(!site.page("/scenarios/sync/upload").await.contains("Effect of each setting"));
}

#[tokio::test]
async fn an_empty_site_says_what_to_do_and_picks_the_history_up() {
    let site = TestSite::empty();
    for address in ["/", "/scenarios", "/scenarios/sync/upload", "/environments", "/about"] {
        site.page(address).await;
    }
    assert!(site.page("/").await.contains("benchline up"));
    let missing = site.get("/runs/1").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.text.contains("benchline up"), "{}", missing.text);
    let before = site.get("/").await.headers["etag"].clone();
    let writer = Writer::open(&site.database()).unwrap();
    assert!(site.page("/").await.contains("The program is being built"));
    drop(writer);
    assert!(site.page("/").await.contains("benchline up"));
    drop(history::write(&site.database(), Size { revisions: 1, ..Size::SMALL }));
    let after = site.get("/").await;
    assert!(after.text.contains(&history::commit(1)[..8]) && after.headers["etag"] != before);
}

#[tokio::test]
async fn the_overview_answers_first() {
    let site = TestSite::filled();
    let page = site.page("/").await;
    let newest = history::commit(4);
    let headline = page.split("<h1>").nth(1).unwrap().split("</h1>").next().unwrap();
    assert!(headline.contains(&newest[..8]), "{headline}");
    for position in 1..=4 {
        assert!(page.contains(&format!("/commits/{}", history::commit(position))), "{position}");
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
