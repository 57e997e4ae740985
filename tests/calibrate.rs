//! `benchline calibrate` as people use it, on a subject that is a shell script.

use benchline::{
    history::Reader,
    model::{RunState, VariantKind},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::support::{Project, eventually};

/// What the toy states, in nanoseconds: long enough for any clock.
const WALL: u64 = 10_000_000;

fn reader(project: &Project) -> Reader {
    Reader::open(&project.path("results/benchline.sqlite")).unwrap()
}

/// Trials kept by the variants of the first calibration so far.
fn kept(project: &Project) -> usize {
    let Ok(reader) = Reader::open(&project.path("results/benchline.sqlite")) else { return 0 };
    let variants = reader.variants(1).unwrap_or_default();
    variants.iter().map(|(_, run)| reader.trials(*run, "toy/work@1 n=1").map_or(0, |trials| trials.len())).sum()
}

#[test]
fn a_killed_calibration_is_resumed_replayed_and_reported() {
    let project = Project::new();
    project.sampling(6, 1).subject(WALL, "").commit("Few samples");
    let arguments = ["calibrate", "--blocks", "41", "--inject", "none", "--json", "-"];
    let mut running = project.start(&arguments);
    eventually("some blocks", || (kept(&project) >= 12).then_some(()));
    kill(Pid::from_raw(running.0.id().cast_signed()), Signal::SIGKILL).unwrap();
    running.0.wait().unwrap();

    let output = project.run(&arguments, 0);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("resuming calibration 1"), "{said}");
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&result["calibration"], &result["state"], &result["blocks"]),
        (&1.into(), &"finished".into(), &41.into())
    );
    let whole = &result["rates"][0];
    assert_eq!((&whole["variant"], &whole["case"]), (&"same".into(), &serde_json::Value::Null));
    assert_eq!((&whole["pairs"], &whole["independent"]), (&2.into(), &1.into()));
    let wall = result["rates"].as_array().unwrap().iter().find(|rate| rate["metric"] == "wall_time").unwrap();
    assert_eq!((&wall["flagged"], &wall["spread"]), (&0.into(), &0.0.into()), "the toy states the same time always");

    let reader = reader(&project);
    assert_eq!(reader.calibrations(None).unwrap().len(), 1);
    for (_, run) in reader.variants(1).unwrap() {
        assert!(reader.trials(run, "toy/work@1 n=1").unwrap().len() >= 41, "blocks that were cut off are replaced");
        assert_eq!(reader.run(run).unwrap().unwrap().run.state, RunState::Finished);
    }
    let id = project.git(&["rev-parse", "HEAD"]);
    assert!(reader.runs_of(&id).unwrap().is_empty(), "a calibration is no result of the commit");
    let again = String::from_utf8(project.run(&["calibrate", "--report"], 0).stdout).unwrap();
    assert!(again.contains("of 2 bounds it at") && again.contains("too few pairs"), "{again}");
}

#[test]
fn an_arm_has_its_injection_and_only_it() {
    let project = Project::new();
    project.sampling(6, 1).subject(WALL, "");
    // The toy says that it takes twice as long when it is asked to slow down by 100%.
    let script = std::fs::read_to_string(project.path("subject.sh")).unwrap();
    let script = script
        .replace(
            "*'\"prepare\"'*)",
            "*'\"prepare\"'*) wall=10000000; case \"$line\" in *1000000*) wall=20000000;; esac;",
        )
        .replace("\"wall_ns\":10000000,", "\"wall_ns\":'$wall',");
    project.write("subject.sh", &script);
    project.commit("A subject that can be slowed down");
    let result = project.json(&["calibrate", "--blocks", "40", "--inject", "100%", "--json", "-"], 0);
    let rates = result["rates"].as_array().unwrap();
    let wall = |variant: serde_json::Value| {
        rates.iter().find(|r| r["variant"] == variant && r["metric"] == "wall_time").unwrap()
    };
    assert_eq!(wall("same".into())["flagged"], 0);
    let slow = wall(serde_json::json!({ "slowdown": 1_000_000 }));
    assert_eq!((&slow["flagged"], &slow["pairs"]), (&1.into(), &1.into()));
    let variants: Vec<VariantKind> =
        reader(&project).variants(1).unwrap().into_iter().map(|(variant, _)| variant).collect();
    assert_eq!(variants.len(), 3);
    assert!(variants.contains(&VariantKind::Slowdown(1_000_000)));
}

#[test]
fn what_cannot_be_calibrated_is_said_first() {
    let project = Project::new();
    assert!(project.says(&["calibrate", "--blocks", "39"], 1).contains("--blocks 40"));
    assert!(project.says(&["calibrate", "--report"], 1).contains("benchline"));
    project.says(&["calibrate", "--inject", "fast"], 2);
    let says = project.says(&["calibrate", "--neutral", "--inject", "none"], 1);
    assert!(says.contains("`true`"), "an external recipe has no other link order: {says}");
}
