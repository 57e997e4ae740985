//! The recovery document: the root secret, wrapped under a passphrase. It is stored on the user's devices and in one slot at
//! the server, so it must be useless without the passphrase, and a malicious server must not be able to make a client spend
//! unbounded memory or time on it.
//!
//! A recovery document, version 1:
//!
//! ```text
//! header = "BLrc" ‖ version (1) ‖ memory in KiB (4) ‖ passes (4) ‖ lanes (4) ‖ salt (16) ‖ nonce (12)
//!          ‖ length of user (1) ‖ user
//! key = Argon2id (RFC 9106, version 0x13) of the passphrase with the salt
//! wrapped = AES-256-GCM(key, nonce, authenticated: header) of the root secret (32, tag 16)
//! document = header ‖ wrapped ‖ the first 8 bytes of SHA-256(header ‖ wrapped)
//! ```
//!
//! Numbers are big-endian. The checksum distinguishes a damaged copy from a wrong passphrase. It protects against accidents;
//! the tag protects against attackers.
//!
//! By design, key derivation takes a tenth of a second and much memory: never call it on a runtime's thread.

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{Aad, Nonce};
use aws_lc_rs::digest::{SHA256, digest};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use super::primitives::{KEY_LEN, Key, NONCE_LEN, TAG_LEN, aead_key, random, take};
use super::{Cipher, RootSecret};

/// Version of the format. History: 1, the first.
const VERSION: u8 = 1;
const MAGIC: [u8; 4] = *b"BLrc";
const SALT_LEN: usize = 16;
const WRAPPED_LEN: usize = KEY_LEN + TAG_LEN;
const CHECKSUM_LEN: usize = 8;
/// Most bytes of a user's name.
const USER_LIMIT: usize = 255;
/// Most bytes of a passphrase: more than a person types, and few enough to hash.
const PASSPHRASE_LIMIT: usize = 4096;
const TRUNCATED: UnlockError = UnlockError::Damaged("it is truncated");

/// The cost of deriving a key from a passphrase: the parameters of Argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes (its parallelism).
    pub lanes: u32,
}

impl Cost {
    /// The highest cost that is accepted of any document: 1 GiB, 16 passes, 8 lanes.
    pub const MAX: Self = Self { memory_kib: 1 << 20, passes: 16, lanes: 8 };

    fn is_in_bounds(self) -> bool {
        self.lanes >= 1
            && self.passes >= 1
            && self.memory_kib / 8 >= self.lanes
            && self.memory_kib <= Self::MAX.memory_kib
            && self.passes <= Self::MAX.passes
            && self.lanes <= Self::MAX.lanes
    }
}

impl Default for Cost {
    /// 64 MiB, 3 passes, 1 lane: as RFC 9106 section 4 recommends where memory is short, but for the lanes, of which
    /// only one would be used.
    fn default() -> Self {
        Self { memory_kib: 64 << 10, passes: 3, lanes: 1 }
    }
}

/// Why a root secret could not be wrapped or unlocked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnlockError {
    /// The document is intact, and the passphrase is wrong.
    #[error("wrong passphrase; try again (a maliciously altered document gives the same error)")]
    WrongPassphrase,
    /// The document is another user's.
    #[error("the recovery document belongs to another user")]
    AnotherUser,
    /// The bytes are not a recovery document, or damaged.
    #[error("invalid recovery document: {0}; fetch it again")]
    Damaged(&'static str),
    /// The format is newer than this program.
    #[error("recovery document of format version {0}, which this program does not support; update it")]
    Version(u8),
    /// The cost is out of bounds.
    #[error("the recovery document requires {0:?}, which is out of bounds (at most {max:?})", max = Cost::MAX)]
    Cost(Cost),
    /// The user's name or the passphrase is empty or too long.
    #[error("the {what} must have 1 to {limit} bytes")]
    Length {
        /// Which one.
        what: &'static str,
        /// Most bytes allowed.
        limit: usize,
    },
    /// The machine does not have the memory that the parameters require.
    #[error("cannot derive a key with {0:?}: not enough memory")]
    Memory(Cost),
}

/// A wrapped root secret, with everything needed to unwrap it except the passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryDocument {
    header: Header,
    wrapped: [u8; WRAPPED_LEN],
}

impl RecoveryDocument {
    /// Wraps a root secret. Use [`Cost::default`] wherever the secret matters.
    ///
    /// # Errors
    /// [`UnlockError`] for a user, passphrase or cost that is out of bounds.
    pub fn create(user: &str, root: &RootSecret, passphrase: &str, cost: Cost) -> Result<Self, UnlockError> {
        check_length("user's name", user, USER_LIMIT)?;
        let header = Header { cost, salt: random(), nonce: random(), user: user.to_owned() };
        let key = header.key(passphrase)?;
        let mut wrapped = [0; WRAPPED_LEN];
        let (secret, tag) = wrapped.split_at_mut(KEY_LEN);
        secret.copy_from_slice(root.as_bytes());
        let sealed = aead_key(Cipher::Aes256Gcm, &key)
            .seal_in_place_separate_tag(header.nonce(), Aad::from(header.to_bytes()), secret)
            .expect("invariant: AES-256-GCM seals 32 bytes");
        tag.copy_from_slice(sealed.as_ref());
        Ok(Self { header, wrapped })
    }

