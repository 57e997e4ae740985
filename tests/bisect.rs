//! `benchline bisect` as people use it, on a subject that is a shell script.

use crate::support::Project;

/// Small comparisons of a subject without noise.
fn arguments<'a>(good: &'a str, bad: &'a str) -> Vec<&'a str> {
    let tail = ["--scenario", "toy/work", "--metric", "wall_time", "--blocks", "6+8", "--budget", "50%", "--json", "-"];
    ["bisect", good, bad].into_iter().chain(tail).collect()
}

/// A line of commits: the first one, one with another script but the same time, one without a subject, the culprit, and
/// two that only touch other files.
fn project() -> Project {
    let project = Project::new();
    project.sampling(6, 1).subject(10_000_000, "").commit("Few samples");
    project.git(&["tag", "good"]);
    project.subject(10_000_000, ": as fast as before;").commit("Another script");
    project.git(&["rm", "-q", "subject.sh"]);
    project.commit("No subject");
    project.subject(15_000_000, "").commit("The culprit");
    project.git(&["tag", "culprit"]);
    for title in ["A note", "Another note"] {
        project.write("notes", title);
        project.commit(title);
    }
    project
}

#[test]
fn the_range_that_cannot_be_told_apart_is_the_answer_and_is_resumed() {
    let project = project();
    let result = project.json(&arguments("good", "HEAD"), 1);
    assert_eq!(result["answer"], "range", "the commit before the culprit has no subject: {result:#}");
    assert_eq!(result["range"]["up_to"], project.git(&["rev-parse", "culprit"]), "{result:#}");
    assert_eq!(result["range"]["after"], project.git(&["rev-parse", "culprit~2"]), "{result:#}");
    let steps = result["steps"].as_array().unwrap();
    let said: Vec<&str> = steps.iter().map(|step| step["message"].as_str().unwrap()).collect();
    assert!(said.iter().any(|said| said.contains("the very same program")), "{said:?}");
    assert!(said.iter().any(|said| said.contains("no subject")), "{said:?}");
    let ratio = steps[0]["verdict"]["effect"].as_f64().unwrap();
    assert!((ratio - 1.5).abs() < 1e-9, "{ratio}");

    let again = project.run(&arguments("good", "HEAD"), 1);
    let told = String::from_utf8(again.stderr).unwrap();
    assert!(told.contains("already compared") && !told.contains("stage 1"), "nothing is measured twice: {told}");
}

#[test]
fn the_commit_is_found_and_measured_against_the_one_before() {
    let project = project();
    project.subject(30_000_000, "").commit("Twice as slow");
    project.git(&["tag", "second"]);
    project.subject(30_000_000, ": the same;").commit("No slower");
    let result = project.json(&arguments("culprit", "HEAD"), 0);
    assert_eq!((&result["answer"], &result["commit"]["title"]), (&"found".into(), &"Twice as slow".into()));
    let ratio = result["verdict"]["effect"].as_f64().unwrap();
    assert!((ratio - 2.0).abs() < 1e-9 && result["verdict"]["verdict"] == "worse", "{result:#}");
    let text = project.run(&arguments("culprit", "HEAD")[..11], 0).stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("Twice as slow") && text.contains("worse, 2 × (2 … 2)"), "{text}");
}

#[test]
fn ends_that_do_not_differ_are_told() {
    let project = project();
    let result = project.json(&arguments("culprit", "HEAD"), 1);
    assert_eq!(result["answer"], "no_difference");
    assert!(project.says(&arguments("good", "good~0"), 1).contains("one commit"));
}

#[test]
fn mistakes_are_told_plainly() {
    let project = project();
    let says = project.says(&arguments("HEAD", "good"), 1);
    assert!(says.contains("holds no commit"), "{says}");
    let mut of_server = arguments("good", "HEAD");
    of_server[6] = "server.cpu_time";
    assert!(project.says(&of_server, 1).contains("no server"), "{of_server:?}");
    let mut few = arguments("good", "HEAD");
    few[8] = "5+8";
    assert!(project.says(&few, 1).contains("at least 6"));
    of_server[6] = "speed";
    project.says(&of_server, 2);
}
