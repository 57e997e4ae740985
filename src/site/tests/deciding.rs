//! Pages of what was decided: comparisons, findings, calibrations, and what they add to the pages that were there.

use axum::http::StatusCode;
use serde_json::Value as Json;

use super::{TestSite, fixture};
use crate::site::fixture::{ENVIRONMENT, Size};

/// The addresses of the pages of this file.
pub(super) const ADDRESSES: [&str; 11] = [
    "/comparisons",
    "/comparison/1",
    "/comparison/1?scenario=sync/upload",
    "/comparison/2",
    "/findings",
    "/findings?state=all",
    "/finding/1",
    "/finding/2",
    "/finding/4",
    "/scenarios/sync/upload",
    "/calibration",
];

async fn json(site: &TestSite, address: &str) -> Json {
    serde_json::from_str(&site.page(address).await).unwrap()
}

fn headline(page: &str) -> &str {
    page.split("<h1>").nth(1).unwrap().split("</h1>").next().unwrap()
}

/// The address of the series of comparison 1 with this verdict.
pub(super) async fn series(site: &TestSite, word: &str) -> String {
    let page = site.page("/comparison/1").await;
    let row = page.split("<tr id=\"").skip(1).find(|row| row.contains(&format!("class=\"sign {word}\""))).unwrap();
    row.split("href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&")
}

