//! From texts to revisions: what git itself says about the same repository is the oracle.

use std::{
    fs,
    os::unix::fs::symlink,
    time::{Duration, SystemTime},
};

use benchline::{
    model::{RevisionKind, UnixMillis},
    revision::{Repository, RevisionError},
};

use super::sandbox::{Picture, Sandbox};

/// Commits `titles` one after the other and gives their names.
fn line(sandbox: &Sandbox, titles: &[&str]) -> Vec<String> {
    titles.iter().map(|title| sandbox.write("file", title).commit(title)).collect()
}

fn ids(revisions: Vec<benchline::model::Revision>) -> Vec<String> {
    revisions.into_iter().map(|revision| revision.id).collect()
}

#[test]
fn a_commit_comes_with_all_that_is_known_of_it() {
    let sandbox = Sandbox::empty();
    let commits = line(&sandbox, &["First", "Second"]);
    sandbox.git(&["tag", "--annotate", "--message", "v1", "v1"]);
    let revision = sandbox.resolve(Some("v1")).unwrap().remove(0);
    assert_eq!(revision.kind, RevisionKind::Commit);
    assert_eq!((&revision.id, &revision.commit), (&commits[1], &commits[1]));
    assert_eq!(revision.parent.as_ref(), Some(&commits[0]));
    assert_eq!(revision.tree, sandbox.git(&["rev-parse", "HEAD^{tree}"]));
    assert_eq!((revision.title.as_str(), revision.position), ("Second", 2));
    assert_eq!(revision.committed_at, UnixMillis(1_767_323_045_000));
    let first = sandbox.resolve(Some("HEAD~1")).unwrap().remove(0);
    assert_eq!((first.parent, first.position), (None, 1));
}

#[test]
fn a_clean_checkout_is_its_commit_even_with_ignored_files() {
    let sandbox = Sandbox::empty();
    sandbox.write(".gitignore", "ignored\n");
    let commits = line(&sandbox, &["First"]);
    sandbox.write("ignored", "x");
    assert_eq!(ids(sandbox.resolve(None).unwrap()), commits);
    // Staged and taken back again: the files are HEAD's, whatever the index says.
    sandbox.write("file", "staged").git(&["add", "file"]);
    sandbox.write("file", "First");
    assert_eq!(ids(sandbox.resolve(None).unwrap()), commits);
}

#[test]
fn a_dirty_checkout_is_the_tree_that_a_commit_of_everything_would_have() {
    let sandbox = Sandbox::empty();
    sandbox.write(".gitignore", "ignored\n").write("gone", "x").write("script", "x");
    let commits = line(&sandbox, &["First", "Second"]);
    sandbox.write("file", "changed").write("ignored", "x").write("sub/untracked name\nof two lines", "x");
    sandbox.write("größe 🦀", "x").write("-dash", "x").write("*", "x").write("staged", "x").git(&["add", "staged"]);
    fs::remove_file(sandbox.root().join("gone")).unwrap();
    symlink("file", sandbox.root().join("link")).unwrap();
    let revision = sandbox.resolve(Some("worktree")).unwrap().remove(0);
    assert_eq!(revision.kind, RevisionKind::Worktree);
    assert_eq!(revision.id, format!("worktree-{}", &revision.tree[..12]));
    assert_eq!((&revision.commit, revision.parent.as_ref()), (&commits[1], Some(&commits[0])));
    assert_eq!((revision.title.as_str(), revision.position), ("Second", 2));
    sandbox.commit("Third");
    assert_eq!(revision.tree, sandbox.git(&["rev-parse", "HEAD^{tree}"]));
}

#[test]
fn looking_at_a_dirty_checkout_leaves_no_trace() {
    let sandbox = Sandbox::empty();
    line(&sandbox, &["First", "Second"]);
    sandbox.write("file", "changed").write("untracked", "new").write("staged", "x").git(&["add", "staged"]);
    let before = Picture::of(&sandbox.root());
    assert_eq!(sandbox.resolve(None).unwrap()[0].kind, RevisionKind::Worktree);
    before.assert_same(&Picture::of(&sandbox.root()));
}

