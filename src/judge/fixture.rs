//! Trials and failures for the tests of this room. Never part of the program.

use crate::model::{
    Case, CaseLabel, Conditions, Failure, FailureKind, Metric, Quantity, Role, SampleColumn, Trial, TrialTotal,
    UnixMillis,
};

/// The fixture's value of a whole trial.
pub(super) const PEAK: Metric = Metric::of(Role::Client, Quantity::RssPeak);

fn case() -> Case {
    Case::plain("crypto/seal")
}

/// An undisturbed trial with one wild warm-up sample in front of the given wall times, and a peak of 1 MiB.
pub(super) fn trial(index: u32, wall_times: &[u64]) -> Trial {
    let values: Vec<u64> = [u64::MAX].iter().chain(wall_times).copied().collect();
    Trial {
        label: CaseLabel("10 kB".into()),
        index,
        order: index,
        duration_ns: 1_000_000_000,
        warmup: 1,
        starts_ns: (0..values.len() as u64).collect(),
        columns: vec![SampleColumn { metric: Metric::WALL_TIME, values }],
        totals: vec![TrialTotal { metric: PEAK, value: 1 << 20 }],
        conditions: Conditions {
            pressure_ppm: Some(0),
            steal_ppm: Some(0),
            others_ppm: Some(0),
            sampler_ppm: 0,
            clock_step_ns: 10,
        },
        ..Trial::empty(case())
    }
}

/// A failed trial of the same case.
pub(super) fn failure(trial: u32, kind: FailureKind) -> Failure {
    Failure {
        case: Some(case()),
        label: None,
        trial: Some(trial),
        kind,
        message: "planted".into(),
        log: String::new(),
        at: UnixMillis(0),
    }
}
