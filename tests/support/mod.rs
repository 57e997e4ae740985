//! A project to measure in a test: a git repository whose subject is a shell script, and a benchline pointed at it.

mod process;
pub(crate) mod scenario;

pub(crate) use process::{Running, eventually};

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use scenario::{DIGEST, ScenarioFile};

/// A repository with one commit, a toy subject and a toy scenario.
pub(crate) struct Project {
    folder: TempDir,
    cache: TempDir,
}

impl Project {
    /// The toy project, committed and clean.
    #[track_caller]
    pub(crate) fn new() -> Project {
        let project = Project { folder: tempfile::tempdir().unwrap(), cache: tempfile::tempdir().unwrap() };
        project.git(&["init", "-q", "-b", "main"]);
        project.write(
            "benchline.toml",
            "[subject]\nbuild = [\"true\"]\nbinary = \"subject.sh\"\ninputs = [\"subject.sh\"]\n",
        );
        project.write(".gitignore", "/results\n");
        project.write("scenarios/toy/work.toml", &scenario(6, 4));
        project.subject(1000, "");
        project.commit("First");
        project
    }

    /// Replaces the subject by one whose samples take `wall_ns` and that runs `extra` in each iteration.
    #[track_caller]
    pub(crate) fn subject(&self, wall_ns: u64, extra: &str) -> &Project {
        let cpu_ns = wall_ns / 2;
        let text = format!(
            r#"#!/bin/sh
echo '{{"type":"hello","contract":1,"engine":"toy","operations":[{{"name":"toy/work","version":1,"roles":["client"]}}]}}'
while read -r line; do
  case "$line" in
    *'"prepare"'*) echo '{{"type":"prepared"}}' ;;
    *'"reset"'*) echo '{{"type":"ready"}}' ;;
    *'"iterate"'*) {extra}
      echo '{{"type":"sample","wall_ns":{wall_ns},"cpu_ns":{cpu_ns},"items":1,"bytes":2}}' ;;
    *'"verify"'*) echo '{{"type":"verified","digest":"{DIGEST}"}}' ;;
    *'"finish"'*) echo '{{"type":"finished"}}'; exit 0 ;;
  esac
done
"#
        );
        self.write("subject.sh", &text);
        fs::set_permissions(self.path("subject.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Replaces the scenario's trials and samples.
    #[track_caller]
    pub(crate) fn sampling(&self, trials: u32, samples: u32) -> &Project {
        self.write("scenarios/toy/work.toml", &scenario(trials, samples));
        self
    }

    /// Commits everything.
    #[track_caller]
    pub(crate) fn commit(&self, title: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", title]);
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// The folder that its builds are cached below.
    pub(crate) fn cache(&self) -> &Path {
        self.cache.path()
    }

    #[track_caller]
    pub(crate) fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Output of git in the project.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.folder.path())
            .args(["-c", "user.name=Tester", "-c", "user.email=tester@example.org"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A benchline in the project, with a cache of its own.
    pub(crate) fn benchline(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_benchline"));
        command.current_dir(self.folder.path()).args(arguments).env("BENCHLINE_CACHE", self.cache.path());
        for variable in ["BENCHLINE_DATABASE", "BENCHLINE_SCENARIOS", "BENCHLINE_LISTEN"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs it, which must exit with `code`.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str], code: i32) -> Output {
        let output = self.benchline(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{}{}", text(&output.stdout), text(&output.stderr));
        output
    }

    /// Runs it, which must exit with `code`, and takes what it says to people.
    #[track_caller]
    pub(crate) fn says(&self, arguments: &[&str], code: i32) -> String {
        String::from_utf8(self.run(arguments, code).stderr).unwrap()
    }

    /// Runs it and takes the JSON that it writes to standard output.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str], code: i32) -> serde_json::Value {
        serde_json::from_slice(&self.run(arguments, code).stdout).unwrap()
    }

    /// Starts it in the background.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.benchline(arguments);
        Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }
}

/// A port on which nothing listens, most likely.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The processes whose command line names `path`.
pub(crate) fn processes_of(path: &Path) -> Vec<u32> {
    let needle = path.to_string_lossy().into_owned();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| fs::read_to_string(format!("/proc/{id}/cmdline")).is_ok_and(|command| command.contains(&needle)))
        .collect()
}

fn scenario(trials: u32, samples: u32) -> String {
    let profiles = "\"quick\", \"gate\"";
    ScenarioFile { label: "{n} things", trials, warmup: 1, samples, profiles, ..ScenarioFile::default() }.text()
}

/// The engine's own subject, as this build has it, and one point of each of some scenarios of the project.
impl Project {
    /// A repository whose subject is the engine's, with `points` of the project's own scenarios: `(scenario, the text that
    /// the point's line holds)`. Samples are few: this is about the line, not about precision.
    #[track_caller]
    pub(crate) fn of_the_engine(points: &[(&str, &str)]) -> Project {
        let subject = subject_of_the_engine();
        let project = Project::new();
        project.git(&["rm", "-rq", "scenarios", "subject.sh"]);
        project.write("version", "1\n");
        project.write(
            "benchline.toml",
            &format!(
                "[subject]\nbuild = [\"cp\", {subject:?}, \"subject\"]\nbinary = \"subject\"\ninputs = [\"version\"]\n"
            ),
        );
        for (scenario, point) in points {
            let file = format!("scenarios/{scenario}.toml");
            let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file)).unwrap();
            let mut parts = text.split("\n[[points]]\n");
            let head =
                parts.next().unwrap().replace("samples = 5", "samples = 2").replace("samples = 8", "samples = 2");
            let chosen = parts.find(|part| part.contains(point)).unwrap_or_else(|| panic!("{file} has no {point}"));
            project.write(&file, &format!("{head}\n[[points]]\n{chosen}"));
        }
        project.commit("The engine");
        project
    }
}

/// The engine's own subject, as this build has it.
#[track_caller]
pub(crate) fn subject_of_the_engine() -> PathBuf {
    let subject = Path::new(env!("CARGO_BIN_EXE_benchline")).with_file_name("benchline-subject");
    assert!(subject.is_file(), "{} is missing: run `cargo test` for the whole workspace", subject.display());
    subject
}

/// Whether there is no Python where subjects look for programs. Then the test says that it is skipped, unless
/// `BENCHLINE_REQUIRE_PYTHON` is set.
pub(crate) fn python_is_missing() -> bool {
    let found = ["/usr/local/bin", "/usr/bin", "/bin"].iter().any(|folder| Path::new(folder).join("python3").exists());
    assert!(found || std::env::var_os("BENCHLINE_REQUIRE_PYTHON").is_none(), "there is no python3");
    if !found {
        println!("skipped: there is no python3");
    }
    !found
}
