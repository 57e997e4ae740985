//! What identifies runs, so that the same call continues or finds what an earlier one began: digests of plans, the
//! environment, the command that repeats a run.

use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};

use crate::{
    model::{Environment, Profile, Revision, RevisionKind, SubjectBuild, UnixMillis},
    probe::environment,
    revision::{self, BuildVariant},
};

/// SHA-256 of a text that decides what is measured, in hex.
pub fn fingerprint(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The seed that a text stands for: the first 8 bytes of its SHA-256.
pub(super) fn seed(text: &str) -> u64 {
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

/// This machine, with the toolchain and the flags of a build as annotations.
pub fn environment_of(build: Option<&SubjectBuild>) -> Environment {
    let flags = build.map(|_| revision::flags_of_the_caller());
    environment::fingerprint(build.map(|build| build.toolchain.as_str()), flags.as_deref())
}

/// The command that measures a revision again.
pub(super) fn reproduce(revision: &Revision, profile: Profile, variant: Option<BuildVariant>) -> String {
    let counting = if variant == Some(BuildVariant::Allocations) { " --allocations" } else { "" };
    let profile = profile.as_str();
    match revision.kind {
        RevisionKind::Commit => format!("benchline run {} --profile {profile}{counting} --again", revision.id),
        RevisionKind::Worktree => format!("benchline run --profile {profile}{counting} --again"),
    }
}

/// The time of day, for records.
pub fn now() -> UnixMillis {
    UnixMillis::from(SystemTime::now())
}