    /// Unwraps the root secret of `user`.
    ///
    /// # Errors
    /// [`UnlockError::WrongPassphrase`], [`UnlockError::AnotherUser`], [`UnlockError::Memory`].
    pub fn unlock(&self, user: &str, passphrase: &str) -> Result<RootSecret, UnlockError> {
        if self.header.user != user {
            return Err(UnlockError::AnotherUser);
        }
        let key = self.header.key(passphrase)?;
        let mut wrapped = Zeroizing::new(self.wrapped);
        let secret = aead_key(Cipher::Aes256Gcm, &key)
            .open_in_place(self.header.nonce(), Aad::from(self.header.to_bytes()), wrapped.as_mut_slice())
            .map_err(|_| UnlockError::WrongPassphrase)?;
        let mut bytes = [0; KEY_LEN];
        bytes.copy_from_slice(secret);
        let root = RootSecret::from_bytes(bytes);
        bytes.zeroize();
        Ok(root)
    }

    /// The same root secret under another passphrase, with a new salt. Sealed documents and blobs are not affected.
    ///
    /// # Errors
    /// As [`Self::unlock`] and [`Self::create`].
    pub fn rewrap(&self, user: &str, old: &str, new: &str, cost: Cost) -> Result<Self, UnlockError> {
        Self::create(user, &self.unlock(user, old)?, new, cost)
    }

    /// The bytes to be stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.header.to_bytes();
        bytes.extend_from_slice(&self.wrapped);
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    /// Parses a document of any origin. No key is derived yet, and the cost is checked.
    ///
    /// # Errors
    /// [`UnlockError::Damaged`], [`UnlockError::Version`], [`UnlockError::Cost`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UnlockError> {
        if !bytes.starts_with(&MAGIC) {
            return Err(UnlockError::Damaged("it does not start with the magic bytes"));
        }
        match bytes.get(MAGIC.len()) {
            Some(&VERSION) => {}
            Some(&version) => return Err(UnlockError::Version(version)),
            None => return Err(TRUNCATED),
        }
        let (body, stored) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(TRUNCATED)?;
        if checksum(body) != *stored {
            return Err(UnlockError::Damaged("its checksum is wrong"));
        }
        let (header, wrapped) = body.split_last_chunk().ok_or(TRUNCATED)?;
        Ok(Self { header: Header::parse(header)?, wrapped: *wrapped })
    }
}

/// The public part.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    cost: Cost,
    salt: [u8; SALT_LEN],
    nonce: [u8; NONCE_LEN],
    user: String,
}

impl Header {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        for number in [self.cost.memory_kib, self.cost.passes, self.cost.lanes] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&self.salt);
        bytes.extend_from_slice(&self.nonce);
        bytes.push(self.user.len() as u8);
        bytes.extend_from_slice(self.user.as_bytes());
        bytes
    }

    /// Parses a header whose magic bytes and version were checked.
    fn parse(bytes: &[u8]) -> Result<Self, UnlockError> {
        let mut rest = bytes.get(MAGIC.len() + 1..).ok_or(TRUNCATED)?;
        let cost = Cost {
            memory_kib: u32::from_be_bytes(take(&mut rest).ok_or(TRUNCATED)?),
            passes: u32::from_be_bytes(take(&mut rest).ok_or(TRUNCATED)?),
            lanes: u32::from_be_bytes(take(&mut rest).ok_or(TRUNCATED)?),
        };
        if !cost.is_in_bounds() {
            return Err(UnlockError::Cost(cost));
        }
        let (salt, nonce) = (take(&mut rest).ok_or(TRUNCATED)?, take(&mut rest).ok_or(TRUNCATED)?);
        let [user_len] = take(&mut rest).ok_or(TRUNCATED)?;
        match std::str::from_utf8(rest) {
            Ok(user) if user.len() == usize::from(user_len) && user_len > 0 => {
                Ok(Self { cost, salt, nonce, user: user.to_owned() })
            }
            _ => Err(UnlockError::Damaged("its user name is invalid")),
        }
    }

    fn nonce(&self) -> Nonce {
        Nonce::assume_unique_for_key(self.nonce)
    }

    /// The key derived from a passphrase.
    fn key(&self, passphrase: &str) -> Result<Key, UnlockError> {
        check_length("passphrase", passphrase, PASSPHRASE_LIMIT)?;
        let cost = self.cost;
        if !cost.is_in_bounds() {
            return Err(UnlockError::Cost(cost));
        }
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY_LEN))
            .map_err(|_| UnlockError::Cost(cost))?;
        let mut key = Key::default();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &self.salt, key.as_mut_slice())
            .map_err(|_| UnlockError::Memory(cost))?;
        Ok(key)
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut checksum = [0; CHECKSUM_LEN];
    checksum.copy_from_slice(&digest(&SHA256, bytes).as_ref()[..CHECKSUM_LEN]);
    checksum
}

