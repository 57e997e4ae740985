//! From what a person typed to revisions with all that the history wants to know of them.

use std::time::SystemTime;

use super::{
    Repository, RevisionError,
    git::{Refusal, is_object_name},
    request::{Request, printable},
};
use crate::model::{Revision, RevisionKind, UnixMillis};

/// The most revisions that one range may hold.
pub const MAX_REVISIONS: u64 = 1000;

/// Hash, parents, tree, time of commit and subject of a commit, on one line: `%s` holds no newline.
const FORMAT: &str = "--format=%H%x00%P%x00%T%x00%ct%x00%s";

impl Repository {
    /// The revisions that a text names, oldest first.
    ///
    /// - Nothing, or the word `worktree`: the checkout. That is HEAD where the work tree holds exactly HEAD's files,
    ///   else a snapshot of the work tree, untracked files included and ignored files left out.
    /// - `REV`: one commit.
    /// - `FIRST..LAST`: the commits from FIRST to LAST along first parents, **FIRST included**. This is not git's
    ///   meaning of `..`, which leaves FIRST out: here FIRST is the point that the others are compared with, and
    ///   `HEAD~4..HEAD` means five commits. A missing end means HEAD. At most [`MAX_REVISIONS`].
    ///
    /// # Errors
    /// Where the text names nothing, no commit, or too many; where the clone is shallow; where git fails.
    pub fn resolve(&self, text: Option<&str>) -> Result<Vec<Revision>, RevisionError> {
        let request = Request::parse(text)?;
        self.refuse_shallow()?;
        match request {
            Request::Checkout => Ok(vec![self.checkout()?]),
            Request::One(text) => Ok(vec![self.commit(&self.find(text)?)?]),
            Request::Range(first, last) => self.range(first, last),
        }
    }

    /// The one revision that a text names: no range.
    ///
    /// # Errors
    /// As [`Repository::resolve`], and where the text names several.
    pub fn resolve_one(&self, text: Option<&str>) -> Result<Revision, RevisionError> {
        let mut revisions = self.resolve(text)?;
        match (revisions.pop(), revisions.is_empty()) {
            (Some(one), true) => Ok(one),
            _ => Err(RevisionError::BadText {
                text: printable(text.unwrap_or_default()),
                why: "it names several revisions, and one is wanted here",
            }),
        }
    }

    /// The newest tag among the ancestors of a revision: the last release. A tag of the revision itself is passed over, so
    /// that a release is compared with the one before.
    ///
    /// # Errors
    /// Where there is none; where git fails.
    pub fn last_tag(&self, revision: &Revision) -> Result<String, RevisionError> {
        let start = match revision.kind {
            RevisionKind::Worktree => revision.commit.clone(),
            RevisionKind::Commit => format!("{}^", revision.commit),
        };
        let answer = self.git("describe").args(["--tags", "--abbrev=0", &start]).run()?;
        let tag = String::from_utf8_lossy(&answer.stdout).trim_end().to_owned();
        if answer.success && !tag.is_empty() { Ok(tag) } else { Err(RevisionError::NoTag(revision.short().to_owned())) }
    }

    fn checkout(&self) -> Result<Revision, RevisionError> {
        let head = self.commit(&self.find("HEAD")?)?;
        let tree = self.snapshot()?;
        if tree == head.tree {
            return Ok(head);
        }
        let digits: String = tree.chars().take(12).collect();
        let id = format!("worktree-{digits}");
        Ok(Revision { id, kind: RevisionKind::Worktree, tree, committed_at: now(), ..head })
    }

    fn range(&self, first_text: &str, last_text: &str) -> Result<Vec<Revision>, RevisionError> {
        let (first, last) = (self.find(first_text)?, self.find(last_text)?);
        let ends = || (printable(first_text), printable(last_text));
        if first == last {
            return Ok(vec![self.commit(&first)?]);
        }
        let span = format!("{first}..{last}");
        let after = self.git("rev-list").args(["--count", "--first-parent", &span]).number()?;
        if after == 0 {
            let (first, last) = ends();
            return Err(RevisionError::EmptyRange { first, last });
        }
        if after >= MAX_REVISIONS {
            let (first, last) = ends();
            return Err(RevisionError::TooMany { first, last, count: after + 1, limit: MAX_REVISIONS });
        }
        let mut revisions = vec![self.commit(&first)?];
        revisions.extend(self.commits(&["--first-parent", "--topo-order", "--reverse", &span])?);
        // What a range leaves out is closed under ancestry, so its commits are the unbroken end of LAST's line.
        let mut position = self.position(&last)?.saturating_sub(after);
        for revision in revisions.iter_mut().skip(1) {
            position += 1;
            revision.position = position;
        }
        Ok(revisions)
    }

