//! A calibration as tables.

use super::columns::columns;
use crate::{
    judge::shares::{Share, share, touches},
    model::{Metric, Rate, RatedSeries, VariantKind},
    report::{
        CalibrationReport,
        format::{self, NONE, claim, hundreds, plural, variant as name},
    },
};

/// Everything that a calibration says, as text.
pub fn calibration(report: &CalibrationReport) -> String {
    let mut parts = vec![heading(report)];
    if report.rates.iter().all(|rate| rate.pairs == 0) {
        let window = window(report);
        parts.push(format!(
            "nothing could be replayed yet, which takes {window} blocks of a case: the same command goes on\n"
        ));
        return parts.join("\n");
    }
    parts.push(format!("false verdicts per 100 clean commits\n{}", false_verdicts(report)));
    let power = power(report);
    if !power.is_empty() {
        parts.push(format!("caught, of the windows of every series that the injection touches\n{power}"));
    }
    parts.push(format!(
        "by series: share of windows that ended worse or better\n{}spread: of the block effects. resolution: what is \
         caught with 90% probability, as stated.\n",
        by_series(report)
    ));
    parts.join("\n")
}

fn heading(report: &CalibrationReport) -> String {
    let CalibrationReport { calibration, environment_id, build, state, blocks, design, .. } = report;
    format!(
        "calibration {calibration} of {environment_id}: {}, {} of each case, program {} compared with itself\n\
         replayed {} + {}, budget {}, {}\n",
        state.as_str(),
        plural(*blocks, "block"),
        build.sha256.get(..12).unwrap_or(&build.sha256),
        design.first_blocks,
        plural(design.second_blocks, "block"),
        format::share(design.budget),
        plural(design.gate_series, "gate series"),
    )
}

/// Blocks in a window.
fn window(report: &CalibrationReport) -> u32 {
    report.design.first_blocks.saturating_add(report.design.second_blocks)
}

/// The variants that change nothing, one by one, and those of another link order together: whole commits.
fn false_verdicts(report: &CalibrationReport) -> String {
    let commits = |wanted: fn(&VariantKind) -> bool| -> Vec<&Rate> {
        report.rates.iter().filter(|rate| rate.series.is_none() && wanted(&rate.variant)).collect()
    };
    let same = commits(|variant| *variant == VariantKind::Same);
    let neutral = commits(|variant| matches!(variant, VariantKind::Neutral(_)));
    let mut rows = vec![["", "pairs", "false", "per 100", "95%", "without overlap", "95%"].map(str::to_owned).to_vec()];
    let mut add = |title: String, rates: &[&Rate]| {
        let found = share(rates.iter().copied());
        rows.extend(found.map(|found| [vec![title], figures(&found)].concat()));
        found
    };
    let same = add(name(VariantKind::Same), &same);
    for rate in neutral.iter().filter(|_| neutral.len() > 1) {
        add(name(rate.variant), &[rate]);
    }
    let neutral = add("linked in another order".to_owned(), &neutral);
    let mut text = columns(&rows, &[false, true, true, true, true, true, true]);
    let claims = [("the same program", same), ("linked in another order", neutral)];
    for (what, found) in claims {
        if let Some(found) = found {
            text.push_str(&format!("{what}: {}\n", claim(&found, window(report))));
        }
    }
    text
}

/// Pairs, flagged, share, interval, independent pairs, their interval; in hundreds.
fn figures(found: &Share) -> Vec<String> {
    vec![
        found.pairs.to_string(),
        found.flagged.to_string(),
        hundreds(found.share),
        format!("{} … {}", hundreds(found.interval.low), hundreds(found.interval.high)),
        found.independent.to_string(),
        format!("{} … {}", hundreds(found.cautious.low), hundreds(found.cautious.high)),
    ]
}

