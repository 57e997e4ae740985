//! Texts with names to put values in for: `{name}` is a name, `{{` and `}}` are braces.

use std::fmt;

/// Why a text with placeholders cannot be read or filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A single brace without its counterpart.
    #[error("a brace of `{0}` stands alone; write {{{{ or }}}} for a brace itself")]
    Brace(String),
    /// Nothing has that name.
    #[error("`{{{0}}}` is nothing that can be put in here")]
    Unknown(String),
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// The names between braces.
///
/// # Errors
/// A brace that stands alone.
pub fn placeholders(template: &str) -> Result<Vec<&str>, TemplateError> {
    let name = |piece| match piece {
        Piece::Name(name) => Some(name),
        Piece::Text(_) => None,
    };
    Ok(pieces(template)?.into_iter().filter_map(name).collect())
}

/// Puts in what `value` knows for each name.
///
/// # Errors
/// A brace that stands alone; a name that `value` does not know.
pub fn fill<V: fmt::Display>(template: &str, value: impl Fn(&str) -> Option<V>) -> Result<String, TemplateError> {
    let mut filled = String::with_capacity(template.len());
    for piece in pieces(template)? {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Name(name) => {
                let value = value(name).ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
                filled.push_str(&value.to_string());
            }
        }
    }
    Ok(filled)
}

fn pieces(template: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let alone = || TemplateError::Brace(template.to_owned());
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, tail) = rest.split_at(at);
        pieces.push(Piece::Text(before));
        rest = if tail.starts_with("{{") || tail.starts_with("}}") {
            pieces.push(Piece::Text(&tail[..1]));
            &tail[2..]
        } else {
            let (name, after) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')).ok_or_else(alone)?;
            if name.is_empty() || name.contains('{') {
                return Err(alone());
            }
            pieces.push(Piece::Name(name));
            after
        };
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_in_and_doubled_braces_are_braces() {
        let value =
            |name: &str| [("size", "10"), ("folder", "/x")].into_iter().find(|(n, _)| *n == name).map(|(_, v)| v);
        for (template, filled) in [
            ("", ""),
            ("plain", "plain"),
            ("{size}", "10"),
            ("--out={folder}/{size}.bin", "--out=/x/10.bin"),
            ("{{\"size\": {size}}}", "{\"size\": 10}"),
            ("{{size}}", "{size}"),
            ("é{size}é", "é10é"),
        ] {
            assert_eq!(fill(template, value).as_deref(), Ok(filled), "{template}");
        }
        assert_eq!(placeholders("{a}{{b}}{c}"), Ok(vec!["a", "c"]));
        for alone in ["{", "}", "a{b", "a}b", "{}", "{a{b}", "{{}"] {
            assert_eq!(placeholders(alone), Err(TemplateError::Brace(alone.to_owned())), "{alone}");
        }
        assert_eq!(fill("{colour}", value), Err(TemplateError::Unknown("colour".to_owned())));
        assert_eq!(
            TemplateError::Unknown("colour".into()).to_string(),
            "`{colour}` is nothing that can be put in here"
        );
        assert_eq!(
            TemplateError::Brace("{".into()).to_string(),
            "a brace of `{` stands alone; write {{ or }} for a brace itself"
        );
    }
}