fn check_length(what: &'static str, text: &str, limit: usize) -> Result<(), UnlockError> {
    if (1..=limit).contains(&text.len()) { Ok(()) } else { Err(UnlockError::Length { what, limit }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FAST: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

    fn root() -> RootSecret {
        RootSecret::from_bytes([9; 32])
    }

    fn document() -> RecoveryDocument {
        RecoveryDocument::create("ada", &root(), "correct horse", FAST).unwrap()
    }

    #[test]
    fn only_the_right_passphrase_unlocks() {
        let read = RecoveryDocument::from_bytes(&document().to_bytes()).unwrap();
        assert_eq!(read.unlock("ada", "correct horse").unwrap().as_bytes(), root().as_bytes());
        assert_eq!(read.unlock("ada", "correct house").unwrap_err(), UnlockError::WrongPassphrase);
        assert_eq!(read.unlock("eve", "correct horse").unwrap_err(), UnlockError::AnotherUser);
        assert!(matches!(read.unlock("ada", ""), Err(UnlockError::Length { what: "passphrase", .. })));
    }

    /// RFC 9106, section 5.3.
    #[test]
    fn argon2id_is_that_of_rfc_9106() {
        let params = argon2::ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
            .build()
            .unwrap();
        let secret = [3; 8];
        let argon2 = Argon2::new_with_secret(&secret, Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let mut key = [0; 32];
        argon2.hash_password_into(&[1; 32], &[2; 16], &mut key).unwrap();
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
    }

    #[test]
    fn the_default_cost_is_the_documented_one_and_works() {
        assert_eq!(Cost::default(), Cost { memory_kib: 65_536, passes: 3, lanes: 1 });
        let strong = RecoveryDocument::create("ada", &root(), "p", Cost::default()).unwrap();
        assert_eq!(strong.unlock("ada", "p").unwrap().as_bytes(), root().as_bytes());
    }

    #[test]
    fn a_changed_passphrase_keeps_the_secret() {
        let first = document();
        let second = first.rewrap("ada", "correct horse", "battery staple", FAST).unwrap();
        assert_eq!(second.unlock("ada", "battery staple").unwrap().as_bytes(), root().as_bytes());
        assert_eq!(second.unlock("ada", "correct horse").unwrap_err(), UnlockError::WrongPassphrase);
        assert_ne!(first.header.salt, second.header.salt);
        assert_eq!(first.rewrap("ada", "wrong", "new", FAST).unwrap_err(), UnlockError::WrongPassphrase);
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_detected() {
        let bytes = document().to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let refused = RecoveryDocument::from_bytes(&altered).unwrap_err();
            assert!(matches!(refused, UnlockError::Damaged(_) | UnlockError::Version(_)), "bit {bit}: {refused}");
        }
        for length in 0..bytes.len() {
            RecoveryDocument::from_bytes(&bytes[..length]).unwrap_err();
        }
    }

    /// What a malicious server could send: an altered document with a valid checksum.
    fn forged(alter: impl FnOnce(&mut Vec<u8>)) -> Result<RecoveryDocument, UnlockError> {
        let mut bytes = document().to_bytes();
        bytes.truncate(bytes.len() - CHECKSUM_LEN);
        alter(&mut bytes);
        bytes.extend_from_slice(&checksum(&bytes));
        RecoveryDocument::from_bytes(&bytes)
    }

    #[test]
    fn a_forger_cannot_exhaust_the_client() {
        for (at, number) in
            [(5, 0u32), (5, 7), (5, (1 << 20) + 1), (5, u32::MAX), (9, 0), (9, 17), (13, 0), (13, 2), (13, 9)]
        {
            let refused = forged(|bytes| bytes[at..at + 4].copy_from_slice(&number.to_be_bytes())).unwrap_err();
            assert!(matches!(refused, UnlockError::Cost(_)), "{number} at {at}: {refused}");
        }
    }

    #[test]
    fn a_forged_document_unlocks_nothing() {
        // Passes, salt, nonce, user, wrapped secret and tag.
        for at in [12, 17, 33, 46, 49, 96] {
            let forged = forged(|bytes| bytes[at] ^= 2).unwrap();
            let user = forged.header.user.clone();
            assert_eq!(forged.unlock(&user, "correct horse").unwrap_err(), UnlockError::WrongPassphrase, "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut marked = [&MAGIC[..], &[VERSION], &bytes].concat();
            marked.extend_from_slice(&checksum(&marked));
            let _ = RecoveryDocument::from_bytes(&marked);
            RecoveryDocument::from_bytes(&bytes).unwrap_err();
        }
    }
}