#[tokio::test]
async fn a_comparison_answers_first_and_shows_the_worst_first() {
    let site = TestSite::decided();
    let page = site.page("/comparison/1").await;
    let told = json(&site, "/api/v1/comparisons/1").await;
    let counted: u64 = told["summary"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    let worse = told["summary"]["worse"].as_u64().unwrap();
    assert!(worse > 0 && headline(&page).contains(&format!("{worse} of {counted} gate series")), "{}", headline(&page));
    let words = ["worse", "better", "inconclusive", "equivalent", "unusable"];
    for word in words {
        assert!(told["summary"][word].as_u64().unwrap() > 0, "{word}: {}", told["summary"]);
        assert!(page.contains(&format!("{word}</span>")), "{word}");
    }
    // Within a scenario, verdicts stand in the order of their urgency.
    let upload =
        page.split("href=\"/scenarios/sync/upload\"").nth(1).unwrap().split("<tr class=\"group\"").next().unwrap();
    let places: Vec<usize> =
        ["worse", "better", "equivalent"].map(|word| upload.find(&format!("\"sign {word}\"")).unwrap()).to_vec();
    assert!(places.is_sorted(), "{places:?}");
    for said in ["8841", "6 blocks, then 9 fresh ones", "p below 0.1 is suspicious", "benchline compare", "AMD EPYC"] {
        assert!(page.contains(said), "{said}");
    }
    assert!(page.contains("only described") && page.contains("1 failed in the head"));
    let only = site.page("/comparison/1?scenario=store/create").await;
    assert!(!only.contains("100 × 100 kB") && only.contains("1000 × 10 kB"));
}

#[tokio::test]
async fn a_series_shows_its_blocks_and_how_the_verdict_came_about() {
    let site = TestSite::decided();
    let worse = series(&site, "worse").await;
    let page = site.page(&worse).await;
    assert!(page.contains("Worse: 1.1") && page.contains("made this series suspicious"), "{page}");
    assert!(page.contains("9 fresh blocks of the second stage decide alone"));
    assert_eq!(page.matches("<title>stage ").count(), 15, "a mark for each block");
    let query = worse.split_once('?').unwrap().1;
    let csv = site.page(&format!("/comparison/1/series.csv?{query}")).await;
    let told = json(&site, &format!("/api/v1/comparisons/1/series?{query}")).await;
    let blocks = told["blocks"].as_array().unwrap();
    assert_eq!((csv.lines().count(), blocks.len()), (16, 15), "{csv}");
    for (row, block) in csv.lines().skip(1).zip(blocks) {
        let fields: Vec<&str> = row.split(',').collect();
        let number = |at: usize| fields[at].parse::<f64>().unwrap();
        assert!((number(8) - block["effect"].as_f64().unwrap()).abs() < 1e-12, "{row}");
        assert!((number(6) / number(5) - number(8)).abs() < 1e-12, "{row}");
    }
    // The median of the second stage is what the fixture states.
    let mut second: Vec<f64> = blocks[6..].iter().map(|block| block["effect"].as_f64().unwrap()).collect();
    second.sort_by(f64::total_cmp);
    assert!((second[4] - told["verdict"]["effect"].as_f64().unwrap()).abs() < 1e-9);
    let drawing = site.get(&format!("/comparison/1/series.svg?{query}")).await;
    assert_eq!(drawing.headers["content-type"], "image/svg+xml");
    let unusable = site.page(&series(&site, "unusable").await).await;
    assert!(unusable.contains("No block of this series was measured"));
}

#[tokio::test]
async fn commits_say_what_was_decided_about_them_or_why_nothing_was() {
    let site = TestSite::decided();
    let commit = async |position| site.page(&format!("/commits/{}", fixture::commit(position))).await;
    let newest = commit(4).await;
    assert!(newest.contains("gate series") && newest.contains("href=\"/comparison/1\""), "{newest}");
    assert!(commit(3).await.contains("The same program: nothing can have changed"));
    assert!(commit(2).await.contains("It has no subject that speaks the contract"));
    assert!(commit(1).await.contains("The first commit has no parent"));
    let home = site.page("/").await;
    assert!(headline(&home).contains("gate series") && home.contains("class=\"sign worse\" href=\"/comparison/1\""));
    let alone = TestSite::filled();
    let page = alone.page(&format!("/commits/{}", fixture::commit(4))).await;
    let asked = format!("benchline run {} --profile gate", &fixture::commit(4)[..8]);
    assert!(page.contains("No verdict yet") && page.contains(&asked), "{page}");
}

#[tokio::test]
async fn comparisons_are_listed_newest_first_a_page_at_a_time() {
    let site = TestSite::decided();
    let page = site.page("/comparisons").await;
    assert!(page.find("/comparison/2").unwrap() < page.find("/comparison/1").unwrap());
    let older = site.page("/comparisons?before=2").await;
    assert!(!older.contains("\"/comparison/2\"") && older.contains("\"/comparison/1\""));
    assert!(site.page("/comparisons?before=1").await.contains("There are no older ones"));
    let told = json(&site, "/api/v1/comparisons?limit=1").await;
    assert_eq!(
        (told["comparisons"].as_array().unwrap().len(), told["comparisons"][0]["comparison"].as_i64()),
        (1, Some(2))
    );
}

#[tokio::test]
async fn findings_are_listed_by_state_and_shown_with_their_evidence() {
    let site = TestSite::decided();
    let open = site.page("/findings").await;
    assert!(
        headline(&open).contains("2 changes") && open.contains("\"/finding/1\"") && open.contains("\"/finding/3\"")
    );
    assert!(!open.contains("\"/finding/2\""));
    for (state, id) in [("acknowledged", 2), ("noise", 4), ("resolved", 5)] {
        let page = site.page(&format!("/findings?state={state}&environment={ENVIRONMENT}")).await;
        assert!(page.contains(&format!("\"/finding/{id}\"")), "{state}");
        let told = json(&site, &format!("/api/v1/findings?state={state}")).await;
        assert_eq!(told["findings"][0]["finding"].as_i64(), Some(id));
    }
    let page = site.page("/finding/1").await;
    assert!(headline(&page).contains("3 series change") && page.contains("benchline findings ack 1 --because"));
    assert_eq!(
        (page.matches("<figure>").count(), page.matches("line level").count()),
        (3, 5),
        "levels before and after"
    );
    // The comparison that measured the newest commit last left one of the three series out, so it has no level after.
    assert!(page.contains("0.81"), "the ratio");
    assert!(site.page("/finding/2").await.contains("&#60;script&#62;"), "who acknowledged it, escaped");
    assert!(site.page("/finding/4").await.contains("the machine was busy"));
    assert_eq!(json(&site, "/api/v1/findings/2").await["state"], "acknowledged");
}

#[tokio::test]
async fn graphs_lead_to_what_was_decided() {
    let site = TestSite::decided();
    let page = site.page("/scenarios/sync/upload?metric=client.rss_peak").await;
    assert!(page.contains("class=\"mark worse\" href=\"/comparison/1/series?case="), "{page}");
    assert!(page.contains("class=\"mark flag\" href=\"/finding/2\"") && page.contains("⚑ flags"));
    assert!(!site.page("/scenarios/crypto/seal").await.contains("⚑ flags"));
}

#[tokio::test]
async fn a_comparison_in_progress_tells_its_stage_and_block() {
    let site = TestSite::empty();
    let mut writer = fixture::write(&site.database(), Size::SMALL);
    let comparison = fixture::begin_comparison(&mut writer, Size::SMALL);
    for address in ["/".to_owned(), "/comparisons".to_owned(), format!("/comparison/{comparison}")] {
        let page = site.page(&address).await;
        let now =
            page.split("id=\"now\"").nth(1).unwrap_or_else(|| panic!("{address}")).split("</section>").next().unwrap();
        assert!(
            now.contains("stage <span data-now=\"stage\">1</span>, block <span data-now=\"trial\">2</span>"),
            "{now}"
        );
        assert!(now.contains(&format!("href=\"/comparison/{comparison}\"")), "{now}");
    }
    assert!(site.page(&format!("/comparison/{comparison}")).await.contains("Being measured; nothing is decided yet"));
}

#[tokio::test]
async fn wrong_addresses_are_refused_with_help() {
    let site = TestSite::decided();
    for (address, status) in [
        ("/comparison/99", 404),
        ("/comparison/x", 400),
        ("/comparison/1?scenario=..", 400),
        ("/comparison/1/series", 400),
        ("/comparison/1/series?case=00000000&metric=wall_time", 404),
        ("/comparison/1/series?case=zz&metric=wall_time", 400),
        ("/comparison/1/series.csv?case=00000000&metric=bogus", 400),
        ("/comparisons?before=-1", 400),
        ("/findings?state=bogus", 400),
        ("/findings?environment=..", 400),
        ("/findings?page=0", 400),
        ("/finding/99", 404),
        ("/finding/%3Cscript%3E", 400),
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
