//! How the engine's commands print: sizes as people read them, JSON with a schema number.

use serde_json::{Value, json};

use crate::{cli::output::say, units::Unit};

/// Version of what `--json` prints. History: 1, the first.
const SCHEMA: u32 = 1;

/// A size such as `10.3 MB`.
pub(super) fn size(bytes: u64) -> String {
    Unit::Bytes.format(bytes as f64)
}

/// Prints an object, its schema number first.
pub(super) fn say_json(value: Value) -> anyhow::Result<()> {
    let mut object = json!({ "schema": SCHEMA });
    if let (Some(object), Value::Object(value)) = (object.as_object_mut(), value) {
        object.extend(value);
    }
    say(format_args!("{}", serde_json::to_string_pretty(&object)?));
    Ok(())
}

/// `1 blob`, `2 blobs`.
pub(super) fn count(number: u64, singular: &str) -> String {
    if number == 1 { format!("1 {singular}") } else { format!("{number} {singular}s") }
}
