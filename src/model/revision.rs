//! What is under test.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::UnixMillis;

/// A commit, or a dirty work tree on top of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revision {
    /// 40 hex digits for a commit; `worktree-` and 12 digits of its tree for a dirty work tree.
    pub id: String,
    /// Which of the two.
    pub kind: RevisionKind,
    /// The commit itself, or the one that the work tree is based on: 40 hex digits.
    pub commit: String,
    /// The first parent of `commit`, where there is one.
    pub parent: Option<String>,
    /// The git tree that is measured: 40 hex digits.
    pub tree: String,
    /// First line of the commit's message.
    pub title: String,
    /// When it was committed; for a work tree, when it was looked at.
    pub committed_at: UnixMillis,
    /// Number of commits on the first-parent line up to here: the place on a graph's axis.
    pub position: u64,
}

/// Which kind of revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevisionKind {
    /// A commit.
    Commit,
    /// A work tree that differs from its HEAD.
    Worktree,
}

impl Revision {
    /// The commit that a revision is compared with by itself: a work tree with its HEAD, a commit with its first parent.
    pub fn before(&self) -> Option<&str> {
        match self.kind {
            RevisionKind::Worktree => Some(&self.commit),
            RevisionKind::Commit => self.parent.as_deref(),
        }
    }

    /// The name that commands take: the whole id, or `worktree`.
    pub fn name_for_commands(&self) -> &str {
        match self.kind {
            RevisionKind::Commit => &self.id,
            RevisionKind::Worktree => "worktree",
        }
    }

    /// The short name that people read: 8 digits of the commit, or `worktree`.
    pub fn short(&self) -> &str {
        match self.kind {
            RevisionKind::Commit => self.id.get(..8).unwrap_or(&self.id),
            RevisionKind::Worktree => "worktree",
        }
    }
}
