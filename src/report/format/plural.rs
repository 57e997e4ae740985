//! Counts with their noun.

use std::fmt::Display;

/// A count with its noun in the right number: `1 case`, `2 cases`, `1 series`, `2 series`.
pub fn plural(count: impl Display, noun: &str) -> String {
    let count = count.to_string();
    if count == "1" || noun.ends_with("series") {
        return format!("{count} {noun}");
    }
    match noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u'])) {
        Some(stem) => format!("{count} {stem}ies"),
        None if noun.ends_with(['s', 'x']) || noun.ends_with("ch") => format!("{count} {noun}es"),
        None => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::plural;

    #[test]
    fn one_thing_and_two_things() {
        for (noun, many) in [
            ("case", "cases"),
            ("gate series", "gate series"),
            ("query", "queries"),
            ("day", "days"),
            ("pass", "passes"),
        ] {
            assert_eq!(plural(1, noun), format!("1 {noun}"));
            assert_eq!(plural(2_u64, noun), format!("2 {many}"));
            assert_eq!(plural(0_usize, noun), format!("0 {many}"));
        }
    }
}
