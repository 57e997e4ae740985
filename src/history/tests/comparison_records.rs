//! Records of comparisons, findings and calibrations for the tests.

use super::*;

/// The start of a run that plays a part, of the plan that names who it stands against.
pub(super) fn part(number: u64, part: Part, against: &str) -> RunStart {
    RunStart { part, plan: format!("plan against {against}"), ..start(number) }
}

/// A base and a head, as a comparison opens them.
pub(super) fn pair(writer: &mut Writer, base: u64, head: u64) -> (RunId, RunId) {
    let base_run = writer.open_run(&part(base, Part::Base, &format!("head {head}"))).unwrap().id;
    let head_run = writer.open_run(&part(head, Part::Head, &format!("base {base}"))).unwrap().id;
    (base_run, head_run)
}

pub(super) fn design() -> Design {
    Design {
        first_blocks: 10,
        second_blocks: 30,
        first_alpha: 0.1,
        // Numbers that binary fractions do not hold come back to the last bit.
        second_alpha: 0.01 / 3.0,
        budget: 0.01,
        gate_series: 250,
    }
}

pub(super) fn comparison_start((base, head): (RunId, RunId)) -> ComparisonStart {
    ComparisonStart {
        base,
        head,
        purpose: Purpose::Gate,
        identical: false,
        design: design(),
        seed: u64::MAX - 1,
        at: UnixMillis(1_700_000_300_000),
    }
}

pub(super) fn block(documents: u64, stage: Stage, index: u32, trial: u32) -> Block {
    Block { case: case(documents), stage, index, trial, head_first: index.is_multiple_of(2) }
}

/// Keeps a trial on both sides and says that they stand against each other.
pub(super) fn keep_block(writer: &mut Writer, comparison: ComparisonId, (base, head): (RunId, RunId), block: &Block) {
    let crate::model::Value::Count(documents) = block.case.parameters["documents"] else { unreachable!() };
    for run in [base, head] {
        writer.record_trial(run, &trial(documents, block.trial, block.trial)).unwrap();
    }
    writer.record_block(comparison, block).unwrap();
}

pub(super) fn verdict(documents: u64, metric: Metric, kind: VerdictKind) -> Verdict {
    Verdict {
        label: label(&case(documents)),
        case: case(documents),
        operation_version: 3,
        metric,
        kind,
        gate: true,
        scale: Scale::Ratio,
        stage: Some(Stage::Second),
        blocks: 30,
        effect: Some(1.0 + 0.1 / 3.0),
        interval: Some(Interval { low: 1.01, high: 1.07, level: 0.9967 }),
        p: Some(1e-300),
        alpha: Some(0.01 / 3.0),
        margin: 0.01,
        resolution: Some(0.019),
        blocks_needed: None,
        reason: "It is <worse> than it was.".into(),
    }
}

/// What is said where nothing was measured.
pub(super) fn unmeasured(documents: u64, metric: Metric) -> Verdict {
    Verdict {
        kind: VerdictKind::Equivalent,
        gate: false,
        scale: Scale::Difference,
        stage: None,
        blocks: 0,
        effect: None,
        interval: None,
        p: None,
        alpha: None,
        margin: 0.0,
        resolution: None,
        blocks_needed: Some(u32::MAX),
        reason: String::new(),
        ..verdict(documents, metric, VerdictKind::Equivalent)
    }
}

pub(super) fn event(at: i64, state: FindingState, person: Option<&str>) -> FindingEvent {
    FindingEvent {
        at: UnixMillis(at),
        kind: FindingEventKind::StateChanged,
        state,
        person: person.map(str::to_owned),
        reason: format!("It is {state:?}."),
    }
}

/// What the series of a case changes by, as it is told of the number `series`.
pub(super) fn change(series: i64, documents: u64, metric: Metric) -> SeriesChange {
    SeriesChange {
        series,
        label: label(&case(documents)),
        case: case(documents),
        metric,
        ratio: 1.0 + 1.0 / 7.0,
        interval: Some(Interval { low: 1.1, high: 1.2, level: 0.95 }),
        gain: 33.3,
        penalty: 12.0,
        points_before: 40,
        points_after: 2,
        confirmed: false,
    }
}

/// The number of the series of wall time of a case, once a run on the environment of [`start`] has measured it.
pub(super) fn series_of(place: &Place, documents: u64) -> i64 {
    let lines = place.reader().series("sync/upload", Metric::WALL_TIME, "aaaaaaaaaaaa").unwrap();
    lines.into_iter().find(|line| line.case == case(documents)).unwrap().id
}

pub(super) fn calibration_start() -> CalibrationStart {
    CalibrationStart {
        environment: environment("aaaaaaaaaaaa"),
        build: start(1).build.unwrap(),
        plan: "plan".into(),
        blocks: 120,
        design: design(),
        at: UnixMillis(1_700_000_400_000),
    }
}

/// Every variant, extremes included, in the order of [`VariantKind`].
pub(super) const VARIANTS: [VariantKind; 8] = [
    VariantKind::Base,
    VariantKind::Same,
    VariantKind::Slowdown(0),
    VariantKind::Slowdown(u32::MAX),
    VariantKind::Memory(4096),
    VariantKind::Memory(u64::MAX),
    VariantKind::Neutral(0),
    VariantKind::Neutral(u32::MAX),
];

pub(super) fn rate(variant: VariantKind, documents: Option<u64>) -> Rate {
    let series = documents.map(|documents| RatedSeries {
        label: label(&case(documents)),
        case: case(documents),
        metric: Metric::of(Role::Server, Quantity::CpuTime),
    });
    let known = series.is_some();
    Rate {
        variant,
        series,
        pairs: 400,
        independent: 12,
        flagged: 3,
        spread: known.then_some(0.1 / 3.0),
        resolution: known.then_some(0.019),
    }
}

#[track_caller]
pub(super) fn invalid<T: std::fmt::Debug>(outcome: Result<T, HistoryError>, expected: &str) {
    match outcome {
        Err(HistoryError::Invalid { what, why }) => {
            let text = format!("{what} cannot be stored: {why}");
            assert!(text.contains(expected), "`{expected}` is not in `{text}`");
        }
        other => panic!("{other:?} instead of a refusal because `{expected}`"),
    }
}
