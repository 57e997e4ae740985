//! The hot paths of the platform, timed by criterion: `cargo bench --bench hot_paths`, with an HTML report in
//! `target/criterion/`. Those of the engine are in `engine/benches/hot_paths.rs`, under the same name.
//!
//! The signature of a webhook follows with the room that verifies it.

// A benchmark that cannot be set up has nothing to say.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use benchline::{
    history::{Reader, Writer},
    model::RunId,
    selfbench::synthetic_history::{case, fill, start, trial},
    site::{SiteState, app},
    stats::{LEVEL, LevelScale, Sorted, median_interval, segments},
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tower::ServiceExt as _;

/// Commits of the history behind the page.
const COMMITS: u64 = 40;

/// Numbers that look random and are the same every time, between 0 and 1.
fn noise(at: u64) -> f64 {
    (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1u64 << 53) as f64
}

/// Keeping a trial packs its columns, and reaches the disk; reading one unpacks them.
fn columns(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("benchline.sqlite");
    let mut writer = Writer::open(&path).unwrap();
    let run = writer.open_run(&start(1, u32::MAX)).unwrap().id;
    let mut next = 0;
    criterion.bench_function("keep a trial of five columns", |bencher| {
        let numbered = || {
            next += 1;
            trial(next)
        };
        bencher.iter_batched(numbered, |trial| writer.record_trial(run, &trial).unwrap(), BatchSize::PerIteration);
    });
    let other = writer.open_run(&start(2, 1)).unwrap().id;
    writer.record_trial(other, &trial(0)).unwrap();
    let reader = Reader::open(&path).unwrap();
    criterion.bench_function("read a trial of five columns", |bencher| {
        bencher.iter(|| reader.trials(black_box(other), &case().key()).unwrap());
    });
}

fn statistics(criterion: &mut Criterion) {
    let values: Vec<f64> = (0..40).map(|at| 100.0 + noise(at)).collect();
    criterion.bench_function("interval of a median of 40", |bencher| {
        bencher.iter(|| median_interval(&Sorted::new(black_box(&values)).unwrap(), LEVEL).unwrap());
    });
    let level = |at| if at < 2500 { 100.0 } else { 105.0 };
    let series: Vec<f64> = (0..5000).map(|at| level(at) * (1.0 + 0.02 * noise(at))).collect();
    criterion.bench_function("change points of 5000 points", |bencher| {
        bencher.iter(|| segments(black_box(&series), LevelScale::Ratio).unwrap());
    });
}

/// Each answer comes from a site that has no page in memory yet.
fn page(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("benchline.sqlite");
    let _writer = fill(&history, COMMITS).unwrap();
    assert!(!Reader::open(&history).unwrap().measurements(RunId(1)).unwrap().is_empty());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let site = || app(SiteState { history: history.clone(), scenarios: [].into(), title: "Bench".to_owned() });
    let address = format!("/scenarios/{}", case().scenario);
    let get = |site: Router| {
        let request = Request::get(&address).body(Body::empty()).unwrap();
        runtime.block_on(async {
            let answer = site.oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            to_bytes(answer.into_body(), usize::MAX).await.unwrap()
        })
    };
    criterion.bench_function("page of a scenario over 40 commits", |bencher| {
        bencher.iter_batched(site, get, BatchSize::PerIteration);
    });
}

criterion_group!(hot_paths, columns, statistics, page);
criterion_main!(hot_paths);
