//! The key pair of a user. Its secret part is zeroised when dropped, and must leave this room only through `to_bytes`, whose
//! result is to be sealed at once.

use std::fmt;

use pgp::composed::SubkeyParamsBuilder;
use pgp::composed::{Deserializable, EncryptionCaps, KeyType, SecretKeyParamsBuilder, SignedSecretKey};
use pgp::crypto::ecc_curve::ECCCurve;
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::ser::Serialize;
use pgp::types::{CompressionAlgorithm, KeyVersion, Timestamp};
use rand::rngs::OsRng;
use zeroize::Zeroizing;

use super::message::{self, Decrypted};
use super::packets::tag;
use super::public_key::check_frames;
use super::{Fingerprint, OpenPgpError, PublicKey};

/// Most bytes of a stored key pair.
const LIMIT: usize = 64 << 10;
/// Most bytes of a user id.
const USER_ID_LIMIT: usize = 255;

/// A key pair: an Ed25519 key that signs and certifies, and an X25519 subkey that messages are encrypted to. It is of
/// version 4 and in the formats of RFC 4880 and RFC 6637, so that GnuPG 2.2 can use both halves of it.
pub struct OpenPgpKey {
    key: SignedSecretKey,
    public: PublicKey,
}

impl OpenPgpKey {
    /// A new key pair. `user_id` identifies its owner for people, by convention `Name <address>`.
    ///
    /// # Errors
    /// When the user id is empty, longer than 255 bytes, or has control characters.
    pub fn generate(user_id: &str) -> Result<Self, OpenPgpError> {
        if user_id.is_empty() || user_id.len() > USER_ID_LIMIT || user_id.chars().any(char::is_control) {
            return Err(OpenPgpError::Malformed {
                what: "user id",
                why: "it must be 1 to 255 bytes of printable text",
            });
        }
        let failed = |what| OpenPgpError::Library { what };
        let mut subkey = SubkeyParamsBuilder::default();
        subkey
            .version(KeyVersion::V4)
            .key_type(KeyType::ECDH(ECCCurve::Curve25519Legacy))
            .can_encrypt(EncryptionCaps::All);
        let subkey = subkey.build().map_err(|_| failed("describe a subkey"))?;
        let mut primary = SecretKeyParamsBuilder::default();
        primary
            .version(KeyVersion::V4)
            .key_type(KeyType::Ed25519Legacy)
            .can_certify(true)
            .can_sign(true)
            .can_encrypt(EncryptionCaps::None)
            .primary_user_id(user_id.to_owned())
            .preferred_symmetric_algorithms(
                [SymmetricKeyAlgorithm::AES256, SymmetricKeyAlgorithm::AES192, SymmetricKeyAlgorithm::AES128][..]
                    .into(),
            )
            .preferred_hash_algorithms([HashAlgorithm::Sha512, HashAlgorithm::Sha256][..].into())
            // With compression, the length of a message would reveal something about its content.
            .preferred_compression_algorithms([CompressionAlgorithm::Uncompressed][..].into())
            .subkeys(vec![subkey]);
        let primary = primary.build().map_err(|_| failed("describe a key pair"))?;
        Self::checked(primary.generate(OsRng).map_err(|_| failed("generate a key pair"))?)
    }

    /// The whole key pair in binary (a transferable secret key), its secret part not encrypted: to be sealed at once.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.key.write_len()));
        self.key.to_writer(&mut *bytes).expect("invariant: writing to memory does not fail");
        bytes
    }

    /// Parses the result of `to_bytes`, or another program's secret key without a passphrase.
    ///
    /// # Errors
    /// When it is too long, not exactly one secret key, locked by a passphrase, or cannot receive messages now.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpenPgpError> {
        if bytes.len() > LIMIT {
            return Err(OpenPgpError::TooLong { what: "secret key", limit: LIMIT });
        }
        check_frames(bytes, "secret key", tag::SECRET_KEY)?;
        let key = SignedSecretKey::from_bytes(bytes)
            .map_err(|_| OpenPgpError::Malformed { what: "secret key", why: "its packets cannot be read" })?;
        Self::checked(key)
    }

    /// The public part.
    pub fn public(&self) -> PublicKey {
        self.public.clone()
    }

    /// The fingerprint of the primary key.
    pub fn fingerprint(&self) -> Fingerprint {
        self.public.fingerprint()
    }

    /// Decrypts a message that is encrypted to this key, armoured or binary, compressed or not, signed or not. It needs time
    /// and several times the memory of the message, so it belongs on a thread that may block.
    ///
    /// # Errors
    /// When the message is not encrypted with integrity protection, not to this key, altered, or has more than `limit`
    /// bytes of content.
    pub fn decrypt(&self, message: &[u8], limit: usize) -> Result<Decrypted, OpenPgpError> {
        message::decrypt(&self.key, message, limit)
    }

    fn checked(key: SignedSecretKey) -> Result<Self, OpenPgpError> {
        let locked = key.secret_subkeys.iter().any(|subkey| subkey.key.secret_params().is_encrypted());
        if locked || key.secret_subkeys.is_empty() {
            return Err(OpenPgpError::Unusable { why: "it has no secret subkey without a passphrase" });
        }
        let public = PublicKey::checked(key.to_public_key(), Timestamp::now())?;
        Ok(Self { key, public })
    }
}

/// Decrypts a message with whichever of `keys` it is encrypted to, as [`OpenPgpKey::decrypt`].
///
/// # Errors
/// As there.
pub fn decrypt_with_any(keys: &[OpenPgpKey], message: &[u8], limit: usize) -> Result<Decrypted, OpenPgpError> {
    let mut outcome = Err(OpenPgpError::AnotherKey);
    for key in keys {
        outcome = key.decrypt(message, limit);
        if outcome != Err(OpenPgpError::AnotherKey) {
            break;
        }
    }
    outcome
}

impl fmt::Debug for OpenPgpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenPgpKey({})", self.fingerprint())
    }
}
