//! Entity tags and conditional requests (RFC 9110, section 13.1). All tags of this server are strong.

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::HeaderMap;
use axum::http::header::{AsHeaderName, IF_MATCH, IF_NONE_MATCH};

use super::refusal::Refusal;

/// The tag of a small content.
pub(super) fn etag(content: &[u8]) -> String {
    let hash = digest(&SHA256, content);
    let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// A header's text; `None` also if it is not valid text.
pub(super) fn header(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a list of entity tags (section 8.8.3) contains this one.
pub(super) fn list_contains(list: &str, tag: &str) -> bool {
    list.trim() == "*" || list.split(',').any(|entry| entry.trim() == tag)
}

/// What a write replaces, if the request must name it: nothing, or a content with one of these tags.
pub(super) struct Replacement(Option<String>);

impl Replacement {
    /// Parses `If-None-Match: *` or `If-Match`, one of which is required.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        match (header(headers, IF_NONE_MATCH), header(headers, IF_MATCH)) {
            (Some("*"), None) => Ok(Self(None)),
            (None, Some(tags)) => Ok(Self(Some(tags.to_owned()))),
            _ => Err(Refusal::PreconditionRequired),
        }
    }

    /// Whether the write may only create.
    pub(super) fn is_first(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the write may replace `existing`.
    pub(super) fn allows(&self, existing: Option<&[u8]>) -> bool {
        match (existing, &self.0) {
            (None, None) => true,
            (Some(existing), Some(tags)) => list_contains(tags, &etag(existing)),
            _ => false,
        }
    }
}

/// The conditions of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions {
    if_match: Option<String>,
    if_none_match: Option<String>,
}

impl Conditions {
    /// Parses the headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name| header(headers, name).map(str::to_owned);
        Self { if_match: text(IF_MATCH), if_none_match: text(IF_NONE_MATCH) }
    }

    /// Whether `If-Match` holds for a content with this tag, or for none.
    pub(super) fn if_match(&self, tag: Option<&str>) -> bool {
        self.if_match.as_deref().is_none_or(|list| tag.is_some_and(|tag| list_contains(list, tag)))
    }

    /// Whether `If-None-Match` holds for a content with this tag, or for none. Tags are compared weakly, as the RFC requires.
    pub(super) fn if_none_match(&self, tag: Option<&str>) -> bool {
        let Some((list, tag)) = self.if_none_match.as_deref().zip(tag) else { return true };
        list.trim() != "*" && !list.split(',').any(|entry| entry.trim().trim_start_matches("W/") == tag)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn conditions(name: &'static str, list: &'static str) -> Conditions {
        Conditions::of(&HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(list))]))
    }

    #[test]
    fn lists_of_tags_are_parsed() {
        assert!(
            list_contains("*", "\"a\"") && list_contains("\"a\"", "\"a\"") && list_contains("\"b\" , \"a\"", "\"a\"")
        );
        assert!(!list_contains("\"b\"", "\"a\"") && !list_contains("a", "\"a\"") && !list_contains("W/\"a\"", "\"a\""));
    }

    #[test]
    fn conditions_are_those_of_rfc_9110() {
        let tag = Some("\"a\"");
        let free = Conditions::default();
        assert!(free.if_match(None) && free.if_match(tag) && free.if_none_match(None) && free.if_none_match(tag));
        let any = conditions("if-match", "*");
        assert!(any.if_match(tag) && !any.if_match(None));
        let other = conditions("if-match", "\"b\"");
        assert!(!other.if_match(tag) && !other.if_match(None));
        let none = conditions("if-none-match", "*");
        assert!(none.if_none_match(None) && !none.if_none_match(tag));
        let known = conditions("if-none-match", "\"b\", W/\"a\"");
        assert!(known.if_none_match(None) && !known.if_none_match(tag) && known.if_none_match(Some("\"c\"")));
    }
}
