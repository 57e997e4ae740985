//! Sealing and opening of a blob: in memory beside the bare AEAD on chunks of the same size, and of a file beside `age`.

use std::fs::File;
use std::hint::black_box;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use benchline_engine::crypto::{BlobName, BlobOpener, BlobSealer, BlobSettings, Padding, open_blob, seal_blob};

use super::serving::keys;

const CHUNK: usize = 64 << 10;
const NAME: BlobName<'_> = BlobName { user: "ana", namespace: "files", id: "one" };

fn settings() -> BlobSettings {
    // What is compared has no padding.
    BlobSettings { padding: Padding::None, ..BlobSettings::default() }
}

/// `bytes` from one buffer into another, with the engine and with the AEAD alone: GB/s of each.
pub(crate) fn in_memory(bytes: usize) {
    let content = vec![0x5a; CHUNK];
    let chunks = bytes / CHUNK;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[3; 32]).unwrap());
    let nonce = |n: usize| {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&(n as u64).to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    };
    let rate = |begun: Instant| (chunks * CHUNK) as f64 / begun.elapsed().as_secs_f64() / 1e9;
    let mut buffer = Vec::with_capacity(CHUNK + 16);
    let mut figures = [const { Vec::new() }; 4];
    for _ in 0..7 {
        // Alternately, so that both meet the same machine.
        let begun = Instant::now();
        for n in 0..chunks {
            buffer.clear();
            buffer.extend_from_slice(&content);
            key.seal_in_place_append_tag(nonce(n), Aad::empty(), &mut buffer).unwrap();
            black_box(&buffer);
        }
        figures[0].push(rate(begun));

        let begun = Instant::now();
        let mut sealer = BlobSealer::new(&keys(), NAME, (chunks * CHUNK) as u64, settings()).unwrap();
        let prelude = sealer.prelude().to_vec();
        while sealer.next_len().is_some() {
            sealer.seal_next_from(&content, &mut buffer).unwrap();
            black_box(&buffer);
        }
        sealer.finish().unwrap();
        figures[1].push(rate(begun));

        let sealed = {
            let mut sealed = content.clone();
            key.seal_in_place_append_tag(nonce(0), Aad::empty(), &mut sealed).unwrap();
            sealed
        };
        let begun = Instant::now();
        for _ in 0..chunks {
            buffer.clear();
            buffer.extend_from_slice(&sealed);
            black_box(key.open_in_place(nonce(0), Aad::empty(), &mut buffer).unwrap());
        }
        figures[2].push(rate(begun));

        let mut sealer = BlobSealer::resume(&keys(), NAME, prelude.clone(), 0).unwrap();
        let mut sealed = Vec::new();
        sealer.seal_next_from(&content, &mut sealed).unwrap();
        let opener = BlobOpener::new(&keys(), NAME, &prelude).unwrap();
        let begun = Instant::now();
        for _ in 0..chunks {
            buffer.clear();
            buffer.extend_from_slice(&sealed);
            black_box(opener.open_chunk(0, &mut buffer).unwrap());
        }
        figures[3].push(rate(begun));
    }
    let [bare_seal, seal, bare_open, open] = figures.map(|mut figures| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    });
    println!(r#"{{"bare_seal":{bare_seal},"seal":{seal},"bare_open":{bare_open},"open":{open}}}"#);
}

/// Seals a file into `/dev/stdout`.
pub(crate) fn seal_file(path: &Path) {
    let file = File::open(path).unwrap();
    let length = file.metadata().unwrap().len();
    let sealer = BlobSealer::new(&keys(), NAME, length, settings()).unwrap();
    seal_blob(sealer, file, output()).unwrap();
}

/// Opens a file that [`seal_file`] made into `/dev/stdout`.
pub(crate) fn open_file(path: &Path) {
    open_blob(&keys(), NAME, File::open(path).unwrap(), output()).unwrap();
}

/// Standard output as it is, without the standard library's search for the ends of lines.
fn output() -> File {
    File::from(std::io::stdout().as_fd().try_clone_to_owned().unwrap())
}
