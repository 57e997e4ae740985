//! Words in names: each word in a long flag, a field of a published schema, or a table or column of the history is defined
//! in the glossary or listed there as plain English.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

use super::tree::SourceFile;

/// Where the words are defined.
const GLOSSARY: &str = "docs/GLOSSARY.md";

/// The heading above the list of words that need no definition.
const PLAIN: &str = "## Plain words in names";

/// A name that people meet, and the file that has it.
type Name<'f> = (&'f str, String);

/// Every word of a name that the glossary lacks, and every plain word that no name needs.
pub(super) fn violations(files: &[SourceFile]) -> Vec<String> {
    let Some(glossary) = files.iter().find(|file| file.path == GLOSSARY) else {
        return vec![format!("{GLOSSARY} is missing")];
    };
    let (defined, plain) = words(&glossary.text);
    let names: Vec<Name<'_>> = files.iter().flat_map(names).collect();
    let mut lacking: BTreeMap<&str, &Name<'_>> = BTreeMap::new();
    let mut needed = BTreeSet::new();
    for name in &names {
        for word in name.1.split(['_', '-']) {
            if knows(&defined, word).is_some() {
                continue;
            }
            match knows(&plain, word) {
                Some(entry) => drop(needed.insert(entry)),
                None => drop(lacking.entry(word).or_insert(name)),
            }
        }
    }
    let report = |(word, (path, name)): (&str, &Name<'_>)| {
        format!("{path}: {GLOSSARY} does not define `{word}`, a word of the name `{name}`")
    };
    let needless = plain.difference(&needed).map(|word| format!("{GLOSSARY}: no name needs the plain word `{word}`"));
    lacking.into_iter().map(report).chain(needless).collect()
}

/// The entry for a word, in the singular or as it is.
fn knows<'w>(entries: &BTreeSet<&'w str>, word: &str) -> Option<&'w str> {
    let singular = [Some(word.to_owned()), word.strip_suffix('s').map(str::to_owned)];
    let ending = word.strip_suffix("ies").map(|stem| format!("{stem}y"));
    singular.into_iter().chain([ending]).flatten().find_map(|form| entries.get(form.as_str()).copied())
}

/// The words that the glossary's tables define, and those of its list of plain words. A table's row may define several
/// words, separated by commas; a term of two words defines neither of them.
fn words(glossary: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let (tables, list) = glossary.split_once(PLAIN).unwrap_or((glossary, ""));
    let rows = tables.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let defined = rows.flat_map(|cell| cell.split(", ")).map(|word| word.trim_matches('`')).collect();
    let plain = list.split("```").nth(1).unwrap_or_default().trim_start_matches("text\n").split_whitespace().collect();
    (defined, plain)
}

/// The names in a file that people meet. A file that cannot be parsed has none here; other rules and tests report it.
fn names(file: &SourceFile) -> Vec<Name<'_>> {
    let path = file.path.as_str();
    let found = if path.starts_with("src/cli/") && file.is_rust() {
        flags(&file.text)
    } else if path.starts_with("docs/schemas/") && path.ends_with(".json") {
        let mut found = Vec::new();
        serde_json::from_str(&file.text).iter().for_each(|schema| properties(schema, &mut found));
        found
    } else if path.starts_with("src/history/migrations/") && path.ends_with(".sql") {
        columns(&file.text)
    } else {
        Vec::new()
    };
    found.into_iter().map(|name| (path, name)).collect()
}

/// The long flags that clap derives in a source file.
fn flags(source: &str) -> Vec<String> {
    let mut flags = Flags::default();
    syn::parse_file(source).iter().for_each(|tree| flags.visit_file(tree));
    flags.0
}

#[derive(Default)]
struct Flags(Vec<String>);

impl<'t> Visit<'t> for Flags {
    fn visit_field(&mut self, field: &'t syn::Field) {
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("arg")) {
            // What is left of an attribute that is no list of `name` and `name = value` has no `long` either.
            let _ = attribute.parse_nested_meta(|meta| {
                let value =
                    if meta.input.peek(syn::Token![=]) { Some(meta.value()?.parse::<syn::Expr>()?) } else { None };
                if meta.path.is_ident("long") {
                    let given = value.as_ref().and_then(text_of);
                    self.0.extend(given.or_else(|| field.ident.as_ref().map(ToString::to_string)));
                }
                Ok(())
            });
        }
        visit::visit_field(self, field);
    }
}

