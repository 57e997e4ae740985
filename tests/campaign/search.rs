//! Bisections: what is looked at, what is skipped, and what is never measured twice.

use benchline::{
    campaign::{
        Answer, BisectionError, BisectionResult, CampaignError, Evidence, Gap, Notice, check_sizes, line_between,
        one_case,
    },
    judge::bisect::Seen,
    model::{Metric, Profile, Quantity, Role},
};

use super::{After, Recording, SIZES, config, plan, repository, try_campaign};
use crate::support::Project;

/// Good, a commit with another script but the same time, one that builds to the very same, the culprit, one more.
fn project() -> Project {
    let project = Project::new();
    project.sampling(6, 1).subject(10_000_000, "").commit("Good");
    project.git(&["tag", "good"]);
    project.subject(10_000_000, ": as fast;").commit("Another script");
    project.write("notes", "a note");
    project.commit("A note");
    project.subject(15_000_000, "").commit("The culprit");
    project.subject(15_000_000, ": as slow;").commit("Bad");
    project
}

#[track_caller]
fn bisect(project: &Project, after: Option<After>) -> (Result<BisectionResult, CampaignError>, Vec<Notice>) {
    let line = line_between(&repository(project), "good", "HEAD").unwrap();
    let plan = one_case(&plan(project, Profile::Quick), None, Metric::WALL_TIME).unwrap();
    let (outcome, notices) = try_campaign(project, after, config(project), plan, |workbench, _| {
        workbench.bisect(&line, Metric::WALL_TIME, SIZES)
    });
    (outcome.unwrap(), notices)
}

#[test]
fn the_commit_is_found_after_a_stop_and_nothing_is_measured_twice() {
    let project = project();
    let (result, _) = bisect(&project, Some(After::Stop(3)));
    assert_eq!(result.unwrap().answer, Answer::Stopped);
    let (result, notices) = bisect(&project, None);
    let BisectionResult { answer, steps } = result.unwrap();
    let Answer::Found { index, verdict } = answer else { panic!("{answer:?}") };
    assert_eq!((index, verdict.effect.map(|effect| (effect * 1000.0).round())), (3, Some(1500.0)));
    assert!(notices.iter().any(|notice| matches!(notice, Notice::ComparisonResumed { .. })), "it went on");
    assert!(matches!(&steps[0].evidence, Evidence::Compared { .. }), "the ends are compared first");
    assert_eq!(steps[0].index, 4);

    let (again, notices) = bisect(&project, None);
    assert_eq!(again.unwrap().steps, steps);
    assert_eq!(Recording::passes(&notices), 0);
}

#[test]
fn what_cannot_be_measured_is_skipped_with_its_reason() {
    let project = project();
    project.git(&["tag", "-f", "good", "HEAD~2"]);
    project.git(&["rm", "-q", "subject.sh"]);
    project.commit("No subject");
    let (result, _) = bisect(&project, None);
    let Err(CampaignError::Bisection(BisectionError::BadEnd { reason, .. })) = result else { panic!("{result:?}") };
    assert_eq!(reason, Gap::NoSubject.to_string());

    project.subject(15_000_000, ": back;").commit("Back");
    let (result, notices) = bisect(&project, None);
    let Answer::Found { index: 1, .. } = result.unwrap().answer else { panic!("the culprit is the first") };
    let seen = notices.iter().filter_map(|notice| match notice {
        Notice::RevisionSeen { step, .. } => Some(step.seen),
        _ => None,
    });
    assert!(seen.into_iter().all(|seen| seen == Seen::Changed || seen == Seen::Skipped));
}

#[test]
fn what_cannot_be_bisected_is_a_typed_error() {
    let project = project();
    let repository = repository(&project);
    let line = |good: &str, bad: &str| match line_between(&repository, good, bad) {
        Err(CampaignError::Bisection(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(line("good", "good~0").contains("one commit"));
    project.write("subject.sh", "dirty");
    assert!(line("good", "worktree").contains("commit the work tree first"));
    assert!(matches!(
        check_sizes(benchline::campaign::Sizes { first: 5, ..SIZES }),
        Err(BisectionError::TooFewBlocks { blocks: 5 })
    ));

    let plan = plan(&project, Profile::Quick);
    let server = Metric::of(Role::Server, Quantity::CpuTime);
    assert!(matches!(one_case(&plan, None, server), Err(BisectionError::NoRole { role: Role::Server, .. })));
    let none = one_case(&plan, Some("7 things"), Metric::WALL_TIME).unwrap_err().to_string();
    assert!(none.starts_with("0 cases match; bisect needs exactly one: name it with --scenario and --case"), "{none}");
    let one = one_case(&plan, Some("1 th"), Metric::WALL_TIME).unwrap();
    assert_eq!(one.cases[0].rules.only, Some(Metric::WALL_TIME));
}
