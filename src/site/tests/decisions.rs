//! Pages of what was decided: comparisons, findings, calibrations, and what they add to the other pages.

use super::support::{TestSite, headline, json, series};
use crate::site::fixture::{
    decisions,
    history::{self, ENVIRONMENT, Size},
};

#[tokio::test]
async fn a_comparison_answers_first_and_shows_the_worst_first() {
    let site = TestSite::decided();
    let page = site.page("/comparisons/1").await;
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
    for said in ["8841", "6 blocks, then 9 fresh ones", "suspicious below p = 0.1", "benchline compare", "AMD EPYC"] {
        assert!(page.contains(said), "{said}");
    }
    assert!(page.contains("more series without a verdict") && page.contains("1 failure in the head"));
    let only = site.page("/comparisons/1?scenario=store/create").await;
    assert!(!only.contains("100 × 100 kB") && only.contains("1000 × 10 kB"));
}

#[tokio::test]
async fn a_series_shows_its_blocks_and_how_the_verdict_came_about() {
    let site = TestSite::decided();
    let worse = series(&site, "worse").await;
    let page = site.page(&worse).await;
    assert!(page.contains("Worse: 1.1") && page.contains("made this series suspicious"), "{page}");
    assert!(page.contains("Only the fresh data decide: 9 fresh blocks of the second stage"));
    assert_eq!(page.matches("<title>stage ").count(), 15, "a mark for each block");
    let query = worse.split_once('?').unwrap().1;
    let csv = site.page(&format!("/comparisons/1/series.csv?{query}")).await;
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
    let drawing = site.get(&format!("/comparisons/1/series.svg?{query}")).await;
    assert_eq!(drawing.headers["content-type"], "image/svg+xml");
    let unusable = site.page(&series(&site, "unusable").await).await;
    assert!(unusable.contains("No block of this series was measured"));
}

#[tokio::test]
async fn commits_say_what_was_decided_about_them_or_why_nothing_was() {
    let site = TestSite::decided();
    let commit = async |position| site.page(&format!("/commits/{}", history::commit(position))).await;
    let newest = commit(4).await;
    assert!(newest.contains("gate series") && newest.contains("href=\"/comparisons/1\""), "{newest}");
    assert!(commit(3).await.contains("The same program: nothing can have changed"));
    assert!(commit(2).await.contains("It has no subject that speaks the contract"));
    assert!(commit(1).await.contains("The first commit has no parent"));
    let home = site.page("/").await;
    assert!(headline(&home).contains("gate series") && home.contains("class=\"sign worse\" href=\"/comparisons/1\""));
    let alone = TestSite::filled();
    let page = alone.page(&format!("/commits/{}", history::commit(4))).await;
    let asked = format!("benchline run {} --profile gate", &history::commit(4)[..8]);
    assert!(page.contains("No verdict yet") && page.contains(&asked), "{page}");
}

#[tokio::test]
async fn comparisons_are_listed_newest_first_a_page_at_a_time() {
    let site = TestSite::decided();
    let page = site.page("/comparisons").await;
    assert!(page.find("/comparisons/2").unwrap() < page.find("/comparisons/1").unwrap());
    let older = site.page("/comparisons?before=2").await;
    assert!(!older.contains("\"/comparisons/2\"") && older.contains("\"/comparisons/1\""));
    assert!(site.page("/comparisons?before=1").await.contains("There are no older comparisons"));
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
        headline(&open).contains("2 findings") && open.contains("\"/findings/1\"") && open.contains("\"/findings/3\"")
    );
    assert!(!open.contains("\"/findings/2\""));
    for (state, id) in [("acknowledged", 2), ("noise", 4), ("resolved", 5)] {
        let page = site.page(&format!("/findings?state={state}&environment={ENVIRONMENT}")).await;
        assert!(page.contains(&format!("\"/findings/{id}\"")), "{state}");
        let told = json(&site, &format!("/api/v1/findings?state={state}")).await;
        assert_eq!(told["findings"][0]["finding"].as_i64(), Some(id));
    }
    let page = site.page("/findings/1").await;
    assert!(headline(&page).contains("3 series change") && page.contains("benchline findings ack 1 --because"));
    assert_eq!(
        (page.matches("<figure>").count(), page.matches("line level").count()),
        (3, 5),
        "levels before and after"
    );
    // The comparison that measured the newest commit last left one of the three series out, so it has no level after.
    assert!(page.contains("0.81"), "the ratio");
    assert!(site.page("/findings/2").await.contains("&#60;script&#62;"), "who acknowledged it, escaped");
    assert!(site.page("/findings/4").await.contains("the machine was busy"));
    assert_eq!(json(&site, "/api/v1/findings/2").await["state"], "acknowledged");
}

#[tokio::test]
async fn graphs_lead_to_what_was_decided() {
    let site = TestSite::decided();
    let page = site.page("/scenarios/sync/upload?metric=client.rss_peak").await;
    assert!(page.contains("class=\"mark worse\" href=\"/comparisons/1/series?case="), "{page}");
    assert!(page.contains("class=\"mark flag\" href=\"/findings/2\"") && page.contains("⚑ flags"));
    assert!(!site.page("/scenarios/crypto/seal").await.contains("⚑ flags"));
}

#[tokio::test]
async fn a_comparison_in_progress_tells_its_stage_and_block() {
    let site = TestSite::empty();
    let mut writer = history::write(&site.database(), Size::SMALL);
    let comparison = decisions::begin_comparison(&mut writer, Size::SMALL);
    for address in ["/".to_owned(), "/comparisons".to_owned(), format!("/comparisons/{comparison}")] {
        let page = site.page(&address).await;
        let now = page
            .split("id=\"progress\"")
            .nth(1)
            .unwrap_or_else(|| panic!("{address}"))
            .split("</section>")
            .next()
            .unwrap();
        assert!(
            now.contains("stage <span data-progress=\"stage\">1</span>, block <span data-progress=\"trial\">2</span>"),
            "{now}"
        );
        assert!(now.contains(&format!("href=\"/comparisons/{comparison}\"")), "{now}");
    }
    assert!(site.page(&format!("/comparisons/{comparison}")).await.contains("Being measured; nothing is decided yet"));
}
