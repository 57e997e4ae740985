//! Comparisons as people use them: real processes, a real git repository, a real database.

use std::collections::BTreeSet;

use benchline::{
    history::Reader,
    model::{Stage, VerdictKind},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::support::{Project, eventually};

/// Wall times that a clock with a step of tens of nanoseconds resolves.
const BASE: u64 = 1_000_000;
const SLOWER: u64 = 1_060_000;

fn project() -> Project {
    let project = Project::new();
    project.subject(BASE, "");
    project.git(&["add", "-A"]);
    project.git(&["commit", "-q", "--amend", "-m", "First"]);
    project
}

fn reader(project: &Project) -> Reader {
    Reader::open(&project.path("results/benchline.sqlite")).unwrap()
}

fn row<'a>(result: &'a serde_json::Value, metric: &str) -> &'a serde_json::Value {
    result["verdicts"].as_array().unwrap().iter().find(|row| row["metric"] == metric).unwrap()
}

#[test]
fn a_slower_commit_is_worse_and_a_faster_one_better() {
    let project = project();
    project.subject(SLOWER, "").commit("Slower");
    let result = project.json(&["compare", "HEAD~1", "HEAD", "--format", "json", "--fail-on", "worse"], 3);
    assert_eq!(
        (&result["schema"], &result["design"]["error_budget"]),
        (&"benchline.comparison/1".into(), &0.01.into())
    );
    assert_eq!(result["head"]["id"], project.git(&["rev-parse", "HEAD"]));
    assert_eq!(result["base"]["id"], project.git(&["rev-parse", "HEAD~1"]));
    let wall = row(&result, "wall_time");
    assert_eq!((&wall["verdict"], &wall["gate"]), (&"worse".into(), &true.into()), "{wall}");
    assert_eq!((&wall["stage"], &wall["blocks"]), (&2.into(), &30.into()), "stage 2 alone decides");
    assert!((wall["effect"].as_f64().unwrap() - 1.06).abs() < 1e-9, "{wall}");
    assert_eq!(result["summary"]["worse"], 2, "wall time and CPU time; memory did not grow");
    let result = project.json(&["compare", "HEAD", "HEAD~1", "--format", "json", "--fail-on", "worse"], 0);
    assert_eq!(row(&result, "wall_time")["verdict"], "better");
    project.run(&["history", "verify"], 0);
}

#[test]
fn the_same_program_is_equivalent_at_once() {
    let project = project();
    project.write("README.md", "words");
    project.commit("Words alone");
    let said = project.run(&["compare", "HEAD~1", "HEAD", "--fail-on", "worse"], 0);
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("both build to the very same program"), "{said}");
    let comparisons = reader(&project).comparisons(10).unwrap();
    assert!(comparisons[0].comparison.identical && comparisons[0].head.trials == 0, "nothing was measured");
    let verdicts = reader(&project).verdicts(comparisons[0].comparison.id).unwrap();
    assert!(verdicts.len() == 3 && verdicts.iter().all(|verdict| verdict.kind == VerdictKind::Equivalent));
}

#[test]
fn a_dirty_tree_is_compared_with_its_own_head() {
    let project = project();
    project.subject(SLOWER, "");
    let text = project.run(&["compare", "--format", "markdown"], 0).stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.starts_with("### worktree against"), "{text}");
    assert!(text.contains("| ▲ worse | toy/work | 1 things | wall_time | 1.060"), "{text}");
    assert!(text.contains("10 + 30 blocks, 3 gate series, false-alarm budget 1%"), "{text}");
    project.subject(BASE, "");
    assert!(project.says(&["compare"], 1).contains("has no parent to compare with"));
    assert!(project.says(&["compare", "--anchor"], 1).contains("no tag lies before"));
    project.git(&["tag", "v1"]);
    project.subject(SLOWER, "").commit("Slower");
    let anchored = project.json(&["compare", "--anchor", "--format", "json"], 0);
    assert_eq!(row(&anchored, "wall_time")["verdict"], "worse");
}

