//! Comparisons and calibrations: interleaved blocks that are stopped, cut off and resumed.

use std::collections::BTreeSet;

use benchline::{
    campaign::{
        BisectionError, CalibrationError, CalibrationOutcome, CampaignError, ComparisonOutcome, ComparisonSpec, Judged,
        MeasuredComparison, Notice, Scope, Sizes, check_blocks, variants,
    },
    model::{ComparisonId, Metric, Purpose, RunState, Stage, VariantKind, Verdict, VerdictKind},
};

use super::{After, CASE, Recording, SIZES, campaign, config, plan, reader, revision, try_campaign};
use crate::support::Project;

/// Two commits, the second 6% slower, by what the toy states.
fn slower() -> Project {
    let project = Project::new();
    project.sampling(6, 1).subject(10_000_000, "").commit("Fast");
    project.subject(10_600_000, "").commit("Slow");
    project
}

#[track_caller]
fn compare(project: &Project, after: Option<After>, sizes: Sizes) -> (ComparisonOutcome, Vec<Notice>) {
    let (base, head) = (revision(project, "HEAD~1"), revision(project, "HEAD"));
    let spec =
        ComparisonSpec { base: &base, head: &head, purpose: Purpose::Requested, sizes, seed: Some(7), again: false };
    campaign(project, after, |workbench, _| workbench.compare(&spec))
}

#[track_caller]
fn measured(outcome: ComparisonOutcome) -> MeasuredComparison {
    match outcome {
        ComparisonOutcome::Measured(measured) => *measured,
        other => panic!("{other:?}"),
    }
}

fn wall(project: &Project) -> Verdict {
    let verdicts = reader(project).verdicts(ComparisonId(1)).unwrap();
    verdicts.into_iter().find(|verdict| verdict.metric == Metric::WALL_TIME).unwrap()
}

#[test]
fn a_comparison_that_is_stopped_decides_nothing_and_is_resumed() {
    let project = slower();
    let (outcome, _) = compare(&project, Some(After::Stop(2)), SIZES);
    let stopped = measured(outcome);
    assert!(!stopped.is_finished() && stopped.listing.comparison.state == RunState::Interrupted);
    assert_eq!(wall(&project).kind, VerdictKind::Inconclusive, "half a stage decides nothing");

    let (outcome, notices) = compare(&project, None, SIZES);
    assert!(measured(outcome).is_finished());
    assert!(notices.contains(&Notice::ComparisonResumed { comparison: ComparisonId(1), kept: 2 }));
    let verdict = wall(&project);
    assert_eq!((verdict.kind, verdict.stage, verdict.blocks), (VerdictKind::Worse, Some(Stage::Second), 8));

    let (outcome, notices) = compare(&project, None, SIZES);
    assert!(measured(outcome).is_finished() && notices.contains(&Notice::AlreadyCompared(ComparisonId(1))));
    assert_eq!(Recording::passes(&notices), 0, "nothing is measured twice");
}

#[test]
fn a_comparison_that_is_cut_off_in_its_second_stage_is_resumed_there() {
    let project = slower();
    let (base, head) = (revision(&project, "HEAD~1"), revision(&project, "HEAD"));
    let purpose = Purpose::Requested;
    let spec = ComparisonSpec { base: &base, head: &head, purpose, sizes: SIZES, seed: None, again: false };
    let cut_off = try_campaign(
        &project,
        Some(After::Drop(9)),
        config(&project),
        plan(&project, benchline::model::Profile::Quick),
        |workbench, _| workbench.compare(&spec),
    );
    assert!(cut_off.0.is_none());
    let (outcome, notices) = campaign(&project, None, |workbench, _| workbench.compare(&spec));
    assert!(measured(outcome).is_finished());
    let scopes: Vec<(Scope, u32)> = notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::PassStarted { scope, planned, .. } => Some((*scope, *planned)),
            _ => None,
        })
        .collect();
    let [(Scope::Stage { stage: Stage::Second, suspicious }, 5)] = scopes[..] else { panic!("{scopes:?}") };
    assert!(suspicious >= 2, "wall time and CPU time differ, and so it is reported after a resume, too");
    let blocks = reader(&project).blocks(ComparisonId(1), CASE).unwrap();
    let of = |stage| blocks.iter().filter(|b| b.stage == stage).map(|b| b.index).collect::<BTreeSet<_>>();
    assert_eq!((of(Stage::First), of(Stage::Second)), ((0..6).collect(), (0..8).collect()));
    assert_eq!(blocks.len(), 14);
}