fn text_of(value: &syn::Expr) -> Option<String> {
    match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// The names of all properties in a JSON Schema.
fn properties(schema: &serde_json::Value, found: &mut Vec<String>) {
    if let Some(fields) = schema.get("properties").and_then(serde_json::Value::as_object) {
        found.extend(fields.keys().cloned());
    }
    let members = schema.as_object().into_iter().flat_map(|object| object.values());
    members.chain(schema.as_array().into_iter().flatten()).for_each(|inner| properties(inner, found));
}

/// The tables that a migration creates, and the columns that it creates or adds.
fn columns(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_table = false;
    for line in sql.lines() {
        let mut tokens =
            line.split("--").next().unwrap_or_default().split([' ', '(']).filter(|token| !token.is_empty());
        let after = |introduction: &[&str]| {
            let mut rest = tokens.clone();
            introduction.iter().all(|word| rest.next() == Some(word)).then(|| rest.next()).flatten().map(str::to_owned)
        };
        if let Some(table) = after(&["CREATE", "TABLE"]) {
            found.push(table);
            in_table = true;
        } else if after(&["ALTER", "TABLE"]).is_some() {
            found
                .extend(line.split_once("ADD COLUMN ").and_then(|(_, rest)| rest.split(' ').next()).map(str::to_owned));
        } else if line.starts_with(')') {
            in_table = false;
        } else if in_table {
            // Columns are in lowercase, what constrains them is not.
            found.extend(
                tokens.next().filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())).map(str::to_owned),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = "# Words\n| word | meaning |\n|---|---|\n| run, trial | … |\n| error budget | … |\n\n## Plain words in names\n\n```text\nindex at\n```\n";

    fn found(path: &str, text: &str) -> Vec<String> {
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let uses_all = file("src/history/migrations/0000_plain.sql", "CREATE TABLE runs (\n    index_at INTEGER\n);");
        violations(&[file(GLOSSARY, WORDS), uses_all, file(path, text)])
    }

    #[track_caller]
    fn assert_lacking(path: &str, text: &str, word: &str, name: &str) {
        let expected = format!("{path}: {GLOSSARY} does not define `{word}`, a word of the name `{name}`");
        assert_eq!(found(path, text), [expected], "{text}");
    }

    #[test]
    fn a_flag_with_an_unknown_word_is_reported() {
        let path = "src/cli/run.rs";
        assert_lacking(path, "struct A { #[arg(long)] trial_oddity: bool }", "oddity", "trial_oddity");
        assert_lacking(
            path,
            "enum A { B { #[arg(value_name = \"N\", long = \"odd-run\")] run: u8 } }",
            "odd",
            "odd-run",
        );
        assert_lacking(path, "struct A { #[arg(num_args = 0..=1, long, short)] odd: bool }", "odd", "odd");
        for text in ["struct A { #[arg(long)] trials: u8, #[arg(long = \"run-at\")] odd: u8 }", "struct A { odd: u8 }"]
        {
            assert_eq!(found(path, text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_field_with_an_unknown_word_is_reported() {
        let path = "docs/schemas/run.json";
        let text = |name: &str| format!("{{\"$defs\": {{\"A\": {{\"properties\": {{\"{name}\": {{}}}}}}}}}}");
        assert_lacking(path, &text("trial_budget"), "budget", "trial_budget");
        assert_lacking(path, &format!("[{}]", text("odd")), "odd", "odd");
        assert_eq!(found(path, &text("runs")), [""; 0]);
    }

    #[test]
    fn a_table_or_column_with_an_unknown_word_is_reported() {
        let path = "src/history/migrations/0002_more.sql";
        assert_lacking(path, "CREATE TABLE odd_trials (\n);", "odd", "odd_trials");
        assert_lacking(path, "CREATE TABLE runs (\n    odd_index INTEGER, -- so\n);", "odd", "odd_index");
        assert_lacking(path, "ALTER TABLE runs ADD COLUMN odd INTEGER;", "odd", "odd");
        let clean = "-- odd\nCREATE TABLE runs (\n    trial INTEGER, -- odd\n    CHECK (trial > 0)\n);\nCREATE INDEX odd ON runs (trial);";
        assert_eq!(found(path, clean), [""; 0]);
    }

    #[test]
    fn a_plain_word_that_no_name_needs_is_reported() {
        let glossary = SourceFile { path: GLOSSARY.to_owned(), text: WORDS.to_owned() };
        let needless = |word: &str| format!("{GLOSSARY}: no name needs the plain word `{word}`");
        assert_eq!(violations(&[glossary]), [needless("at"), needless("index")]);
        assert_eq!(violations(&[]), [format!("{GLOSSARY} is missing")]);
    }
}
