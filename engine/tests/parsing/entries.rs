//! One plain function for each parser that reads what strangers send: it takes any bytes and panics where a promise is
//! broken. The fuzz targets (`fuzz/`) and the property tests call the same ones. Only public functions are reached, so
//! nothing in the engine is public for their sake.

use std::cell::OnceCell;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use benchline_engine::config::Config;
use benchline_engine::crypto::{
    BlobName, BlobSealer, BlobSettings, Cipher, DocumentSealer, Keys, MIN_CHUNK_SIZE, OpenPgpKey, PUBLIC_KEY_LIMIT,
    Padding, PublicKey, RecoveryDocument, RootSecret, is_encrypted, open_blob, seal_blob,
};
use benchline_engine::document::{DocumentId, ReplicaId, Revision, RevisionOrder, TransactionId};
use benchline_engine::protocol::{
    BATCH_BYTES, BATCH_DOCUMENTS, BlobCount, BlobDigest, BlobFlags, BlobId, BlobList, BlobUsage, Decoder, FlagSet,
    Frame, FrameError, LeaseList, MAX_SEALED, MessageId, MessageList, Namespace, Note, PREAMBLE, Problem, PushLine,
    RegisteredKey, SetState, SyncInfo, UserName, encode_commit, encode_document, encode_end, encode_header,
};
use bytes::BytesMut;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A parser's promises, tried on some bytes.
pub(crate) type Entry = fn(&[u8]);

/// Name and function of each, as the fuzz targets are named.
pub(crate) const ENTRIES: [(&str, Entry); 8] = [
    ("frames", frames),
    ("sealed_blob", sealed_blob),
    ("sealed_document", sealed_document),
    ("recovery", recovery),
    ("names", names),
    ("revision", revision),
    ("json", json),
    ("openpgp", openpgp),
];

/// Streams of frames: however the bytes are cut, the same frames come out; written again, they are the same bytes.
pub(crate) fn frames(bytes: &[u8]) {
    let Some((step, stream)) = bytes.split_first() else { return };
    let whole = decode(stream, stream.len().max(1));
    let pieces = decode(stream, usize::from(*step).max(1));
    assert_eq!(whole, pieces, "the pieces in which a stream arrives change what it says");
    let (frames, end) = whole;
    let mut again = BytesMut::from(&PREAMBLE[..]);
    let (mut size, mut documents) = (0, 0);
    for frame in &frames {
        match frame {
            Frame::Document(document) => {
                assert!(document.sealed.len() <= MAX_SEALED);
                let before = again.len();
                let (id, revision) = (document.id.as_str(), document.revision.to_string());
                encode_document(&mut again, id, &revision, &document.sealed).expect("what was read can be written");
                (size, documents) = (size + again.len() - before, documents + 1);
            }
            Frame::Header(header) => {
                let before = again.len();
                let (id, revision) = (header.id.as_str(), header.revision.to_string());
                let label = header.sealed.last_chunk().expect("a header is a label");
                encode_header(&mut again, id, &revision, label).expect("what was read can be written");
                (size, documents) = (size + again.len() - before, documents + 1);
            }
            Frame::Commit(commit) => {
                assert_eq!(commit.documents, documents);
                assert!(commit.from.generation >= 0 && commit.from.generation <= commit.to.generation);
                encode_commit(&mut again, commit);
                (size, documents) = (0, 0);
            }
            Frame::End => encode_end(&mut again),
        }
        assert!((size <= BATCH_BYTES || documents == 1) && documents <= BATCH_DOCUMENTS);
    }
    assert!(frames.is_empty() || stream.starts_with(&again), "other bytes say the same");
    if end.is_ok() {
        assert_eq!(again, stream, "all of it was read");
    }
}

