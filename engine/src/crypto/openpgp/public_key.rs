//! A public key that messages can be encrypted to. It must never be built from a key that is revoked, expired, without a valid
//! signature, or of a kind whose verification an attacker could make slow.

use pgp::composed::{ArmorOptions, Deserializable, MessageBuilder, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::aead::{AeadAlgorithm, ChunkSize};
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, KeyVersion, Tag, Timestamp};
use rand::rngs::OsRng;

use super::armour::unarmour;
use super::packets::{Packets, tag};
use super::{Fingerprint, OpenPgpError};

/// Most bytes of a public key, armour included.
pub const PUBLIC_KEY_LIMIT: usize = 64 << 10;
/// Most packets of a public key: this limits the signatures that are verified.
const MAX_PACKETS: usize = 256;

/// A public key (RFC 9580 section 10.1) that was valid, with a subkey to encrypt to, when it was parsed.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: SignedPublicKey,
    fingerprint: Fingerprint,
    /// Which of the subkeys messages are encrypted to: the newest one that is valid.
    recipient: usize,
}

impl PublicKey {
    /// Parses one key, binary or armoured.
    ///
    /// # Errors
    /// When it is too long, not exactly one public key, or has no encryption subkey that is valid now.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpenPgpError> {
        if bytes.len() > PUBLIC_KEY_LIMIT {
            return Err(OpenPgpError::TooLong { what: "public key", limit: PUBLIC_KEY_LIMIT });
        }
        let binary = unarmour(bytes, "PGP PUBLIC KEY BLOCK", "public key")?;
        let bytes = binary.as_deref().unwrap_or(bytes);
        check_frames(bytes, "public key", tag::PUBLIC_KEY)?;
        let key = SignedPublicKey::from_bytes(bytes)
            .map_err(|_| OpenPgpError::Malformed { what: "public key", why: "its packets cannot be read" })?;
        Self::checked(key, Timestamp::now())
    }

    /// The key in binary. Parts of the original that are not needed for encryption may be missing.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.key.write_len());
        self.key.to_writer(&mut bytes).expect("invariant: writing to memory does not fail");
        bytes
    }

    /// The key in ASCII armour, as other programs import it.
    pub fn armoured(&self) -> String {
        self.key
            .to_armored_string(ArmorOptions::default())
            .expect("invariant: writing to memory does not fail, and armour is ASCII")
    }

    /// The fingerprint of the primary key.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint.clone()
    }

    /// The creation time of the primary key, in seconds since 1970, as recorded in the key. The fingerprint covers it.
    pub fn created(&self) -> u32 {
        self.key.primary_key.created_at().as_secs()
    }

    /// Encrypts a message to this key, binary and with integrity protection: SEIPD version 1 with AES-256 for keys of
    /// version 4, which every OpenPGP program opens; version 2 with AES-256 in OCB mode for keys of version 6. It is not
    /// compressed, so that its length reveals only the length of its content.
    ///
    /// # Errors
    /// When the library cannot encrypt to this kind of key.
    pub fn encrypt(&self, message: &[u8]) -> Result<Vec<u8>, OpenPgpError> {
        let recipient = &self.key.public_subkeys[self.recipient];
        let plain = MessageBuilder::from_bytes("", message.to_vec());
        let sealed = if recipient.key.version() == KeyVersion::V6 {
            let aes = SymmetricKeyAlgorithm::AES256;
            let mut builder = plain.seipd_v2(OsRng, aes, AeadAlgorithm::Ocb, ChunkSize::default());
            builder.encrypt_to_key(OsRng, recipient).map(|_| ()).and_then(|()| builder.to_vec(OsRng))
        } else {
            let mut builder = plain.seipd_v1(OsRng, SymmetricKeyAlgorithm::AES256);
            builder.encrypt_to_key(OsRng, recipient).map(|_| ()).and_then(|()| builder.to_vec(OsRng))
        };
        sealed.map_err(|_| OpenPgpError::Library { what: "encrypt to the key" })
    }

    /// Checks a key at the time `now`.
    pub(super) fn checked(key: SignedPublicKey, now: Timestamp) -> Result<Self, OpenPgpError> {
        let fingerprint = Fingerprint::of(&key.primary_key)?;
        check_primary(&key, now)?;
        let usable = key.public_subkeys.iter().enumerate();
        let (_, recipient) = usable
            .filter_map(|(at, subkey)| Some((bound_since(&key, subkey, now)?, at)))
            .max()
            .ok_or(OpenPgpError::Unusable { why: "it has no encryption subkey that is valid now" })?;
        Ok(Self { key, fingerprint, recipient })
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint)
    }
}

