//! The tables `[command]` and `[service]`: programs that do not speak the contract, from as written to what an adapter
//! needs.

use std::{collections::BTreeMap, ops::Range};

use toml::Spanned;

use super::{
    parameters::ParameterKind,
    problem::{Reporter, did_you_mean},
    written,
};
use crate::{
    model::{
        Role,
        external::{CommandLine, CommandSpec, ExternalProgram, Output, Ready, RequestSpec, ServiceSpec, StopSpec},
        template::placeholders,
    },
    units,
};

/// What can be put in besides parameters: the program that the recipe builds, the folder of the scenario's file, a folder
/// that is kept, the program's own folder, and the payload's seed.
const PLACES: [&str; 5] = ["binary", "here", "cache", "folder", "seed"];

/// What is known of a service besides.
const SERVICE_PLACES: [&str; 2] = ["port", "address"];

/// Signals that ask a program to end.
const SIGNALS: [&str; 4] = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"];

/// How long a service may take to stop, unless the file sets another limit.
const GRACE_MS: u64 = 10_000;

/// Reads the table, where there is one. `roles` are those of the scenario.
pub(super) fn external(
    file: &written::File,
    kinds: &BTreeMap<String, ParameterKind>,
    roles: &[Role],
    reporter: &mut Reporter<'_>,
) -> Option<ExternalProgram> {
    let mut check = Check { kinds, reporter, places: PLACES.to_vec() };
    let (external, at, wanted) = match (&file.command, &file.service) {
        (None, None) => return None,
        (Some(_), Some(service)) => {
            check.reporter.report(service.span(), "a scenario has a [command] or a [service], not both", None);
            return None;
        }
        (Some(table), None) => (check.command(table), table.span(), &[Role::Client][..]),
        (None, Some(table)) => {
            check.places.extend(SERVICE_PLACES);
            (check.service(table), table.span(), &[Role::Server, Role::Load][..])
        }
    };
    check.check_compatibility(file, at, roles, wanted);
    Some(external)
}

struct Check<'a, 'r> {
    kinds: &'a BTreeMap<String, ParameterKind>,
    reporter: &'a mut Reporter<'r>,
    places: Vec<&'static str>,
}

impl Check<'_, '_> {
    fn command(&mut self, table: &Spanned<written::Command>) -> ExternalProgram {
        let table = table.get_ref();
        ExternalProgram::Command(CommandSpec {
            setup: self.lines(&table.setup),
            prepare: self.lines(&table.prepare),
            run: self.line(&table.run),
            exit_code: self.exit_code(table.exit_code.as_ref()),
            output: self.output(table),
            cleanup: self.lines(&table.cleanup),
        })
    }

    fn service(&mut self, table: &Spanned<written::Service>) -> ExternalProgram {
        let table = table.get_ref();
        ExternalProgram::Service(ServiceSpec {
            setup: self.lines(&table.setup),
            start: self.line(&table.start),
            ready: self.ready(table.ready.as_ref()),
            fill: self.lines(&table.fill),
            clients: self.text(&table.clients),
            requests: self.requests(&table.requests),
            stop: self.stop(&table.stop),
            cleanup: self.lines(&table.cleanup),
        })
    }

    fn lines(&mut self, written: &[written::Line]) -> Vec<CommandLine> {
        written.iter().map(|line| self.line(line)).collect()
    }

    fn line(&mut self, written: &written::Line) -> CommandLine {
        if written.get_ref().first().is_none_or(|program| program.get_ref().is_empty()) {
            let suggestion = "a command is a list: the program, then its arguments, such as [\"sort\", \"-n\"]";
            self.reporter.report(written.span(), "this names no program", Some(suggestion.into()));
        }
        written.get_ref().iter().map(|word| self.text(word)).collect()
    }

    /// A text in which names may be put in.
    fn text(&mut self, written: &Spanned<String>) -> String {
        match placeholders(written.get_ref()) {
            Err(error) => self.reporter.report(written.span(), error.to_string(), None),
            Ok(names) => {
                for name in names {
                    let known = || self.kinds.keys().map(String::as_str).chain(self.places.iter().copied());
                    if !known().any(|known| known == name) {
                        let suggestion = did_you_mean(name, known());
                        let message = format!("`{{{name}}}` is neither a parameter nor a place");
                        self.reporter.report(written.span(), message, suggestion);
                    }
                }
            }
        }
        written.get_ref().clone()
    }

    fn exit_code(&mut self, written: Option<&Spanned<i32>>) -> i32 {
        let Some(written) = written else { return 0 };
        if !(0..=255).contains(written.get_ref()) {
            self.reporter.report(written.span(), "an exit code is a whole number from 0 to 255", None);
        }
        *written.get_ref()
    }

    fn output(&mut self, table: &written::Command) -> Output {
        match (&table.output, &table.verify) {
            (None, None) => Output::Stdout,
            (None, Some(line)) => Output::Command(self.line(line)),
            (Some(name), None) => Output::File(self.file(name)),
            (Some(name), Some(_)) => {
                let message = "the result is the file `output` or what `verify` writes, not both";
                self.reporter.report(name.span(), message, Some("remove one of them".into()));
                Output::Stdout
            }
        }
    }

