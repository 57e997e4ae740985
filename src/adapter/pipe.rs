//! The runner's end: requests in, one answer each out. The input is read on a thread of its own, which sees the runner go
//! while a program runs, and then ends this process with everything that it started.

use std::{
    io::{self, BufRead as _, Read as _},
    process,
    sync::mpsc,
    thread,
    time::Duration,
};

use benchline_contract::{Hello, LINE_LIMIT, Reply, Request, lines::write_reply};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::error::AdapterError;
use crate::probe::tree::descendants;

/// Says hello and answers each request, until `finish` was answered.
pub(super) fn serve(hello: Hello, answer: &mut dyn FnMut(Request) -> Result<Reply, AdapterError>) -> io::Result<()> {
    write_reply(&mut io::stdout(), &Reply::Hello(hello))?;
    for line in lines() {
        let request = serde_json::from_slice(&line).map_err(|error| AdapterError::Line(error.to_string()));
        let reply = request.and_then(&mut *answer).unwrap_or_else(|error| Reply::Failed(error.to_reply()));
        write_reply(&mut io::stdout(), &reply)?;
        if reply == Reply::Finished {
            return Ok(());
        }
    }
    Ok(())
}

/// The lines of standard input. One that is too long is cut, and so no request.
fn lines() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let read = input.by_ref().take(LINE_LIMIT as u64 + 1).read_until(b'\n', &mut line);
            let cut = line.len() > LINE_LIMIT && !line.ends_with(b"\n");
            let gone = !matches!(read, Ok(1..)) || cut && input.skip_until(b'\n').is_err();
            if gone {
                // The runner has gone: nothing that runs here is of use to anybody.
                end_descendants();
                process::exit(0);
            }
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Ends every process that descends from this one. Some may be starting others meanwhile, so it looks again.
pub(super) fn end_descendants() {
    for _ in 0..10 {
        let left = descendants(process::id());
        if left.is_empty() {
            return;
        }
        for id in &left {
            // One that has ended already needs no end.
            let _ = kill(Pid::from_raw(id.cast_signed()), Signal::SIGKILL);
        }
        // Those that ended are this process's to wait for, as it is the reaper of its descendants.
        while matches!(
            nix::sys::wait::waitpid(None, Some(nix::sys::wait::WaitPidFlag::WNOHANG)),
            Ok(status) if status != nix::sys::wait::WaitStatus::StillAlive
        ) {}
        thread::sleep(Duration::from_millis(2));
    }
}