/// Checks that the packets are few, and those of one key, before the library reads them.
pub(super) fn check_frames(bytes: &[u8], what: &'static str, first: u8) -> Result<(), OpenPgpError> {
    let malformed = |why| OpenPgpError::Malformed { what, why };
    for (at, packet) in Packets::new(bytes).enumerate() {
        let packet = packet.map_err(|_| malformed("it is not made of whole packets"))?;
        if at == MAX_PACKETS {
            return Err(malformed("it has more than 256 packets"));
        }
        if (at == 0) != (packet.tag == first) {
            return Err(malformed("it does not consist of one key of its kind"));
        }
        if first == tag::PUBLIC_KEY && packet.tag == tag::SECRET_KEY {
            return Err(malformed("it contains a secret key"));
        }
    }
    if bytes.is_empty() { Err(malformed("it is empty")) } else { Ok(()) }
}

/// Checks that the primary key is self-signed, not revoked and not expired.
fn check_primary(key: &SignedPublicKey, now: Timestamp) -> Result<(), OpenPgpError> {
    let primary = &key.primary_key;
    // The time to verify DSA grows with numbers that the sender chooses.
    let quick = matches!(
        primary.algorithm(),
        PublicKeyAlgorithm::RSA
            | PublicKeyAlgorithm::ECDSA
            | PublicKeyAlgorithm::EdDSALegacy
            | PublicKeyAlgorithm::Ed25519
            | PublicKeyAlgorithm::Ed448
    );
    if !quick {
        return Err(OpenPgpError::Unusable { why: "its primary key is neither RSA nor of an elliptic curve" });
    }
    if key.details.revocation_signatures.iter().any(|signature| signature.verify_key(primary).is_ok()) {
        return Err(OpenPgpError::Unusable { why: "it is revoked" });
    }
    let of_users = key.details.users.iter().flat_map(|user| {
        let own = user.signatures.iter().filter(|signature| signature.typ() != Some(SignatureType::CertRevocation));
        own.filter(|signature| signature.verify_certification(primary, Tag::UserId, &user.id).is_ok())
    });
    let direct = key.details.direct_signatures.iter().filter(|signature| signature.verify_key(primary).is_ok());
    let newest = direct
        .chain(of_users)
        .filter(|signature| in_force(signature, now))
        .max_by_key(|signature| signature.created().map(Timestamp::as_secs))
        .ok_or(OpenPgpError::Unusable { why: "it has no valid self-signature" })?;
    if expired(primary.created_at(), newest, now) {
        return Err(OpenPgpError::Unusable { why: "it is expired" });
    }
    Ok(())
}

/// When the subkey was bound, if messages can be encrypted to it now.
fn bound_since(key: &SignedPublicKey, subkey: &SignedPublicSubKey, now: Timestamp) -> Option<u32> {
    let encrypts = matches!(
        subkey.key.algorithm(),
        PublicKeyAlgorithm::RSA | PublicKeyAlgorithm::ECDH | PublicKeyAlgorithm::X25519 | PublicKeyAlgorithm::X448
    );
    if !encrypts || subkey.key.created_at() > now {
        return None;
    }
    let valid = |signature: &&Signature| signature.verify_subkey_binding(&key.primary_key, &subkey.key).is_ok();
    let (revoking, binding): (Vec<_>, Vec<_>) = subkey
        .signatures
        .iter()
        .filter(valid)
        .partition(|signature| signature.typ() == Some(SignatureType::SubkeyRevocation));
    if !revoking.is_empty() {
        return None;
    }
    let newest = binding
        .into_iter()
        .filter(|signature| in_force(signature, now))
        .max_by_key(|signature| signature.created().map(Timestamp::as_secs))?;
    let flags = newest.key_flags();
    let usable = (flags.encrypt_comms() || flags.encrypt_storage()) && !expired(subkey.key.created_at(), newest, now);
    usable.then(|| newest.created().map(Timestamp::as_secs)).flatten()
}

/// Made in the past, and not expired as a signature.
fn in_force(signature: &Signature, now: Timestamp) -> bool {
    let Some(made) = signature.created() else { return false };
    made <= now && !ended(made, signature.signature_expiration_time(), now)
}

fn expired(created: Timestamp, newest: &Signature, now: Timestamp) -> bool {
    ended(created, newest.key_expiration_time(), now)
}

/// A duration of zero means that there is no end.
fn ended(start: Timestamp, duration: Option<pgp::types::Duration>, now: Timestamp) -> bool {
    let seconds = duration.map_or(0, pgp::types::Duration::as_secs);
    seconds != 0 && u64::from(start.as_secs()) + u64::from(seconds) <= u64::from(now.as_secs())
}
