//! Results on standard output and in files.

use std::{
    fmt, fs,
    io::{self, Write as _},
    path::Path,
    process,
};

use anyhow::Context as _;
use serde::Serialize;

/// Writes one line. A reader that has seen enough (`benchline list | head -1`) is no failure: the program ends quietly,
/// where `println!` would panic.
pub(super) fn say(line: fmt::Arguments<'_>) {
    let written = writeln!(io::stdout(), "{line}");
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => process::exit(i32::from(super::exit::FINE)),
        Err(error) => {
            eprintln!("benchline: standard output cannot be written: {error}");
            process::exit(i32::from(super::exit::FAILED));
        }
    }
}

/// Writes a result as JSON to a file, whole or not at all; `-` is standard output.
pub(super) fn write_json(path: &Path, result: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(result)?;
    if path == Path::new("-") {
        say(format_args!("{text}"));
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        writeln!(file, "{text}")?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}
