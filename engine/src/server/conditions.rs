//! Entity tags and the headers that name them (RFC 9110, section 13.1). All of ours are strong.

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::HeaderMap;
use axum::http::header::{AsHeaderName, IF_MATCH, IF_NONE_MATCH};

use super::refusal::Refusal;

/// The tag of something small that is stored as a whole.
pub(super) fn etag(content: &[u8]) -> String {
    let hash = digest(&SHA256, content);
    let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// A header's text; `None` also where it is no text.
pub(super) fn header(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a list of entity tags (section 8.8.3) names this one.
pub(super) fn names(list: &str, tag: &str) -> bool {
    list.trim() == "*" || list.split(',').any(|entry| entry.trim() == tag)
}

/// What a write replaces, where it must say so: nothing, or what one of these tags names.
pub(super) struct Replaces(Option<String>);

impl Replaces {
    /// What the headers say, `If-None-Match: *` or `If-Match`.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        match (header(headers, IF_NONE_MATCH), header(headers, IF_MATCH)) {
            (Some("*"), None) => Ok(Self(None)),
            (None, Some(tags)) => Ok(Self(Some(tags.to_owned()))),
            _ => Err(Refusal::PreconditionRequired),
        }
    }

    /// Whether nothing may be there.
    pub(super) fn is_first(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this may be replaced.
    pub(super) fn allows(&self, present: Option<&[u8]>) -> bool {
        match (present, &self.0) {
            (None, None) => true,
            (Some(present), Some(tags)) => names(tags, &etag(present)),
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
    /// Those in these headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let own = |name| header(headers, name).map(str::to_owned);
        Self { if_match: own(IF_MATCH), if_none_match: own(IF_NONE_MATCH) }
    }

    /// Whether what is there, if anything, is what `If-Match` names.
    pub(super) fn matches(&self, tag: Option<&str>) -> bool {
        self.if_match.as_deref().is_none_or(|list| tag.is_some_and(|tag| names(list, tag)))
    }

    /// Whether what is there, if anything, is not what `If-None-Match` names. Tags are compared weakly, as it wants.
    pub(super) fn is_news(&self, tag: Option<&str>) -> bool {
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
    fn lists_of_tags_are_read() {
        assert!(names("*", "\"a\"") && names("\"a\"", "\"a\"") && names("\"b\" , \"a\"", "\"a\""));
        assert!(!names("\"b\"", "\"a\"") && !names("a", "\"a\"") && !names("W/\"a\"", "\"a\""));
    }

    #[test]
    fn conditions_are_those_of_rfc_9110() {
        let tag = Some("\"a\"");
        let free = Conditions::default();
        assert!(free.matches(None) && free.matches(tag) && free.is_news(None) && free.is_news(tag));
        let any = conditions("if-match", "*");
        assert!(any.matches(tag) && !any.matches(None));
        let other = conditions("if-match", "\"b\"");
        assert!(!other.matches(tag) && !other.matches(None));
        let none = conditions("if-none-match", "*");
        assert!(none.is_news(None) && !none.is_news(tag));
        let known = conditions("if-none-match", "\"b\", W/\"a\"");
        assert!(known.is_news(None) && !known.is_news(tag) && known.is_news(Some("\"c\"")));
    }
}
