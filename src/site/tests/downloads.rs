//! Downloads and the API hold what was measured.

use super::support::{TestSite, first_case};
use crate::site::fixture::history::{self, ENVIRONMENT};

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
    assert_eq!((&shifts[0]["name"], &shifts[0]["revision"]), (&"kernel".into(), &history::commit(3).into()));
    let graph =
        site.page(&format!("/scenarios/sync/upload?environment={}", series["environment"].as_str().unwrap())).await;
    let told = format!("Since {}: kernel 6.18.1 → 6.18.44.", &history::commit(3)[..8]);
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
