//! Blobs on devices and their way to the server and back: with the real server, with servers that misbehave, and with
//! devices that are killed.

pub(crate) mod device;
mod killed;
mod misbehaving;
pub(crate) mod stub;
mod together;
mod transferring;
