//! Findings as people meet them: a step in a graph is found, told, acknowledged and never lost.

use crate::support::Project;

/// A project with `commits` commits, then as many that hold more memory, all measured. Memory, because a busy machine makes
/// times unusable, and no test may depend on who else is busy.
fn with_a_step(commits: usize) -> Project {
    let project = Project::new();
    for commit in 1..=2 * commits {
        let extra = if commit > commits { "x=$(head -c 4000000 /dev/zero | tr '\\0' a);" } else { "" };
        project.subject(1000 + commit as u64, extra).commit(&format!("Change {commit}"));
    }
    project.sampling(6, 1).commit("Measure little");
    project.run(&["run", "--profile", "quick", &format!("HEAD~{}..HEAD", 2 * commits), "--json", "results/r.json"], 0);
    project
}

fn list(project: &Project, arguments: &[&str]) -> serde_json::Value {
    let arguments: Vec<&str> = ["findings", "list", "--json"].iter().chain(arguments).copied().collect();
    project.json(&arguments, 0)
}

#[test]
fn a_step_becomes_a_finding_at_its_commit_and_people_can_speak_of_it() {
    let project = with_a_step(6);
    let listed = list(&project, &[]);
    let findings = listed["findings"].as_array().unwrap();
    let grew = |finding: &&serde_json::Value| {
        finding["series"].as_array().unwrap().iter().any(|change| change["metric"] == "client.rss_peak")
    };
    let finding = findings.iter().find(grew).unwrap_or_else(|| panic!("{listed}"));
    assert_eq!(finding["at"]["title"], "Change 7", "{finding}");
    assert_eq!(finding["state"], "confirmed");
    let change = finding["series"].as_array().unwrap().iter().find(|c| c["metric"] == "client.rss_peak").unwrap();
    assert!(change["ratio"].as_f64().unwrap() > 3.0, "{change}");
    let id = finding["finding"].to_string();
    project.run(&["findings", "ack", &id, "--because", "checks lengths now", "--as", "Tester"], 0);
    project.run(&["findings", "note", &id, "told the others", "--as", "Tester"], 0);
    project.run(&["findings", "move", &id, "HEAD~3", "--because", "seen by eye", "--as", "Tester"], 0);
    project.run(&["findings", "refresh"], 0);
    let listed = list(&project, &[]);
    let finding =
        listed["findings"].as_array().unwrap().iter().find(|f| f["finding"] == id.parse::<i64>().unwrap()).unwrap();
    assert_eq!(finding["state"], "acknowledged", "what a person said stays said");
    assert_eq!(finding["at"]["id"], project.git(&["rev-parse", "HEAD~3"]), "where a person put it");
    let reasons: Vec<&str> =
        finding["events"].as_array().unwrap().iter().map(|event| event["reason"].as_str().unwrap()).collect();
    assert!(reasons.contains(&"checks lengths now") && reasons.contains(&"told the others"), "{reasons:?}");
    let said = project.run(&["findings", "list"], 0).stdout;
    assert!(String::from_utf8(said).unwrap().contains("acknowledged"));
    project.run(&["history", "verify"], 0);
}

#[test]
fn what_cannot_be_said_of_a_finding_is_refused() {
    let project = Project::new();
    project.run(&["run", "--profile", "quick"], 0);
    assert!(project.says(&["findings", "ack", "99", "--because", "x"], 1).contains("there is no finding 99"));
    project.says(&["findings", "ack", "99"], 2);
    assert!(String::from_utf8(project.run(&["findings", "list"], 0).stdout).unwrap().contains("no findings"));
}
