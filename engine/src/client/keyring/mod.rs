//! The OpenPGP keys of a user. One document that all devices share holds them, sealed twice; the server holds the public
//! part of the key that mail is encrypted to. It must never lose a key, nor register one that is not in the ring.
//!
//! Two devices that start at the same time generate a key each. On every device, the key generated first becomes the
//! current one; the other stays in the ring, so that mail encrypted to it can still be decrypted.
//!
//! Read `key_ring`, then `register`.

mod error;
mod key_ring;
mod register;
mod stored_keys;

pub use error::KeyRingError;
pub use key_ring::{KEY_DOCUMENT, KeyRing, UnlockedKeys};
pub(super) use register::register;
