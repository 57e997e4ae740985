//! `benchline replay` and `benchline check` as people use them.

use std::{fs, os::unix::fs::symlink, process::Command};

use crate::support::Project;

fn said(project: &Project, arguments: &[&str], code: i32) -> String {
    String::from_utf8(project.run(arguments, code).stdout).unwrap()
}

#[test]
fn a_case_is_replayed_and_nothing_is_kept() {
    let project = Project::new();
    let text = said(&project, &["replay", "toy/work", "--samples", "3"], 0);
    assert!(text.starts_with("toy/work, 1 things\ntoy/work@1 n=1\n"), "{text}");
    assert_eq!((text.matches("\nwarm-up").count(), text.matches("\nsample").count()), (1, 3), "{text}");
    assert!(text.contains("right: 1 items, 2 bytes, digest 0123456789abcdef"), "{text}");
    assert!(text.contains("wall_time") && text.contains("1.00 µs") && text.contains("client.rss_peak"), "{text}");
    assert!(!project.path("results/benchline.sqlite").exists());
    assert_eq!(fs::read_dir(project.path("results")).unwrap().count(), 0);
    let json = project.json(&["replay", "1 things", "--json"], 0);
    assert_eq!((&json["key"], &json["trial"]["warmup"]), (&"toy/work@1 n=1".into(), &1.into()));
}

#[test]
fn every_message_is_shown_and_what_the_subject_left_is_kept() {
    let project = Project::new();
    project.subject(1000, "echo mine >left;");
    let output = project.run(&["replay", "toy/work", "--samples", "1", "--verbose", "--folder", "kept"], 0);
    let pipe = String::from_utf8(output.stderr).unwrap();
    for message in [
        "client ▸ {\"type\":\"hello\"",
        "client ◂ {\"type\":\"prepare\"",
        "client ▸ {\"type\":\"sample\"",
        "client ▸ {\"type\":\"finished\"}",
    ] {
        assert!(pipe.contains(message), "{message} is missing in {pipe}");
    }
    assert_eq!(fs::read_to_string(project.path("kept/trial/client/left")).unwrap(), "mine\n");
    let refused = project.says(&["replay", "toy/work", "--folder", "kept"], 1);
    assert!(refused.contains("is not empty"), "{refused}");
    assert!(project.path("kept/trial/client/left").exists());
}

#[test]
fn a_name_that_fits_no_case_is_answered_with_one_that_does() {
    let project = Project::new();
    let said = project.says(&["replay", "toy/wrok@1 n=1"], 1);
    assert!(said.contains("did you mean `toy/work@1 n=1`?"), "{said}");
}

#[test]
fn a_failing_case_is_told_with_the_command_that_repeats_it() {
    let project = Project::new();
    project.subject(1000, "echo out of luck >&2; exit 3;");
    let text = said(&project, &["check"], 1);
    for part in [
        "✕ toy/work 1 things: crashed: the client ended with exit status: 3 before it answered iterate",
        "| out of luck",
        "again: benchline replay 'toy/work@1 n=1'",
        "1 cases performed, 1 FAILED:\n  ✕ toy/work 1 things",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let again = text.lines().find_map(|line| line.trim().strip_prefix("again: benchline replay ")).unwrap();
    let text = said(&project, &["replay", again.trim_matches('\'')], 1);
    assert!(text.contains("✕ crashed: the client ended") && text.contains("out of luck"), "{text}");
    let kept = text.lines().find_map(|line| line.strip_prefix("kept")).unwrap();
    assert!(fs::metadata(kept.trim()).unwrap().is_dir(), "{text}");
}

#[test]
fn a_wrong_result_is_told_with_what_was_expected() {
    let project = Project::new();
    let right = fs::read_to_string(project.path("subject.sh")).unwrap();
    project.write("subject.sh", &right.replace("\"items\":1,\"bytes\":2", "\"items\":1,\"bytes\":3"));
    let text = said(&project, &["check"], 1);
    assert!(text.contains("wrong result: the result that the client verified is 1 items, 3 bytes"), "{text}");
    assert!(text.contains("the scenario expects 1 items, 2 bytes, digest 0123"), "{text}");
}

#[test]
fn another_revision_can_be_replayed() {
    let project = Project::new();
    project.subject(7000, "").commit("Slower");
    let wall = |arguments: &[&str]| {
        project.json(&[&["replay", "toy/work", "--json"], arguments].concat(), 0)["trial"]["columns"][0]["values"][1]
            .clone()
    };
    assert_eq!((wall(&[]), wall(&["--revision", "HEAD~1"])), (7000.into(), 1000.into()));
}

#[test]
fn tools_count_or_are_said_to_be_missing() {
    let project = Project::new();
    for (option, tool, found) in [("--syscalls", "strace", "read"), ("--callgrind", "valgrind", "instructions  ")] {
        let there = Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
        if !there {
            assert!(project.says(&["replay", "toy/work", option], 1).contains("unavailable"));
            continue;
        }
        let text = said(&project, &["replay", "toy/work", option, "--folder", tool], 0);
        assert!(text.contains(found), "{text}");
    }
    let both = project.says(&["replay", "toy/work", "--syscalls", "--callgrind"], 2);
    assert!(both.contains("cannot be used with"), "{both}");
}

#[test]
fn a_missing_tool_is_named() {
    let project = Project::new();
    let bare = tempfile::tempdir().unwrap();
    for program in ["git", "true", "sh"] {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
        let path = String::from_utf8(found.stdout).unwrap();
        let path = if path.starts_with('/') { path.trim().to_owned() } else { format!("/bin/{program}") };
        symlink(path, bare.path().join(program)).unwrap();
    }
    let output = project.benchline(&["replay", "toy/work", "--callgrind"]).env("PATH", bare.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("instructions are unavailable: there is no `valgrind`"), "{said}");
}
