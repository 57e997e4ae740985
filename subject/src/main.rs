//! The subject: the process that is measured. A runner starts it and speaks to it over standard input and output; see
//! `docs/SUBJECT.md`. Nothing but that contract may reach standard output.

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    benchline_engine::pool::worker_if_asked();
    benchline_subject::worker_if_asked();
    if let Some(code) = benchline_subject::relay::serve_if_asked() {
        return code;
    }
    match benchline_subject::serve::serve(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benchline-subject: the pipe to the runner failed: {error}");
            ExitCode::FAILURE
        }
    }
}
