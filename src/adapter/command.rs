//! The part of a `command`: a program that is started for every iteration, timed around its whole life, and whose output
//! proves its result.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use aws_lc_rs::digest::{Context, SHA256};
use benchline_contract::{Prepare, Prepared, Ready, Reply, Request, Sample, Verified};

use super::{
    error::AdapterError,
    hooks,
    substitutions::Substitutions,
    timed::{self, Run},
};
use crate::model::external::{AdapterSpec, CommandSpec, Output};

/// The most times that a program is run in one iteration.
const MOST_RUNS: u64 = 1_000_000;

pub(super) struct CommandPart {
    spec: CommandSpec,
    places: BTreeMap<String, String>,
    items: u64,
    bytes: u64,
    case: Option<Case>,
}

struct Case {
    substitutions: Substitutions,
    /// Where programs work: empty before set-up.
    folder: PathBuf,
    /// Where a run's standard output goes.
    stdout: PathBuf,
    /// Whether there is a result to be verified.
    ran: bool,
}

impl CommandPart {
    pub(super) fn new(adapter: &AdapterSpec, spec: CommandSpec) -> CommandPart {
        CommandPart { spec, places: adapter.places.clone(), items: adapter.items, bytes: adapter.bytes, case: None }
    }

    pub(super) fn answer(&mut self, request: Request) -> Result<Reply, AdapterError> {
        match request {
            Request::Prepare(prepare) => self.prepare(&prepare).map(|()| Reply::Prepared(Prepared { server: None })),
            Request::Reset(_) => {
                self.reset()?;
                Ok(Reply::Ready(Ready { server: None }))
            }
            Request::Iterate(iterate) => self.iterate(iterate.count).map(Reply::Sample),
            Request::Verify => self.digest().map(|digest| Reply::Verified(Verified { digest })),
            Request::Observe | Request::Disturb => Err(AdapterError::OutOfOrder(
                "a client reports what it counted with each sample, and runs no injection",
            )),
            Request::Finish => {
                if let Some(case) = self.case.take() {
                    hooks::run_all(&self.spec.cleanup, &case.substitutions, &case.folder)?;
                }
                Ok(Reply::Finished)
            }
        }
    }

    fn prepare(&mut self, prepare: &Prepare) -> Result<(), AdapterError> {
        if self.case.is_some() {
            return Err(AdapterError::OutOfOrder("a subject is prepared once"));
        }
        let folder = Path::new(&prepare.folder).join("work");
        fs::create_dir(&folder).map_err(AdapterError::file("made", &folder))?;
        let substitutions = Substitutions::new(&self.places, prepare, &folder);
        hooks::run_all(&self.spec.setup, &substitutions, &folder)?;
        let stdout = Path::new(&prepare.folder).join("stdout");
        self.case = Some(Case { substitutions, folder, stdout, ran: false });
        Ok(())
    }

    fn case(&mut self) -> Result<&mut Case, AdapterError> {
        self.case.as_mut().ok_or(AdapterError::OutOfOrder("nothing is prepared yet"))
    }

    /// What comes before each run is done here, so that its I/O is not in what the runner reads around an iteration.
    fn reset(&mut self) -> Result<(), AdapterError> {
        let prepare = self.spec.prepare.clone();
        let case = self.case()?;
        case.ran = false;
        hooks::run_all(&prepare, &case.substitutions, &case.folder)
    }

    fn iterate(&mut self, count: u64) -> Result<Sample, AdapterError> {
        if !(1..=MOST_RUNS).contains(&count) {
            return Err(AdapterError::OutOfOrder(
                "an iteration runs its program at least once and at most a million times",
            ));
        }
        if count > 1 && !self.spec.prepare.is_empty() {
            return Err(AdapterError::OutOfOrder(
                "a program that is prepared before each run is run once an iteration",
            ));
        }
        let spec = self.spec.clone();
        let case = self.case()?;
        let line = case.substitutions.line(&spec.run)?;
        let (mut wall, mut cpu, mut peak) = (Duration::ZERO, Duration::ZERO, None);
        for _ in 0..count {
            let run = timed::run(&line, &case.folder, case.stdout(&spec.output)?)?;
            check(&line, &run, spec.exit_code)?;
            (wall, cpu, peak) = (wall + run.wall, cpu + run.cpu, peak.max(run.peak));
        }
        case.ran = true;
        Ok(Sample {
            wall_ns: nanoseconds(wall),
            cpu_ns: nanoseconds(cpu),
            items: self.items,
            bytes: self.bytes,
            counters: peak.map(|peak| ("rss_peak".to_owned(), peak)).into_iter().collect(),
            reactor: Vec::new(),
            latency: Vec::new(),
            lateness: Vec::new(),
        })
    }

    fn digest(&mut self) -> Result<String, AdapterError> {
        let output = self.spec.output.clone();
        let case = self.case()?;
        if !case.ran {
            return Err(AdapterError::OutOfOrder("nothing was run since the reset"));
        }
        match output {
            Output::Stdout => digest_of_file(&case.stdout),
            Output::File(name) => digest_of_file(&case.folder.join(case.substitutions.fill(&name)?)),
            Output::Command(line) => digest_of_output(&case.substitutions.line(&line)?, &case.folder),
        }
    }
}

impl Case {
    /// Where the next run's standard output goes: to a file where it is the result, so that no reader slows it down.
    fn stdout(&self, output: &Output) -> Result<Stdio, AdapterError> {
        match output {
            Output::Stdout => Ok(File::create(&self.stdout).map_err(AdapterError::file("made", &self.stdout))?.into()),
            Output::File(_) | Output::Command(_) => Ok(Stdio::null()),
        }
    }
}

fn check(line: &[String], run: &Run, right: i32) -> Result<(), AdapterError> {
    if run.status.code() == Some(right) { Ok(()) } else { Err(AdapterError::ended(line, run.status, right)) }
}

fn digest_of_file(path: &Path) -> Result<String, AdapterError> {
    let file = File::open(path).map_err(AdapterError::file("read", path))?;
    digest(file).map_err(AdapterError::file("read", path))
}

fn digest_of_output(line: &[String], folder: &Path) -> Result<String, AdapterError> {
    let mut command = hooks::command(line, folder);
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| AdapterError::start(line, error))?;
    let digest = child.stdout.take().map_or_else(|| Ok(String::new()), digest)?;
    let status = child.wait()?;
    if status.success() { Ok(digest) } else { Err(AdapterError::ended(line, status, 0)) }
}

/// SHA-256, in lowercase hex.
fn digest(mut from: impl Read) -> io::Result<String> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()),
            length => context.update(&buffer[..length]),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
