//! `reactor/pool` end to end: both roles as processes of their own, each pool and kind of work, and what the no-load
//! endpoint's latency must show where work is done on the reactor.

use std::collections::HashSet;
use std::fs;
use std::ops::RangeInclusive;

use benchline_contract::{FailureKind, Observed, Prepare, Reply, Request, Role, Sample, Value};

use crate::pipe::{Subject, case, word};

struct Pair {
    server: Subject,
    client: Subject,
    _folder: tempfile::TempDir,
}

fn parameters(pool: &str, kind: &str, phase: &str, level: &str, rate: u64) -> Vec<(&'static str, Value)> {
    vec![
        ("pool", word(pool)),
        ("kind", word(kind)),
        ("phase", word(phase)),
        ("level", word(level)),
        ("requests", Value::Count(40)),
        ("rate", Value::Count(rate)),
    ]
}

impl Pair {
    fn start(parameters: &[(&'static str, Value)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let prepare = |role| case(role, "reactor/pool", parameters, folder.path());
        let (mut server, mut client) = (Subject::start(), Subject::start());
        let access = server.prepare(Prepare { reactor: true, ..prepare(Role::Server) });
        client.prepare(Prepare { server: access, ..prepare(Role::Client) });
        Self { server, client, _folder: folder }
    }

    fn iterate(&mut self) -> (Sample, Observed) {
        let access = self.server.reset(None);
        self.client.reset(access);
        let sample = self.client.iterate(1);
        let Reply::Observed(observed) = self.server.ask(&Request::Observe) else { panic!("not observed") };
        (sample, observed)
    }

    /// Programs that the server has started.
    fn children(&self) -> usize {
        let pid = self.server.pid();
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let children = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("children")).unwrap());
        children
            .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect::<HashSet<_>>()
            .len()
    }

    fn finish(self) {
        self.client.finish();
        self.server.finish();
    }
}

fn longest(sample: &Sample) -> u64 {
    sample.latency.last().unwrap().0
}

/// SHA-256 of `nothing\n` and what the work gives: by Python, from the published number and from the description of
/// payloads in `docs/SUBJECT.md` (`scenarios/expect.py`).
const DIGESTS: [(&str, &str); 2] = [
    ("fibonacci", "db7140710ca3c237e7e8c365954da36e891d8cfd2e18cf2fbfdd001d24a02831"),
    ("openpgp", "7d696c6e02a53f88ff1a40929e2b89966a9621a74803ac492fa51e87500c1f45"),
];

#[track_caller]
fn assert_both_are_answered(pool: &str, kind: &str, children: RangeInclusive<usize>) {
    let mut pair = Pair::start(&parameters(pool, kind, "during", "light", 200));
    let (sample, observed) = pair.iterate();
    assert_eq!((sample.items, sample.bytes), (40, 320));
    for histogram in [&sample.latency, &sample.lateness] {
        assert_eq!(histogram.iter().map(|(_, count)| count).sum::<u64>(), 40);
    }
    // Sent at planned times, so never in less than the last one's.
    assert!(sample.wall_ns >= 195_000_000, "{}", sample.wall_ns);
    assert!(observed.counters.contains_key("reactor_blocked"), "{observed:?}");
    let digest = DIGESTS.iter().find(|(name, _)| *name == kind).unwrap().1;
    assert_eq!(pair.client.verify(), digest, "{pool} {kind}");
    assert!(children.contains(&pair.children()), "{pool} {kind}: {} children", pair.children());
    pair.finish();
}

#[test]
fn every_pool_works_and_answers_for_nothing_meanwhile() {
    assert_both_are_answered("inline", "openpgp", 0..=0);
    assert_both_are_answered("threads", "fibonacci", 0..=0);
}

#[test]
fn processes_work_and_the_server_answers_for_nothing_meanwhile() {
    assert_both_are_answered("processes", "fibonacci", 1..=1);
    assert_both_are_answered("processes", "openpgp", 1..=2);
}

#[test]
fn work_on_the_reactor_blocks_it_and_work_in_processes_does_not() {
    let mut pair = Pair::start(&parameters("inline", "fibonacci", "during", "light", 200));
    let (inline, blocked) = pair.iterate();
    pair.finish();
    // One piece of work takes longer than the limit from which on a reactor counts as blocked, on any machine.
    assert!(blocked.counters["reactor_blocked"] * 2 > inline.wall_ns, "{:?} {}", blocked.counters, inline.wall_ns);
    let mut pair = Pair::start(&parameters("processes", "fibonacci", "during", "light", 200));
    let (processes, _) = pair.iterate();
    pair.finish();
    assert!(longest(&processes) < longest(&inline), "{} {}", longest(&processes), longest(&inline));
}

#[test]
fn a_closed_loop_and_the_time_after_need_no_plan() {
    for (phase, level) in [("alone", "none"), ("after", "light")] {
        let mut pair = Pair::start(&parameters("threads", "fibonacci", phase, level, 0));
        let (sample, _) = pair.iterate();
        assert_eq!(sample.items, 40);
        pair.finish();
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |parameters: &[(&'static str, Value)], kind| {
        let mut subject = Subject::start();
        let prepare = Request::Prepare(case(Role::Server, "reactor/pool", parameters, folder.path()));
        let Reply::Failed(failed) = subject.ask(&prepare) else { panic!("it was prepared") };
        assert_eq!(failed.kind, kind, "{}", failed.message);
    };
    refused(&parameters("fibres", "fibonacci", "alone", "none", 0), FailureKind::Unsupported);
    refused(&parameters("inline", "fibonacci", "alone", "heavy", 0), FailureKind::Error);
    refused(&parameters("inline", "fibonacci", "during", "none", 0), FailureKind::Error);
    let mut strange = parameters("inline", "fibonacci", "alone", "none", 0);
    strange.push(("colour", word("red")));
    refused(&strange, FailureKind::Unsupported);
}
