//! Counts by group of scenarios, against a model that looks at each case by itself.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::history::GroupCounts;

const SCENARIOS: [&str; 4] = ["sync/upload", "sync/download", "crypto/seal", "bare"];

const METRICS: [Metric; 5] = [
    Metric::WALL_TIME,
    Metric::of(Role::Server, Quantity::CpuTime),
    Metric::of(Role::Client, Quantity::RssPeak),
    // These do not decide.
    Metric::of(Role::Load, Quantity::RssPeak),
    Metric::of(Role::Client, Quantity::CpuTotal),
];

/// What happens in a run, one thing after another.
#[derive(Debug, Clone)]
enum Happening {
    Measured(usize, usize, Grade),
    Failed(usize, FailureKind),
    FailedAsAWhole(FailureKind),
}

fn happening() -> impl Strategy<Value = Happening> {
    let grade = prop::sample::select(vec![Grade::Sound, Grade::Noisy, Grade::Unusable]);
    let kind = prop::sample::select(vec![FailureKind::Unsupported, FailureKind::Crashed, FailureKind::WrongResult]);
    let case = 0..2 * SCENARIOS.len();
    prop_oneof![
        4 => (case.clone(), 0..METRICS.len(), grade).prop_map(|(case, metric, grade)| Happening::Measured(case, metric, grade)),
        1 => (case, kind.clone()).prop_map(|(case, kind)| Happening::Failed(case, kind)),
        1 => kind.prop_map(Happening::FailedAsAWhole),
    ]
}

/// Two cases of each scenario.
fn numbered(number: usize) -> Case {
    Case { scenario: SCENARIOS[number / 2].into(), ..case(number as u64 % 2) }
}

fn keep(writer: &mut Writer, run: RunId, happening: &Happening) {
    match *happening {
        Happening::Measured(number, metric, grade) => {
            let one = Measurement { case: numbered(number), ..measurement(1, METRICS[metric], 1.0, grade) };
            writer.record_measurements(run, &[one]).unwrap();
        }
        Happening::Failed(number, kind) => {
            let one = Failure { case: Some(numbered(number)), kind, ..failure(1, None) };
            writer.record_failure(run, &one).unwrap();
        }
        Happening::FailedAsAWhole(kind) => {
            writer.record_failure(run, &Failure { case: None, label: None, kind, ..failure(1, None) }).unwrap();
        }
    }
}

/// The rule, case by case: a failure counts before everything, one of another kind than `unsupported` before that; then
/// the worst grade of what decides, as it was told last.
fn by_rule(happenings: &[Happening]) -> Vec<GroupCounts> {
    let mut groups = BTreeMap::new();
    for number in 0..2 * SCENARIOS.len() {
        let failures: Vec<_> = happenings
            .iter()
            .filter_map(|happening| match happening {
                Happening::Failed(case, kind) if *case == number => Some(*kind),
                _ => None,
            })
            .collect();
        let mut grades = BTreeMap::new();
        for happening in happenings {
            if let Happening::Measured(case, metric, grade) = happening
                && *case == number
            {
                grades.insert(*metric, *grade);
            }
        }
        if failures.is_empty() && grades.is_empty() {
            continue;
        }
        let group = SCENARIOS[number / 2].split('/').next().unwrap();
        let counts = groups.entry(group).or_insert_with(|| GroupCounts {
            group: group.to_owned(),
            sound: 0,
            noisy: 0,
            unusable: 0,
            failed: 0,
            unsupported: 0,
        });
        let decides = |metric: usize| Rules::default().gates(METRICS[metric]);
        let worst = grades.iter().filter(|(metric, _)| decides(**metric)).map(|(_, grade)| *grade).max();
        let count = if failures.iter().any(|kind| *kind != FailureKind::Unsupported) {
            &mut counts.failed
        } else if !failures.is_empty() {
            &mut counts.unsupported
        } else {
            match worst.unwrap_or(Grade::Sound) {
                Grade::Sound => &mut counts.sound,
                Grade::Noisy => &mut counts.noisy,
                Grade::Unusable => &mut counts.unusable,
            }
        };
        *count += 1;
    }
    groups.into_values().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn counts_follow_the_rule(
        first in prop::collection::vec(happening(), 0..20),
        second in prop::collection::vec(happening(), 0..20),
    ) {
        let place = Place::new();
        let mut writer = place.writer();
        let mut runs = Vec::new();
        for (number, happenings) in [(1, &first), (2, &second)] {
            let run = writer.open_run(&start(number)).unwrap().id;
            happenings.iter().for_each(|happening| keep(&mut writer, run, happening));
            runs.push(run);
        }
        let asked = [runs[1], RunId(99), runs[0]];
        let expected = vec![by_rule(&second), vec![], by_rule(&first)];
        prop_assert_eq!(place.reader().grades(&asked).unwrap(), expected);
        prop_assert_eq!(writer.verify().unwrap(), Vec::<String>::new());
    }
}
