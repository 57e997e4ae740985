//! The runner against real processes: subjects that behave, and every way in which they do not. They are shell scripts,
//! which also shows that the contract is spoken in any language.

use std::{
    convert::Infallible,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use benchline::{
    model::{Event, Failure, FailureKind, Metric, Role, Trial},
    runner::{
        BlockEvent, Done, Ended, FinishedBlock, Programs, Stop, Target, Variant, measure, measure_blocks, rounds,
    },
    scenario::Plan,
};

use crate::support::scenario::ScenarioFile;

/// The answers of a subject that behaves, one a request.
const ANSWERS: [(&str, &str); 6] = [
    ("prepare", r#"echo '{"type":"prepared"}'"#),
    ("reset", r#"echo '{"type":"ready"}'"#),
    (
        "iterate",
        r#"echo '{"type":"sample","wall_ns":5000,"cpu_ns":300,"items":1,"bytes":2,"counters":{"requests":7}}'"#,
    ),
    ("observe", r#"echo '{"type":"observed"}'"#),
    (
        "verify",
        r#"echo '{"type":"verified","digest":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}'"#,
    ),
    ("finish", r#"echo '{"type":"finished"}'; exit 0"#),
];

const HELLO: &str = r#"echo '{"type":"hello","contract":1,"engine":"toy","operations":[{"name":"toy/work","version":3,"roles":["client"]}]}'"#;

struct Measured {
    trials: Vec<Trial>,
    failures: Vec<Failure>,
    ended: Ended,
    folder: tempfile::TempDir,
}

fn toy_plan(trials: u32, timeout: &str) -> Plan {
    ScenarioFile { trials, warmup: 1, timeout, iterations: 5, ..ScenarioFile::default() }.plan()
}

/// A subject that says `hello` and answers as it should, but for the requests that `instead` names.
fn script(folder: &Path, hello: &str, instead: &[(&str, &str)]) -> PathBuf {
    let answer = |(request, answer): &(&str, &str)| {
        let answer = instead.iter().find(|(name, _)| name == request).map_or(*answer, |(_, answer)| answer);
        format!("    *'\"type\":\"{request}\"'*) {answer} ;;\n")
    };
    let cases: String = ANSWERS.iter().map(answer).collect();
    let text = format!("#!/bin/sh\n{hello}\nwhile read -r line; do\n  case \"$line\" in\n{cases}  esac\ndone\n");
    let path = folder.join("subject.sh");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn run(plan: &Plan, hello: &str, instead: &[(&str, &str)], done: &Done, stop: &Stop) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let binary = script(folder.path(), hello, instead);
    let work = folder.path().join("work");
    let target = Target { programs: Programs { subject: &binary, platform: &binary }, folder: &work };
    let (mut trials, mut failures) = (Vec::new(), Vec::new());
    let ended = measure(plan, &target, done, 1, stop, &mut |event| {
        match event {
            Event::TrialFinished(trial) => trials.push(*trial),
            Event::Failed(failure) => failures.push(failure),
            _ => {}
        }
        Ok::<(), Infallible>(())
    });
    let Ok(ended) = ended;
    Measured { trials, failures, ended, folder }
}

fn run_with(instead: &[(&str, &str)], timeout: &str) -> Measured {
    run(&toy_plan(1, timeout), HELLO, instead, &Done::default(), &Stop::new())
}

#[track_caller]
fn fails(instead: &[(&str, &str)], timeout: &str, kind: FailureKind, said: &str) {
    let measured = run_with(instead, timeout);
    assert!(measured.trials.is_empty());
    let failure = &measured.failures[0];
    assert_eq!(failure.kind, kind, "{failure:?}");
    assert!(failure.message.contains(said), "{}", failure.message);
    assert_eq!(measured.ended, Ended::Complete, "a failure is a row, and the run goes on");
}

#[test]
fn a_trial_keeps_every_sample_in_order_and_reads_the_process_from_outside() {
    let measured = run_with(&[], "5 s");
    assert_eq!(measured.failures, []);
    let trial = &measured.trials[0];
    assert_eq!((trial.operation_version, trial.warmup, trial.iterations), (3, 1, 5));
    assert_eq!(trial.starts_ns.len(), 4);
    assert!(trial.starts_ns.is_sorted());
    assert!(trial.columns.iter().all(|column| column.values.len() == 4));
    // Per operation, and without warm-up.
    assert_eq!(trial.samples(Metric::WALL_TIME), Some(vec![1000.0; 3]));
    assert_eq!(trial.samples("client.requests".parse().unwrap()), Some(vec![1.4; 3]));
    // What the subject did not count is unavailable, not zero.
    assert_eq!(trial.samples("client.wire_sent".parse().unwrap()), None);
    for metric in ["client.rss_peak", "client.rss_before", "client.cpu_total", "client.minor_faults"] {
        assert!(trial.total(metric.parse().unwrap()).unwrap() > 0, "{metric}");
    }
    assert!(!trial.timelines[0].points.is_empty());
    assert!(!measured.folder.path().join("work/trial").exists(), "a trial cleans up after itself");
}

#[test]
fn a_server_alone_is_measured_by_a_load_whose_latencies_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let [subject, platform] = ["subject", "platform"].map(|name| folder.path().join(name));
    fs::create_dir(&subject).unwrap();
    fs::create_dir(&platform).unwrap();
    let server = script(&subject, HELLO, &[("iterate", "exit 1")]);
    let sample = r#"test "$1 $2" = "role load" && echo '{"type":"sample","wall_ns":500,"cpu_ns":300,"items":1,"bytes":2,"counters":{"errors":0,"dropped":2},"latency":[[1000,98],[9000,2]],"lateness":[[3,100]]}'"#;
    let load = script(&platform, &HELLO.replace("\"version\":3", "\"version\":1"), &[("iterate", sample)]);
    let mut plan = toy_plan(1, "5 s");
    plan.cases[0].roles = vec![Role::Server, Role::Load];
    let target =
        Target { programs: Programs { subject: &server, platform: &load }, folder: &folder.path().join("work") };
    let mut trials = Vec::new();
    let Ok(_) = measure(&plan, &target, &Done::default(), 1, &Stop::new(), &mut |event| {
        match event {
            Event::TrialFinished(trial) => trials.push(*trial),
            Event::Failed(failure) => panic!("{failure:?}"),
            _ => {}
        }
        Ok::<(), Infallible>(())
    });
    let trial: &Trial = &trials[0];
    assert_eq!(trial.operation_version, 3, "the subject's, not the load's");
    assert_eq!(trial.samples("load.dropped".parse().unwrap()), Some(vec![0.4; 3]));
    assert_eq!(trial.samples("rate".parse().unwrap()), Some(vec![1e7; 3]));
    assert_eq!(trial.total("load.latency_p50".parse().unwrap()), Some(1000));
    assert_eq!(trial.total("load.latency_max".parse().unwrap()), Some(9007), "to three digits");
    // Warm-up is not in the histograms.
    assert_eq!(trial.histograms.iter().map(|of| of.counts.iter().map(|(_, n)| n).sum::<u64>()).sum::<u64>(), 600);
    assert!(trial.total("server.rss_peak".parse().unwrap()).is_some());
}

#[test]
fn the_pipe_is_not_the_subjects_io() {
    let trial = &run_with(&[], "5 s").trials[0];
    // The shell reads its input byte by byte, so only what it writes can be told apart to the byte.
    let written = trial.samples("client.bytes_written".parse().unwrap()).unwrap();
    assert_eq!(written, [0.0; 3]);
    let noisy =
        "echo 1234567 >/dev/null; echo '{\"type\":\"sample\",\"wall_ns\":1,\"cpu_ns\":1,\"items\":1,\"bytes\":2}'";
    let trial = &run_with(&[("iterate", noisy)], "5 s").trials[0];
    let written = trial.samples("client.bytes_written".parse().unwrap()).unwrap();
    assert_eq!(written, [8.0 / 5.0; 3], "8 bytes a sample of 5 operations");
}

#[test]
fn every_misbehaviour_is_a_row_with_its_cause() {
    fails(&[("iterate", "kill -9 $$")], "5 s", FailureKind::Crashed, "signal: 9");
    fails(&[("iterate", "exit 3")], "5 s", FailureKind::Crashed, "exit status: 3");
    fails(&[("prepare", "sleep 60")], "300 ms", FailureKind::TimedOut, "did not answer prepare within 300ms");
    fails(&[("iterate", "echo hello")], "5 s", FailureKind::Protocol, "not the contract");
    fails(&[("reset", "echo '{\"type\":\"prepared\"}'")], "5 s", FailureKind::Protocol, "answered reset with");
    let report = "echo '{\"type\":\"failed\",\"kind\":\"error\",\"message\":\"disk full\"}'";
    fails(&[("prepare", report)], "5 s", FailureKind::Reported, "disk full");
    let wrong = "echo '{\"type\":\"verified\",\"digest\":\"00\"}'";
    fails(&[("verify", wrong)], "5 s", FailureKind::WrongResult, "digest 00; the scenario expects");
    let endless = "head -c 5000000 /dev/zero | tr '\\0' x";
    fails(&[("iterate", endless)], "20 s", FailureKind::Protocol, "a line of more than");
}

#[test]
fn what_a_revision_does_not_know_is_unsupported_and_asked_once() {
    let plan = toy_plan(6, "5 s");
    let silent = "exit 0".to_owned();
    for hello in [HELLO.replace("toy/work", "toy/else"), HELLO.replace("\"contract\":1", "\"contract\":99"), silent] {
        let measured = run(&plan, &hello, &[], &Done::default(), &Stop::new());
        assert_eq!(measured.failures.len(), 1);
        assert_eq!((measured.failures[0].kind, measured.failures[0].trial), (FailureKind::Unsupported, None));
    }
}

#[test]
fn the_end_of_the_log_is_kept_with_the_failure() {
    let measured = run_with(&[("iterate", "echo it went wrong >&2; sleep 0.1; exit 1")], "5 s");
    assert!(measured.failures[0].log.contains("it went wrong"), "{:?}", measured.failures[0]);
}

#[test]
fn a_case_is_given_up_after_two_failures_in_a_row() {
    let measured = run(&toy_plan(6, "5 s"), HELLO, &[("iterate", "exit 1")], &Done::default(), &Stop::new());
    let trials: Vec<Option<u32>> = measured.failures.iter().map(|failure| failure.trial).collect();
    assert_eq!(trials, [Some(0), Some(1), None]);
}

#[test]
fn what_is_done_is_not_measured_again() {
    let plan = toy_plan(4, "5 s");
    let key = plan.cases[0].case.key();
    let done = Done { trials: [(key.clone(), 0), (key.clone(), 2)].into(), next_order: 9, ..Done::default() };
    let measured = run(&plan, HELLO, &[], &done, &Stop::new());
    let places: Vec<(u32, u32)> = measured.trials.iter().map(|trial| (trial.index, trial.order)).collect();
    assert_eq!(places, [(1, 9), (3, 10)]);
    let done = Done { cases: [key].into(), ..Done::default() };
    assert!(run(&plan, HELLO, &[], &done, &Stop::new()).trials.is_empty());
}

#[test]
fn stopping_ends_a_step_that_hangs_and_leaves_no_process() {
    let stop = Stop::new();
    let began = Instant::now();
    let marker = tempfile::NamedTempFile::new().unwrap();
    let hang = format!("echo $$ >{}; sleep 60", marker.path().display());
    let measured = thread::scope(|scope| {
        scope.spawn(|| {
            while fs::read_to_string(marker.path()).is_ok_and(|text| text.is_empty()) {
                thread::sleep(Duration::from_millis(5));
            }
            stop.set();
        });
        run(&toy_plan(1, "60 s"), HELLO, &[("iterate", &hang)], &Done::default(), &stop)
    });
    assert_eq!(measured.ended, Ended::Stopped);
    assert!(measured.failures.is_empty(), "stopping is not a failure");
    assert!(began.elapsed() < Duration::from_secs(30));
    let pid = fs::read_to_string(marker.path()).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "the subject outlived its trial");
}

/// Two subjects that say different times, in blocks.
fn blocks(first: &[(&str, &str)], second: &[(&str, &str)], count: u32) -> Vec<FinishedBlock> {
    let (plan, folder) = (toy_plan(1, "5 s"), tempfile::tempdir().unwrap());
    let binaries = [("a", first), ("b", second)].map(|(name, instead)| {
        fs::create_dir(folder.path().join(name)).unwrap();
        script(&folder.path().join(name), HELLO, instead)
    });
    let programs = |index: usize| Programs { subject: &binaries[index], platform: &binaries[index] };
    let variants = [0, 1].map(|index| Variant { programs: programs(index), injection: None });
    let mut finished = Vec::new();
    let orders = rounds(&plan.cases, 0..count, 7);
    let Ok(ended) = measure_blocks(&orders, &variants, &folder.path().join("work"), 7, 0, &Stop::new(), &mut |event| {
        if let BlockEvent::Finished(block) = event {
            finished.push(*block);
        }
        Ok::<(), Infallible>(())
    });
    assert_eq!(ended, Ended::Complete);
    finished
}

#[test]
fn a_block_holds_a_trial_of_each_in_an_order_that_is_not_always_the_same() {
    let slower = "echo '{\"type\":\"sample\",\"wall_ns\":6000,\"cpu_ns\":300,\"items\":1,\"bytes\":2}'";
    let finished = blocks(&[], &[("iterate", slower)], 12);
    assert_eq!(finished.len(), 12);
    let mut places = Vec::new();
    for (number, block) in (0..).zip(&finished) {
        let trial = |variant: usize| block.trials[variant].as_ref().unwrap();
        let wall = |variant| trial(variant).samples(Metric::WALL_TIME).unwrap()[0];
        assert_eq!((wall(0), wall(1)), (1000.0, 1200.0), "each value is its own variant's");
        assert_eq!((trial(0).index, trial(1).index, block.block), (number, number, number));
        let canary = trial(0).canary.as_ref().unwrap();
        assert!(canary.before.wall_ns > 0 && canary.after.cpu_ns > 0, "{canary:?}");
        let first = block.order[0];
        assert!(trial(first).order < trial(1 - first).order, "the order told is the order kept");
        places.push(first);
    }
    assert!(places.contains(&0) && places.contains(&1), "{places:?}");
}

#[test]
fn a_contender_that_fails_twice_in_a_row_ends_the_case_and_keeps_the_others_trials() {
    let finished = blocks(&[], &[("iterate", "exit 1")], 12);
    assert_eq!(finished.len(), 2);
    assert!(finished.iter().all(|block| block.trials[0].is_some() && block.trials[1].is_none()));
    let failures: Vec<Option<u32>> = finished[1].failures.iter().map(|(_, failure)| failure.trial).collect();
    assert_eq!(failures, [Some(1), None]);
    let unknown = "echo '{\"type\":\"failed\",\"kind\":\"unsupported\",\"message\":\"what?\"}'";
    let finished = blocks(&[("prepare", unknown)], &[], 12);
    assert_eq!((finished.len(), finished[0].failures[0].1.trial), (1, None));
}
