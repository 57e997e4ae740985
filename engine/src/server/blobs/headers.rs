//! Headers of blobs: digests (RFC 9530) and the fields of resumable uploads. Both are structured fields (RFC 9651), of which
//! only the forms that are used here are supported. A malformed field is rejected.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::protocol::BlobDigest;
use crate::server::conditions::header;
use crate::server::refusal::Refusal;

/// The digest of a whole blob.
pub(super) const REPR_DIGEST: &str = "repr-digest";
/// The digest of the body of one request.
pub(super) const CONTENT_DIGEST: &str = "content-digest";
/// Whether this request completes the blob.
pub(super) const UPLOAD_COMPLETE: &str = "upload-complete";
/// Bytes of the blob before this request's body.
pub(super) const UPLOAD_OFFSET: &str = "upload-offset";
/// Length of the whole blob in bytes.
pub(super) const UPLOAD_LENGTH: &str = "upload-length";
/// The limits of the server.
pub(super) const UPLOAD_LIMIT: &str = "upload-limit";

/// The SHA-256 in a digest field, if there is one. Other algorithms are ignored.
pub(super) fn digest(headers: &HeaderMap, name: &'static str) -> Result<Option<BlobDigest>, Refusal> {
    let Some(field) = text(headers, name)? else { return Ok(None) };
    let entries = field.split(',').filter_map(|entry| entry.trim().split_once('='));
    let Some((_, value)) = entries.into_iter().find(|(algorithm, _)| *algorithm == "sha-256") else { return Ok(None) };
    let bytes =
        value.strip_prefix(':').and_then(|value| value.strip_suffix(':')).and_then(|text| STANDARD.decode(text).ok());
    let digest = bytes.and_then(|bytes| bytes.try_into().ok()).map(BlobDigest);
    digest.map(Some).ok_or_else(|| malformed(name, "sha-256=:BASE64: of 32 bytes"))
}

/// A digest as a digest field.
pub(super) fn digest_field(digest: BlobDigest) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest.0))
}

/// The number of bytes in a field. Structured fields have at most 15 digits.
pub(in crate::server) fn number(headers: &HeaderMap, name: &'static str) -> Result<Option<u64>, Refusal> {
    let Some(field) = text(headers, name)? else { return Ok(None) };
    let digits = (1..=15).contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_digit());
    let number = field.parse().ok().filter(|_| digits);
    number.map(Some).ok_or_else(|| malformed(name, "a number of bytes"))
}

/// The boolean in `Upload-Complete`.
pub(super) fn complete(headers: &HeaderMap) -> Result<Option<bool>, Refusal> {
    match text(headers, UPLOAD_COMPLETE)? {
        None => Ok(None),
        Some("?1") => Ok(Some(true)),
        Some("?0") => Ok(Some(false)),
        Some(_) => Err(malformed(UPLOAD_COMPLETE, "?0 or ?1")),
    }
}

/// The one value of a field.
fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    match headers.get_all(name).iter().count() {
        0 => Ok(None),
        1 => header(headers, name).map(str::trim).map(Some).ok_or_else(|| malformed(name, "plain text")),
        _ => Err(malformed(name, "one value")),
    }
}

fn malformed(name: &'static str, form: &'static str) -> Refusal {
    Refusal::Malformed(format!("{name}: send {form}"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())])
    }

    /// The example of RFC 9530, appendix B.1 (`{"hello": "world"}` and a line feed).
    #[test]
    fn digests_are_those_of_rfc_9530() {
        let field = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        let with_other = format!("sha-512=:YmFkZm9v:, {field}");
        let content = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"{\"hello\": \"world\"}\n");
        for field in [field, &with_other] {
            let digest = digest(&headers(REPR_DIGEST, field), REPR_DIGEST).unwrap().unwrap();
            assert_eq!(&digest.0, content.as_ref());
            assert!(field.ends_with(&digest_field(digest)));
        }
        assert_eq!(digest(&HeaderMap::new(), REPR_DIGEST).unwrap(), None);
        assert_eq!(digest(&headers(REPR_DIGEST, "sha-512=:YmFkZm9v:"), REPR_DIGEST).unwrap(), None);
        for bad in ["sha-256=", "sha-256=abc", "sha-256=:YQ==:", "sha-256=:!:", "sha-256=:"] {
            assert!(digest(&headers(REPR_DIGEST, bad), REPR_DIGEST).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_and_booleans_are_parsed_strictly() {
        assert_eq!(number(&headers(UPLOAD_OFFSET, "0"), UPLOAD_OFFSET).unwrap(), Some(0));
        for bad in ["", "-1", "+1", "1.0", "1;a", "0x1", "1000000000000000"] {
            assert!(number(&headers(UPLOAD_OFFSET, bad), UPLOAD_OFFSET).is_err(), "{bad}");
        }
        assert_eq!(complete(&headers(UPLOAD_COMPLETE, "?1")).unwrap(), Some(true));
        assert!(complete(&headers(UPLOAD_COMPLETE, "1")).is_err());
        let mut two = headers(UPLOAD_OFFSET, "1");
        two.append(UPLOAD_OFFSET, HeaderValue::from_static("2"));
        assert!(number(&two, UPLOAD_OFFSET).is_err());
    }
}
