//! `benchline detect` as a person uses it: a file of numbers in, change points out, and errors that name the line.

#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails here fails the test")]

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// Runs it over text on standard input.
#[track_caller]
fn detect(text: &[u8], options: &[&str], code: i32) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_benchline"))
        .args(["detect", "-"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Refused early, it does not read to the end.
    let _ = child.stdin.take().unwrap().write_all(text);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn found(text: &str, options: &[&str]) -> Value {
    serde_json::from_slice(&detect(text.as_bytes(), options, 0).stdout).unwrap()
}

/// Two levels with a small deterministic wobble.
fn steps(before: usize, after: usize, factor: f64) -> String {
    let wobble = |index: usize| 1.0 + 0.01 * ((index * 7919 % 101) as f64 / 101.0 - 0.5);
    let level = |index: usize| if index < before { 100.0 } else { 100.0 * factor };
    let line = |index: usize| format!("c{index},{}\n", level(index) * wobble(index));
    (0..before + after).map(line).collect()
}

#[test]
fn a_step_is_told_with_its_commit_levels_and_interval() {
    let result = found(&format!("commit,value\n{}", steps(60, 40, 1.05)), &[]);
    assert_eq!(result["points"], 100);
    let changes = result["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{result}");
    let change = &changes[0];
    assert_eq!((change["index"].as_u64(), change["commit"].as_str()), (Some(60), Some("c60")));
    let number = |value: &Value| value.as_f64().unwrap();
    let (low, high) = (number(&change["interval"]["low"]), number(&change["interval"]["high"]));
    assert!(low < 1.05 && 1.05 < high && high - low < 0.01, "{change}");
    assert!((number(&change["after"]) / number(&change["before"]) - number(&change["ratio"])).abs() < 1e-9);
    assert_eq!((change["state"].as_str(), change["confirmed_at_index"].as_u64()), (Some("confirmed"), Some(63)));
    assert_eq!(result["segments"].as_array().unwrap().len(), 2);
}

#[test]
fn online_tells_when_a_change_was_seen_and_confirmed() {
    let result = found(&steps(60, 40, 1.05), &["--online"]);
    let sightings = result["sightings"].as_array().unwrap();
    assert_eq!(sightings.len(), 1, "{result}");
    assert_eq!(sightings[0]["first_seen_index"], 62);
    assert_eq!(sightings[0]["confirmed_at_index"], 63);
    assert_eq!(sightings[0]["withdrawn_at_index"], Value::Null);
    let new = found(&steps(60, 3, 1.05), &[]);
    assert_eq!(new["changes"][0]["state"], "new");
}

#[test]
fn nothing_and_spikes_are_no_changes() {
    assert_eq!(found("", &[])["points"], 0);
    assert_eq!(found("commit,value\n", &["--online"])["changes"], serde_json::json!([]));
    let spike = steps(50, 50, 1.0).replace("c30,", "c30,9");
    assert_eq!(found(&spike, &[])["changes"], serde_json::json!([]));
}

#[test]
fn values_that_can_be_zero_are_compared_by_difference() {
    let text: String = (0..40).map(|index| format!("c{index},{}\n", if index < 20 { 0 } else { 3 })).collect();
    let result = found(&text, &[]);
    assert_eq!(result["scale"], "difference");
    assert_eq!(result["changes"][0]["index"], 20);
    assert_eq!(result["changes"][0]["ratio"], Value::Null);
}

#[test]
fn bad_input_is_refused_with_its_line() {
    let says = |text: &[u8]| String::from_utf8(detect(text, &[], 1).stderr).unwrap();
    for (text, expected) in [
        ("c1,1\nc2,nan\n", "line 2: `nan` is not a finite number"),
        ("c1,1\nc2,inf\n", "line 2"),
        ("c1,1\n\nc2\n", "line 3: `commit,value` is wanted"),
        ("c1,1\n,2\n", "line 2: the commit has 0 bytes"),
        ("c1,x1\n", "line 1"),
    ] {
        let said = says(text.as_bytes());
        assert!(said.contains(expected), "{text:?}: {said}");
    }
    assert!(says(&[b'c', b',', 0xff, b'\n']).contains("cannot be read as text"));
    let missing = Command::new(env!("CARGO_BIN_EXE_benchline")).args(["detect", "no-such-file.csv"]).output().unwrap();
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no-such-file.csv cannot be opened"));
}