    fn requests(&mut self, written: &Spanned<Vec<written::RequestTo>>) -> Vec<RequestSpec> {
        if written.get_ref().is_empty() {
            self.reporter.report(written.span(), "a service is measured by requests: at least one", None);
        }
        let mut requests = Vec::new();
        for request in written.get_ref() {
            let status = request.status.as_ref().map_or(200, |status| {
                if !(100..=599).contains(status.get_ref()) {
                    self.reporter.report(status.span(), "a status is a whole number from 100 to 599", None);
                }
                *status.get_ref()
            });
            requests.push(RequestSpec {
                path: self.path(&request.path),
                headers: request.headers.iter().map(|(name, value)| (name.clone(), self.text(value))).collect(),
                status,
                answer: request.answer.as_ref().map(|name| self.file(name)),
            });
        }
        requests
    }

    /// A path of a request.
    fn path(&mut self, written: &Spanned<String>) -> String {
        if !written.get_ref().starts_with('/') || written.get_ref().contains(char::is_whitespace) {
            self.reporter.report(written.span(), "a path begins with `/` and has no blanks", None);
        }
        self.text(written)
    }

    /// A file below the folder that programs work in.
    fn file(&mut self, written: &Spanned<String>) -> String {
        let name = written.get_ref();
        if name.is_empty() || name.starts_with('/') || name.split('/').any(|part| part == "..") {
            self.reporter.report(written.span(), "this is a file below the folder that the program works in", None);
        }
        self.text(written)
    }

    fn ready(&mut self, written: Option<&Spanned<written::Ready>>) -> Ready {
        let Some(written) = written else { return Ready::Port };
        match (&written.get_ref().http, &written.get_ref().log) {
            (Some(path), None) => Ready::Http(self.path(path)),
            (None, Some(text)) => Ready::Log(self.text(text)),
            _ => {
                let suggestion = "leave `ready` out where it is enough that the port takes connections";
                let message = "a service is ready by `http` or by `log`: one of them";
                self.reporter.report(written.span(), message, Some(suggestion.into()));
                Ready::Port
            }
        }
    }

    fn stop(&mut self, written: &written::Stop) -> StopSpec {
        let signal = written.signal.as_ref().inspect(|signal| {
            if !SIGNALS.contains(&signal.get_ref().as_str()) {
                let message = format!("`{}` is not a signal that asks a program to end", signal.get_ref());
                self.reporter.report(signal.span(), message, did_you_mean(signal.get_ref(), SIGNALS));
            }
        });
        let signal = signal.map_or("SIGTERM", |signal| signal.get_ref()).to_owned();
        let grace_ms = match &written.grace {
            None => GRACE_MS,
            Some(text) => units::parse_duration(text.get_ref()).map_or_else(
                |error| {
                    self.reporter.report(text.span(), error.to_string(), None);
                    GRACE_MS
                },
                |nanoseconds| nanoseconds / 1_000_000,
            ),
        };
        StopSpec { signal, grace_ms }
    }

