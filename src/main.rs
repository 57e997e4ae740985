//! Entry of the program: arguments in, exit code out. See `benchline::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    benchline::cli::main()
}
