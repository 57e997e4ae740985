//! The part of a `service`: a server that is started once, waited for, filled, loaded by another role, and stopped.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Child,
    str::FromStr as _,
    thread,
    time::{Duration, Instant},
};

use benchline_contract::{
    Access, Observed, Prepare, Prepared, Ready as IsReady, Reply, Request,
    workload::{Content, Message, Workload},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{error::AdapterError, hooks, pipe, ready, substitutions::Substitutions};
use crate::model::external::{AdapterSpec, Ready, RequestSpec, ServiceSpec};

/// Time between two looks whether something has happened.
const POLL: Duration = Duration::from_millis(10);

/// How much of a failed service's log is reported, from its end.
const LOG_LIMIT: u64 = 8 << 10;

pub(super) struct ServicePart {
    spec: ServiceSpec,
    places: BTreeMap<String, String>,
    running: Option<Running>,
}

struct Running {
    substitutions: Substitutions,
    folder: PathBuf,
    log: PathBuf,
    port: u16,
    child: Child,
    /// Where it is, and what is to be sent there.
    access: Access,
}

impl ServicePart {
    pub(super) fn new(adapter: &AdapterSpec, spec: ServiceSpec) -> ServicePart {
        ServicePart { spec, places: adapter.places.clone(), running: None }
    }

    pub(super) fn answer(&mut self, request: Request) -> Result<Reply, AdapterError> {
        match request {
            Request::Prepare(prepare) => {
                let server = Some(self.start(&prepare)?);
                Ok(Reply::Prepared(Prepared { server }))
            }
            Request::Reset(_) => {
                let server = Some(self.alive()?.access.clone());
                Ok(Reply::Ready(IsReady { server }))
            }
            // What only the server itself could count is unavailable, not zero.
            Request::Observe => self.alive().map(|_| Reply::Observed(Observed::default())),
            Request::Finish => self.stop().map(|()| Reply::Finished),
            Request::Iterate(_) | Request::Verify | Request::Disturb => {
                Err(AdapterError::OutOfOrder("a server is loaded by another role, and injected with nothing"))
            }
        }
    }

    fn start(&mut self, prepare: &Prepare) -> Result<Access, AdapterError> {
        if self.running.is_some() {
            return Err(AdapterError::OutOfOrder("a subject is prepared once"));
        }
        let folder = Path::new(&prepare.folder).join("work");
        fs::create_dir(&folder).map_err(AdapterError::file("made", &folder))?;
        let port = ready::free_port()?;
        let mut substitutions = Substitutions::new(&self.places, prepare, &folder);
        substitutions.set("port", port.to_string());
        substitutions.set("address", address(port));
        hooks::run_all(&self.spec.setup, &substitutions, &folder)?;
        let line = substitutions.line(&self.spec.start)?;
        let log = Path::new(&prepare.folder).join("log");
        let output = File::create(&log).map_err(AdapterError::file("made", &log))?;
        let errors = output.try_clone()?;
        let mut command = hooks::command(&line, &folder);
        let child = command.stdout(output).stderr(errors).spawn().map_err(|error| AdapterError::start(&line, error))?;
        let access = Access { address: address(port), credential: String::new() };
        let running = self.running.insert(Running { substitutions, folder, log, port, child, access });
        running.wait_until(&self.spec.ready)?;
        hooks::run_all(&self.spec.fill, &running.substitutions, &running.folder)?;
        let workload = workload(&self.spec, prepare, running)?;
        running.access.credential = serde_json::to_string(&workload).map_err(io::Error::other)?;
        Ok(running.access.clone())
    }

    fn alive(&mut self) -> Result<&mut Running, AdapterError> {
        let running = self.running.as_mut().ok_or(AdapterError::OutOfOrder("nothing is prepared yet"))?;
        running.check()?;
        Ok(running)
    }

    fn stop(&mut self) -> Result<(), AdapterError> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        // Validated with the scenario; one that is unknown all the same is the usual one.
        let signal = Signal::from_str(&self.spec.stop.signal).unwrap_or(Signal::SIGTERM);
        if running.child.try_wait()?.is_none() {
            let _ = kill(Pid::from_raw(running.child.id().cast_signed()), signal);
            running.wait_for_end(Duration::from_millis(self.spec.stop.grace_ms))?;
        }
        pipe::end_descendants();
        hooks::run_all(&self.spec.cleanup, &running.substitutions, &running.folder)
    }
}

impl Running {
    /// Waits without an end of its own: the runner's timeout is the limit.
    fn wait_until(&mut self, what: &Ready) -> Result<(), AdapterError> {
        loop {
            self.check()?;
            let is_ready = match what {
                Ready::Port => ready::listens(self.port),
                Ready::Http(path) => ready::answers(self.port, &self.substitutions.fill(path)?),
                Ready::Log(text) => ready::logged(&self.log, &self.substitutions.fill(text)?),
            };
            if is_ready {
                return Ok(());
            }
            thread::sleep(POLL);
        }
    }

    fn check(&mut self) -> Result<(), AdapterError> {
        let Some(status) = self.child.try_wait()? else { return Ok(()) };
        // The runner keeps what is written to standard error with the failure.
        eprintln!("{}", ready::tail(&self.log, LOG_LIMIT).unwrap_or_default());
        Err(AdapterError::ServiceEnded(status))
    }

    fn wait_for_end(&mut self, at_most: Duration) -> Result<(), AdapterError> {
        let until = Instant::now() + at_most;
        while self.child.try_wait()?.is_none() && Instant::now() < until {
            thread::sleep(POLL);
        }
        Ok(())
    }
}

/// Parameters of the load; all others are the service's own.
const OF_THE_LOAD: [&str; 5] = ["each", "rate", "seconds", "arrivals", "connections"];

/// What the load sends.
fn workload(spec: &ServiceSpec, prepare: &Prepare, running: &Running) -> Result<Workload, AdapterError> {
    let Running { substitutions, folder, .. } = running;
    let clients: usize =
        substitutions.fill(&spec.clients)?.parse().map_err(|_| AdapterError::Clients(spec.clients.clone()))?;
    let message = |request: &RequestSpec| -> Result<Message, AdapterError> {
        let file = |name: &String| -> Result<Content, AdapterError> {
            Ok(Content::File(folder.join(substitutions.fill(name)?).to_string_lossy().into_owned()))
        };
        let header = |(name, value): (&String, &String)| -> Result<(String, String), AdapterError> {
            Ok((name.clone(), substitutions.fill(value)?))
        };
        Ok(Message {
            weight: 1,
            method: "GET".to_owned(),
            path: substitutions.fill(&request.path)?,
            headers: request.headers.iter().map(header).collect::<Result<_, _>>()?,
            body: None,
            status: request.status,
            answer: request.answer.as_ref().map(file).transpose()?,
        })
    };
    Ok(Workload {
        parameters: prepare.parameters.keys().filter(|name| !OF_THE_LOAD.contains(&name.as_str())).cloned().collect(),
        clients: vec![BTreeMap::new(); clients],
        stock: None,
        stock_count: 0,
        before: None,
        timed: spec.requests.iter().map(message).collect::<Result<_, _>>()?,
        after: Vec::new(),
    })
}

fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