/// Each injection on each metric that it touches, all cases together.
fn power(report: &CalibrationReport) -> String {
    let head = ["", "metric", "windows", "caught", "per 100", "95%", "without overlap", "95%"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for variant in variants(report) {
        for metric in metrics(report).into_iter().filter(|metric| touches(variant, *metric)) {
            let of = |rate: &&Rate| rate.variant == variant && rate.series.as_ref().is_some_and(|s| s.metric == metric);
            let found = share(report.rates.iter().filter(of));
            rows.extend(found.map(|found| [vec![name(variant), metric.to_string()], figures(&found)].concat()));
        }
    }
    if rows.len() == 1 { String::new() } else { columns(&rows, &[false, false, true, true, true, true, true, true]) }
}

/// A row a series, a column a variant.
fn by_series(report: &CalibrationReport) -> String {
    let shown = variants(report);
    let mut head = ["scenario", "case", "metric", "spread", "resolution"].map(str::to_owned).to_vec();
    head.extend(shown.iter().map(|variant| name(*variant)));
    let mut rows = vec![head];
    for series in all_series(report) {
        let rate = |variant: VariantKind| {
            report.rates.iter().find(|r| r.variant == variant && r.series.as_ref() == Some(series))
        };
        let same = rate(VariantKind::Same);
        let figure = |figure: Option<f64>| figure.map_or(NONE.to_owned(), format::share);
        let mut row = vec![
            series.case.scenario.clone(),
            series.label.0.clone(),
            series.metric.to_string(),
            figure(same.and_then(|rate| rate.spread)),
            figure(same.and_then(|rate| rate.resolution)),
        ];
        row.extend(shown.iter().map(|variant| match rate(*variant) {
            // An injection elsewhere says nothing about this series.
            Some(_) if is_injection(*variant) && !touches(*variant, series.metric) => String::new(),
            Some(rate) => figure(share([rate]).map(|found| found.share)),
            None => NONE.to_owned(),
        }));
        rows.push(row);
    }
    let right: Vec<bool> = (0..rows[0].len()).map(|column| column > 2).collect();
    columns(&rows, &right)
}

fn is_injection(variant: VariantKind) -> bool {
    matches!(variant, VariantKind::Slowdown(_) | VariantKind::Memory(_))
}

/// The variants that have rates, in the order in which they were stored.
fn variants(report: &CalibrationReport) -> Vec<VariantKind> {
    first_of_each(report.rates.iter().map(|rate| rate.variant))
}

fn metrics(report: &CalibrationReport) -> Vec<Metric> {
    first_of_each(all_series(report).into_iter().map(|series| series.metric))
}

fn all_series(report: &CalibrationReport) -> Vec<&RatedSeries> {
    first_of_each(report.rates.iter().filter_map(|rate| rate.series.as_ref()))
}

fn first_of_each<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.fold(Vec::new(), |mut seen, value| {
        if !seen.contains(&value) {
            seen.push(value);
        }
        seen
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Calibration, Case, CaseLabel, Design, Quantity, Role, RunState, SubjectBuild, UnixMillis, Values,
    };

    fn series(metric: Metric) -> Option<RatedSeries> {
        let case = Case {
            scenario: "crypto/seal".into(),
            version: 1,
            operation: "crypto/seal".into(),
            parameters: Values::new(),
            configuration: Values::new(),
        };
        Some(RatedSeries { case, label: CaseLabel("10 kB".into()), metric })
    }

    fn rate(variant: VariantKind, series: Option<RatedSeries>, flagged: u32) -> Rate {
        let known = series.is_some().then_some(0.012);
        Rate { variant, series, pairs: 81, independent: 3, flagged, spread: known, resolution: known.map(|x| x * 2.0) }
    }

    fn report_of(rates: Vec<Rate>) -> CalibrationReport {
        CalibrationReport::from(Calibration {
            id: 1,
            environment: "abcdef012345".into(),
            build: SubjectBuild {
                sha256: "0123456789abcdef".into(),
                inputs: "fedcba".into(),
                toolchain: "rustc 1.95.0".into(),
            },
            state: RunState::Finished,
            started_at: UnixMillis(0),
            finished_at: Some(UnixMillis(1)),
            blocks: 120,
            design: Design {
                first_blocks: 10,
                second_blocks: 30,
                first_alpha: 0.1,
                second_alpha: 0.01,
                budget: 0.01,
                gate_series: 2,
            },
            rates,
        })
    }

    fn whole() -> CalibrationReport {
        let peak = Metric::of(Role::Client, Quantity::RssPeak);
        report_of(vec![
            rate(VariantKind::Same, None, 0),
            rate(VariantKind::Same, series(Metric::WALL_TIME), 0),
            rate(VariantKind::Same, series(peak), 0),
            rate(VariantKind::Slowdown(50_000), None, 81),
            rate(VariantKind::Slowdown(50_000), series(Metric::WALL_TIME), 78),
            rate(VariantKind::Slowdown(50_000), series(peak), 0),
            rate(VariantKind::Neutral(1), None, 1),
            rate(VariantKind::Neutral(1), series(Metric::WALL_TIME), 1),
            rate(VariantKind::Neutral(1), series(peak), 0),
        ])
    }

    #[test]
    fn people_read_rates_with_their_uncertainty() {
        let expected = "\
calibration 1 of abcdef012345: finished, 120 blocks of each case, program 0123456789ab compared with itself
replayed 10 + 30 blocks, budget 1%, 2 gate series

false verdicts per 100 clean commits
                         pairs  false  per 100         95%  without overlap     95%
the same program            81      0        0     0 … 4.5                3  0 … 56
linked in another order     81      1      1.2  0.22 … 6.7                3  0 … 79
the same program: 0 of 81 bounds it at 4.5%: too few pairs to claim a rate of at most 1%; --blocks 439 gives 400
linked in another order: 1 of 81 bounds it at 6.7%: too few pairs to claim a rate of at most 1%; --blocks 439 gives 400

caught, of the windows of every series that the injection touches
     metric     windows  caught  per 100      95%  without overlap       95%
+5%  wall_time       81      78       96  90 … 99                3  21 … 100

by series: share of windows that ended worse or better
scenario     case   metric           spread  resolution  the same program  +5%  linked in order 1
crypto/seal  10 kB  wall_time          1.2%        2.4%                0%  96%               1.2%
crypto/seal  10 kB  client.rss_peak    1.2%        2.4%                0%                      0%
spread: of the block effects. resolution: what is caught with 90% probability, as stated.
";
        assert_eq!(calibration(&whole()), expected);
    }

    #[test]
    fn without_rates_it_says_how_to_get_them() {
        assert!(calibration(&report_of(Vec::new())).contains("nothing could be replayed yet"));
    }
}
