//! Test vectors of another implementation (`tests/vectors/make.py`). These tests only read the vectors.

use benchline_engine::crypto::{
    BlobName, BlobOpener, BlobSealer, Cipher, DatabaseKey, DocumentSealer, Keys, OpenPgpKey, Padding, RecoveryDocument,
    RootSecret, UnlockError, open_blob,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct KeyVector {
    root: String,
    database_pragma: String,
    openpgp: String,
}

#[derive(Deserialize)]
struct Documents {
    root: String,
    good: Vec<GoodDocument>,
    bad: Vec<BadDocument>,
}

#[derive(Deserialize)]
struct GoodDocument {
    cipher: Cipher,
    padding: Padding,
    id: String,
    revision: String,
    content: Option<String>,
    sealed: String,
}

#[derive(Deserialize)]
struct BadDocument {
    why: String,
    id: String,
    revision: String,
    sealed: String,
}

#[derive(Deserialize)]
struct Blobs {
    root: String,
    user: String,
    namespace: String,
    id: String,
    chunk_size: u32,
    good: Vec<GoodBlob>,
    bad: Vec<BadBlob>,
}

#[derive(Deserialize)]
struct GoodBlob {
    cipher: Cipher,
    padding: Padding,
    content: String,
    sealed: String,
}

#[derive(Deserialize)]
struct BadBlob {
    why: String,
    sealed: String,
}

#[derive(Deserialize)]
struct Recoveries {
    root: String,
    good: Vec<Recovery>,
}

#[derive(Deserialize)]
struct Recovery {
    user: String,
    passphrase: String,
    document: String,
}

#[derive(Deserialize)]
struct WrappedKeys {
    root: String,
    fingerprint: String,
    wrapped: String,
    message: String,
    content: String,
    bad: Vec<BadWrapping>,
}

#[derive(Deserialize)]
struct BadWrapping {
    why: String,
    wrapped: String,
}

fn vectors<T: DeserializeOwned>(name: &str) -> T {
    let path = format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn keys(root: &str) -> Keys {
    Keys::derive(&RootSecret::from_bytes(bytes(root).try_into().unwrap()))
}

#[test]
fn keys_match_the_vectors() {
    let vector: KeyVector = vectors("keys");
    let keys = keys(&vector.root);
    assert_eq!(*DatabaseKey::pragma(&keys.database), vector.database_pragma);
    assert_eq!(keys.openpgp.as_bytes().to_vec(), bytes(&vector.openpgp));
}

#[test]
fn sealed_documents_of_the_vectors_open() {
    for version in ["documents", "documents-1"] {
        let vectors: Documents = vectors(version);
        for vector in vectors.good {
            let sealer = DocumentSealer::new(&keys(&vectors.root), vector.cipher, vector.padding);
            let (content, sealed) = (vector.content.as_deref().map(bytes), bytes(&vector.sealed));
            let (id, revision) = (&vector.id, &vector.revision);
            if version == "documents" {
                // Nonces are random, so only the length of what is sealed here can be compared.
                assert_eq!(sealer.seal(id, revision, content.as_deref()).unwrap().len(), sealed.len());
                let said = sealer.open_label(id, revision, sealed.last_chunk().unwrap()).unwrap();
                assert_eq!(said, content.as_ref().map(Vec::len));
            }
            assert_eq!(sealer.open(id, revision, sealed).unwrap(), content);
        }
    }
}

#[test]
fn invalid_documents_of_the_vectors_are_rejected() {
    for version in ["documents", "documents-1"] {
        let vectors: Documents = vectors(version);
        let sealer = DocumentSealer::new(&keys(&vectors.root), Cipher::Aes256Gcm, Padding::Padme);
        for vector in vectors.bad {
            let opened = sealer.open(&vector.id, &vector.revision, bytes(&vector.sealed));
            assert!(opened.is_err(), "{}", vector.why);
        }
    }
}

#[test]
fn sealed_blobs_of_the_vectors_open_and_are_reproduced() {
    let vectors: Blobs = vectors("blobs");
    let keys = keys(&vectors.root);
    let name = BlobName { user: &vectors.user, namespace: &vectors.namespace, id: &vectors.id };
    for vector in vectors.good {
        let (content, sealed) = (bytes(&vector.content), bytes(&vector.sealed));
        let mut opened = Vec::new();
        open_blob(&keys, name, &sealed[..], &mut opened).unwrap();
        assert_eq!(opened, content);

        let mut ours = sealed[..name.prelude_len()].to_vec();
        let mut sealer = BlobSealer::resume(&keys, name, ours.clone(), 0).unwrap();
        let (mut rest, mut chunk) = (&content[..], Vec::new());
        while let Some(length) = sealer.next_len() {
            let (now, later) = rest.split_at(length);
            rest = later;
            sealer.seal_next_from(now, &mut chunk).unwrap();
            ours.extend_from_slice(&chunk);
        }
        assert_eq!(ours, sealed);

        let settings = benchline_engine::crypto::BlobSettings {
            cipher: vector.cipher,
            chunk_size: vectors.chunk_size,
            padding: vector.padding,
        };
        let fresh = BlobSealer::new(&keys, name, content.len() as u64, settings).unwrap();
        let opener = BlobOpener::new(&keys, name, &sealed[..name.prelude_len()]).unwrap();
        assert_eq!(fresh.layout(), opener.layout());
        assert_eq!(fresh.layout().sealed_len(), sealed.len() as u64);
    }
}

#[test]
fn invalid_blobs_of_the_vectors_are_rejected() {
    let vectors: Blobs = vectors("blobs");
    let name = BlobName { user: &vectors.user, namespace: &vectors.namespace, id: &vectors.id };
    for vector in vectors.bad {
        let opened = open_blob(&keys(&vectors.root), name, &bytes(&vector.sealed)[..], std::io::sink());
        assert!(opened.is_err(), "{}", vector.why);
    }
}

#[test]
fn recovery_documents_of_the_vectors_unlock() {
    let vectors: Recoveries = vectors("recovery");
    let expected = keys(&vectors.root).database.pragma();
    for vector in vectors.good {
        let document = RecoveryDocument::from_bytes(&bytes(&vector.document)).unwrap();
        assert_eq!(document.to_bytes(), bytes(&vector.document));
        let root = document.unlock(&vector.user, &vector.passphrase).unwrap();
        assert_eq!(Keys::derive(&root).database.pragma(), expected, "{}", vector.user);
        assert_eq!(document.unlock(&vector.user, "something else").unwrap_err(), UnlockError::WrongPassphrase);
    }
}

#[test]
fn a_wrapped_key_pair_of_the_vectors_decrypts_its_message() {
    let vector: WrappedKeys = vectors("openpgp");
    let wrapping = keys(&vector.root).openpgp;
    let key = OpenPgpKey::unwrap(&bytes(&vector.wrapped), &wrapping).unwrap();
    assert_eq!(key.fingerprint().to_string(), vector.fingerprint);
    assert_eq!(key.decrypt(&bytes(&vector.message), 100).unwrap().content, bytes(&vector.content));
    assert_eq!(key.wrap(&wrapping).len(), bytes(&vector.wrapped).len());
    for bad in vector.bad {
        assert!(OpenPgpKey::unwrap(&bytes(&bad.wrapped), &wrapping).is_err(), "{}", bad.why);
    }
}
