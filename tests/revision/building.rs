//! From revisions to binaries, with recipes that are small shell scripts.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use benchline::revision::{BuildOutcome, Builder, Recipe, Repository};

use super::sandbox::{BUILD, Picture, Sandbox};

#[test]
fn a_binary_is_built_once_for_all_revisions_with_its_inputs() {
    let sandbox = Sandbox::with_subject();
    let first = sandbox.built(None);
    assert_eq!(fs::read_to_string(&first.path).unwrap(), "#!/bin/sh\necho one\n");
    assert_eq!((first.cached, sandbox.builds()), (false, 1));
    sandbox.write("README.md", "two\n").commit("Say more");
    let second = sandbox.built(None);
    assert!(second.cached);
    assert_eq!((&first.path, &first.build), (&second.path, &second.build));
    sandbox.write("src/main.txt", "echo two\n");
    let third = sandbox.built(None);
    assert_eq!(fs::read_to_string(&third.path).unwrap(), "#!/bin/sh\necho two\n");
    assert_ne!(first.build.inputs, third.build.inputs);
    sandbox.commit("Two");
    assert!(sandbox.built(Some("HEAD")).cached);
    assert!(sandbox.built(Some("HEAD~2")).cached);
    assert_eq!(sandbox.builds(), 2);
}

#[test]
fn the_hash_is_that_of_the_binary_as_another_program_sees_it() {
    let sandbox = Sandbox::with_subject();
    let built = sandbox.built(None);
    let said = std::process::Command::new("sha256sum").arg(&built.path).output().unwrap();
    assert!(String::from_utf8(said.stdout).unwrap().starts_with(&built.build.sha256));
}

#[test]
fn a_damaged_binary_is_built_again() {
    let sandbox = Sandbox::with_subject();
    let first = sandbox.built(None);
    fs::write(&first.path, "#!/bin/sh\necho evil\n").unwrap();
    let second = sandbox.built(None);
    assert_eq!((second.cached, second.build), (false, first.build));
    assert_eq!(fs::read_to_string(&second.path).unwrap(), "#!/bin/sh\necho one\n");
}

#[test]
fn equal_inputs_in_two_clones_have_one_key_and_one_place() {
    let sandbox = Sandbox::with_subject();
    let clone = sandbox.path("clone");
    sandbox.git(&["clone", "--quiet", ".", clone.to_str().unwrap()]);
    let here = sandbox.built(None);
    let there = Repository::discover(&clone).unwrap();
    let revision = there.resolve(None).unwrap().remove(0);
    for (cache, cached) in [("cache", true), ("other cache", false)] {
        let builder = Builder::new(&there, sandbox.recipe(), &sandbox.path(cache), sandbox.path("other target"));
        let outcome = builder.build(&revision, &mut |_| {}, &AtomicBool::new(false)).unwrap();
        let BuildOutcome::Built(built) = outcome else { panic!("{outcome:?}") };
        assert_eq!((built.cached, &built.build), (cached, &here.build));
    }
}

#[test]
fn the_tree_holds_exactly_the_revision_and_keeps_what_did_not_change() {
    let sandbox = Sandbox::with_subject();
    sandbox.write("src/old name\nüß", "x").write(".gitignore", "out\nlitter\n").commit("Add");
    symlink("main.txt", sandbox.root().join("src/link")).unwrap();
    sandbox.commit("Link");
    sandbox.built(None);
    let tree = sandbox.home().join("tree");
    fs::write(tree.join("litter"), "x").unwrap();
    fs::write(tree.join("README.md"), "changed by the build").unwrap();
    let kept = fs::metadata(tree.join("src/main.txt")).unwrap().modified().unwrap();
    fs::remove_file(sandbox.root().join("src/old name\nüß")).unwrap();
    sandbox.write("src/new", "x").write("build.sh", &format!("{BUILD}ls -A > \"$1.ls\"\n"));
    sandbox.built(None);
    let listed = fs::read_to_string(sandbox.path("mark.ls")).unwrap();
    assert_eq!(listed.split_whitespace().collect::<Vec<_>>(), [".gitignore", "README.md", "build.sh", "out", "src"]);
    assert_eq!(fs::read_to_string(tree.join("README.md")).unwrap(), "one\n");
    assert!(tree.join("src/new").exists() && !tree.join("src/old name\nüß").exists());
    assert_eq!(fs::read_link(tree.join("src/link")).unwrap(), Path::new("main.txt"));
    assert_eq!(fs::metadata(tree.join("src/main.txt")).unwrap().modified().unwrap(), kept);
    // The dirty tree's objects are gone with the value that held them; the next checkout must not miss them.
    sandbox.git(&["checkout", "--quiet", "--", "."]);
    sandbox.write("src/main.txt", "echo three\n").commit("Three");
    sandbox.built(None);
}

