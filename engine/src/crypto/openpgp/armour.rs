//! Decodes the ASCII armour (RFC 9580 section 6.2) of a key or a message. It must never accept text before or after the block:
//! such text would be neither encrypted nor signed, but could appear to be.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::OpenPgpError;

/// Most lines of armour headers (`Version: …`).
const MAX_HEADERS: usize = 32;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes inside the armour with this label (`PGP MESSAGE`); `None` where `bytes` do not begin with such armour.
///
/// # Errors
/// When they begin with armour that is invalid. The checksum is not checked: it protects against nothing (RFC 9580 section
/// 6.1), and the content is verified by other means.
pub(super) fn unarmour(bytes: &[u8], label: &str, what: &'static str) -> Result<Option<Vec<u8>>, OpenPgpError> {
    let malformed = |why| OpenPgpError::Malformed { what, why };
    let Some(rest) = bytes.trim_ascii_start().strip_prefix(format!("-----BEGIN {label}-----").as_bytes()) else {
        return Ok(None);
    };
    let end = format!("-----END {label}-----");
    let mut lines = rest.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    if lines.next().is_some_and(|line| !line.is_empty()) {
        return Err(malformed("its first armour line continues after the dashes"));
    }
    let blank = lines.by_ref().take(MAX_HEADERS + 1).any(<[u8]>::is_empty);
    if !blank {
        return Err(malformed("its armour has no blank line before the content"));
    }
    let mut text = Vec::with_capacity(rest.len());
    let mut ended = false;
    for line in lines.by_ref() {
        if line == end.as_bytes() {
            ended = true;
            break;
        }
        // A line that begins with the padding character is the checksum.
        if !line.starts_with(b"=") {
            text.extend_from_slice(line);
        }
    }
    if !ended {
        return Err(malformed("its armour has no end"));
    }
    if lines.any(|line| !line.is_empty()) {
        return Err(malformed("something follows its armour"));
    }
    BASE64.decode(text).map(Some).map_err(|_| malformed("its armour is not base64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> Result<Option<Vec<u8>>, OpenPgpError> {
        unarmour(text.as_bytes(), "PGP MESSAGE", "message")
    }

    #[test]
    fn armour_is_decoded_with_any_line_ends_and_headers() {
        for text in [
            "-----BEGIN PGP MESSAGE-----\n\naGVs\nbG8=\n=abcd\n-----END PGP MESSAGE-----\n",
            "\r\n-----BEGIN PGP MESSAGE-----\r\nVersion: 1\r\nComment: x\r\n\r\naGVsbG8=\r\n-----END PGP MESSAGE-----",
        ] {
            assert_eq!(open(text).unwrap().unwrap(), b"hello");
        }
    }

    #[test]
    fn text_around_the_block_is_rejected() {
        let block = "-----BEGIN PGP MESSAGE-----\n\naGVsbG8=\n-----END PGP MESSAGE-----\n";
        assert_eq!(open(&format!("Dear all,\n{block}")), Ok(None));
        assert_eq!(open(&block.replace("MESSAGE", "SIGNATURE")), Ok(None));
        for wrong in [
            format!("{block}PS: not encrypted\n"),
            block.replace("-----END PGP MESSAGE-----", ""),
            block.replace("\n\n", "\n"),
            block.replace("aGVs", "a*Vs"),
            block.replacen("-----\n", "----- text\n", 1),
        ] {
            assert!(open(&wrong).is_err(), "{wrong}");
        }
    }
}
