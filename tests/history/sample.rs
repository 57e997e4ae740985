//! A small real history: what `benchline` writes when people use it on a subject that is a shell script.

use std::{fs, path::Path};

use crate::support::Project;

/// What the toy states, in nanoseconds: long enough for any clock.
const WALL: u64 = 10_000_000;

/// Writes to `path` a history with runs, a finding with events of every kind, a failure, a comparison with verdicts and a
/// calibration. It is one file, without a log next to it.
pub(super) fn write(path: &Path) {
    let project = Project::new();
    for commit in 1..=12 {
        // Memory, because a busy machine makes times unusable.
        let extra = if commit > 6 { "x=$(head -c 4000000 /dev/zero | tr '\\0' a);" } else { "" };
        project.subject(WALL + commit, extra).commit(&format!("Change {commit}"));
    }
    project.sampling(3, 1).commit("Measure little");
    project.run(&["run", "--profile", "quick", "HEAD~12..HEAD", "--json", "results/r.json"], 0);
    let listed = project.json(&["findings", "list", "--json"], 0);
    let id = listed["findings"][0]["id"].to_string();
    project.run(&["findings", "ack", &id, "--because", "checks lengths now", "--as", "Tester"], 0);
    project.run(&["findings", "note", &id, "told the others", "--as", "Tester"], 0);
    project.run(&["findings", "move", &id, "HEAD~3", "--because", "seen by eye: here", "--as", "Tester"], 0);
    project.run(&["findings", "refresh"], 0);

    project.subject(WALL, "exit 3;").commit("Break it");
    project.run(&["run", "--profile", "quick"], 1);
    project.subject(WALL, "").commit("Mend it");
    project.subject(WALL + WALL / 5, "").commit("Slow it down");
    project.run(&["compare", "HEAD~1", "HEAD", "--blocks", "10+10", "--profile", "quick"], 0);
    project.run(&["calibrate", "--blocks", "40", "--inject", "none"], 0);
    project.run(&["history", "verify"], 0);

    let database = rusqlite::Connection::open(project.path("results/benchline.sqlite")).unwrap();
    database.execute_batch("PRAGMA journal_mode = delete; VACUUM").unwrap();
    drop(database);
    fs::copy(project.path("results/benchline.sqlite"), path).unwrap();
}
