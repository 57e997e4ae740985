//! Runs of one revision by itself, and several in a row; checks and replays.

use std::collections::BTreeSet;

use benchline::{
    campaign::CampaignError,
    campaign::{
        NoBase, Notice, Replay, ReplayError, ReplayOutcome, ReplaySpec, RunOutcome, Silent, check, checkout_and_before,
    },
    model::{FailureKind, Grade, Metric, Profile, RunId, RunState},
    revision::Recipe,
    runner::Stop,
};

use super::{After, CASE, Recording, campaign, config, plan, reader, repository, try_campaign};
use crate::support::Project;

/// A toy that is measured soon.
fn small(trials: u32) -> Project {
    let project = Project::new();
    project.sampling(trials, 1).commit("Few samples");
    project
}

/// Measures the checkout once.
#[track_caller]
fn measure(project: &Project, after: Option<After>) -> (RunOutcome, Vec<Notice>) {
    campaign(project, after, |workbench, repository| workbench.measure(&repository.resolve_one(None)?, false))
}

fn state(project: &Project, run: i64) -> RunState {
    reader(project).run(RunId(run)).unwrap().unwrap().run.state
}

fn kinds(project: &Project, run: i64) -> Vec<FailureKind> {
    reader(project).failures(RunId(run)).unwrap().into_iter().map(|failure| failure.kind).collect()
}

#[test]
fn a_run_that_is_stopped_is_resumed_and_then_known() {
    let project = small(6);
    let (outcome, _) = measure(&project, Some(After::Stop(2)));
    assert_eq!((outcome, state(&project, 1)), (RunOutcome::Stopped(Some(RunId(1))), RunState::Interrupted));

    let (outcome, notices) = measure(&project, None);
    assert_eq!(outcome, RunOutcome::Finished { run: RunId(1), failures: 0 });
    assert!(notices.contains(&Notice::RunResumed { run: RunId(1), kept: 2, planned: 6 }));
    let trials = reader(&project).trials(RunId(1), CASE).unwrap();
    let indices: BTreeSet<u32> = trials.iter().map(|trial| trial.index).collect();
    assert!(trials.len() == 6 && indices.len() == 6, "nothing is lost or doubled: {indices:?}");

    let (outcome, notices) = measure(&project, None);
    assert_eq!(outcome, RunOutcome::AlreadyMeasured(RunId(1)));
    assert_eq!(Recording::passes(&notices), 0);
}

#[test]
fn a_run_that_is_cut_off_is_resumed_by_the_same_call() {
    let project = small(6);
    let cut_off = try_campaign(
        &project,
        Some(After::Drop(3)),
        config(&project),
        plan(&project, Profile::Quick),
        |workbench, repository| workbench.measure(&repository.resolve_one(None)?, false),
    );
    assert!(cut_off.0.is_none());
    assert_eq!(state(&project, 1), RunState::Running, "nobody closed it");
    assert_eq!(reader(&project).progress().unwrap(), None, "and nobody is measuring");
    let (outcome, notices) = measure(&project, None);
    assert_eq!(outcome, RunOutcome::Finished { run: RunId(1), failures: 0 });
    assert!(notices.contains(&Notice::RunResumed { run: RunId(1), kept: 3, planned: 6 }));
    assert_eq!(reader(&project).trials(RunId(1), CASE).unwrap().len(), 6);
}

/// A process that resumes a run judges its trials with the failures of the process before.
#[test]
fn a_wrong_result_spoils_the_run_even_after_it_is_resumed() {
    let project = small(6);
    let count = project.path("count");
    let right = std::fs::read_to_string(project.path("subject.sh")).unwrap();
    let first_is_wrong =
        format!("*'\"verify\"'*) [ -e {0} ] || {{ touch {0}; echo '{1}'; continue; }};", count.display(), {
            r#"{"type":"verified","digest":"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}"#
        });
    project.write(".gitignore", "/results\n/count\n");
    project.write("subject.sh", &right.replace("*'\"verify\"'*)", &first_is_wrong));
    project.commit("Wrong once");
    let (outcome, notices) = measure(&project, Some(After::Stop(2)));
    assert_eq!(outcome, RunOutcome::Stopped(Some(RunId(1))));
    assert!(
        notices
            .iter()
            .any(|notice| matches!(notice, Notice::Failed { failure, .. } if failure.kind == FailureKind::WrongResult))
    );

    let (outcome, _) = measure(&project, None);
    assert_eq!(outcome, RunOutcome::Finished { run: RunId(1), failures: 1 });
    let measurements = reader(&project).measurements(RunId(1)).unwrap();
    let wall = measurements.iter().find(|measurement| measurement.metric == Metric::WALL_TIME).unwrap();
    assert_eq!((wall.summary.trials, wall.grade), (5, Grade::Unusable));
}

#[test]
fn a_subject_that_crashes_is_given_up_and_the_run_ends() {
    let project = small(6);
    project.subject(1000, "exit 3;").commit("Crashes");
    let (outcome, notices) = measure(&project, None);
    assert_eq!(outcome, RunOutcome::Finished { run: RunId(1), failures: 3 });
    assert_eq!(kinds(&project, 1), [FailureKind::Crashed; 3], "two trials, and the case");
    assert_eq!(notices.iter().filter(|notice| matches!(notice, Notice::Failed { .. })).count(), 3);
    assert_eq!(notices.last(), Some(&Notice::PassFinished));
}

