//! Commands and the API give one object for one result.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::Value;

use crate::support::{Project, Running, eventually, free_port};

/// The site over a project's history.
struct Served {
    _process: Running,
    address: String,
}

impl Served {
    fn start(project: &Project) -> Served {
        let address = format!("127.0.0.1:{}", free_port());
        Served { _process: project.start(&["serve", "--listen", &address]), address }
    }

    fn get(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        assert!(head.starts_with("HTTP/1.0 200"), "{path}: {text}");
        Some(serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {body}")))
    }

    #[track_caller]
    fn json(&self, path: &str) -> Value {
        eventually(path, || self.get(path))
    }

    /// Whether an object is what the published schema of its shape says.
    #[track_caller]
    fn validate(&self, name: &str, object: &Value) {
        let schema = self.json(&format!("/api/v1/schemas/{name}.json"));
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let errors: Vec<String> = validator.iter_errors(object).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}\n{object:#}");
        assert_eq!(object["schema"], format!("benchline.{name}/1"));
    }
}

/// A project whose second trial crashes and whose fourth gives a wrong result, with a budget that is exceeded.
fn failing() -> Project {
    let project = Project::new();
    let counter = project.path("results/count");
    fs::create_dir_all(project.path("results")).unwrap();
    let right = "0123456789abcdef".repeat(4);
    let extra = format!(
        "echo x >>{0}; n=$(wc -l <{0}); d={right}; [ $n -eq 7 ] && kill -9 $$; [ $n -ge 13 ] && [ $n -lt 18 ] && d={1};",
        counter.display(),
        "f".repeat(64)
    );
    project.subject(1000, &extra);
    let text = fs::read_to_string(project.path("subject.sh")).unwrap();
    let stated = format!(r#"'{{"type":"verified","digest":"{right}"}}'"#);
    assert!(text.contains(&stated), "{text}");
    project.write("subject.sh", &text.replace(&stated, r#""{\"type\":\"verified\",\"digest\":\"$d\"}""#));
    let scenario = fs::read_to_string(project.path("scenarios/toy/work.toml")).unwrap();
    let budgets = "[budgets]\nwall_time = \"500 ns\"\n\n[[points]]";
    project.write("scenarios/toy/work.toml", &scenario.replace("[[points]]", budgets));
    project.commit("Fails");
    project
}

#[test]
fn a_run_with_failures_gaps_and_unusable_points_is_one_object_everywhere() {
    let project = failing();
    let written = project.json(&["run", "--profile", "quick", "--json", "-"], 1);
    let kinds: Vec<&str> =
        written["failures"].as_array().unwrap().iter().map(|failure| failure["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"crashed") && kinds.contains(&"wrong_result"), "{kinds:?}");
    let missing = written["unavailable"].as_array().unwrap();
    assert!(missing.iter().any(|missing| missing["metric"] == "client.allocations"), "{missing:?}");
    let measurements = written["measurements"].as_array().unwrap();
    assert!(measurements.iter().any(|measurement| measurement["grade"] == "unusable"), "{measurements:#?}");
    assert_eq!(written["exceeded_budgets"][0]["metric"], "wall_time", "{written:#}");

    let site = Served::start(&project);
    let address = format!("/api/v1/runs/{}", written["run"]);
    assert_eq!(site.json(&address), written);
    site.validate("run", &written);
    site.validate("plan", &project.json(&["list", "--json"], 0));
}

#[test]
fn comparisons_and_findings_are_one_object_everywhere() {
    let project = Project::new();
    project.subject(1_000_000, "").commit("First measured");
    project.subject(1_060_000, "").commit("Slower");
    let written = project.json(&["compare", "HEAD~1", "HEAD", "--format", "json"], 0);
    let site = Served::start(&project);
    assert_eq!(site.json(&format!("/api/v1/comparisons/{}", written["comparison"])), written);
    site.validate("comparison", &written);

    let gate = project.json(&["run", "--json", "-"], 0);
    assert_eq!(gate["comparison"]["purpose"], "gate");
    assert_eq!(site.json(&format!("/api/v1/runs/{}", gate["run"])), gate);
    site.validate("run", &gate);

    let findings = project.json(&["findings", "list", "--all", "--json"], 0);
    assert_eq!(site.json("/api/v1/findings?state=all"), findings);
    site.validate("findings", &findings);
}

#[test]
fn a_calibration_is_one_object_everywhere() {
    let project = Project::new();
    project.sampling(6, 1).subject(1_000_000, "").commit("Few samples");
    let written = project.json(&["calibrate", "--blocks", "40", "--inject", "none", "--json", "-"], 0);
    let site = Served::start(&project);
    assert_eq!(site.json(&format!("/api/v1/calibrations/{}", written["calibration"])), written);
    site.validate("calibration", &written);
    assert_eq!(site.json("/api/v1/calibrations")["calibrations"][0], written);
}
