//! Altered bytes: however a sealed blob or document is altered, at rest or in transit, no unverified byte is returned. Before
//! an alteration of a blob is detected, a prefix of whole verified chunks may be returned; a document is returned whole or
//! not at all.

mod sealed;
mod serving;
