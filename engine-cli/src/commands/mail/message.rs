//! A message as lists and JSON show it. It is a stranger's: nothing of it may reach a terminal as it is.

use benchline_engine::client::{StoredBody, StoredMessage};
use serde_json::{Value, json};

use crate::output::size;

/// The beginning of the ids of the documents that messages become.
pub(super) const PREFIX: &str = "M-";

/// Characters of a header that are shown.
const SHOWN: usize = 60;

/// What of a message is shown in lists.
pub(super) fn columns(message: &StoredMessage) -> [String; 4] {
    let header = |name| header(message, name).unwrap_or_default();
    [message.message.as_str().to_owned(), size(message.length), header("From"), header("Subject")]
}

pub(super) fn as_json(message: &StoredMessage) -> Value {
    json!({
        "message": message.message.as_str(), "length": message.length, "sha256": message.sha256, "signed": message.signed,
        "from": header(message, "From"), "subject": header(message, "Subject"),
    })
}

/// The first line of a header, if the message is a short text that has it.
fn header(message: &StoredMessage, name: &str) -> Option<String> {
    let StoredBody::Text(text) = &message.body else { return None };
    let mut head = text.lines().take_while(|line| !line.is_empty());
    let value = head.find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })?;
    Some(harmless(value.trim()).chars().take(SHOWN).collect())
}

/// A text without what moves a terminal's cursor, or worse.
pub(super) fn harmless(text: &str) -> String {
    let replaced = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    text.chars().map(|character| if replaced(character) { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_shown_without_what_a_terminal_obeys() {
        let message = |text: &str| StoredMessage {
            version: 1,
            message: "m-1".parse().unwrap(),
            signed: false,
            length: 0,
            sha256: String::new(),
            body: StoredBody::Text(text.to_owned()),
        };
        let mail = message("from: Ben\r\nSubject: \u{1b}[2J Tea\r\n\r\nSubject: not this\r\n");
        assert_eq!(header(&mail, "From").as_deref(), Some("Ben"));
        assert_eq!(header(&mail, "Subject").as_deref(), Some("\u{fffd}[2J Tea"));
        assert_eq!(header(&message("\nSubject: in the body"), "Subject"), None);
        assert_eq!(harmless("a\tb\nc\rd\u{9b}e"), "a\tb\nc\u{fffd}d\u{fffd}e");
    }
}
