//! One full sample of each shape, for the tests of the schemas: every optional field has a value.

use serde_json::Value as Json;

use super::*;
use crate::model::{
    Annotation, Budget, Calibration, Case, CaseLabel, Check, CheckName, CheckStatus, Comparison, ComparisonId, Design,
    Environment, Failure, FailureKind, Finding, FindingEvent, FindingEventKind, FindingId, FindingState, Grade,
    Interval, Limit, Measurement, Metric, Part, Profile, Purpose, Quantity, Rate, RatedSeries, Revision, RevisionKind,
    Role, Rules, Run, RunId, RunState, Scale, SeriesChange, Stage, SubjectBuild, Summary, Unavailable, UnixMillis,
    Value, Values, VariantKind, Verdict, VerdictKind,
};

/// Each sample with the name of its schema.
pub(super) fn all() -> Vec<(&'static str, Json)> {
    fn json<T: serde::Serialize>(value: T) -> Json {
        serde_json::to_value(value).unwrap()
    }
    vec![
        ("run", json(run())),
        ("runs", json(RunsReport { runs: vec![run()] })),
        ("comparison", json(comparison())),
        ("bisection", json(bisection())),
        ("calibration", json(calibration())),
        ("findings", json(FindingsReport { findings: vec![finding()] })),
        ("detection", json(detection())),
        ("plan", json(plan())),
    ]
}

pub(super) fn case() -> Case {
    Case {
        scenario: "sync/upload".into(),
        version: 2,
        operation: "sync/put".into(),
        parameters: Values::from([("size".into(), Value::Count(10_000)), ("mode".into(), Value::Text("fast".into()))]),
        configuration: Values::from([("http.nodelay".into(), Value::Flag(true))]),
    }
}

fn label() -> CaseLabel {
    CaseLabel("10 kB".into())
}

pub(super) fn revision(digit: &str) -> Revision {
    Revision {
        id: digit.repeat(40),
        kind: RevisionKind::Commit,
        commit: digit.repeat(40),
        parent: Some("0".repeat(40)),
        tree: "f".repeat(40),
        title: "Read whole pages".into(),
        committed_at: UnixMillis(1_000),
        position: 7,
    }
}

fn environment() -> Environment {
    Environment {
        id: "abcdef012345".into(),
        cpu: "AMD EPYC".into(),
        cores: 2,
        memory_gib: 8,
        virtualization: "kvm".into(),
        platform: "linux x86_64".into(),
        microcode: "0xa101148".into(),
        annotations: vec![Annotation { name: "kernel".into(), value: "6.18.1".into() }],
    }
}

fn build() -> SubjectBuild {
    SubjectBuild { sha256: "0123456789abcdef".into(), inputs: "fedcba".into(), toolchain: "rustc 1.95.0".into() }
}

const INTERVAL: Option<Interval> = Some(Interval { low: 1.031, high: 1.055, level: 0.95 });

pub(super) const DESIGN: Design =
    Design { first_blocks: 10, second_blocks: 30, first_alpha: 0.1, second_alpha: 0.01, budget: 0.01, gate_series: 2 };

pub(super) fn verdict() -> Verdict {
    Verdict {
        case: case(),
        label: label(),
        operation_version: 1,
        metric: Metric::of(Role::Client, Quantity::CpuTime),
        kind: VerdictKind::Worse,
        gate: true,
        scale: Scale::Ratio,
        stage: Some(Stage::Second),
        blocks: 30,
        effect: Some(1.043),
        interval: INTERVAL,
        p: Some(1e-5),
        alpha: Some(1e-3),
        margin: 0.01,
        resolution: Some(0.019),
        blocks_needed: Some(60),
        reason: "too close to the margin".into(),
    }
}

pub(super) fn comparison() -> ComparisonReport {
    let rules = rules();
    let records = ComparisonRecords {
        comparison: Comparison {
            id: ComparisonId(3),
            base: RunId(1),
            head: RunId(2),
            purpose: Purpose::Anchor,
            identical: false,
            design: DESIGN,
            seed: 9,
            state: RunState::Finished,
            started_at: UnixMillis(5),
            finished_at: Some(UnixMillis(6)),
        },
        base: revision("1"),
        head: revision("2"),
        environment: Some(environment()),
        verdicts: vec![verdict()],
        failure_count: 1,
        reproduce: "benchline compare".into(),
    };
    ComparisonReport::new(records, |_| Some(&rules))
}

/// Budgets that the samples exceed.
fn rules() -> Rules {
    let metric = Metric::of(Role::Client, Quantity::CpuTime);
    let budgets = vec![Budget { metric, limit: Limit::OfAnchor(1.0) }, Budget { metric, limit: Limit::Value(1.0) }];
    Rules { budgets, ..Rules::default() }
}