#[test]
fn a_killed_comparison_goes_on_and_nothing_is_lost_or_doubled() {
    let project = project();
    project.subject(SLOWER, "").commit("Slower");
    let command = ["compare", "HEAD~1", "HEAD", "--format", "json"];
    let kept = || match Reader::open(&project.path("results/benchline.sqlite")) {
        Ok(reader) => reader.comparisons(1).ok().and_then(|s| Some(s.first()?.head.trials)).unwrap_or(0),
        Err(_) => 0,
    };
    for _ in 0..3 {
        let mut running = project.start(&command);
        let before = kept();
        eventually("three more blocks", || (kept() >= before + 3).then_some(()));
        kill(Pid::from_raw(running.0.id().cast_signed()), Signal::SIGKILL).unwrap();
        running.0.wait().unwrap();
    }
    let result = project.json(&command, 0);
    assert_eq!(row(&result, "wall_time")["verdict"], "worse");
    let reader = reader(&project);
    let comparisons = reader.comparisons(10).unwrap();
    assert_eq!(comparisons.len(), 1, "one comparison, continued");
    let blocks = reader.blocks(comparisons[0].comparison.id, "toy/work@1 n=1").unwrap();
    let of =
        |stage| blocks.iter().filter(|block| block.stage == stage).map(|block| block.index).collect::<BTreeSet<_>>();
    assert_eq!((of(Stage::First), of(Stage::Second)), ((0..10).collect(), (0..30).collect()));
    assert_eq!(blocks.len(), 40);
    assert!(blocks.iter().any(|block| block.head_first) && blocks.iter().any(|block| !block.head_first));
    project.run(&["history", "verify"], 0);
    assert!(project.says(&command, 0).contains("already compared"));
}

#[test]
fn an_interrupt_shows_what_there_is() {
    let project = project();
    project.subject(SLOWER, "sleep 0.02").commit("Slower");
    let mut running = project.start(&["compare", "HEAD~1", "HEAD"]);
    eventually("a block", || {
        let reader = Reader::open(&project.path("results/benchline.sqlite")).ok()?;
        (reader.comparisons(1).ok()?.first()?.head.trials >= 1).then_some(())
    });
    kill(Pid::from_raw(running.0.id().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(running.0.wait().unwrap().code(), Some(1));
    let verdicts = reader(&project).verdicts(reader(&project).comparisons(1).unwrap()[0].comparison.id).unwrap();
    assert!(!verdicts.is_empty());
    for verdict in verdicts.iter().filter(|verdict| verdict.gate) {
        assert_eq!(verdict.kind, VerdictKind::Inconclusive, "half a stage decides nothing: {verdict:?}");
    }
}

#[test]
fn sizes_that_cannot_decide_are_refused_before_anything_is_measured() {
    let project = project();
    project.subject(SLOWER, "").commit("Slower");
    let said = project.says(&["compare", "HEAD~1", "HEAD", "--blocks", "10+5"], 1);
    assert!(said.contains("cannot decide"), "{said}");
    assert!(!project.path("results/work").exists());
    project.says(&["compare", "HEAD~1", "HEAD", "--blocks", "ten"], 2);
    project.says(&["compare", "HEAD~1", "HEAD", "--budget", "0%"], 2);
    assert!(project.says(&["compare", "HEAD~1..HEAD", "HEAD"], 1).contains("names several"));
}

#[test]
fn a_wrong_result_is_no_verdict_and_fails() {
    let project = project();
    let text = std::fs::read_to_string(project.path("subject.sh")).unwrap();
    project.write(
        "subject.sh",
        &text.replace("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", &"f".repeat(64)),
    );
    project.commit("Fast and wrong");
    let result = project.json(&["compare", "HEAD~1", "HEAD", "--format", "json"], 0);
    assert_eq!(result["failure_count"].as_u64().unwrap(), 3, "two wrong results, and the case given up");
    assert_eq!(row(&result, "wall_time")["verdict"], "unusable");
}

#[test]
fn the_profile_gate_measures_each_commit_of_a_range_with_its_parent() {
    let project = project();
    project.subject(SLOWER, "").commit("Slower");
    project.write("README.md", "words");
    project.commit("Words alone");
    let result = project.json(&["run", "HEAD~2..HEAD", "--json", "-"], 0);
    let runs = result["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 3);
    assert_eq!(runs[0]["comparison"], serde_json::Value::Null, "the first commit has no parent");
    assert_eq!(row(&runs[1]["comparison"], "wall_time")["verdict"], "worse");
    assert_eq!(runs[2]["comparison"]["identical"], true);
    assert!(project.says(&["run", "HEAD"], 0).contains("already compared"));
}

#[test]
fn a_comparison_that_was_asked_for_hides_nothing_on_a_graph() {
    let project = project();
    project.subject(SLOWER, "").commit("Slower");
    project.run(&["run", "--profile", "quick"], 0);
    let on_axis = || reader(&project).runs(10).unwrap().into_iter().map(|listing| listing.run.id).collect::<Vec<_>>();
    let before = on_axis();
    project.run(&["compare", "HEAD~1", "HEAD"], 0);
    assert_eq!(on_axis(), before, "neither side of it");
    project.write("README.md", "words");
    project.commit("Words alone");
    project.run(&["run", "--profile", "quick"], 0);
    let before = on_axis();
    project.run(&["run"], 0);
    assert_eq!(on_axis(), before, "an equal program has no points, and does not hide those that are there");
    let comparisons = reader(&project).comparisons_of(&project.git(&["rev-parse", "HEAD"])).unwrap();
    assert!(comparisons[0].comparison.identical, "it has its verdict all the same");
}
