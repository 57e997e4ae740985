//! The other end of a pool's process: reads work from its standard input and answers on its standard output until the
//! input ends, which it does however the pool's own process ends.

use std::io::{self, Read, Write};

use super::frame::Frame;
use super::work::answer;
use super::workers::step_back;

/// The argument that asks a program to be a worker; see [`worker_if_asked`].
pub(super) const ARGUMENT: &str = "benchline-engine-pool-worker";

/// What a worker says first: a mark, and the version of the frames. Whatever a program prints before it is passed over.
pub(super) const HELLO: &[u8] = b"\nBLpool 1\n";

/// Makes this process a worker, and ends it with the work, if it was started as one. A program whose settings may ask for
/// processes calls this before anything else in `main`.
pub fn worker_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == ARGUMENT) && arguments.next().is_none() {
        let served = serve_worker(io::stdin().lock(), io::stdout().lock());
        std::process::exit(i32::from(served.is_err()));
    }
}

/// Does the work that comes through `requests` until it ends.
///
/// # Errors
/// Errors of the pipes.
pub fn serve_worker(mut requests: impl Read, mut answers: impl Write) -> io::Result<()> {
    step_back();
    answers.write_all(HELLO)?;
    answers.flush()?;
    while let Some(request) = Frame::read_from(&mut requests)? {
        answer(&request).write_to(&mut answers)?;
    }
    Ok(())
}
