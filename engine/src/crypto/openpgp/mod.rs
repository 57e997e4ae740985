//! OpenPGP (RFC 9580, and RFC 4880 as GnuPG 2.2 speaks it) for mail that comes in from outside: the key pair of a user,
//! and messages encrypted to it. It must never hand out content whose integrity is unproven, never let a message decide
//! how much memory or time it costs, and never say in an error what a message contained.
//!
//! Packets are framed by `packets` before the OpenPGP library sees them, so that counts and sizes are bounded first.
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
pub use secret_key::OpenPgpKey;
