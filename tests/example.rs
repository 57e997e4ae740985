//! The subject in Python of `examples/`, in a project of its own, through the whole line: it is the proof that
//! `docs/SUBJECT.md` suffices for another language. What it does wrong on purpose is told as what it is.

use std::{fs, path::Path};

use crate::support::{Project, python_is_missing, scenario::ScenarioFile};

/// SHA-256 of the text of 100 kB of seed 1: `hashlib.shake_256(b"text/compress 1").hexdigest(50_001)[:100_000]`.
const DIGEST: &str = "7aff72e91ee3de042377175c1d17f274c0092ab0e457f0c127b856f543b0b349";

/// A project whose subject is the example with `from` replaced by `to`, and one scenario of the operation.
#[track_caller]
fn project(operation: &str, from: &str, to: &str) -> Project {
    let project = Project::new();
    project.git(&["rm", "-rq", "scenarios", "subject.sh"]);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/subject.py");
    let program = project.path("subject.py");
    fs::copy(&example, &program).unwrap();
    let text = fs::read_to_string(&example).unwrap();
    assert!(text.contains(from), "the example has no `{from}`");
    // Written over the copy, which keeps the permission to be run.
    fs::write(&program, text.replacen(from, to, 1)).unwrap();
    project
        .write("benchline.toml", "[subject]\nbuild = [\"true\"]\nbinary = \"subject.py\"\ninputs = [\"subject.py\"]\n");
    project.write("scenarios/text/compress.toml", &scenario(operation));
    project.commit("A subject in Python");
    project
}

fn scenario(operation: &str) -> String {
    let scenario = ScenarioFile {
        name: "text/compress",
        label: "{size}, level {level}",
        more: &format!("operation = \"{operation}\""),
        parameters: "size = \"bytes\"\nlevel = \"count\"",
        trials: 2,
        warmup: 1,
        samples: 2,
        point: "size = \"100 kB\", level = 6",
        iterations: 2,
        expect: (1, 100_000),
        digest: DIGEST,
        ..ScenarioFile::default()
    };
    scenario.text()
}

/// The failures of a run that ends with `code` and must have some: `(kind, message)`.
#[track_caller]
fn failures(code: i32, operation: &str, from: &str, to: &str) -> Vec<(String, String)> {
    let result = project(operation, from, to).json(&["run", "--profile", "quick", "--json", "-"], code);
    assert_eq!(result["measurements"], serde_json::json!([]), "what failed has no figures");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let failures = result["failures"].as_array().unwrap().iter();
    failures.map(|failure| (text(&failure["kind"]), text(&failure["message"]))).collect()
}

#[test]
fn a_subject_in_python_is_measured() {
    if python_is_missing() {
        return;
    }
    let project = project("text/compress", "", "");
    let result = project.json(&["run", "--profile", "quick", "--json", "-"], 0);
    assert_eq!(result["failures"], serde_json::json!([]));
    let measurements = result["measurements"].as_array().unwrap();
    let of = |metric: &str| measurements.iter().find(|m| m["metric"] == metric).unwrap();
    assert_eq!((&of("wall_time")["trials"], &of("wall_time")["samples"]), (&2.into(), &4.into()));
    assert!(of("client.cpu_time")["estimate"].as_f64().unwrap() > 100_000.0, "100 kB take longer than 0.1 ms");
    // An interpreter alone holds some megabytes.
    assert!(of("client.rss_peak")["estimate"].as_f64().unwrap() > 2e6);
    assert!(!measurements.iter().any(|m| m["metric"] == "client.fsyncs"), "what it does not count is no zero");
}

#[test]
fn a_wrong_result_a_crash_and_an_unknown_operation_are_three_things() {
    if python_is_missing() {
        return;
    }
    let wrong =
        failures(1, "text/compress", "self.packed = zlib.compress(self.text,", "self.packed = zlib.compress(b'',");
    assert_eq!(wrong[0].0, "wrong_result");
    assert!(wrong[0].1.contains("e3b0c442") && wrong[0].1.contains(DIGEST), "{wrong:?}");
    let crashed = failures(1, "text/compress", "for _ in range(count):", "sys.exit(7)\n        for _ in range(count):");
    assert_eq!(crashed[0].0, "crashed");
    assert!(crashed[0].1.contains("exit status: 7 before it answered iterate"), "{crashed:?}");
    // An outcome, and no alarm: an older revision need not know what a newer one does.
    let unknown = failures(0, "text/expand", "", "");
    assert_eq!(
        unknown,
        [("unsupported".to_owned(), "this revision does not know the operation `text/expand`".to_owned())]
    );
    let reported = failures(1, "text/compress", "zlib.decompress(case.packed)", "zlib.decompress(b'junk')");
    assert_eq!(reported[0].0, "reported");
    assert!(reported[0].1.contains("the client failed at verify: error: Error -3"), "{reported:?}");
}