#[test]
fn building_leaves_the_repository_alone() {
    let sandbox = Sandbox::with_subject();
    sandbox.write("src/main.txt", "echo dirty\n").write("untracked", "x");
    let before = Picture::of(&sandbox.root());
    sandbox.built(None);
    sandbox.built(Some("HEAD"));
    before.assert_same(&Picture::of(&sandbox.root()));
}

#[test]
fn notes_about_the_tree_that_are_damaged_or_locked_are_overcome() {
    let sandbox = Sandbox::with_subject();
    sandbox.built(None);
    fs::write(sandbox.home().join("index"), "garbage").unwrap();
    fs::write(sandbox.home().join("index.lock"), "").unwrap();
    sandbox.write("src/main.txt", "echo two\n");
    assert_eq!(fs::read_to_string(sandbox.built(None).path).unwrap(), "#!/bin/sh\necho two\n");
}

#[test]
fn a_build_sees_a_fixed_environment() {
    let sandbox = Sandbox::with_subject();
    sandbox.write("build.sh", "env > out; mkdir -p \"$CARGO_TARGET_DIR\"; pwd >> out; cat >> out").commit("Show");
    let repository = sandbox.open();
    let recipe =
        Recipe::new(vec!["sh".to_owned(), "build.sh".to_owned()], Path::new("out"), &["build.sh".into()]).unwrap();
    let builder = Builder::new(&repository, recipe, &sandbox.path("cache"), sandbox.path("target"));
    let revision = repository.resolve(None).unwrap().remove(0);
    let outcome = builder.build(&revision, &mut |_| {}, &AtomicBool::new(false)).unwrap();
    let BuildOutcome::Built(built) = outcome else { panic!("{outcome:?}") };
    let seen = fs::read_to_string(built.path).unwrap();
    assert!(seen.contains("SOURCE_DATE_EPOCH=315532800\n"), "{seen}");
    assert!(seen.contains(&format!("CARGO_TARGET_DIR={}\n", sandbox.path("target").display())));
    assert!(seen.ends_with(&format!("{}\n", sandbox.home().join("tree").display())));
    // Cargo sets these for every test.
    assert!(!seen.contains("CARGO_MANIFEST_DIR") && !seen.contains("CARGO_PKG_NAME"));
}

#[test]
fn a_binary_in_the_target_folder_is_found_and_never_an_old_one() {
    let sandbox = Sandbox::with_subject();
    sandbox.write("build.sh", "test -e leave-out || cp src/main.txt \"$CARGO_TARGET_DIR/prog\"").commit("Target");
    fs::create_dir(sandbox.path("target")).unwrap();
    fs::write(sandbox.path("target/prog"), "old").unwrap();
    let repository = sandbox.open();
    let recipe =
        Recipe::new(vec!["sh".to_owned(), "build.sh".to_owned()], Path::new("target/prog"), &[".".into()]).unwrap();
    let builder = Builder::new(&repository, recipe, &sandbox.path("cache"), sandbox.path("target"));
    let build = |text| {
        let revision = repository.resolve(text).unwrap().remove(0);
        builder.build(&revision, &mut |_| {}, &AtomicBool::new(false)).unwrap()
    };
    let outcome = build(None);
    let BuildOutcome::Built(built) = outcome else { panic!("{outcome:?}") };
    assert_eq!(fs::read_to_string(built.path).unwrap(), "echo one\n");
    sandbox.write("leave-out", "");
    let outcome = build(None);
    assert!(matches!(&outcome, BuildOutcome::Failed { message, .. } if message.contains("target/prog")), "{outcome:?}");
}

#[test]
fn a_failing_build_gives_its_log() {
    let sandbox = Sandbox::with_subject();
    sandbox.write("build.sh", "echo to output; echo 'to \u{1b}[31merror' >&2; exit 7").commit("Break");
    let outcome = sandbox.build(None);
    let BuildOutcome::Failed { message, log } = outcome else { panic!("{outcome:?}") };
    assert!(message.contains("sh build.sh") && message.contains('7'), "{message}");
    assert!(log.contains("to output") && log.contains("to [31merror"), "{log}");
    assert!(!sandbox.home().join("binaries").exists());
}

#[test]
fn a_program_that_is_not_there_is_a_failed_build() {
    let sandbox = Sandbox::with_subject();
    let repository = sandbox.open();
    let recipe = Recipe::new(vec!["no-such-program".to_owned()], Path::new("out"), &["src".into()]).unwrap();
    let builder = Builder::new(&repository, recipe, &sandbox.path("cache"), sandbox.path("target"));
    let revision = repository.resolve(None).unwrap().remove(0);
    let outcome = builder.build(&revision, &mut |_| {}, &AtomicBool::new(false)).unwrap();
    assert!(matches!(outcome, BuildOutcome::Failed { message, .. } if message.contains("no-such-program")));
}