#[test]
fn a_subject_that_hangs_times_out() {
    let project = small(6);
    let text = std::fs::read_to_string(project.path("scenarios/toy/work.toml")).unwrap();
    project.write("scenarios/toy/work.toml", &text.replace("\"20 s\"", "\"200 ms\""));
    project.subject(1000, "exec sleep 60;").commit("Hangs");
    let (outcome, _) = measure(&project, None);
    assert_eq!(outcome, RunOutcome::Finished { run: RunId(1), failures: 3 });
    assert_eq!(kinds(&project, 1), [FailureKind::TimedOut; 3]);
}

#[test]
fn a_revision_without_the_operation_is_unsupported() {
    let project = small(6);
    let text = std::fs::read_to_string(project.path("scenarios/toy/work.toml")).unwrap();
    project.write("scenarios/toy/work.toml", &text.replace("roles =", "operation = \"toy/other\"\nroles ="));
    let (outcome, _) = measure(&project, None);
    assert_eq!(outcome, RunOutcome::Unsupported(RunId(1)));
    assert_eq!((state(&project, 1), kinds(&project, 1)), (RunState::Unsupported, vec![FailureKind::Unsupported]));
}

#[test]
fn a_revision_that_does_not_build_or_has_no_subject_is_a_row() {
    let project = small(6);
    let recipe = Recipe::new(vec!["false".to_owned()], "subject.sh".as_ref(), &["subject.sh".into()]).unwrap();
    let (outcome, notices) = try_campaign(
        &project,
        None,
        benchline::campaign::Config { recipe, ..config(&project) },
        plan(&project, Profile::Quick),
        |workbench, repository| workbench.measure(&repository.resolve_one(None)?, false),
    );
    assert_eq!(outcome.unwrap().unwrap(), RunOutcome::BuildFailed(RunId(1)));
    assert!(
        notices.iter().any(|notice| matches!(notice, Notice::NotBuilt(failure) if failure.message.contains("`false`")))
    );
    assert_eq!((state(&project, 1), kinds(&project, 1)), (RunState::BuildFailed, vec![FailureKind::Build]));

    project.git(&["rm", "-q", "subject.sh"]);
    project.commit("No subject");
    let (outcome, _) = measure(&project, None);
    assert_eq!((outcome, state(&project, 2)), (RunOutcome::Unsupported(RunId(2)), RunState::Unsupported));
}

#[test]
fn revisions_are_measured_in_a_row_until_somebody_stops_it() {
    let project = small(3);
    project.subject(2000, "").commit("Slower");
    let revisions = checkout_and_before(&repository(&project), 9).unwrap();
    let titles: Vec<&str> = revisions.iter().map(|revision| revision.title.as_str()).collect();
    assert_eq!(titles, ["Slower", "Few samples", "First"]);
    let (outcomes, _) =
        campaign(&project, Some(After::Stop(4)), |workbench, _| workbench.measure_all(&revisions, false));
    let expected = [RunOutcome::Finished { run: RunId(1), failures: 0 }, RunOutcome::Stopped(Some(RunId(2)))];
    assert_eq!(outcomes, expected, "the third is not begun");
}

#[test]
fn a_gate_run_without_a_base_is_measured_by_itself() {
    let project = small(3);
    let revision = repository(&project).resolve_one(Some("HEAD~1")).unwrap();
    let (outcomes, notices) =
        try_campaign(&project, None, config(&project), plan(&project, Profile::Gate), |workbench, _| {
            workbench.measure_all(std::slice::from_ref(&revision), false)
        });
    assert_eq!(outcomes.unwrap().unwrap(), [RunOutcome::Finished { run: RunId(1), failures: 0 }]);
    assert!(notices.contains(&Notice::NoBase { revision, reason: NoBase::NoParent }));
}

#[test]
fn a_check_performs_each_case_once_and_keeps_nothing() {
    let project = small(6);
    let (config, stop) = (config(&project), Stop::new());
    let recording = Recording::default();
    let plan = plan(&project, Profile::Quick);
    let failures = check(&config, &repository(&project), &plan, &recording, &stop).unwrap();
    assert_eq!(failures, Some(Vec::new()));
    let notices = recording.notices.into_inner();
    assert_eq!(notices.iter().filter(|notice| matches!(notice, Notice::CasePerformed(_))).count(), 1);
    assert!(!config.database.exists());

    stop.set();
    assert_eq!(check(&config, &repository(&project), &plan, &Silent, &stop).unwrap(), None);
}

#[test]
fn a_replay_keeps_the_files_of_what_failed_and_nobody_elses() {
    let project = small(6);
    let (config, repository, stop) = (config(&project), repository(&project), Stop::new());
    let case = plan(&project, Profile::Quick).cases[0].clone();
    let spec = |folder| ReplaySpec { case: case.clone(), revision: None, samples: Some(2), tool: None, folder };
    let replay = Replay::prepare(&config, &repository, spec(None), &Silent, &stop).unwrap().unwrap();
    let ReplayOutcome::Performed { trial, report: None, folder: None } = replay.perform(None, &Silent, &stop).unwrap()
    else {
        panic!("the toy works")
    };
    assert_eq!(trial.samples(Metric::WALL_TIME), Some(vec![1000.0; 2]));

    project.write("taken/file", "mine");
    let taken = project.path("taken");
    let refused = Replay::prepare(&config, &repository, spec(Some(&taken)), &Silent, &stop);
    assert!(matches!(refused.err(), Some(CampaignError::Replay(ReplayError::NotEmpty(_)))));
    project.subject(1000, "echo left >left; exit 3;");
    let replay = Replay::prepare(&config, &repository, spec(None), &Silent, &stop).unwrap().unwrap();
    let ReplayOutcome::Failed { failure, folder } = replay.perform(None, &Silent, &stop).unwrap() else {
        panic!("it crashes")
    };
    assert_eq!(failure.kind, FailureKind::Crashed);
    assert!(folder.join("trial/client/left").exists());
}
