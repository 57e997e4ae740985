//! What is injected into the engine's own subject appears in the right metric of the right role, and in no other: through the
//! real runner, with real processes, each beside a subject that is left alone.

use std::{convert::Infallible, path::Path};

use benchline::{
    model::{Injection, Metric, Profile, Role, Trial},
    runner::{BlockEvent, Contender, Programs, Stop, measure_blocks, rounds},
    scenario::{load_texts, plan},
};

use crate::support::subject_of_the_engine;

/// The digest is one of `subject/tests/vectors/payload.json`.
const SCENARIO: &str = r#"name = "sync/upload"
version = 1
question = "?"
reading = "."
roles = ["server", "client"]
reactor = true
label = "{documents} × {size}"
[parameters]
documents = "count"
size = "payload"
[sampling]
trials = { quick = 1, gate = 1, full = 1 }
warmup = 0
samples = 2
timeout = "60 s"
[[points]]
parameters = { documents = 3, size = "1 kB" }
profiles = ["quick"]
expect = { items = 3, bytes = 3000, digest = "d07491ff99fc0bbcd0e24bd09e3c6b0673f9bad69bf35e34837186cb9a291dde" }
"#;

/// A quantity, how much of it is injected, how much at least is seen of it, and how much is none of it: between the two lies
/// all that a busy machine does to a number.
struct Moved {
    quantity: &'static str,
    injection: fn(Injection) -> Injection,
    at_least: f64,
    at_most_else: f64,
}

const MOVED: [Moved; 4] = [
    Moved {
        quantity: "rss_peak",
        injection: |injection| Injection { memory_bytes: 50_000_000, ..injection },
        at_least: 45e6,
        at_most_else: 20e6,
    },
    Moved {
        quantity: "bytes_written",
        injection: |injection| Injection { write_bytes: 100_000_000, ..injection },
        at_least: 99e6,
        at_most_else: 10e6,
    },
    // A share of the plans falls outside the block, which is why it is not the maximum that decides: a busy machine has one too.
    Moved {
        quantity: "reactor_p90",
        injection: |injection| Injection { reactor_block_ms: 200, ..injection },
        at_least: 60e6,
        at_most_else: 40e6,
    },
    Moved {
        quantity: "cpu_time",
        injection: |injection| Injection { cpu_ms: 100, ..injection },
        at_least: 95e6,
        at_most_else: 60e6,
    },
];

const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// The least of a trial's samples, or its total.
fn least(trial: &Trial, metric: Metric) -> f64 {
    match trial.samples(metric) {
        Some(samples) => samples.into_iter().fold(f64::INFINITY, f64::min),
        None => trial.total(metric).unwrap() as f64,
    }
}

#[test]
fn each_injection_moves_its_own_metric_of_its_own_role_and_no_other() {
    let subject = subject_of_the_engine();
    let programs = Programs { subject: &subject, platform: &subject };
    let scenarios = load_texts(Path::new(""), &[("sync/upload.toml".into(), SCENARIO.into())]).unwrap();
    let plan = plan(&scenarios, Profile::Quick, &[]).unwrap();
    let wanted: Vec<(Role, &Moved)> =
        ROLES.iter().flat_map(|role| MOVED.iter().map(move |moved| (*role, moved))).collect();
    let injected = wanted.iter().map(|(role, moved)| {
        let into = Injection { role: *role, ..Injection::default() };
        Contender { programs, injection: Some((moved.injection)(into)) }
    });
    let alone = Contender { programs, injection: None };
    let contenders: Vec<Contender<'_>> = std::iter::once(alone).chain(injected).collect();

    let folder = tempfile::tempdir().unwrap();
    let mut blocks = Vec::new();
    let Ok(_) =
        measure_blocks(&rounds(&plan.cases, 0..1, 1), &contenders, folder.path(), 1, 0, &Stop::new(), &mut |event| {
            if let BlockEvent::Finished(block) = event {
                blocks.push(*block);
            }
            Ok::<(), Infallible>(())
        });
    assert_eq!(blocks[0].failures, []);
    let trials: Vec<&Trial> = blocks[0].trials.iter().flatten().collect();

    for ((role, moved), trial) in wanted.iter().zip(&trials[1..]) {
        let named = format!("{} injected into the {}", moved.quantity, role.as_str());
        for (whose, other) in ROLES.iter().flat_map(|whose| MOVED.iter().map(move |other| (*whose, other))) {
            let metric: Metric = format!("{}.{}", whose.as_str(), other.quantity).parse().unwrap();
            let change = least(trial, metric) - least(trials[0], metric);
            if (whose, other.quantity) == (*role, moved.quantity) {
                assert!(change >= other.at_least, "{named}: {metric} changes by {change} only");
            } else if (moved.quantity, whose, other.quantity) == ("bytes_written", Role::Server, "cpu_time") {
                // A server's CPU time is read from outside, and copying what is written costs some.
            } else {
                assert!(change <= other.at_most_else, "{named}: {metric} changes by {change}");
            }
        }
        let slower = least(trial, Metric::WALL_TIME) - least(trials[0], Metric::WALL_TIME);
        assert!(slower < 90e6, "{named}: the wall time changes by {slower}");
    }
}