/// All frames of a stream that arrives in pieces of `step` bytes, and how it ended.
fn decode(stream: &[u8], step: usize) -> (Vec<Frame>, Result<(), FrameError>) {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    for piece in stream.chunks(step) {
        decoder.push(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, decoder.finish())
}

fn keys() -> Keys {
    Keys::derive(&RootSecret::from_bytes([7; 32]))
}

/// Sealed blobs: the bytes are the blob, or a list of alterations of a good one. Only the unaltered blob opens, and what
/// comes out before an error is a beginning of its content.
pub(crate) fn sealed_blob(bytes: &[u8]) {
    let name = BlobName { user: "ana", namespace: "mail", id: "m-1" };
    let mut out = Vec::new();
    open_blob(&keys(), name, bytes, &mut out).expect_err("a stranger's bytes open");
    assert!(out.is_empty(), "unverified bytes came out");

    let content: Vec<u8> = (0..3000u32).map(|n| (n * 31 + n / 251) as u8).collect();
    let settings = BlobSettings { chunk_size: MIN_CHUNK_SIZE, ..BlobSettings::default() };
    let mut good = Vec::new();
    let sealer = BlobSealer::new(&keys(), name, content.len() as u64, settings).expect("it can be sealed");
    seal_blob(sealer, &content[..], &mut good).expect("it can be sealed");
    let altered = alter(&good, bytes);
    out.clear();
    match open_blob(&keys(), name, &altered[..], &mut out) {
        Ok(_) => assert!(altered == good && out == content, "an altered blob opens"),
        Err(_) => assert!(altered != good && content.starts_with(&out), "unverified bytes came out"),
    }
}

/// Sealed documents, as [`sealed_blob`].
pub(crate) fn sealed_document(bytes: &[u8]) {
    let sealer = DocumentSealer::new(&keys(), Cipher::default(), Padding::default());
    sealer.open("D-1", "00000000000000aa:1", bytes.to_vec()).expect_err("a stranger's bytes open");
    let content = &b"{\"subject\":\"hello\",\"from\":\"ada\"}"[..];
    let good = sealer.seal("D-1", "00000000000000aa:1", Some(content)).expect("it can be sealed");
    let altered = alter(&good, bytes);
    match sealer.open("D-1", "00000000000000aa:1", altered.clone()) {
        Ok(opened) => assert!(altered == good && opened.as_deref() == Some(content), "an altered document opens"),
        Err(_) => assert!(altered != good),
    }
}

/// Alters a copy of `good` as a list of four-byte orders says: set, cut, drop, repeat or move bytes.
fn alter(good: &[u8], orders: &[u8]) -> Vec<u8> {
    let mut altered = good.to_vec();
    for order in orders.as_chunks::<4>().0.iter().take(16) {
        let length = altered.len();
        if length == 0 {
            break;
        }
        let at = usize::from(u16::from_be_bytes([order[1], order[2]])) % length;
        let count = usize::from(order[3]).min(length - at);
        match order[0] % 5 {
            0 => altered[at] ^= order[3],
            1 => altered.truncate(at),
            2 => drop(altered.drain(at..at + count)),
            3 => altered.extend_from_within(at..at + count),
            _ => altered[at..].rotate_left(count),
        }
    }
    altered
}

/// Recovery documents: as they are, and with a checksum that fits, as a forger would send them.
pub(crate) fn recovery(bytes: &[u8]) {
    let checked = [bytes, &digest(&SHA256, bytes).as_ref()[..8]].concat();
    for bytes in [bytes, &checked] {
        if let Ok(document) = RecoveryDocument::from_bytes(bytes) {
            assert_eq!(document.to_bytes(), bytes, "it has one spelling");
        }
    }
}

/// Names of users, documents, namespaces, blobs, replicas and transactions, digests and flags: what is taken is harmless
/// and has one spelling.
pub(crate) fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let name = |punctuation: &str, upper: bool, most: usize| {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || (upper && c.is_ascii_uppercase());
        (1..=most).contains(&text.len()) && text.chars().all(|c| good(c) || punctuation.contains(c))
    };
    let hexadecimal =
        |digits: usize| text.len() == digits && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
    let starts_well = |more: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric() || more.contains(c));
    same(UserName::from_str(text), text, name("._-", false, 64) && starts_well(""));
    same(DocumentId::from_str(text), text, name("._-", true, 255));
    let blob = name("._-", true, 255) && starts_well("_");
    same(Namespace::from_str(text).map(|name| name.as_str().to_owned()), text, blob);
    same(BlobId::from_str(text).map(|id| id.as_str().to_owned()), text, blob);
    let message = MessageId::from_str(text).map(|id| id.as_str().to_owned());
    same(message, text, blob && text != "leases");
    same(ReplicaId::from_str(text), text, hexadecimal(16));
    same(TransactionId::from_str(text), text, hexadecimal(32));
    same(BlobDigest::try_from(text.to_owned()), text, hexadecimal(64));
    if let Ok(flags) = BlobFlags::from_str(text) {
        assert_eq!(BlobFlags::from_bits(flags.bits()), flags);
        assert!(text.split(',').all(|word| ["", "pending", "processing", "processed", "failed"].contains(&word)));
    }
}

