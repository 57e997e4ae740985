//! What documents say: read from files, shown as JSON, in all their versions.

use std::{
    fs::File,
    io::{Read, stdin},
    path::Path,
};

use anyhow::{Context as _, ensure};
use benchline_engine::{
    document::{Document, DocumentId, MAX_CONTENT},
    store::Replica,
};
use serde_json::{Value, json};

/// What a document shall say, as far as one may.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    let read = if file == Path::new("-") {
        read_up_to(stdin(), &mut content)
    } else {
        File::open(file).and_then(|file| read_up_to(file, &mut content))
    };
    read.with_context(|| format!("{} cannot be read", file.display()))?;
    ensure!(
        content.len() <= MAX_CONTENT,
        "{} has more than {MAX_CONTENT} bytes: store it as a blob with `benchline-engine put`",
        file.display()
    );
    Ok(content)
}

fn read_up_to(from: impl Read, content: &mut Vec<u8>) -> std::io::Result<usize> {
    from.take(MAX_CONTENT as u64 + 1).read_to_end(content)
}

/// A document with its content: JSON as such, other text as a string, other bytes in hexadecimal digits.
pub(super) fn as_json(document: &Document) -> Value {
    let mut value = json!({
        "id": document.id.as_str(), "revision": document.revision.to_string(), "deleted": document.content.is_none(),
    });
    if let Some(content) = &document.content {
        let (name, content) = match (serde_json::from_slice::<Value>(content), std::str::from_utf8(content)) {
            (Ok(json), _) => ("json", json),
            (Err(_), Ok(text)) => ("text", text.into()),
            (Err(_), Err(_)) => ("hex", content.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()),
        };
        value[name] = content;
    }
    value
}

/// All versions of a document: the current one, then the others by their revisions.
pub(super) async fn versions(replica: &Replica, id: &DocumentId) -> anyhow::Result<Vec<Document>> {
    let current = replica.get(id).await?;
    let current = current.with_context(|| format!("there is no document {id} on this device"))?;
    let mut others = replica.conflicts(id).await?;
    others.sort_by_key(|version| version.revision.to_string());
    Ok(std::iter::once(current).chain(others).collect())
}
