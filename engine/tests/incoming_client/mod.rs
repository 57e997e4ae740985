//! Incoming messages on the client: OpenPGP with the `gpg` program, the key ring that a user's devices share, and messages
//! that are stored exactly once.

mod delivered;
mod device;
mod gpg;
mod interoperating;
mod processing;
mod sharing_keys;
mod stub;
