//! The main loop of a worker process: reads work from standard input and answers on standard output until the input ends,
//! which happens however the pool's process ends.

use std::io::{self, Read, Write};

use super::dispatch::answer;
use super::frame::Frame;
use super::priority::lower_priority;

/// The argument that makes a program a worker; see [`worker_if_asked`].
pub(super) const ARGUMENT: &str = "benchline-engine-pool-worker";

/// The first bytes of a worker's output: a mark and the version of the frames. Output before it is ignored.
pub(super) const HELLO: &[u8] = b"\nBLpool 1\n";

/// If this process was started as a worker, serves work and then exits. A program whose settings may use worker processes
/// calls this first in `main`.
pub fn worker_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == ARGUMENT) && arguments.next().is_none() {
        let served = serve_worker(io::stdin().lock(), io::stdout().lock());
        std::process::exit(i32::from(served.is_err()));
    }
}

/// Runs the work that arrives on `requests` until it ends.
///
/// # Errors
/// Errors of the pipes.
pub fn serve_worker(mut requests: impl Read, mut answers: impl Write) -> io::Result<()> {
    lower_priority();
    answers.write_all(HELLO)?;
    answers.flush()?;
    while let Some(request) = Frame::read_from(&mut requests)? {
        answer(&request).write_to(&mut answers)?;
    }
    Ok(())
}
