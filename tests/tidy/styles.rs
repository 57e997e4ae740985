//! One style for the files of modules: a module with children is `x/mod.rs`, never `x.rs` beside a folder `x/`.

use std::collections::BTreeSet;

use super::tree::SourceFile;

/// Every module file that lies beside the folder of its children.
pub(super) fn violations(files: &[SourceFile]) -> Vec<String> {
    let rust = || files.iter().filter(|file| file.is_rust()).map(|file| file.path.as_str());
    let folders: BTreeSet<&str> = rust().filter_map(|path| Some(path.rsplit_once('/')?.0)).collect();
    let beside = rust().filter_map(|path| path.strip_suffix(".rs")).filter(|stem| folders.contains(stem));
    beside.map(|stem| format!("{stem}.rs: lies beside the folder `{stem}/`: move it to {stem}/mod.rs")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{assert_clean_tree, assert_tree_reported};

    #[test]
    fn a_module_file_beside_its_folder_is_reported() {
        let file = ("src/units/a/b.rs", "struct B;");
        assert_tree_reported(&[("src/units/a.rs", "mod b;"), file], "move it to src/units/a/mod.rs");
        assert_clean_tree(&[("src/units/a/mod.rs", "mod b;"), file]);
    }
}
