//! OpenPGP (RFC 9580, and RFC 4880 as GnuPG 2.2 implements it) for mail from outside: the key pair of a user, and messages
//! encrypted to it. It must never return content without an integrity check, never let a message determine how much memory
//! or time it costs, and never reveal in an error what a message contains.
//!
//! `packets` parses the packet frames before the OpenPGP library does, so that counts and sizes are bounded first.
//! Read `secret_key` and `public_key`, then `message`.

mod armour;
mod error;
mod fingerprint;
mod message;
mod packets;
mod public_key;
mod secret_key;
#[cfg(test)]
mod tests;
mod wrapped;

pub use error::OpenPgpError;
pub use fingerprint::Fingerprint;
pub use message::{Decrypted, is_encrypted};
pub use public_key::{PUBLIC_KEY_LIMIT, PublicKey};
pub use secret_key::{OpenPgpKey, decrypt_with_any};
