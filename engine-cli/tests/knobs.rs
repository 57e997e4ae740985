//! The guide lists every knob of the engine's configuration.

use std::fs;

use serde_json::Value;

#[test]
fn every_knob_has_its_row_in_the_guide_with_its_default() {
    fn leaves(path: &str, value: &Value, found: &mut Vec<(String, Value)>) {
        // What has one lower-case name inside is a choice with a value, not a table of knobs.
        let choice = ["crypto.pool", "blobs.server_backend"].contains(&path);
        match value {
            Value::Object(fields) if !choice => {
                for (name, value) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    leaves(&path, value, found);
                }
            }
            value => found.push((path.to_owned(), value.clone())),
        }
    }
    let guide = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ENGINE.md")).unwrap();
    let mut knobs = Vec::new();
    leaves("", &serde_json::to_value(benchline_engine::config::Config::default()).unwrap(), &mut knobs);
    for (knob, default) in &knobs {
        let default = match default {
            Value::Null => "none".to_owned(),
            Value::String(text) => format!("`{text}`"),
            Value::Object(choice) => {
                let (name, value) = choice.iter().next().unwrap();
                format!("`{{ {name} = {value} }}`")
            }
            other => format!("`{other}`"),
        };
        let row = format!("| `{knob}` | {default} | ");
        assert!(guide.contains(&row), "docs/ENGINE.md lacks the row: {row}");
    }
    let rows =
        guide.lines().skip_while(|line| !line.starts_with("| knob |")).skip(2).take_while(|line| line.starts_with('|'));
    assert_eq!(rows.count(), knobs.len(), "docs/ENGINE.md has rows of knobs that are not there");
}
