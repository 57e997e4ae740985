//! SHA-256 of fields and of files, in hex.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA256};

/// A digest in the making.
pub(super) struct Digest(Context);

impl Digest {
    /// Of nothing so far.
    pub(super) fn new() -> Digest {
        Digest(Context::new(&SHA256))
    }

    /// Adds a field. Its length goes first, so that no two lists of fields run together into the same bytes.
    pub(super) fn field(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(&(bytes.as_ref().len() as u64).to_le_bytes());
        self.0.update(bytes.as_ref());
    }

    /// 64 hex digits.
    pub(super) fn hex(self) -> String {
        self.0.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Copies a file's bytes and gives their SHA-256 in hex.
pub(super) fn copy(from: &Path, mut to: impl Write) -> io::Result<String> {
    let mut source = File::open(from)?;
    let mut digest = Digest::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            return Ok(digest.hex());
        }
        digest.0.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_digest_is_its_sha256() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let mut copied = Vec::new();
        assert_eq!(copy(file.path(), &mut copied).unwrap(), expected);
        assert_eq!(copied, b"abc");
    }

    #[test]
    fn fields_do_not_run_together() {
        let of = |fields: &[&str]| {
            let mut digest = Digest::new();
            fields.iter().for_each(|field| digest.field(field));
            digest.hex()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["ab"]), of(&["ab", ""]));
    }
}
