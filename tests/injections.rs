//! What is injected into the engine's own subject appears in the right metric of the right role, and in no other: through the
//! real runner, with real processes, each beside a subject that is left alone.

use std::convert::Infallible;

use benchline::{
    model::{Injection, Metric, Role, Trial},
    runner::{BlockEvent, Programs, Stop, Variant, measure_blocks, rounds},
};

use crate::support::{scenario::ScenarioFile, subject_of_the_engine};

/// What is injected, the quantity in which it is seen and how much at least; and the quantity in which nothing of the other
/// injections is seen, and how much is nothing. Between the two lies all that a busy machine does to a number.
struct Moved {
    injection: fn(Injection) -> Injection,
    seen_in: &'static str,
    at_least: f64,
    unseen_in: &'static str,
    at_most: f64,
}

const MOVED: [Moved; 4] = [
    Moved {
        injection: |injection| Injection { memory_bytes: 50_000_000, ..injection },
        seen_in: "rss_peak",
        at_least: 45e6,
        unseen_in: "rss_peak",
        at_most: 20e6,
    },
    Moved {
        injection: |injection| Injection { write_bytes: 100_000_000, ..injection },
        seen_in: "bytes_written",
        at_least: 99e6,
        unseen_in: "bytes_written",
        at_most: 10e6,
    },
    // The longest latency shows a block in any case, and a busy machine too. The median shows one where most of the plans fall
    // into it, as here, and a machine only where nothing goes on any more.
    Moved {
        injection: |injection| Injection { reactor_block_ms: 200, ..injection },
        seen_in: "reactor_max",
        at_least: 50e6,
        unseen_in: "reactor_p50",
        at_most: 50e6,
    },
    Moved {
        injection: |injection| Injection { cpu_ms: 100, ..injection },
        seen_in: "cpu_time",
        at_least: 80e6,
        unseen_in: "cpu_time",
        at_most: 60e6,
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
    let scenario = ScenarioFile {
        name: "sync/upload",
        roles: "\"server\", \"client\"",
        label: "{documents} × {size}",
        more: "reactor = true",
        parameters: "documents = \"count\"\nsize = \"payload\"",
        samples: 2,
        timeout: "60 s",
        point: "documents = 3, size = \"1 kB\"",
        expect: (3, 3000),
        // One of `subject/tests/vectors/payload.json`.
        digest: "d07491ff99fc0bbcd0e24bd09e3c6b0673f9bad69bf35e34837186cb9a291dde",
        ..ScenarioFile::default()
    };
    let plan = scenario.plan();
    let wanted: Vec<(Role, &Moved)> =
        ROLES.iter().flat_map(|role| MOVED.iter().map(move |moved| (*role, moved))).collect();
    let injected = wanted.iter().map(|(role, moved)| {
        let into = Injection { role: *role, ..Injection::default() };
        Variant { programs, injection: Some((moved.injection)(into)) }
    });
    let alone = Variant { programs, injection: None };
    let variants: Vec<Variant<'_>> = std::iter::once(alone).chain(injected).collect();

    let folder = tempfile::tempdir().unwrap();
    let mut blocks = Vec::new();
    let Ok(_) =
        measure_blocks(&rounds(&plan.cases, 0..1, 1), &variants, folder.path(), 1, 0, &Stop::new(), &mut |event| {
            if let BlockEvent::Finished(block) = event {
                blocks.push(*block);
            }
            Ok::<(), Infallible>(())
        });
    assert_eq!(blocks[0].failures, []);
    let trials: Vec<&Trial> = blocks[0].trials.iter().flatten().collect();

    for ((role, moved), trial) in wanted.iter().zip(&trials[1..]) {
        let named = format!("{} injected into the {}", moved.seen_in, role.as_str());
        let change = |whose: Role, quantity: &str| {
            let metric: Metric = format!("{}.{quantity}", whose.as_str()).parse().unwrap();
            least(trial, metric) - least(trials[0], metric)
        };
        let seen = change(*role, moved.seen_in);
        assert!(seen >= moved.at_least, "{named} changes by {seen} only");
        for (whose, other) in ROLES.iter().flat_map(|whose| MOVED.iter().map(move |other| (*whose, other))) {
            let own = (whose, other.seen_in) == (*role, moved.seen_in);
            // A server's CPU time is read from outside, and copying what is written costs some.
            let copying = (moved.seen_in, whose, other.seen_in) == ("bytes_written", Role::Server, "cpu_time");
            let seen = change(whose, other.unseen_in);
            let at_most = if own || copying { f64::INFINITY } else { other.at_most };
            assert!(seen <= at_most, "{named}: the {}'s {} changes by {seen}", whose.as_str(), other.unseen_in);
        }
        let slower = least(trial, Metric::WALL_TIME) - least(trials[0], Metric::WALL_TIME);
        assert!(slower < 150e6, "{named}: the wall time changes by {slower}");
    }
}
