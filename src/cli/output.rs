//! Results on standard output.

use std::{
    fmt,
    io::{self, Write as _},
    process,
};

/// Writes one line. A reader that has seen enough (`benchline list | head -1`) is no failure: the program ends quietly,
/// where `println!` would panic.
pub(super) fn say(line: fmt::Arguments<'_>) {
    let written = writeln!(io::stdout(), "{line}");
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => process::exit(i32::from(super::FINE)),
        Err(error) => {
            eprintln!("benchline: standard output cannot be written: {error}");
            process::exit(i32::from(super::FAILED));
        }
    }
}