#[test]
fn observers_see_verdicts_as_blocks_are_kept() {
    let project = slower();
    let (_, notices) = compare(&project, None, SIZES);
    let kept = notices.iter().filter_map(|notice| match notice {
        Notice::Kept { done, judged: Judged::Verdicts(verdicts) } => Some((*done, verdicts.len())),
        _ => None,
    });
    let kept: Vec<(u32, usize)> = kept.collect();
    assert_eq!(kept.iter().map(|(done, _)| *done).collect::<Vec<_>>(), (1..=6).chain(1..=8).collect::<Vec<_>>());
    assert!(kept.iter().all(|(_, verdicts)| *verdicts >= 3), "{kept:?}");
}

#[test]
fn a_side_that_crashes_is_unusable_and_one_without_a_subject_impossible() {
    let project = slower();
    project.subject(10_000_000, "exit 3;").commit("Crashes");
    let (outcome, notices) = compare(&project, None, SIZES);
    let crashed = measured(outcome);
    assert!(crashed.is_finished() && crashed.listing.head.failures == 3, "two trials, and the case");
    assert_eq!(wall(&project).kind, VerdictKind::Unusable);
    assert_eq!(notices.iter().filter(|notice| matches!(notice, Notice::Failed { .. })).count(), 3);

    project.git(&["rm", "-q", "subject.sh"]);
    project.commit("No subject");
    let (outcome, _) = compare(&project, None, SIZES);
    let ComparisonOutcome::Impossible { revision, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(revision.title, "No subject");
}

#[test]
fn sizes_that_cannot_decide_are_a_typed_error_before_anything_is_built() {
    let project = slower();
    let (base, head) = (revision(&project, "HEAD~1"), revision(&project, "HEAD"));
    let sizes = Sizes { first: 10, second: 5, budget: 0.01 };
    let purpose = Purpose::Requested;
    let spec = ComparisonSpec { base: &base, head: &head, purpose, sizes, seed: None, again: false };
    let (outcome, notices) = try_campaign(
        &project,
        None,
        config(&project),
        plan(&project, benchline::model::Profile::Quick),
        |workbench, _| workbench.compare(&spec),
    );
    assert!(matches!(outcome, Some(Err(CampaignError::Design(_)))));
    assert!(!notices.contains(&Notice::BuildStarted));
}

#[test]
fn a_calibration_that_is_stopped_is_resumed_and_replayed() {
    let project = slower();
    let kinds = variants(&[], None, 0).unwrap();
    let (outcome, _) = campaign(&project, Some(After::Stop(3)), |workbench, _| workbench.calibrate(&kinds, 40));
    assert_eq!(outcome, CalibrationOutcome::Stopped(Some(1)));
    let (outcome, notices) = campaign(&project, None, |workbench, _| workbench.calibrate(&kinds, 40));
    assert_eq!(outcome, CalibrationOutcome::Finished { id: 1, failures: 0 });
    assert!(notices.contains(&Notice::CalibrationResumed(1)));
    let started = Notice::PassStarted { scope: Scope::Calibration, planned: 40, done: 3 };
    assert!(notices.contains(&started), "the blocks that are kept count");
    let reader = reader(&project);
    let calibration = reader.calibration(1).unwrap().unwrap();
    let same = calibration.rates.iter().find(|rate| rate.variant == VariantKind::Same).unwrap();
    assert_eq!((same.pairs, same.flagged), (1, 0));
    for (_, run) in reader.variants(1).unwrap() {
        assert_eq!(reader.trials(run, CASE).unwrap().len(), 40);
    }
}

#[test]
fn a_calibration_that_cannot_be_is_a_typed_error() {
    assert_eq!(check_blocks(39), Err(CalibrationError::TooFewBlocks { blocks: 39, window: 40 }));
    let project = slower();
    let kinds = variants(&[], None, 1).unwrap();
    let (outcome, _) = try_campaign(
        &project,
        None,
        config(&project),
        plan(&project, benchline::model::Profile::Quick),
        |workbench, _| workbench.calibrate(&kinds, 40),
    );
    assert!(matches!(outcome, Some(Err(CampaignError::Revision(_)))), "another recipe has no other link order");
    let error: CampaignError = BisectionError::NotACommit.into();
    assert!(error.to_string().contains("commit the work tree first"));
}
