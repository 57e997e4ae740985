//! One case by the name that a person gives it: its key, its scenario and label, or a pattern that fits no other.

use super::{
    plan::{CasePlan, PlanError, every_case},
    problem::nearest,
    validate::Scenario,
};

/// So many of the cases that a text may mean are named.
const MOST_NAMED: usize = 12;

/// Why a text names no case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// There are no cases at all.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The text is not a pattern.
    #[error("`{text}` is not a pattern: {reason}. Write a case's key, as `benchline list --json` shows it")]
    Pattern {
        /// What was given.
        text: String,
        /// Why.
        reason: &'static str,
    },
    /// Nothing has this name.
    #[error("no case is called `{text}`; {}`benchline list --profile full` shows all", meant(.nearest.as_deref()))]
    Unknown {
        /// What was given.
        text: String,
        /// The key, or the scenario, that looks much like it.
        nearest: Option<String>,
    },
    /// Several have this name.
    #[error("`{text}` means {} cases; name one of them:{}", .keys.len(), listed(.keys))]
    Several {
        /// What was given.
        text: String,
        /// Their keys.
        keys: Vec<String>,
    },
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("did you mean `{nearest}`? ")).unwrap_or_default()
}

fn listed(keys: &[String]) -> String {
    let named: String = keys.iter().take(MOST_NAMED).map(|key| format!("\n  '{key}'")).collect();
    match keys.len().saturating_sub(MOST_NAMED) {
        0 => named,
        rest => format!("{named}\n  and {rest} more"),
    }
}

/// The case that `text` names, as the profile `full` would measure it. A key is taken before a label, and a label before
/// a pattern, which may fit the key, the scenario's name, or the name and the label.
///
/// # Errors
/// Where the text names no case, or several.
pub fn find_case(scenarios: &[Scenario], text: &str) -> Result<CasePlan, FindError> {
    let text = text.trim();
    let mut cases = every_case(scenarios, &[])?.cases;
    let named = |case: &CasePlan| format!("{} {}", case.case.scenario, case.label.0);
    let pattern =
        glob::Pattern::new(text).map_err(|error| FindError::Pattern { text: text.to_owned(), reason: error.msg })?;
    let ways: [&dyn Fn(&CasePlan) -> bool; 4] = [
        &|case| case.case.key() == text,
        &|case| named(case) == text,
        &|case| case.label.0 == text || case.case.scenario == text,
        &|case| {
            pattern.matches(&case.case.key()) || pattern.matches(&named(case)) || pattern.matches(&case.case.scenario)
        },
    ];
    for way in ways {
        let found: Vec<usize> = (0..cases.len()).filter(|place| way(&cases[*place])).collect();
        match found.as_slice() {
            [] => {}
            [one] => return Ok(cases.swap_remove(*one)),
            several => {
                let keys = several.iter().map(|place| cases[*place].case.key()).collect();
                return Err(FindError::Several { text: text.to_owned(), keys });
            }
        }
    }
    let keys: Vec<String> = cases.iter().map(|case| case.case.key()).collect();
    let scenarios = cases.iter().map(|case| case.case.scenario.as_str());
    let nearest = nearest(text, keys.iter().map(String::as_str).chain(scenarios)).map(str::to_owned);
    Err(FindError::Unknown { text: text.to_owned(), nearest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load_texts;

    fn scenarios() -> Vec<Scenario> {
        let text = |name: &str, sizes: &[u32]| {
            let point = |size: &u32| {
                format!(
                    "[[points]]\nparameters = {{ size = {size} }}\nprofiles = [\"quick\"]\n\
                     expect = {{ items = 1, bytes = {size}, digest = \"{}\" }}\n",
                    "0".repeat(64)
                )
            };
            let points: String = sizes.iter().map(point).collect();
            format!(
                "name = \"{name}\"\nversion = 1\nquestion = \"?\"\nreading = \".\"\nroles = [\"client\"]\n\
                 label = \"{{size}} things\"\n[parameters]\nsize = \"count\"\n[sampling]\n\
                 trials = {{ quick = 6, gate = 6, full = 6 }}\nwarmup = 1\nsamples = 2\ntimeout = \"1 s\"\n{points}"
            )
        };
        let files = [("a/one", text("a/one", &[1, 10])), ("b/two", text("b/two", &[3]))];
        let files: Vec<_> = files.map(|(name, text)| (format!("{name}.toml").into(), text)).into();
        load_texts(std::path::Path::new(""), &files).unwrap()
    }

    #[test]
    fn a_case_is_found_by_every_name_that_fits_it_alone() {
        let found = |text| find_case(&scenarios(), text).map(|case| case.case.key());
        for text in ["a/one@1 size=1", "a/one 1 things", "1 things", " a/one*=1 ", "a/one 1 *"] {
            assert_eq!(found(text), Ok("a/one@1 size=1".to_owned()), "{text}");
        }
        for text in ["b/two", "3 things", "b/*", "*=3"] {
            assert_eq!(found(text), Ok("b/two@1 size=3".to_owned()), "{text}");
        }
    }

    #[test]
    fn a_text_that_names_none_or_several_is_told_what_there_is() {
        let said = |text| find_case(&scenarios(), text).unwrap_err().to_string();
        assert!(said("a/one@1 size=2").contains("did you mean `a/one@1 size=1"), "{}", said("a/one@1 size=2"));
        assert!(said("b/tow").contains("did you mean `b/two`?"), "{}", said("b/tow"));
        assert_eq!(said("nope"), "no case is called `nope`; `benchline list --profile full` shows all");
        assert!(said("a/one").ends_with("means 2 cases; name one of them:\n  'a/one@1 size=1'\n  'a/one@1 size=10'"));
        assert!(said("[").contains("is not a pattern"));
        assert!(matches!(find_case(&[], "a"), Err(FindError::Plan(_))));
    }
}