pub(super) fn run() -> RunReport {
    let rules = rules();
    let summary = Summary {
        estimate: 5e6,
        interval: Some(Interval { low: 4.9e6, high: 5.1e6, level: 0.96875 }),
        trials: 6,
        samples: 24,
        minimum: 4e6,
        lower_quartile: 4.5e6,
        upper_quartile: 5.5e6,
        p99: 6e6,
        between: Some(0.01),
        within: Some(0.02),
    };
    let check = Check {
        name: CheckName::Precise,
        status: CheckStatus::Warn,
        figure: 0.1,
        limit: 0.05,
        advice: "Take more trials.".into(),
    };
    let records = RunRecords {
        run: Run {
            id: RunId(2),
            revision: revision("2"),
            environment: environment().id,
            profile: Profile::Gate,
            part: Part::Head,
            state: RunState::Finished,
            build: Some(build()),
            started_at: UnixMillis(5),
            finished_at: Some(UnixMillis(6)),
            reproduce: "benchline run".into(),
        },
        environment: Some(environment()),
        measurements: vec![Measurement {
            case: case(),
            label: label(),
            operation_version: 1,
            metric: Metric::of(Role::Client, Quantity::CpuTime),
            summary,
            checks: vec![check],
            grade: Grade::Noisy,
        }],
        failures: vec![Failure {
            case: Some(case()),
            label: Some(label()),
            trial: Some(1),
            kind: FailureKind::TimedOut,
            message: "a step took longer than 1 s".into(),
            log: "waiting".into(),
            at: UnixMillis(5),
        }],
        unavailable: vec![Unavailable {
            metric: Metric::of(Role::Client, Quantity::Instructions),
            reason: "the machine does not count them".into(),
        }],
        comparison: Some(comparison()),
    };
    RunReport::new(records, |_| Some(&rules))
}

fn bisection() -> BisectionReport {
    BisectionReport {
        good: revision("1"),
        bad: revision("3"),
        case: CaseReport::new(&case(), &label()),
        metric: Metric::WALL_TIME,
        error_budget: 0.01,
        answer: Answer::Range,
        commit: Some(revision("2")),
        verdict: Some(VerdictReport::from(&verdict())),
        range: Some(CommitRange { after: "1".repeat(40), up_to: "2".repeat(40) }),
        steps: vec![StepReport {
            commit: "2".repeat(40),
            title: "Read whole pages".into(),
            outcome: Outcome::Changed,
            message: "worse".into(),
            comparison: Some(ComparisonId(3)),
            verdict: Some(VerdictReport::from(&verdict())),
        }],
    }
}

fn calibration() -> CalibrationReport {
    let series = Some(RatedSeries { case: case(), label: label(), metric: Metric::WALL_TIME });
    let rate = |variant, series: Option<RatedSeries>| Rate {
        variant,
        series,
        pairs: 81,
        independent: 3,
        flagged: 1,
        spread: Some(0.01),
        resolution: Some(0.02),
    };
    CalibrationReport::from(Calibration {
        id: 1,
        environment: environment().id,
        build: build(),
        state: RunState::Finished,
        started_at: UnixMillis(5),
        finished_at: Some(UnixMillis(6)),
        blocks: 120,
        design: DESIGN,
        rates: vec![rate(VariantKind::Same, None), rate(VariantKind::Slowdown(50_000), series)],
    })
}

fn finding() -> Finding {
    Finding {
        id: FindingId(7),
        environment: environment().id,
        after: Some(revision("1")),
        at: revision("2"),
        state: FindingState::Acknowledged,
        found_at: UnixMillis(5),
        series: vec![SeriesChange {
            series: 4,
            case: case(),
            label: label(),
            metric: Metric::WALL_TIME,
            ratio: 1.04,
            interval: INTERVAL,
            gain: 30.0,
            penalty: 12.0,
            points_before: 20,
            points_after: 8,
            confirmed: true,
        }],
        events: vec![FindingEvent {
            at: UnixMillis(6),
            state: FindingState::Acknowledged,
            kind: FindingEventKind::Moved { to: "2".repeat(40) },
            person: Some("Ana".into()),
            reason: "the price of checking lengths".into(),
        }],
    }
}

fn detection() -> DetectionReport {
    DetectionReport {
        points: 100,
        scale: Scale::Ratio,
        changes: vec![ChangeReport {
            index: 60,
            commit: "c60".into(),
            before: 100.0,
            after: 105.0,
            ratio: Some(1.05),
            interval: INTERVAL,
            gain: 30.0,
            penalty: 12.0,
            within: 2,
            state: ChangeState::Confirmed,
            confirmed_at_index: Some(63),
        }],
        segments: vec![SegmentReport { start: 0, end: 60, level: 100.0 }],
        noise: NoiseReport { sigma: 0.01, rho: 0.1 },
        sightings: Some(vec![SightingReport {
            index: 60,
            commit: "c60".into(),
            first_seen_index: 62,
            confirmed_at_index: Some(63),
            withdrawn_at_index: Some(64),
        }]),
    }
}

fn plan() -> PlanReport {
    PlanReport {
        profile: Profile::Quick,
        cases: vec![CasePlanReport {
            case: CaseReport::new(&case(), &label()),
            trials: 6.0,
            warmup: 1,
            samples: 4,
            iterations: 2,
            expected_ns: Some(6e9),
            worst_ns: Some(9e9),
            source: Some(EstimateSource::Elsewhere),
        }],
        profiles: vec![ProfileReport {
            profile: Profile::Quick,
            cases: 1,
            expected_ns: 6e9,
            worst_ns: 9e9,
            measured: 1,
            like_others: 0,
            unknown: 0,
        }],
    }
}
