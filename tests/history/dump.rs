//! Everything readable of a history, as JSON whose keys do not depend on the names of fields: two histories with the same
//! content give the same text.

use benchline::{
    history::{GroupCounts, Reader, RunListing},
    model::*,
};
use serde_json::{Value as Json, json};

/// The whole content, as indented text. Numbers are printed so that equal text means equal bits.
pub(super) fn dump(reader: &Reader) -> String {
    let environments = reader.environments().unwrap();
    let series = environments.iter().map(|environment| lines(reader, &environment.id));
    let content = json!({
        "runs": runs(reader).iter().map(|listing| run(reader, listing)).collect::<Vec<_>>(),
        "latest": reader.runs(1000).unwrap().iter().map(|listing| listing.run.id.0).collect::<Vec<_>>(),
        "series": series.collect::<Vec<_>>(),
        "comparisons": comparisons(reader),
        "findings": reader.findings(None, &FindingState::ALL).unwrap().iter().map(finding).collect::<Vec<_>>(),
        "calibrations": reader.calibrations(None).unwrap().iter().map(|of| calibration(reader, of)).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&content).unwrap() + "\n"
}

/// Every run, bases and calibrations included. Runs are numbered from 1 and never deleted.
fn runs(reader: &Reader) -> Vec<RunListing> {
    (1..).map_while(|id| reader.run(RunId(id)).unwrap()).collect()
}

fn run(reader: &Reader, listing: &RunListing) -> Json {
    let run = &listing.run;
    let measurements = reader.measurements(run.id).unwrap();
    let mut cases: Vec<String> = measurements.iter().map(|measurement| measurement.case.key()).collect();
    cases.dedup();
    let trials = cases.iter().flat_map(|key| reader.trials(run.id, key).unwrap());
    let annotations = reader.environment(run.id).unwrap().unwrap().annotations;
    let grades = reader.grades(&[run.id]).unwrap().remove(0);
    json!({
        "id": run.id.0,
        "revision": revision(&run.revision),
        "environment": run.environment,
        "profile": run.profile.as_str(),
        "part": run.part.as_str(),
        "state": run.state.as_str(),
        "build": run.build.as_ref().map(|build| [&build.sha256, &build.inputs, &build.toolchain]),
        "times": [Some(run.started_at.0), run.finished_at.map(|at| at.0)],
        "reproduce": run.reproduce,
        "counts": [listing.sound, listing.noisy, listing.unusable, listing.failures, listing.trials, listing.planned_trials],
        "groups": grades.iter().map(group).collect::<Vec<_>>(),
        "annotations": annotations.iter().map(|annotation| [&annotation.name, &annotation.value]).collect::<Vec<_>>(),
        "measurements": measurements.iter().map(measurement).collect::<Vec<_>>(),
        "failures": reader.failures(run.id).unwrap().iter().map(failure).collect::<Vec<_>>(),
        "trials": trials.map(|of| trial(&of)).collect::<Vec<_>>(),
    })
}

fn revision(revision: &Revision) -> Json {
    let Revision { id, commit, parent, tree, title, committed_at, position, kind } = revision;
    json!([id, commit, parent, tree, title, committed_at.0, position, *kind == RevisionKind::Commit])
}

fn group(of: &GroupCounts) -> Json {
    json!([of.group, of.sound, of.noisy, of.unusable, of.failed, of.unsupported])
}

fn interval(interval: Option<Interval>) -> Json {
    json!(interval.map(|interval| [interval.low, interval.high, interval.level]))
}

fn measurement(measurement: &Measurement) -> Json {
    let summary = &measurement.summary;
    let check = |check: &Check| {
        json!([check.name.as_str(), format!("{:?}", check.status), check.figure, check.limit, check.advice])
    };
    json!({
        "case": measurement.case.key(),
        "label": measurement.label.0,
        "operation_version": measurement.operation_version,
        "metric": measurement.metric.to_string(),
        "estimate": summary.estimate,
        "interval": interval(summary.interval),
        "sizes": [summary.trials, summary.samples],
        "distribution": [summary.minimum, summary.lower_quartile, summary.upper_quartile, summary.p99],
        "spreads": [summary.between, summary.within],
        "grade": measurement.grade.as_str(),
        "checks": measurement.checks.iter().map(check).collect::<Vec<_>>(),
    })
}

fn failure(failure: &Failure) -> Json {
    json!({
        "case": failure.case.as_ref().map(Case::key),
        "label": failure.label.as_ref().map(|label| &label.0),
        "trial": failure.trial,
        "kind": failure.kind.as_str(),
        "message": failure.message,
        "log": failure.log,
        "at": failure.at.0,
    })
}

/// A trial with sums in place of its samples.
fn trial(trial: &Trial) -> Json {
    let sum = |values: &[u64]| values.iter().fold(0u64, |sum, value| sum.wrapping_mul(31).wrapping_add(*value));
    let columns = trial.columns.iter().map(|column| json!([column.metric.to_string(), sum(&column.values)]));
    let points = |line: &Timeline| line.points.iter().flat_map(|p| [p.at_ns, p.cpu_ns, p.rss]).collect::<Vec<_>>();
    let histogram = |of: &LatencyHistogram| of.counts.iter().flat_map(|(a, b)| [*a, *b]).collect::<Vec<_>>();
    let conditions = trial.conditions;
    json!({
        "place": [trial.index, trial.order],
        "started_at": trial.started_at.0,
        "duration_ns": trial.duration_ns,
        "starts": [trial.starts_ns.len() as u64, sum(&trial.starts_ns)],
        "columns": columns.collect::<Vec<_>>(),
        "totals": trial.totals.iter().map(|total| json!([total.metric.to_string(), total.value])).collect::<Vec<_>>(),
        "timelines": trial.timelines.iter().map(|line| json!([line.role.as_str(), sum(&points(line))])).collect::<Vec<_>>(),
        "histograms": trial.histograms.iter().map(|of| json!([of.role.as_str(), sum(&histogram(of))])).collect::<Vec<_>>(),
        "conditions": [conditions.pressure_ppm, conditions.steal_ppm, conditions.others_ppm, Some(conditions.sampler_ppm)],
        "canary": trial.canary.as_ref().map(|of| json!([of.workload, of.before.wall_ns, of.after.cpu_ns])),
        "unavailable": trial.unavailable.iter().map(|of| json!([of.metric.to_string(), of.reason])).collect::<Vec<_>>(),
    })
}

/// The points of all lines of graphs on an environment.
fn lines(reader: &Reader, environment: &str) -> Json {
    let scenarios = reader.scenarios().unwrap();
    let lines = scenarios.iter().flat_map(|scenario| {
        let metrics = reader.metrics(scenario).unwrap();
        metrics.into_iter().flat_map(|metric| reader.series(scenario, metric, environment).unwrap())
    });
    let line = lines.map(|line| {
        let points = line.points.iter().map(|point| json!([point.run.0, point.estimate, interval(point.interval)]));
        json!({
            "id": line.id,
            "case": line.case.key(),
            "metric": line.metric.to_string(),
            "points": points.collect::<Vec<_>>(),
        })
    });
    line.collect()
}

fn comparisons(reader: &Reader) -> Vec<Json> {
    let comparisons = reader.comparisons(1000).unwrap();
    let comparison = comparisons.iter().map(|listing| {
        let comparison = &listing.comparison;
        let verdicts = reader.verdicts(comparison.id).unwrap();
        let mut cases: Vec<String> = verdicts.iter().map(|verdict| verdict.case.key()).collect();
        cases.dedup();
        let blocks = cases.iter().flat_map(|key| reader.blocks(comparison.id, key).unwrap());
        let block = |of: Block| json!([of.case.key(), of.stage.number(), of.index, of.trial, of.head_first]);
        json!({
            "id": comparison.id.0,
            "runs": [comparison.base.0, comparison.head.0],
            "purpose": comparison.purpose.as_str(),
            "identical": comparison.identical,
            "design": design(&comparison.design),
            "seed": comparison.seed,
            "state": comparison.state.as_str(),
            "times": [Some(comparison.started_at.0), comparison.finished_at.map(|at| at.0)],
            "counts": [listing.worse, listing.better, listing.equivalent, listing.inconclusive, listing.unusable],
            "verdicts": verdicts.iter().map(verdict).collect::<Vec<_>>(),
            "blocks": blocks.map(block).collect::<Vec<_>>(),
        })
    });
    comparison.collect()
}

fn design(of: &Design) -> Json {
    json!([of.first_blocks, of.second_blocks, of.first_alpha, of.second_alpha, of.budget, of.gate_series])
}

fn verdict(verdict: &Verdict) -> Json {
    json!({
        "case": verdict.case.key(),
        "metric": verdict.metric.to_string(),
        "kind": verdict.kind.as_str(),
        "gate": verdict.gate,
        "scale": verdict.scale.as_str(),
        "stage": verdict.stage.map(Stage::number),
        "blocks": verdict.blocks,
        "effect": verdict.effect,
        "interval": interval(verdict.interval),
        "test": [verdict.p, verdict.alpha],
        "margin": verdict.margin,
        "resolution": verdict.resolution,
        "blocks_needed": verdict.blocks_needed,
        "reason": verdict.reason,
    })
}

fn finding(finding: &Finding) -> Json {
    let change = |of: &SeriesChange| {
        json!({
            "series": of.series,
            "case": of.case.key(),
            "metric": of.metric.to_string(),
            "ratio": of.ratio,
            "interval": interval(of.interval),
            "cost": [of.gain, of.penalty],
            "points": [of.points_before, of.points_after],
            "confirmed": of.confirmed,
        })
    };
    let event = |of: &FindingEvent| json!([of.at.0, of.state.as_str(), of.person, of.text()]);
    json!({
        "id": finding.id.0,
        "environment": finding.environment,
        "after": finding.after.as_ref().map(revision),
        "at": revision(&finding.at),
        "state": finding.state.as_str(),
        "found_at": finding.found_at.0,
        "series": finding.series.iter().map(change).collect::<Vec<_>>(),
        "events": finding.events.iter().map(event).collect::<Vec<_>>(),
    })
}

fn calibration(reader: &Reader, calibration: &Calibration) -> Json {
    let rate = |of: &Rate| {
        let series = of.series.as_ref().map(|series| [series.case.key(), series.metric.to_string()]);
        json!([variant(of.variant), series, of.pairs, of.independent, of.flagged, of.spread, of.resolution])
    };
    let variants = reader.variants(calibration.id).unwrap();
    json!({
        "id": calibration.id,
        "environment": calibration.environment,
        "build": [calibration.build.sha256, calibration.build.inputs, calibration.build.toolchain],
        "state": calibration.state.as_str(),
        "times": [Some(calibration.started_at.0), calibration.finished_at.map(|at| at.0)],
        "blocks": calibration.blocks,
        "design": design(&calibration.design),
        "rates": calibration.rates.iter().map(rate).collect::<Vec<_>>(),
        "variants": variants.iter().map(|(kind, run)| json!([variant(*kind), run.0])).collect::<Vec<_>>(),
    })
}

fn variant(kind: VariantKind) -> String {
    format!("{kind:?}")
}
