//! The command line as people use it: real processes, a real git repository, a real database.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
};

use benchline::{history::Reader, model::RunId};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::support::{Project, eventually, free_port, processes_of, python_is_missing};

#[test]
fn a_run_is_one_json_object_with_its_evidence() {
    let project = Project::new();
    let result = project.json(&["run", "--profile", "quick", "--json", "-"], 0);
    assert_eq!(result["schema"], "benchline.run/1");
    assert_eq!(result["revision"]["id"], project.git(&["rev-parse", "HEAD"]));
    assert_eq!(result["environment"]["id"].as_str().unwrap().len(), 12);
    assert_eq!(result["failures"], serde_json::json!([]));
    let measurements = result["measurements"].as_array().unwrap();
    let wall = measurements.iter().find(|m| m["metric"] == "wall_time").unwrap();
    assert_eq!(wall["case"]["scenario"], "toy/work");
    assert_eq!(wall["case"]["parameters"], serde_json::json!({ "n": 1 }));
    assert_eq!((&wall["unit"], &wall["direction"]), (&"nanoseconds".into(), &"lower".into()));
    assert_eq!((&wall["interval"]["low"], &wall["interval"]["high"]), (&1000.0.into(), &1000.0.into()));
    assert_eq!(wall["estimate"], 1000.0);
    assert_eq!((&wall["trials"], &wall["samples"]), (&6.into(), &24.into()));
    let checks: Vec<&str> =
        wall["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert!(
        checks.contains(&"verified") && checks.contains(&"enough_trials") && checks.contains(&"precise"),
        "{checks:?}"
    );
    let peak = measurements.iter().find(|m| m["metric"] == "client.rss_peak").unwrap();
    assert_eq!(peak["role"], "client");
    assert!(peak["estimate"].as_f64().unwrap() > 100_000.0);
}

#[test]
fn a_range_holds_both_ends_and_marks_what_has_no_subject() {
    let project = Project::new();
    project.git(&["rm", "-q", "subject.sh"]);
    project.commit("No subject");
    project.write("subject.sh", "#!/bin/sh\nexit 0\n");
    std::process::Command::new("chmod").arg("+x").arg(project.path("subject.sh")).status().unwrap();
    project.commit("A program that does not speak");
    project.subject(2000, "").commit("A slower subject");
    let result = project.json(&["run", "--profile", "quick", "HEAD~3..HEAD", "--json", "-"], 0);
    let states: Vec<&str> =
        result["runs"].as_array().unwrap().iter().map(|run| run["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["finished", "unsupported", "unsupported", "finished"]);
    let unsupported = &result["runs"][1];
    assert_eq!(unsupported["measurements"], serde_json::json!([]), "no value is invented");
    assert_eq!(unsupported["failures"][0]["kind"], "unsupported");
}

#[test]
fn a_dirty_tree_is_measured_as_worktree() {
    let project = Project::new();
    project.subject(3000, "");
    let result = project.json(&["run", "--profile", "quick", "--json", "-"], 0);
    assert_eq!(result["revision"]["kind"], "worktree");
    assert_eq!(result["measurements"][0]["estimate"], 3000.0);
}

#[test]
fn what_was_measured_is_measured_again_only_when_asked() {
    let project = Project::new();
    project.run(&["run", "--profile", "quick"], 0);
    assert!(project.says(&["run", "--profile", "quick"], 0).contains("already measured"));
    assert_eq!(runs(&project), 1);
    project.run(&["run", "--profile", "quick", "--again"], 0);
    assert_eq!(runs(&project), 2);
}

#[test]
fn another_plan_of_as_many_trials_is_not_what_was_measured() {
    let project = Project::new();
    let other = std::fs::read_to_string(project.path("scenarios/toy/work.toml")).unwrap();
    project.write("scenarios/toy/else.toml", &other.replace("\"toy/work\"", "\"toy/else\"\noperation = \"toy/work\""));
    project.commit("A second scenario");
    project.run(&["run", "--profile", "quick", "--scenario", "toy/work"], 0);
    let result = project.json(&["run", "--profile", "quick", "--scenario", "toy/else", "--json", "-"], 0);
    assert_eq!(result["measurements"][0]["case"]["scenario"], "toy/else");
    assert!(project.says(&["run", "--profile", "quick", "--scenario", "toy/work"], 0).contains("already measured"));
}

/// One of two cases has an interval 2.2% wide to either side, where 2% are wanted: of 12 trials, 15 would make it so.
#[test]
fn a_run_goes_on_where_its_interval_is_wide_and_says_how_far_at_most() {
    let project = Project::new();
    let place = tempfile::tempdir().unwrap();
    let (count, go) = (place.path().join("count"), place.path().join("go"));
    let trial = format!(
        "case \"$line\" in *'\"count\":1}}'*) n=$(cat '{count}' || echo 0); echo $((n + 1)) >'{count}' ;; *) n=1 ;; esac
      case $((n % 4)) in 0) wall=978000 ;; 3) wall=1022000 ;; *) wall=1000000 ;; esac
      left=6000; while [ $n -eq 12 ] && [ ! -e '{go}' ] && [ $left -gt 0 ]; do left=$((left - 1)); sleep 0.01; done
      echo '{{\"type\":\"prepared\"}}'",
        count = count.display(),
        go = go.display()
    );
    project.sampling(12, 2);
    let steady = fs::read_to_string(project.path("scenarios/toy/work.toml")).unwrap();
    let steady = steady.replace("\"toy/work\"", "\"toy/steady\"\noperation = \"toy/work\"").replace("n = 1 ", "n = 2 ");
    project.write("scenarios/toy/steady.toml", &steady);
    let subject = fs::read_to_string(project.path("subject.sh")).unwrap();
    let subject =
        subject.replace("echo '{\"type\":\"prepared\"}'", &trial).replace("\"wall_ns\":1000", "\"wall_ns\":'$wall'");
    project.write("subject.sh", &subject);
    project.commit("One that varies");

    let mut running = project.start(&["run", "--profile", "quick"]);
    let progress = eventually("the thirteenth trial", || {
        let progress = Reader::open(&project.path("results/benchline.sqlite")).ok()?.progress().ok()??;
        (progress.trial == 12).then_some(progress)
    });
    assert_eq!((progress.done_trials, progress.planned_trials, progress.trials), (24, 27, 15));
    fs::write(&go, "").unwrap();
    let mut said = String::new();
    running.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(running.0.wait().unwrap().success(), "{said}");
    assert!(said.contains("up to 3 trials more"), "{said}");
    assert_eq!(kept_trials(&project), 27);
}