#[test]
fn a_change_right_after_the_commit_is_seen_though_size_and_time_say_nothing() {
    let sandbox = Sandbox::empty();
    // The time of a change of the inode cannot be set, and would give the change away.
    sandbox.git(&["config", "core.trustctime", "false"]);
    // File, index and the change of the file within one tick of the clock, long ago.
    let tick = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    let set_time = |name: &str| fs::File::open(sandbox.root().join(name)).unwrap().set_modified(tick).unwrap();
    sandbox.write("file", "old");
    set_time("file");
    sandbox.commit("Old");
    sandbox.write("file", "new");
    set_time("file");
    set_time(".git/index");
    assert_eq!(sandbox.resolve(None).unwrap()[0].kind, RevisionKind::Worktree);
}

#[test]
fn a_range_holds_its_first_commit() {
    let sandbox = Sandbox::empty();
    let commits = line(&sandbox, &["a", "b", "c", "d", "e", "f"]);
    let revisions = sandbox.resolve(Some("HEAD~4..HEAD")).unwrap();
    let positions: Vec<u64> = revisions.iter().map(|revision| revision.position).collect();
    assert_eq!(positions, [2, 3, 4, 5, 6]);
    let titles: Vec<&str> = revisions.iter().map(|revision| revision.title.as_str()).collect();
    assert_eq!(titles, ["b", "c", "d", "e", "f"]);
    assert_eq!(ids(revisions), commits[1..]);
    assert_eq!(ids(sandbox.resolve(Some("HEAD~1..")).unwrap()), commits[4..]);
    assert_eq!(ids(sandbox.resolve(Some("HEAD..HEAD")).unwrap()), commits[5..]);
}

#[test]
fn a_range_follows_first_parents_and_counts_as_git_does() {
    let sandbox = Sandbox::empty();
    line(&sandbox, &["a"]);
    sandbox.git(&["switch", "--quiet", "--create", "side"]);
    sandbox.write("other", "1").commit("side 1");
    sandbox.write("other", "2").commit("side 2");
    sandbox.git(&["switch", "--quiet", "main"]);
    line(&sandbox, &["b"]);
    sandbox.git(&["merge", "--quiet", "--no-ff", "--message", "Merge side", "side"]);
    line(&sandbox, &["c"]);
    let revisions = sandbox.resolve(Some("main~3..main")).unwrap();
    let found: Vec<_> = revisions.iter().map(|revision| (revision.title.as_str(), revision.position)).collect();
    assert_eq!(found, [("a", 1), ("b", 2), ("Merge side", 3), ("c", 4)]);
    for revision in &revisions {
        let count = sandbox.git(&["rev-list", "--first-parent", "--count", &revision.id]);
        assert_eq!(count, revision.position.to_string());
    }
    // From a branch that went on: its tip, then what the other adds.
    let across = sandbox.resolve(Some("side~1..main")).unwrap();
    let found: Vec<_> = across.iter().map(|revision| (revision.title.as_str(), revision.position)).collect();
    assert_eq!(found, [("side 1", 2), ("b", 2), ("Merge side", 3), ("c", 4)]);
}

#[test]
fn ranges_that_go_backwards_or_on_for_ever_are_refused() {
    let sandbox = Sandbox::empty();
    line(&sandbox, &["a", "b"]);
    let error = sandbox.resolve(Some("HEAD..HEAD~1")).unwrap_err();
    assert!(matches!(error, RevisionError::EmptyRange { .. }));
    assert!(error.to_string().contains("HEAD~1..HEAD"), "{error}");
    let mut stream = String::from("reset refs/heads/long\n");
    for number in 0..1001 {
        stream += &format!("commit refs/heads/long\ncommitter T <t@example.org> {number} +0000\ndata 1\nx\n");
    }
    let file = sandbox.path("stream");
    fs::write(&file, stream).unwrap();
    let mut import = std::process::Command::new("git");
    import.arg("-C").arg(sandbox.root()).args(["fast-import", "--quiet"]).stdin(fs::File::open(file).unwrap());
    assert!(import.status().unwrap().success());
    let error = sandbox.resolve(Some("long~1000..long")).unwrap_err();
    assert!(matches!(error, RevisionError::TooMany { count: 1001, limit: 1000, .. }), "{error}");
    assert_eq!(sandbox.resolve(Some("long~999..long")).unwrap().len(), 1000);
}

