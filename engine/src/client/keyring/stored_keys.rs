//! The document with the keys, as stored: JSON in exactly one form for one set of keys, so that devices that merge the same
//! keys write the same bytes. Keys stay wrapped here.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::KeyRingError;
use crate::crypto::Fingerprint;

/// The format. History: 1, the first.
const VERSION: u8 = 1;

/// Most keys of a user. More than one exist only where devices created a ring before they synchronised.
const MAX_KEYS: usize = 64;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u8,
    keys: Vec<WrittenKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
    fingerprint: String,
    /// In base64.
    wrapped: String,
}

/// Wrapped keys by fingerprint.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct StoredKeys(BTreeMap<Fingerprint, Vec<u8>>);

impl StoredKeys {
    /// Those in one version of the document.
    pub(super) fn parse(content: &[u8]) -> Result<Self, KeyRingError> {
        let damaged = |why: String| KeyRingError::Damaged(why);
        let written: Written = serde_json::from_slice(content).map_err(|error| damaged(error.to_string()))?;
        if written.version != VERSION {
            return Err(damaged(format!("its version is {}", written.version)));
        }
        if written.keys.len() > MAX_KEYS {
            return Err(damaged(format!("it has more than {MAX_KEYS} keys")));
        }
        let keys = written.keys.into_iter().map(|key| {
            let wrapped = STANDARD.decode(key.wrapped).map_err(|_| damaged("a key is not valid base64".to_owned()))?;
            Ok((key.fingerprint.parse().map_err(|_| damaged("a fingerprint is invalid".to_owned()))?, wrapped))
        });
        keys.collect::<Result<_, _>>().map(Self)
    }

    /// Adds the keys of another version. Of two wrappings of one key the smaller one stays, on every device.
    pub(super) fn merge(&mut self, other: Self) {
        for (fingerprint, wrapped) in other.0 {
            self.insert(fingerprint, wrapped);
        }
    }

    pub(super) fn insert(&mut self, fingerprint: Fingerprint, wrapped: Vec<u8>) {
        let current = self.0.entry(fingerprint).or_insert_with(|| wrapped.clone());
        if wrapped < *current {
            *current = wrapped;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Fingerprint, &[u8])> {
        self.0.iter().map(|(fingerprint, wrapped)| (fingerprint, &wrapped[..]))
    }

    pub(super) fn to_content(&self) -> Result<Vec<u8>, KeyRingError> {
        let written = |(fingerprint, wrapped): (&Fingerprint, &[u8])| WrittenKey {
            fingerprint: fingerprint.to_string(),
            wrapped: STANDARD.encode(wrapped),
        };
        let written = Written { version: VERSION, keys: self.iter().map(written).collect() };
        serde_json::to_vec(&written).map_err(|error| KeyRingError::Damaged(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[(u8, u8)]) -> StoredKeys {
        let mut keys = StoredKeys::default();
        for (name, wrapped) in names {
            keys.insert(format!("{name:02x}").repeat(20).parse().unwrap(), vec![*wrapped]);
        }
        keys
    }

    #[test]
    fn merging_is_commutative_and_loses_no_key() {
        let (one, other) = (keys(&[(1, 5), (2, 7)]), keys(&[(2, 6), (3, 1)]));
        let (mut forwards, mut backwards) = (one.clone(), other.clone());
        forwards.merge(other);
        backwards.merge(one);
        assert_eq!(forwards, keys(&[(1, 5), (2, 6), (3, 1)]));
        assert_eq!(forwards.to_content().unwrap(), backwards.to_content().unwrap());
        assert_eq!(StoredKeys::parse(&forwards.to_content().unwrap()).unwrap(), forwards);
    }

    #[test]
    fn unknown_formats_are_rejected() {
        for wrong in [
            "",
            "{}",
            r#"{"version":2,"keys":[]}"#,
            r#"{"version":1,"keys":[{"fingerprint":"00","wrapped":""}]}"#,
            r#"{"version":1,"keys":[],"more":1}"#,
        ] {
            assert!(matches!(StoredKeys::parse(wrong.as_bytes()), Err(KeyRingError::Damaged(_))), "{wrong}");
        }
    }
}
