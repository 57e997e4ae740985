//! What clients send to the engine's server in the `scale` operations: five actions on blobs of their own, each with the
//! only right answer, what must be stored before, and what proves the result.

use std::collections::BTreeMap;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use benchline_contract::workload::{Content, Message, Workload};

/// Blobs that each client has, where they are not what is sent or deleted: few, as there are up to 200 clients.
const STOCK: u64 = 4;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// A new blob is stored, durably.
    Up,
    /// A blob is fetched.
    Down,
    /// The list of a client's blobs is fetched.
    List,
    /// The marks of a blob are set.
    Flag,
    /// A blob is deleted.
    Delete,
}

impl Action {
    /// All, with their words.
    pub(super) const ALL: [(&'static str, Self); 5] =
        [("up", Self::Up), ("down", Self::Down), ("list", Self::List), ("flag", Self::Flag), ("delete", Self::Delete)];
}

/// The workload of an action. `obeyed` are the parameters that the server has taken; `file` holds `content`.
pub(super) fn workload(
    action: Action,
    obeyed: &[&str],
    clients: Vec<BTreeMap<String, String>>,
    file: &Path,
    content: &[u8],
) -> Workload {
    let file = Content::File(file.to_string_lossy().into_owned());
    let hash = STANDARD.encode(digest(&SHA256, content));
    let put = |blob: &str| Message {
        headers: [("Authorization", "Bearer ${token}".to_owned()), ("Repr-Digest", format!("sha-256=:{hash}:"))]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
        body: Some(file.clone()),
        ..message("PUT", blob, 201)
    };
    let get = |blob: &str| Message { answer: Some(file.clone()), ..message("GET", blob, 200) };
    let (own, stocked) = ("blobs/load/b${k}", "blobs/load/b${k%4}");
    let flags = Content::Text(r#"{"flags":["processed"]}"#.to_owned());
    let mut workload = Workload {
        parameters: obeyed.iter().copied().map(str::to_owned).collect(),
        clients,
        stock: None,
        stock_count: 0,
        before: None,
        timed: Vec::new(),
        after: Vec::new(),
    };
    match action {
        Action::Up => {
            workload.timed = vec![put(own)];
            // The last makes room: a case may store more than a disk holds.
            workload.after = vec![get(own), message("DELETE", own, 204)];
        }
        Action::Down => workload.timed = vec![get(stocked)],
        Action::List => {
            workload.timed = vec![message("GET", "blobs/load", 200)];
            let count = format!(r#"{{"blobs":{STOCK},"bytes":{}}}"#, STOCK * content.len() as u64);
            let count = Some(Content::Text(count));
            workload.after = vec![Message { answer: count, ..message("GET", "blob-counts/load", 200) }];
        }
        Action::Flag => {
            let flags_of = format!("{stocked}/flags");
            workload.timed = vec![Message { body: Some(flags.clone()), ..message("PUT", &flags_of, 204) }];
            workload.after = vec![Message { answer: Some(flags), ..message("GET", &flags_of, 200) }];
        }
        Action::Delete => {
            workload.before = Some(put(own));
            workload.timed = vec![message("DELETE", own, 204)];
            workload.after = vec![message("GET", own, 404)];
        }
    }
    if matches!(action, Action::Down | Action::List | Action::Flag) {
        (workload.stock, workload.stock_count) = (Some(put(own)), STOCK);
    }
    workload
}

/// A request of a client for something of its own.
fn message(method: &str, what: &str, status: u16) -> Message {
    Message {
        weight: 1,
        method: method.to_owned(),
        path: format!("/v1/users/${{user}}/{what}"),
        headers: [("Authorization".to_owned(), "Bearer ${token}".to_owned())].into(),
        body: None,
        status,
        answer: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stock_is_what_the_paths_turn_around() {
        let client = || vec![[("user".to_owned(), "u".to_owned())].into()];
        for (word, action) in Action::ALL {
            let workload = workload(action, &[], client(), Path::new("/content"), b"abc");
            let paths: Vec<&str> = workload.timed.iter().map(|message| message.path.as_str()).collect();
            assert_eq!(workload.stock.is_some(), workload.stock_count > 0, "{word}");
            if paths.iter().any(|path| path.contains("${k%")) {
                assert!(paths.iter().all(|path| path.contains(&format!("${{k%{STOCK}}}"))), "{word}: {paths:?}");
                assert_eq!(workload.stock_count, STOCK, "{word}");
            }
        }
        let put = workload(Action::Up, &[], client(), Path::new("/content"), b"abc").timed.remove(0);
        // SHA-256 of `abc` is the first vector of FIPS 180-2.
        assert_eq!(put.headers["Repr-Digest"], "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:");
    }
}