#[test]
fn what_names_nothing_says_what_to_try() {
    let sandbox = Sandbox::empty();
    let commit = line(&sandbox, &["a"]).remove(0);
    sandbox.git(&["update-ref", "refs/remotes/origin/topic", "HEAD"]);
    let said = |text: &str| sandbox.resolve(Some(text)).unwrap_err().to_string();
    assert!(said("nowhere").contains("git fetch"), "{}", said("nowhere"));
    assert!(said("topic").contains("origin/topic"), "{}", said("topic"));
    assert!(said(&"1".repeat(40)).contains("git fetch"));
    assert!(said("HEAD:file").contains("a blob"), "{}", said("HEAD:file"));
    for text in ["-h", "--all", "--output=x", "^HEAD", "HEAD^@", "a...b", "", "a\nb", "nowhere..HEAD", "HEAD..nowhere"]
    {
        assert!(sandbox.resolve(Some(text)).is_err(), "{text}");
    }
    assert_eq!(ids(sandbox.resolve(Some(&commit[..10])).unwrap()), [commit]);
}

#[test]
fn places_without_a_repository_say_what_to_do() {
    let sandbox = Sandbox::empty();
    let error = Repository::discover(&sandbox.root()).unwrap_err();
    assert!(matches!(error, RevisionError::NoCommit(_)), "{error}");
    let error = Repository::discover(sandbox.root().parent().unwrap()).unwrap_err();
    assert!(matches!(error, RevisionError::NotARepository(_)), "{error}");
    let error = Repository::discover(&sandbox.path("nowhere")).unwrap_err();
    assert!(matches!(error, RevisionError::NoFolder(_)), "{error}");
    line(&sandbox, &["a"]);
    let error = Repository::discover(&sandbox.root().join(".git")).unwrap_err();
    assert!(matches!(error, RevisionError::NoWorkTree(_)), "{error}");
}

#[test]
fn a_folder_deep_in_a_linked_work_tree_is_found() {
    let sandbox = Sandbox::empty();
    sandbox.write("deep/er/file", "x");
    line(&sandbox, &["a"]);
    let linked = sandbox.path("a linked: \"tree\"");
    sandbox.git(&["worktree", "add", "--quiet", linked.to_str().unwrap(), "-b", "linked"]);
    fs::write(linked.join("untracked"), "x").unwrap();
    let repository = Repository::discover(&linked.join("deep/er")).unwrap();
    assert_eq!(repository.root(), linked.canonicalize().unwrap());
    assert_eq!(repository.id(), sandbox.open().id());
    assert_eq!(repository.resolve(None).unwrap()[0].kind, RevisionKind::Worktree);
    assert_eq!(sandbox.resolve(None).unwrap()[0].kind, RevisionKind::Commit);
}

#[test]
fn a_shallow_clone_is_refused_with_the_way_out() {
    let sandbox = Sandbox::empty();
    line(&sandbox, &["a", "b", "c"]);
    let clone = sandbox.path("shallow");
    let from = format!("file://{}", sandbox.root().display());
    sandbox.git(&["clone", "--quiet", "--depth", "1", &from, clone.to_str().unwrap()]);
    let error = Repository::discover(&clone).unwrap().resolve(None).unwrap_err();
    assert!(error.to_string().contains("git fetch --unshallow"), "{error}");
    sandbox.git_in(&clone, &["fetch", "--quiet", "--unshallow"]);
    assert_eq!(Repository::discover(&clone).unwrap().resolve(None).unwrap()[0].position, 3);
}

#[test]
fn an_index_that_is_split_or_sparse_gives_the_same_tree() {
    let sandbox = Sandbox::empty();
    sandbox.write("in/file", "x").write("out/file", "x");
    line(&sandbox, &["a"]);
    sandbox.git(&["sparse-checkout", "set", "in"]);
    assert_eq!(sandbox.resolve(None).unwrap()[0].kind, RevisionKind::Commit);
    sandbox.git(&["sparse-checkout", "disable"]);
    sandbox.git(&["update-index", "--split-index"]);
    assert_eq!(sandbox.resolve(None).unwrap()[0].kind, RevisionKind::Commit);
    let before = fs::read_dir(sandbox.root().join(".git")).unwrap().count();
    sandbox.write("in/file", "y");
    assert_eq!(sandbox.resolve(None).unwrap()[0].kind, RevisionKind::Worktree);
    assert_eq!(before, fs::read_dir(sandbox.root().join(".git")).unwrap().count());
}
