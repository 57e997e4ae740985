//! Altered bytes: whatever is done to a sealed blob or document, at rest or on its way, nothing that was not verified is
//! handed out. What may be handed out before a blob proves to be altered is a beginning of its content, whole chunks that
//! were verified one by one; a document comes whole or not at all.

mod sealed;
mod serving;