#[test]
fn a_revision_without_the_inputs_is_unsupported() {
    let sandbox = Sandbox::empty();
    sandbox.write("README.md", "x").commit("Before there was a subject");
    let outcome = sandbox.build(None);
    let BuildOutcome::Unsupported { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("`src`") && reason.contains("`build.sh`"), "{reason}");
    assert!(!sandbox.path("cache").exists());
}

#[test]
fn a_revision_that_lacks_one_of_the_inputs_is_built() {
    let sandbox = Sandbox::with_subject();
    let repository = sandbox.open();
    let command = sandbox.recipe().command().to_vec();
    let inputs = ["src", "build.sh", "added-later"].map(Into::into);
    let recipe = Recipe::new(command, Path::new("out/prog"), &inputs).unwrap();
    let builder = Builder::new(&repository, recipe, &sandbox.path("cache"), sandbox.path("target"));
    let revision = repository.resolve(None).unwrap().remove(0);
    let outcome = builder.build(&revision, &mut |_| {}, &AtomicBool::new(false)).unwrap();
    assert!(matches!(outcome, BuildOutcome::Built(_)), "{outcome:?}");
}

#[test]
fn two_builders_take_turns() {
    let sandbox = Sandbox::empty();
    // Whoever finds another in the tree fails.
    let script = "set -e\nmkdir \"$1.busy\"\nsleep 0.3\ncp src/main.txt out\nrmdir \"$1.busy\"\necho built >> \"$1\"\n";
    sandbox.write("build.sh", script).write("src/main.txt", "one").commit("One");
    sandbox.write("src/main.txt", "two").commit("Two");
    let recipe = || {
        let command = sandbox.recipe().command().to_vec();
        Recipe::new(command, Path::new("out"), &["src".into(), "build.sh".into()]).unwrap()
    };
    thread::scope(|scope| {
        for (text, expected) in [("HEAD~1", "one"), ("HEAD", "two"), ("HEAD", "two")] {
            let sandbox = &sandbox;
            scope.spawn(move || {
                let repository = sandbox.open();
                let builder = Builder::new(&repository, recipe(), &sandbox.path("cache"), sandbox.path("target"));
                let revision = repository.resolve(Some(text)).unwrap().remove(0);
                let outcome = builder.build(&revision, &mut |_| {}, &AtomicBool::new(false)).unwrap();
                let BuildOutcome::Built(built) = outcome else { panic!("{outcome:?}") };
                assert_eq!(fs::read_to_string(built.path).unwrap(), expected);
            });
        }
    });
    assert_eq!(sandbox.builds(), 2);
}

#[test]
fn a_stopped_build_leaves_no_binary_and_no_process() {
    let sandbox = Sandbox::with_subject();
    sandbox.write("build.sh", "mkdir -p out; echo half > out/prog; sleep 1000 & echo $!; wait").commit("Hang");
    let repository = sandbox.open();
    let builder = Builder::new(&repository, sandbox.recipe(), &sandbox.path("cache"), sandbox.path("target"));
    let revision = repository.resolve(None).unwrap().remove(0);
    let (stop, mut sleeper) = (AtomicBool::new(false), String::new());
    let mut progress = |line: &str| {
        line.clone_into(&mut sleeper);
        stop.store(true, Ordering::Relaxed);
    };
    let outcome = builder.build(&revision, &mut progress, &stop).unwrap();
    assert!(matches!(outcome, BuildOutcome::Stopped), "{outcome:?}");
    assert!(!sandbox.home().join("binaries").exists());
    // An orphan that nobody waits for may stay on as a zombie.
    let state = fs::read_to_string(format!("/proc/{sleeper}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "{state}");
    // The lock is free, and the half-made binary is not taken for a whole one.
    let outcome = builder.with_limit(Duration::ZERO).build(&revision, &mut |_| {}, &AtomicBool::new(false)).unwrap();
    assert!(matches!(&outcome, BuildOutcome::Failed { message, .. } if message.contains("longer")), "{outcome:?}");
}

#[test]
fn a_link_in_place_of_the_tree_is_not_followed() {
    let sandbox = Sandbox::with_subject();
    let precious = sandbox.path("precious");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("file"), "x").unwrap();
    fs::create_dir_all(sandbox.home()).unwrap();
    symlink(&precious, sandbox.home().join("tree")).unwrap();
    let repository = sandbox.open();
    let builder = Builder::new(&repository, sandbox.recipe(), &sandbox.path("cache"), sandbox.path("target"));
    let revision = repository.resolve(None).unwrap().remove(0);
    assert!(builder.build(&revision, &mut |_| {}, &AtomicBool::new(false)).is_err());
    assert!(precious.join("file").exists());
}
