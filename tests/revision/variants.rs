//! The same source linked in other orders, with cargo and the linker that rustc uses here.

use std::{fs, path::Path, process::Command, sync::atomic::AtomicBool};

use benchline::revision::{BuildOutcome, BuildVariant, Builder, BuiltSubject, Recipe};

use super::sandbox::Sandbox;

const WORKSPACE: &str = "[workspace]\nresolver = \"3\"\nmembers = [\"engine\", \"subject\"]\n";
const ENGINE: &str =
    "[package]\nname = \"benchline-engine\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\npath = \"lib.rs\"\n";
const SUBJECT: &str = "[package]\nname = \"benchline-subject\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                       [dependencies]\nbenchline-engine = { path = \"../engine\" }\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"benchline-engine\"\nversion = \"0.1.0\"\n\n[[package]]\n\
                    name = \"benchline-subject\"\nversion = \"0.1.0\"\ndependencies = [\n \"benchline-engine\",\n]\n";
/// Functions enough for orders to differ: only those of engine and subject are moved.
const LIBRARY: &str = "use std::hint::black_box;\n\
    #[inline(never)]\nfn one(n: usize) -> usize { black_box(n) + 1 }\n\
    #[inline(never)]\nfn two(n: usize) -> usize { black_box(n) * 2 }\n\
    #[inline(never)]\nfn three(n: usize) -> usize { black_box(n) - 2 }\n\
    #[inline(never)]\nfn four(n: usize) -> usize { black_box(n).rotate_left(7) }\n\
    #[inline(never)]\nfn five(n: usize) -> usize { black_box(n).rotate_right(7) }\n\
    pub fn twice(n: usize) -> usize { five(four(three(two(one(n))))) }\n";
const MAIN: &str = "fn main() { println!(\"{}\", benchline_engine::twice(std::env::args().count())); }\n";

/// A repository laid out as this project's, with the least engine and subject.
fn project() -> Sandbox {
    let sandbox = Sandbox::empty();
    sandbox.write("Cargo.toml", WORKSPACE).write("Cargo.lock", LOCK);
    sandbox.write("engine/Cargo.toml", ENGINE).write("engine/lib.rs", LIBRARY);
    sandbox.write("subject/Cargo.toml", SUBJECT).write("subject/src/main.rs", MAIN);
    sandbox.commit("Begin");
    sandbox
}

/// Builds what is checked out, plainly or varied, with cargo's own files in a folder of that name.
#[track_caller]
fn built(sandbox: &Sandbox, target: &str, variant: Option<BuildVariant>) -> BuiltSubject {
    let repository = sandbox.open();
    let builder = Builder::new(&repository, Recipe::of_the_engine(), &sandbox.path("cache"), sandbox.path(target));
    let revision = repository.resolve(None).unwrap().remove(0);
    let stop = AtomicBool::new(false);
    let outcome = match variant {
        None => builder.build(&revision, &mut |_| {}, &stop),
        Some(variant) => builder.build_variant(&revision, variant, &mut |_| {}, &stop),
    };
    match outcome.unwrap() {
        BuildOutcome::Built(built) => built,
        other => panic!("not built: {other:?}"),
    }
}

fn output(binary: &Path) -> String {
    String::from_utf8(Command::new(binary).args(["a", "b"]).output().unwrap().stdout).unwrap()
}

#[test]
fn another_order_is_another_binary_that_does_the_same() {
    let sandbox = project();
    let plain = built(&sandbox, "target", None);
    let orders = [7, 8].map(|seed| built(&sandbox, "target", Some(BuildVariant::LinkOrder(seed))));
    let [seven, eight] = &orders;
    for (a, b) in [(&plain, seven), (&plain, eight), (seven, eight)] {
        assert_ne!(a.build.sha256, b.build.sha256);
        assert_ne!(a.build.inputs, b.build.inputs);
    }
    for binary in [&plain, seven, eight] {
        assert_eq!(output(&binary.path), "6\n");
    }
    assert!(built(&sandbox, "target", Some(BuildVariant::LinkOrder(7))).cached);

    // From nothing, the same again, and the plain one as if no other had ever been built.
    fs::remove_dir_all(sandbox.home().join("binaries")).unwrap();
    let again = built(&sandbox, "elsewhere", Some(BuildVariant::LinkOrder(7)));
    assert_eq!((again.cached, again.build), (false, seven.build.clone()));
    for target in ["target", "elsewhere"] {
        assert_eq!(built(&sandbox, target, None).build, plain.build);
        fs::remove_dir_all(sandbox.home().join("binaries")).unwrap();
    }
}

#[test]
fn a_external_recipe_is_not_varied() {
    let sandbox = Sandbox::with_subject();
    let repository = sandbox.open();
    let builder = Builder::new(&repository, sandbox.recipe(), &sandbox.path("cache"), sandbox.path("target"));
    let revision = repository.resolve(None).unwrap().remove(0);
    let refused = builder.build_variant(&revision, BuildVariant::LinkOrder(7), &mut |_| {}, &AtomicBool::new(false));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("build.sh") && refused.contains("benchline.toml"), "{refused}");
    assert_eq!(sandbox.builds(), 0);
}