#[test]
fn a_killed_run_is_resumed_and_nothing_is_lost_or_doubled() {
    let project = Project::new();
    project.sampling(12, 2).subject(1000, "sleep 0.02");
    project.commit("Slower to measure");
    for _ in 0..3 {
        let mut running = project.start(&["run", "--profile", "quick"]);
        let before = kept_trials(&project);
        eventually("two more trials", || (kept_trials(&project) >= before + 2).then_some(()));
        kill(Pid::from_raw(running.0.id().cast_signed()), Signal::SIGKILL).unwrap();
        running.0.wait().unwrap();
    }
    let kept = kept_trials(&project);
    let said = project.says(&["run", "--profile", "quick"], 0);
    assert!(said.contains(&format!("resuming run 1 after {kept} of 12")), "{said}");
    let trials =
        Reader::open(&project.path("results/benchline.sqlite")).unwrap().trials(RunId(1), "toy/work@1 n=1").unwrap();
    let indices: BTreeSet<u32> = trials.iter().map(|trial| trial.index).collect();
    assert_eq!((trials.len(), indices.len()), (12, 12));
    assert_eq!(runs(&project), 1);
    project.run(&["history", "verify"], 0);
    // Subjects see the end of their input and go.
    eventually("subjects are gone", || processes_of(&project.path("")).is_empty().then_some(()));
}

