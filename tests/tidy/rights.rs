//! Rights that nobody uses: a table that allows more than the code needs describes another house.

use std::collections::BTreeSet;

use super::{layers, reader::Contents, tree::SourceFile};

/// Every right of the layer tables that no import uses.
pub(super) fn violations(files: &[(&SourceFile, Contents)]) -> Vec<String> {
    let mut used = BTreeSet::new();
    for (file, contents) in files {
        let Some((package, room)) = file.room() else { continue };
        used.extend(contents.imports.iter().filter_map(|import| Some((package, room, import.path.get(1)?.as_str()))));
    }
    layers::rights()
        .filter(|right| !used.contains(right))
        .map(|(_, room, imported)| format!("tests/tidy/layers.rs: `{room}` may import `{imported}`, and does not"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{planted_file, reader};

    #[test]
    fn a_right_that_no_import_uses_is_reported() {
        let unused = |text: &str| {
            let file = planted_file("src/model/mod.rs", text);
            let contents = reader::read(&file).unwrap();
            super::violations(&[(&file, contents)])
        };
        let expected = "tests/tidy/layers.rs: `model` may import `units`, and does not".to_owned();
        assert!(unused("use crate::stats::A;").contains(&expected));
        assert!(!unused("use crate::units::Unit;").contains(&expected));
    }
}
