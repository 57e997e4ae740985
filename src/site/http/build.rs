//! Which program serves. Templates, assets and the code that fills them are compiled in, so the digest of the executable
//! changes with every one of them.

use std::{fs::File, io, sync::OnceLock, time::SystemTime};

use aws_lc_rs::digest::{Context, SHA256, digest as sha256};

/// Digest of the running program, 12 hex digits; its file is read once.
pub(crate) fn digest() -> &'static str {
    static DIGEST: OnceLock<String> = OnceLock::new();
    DIGEST.get_or_init(|| {
        digest_of_executable().unwrap_or_else(|cause| {
            // Without a digest no copy from before this start may pass for a fresh one.
            tracing::warn!(%cause, "the program's file cannot be read; browsers reload every page after a restart");
            digest_hex(format!("{:?}", SystemTime::now()).as_bytes())
        })
    })
}

fn digest_of_executable() -> io::Result<String> {
    let mut file = File::open(std::env::current_exe()?)?;
    let mut hasher = Hasher(Context::new(&SHA256));
    io::copy(&mut file, &mut hasher)?;
    Ok(hex(hasher.0.finish().as_ref()))
}

/// The first 12 hex digits of the SHA-256 of some bytes.
pub(crate) fn digest_hex(bytes: &[u8]) -> String {
    hex(sha256(&SHA256, bytes).as_ref())
}

fn hex(digest: &[u8]) -> String {
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// A digest that takes what is written to it.
struct Hasher(Context);

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
