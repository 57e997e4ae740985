//! An end-to-end-encrypted sync engine: documents that live on a person's devices and meet through a server that can read
//! nothing. The rooms in reading order; imports between them flow downwards only, and none knows that it is measured.

/// Keys, and sealing under them.
pub mod crypto;
/// Documents, their revisions, and the rule by which versions merge.
pub mod document;