/// A text is taken exactly where it should be, and reads as it was written.
fn same<T: ToString, E: ToString>(parsed: Result<T, E>, text: &str, expected: bool) {
    match parsed {
        Ok(value) => assert!(expected && value.to_string() == text, "{text:?} is taken"),
        Err(error) => assert!(!expected && !error.to_string().is_empty(), "{text:?} is refused"),
    }
}

/// Revisions, one a line: each has one spelling, and joins of any two include both.
pub(crate) fn revision(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut known: Vec<Revision> = Vec::new();
    for line in text.lines().take(8) {
        let Ok(revision) = Revision::from_str(line) else { continue };
        assert_eq!(revision.to_string(), line, "it has one spelling");
        assert_eq!(revision.compare(&revision), RevisionOrder::Equal);
        for other in &known {
            let order = (revision.includes(other), other.includes(&revision));
            match revision.compare(other) {
                RevisionOrder::Equal => assert_eq!((order, line), ((true, true), other.to_string().as_str())),
                _ => assert_ne!(order, (true, true), "two revisions include each other"),
            }
            if let Ok(joined) = revision.join(other) {
                assert!(joined.includes(&revision) && joined.includes(other));
                assert_eq!(Some(&joined), other.join(&revision).ok().as_ref());
                assert_eq!(Revision::from_str(&joined.to_string()).as_ref(), Ok(&joined));
            }
        }
        known.push(revision);
    }
}

/// Every JSON value that comes from the other side, and settings: what is read, written and read again is the same.
pub(crate) fn json(bytes: &[u8]) {
    again::<Problem>(bytes);
    again::<SyncInfo>(bytes);
    again::<Note>(bytes);
    again::<PushLine>(bytes);
    again::<BlobList>(bytes);
    again::<BlobCount>(bytes);
    again::<BlobUsage>(bytes);
    again::<FlagSet>(bytes);
    again::<LeaseList>(bytes);
    again::<MessageList>(bytes);
    again::<RegisteredKey>(bytes);
    again::<SetState>(bytes);
    again::<Config>(bytes);
}

fn again<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(bytes) {
        let text = serde_json::to_vec(&value).expect("what was read can be written");
        assert_eq!(serde_json::from_slice::<T>(&text).expect("what was written can be read"), value);
    }
}

/// OpenPGP keys and messages: a key that is taken is bounded and says the same when it is written and read again; nothing
/// that was not encrypted to a key opens under it.
pub(crate) fn openpgp(bytes: &[u8]) {
    thread_local! {
        static KEY: OnceCell<OpenPgpKey> = const { OnceCell::new() };
    }
    if let Ok(key) = PublicKey::from_bytes(bytes) {
        assert!(bytes.len() <= PUBLIC_KEY_LIMIT);
        for written in [key.to_bytes(), key.armoured().into_bytes()] {
            let again = PublicKey::from_bytes(&written).expect("what was written can be read");
            assert_eq!(again.fingerprint(), key.fingerprint());
        }
    }
    let _ = OpenPgpKey::from_bytes(bytes);
    let _ = is_encrypted(bytes);
    KEY.with(|key| {
        let key = key.get_or_init(|| OpenPgpKey::generate("ana").expect("a key"));
        assert!(key.decrypt(bytes, 1 << 16).is_err(), "a stranger's bytes open");
    });
}
