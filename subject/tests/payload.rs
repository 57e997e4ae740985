//! Payloads are those that another implementation of their description makes.

use aws_lc_rs::digest::{SHA256, digest};
use benchline_subject::payload::Payload;

use crate::vectors;

fn sha256(content: &[u8]) -> String {
    digest(&SHA256, content).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn blobs_are_as_described() {
    for vector in vectors::read().blobs {
        let blob = Payload::new(vector.seed).blob(vector.index, vector.size);
        assert_eq!(sha256(&blob), vector.sha256, "{} bytes", vector.size);
    }
}

#[test]
fn documents_are_as_described() {
    for vector in vectors::read().documents {
        let document = Payload::new(vector.seed).document(vector.index, vector.size);
        assert_eq!(sha256(&document), vector.sha256, "{} bytes", vector.size);
    }
}

#[test]
fn mail_sizes_are_as_described() {
    for vector in vectors::read().mail_sizes {
        let sizes: Vec<u64> = (0..vector.sizes.len() as u64)
            .map(|index| Payload::new(vector.seed).mail_size(index, vector.limit))
            .collect();
        assert_eq!(sizes, vector.sizes);
    }
}
