//! The subject: the process that is measured. A runner starts it and talks to it over standard input and output; see
//! `docs/SUBJECT.md`. Nothing else may be written to standard output.

#[cfg(any(test, feature = "allocations"))]
mod allocations;
mod fsyncs;

use std::io;
use std::process::ExitCode;

use benchline_subject::counters::Counter;

/// The counters of this program.
const COUNTERS: &[Counter] = &[
    Counter { name: "fsyncs", total: fsyncs::total },
    #[cfg(feature = "allocations")]
    Counter { name: "allocations", total: allocations::calls },
    #[cfg(feature = "allocations")]
    Counter { name: "allocated_bytes", total: allocations::bytes },
];

#[cfg(feature = "allocations")]
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

fn main() -> ExitCode {
    benchline_engine::pool::worker_if_asked();
    benchline_subject::worker_if_asked();
    if let Some(code) = benchline_subject::serve_if_member().or_else(benchline_subject::relay::serve_if_asked) {
        return code;
    }
    match benchline_subject::serve::serve(io::stdin().lock(), io::stdout().lock(), COUNTERS) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benchline-subject: the pipe to the runner failed: {error}");
            ExitCode::FAILURE
        }
    }
}
