//! Encrypted messages: recognised, decrypted, and unpacked from the layers inside. It must never follow more layers, try more
//! recipients or produce more bytes than its limits allow, and never evaluate a signature: verifying the sender is up to the
//! mail program.

use std::io::Read;

use pgp::composed::{DecryptionOptions, Esk, Message, PlainSessionKey, SignedSecretKey};
use pgp::packet::Decompressor;
use pgp::types::{DecryptionKey, EskType, Password, PkeskVersion, Seipdv1ReadMode};

use super::OpenPgpError;
use super::armour::unarmour;
use super::packets::{Packet, Packets, tag};

/// Most recipients of a message. Each may cost an elliptic-curve operation.
const MAX_RECIPIENTS: usize = 256;
/// Most nested compressed packets. GnuPG writes one.
const MAX_LAYERS: usize = 4;

/// The content of an encrypted message.
#[derive(Clone, PartialEq, Eq)]
pub struct Decrypted {
    /// The content, as the sender wrote it.
    pub content: Vec<u8>,
    /// Whether it is also signed. The signature is not verified: it proves nothing about the sender.
    pub signed: bool,
}

impl std::fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decrypted {{ {} bytes, signed: {} }}", self.content.len(), self.signed)
    }
}

/// Whether the whole of `message`, armoured or binary, is one OpenPGP message that is encrypted to a public key with
/// integrity protection, by its frames: session keys, one protected packet (SEIPD), and nothing before or after. Packets
/// without integrity protection do not count, nor does a message encrypted only to passwords, which no key decrypts.
pub fn is_encrypted(message: &[u8]) -> bool {
    matches!(binary(message), Ok(bytes) if check_frames(&bytes).is_ok())
}

/// Decrypts a message with a key, to at most `limit` bytes of content.
pub(super) fn decrypt(key: &SignedSecretKey, message: &[u8], limit: usize) -> Result<Decrypted, OpenPgpError> {
    let bytes = binary(message)?;
    check_frames(&bytes)?;
    let packets = open(key, &bytes)?;
    drop(bytes);
    content(packets, limit)
}

