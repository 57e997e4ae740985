//! The environment variables of a build: a short list, so that nothing else of the caller's can leak into a binary.

use std::{
    env,
    ffi::OsString,
    fs::File,
    io::{self, Read},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{RevisionError, digest::Digest};

/// Passed on as they are: where programs, homes, proxies and certificates are. They decide whether a build can fetch
/// and start what it needs, not what it makes.
const PASSED: [&str; 21] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_AUTO_INSTALL",
    "RUSTUP_DIST_SERVER",
    "RUSTUP_UPDATE_ROOT",
    "RUSTUP_TOOLCHAIN",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CARGO_BUILD_JOBS",
    "SSH_AUTH_SOCK",
];

/// Passed on for the same reason.
const PASSED_PREFIXES: [&str; 4] = ["CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_"];

/// Passed on and made part of the key: what changes the code that compilers emit.
const FLAGS: [&str; 22] = [
    "CC",
    "CXX",
    "AR",
    "RANLIB",
    "CFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "HOST_CC",
    "HOST_CXX",
    "HOST_AR",
    "HOST_CFLAGS",
    "HOST_CXXFLAGS",
    "CPATH",
    "C_INCLUDE_PATH",
    "CPLUS_INCLUDE_PATH",
    "LIBRARY_PATH",
    "COMPILER_PATH",
    "GCC_EXEC_PREFIX",
    "SYSROOT",
    "PKG_CONFIG",
];

/// Passed on and made part of the key for the same reason.
const FLAG_PREFIXES: [&str; 9] =
    ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_", "CC_", "CXX_", "AR_", "CFLAGS_", "CXXFLAGS_", "PKG_CONFIG_"];

/// Never passed on, whatever list they match: where cargo builds is decided by the builder.
const WITHHELD: [&str; 2] = ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"];

/// The same for every build. The date is the first that every archive format can hold; it must not follow the commit,
/// or equal inputs would give different binaries. Build scripts that compile C run again when it changes, so
/// `.cargo/config.toml` sets the same for builds by hand: both then share what is compiled.
const FIXED: [(&str, &str); 7] = [
    ("SOURCE_DATE_EPOCH", "315532800"),
    ("LC_ALL", "C"),
    ("TZ", "UTC"),
    ("CARGO_INCREMENTAL", "0"),
    ("CARGO_TERM_COLOR", "never"),
    ("CARGO_TERM_PROGRESS_WHEN", "never"),
    ("NO_COLOR", "1"),
];

/// Cargo reads no configuration longer than a person would write.
const MAX_CONFIG: u64 = 1 << 20;

/// The variables of one build.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BuildEnv {
    variables: Vec<(OsString, OsString)>,
    flags: Vec<(OsString, OsString)>,
}

impl BuildEnv {
    /// Chosen from the variables of the caller. A toolchain file in the tree outranks the caller's RUSTUP_TOOLCHAIN,
    /// which rustup sets by itself for whatever runs under it.
    pub(super) fn choose(caller: impl Iterator<Item = (OsString, OsString)>, tree_names_toolchain: bool) -> BuildEnv {
        let mut chosen = BuildEnv { variables: Vec::new(), flags: Vec::new() };
        for (name, value) in caller {
            match kind(&name) {
                Kind::Withheld => {}
                Kind::Passed if tree_names_toolchain && name == "RUSTUP_TOOLCHAIN" => {}
                Kind::Passed => chosen.variables.push((name, value)),
                Kind::Flag => chosen.flags.push((name, value)),
            }
        }
        chosen.flags.sort();
        chosen
    }

    /// All variables, the fixed ones last.
    pub(super) fn variables(&self) -> impl Iterator<Item = (OsString, OsString)> {
        let fixed = FIXED.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        self.variables.iter().chain(&self.flags).cloned().chain(fixed)
    }

    /// Adds to a key what changes the code: the flags, and the user's own configuration of cargo, which may hold some.
    pub(super) fn describe(&self, key: &mut Digest) -> Result<(), RevisionError> {
        for (name, value) in &self.flags {
            key.field(name.as_bytes());
            key.field(value.as_bytes());
        }
        if let Some(home) = self.cargo_home() {
            // Cargo prefers the name without an ending where both exist.
            let found = [home.join("config"), home.join("config.toml")].into_iter().find(|path| path.exists());
            if let Some(path) = found {
                key.field(read_config(&path).map_err(RevisionError::io("read cargo's configuration", &path))?);
            }
        }
        Ok(())
    }

