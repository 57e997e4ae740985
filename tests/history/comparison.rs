//! A process that compares is killed at any moment: the comparison is continued, with every block that was kept and no block
//! that stands on less than two trials.

use super::*;

use benchline::history::{ComparisonStart, OpenComparison, OpenRun};

const COMPARES: &str = "history::comparison::compares_until_it_is_killed";

#[test]
fn kills_lose_no_block_and_leave_no_half_of_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let mut random = Random(0xb10c);
    let mut promised = BTreeSet::new();
    for round in 0..12 {
        let mut child = spawn(&path, COMPARES);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..if round < 2 { 0 } else { 1 + random.below(4) } {
            promised.insert(kept(&mut lines));
        }
        thread::sleep(Duration::from_micros(random.below(12_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        promised.extend(lines.filter_map(|line| parse(&line.unwrap())));
        examine(&path, &mut promised);
    }
    assert!(promised.len() >= 10, "the test has tested something");
}

/// The process to be killed. Does nothing when it is run as a test like others.
#[test]
#[ignore = "is started, and killed, by the test above"]
fn compares_until_it_is_killed() {
    let Some(path) = env::var_os(DATABASE) else { return };
    let mut writer = Writer::open(Path::new(&path)).unwrap();
    let (runs, comparison) = open(&mut writer);
    for index in 0.. {
        for number in 1..=CASES {
            let block = block(number, index);
            if comparison.blocks.contains(&block) {
                continue;
            }
            for run in &runs {
                // A trial whose block was not kept is there already.
                if !run.done.contains(&(case(number).key(), index)) {
                    writer.record_trial(run.id, &trial(number, index, index)).unwrap();
                }
            }
            writer.record_block(comparison.id, &block).unwrap();
            writer.record_verdicts(comparison.id, &[verdict(number, index)], UnixMillis(0)).unwrap();
            println!("\n{KEPT}{number} {index}");
        }
    }
}

fn examine(path: &Path, promised: &mut BTreeSet<(u64, u32)>) {
    let mut writer = Writer::open(path).unwrap();
    assert_eq!(writer.verify().unwrap(), [""; 0]);
    let (runs, comparison) = open(&mut writer);
    let reader = Reader::open(path).unwrap();
    let mut found = BTreeSet::new();
    for number in 1..=CASES {
        let blocks = reader.blocks(comparison.id, &case(number).key()).unwrap();
        for (index, kept) in (0..).zip(&blocks) {
            assert_eq!(*kept, block(number, index));
            found.insert((number, index));
        }
        let trials = runs.each_ref().map(|run| writer.trials(run.id, &case(number).key()).unwrap().len());
        assert!(trials[0] >= trials[1] && trials[1] >= blocks.len() && trials[0] <= blocks.len() + 1, "{trials:?}");
    }
    assert!(promised.is_subset(&found), "lost: {:?}", promised.difference(&found));
    assert!(found.len() <= promised.len() + 1, "more than the block in progress was not told");
    for said in reader.verdicts(comparison.id).unwrap() {
        let Value::Count(number) = said.case.parameters["number"] else { panic!("{said:?}") };
        assert_eq!(said, verdict(number, said.blocks - 1));
        assert!(found.contains(&(number, said.blocks - 1)), "a verdict on blocks that are not there");
    }
    assert_eq!(reader.comparisons(10).unwrap().len(), 1, "the comparison is continued, never begun again");
    *promised = found;
}

/// Base and head, and their comparison, as whoever compares opens them.
fn open(writer: &mut Writer) -> ([OpenRun; 2], OpenComparison) {
    let part = |part| RunStart { part, ..start() };
    let runs = [Part::Base, Part::Head].map(|side| writer.open_run(&part(side)).unwrap());
    let start = ComparisonStart {
        base: runs[0].id,
        head: runs[1].id,
        purpose: Purpose::Gate,
        identical: true,
        design: Design {
            first_blocks: 10,
            second_blocks: 30,
            first_alpha: 0.1,
            second_alpha: 0.01,
            budget: 0.01,
            gate_series: 3,
        },
        seed: 7,
        at: UnixMillis(0),
    };
    let comparison = writer.open_comparison(&start).unwrap();
    (runs, comparison)
}

fn block(number: u64, index: u32) -> Block {
    Block {
        case: case(number),
        stage: Stage::First,
        index,
        trial: index,
        head_first: (number + u64::from(index)) % 2 == 1,
    }
}

/// What is said of a case once so many of its blocks are there.
fn verdict(number: u64, index: u32) -> Verdict {
    Verdict {
        case: case(number),
        label: CaseLabel(String::new()),
        operation_version: 1,
        metric: Metric::WALL_TIME,
        kind: VerdictKind::Inconclusive,
        gate: true,
        scale: Scale::Ratio,
        stage: Some(Stage::First),
        blocks: index + 1,
        effect: Some(1.0 + f64::from(index)),
        interval: None,
        p: Some(1.0),
        alpha: Some(0.01),
        margin: 0.01,
        resolution: None,
        blocks_needed: None,
        reason: String::new(),
    }
}