    /// The commit that a text names: 40 hex digits.
    fn find(&self, text: &str) -> Result<String, RevisionError> {
        let named = self.git("rev-parse").args(["--verify", "--end-of-options", text]).run()?;
        let object = String::from_utf8_lossy(&named.stdout).trim_end().to_owned();
        if !named.success {
            return Err(self.unknown(text, named.refusal()));
        }
        if !is_object_name(&object) {
            return Err(RevisionError::BadText { text: printable(text), why: "it names more than one thing" });
        }
        let peeled = self.git("rev-parse").args(["--verify", "--quiet", &format!("{object}^{{commit}}")]).run()?;
        let commit = String::from_utf8_lossy(&peeled.stdout).trim_end().to_owned();
        if peeled.success && is_object_name(&commit) {
            return Ok(commit);
        }
        let kind = self.git("cat-file").args(["-t", &object]).run()?;
        if kind.success {
            let kind = String::from_utf8_lossy(&kind.stdout).trim_end().to_owned();
            Err(RevisionError::NotACommit { text: printable(text), kind })
        } else {
            Err(self.unknown(text, Refusal::Other))
        }
    }

    fn unknown(&self, text: &str, refusal: Refusal) -> RevisionError {
        let on_origin = format!("refs/remotes/origin/{text}^{{commit}}");
        let found = self.git("rev-parse").args(["--verify", "--quiet", "--end-of-options", &on_origin]).run();
        let advice = if refusal == Refusal::Ambiguous {
            "it is the beginning of several ids: give more digits".to_owned()
        } else if found.is_ok_and(|answer| answer.success) {
            format!("did you mean `origin/{}`?", printable(text))
        } else {
            "fetch it first (`git fetch --all --tags`), or pick one from `git log --oneline`".to_owned()
        };
        RevisionError::Unknown { text: printable(text), root: self.root().to_owned(), advice }
    }

    /// A commit by its full name.
    fn commit(&self, commit: &str) -> Result<Revision, RevisionError> {
        let found = self.commits(&["--max-count=1", commit])?.pop();
        let missing =
            || RevisionError::UnexpectedOutput { command: "rev-list".to_owned(), why: format!("no {commit} in it") };
        Ok(Revision { position: self.position(commit)?, ..found.ok_or_else(missing)? })
    }

    /// Commits without their positions, as `rev-list` selects them. The selection holds full names only.
    fn commits(&self, selection: &[&str]) -> Result<Vec<Revision>, RevisionError> {
        let options = ["--no-commit-header", "--encoding=UTF-8", FORMAT];
        let listed = self.git("rev-list").args(options).args(selection).bytes()?;
        let parsed: Option<Vec<Revision>> = String::from_utf8_lossy(&listed).lines().map(parse_commit).collect();
        let why = "it is not a list of commits".to_owned();
        parsed.ok_or(RevisionError::UnexpectedOutput { command: "rev-list".to_owned(), why })
    }

    fn position(&self, commit: &str) -> Result<u64, RevisionError> {
        self.git("rev-list").args(["--count", "--first-parent", commit]).number()
    }
}

/// One line of [`FORMAT`], without the position.
fn parse_commit(line: &str) -> Option<Revision> {
    let mut fields = line.splitn(5, '\0');
    let id = fields.next().filter(|id| is_object_name(id))?.to_owned();
    let parent = fields.next()?.split(' ').next().filter(|parent| is_object_name(parent)).map(str::to_owned);
    let tree = fields.next().filter(|tree| is_object_name(tree))?.to_owned();
    let seconds: i64 = fields.next()?.parse().ok()?;
    let title = printable(fields.next()?);
    let committed_at = UnixMillis(seconds.checked_mul(1000)?);
    Some(Revision {
        commit: id.clone(),
        id,
        kind: RevisionKind::Commit,
        parent,
        tree,
        title,
        committed_at,
        position: 0,
    })
}

fn now() -> UnixMillis {
    UnixMillis::from(SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_listing_becomes_a_revision() {
        let (a, b, c, d) = ("a".repeat(40), "b".repeat(40), "c".repeat(40), "d".repeat(40));
        let revision = parse_commit(&format!("{a}\0{b} {c}\0{d}\01700000000\0Merge \u{1b}x")).unwrap();
        assert_eq!((revision.id, revision.parent, revision.tree), (a.clone(), Some(b), d.clone()));
        assert_eq!((revision.committed_at, revision.title.as_str()), (UnixMillis(1_700_000_000_000), "Merge  x"));
        assert_eq!(parse_commit(&format!("{a}\0\0{d}\01\0")).unwrap().parent, None);
        assert!(parse_commit("nonsense").is_none());
        assert!(parse_commit(&format!("{a}\0\0{d}\0soon\0t")).is_none());
    }
}
