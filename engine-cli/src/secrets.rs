//! Reads passphrases and tokens: from a file, from the environment, or from a terminal that does not show them.
//! A secret must never come from the command line, and is wiped when it is no longer needed.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// A secret.
pub(crate) type Secret = Zeroizing<String>;

/// The most bytes that are read of a secret.
const LIMIT: u64 = 4096;

const PASSPHRASE_VARIABLE: &str = "BENCHLINE_ENGINE_PASSPHRASE";
const TOKEN_VARIABLE: &str = "BENCHLINE_ENGINE_TOKEN";

/// Where the passphrase comes from.
#[derive(Debug, clap::Args)]
pub(crate) struct PassphraseArgs {
    /// Read the passphrase from the first line of this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseArgs {
    /// The passphrase, if it need not be asked for.
    pub(crate) fn given(&self) -> anyhow::Result<Option<Secret>> {
        given(self.passphrase_file.as_deref(), PASSPHRASE_VARIABLE)
    }
}

/// Where the token comes from.
#[derive(Debug, clap::Args)]
pub(crate) struct TokenArgs {
    /// Read the token from the first line of this file
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl TokenArgs {
    /// The token; asked for where it is neither in a file nor in the environment.
    pub(crate) fn token(&self) -> anyhow::Result<Secret> {
        let token = match given(self.token_file.as_deref(), TOKEN_VARIABLE)? {
            Some(token) => token,
            None => ask("token: ", &format!("set {TOKEN_VARIABLE}, or give --token-file"))?,
        };
        ensure!(!token.trim().is_empty(), "the token is empty: the server's operator makes one with `engine token`");
        Ok(Zeroizing::new(token.trim().to_owned()))
    }
}

/// The token in the environment, which counts before a stored one.
pub(crate) fn token_of_the_environment() -> Option<Secret> {
    std::env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty()).map(Zeroizing::new)
}

/// Asks for a passphrase; a new one twice.
pub(crate) fn ask_passphrase(prompt: &str, new: bool) -> anyhow::Result<Secret> {
    let otherwise = format!("set {PASSPHRASE_VARIABLE}, or give --passphrase-file");
    let passphrase = ask(&format!("{prompt}: "), &otherwise)?;
    ensure!(!passphrase.is_empty(), "the passphrase is empty; choose one that nobody guesses");
    if new && *ask("the same again: ", &otherwise)? != *passphrase {
        bail!("the two differ; nothing was changed, try again");
    }
    Ok(passphrase)
}

/// The first line of a file.
pub(crate) fn first_line(path: &Path) -> anyhow::Result<Secret> {
    let mut text = Zeroizing::new(String::new());
    let read = File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_string(&mut text));
    read.with_context(|| format!("{} cannot be read", path.display()))?;
    ensure!(text.len() as u64 <= LIMIT, "{} is longer than a secret: more than {LIMIT} bytes", path.display());
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn given(file: Option<&Path>, variable: &str) -> anyhow::Result<Option<Secret>> {
    match file {
        Some(file) => first_line(file).map(Some),
        None => Ok(std::env::var(variable).ok().filter(|text| !text.is_empty()).map(Zeroizing::new)),
    }
}

fn terminal() -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

/// Asks on the terminal, whatever standard input and output are.
fn ask(prompt: &str, otherwise: &str) -> anyhow::Result<Secret> {
    let mut terminal = terminal().map_err(|_| anyhow::anyhow!("there is no terminal to ask on: {otherwise}"))?;
    let line = {
        // Before the prompt: whoever answers at once shall not be shown what they type, nor lose it.
        let _echo_off = EchoOff::new(&terminal)?;
        write!(&terminal, "{prompt}")?;
        read_line(&terminal)
    };
    writeln!(terminal)?;
    line
}

/// A line, key by key: signals are off meanwhile, so that Ctrl-C cannot leave a terminal behind that shows nothing.
fn read_line(mut terminal: &File) -> anyhow::Result<Secret> {
    const INTERRUPT: u8 = 0x03;
    const END: u8 = 0x04;
    const ERASE_LINE: u8 = 0x15;
    const BACKSPACE: [u8; 2] = [0x08, 0x7f];
    let mut line = Zeroizing::new(Vec::with_capacity(usize::try_from(LIMIT)?));
    let mut key = [0; 1];
    while terminal.read(&mut key)? == 1 {
        match key[0] {
            b'\n' | b'\r' | END => break,
            INTERRUPT => bail!("interrupted; nothing was changed"),
            ERASE_LINE => line.clear(),
            key if BACKSPACE.contains(&key) => {
                // A character of several bytes goes whole.
                while line.pop().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {}
            }
            _ if line.len() as u64 == LIMIT => bail!("that is longer than {LIMIT} bytes"),
            key => line.push(key),
        }
    }
    let text = std::str::from_utf8(&line).context("what was typed is not UTF-8")?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// A terminal that does not show what is typed, until this is dropped.
struct EchoOff<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> EchoOff<'a> {
    fn new(terminal: &'a File) -> anyhow::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Now, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for EchoOff<'_> {
    fn drop(&mut self) {
        // There is nothing to be done about a terminal that went away.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}