    fn cargo_home(&self) -> Option<PathBuf> {
        let value = |wanted: &str| self.variables.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        value("CARGO_HOME").map(PathBuf::from).or_else(|| value("HOME").map(|home| Path::new(home).join(".cargo")))
    }
}

/// The caller's own variables.
pub(super) fn of_the_caller(tree_names_toolchain: bool) -> BuildEnv {
    BuildEnv::choose(env::vars_os(), tree_names_toolchain)
}

/// The compilers' flags that this process was started with and builds obey, such as `RUSTFLAGS=-Ctarget-cpu=native`;
/// `none` where there are none.
pub fn flags_of_the_caller() -> String {
    let flags = of_the_caller(false).flags;
    let text = |(name, value): &(OsString, OsString)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy());
    let flags: Vec<String> = flags.iter().map(text).collect();
    if flags.is_empty() { "none".to_owned() } else { flags.join(" ") }
}

enum Kind {
    Withheld,
    Passed,
    Flag,
}

fn kind(name: &OsString) -> Kind {
    let Some(name) = name.to_str() else { return Kind::Withheld };
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if WITHHELD.contains(&name) {
        Kind::Withheld
    } else if PASSED.contains(&name) || begins(&PASSED_PREFIXES) {
        Kind::Passed
    } else if FLAGS.contains(&name) || begins(&FLAG_PREFIXES) {
        Kind::Flag
    } else {
        Kind::Withheld
    }
}

fn read_config(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_CONFIG + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_CONFIG {
        return Err(io::Error::other("it is longer than 1 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(variables: &[(&str, &str)], pinned: bool) -> BuildEnv {
        BuildEnv::choose(variables.iter().map(|(name, value)| (name.into(), value.into())), pinned)
    }

    fn key(env: &BuildEnv) -> String {
        let mut digest = Digest::new();
        env.describe(&mut digest).unwrap();
        digest.hex()
    }

    #[test]
    fn only_what_is_listed_reaches_a_build() {
        let leaky = [
            ("PATH", "/bin"),
            ("LD_LIBRARY_PATH", "/lib"),
            ("CARGO_PKG_NAME", "benchline"),
            ("CARGO_TARGET_DIR", "/elsewhere"),
            ("CARGO_BUILD_TARGET_DIR", "/elsewhere"),
            ("GIT_DIR", "/elsewhere"),
            ("RUSTC_WRAPPER", "sccache"),
            ("TZ", "Asia/Tokyo"),
        ];
        let env = chosen(&leaky, false);
        let names: Vec<_> = env.variables().map(|(name, _)| name).collect();
        let fixed = FIXED.len();
        assert_eq!((names.len(), names[0].to_str()), (fixed + 1, Some("PATH")));
        assert!(env.variables().any(|pair| pair == ("TZ".into(), "UTC".into())));
    }

    #[test]
    fn flags_are_passed_and_change_the_key_and_places_do_not() {
        let plain = chosen(&[("PATH", "/bin")], false);
        let elsewhere = chosen(&[("PATH", "/usr/bin"), ("HTTPS_PROXY", "http://127.0.0.1:1")], false);
        let native = chosen(&[("PATH", "/bin"), ("RUSTFLAGS", "-Ctarget-cpu=native")], false);
        assert_eq!(key(&plain), key(&elsewhere));
        assert_ne!(key(&plain), key(&native));
        assert!(native.variables().any(|(name, _)| name == "RUSTFLAGS"));
    }

    #[test]
    fn the_users_cargo_configuration_changes_the_key() {
        let home = tempfile::tempdir().unwrap();
        let env = chosen(&[("CARGO_HOME", home.path().to_str().unwrap())], false);
        let before = key(&env);
        std::fs::write(home.path().join("config.toml"), "[build]\nrustflags = [\"-g\"]\n").unwrap();
        assert_ne!(before, key(&env));
    }

    #[test]
    fn builds_by_hand_have_the_same_date() {
        let config: toml::Table = include_str!("../../.cargo/config.toml").parse().unwrap();
        let (name, date) = FIXED[0];
        assert_eq!(config["env"][name].as_str(), Some(date));
    }

    #[test]
    fn a_toolchain_file_outranks_the_callers_toolchain() {
        let caller = [("RUSTUP_TOOLCHAIN", "nightly")];
        assert!(chosen(&caller, false).variables().any(|(name, _)| name == "RUSTUP_TOOLCHAIN"));
        assert!(!chosen(&caller, true).variables().any(|(name, _)| name == "RUSTUP_TOOLCHAIN"));
    }
}