#[test]
fn an_interrupt_keeps_what_was_measured() {
    let project = Project::new();
    project.sampling(12, 2).subject(1000, "sleep 0.02");
    project.commit("Slower to measure");
    let mut running = project.start(&["run", "--profile", "quick"]);
    eventually("a trial", || (kept_trials(&project) >= 1).then_some(()));
    kill(Pid::from_raw(running.0.id().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(running.0.wait().unwrap().code(), Some(1));
    let mut said = String::new();
    running.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("interrupted") && said.contains("resumes"), "{said}");
    assert!(project.says(&["run", "--profile", "quick"], 0).contains("resuming run 1"));
}

#[test]
fn a_killed_subject_is_a_failure_with_its_cause_and_the_run_goes_on() {
    let project = Project::new();
    // The second trial's process kills itself: a counter outside the trial's folder tells which one it is.
    let counter = project.path("results/count");
    let extra = format!("echo x >>{0}; [ $(wc -l <{0}) -eq 7 ] && kill -9 $$;", counter.display());
    fs::create_dir_all(project.path("results")).unwrap();
    project.subject(1000, &extra).commit("Dies once");
    let result = project.json(&["run", "--profile", "quick", "--json", "-"], 1);
    let failures = result["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1);
    assert_eq!((&failures[0]["kind"], &failures[0]["trial"]), (&"crashed".into(), &1.into()));
    assert!(failures[0]["message"].as_str().unwrap().contains("signal: 9"));
    let wall = result["measurements"].as_array().unwrap().iter().find(|m| m["metric"] == "wall_time").unwrap();
    assert_eq!(wall["trials"], 5);
    let enough = wall["checks"].as_array().unwrap().iter().find(|check| check["name"] == "enough_trials").unwrap();
    assert_eq!(enough["status"], "warn", "too few for an interval, and it says so");
}

#[test]
fn mistakes_are_told_plainly() {
    let project = Project::new();
    let says = project.says(&["run", "no-such-branch"], 1);
    assert!(says.contains("no-such-branch"), "{says}");
    let says = project.says(&["run", "--profile", "quick", "--scenario", "toy/wrok"], 1);
    assert!(says.contains("did you mean `toy/work`?"), "{says}");
    project.says(&["run", "--profile", "thorough"], 2);
    project.says(&["run", "--no-such-option"], 2);
    project.write("scenarios/toy/work.toml", "name = 7\n");
    let says = project.says(&["list"], 1);
    assert!(says.contains("scenarios/toy/work.toml:1"), "{says}");
    project.write("benchline.toml", "databse = \"x\"\n");
    assert!(project.says(&["list"], 1).contains("databse"));
}

#[test]
fn without_git_it_says_so() {
    let project = Project::new();
    fs::remove_dir_all(project.path(".git")).unwrap();
    let says = project.says(&["run", "--profile", "quick"], 1);
    assert!(says.contains("git"), "{says}");
    let output = project.benchline(&["run", "--profile", "quick"]).env("PATH", "/nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("git"));
}

#[test]
fn a_port_in_use_is_told_before_anything_is_measured() {
    let project = Project::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let says = project.says(&["up", "--listen", &address], 1);
    assert!(says.contains(&address) && says.contains("--listen"), "{says}");
    assert_eq!(kept_trials(&project), 0);
    assert!(project.says(&["serve", "--listen", &address], 1).contains("--listen"));
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let project = Project::new();
    // A file where a folder should be, and a file system that nobody can write: as root, permissions alone do not bind.
    project.write("results", "a file");
    let says = project.says(&["run", "--profile", "quick"], 1);
    assert!(says.contains("results"), "{says}");
    let says = project.says(&["run", "--profile", "quick", "--database", "/proc/benchline/benchline.sqlite"], 1);
    assert!(says.contains("/proc/benchline"), "{says}");
}

#[test]
fn two_writers_exclude_each_other() {
    let project = Project::new();
    project.subject(1000, "sleep 0.05").commit("Slower to measure");
    let _running = project.start(&["run", "--profile", "quick"]);
    eventually("a trial", || (kept_trials(&project) >= 1).then_some(()));
    let says = project.says(&["run", "--profile", "quick"], 1);
    assert!(says.contains("benchline.sqlite"), "{says}");
}

#[test]
fn pages_are_served_while_another_process_measures() {
    let project = Project::new();
    project.subject(1000, "sleep 0.02").commit("Slower to measure");
    let address = format!("127.0.0.1:{}", free_port());
    let _serving = project.start(&["serve", "--listen", &address]);
    let page = |path: &str| -> Option<String> {
        let mut stream = TcpStream::connect(&address).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some(text)
    };
    let empty = eventually("the pages", || page("/"));
    assert!(empty.starts_with("HTTP/1.1 200") && empty.contains("benchline") || empty.contains("cargo run"), "{empty}");
    project.run(&["run", "--profile", "quick"], 0);
    let full = page("/").unwrap();
    assert!(full.contains("Slower to measure"), "{full}");
    let scenario = page("/scenarios/toy/work").unwrap();
    assert!(scenario.contains("Does the platform work?") && scenario.contains("<svg"), "{scenario}");
}

#[test]
fn list_check_config_and_help_answer() {
    let project = Project::new();
    assert!(String::from_utf8_lossy(&project.run(&["list"], 0).stdout).contains("toy/work"));
    let list = project.json(&["list", "--json"], 0);
    assert_eq!(list["cases"][0]["case"]["key"], "toy/work@1 n=1");
    assert_eq!(
        list["cases"][0]["expected_ns"],
        serde_json::Value::Null,
        "nothing is known yet, and nothing is claimed"
    );
    project.run(&["run", "--profile", "quick"], 0);
    let known = project.json(&["list", "--json"], 0);
    assert_eq!(known["cases"][0]["source"], "measured");
    let [case, total] = [&known["cases"][0]["expected_ns"], &known["profiles"][0]["expected_ns"]];
    assert!(case.as_f64().unwrap() > 0.0 && case == total, "{known}");
    // The gate measures both sides: ten blocks of two trials, against six trials here, and thirty blocks more at worst.
    let gate = &known["profiles"][1];
    let ratio = |of: &str| (gate[of].as_f64().unwrap() / case.as_f64().unwrap() * 6.0).round();
    assert_eq!((ratio("expected_ns"), ratio("worst_ns")), (20.0, 80.0));
    let checked = project.run(&["check", "--profile", "quick"], 0);
    assert!(String::from_utf8_lossy(&checked.stdout).contains("1 cases performed, 0 failed"));
    project.subject(1000, "exit 1").commit("Broken");
    assert!(String::from_utf8_lossy(&project.run(&["check", "--profile", "quick"], 1).stdout).contains("✕ toy/work"));
    assert!(String::from_utf8_lossy(&project.run(&["--config"], 0).stdout).contains("[subject]"));
    for command in
        ["up", "run", "compare", "calibrate", "bisect", "list", "check", "replay", "serve", "history", "doctor"]
    {
        let help = project.run(&[command, "--help"], 0).stdout;
        assert!(String::from_utf8_lossy(&help).contains("Examples:"), "{command}");
    }
}

#[test]
fn a_history_from_a_newer_benchline_is_left_alone() {
    let project = Project::new();
    project.run(&["run", "--profile", "quick"], 0);
    let database = project.path("results/benchline.sqlite");
    rusqlite::Connection::open(&database).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&database).unwrap();
    let says = project.says(&["run", "--profile", "quick", "--again"], 1);
    assert!(says.contains("newer") && says.contains("benchline.sqlite"), "{says}");
    assert_eq!(fs::read(&database).unwrap(), before);
    fs::write(&database, "not a database").unwrap();
    project.says(&["history", "verify"], 1);
    assert_eq!(fs::read_to_string(&database).unwrap(), "not a database");
}

#[test]
fn the_history_is_an_ordinary_sqlite_database() {
    if python_is_missing() {
        return;
    }
    let project = Project::new();
    project.run(&["run", "--profile", "quick"], 0);
    // Another build of SQLite, Python's own, agrees that the file is sound.
    let script =
        "import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute('pragma integrity_check').fetchone()[0])";
    let database = project.path("results/benchline.sqlite");
    let output = Command::new("python3").arg("-c").arg(script).arg(&database).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "ok", "{}", String::from_utf8_lossy(&output.stderr));
}

fn runs(project: &Project) -> usize {
    let id = project.git(&["rev-parse", "HEAD"]);
    Reader::open(&project.path("results/benchline.sqlite")).unwrap().runs_of(&id).unwrap().len()
}

/// Trials kept by all runs so far; none where there is no database yet.
fn kept_trials(project: &Project) -> u32 {
    let Ok(reader) = Reader::open(&project.path("results/benchline.sqlite")) else { return 0 };
    reader.runs(100).map_or(0, |runs| runs.iter().map(|listing| listing.trials).sum())
}

#[test]
fn the_engine_s_commands_name_the_program_that_has_them() {
    let project = Project::new();
    project.write("benchline.toml", "this is not TOML");
    for arguments in [&["engine"][..], &["engine", "--help"], &["engine", "serve", "--data", "x", "--tls-key", "y"]] {
        let said = project.says(arguments, 2);
        assert!(said.contains("`benchline-engine`"), "{said}");
        assert!(said.contains("cargo build --release -p benchline-engine-cli"), "{said}");
    }
}