fn binary(message: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>, OpenPgpError> {
    Ok(match unarmour(message, "PGP MESSAGE", "message")? {
        Some(bytes) => bytes.into(),
        None => message.into(),
    })
}

/// Checks that the packets are those of an encrypted message, before any of them is used.
fn check_frames(bytes: &[u8]) -> Result<(), OpenPgpError> {
    let (mut recipients, mut session_keys, mut protected) = (0, 0, false);
    for packet in Packets::new(bytes) {
        let packet = packet.map_err(|_| OpenPgpError::NotProtected)?;
        match packet.tag {
            _ if protected => return Err(OpenPgpError::NotProtected),
            tag::PUBLIC_KEY_SESSION_KEY => (recipients, session_keys) = (recipients + 1, session_keys + 1),
            tag::PASSWORD_SESSION_KEY => session_keys += 1,
            tag::PROTECTED => protected = true,
            tag::MARKER | tag::PADDING => {}
            _ => return Err(OpenPgpError::NotProtected),
        }
        if session_keys > MAX_RECIPIENTS {
            return Err(OpenPgpError::Malformed { what: "message", why: "it has more than 256 recipients" });
        }
    }
    if protected && recipients > 0 { Ok(()) } else { Err(OpenPgpError::NotProtected) }
}

/// The packets inside the protected one, after its integrity check.
fn open(key: &SignedSecretKey, bytes: &[u8]) -> Result<Vec<u8>, OpenPgpError> {
    let malformed = OpenPgpError::Malformed { what: "message", why: "its encrypted packets cannot be read" };
    let Ok(Message::Encrypted { esk, mut edata, .. }) = Message::from_bytes(bytes) else {
        return Err(malformed);
    };
    let session_key = session_key(key, &esk).ok_or(OpenPgpError::AnotherKey)?;
    let whole = Seipdv1ReadMode::CheckFirst { max_message_size: bytes.len() };
    edata
        .decrypt_with_options(&session_key, DecryptionOptions::new().set_seipdv1_read_mode(whole))
        .map_err(|_| OpenPgpError::Unverified)?;
    let mut packets = Vec::with_capacity(bytes.len());
    edata.read_to_end(&mut packets).map_err(|_| OpenPgpError::Unverified)?;
    Ok(packets)
}

/// The first session key that one of the subkeys decrypts. The primary key only signs.
fn session_key(key: &SignedSecretKey, recipients: &[Esk]) -> Option<PlainSessionKey> {
    recipients.iter().find_map(|recipient| {
        let Esk::PublicKeyEncryptedSessionKey(recipient) = recipient else { return None };
        let kind = match recipient.version() {
            PkeskVersion::V3 => EskType::V3_4,
            PkeskVersion::V6 => EskType::V6,
            PkeskVersion::Other(_) => return None,
        };
        let values = recipient.values().ok()?;
        let matching = key.secret_subkeys.iter().filter(|subkey| recipient.match_identity(subkey.key.public_key()));
        matching.filter_map(|subkey| subkey.key.decrypt(&Password::empty(), values, kind).ok()?.ok()).next()
    })
}

/// The literal packet in `packets`, decompressed.
pub(super) fn content(mut packets: Vec<u8>, limit: usize) -> Result<Decrypted, OpenPgpError> {
    // Room for frames and signatures around the content: parts of at least 512 bytes, as RFC 9580 section 4.2.1.4 requires,
    // need one byte in 512.
    let layer_limit = limit.saturating_add(limit / 128).saturating_add(64 << 10);
    let mut signed = false;
    for _ in 0..=MAX_LAYERS {
        let inner = only_packet(&packets, &mut signed)?;
        let body = inner.body();
        if inner.tag == tag::LITERAL {
            return Ok(Decrypted { content: literal(&body, limit)?.to_vec(), signed });
        }
        packets = decompress(&body, layer_limit).and_then(|layer| match layer.len() > layer_limit {
            true => Err(OpenPgpError::TooLong { what: "content of the message", limit }),
            false => Ok(layer),
        })?;
    }
    Err(OpenPgpError::Malformed { what: "message", why: "it is compressed more than four times" })
}

/// The literal or compressed packet, of which there must be exactly one: a second one would be another message that some
/// programs show and others do not.
fn only_packet<'a>(packets: &'a [u8], signed: &mut bool) -> Result<Packet<'a>, OpenPgpError> {
    let malformed = |why| OpenPgpError::Malformed { what: "message", why };
    let mut found = None;
    for packet in Packets::new(packets) {
        let packet = packet.map_err(|_| malformed("its encrypted packets are truncated"))?;
        match packet.tag {
            tag::SIGNATURE | tag::ONE_PASS_SIGNATURE => *signed = true,
            tag::MARKER | tag::PADDING => {}
            tag::LITERAL | tag::COMPRESSED if found.is_none() => found = Some(packet),
            tag::LITERAL | tag::COMPRESSED => return Err(malformed("it has more than one content")),
            _ => return Err(malformed("it contains packets that are not content")),
        }
    }
    found.ok_or(malformed("it has no content"))
}

/// At most one byte more than `limit`.
fn decompress(body: &[u8], limit: usize) -> Result<Vec<u8>, OpenPgpError> {
    let broken = |_| OpenPgpError::Malformed { what: "message", why: "its compressed content is invalid" };
    let mut layer = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    Decompressor::from_reader(body).map_err(broken)?.take(most).read_to_end(&mut layer).map_err(broken)?;
    Ok(layer)
}

/// The content of a literal packet: after a format, a file name and a date (RFC 9580 section 5.9), none of which is used.
fn literal(body: &[u8], limit: usize) -> Result<&[u8], OpenPgpError> {
    let malformed = OpenPgpError::Malformed { what: "message", why: "its content is truncated" };
    let [_format, name, rest @ ..] = body else { return Err(malformed) };
    let content = rest.get(usize::from(*name) + 4..).ok_or(malformed)?;
    if content.len() > limit {
        return Err(OpenPgpError::TooLong { what: "content of the message", limit });
    }
    Ok(content)
}