    /// Reports the parts of a scenario that a program that does not speak the contract cannot have.
    fn check_compatibility(&mut self, file: &written::File, at: Range<usize>, roles: &[Role], wanted: &[Role]) {
        if roles != wanted {
            let words: Vec<String> = wanted.iter().map(|role| format!("\"{}\"", role.as_str())).collect();
            let message = "these are not the roles of a scenario with this table".to_owned();
            self.reporter.report(file.roles.span(), message, Some(format!("write roles = [{}]", words.join(", "))));
        }
        if file.reactor {
            self.reporter.report(at.clone(), "the reactor of an external program cannot be probed", None);
        }
        let prepared = file.command.as_ref().is_some_and(|table| !table.get_ref().prepare.is_empty());
        let mut iterations = file.points.get_ref().iter().filter_map(|point| point.get_ref().iterations.as_ref());
        if let Some(written) = iterations.find(|count| prepared && *count.get_ref() > 1) {
            let message = "a program that is prepared before each run is run once an iteration";
            self.reporter.report(written.span(), message, Some("leave `iterations` out".into()));
        }
        let settings = file.points.get_ref().iter().flat_map(|point| point.get_ref().configuration.keys());
        if let Some(name) = file.configuration.keys().chain(settings).next() {
            let message = "an external program has no configuration of the engine";
            let suggestion = format!("make `{}` a parameter, and name it in the command", name.get_ref());
            self.reporter.report(name.span(), message, Some(suggestion));
        }
        for name in file.parameters.keys().filter(|name| self.places.contains(&name.get_ref().as_str())) {
            let message = format!("`{}` is the name of a place already", name.get_ref());
            self.reporter.report(name.span(), message, Some("give the parameter another name".into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::{SubjectKind, load_texts};
    use crate::model::external::{ExternalProgram, Output, Ready};

    const COMMAND: &str = r#"
roles = ["client"]
[command]
setup = [["sh", "-c", "seq {n} >numbers"]]
run = ["sort", "-rn", "-o", "{folder}/sorted", "numbers"]
output = "sorted"
"#;

    const SERVICE: &str = r#"
roles = ["load", "server"]
[service]
start = ["python3", "-m", "http.server", "{port}"]
ready = { http = "/{n}" }
stop = { signal = "SIGINT", grace = "3 s" }
clients = "{n}"
requests = [{ path = "/index.html", answer = "page" }]
"#;

    fn load(table: &str) -> Result<super::super::Scenario, String> {
        let text = format!(
            r#"name = "toy/work"
version = 1
question = "?"
reading = "."
label = "{{n}}"
{table}
[parameters]
n = "count"
[sampling]
trials = {{ quick = 1, gate = 1, full = 1 }}
warmup = 0
samples = 1
timeout = "5 s"
[[points]]
parameters = {{ n = 1 }}
profiles = ["full"]
iterations = 2
expect = {{ items = 1, bytes = 2, digest = "{0}{0}" }}
"#,
            "0123456789abcdef0123456789abcdef"
        );
        let file = PathBuf::from("toy/work.toml");
        let mut loaded = load_texts(Path::new(""), &[(file, text)]).map_err(|problems| problems.to_string())?;
        Ok(loaded.remove(0))
    }

    fn external(scenario: &super::super::Scenario) -> &ExternalProgram {
        let SubjectKind::External(program) = &scenario.subject else { panic!("{scenario:?}") };
        program
    }

    #[test]
    fn both_kinds_are_read() {
        let scenario = load(COMMAND).unwrap();
        let ExternalProgram::Command(spec) = external(&scenario) else { panic!("{scenario:?}") };
        assert_eq!((spec.exit_code, &spec.output), (0, &Output::File("sorted".into())));
        assert_eq!(spec.setup, [["sh", "-c", "seq {n} >numbers"]]);
        assert_eq!(scenario.folder, Path::new("toy"));
        let scenario = load(SERVICE).unwrap();
        let ExternalProgram::Service(spec) = external(&scenario) else { panic!("{scenario:?}") };
        assert_eq!((&spec.ready, spec.stop.grace_ms), (&Ready::Http("/{n}".into()), 3000));
        assert_eq!(load("roles = [\"client\"]").unwrap().subject, SubjectKind::Built);
    }

    #[test]
    fn mistakes_are_said_plainly() {
        for (table, from, to, said) in [
            (COMMAND, "{n}", "{m}", "`{m}` is neither a parameter nor a place"),
            (COMMAND, "{folder}", "{foldre}", "did you mean `folder`?"),
            (COMMAND, "{folder}", "{port}", "`{port}` is neither"),
            (COMMAND, "{n}", "{n", "stands alone; write {{ or }}"),
            (COMMAND, "[\"sort\", \"-rn\", \"-o\", \"{folder}/sorted\", \"numbers\"]", "[]", "names no program"),
            (COMMAND, "\"sorted\"", "\"../sorted\"", "below the folder"),
            (COMMAND, "output =", "verify = [\"cat\", \"sorted\"]\noutput =", "not both"),
            (COMMAND, "output =", "exit_code = 256\noutput =", "from 0 to 255"),
            (COMMAND, "output =", "ouput =", "did you mean `output`?"),
            (COMMAND, "roles = [\"client\"]", "roles = [\"server\", \"client\"]", "write roles = [\"client\"]"),
            (COMMAND, "output =", "prepare = [[\"true\"]]\noutput =", "is run once an iteration"),
            (COMMAND, "roles", "reactor = true\nroles", "cannot be probed"),
            (COMMAND, "roles", "configuration = { padding = \"none\" }\nroles", "make `padding` a parameter"),
            (SERVICE, "[\"load\", \"server\"]", "[\"client\"]", "write roles = [\"server\", \"load\"]"),
            (SERVICE, "SIGINT", "SIGNIT", "did you mean `SIGINT`?"),
            (SERVICE, "3 s", "3 sec", "toy/work.toml:11"),
            (SERVICE, "http = \"/{n}\"", "", "one of them"),
            (SERVICE, "\"/{n}\"", "\"{n}\"", "begins with `/`"),
            (SERVICE, "/index.html", "index.html", "begins with `/`"),
            (SERVICE, "\"page\"", "\"/page\"", "below the folder"),
            (SERVICE, "answer", "status = 99, answer", "from 100 to 599"),
            (SERVICE, "[{ path = \"/index.html\", answer = \"page\" }]", "[]", "at least one"),
            (SERVICE, "[service]", "[command]\nrun = [\"true\"]\n[service]", "not both"),
        ] {
            assert!(table.contains(from), "{from}");
            let told = load(&table.replacen(from, to, 1)).unwrap_err();
            assert!(told.contains(said), "{from} -> {to}: {told}");
        }
    }
}
