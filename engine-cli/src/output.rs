//! How the commands print: lines, tables, JSON with a schema number, sizes and times as people read them.

use std::{
    fmt,
    io::{self, Write as _},
    iter, process,
    time::Instant,
};

use bytesize::ByteSize;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

/// Version of what `--json` prints. History: 1, the first.
const SCHEMA: u32 = 1;

/// Prints one line on standard output. The program ends quietly when the reader has closed the pipe
/// (`benchline-engine ls | head -1`), where `println!` would panic.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    let Err(error) = writeln!(io::stdout(), "{line}") else { return };
    if error.kind() != io::ErrorKind::BrokenPipe {
        eprintln!("benchline-engine: standard output cannot be written: {error}");
        process::exit(1);
    }
    process::exit(0);
}

/// Prints an object, with its schema number.
///
/// # Errors
/// When it cannot be written as JSON.
pub(crate) fn say_json(value: Value) -> anyhow::Result<()> {
    let mut object = json!({ "schema": SCHEMA });
    if let (Some(object), Value::Object(value)) = (object.as_object_mut(), value) {
        object.extend(value);
    }
    say(format_args!("{}", serde_json::to_string_pretty(&object)?));
    Ok(())
}

/// The lines of a table. The first row is the head; `right` tells which columns are aligned to the right, the first column
/// first.
pub(crate) fn table(rows: &[Vec<String>], right: &[bool]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).add_rows(rows);
    for (column, right) in table.column_iter_mut().zip(right.iter().chain(iter::repeat(&false))) {
        column.set_padding((0, 2));
        column.set_cell_alignment(if *right { CellAlignment::Right } else { CellAlignment::Left });
    }
    table.trim_fmt()
}

/// A size such as `10.3 MB`.
pub(crate) fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().si().to_string()
}

/// The time since `started`, such as `4.8ms`.
pub(crate) fn elapsed(started: Instant) -> String {
    format!("{:.1?}", started.elapsed())
}

/// `1 blob`, `2 blobs`.
pub(crate) fn count(number: u64, singular: &str) -> String {
    if number == 1 { format!("1 {singular}") } else { format!("{number} {singular}s") }
}

/// The error with its causes. A cause that is part of the text already is not repeated.
pub(crate) fn error_text(error: &anyhow::Error) -> String {
    let with = |text: String, cause: String| if text.contains(&cause) { text } else { format!("{text}: {cause}") };
    error.chain().map(ToString::to_string).reduce(with).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_characters_and_sizes_are_decimal() {
        let rows = [["name", "size"], ["10 × 1", &size(4_800_000)], ["x", &size(12)]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows, &[false, true]), "name      size\n10 × 1  4.8 MB\nx         12 B");
    }

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow::anyhow!("disk full").context("cannot store x: disk full").context("put failed");
        assert_eq!(error_text(&error), "put failed: cannot store x: disk full");
    }
}
