//! Alterations of the sealed bytes: exhaustive for a small blob and a document, random for large ones.

use benchline_engine::crypto::{
    BlobName, BlobOpener, BlobSealer, BlobSettings, Cipher, DocumentSealer, Keys, MIN_CHUNK_SIZE, Padding, RootSecret,
    open_blob, seal_blob,
};
use proptest::prelude::*;

use crate::support::payload;

const NAME: BlobName<'_> = BlobName { user: "ana", namespace: "mail", id: "m-1" };
const CHUNK: usize = MIN_CHUNK_SIZE as usize;
/// What sealing adds to each chunk.
const TAG: usize = 16;
/// Content of the small blob: two whole chunks and a part of one.
const SMALL: usize = 2 * CHUNK + 300;

fn keys() -> Keys {
    Keys::derive(&RootSecret::from_bytes([5; 32]))
}

fn seal(name: BlobName<'_>, content: &[u8], cipher: Cipher, chunk_size: u32) -> Vec<u8> {
    let settings = BlobSettings { cipher, chunk_size, padding: Padding::Padme };
    let mut sealed = Vec::new();
    seal_blob(BlobSealer::new(&keys(), name, content.len() as u64, settings).unwrap(), content, &mut sealed).unwrap();
    sealed
}

/// What comes out of a blob that must not open.
#[track_caller]
fn leaks(sealed: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(open_blob(&keys(), NAME, sealed, &mut out).is_err(), "it opens");
    out
}

/// The content of the chunks before the one in which byte `at` of the sealed blob is.
fn before(content: &[u8], at: usize, chunk: usize) -> &[u8] {
    let chunks = at.saturating_sub(NAME.prelude_len()) / (chunk + TAG);
    &content[..(chunks * chunk).min(content.len())]
}

#[test]
fn every_flipped_bit_of_a_blob_is_detected_before_its_chunk_is_returned() {
    for cipher in Cipher::ALL {
        let content = payload(1, SMALL);
        let good = seal(NAME, &content, cipher, MIN_CHUNK_SIZE);
        for bit in 0..good.len() * 8 {
            let mut altered = good.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(leaks(&altered) == before(&content, bit / 8, CHUNK), "bit {bit}");
        }
    }
}

#[test]
fn every_truncation_of_a_blob_is_detected() {
    let content = payload(1, SMALL);
    let good = seal(NAME, &content, Cipher::default(), MIN_CHUNK_SIZE);
    for length in 0..good.len() {
        assert!(leaks(&good[..length]) == before(&content, length, CHUNK), "after {length}");
        // From the front, or out of the middle.
        if length > 0 {
            assert!(leaks(&good[length..]).is_empty());
            let without = [&good[..length - 1], &good[length..]].concat();
            assert!(leaks(&without) == before(&content, length - 1, CHUNK), "without {length}");
        }
    }
    assert_eq!(leaks(&[&good[..], b"\0"].concat()), content, "all of it was verified, and it is still refused");
}

#[test]
fn no_two_blobs_of_one_name_can_be_spliced() {
    let (one, two) = (payload(1, SMALL), payload(2, SMALL));
    let sealed = |content: &[u8]| seal(NAME, content, Cipher::default(), MIN_CHUNK_SIZE);
    let (first, second) = (sealed(&one), sealed(&two));
    // The magic, version, cipher, chunk size and length are the same in both, and so are the names.
    let differs = (0..first.len()).find(|at| first[*at] != second[*at]).unwrap();
    for at in differs + 1..first.len() {
        let spliced = [&first[..at], &second[at..]].concat();
        if spliced != first {
            assert!(leaks(&spliced) == before(&one, at, CHUNK), "at {at}");
        }
    }
}

#[test]
fn a_chunk_opens_only_at_its_own_index() {
    let content = payload(1, SMALL);
    let good = seal(NAME, &content, Cipher::default(), MIN_CHUNK_SIZE);
    let opener = BlobOpener::new(&keys(), NAME, &good[..NAME.prelude_len()]).unwrap();
    let layout = *opener.layout();
    let chunk = |index: u64| {
        let range = layout.sealed_range(index);
        good[range.start as usize..range.end as usize].to_vec()
    };
    for place in 0..layout.chunks() + 2 {
        for index in 0..layout.chunks() {
            let mut buffer = chunk(index);
            match opener.open_chunk(place, &mut buffer) {
                Ok(_) => assert_eq!(place, index),
                Err(_) => assert!(place != index && buffer.iter().all(|byte| *byte == 0), "the buffer is wiped"),
            }
        }
    }
    // Every order of the chunks, with repetitions, of every number of them.
    let prelude = &good[..NAME.prelude_len()];
    let count = layout.chunks();
    for length in 0..=count as u32 + 1 {
        for order in 0..count.pow(length) {
            let order: Vec<u64> = (0..length).map(|place| order / count.pow(place) % count).collect();
            let altered = [prelude.to_vec(), order.iter().flat_map(|index| chunk(*index)).collect()].concat();
            if altered != good {
                let right = order.iter().zip(0..).take_while(|(index, place)| *index == place).count();
                assert!(leaks(&altered) == content[..(right * CHUNK).min(content.len())], "{order:?}");
            }
        }
    }
}

#[test]
fn a_blob_opens_only_under_its_name_and_secret() {
    let content = payload(1, 10);
    let good = seal(NAME, &content, Cipher::default(), MIN_CHUNK_SIZE);
    let open = |keys: &Keys, name| open_blob(keys, name, &good[..], std::io::sink());
    assert!(open(&keys(), NAME).is_ok());
    assert!(open(&Keys::derive(&RootSecret::from_bytes([6; 32])), NAME).is_err());
    for (user, namespace, id) in [
        ("bob", "mail", "m-1"),
        ("ana", "news", "m-1"),
        ("ana", "mail", "m-2"),
        // The same letters with the borders elsewhere.
        ("anam", "ail", "m-1"),
        ("ana", "mailm", "-1"),
        ("", "anamail", "m-1"),
    ] {
        assert!(open(&keys(), BlobName { user, namespace, id }).is_err(), "{user} {namespace} {id}");
    }
}

#[test]
fn documents_cannot_be_altered_truncated_or_spliced() {
    for cipher in Cipher::ALL {
        let sealer = DocumentSealer::new(&keys(), cipher, Padding::Padme);
        let seal = |n| sealer.seal("D-1", "a:1", Some(&payload(n, 200))).unwrap();
        let refused = |sealed: Vec<u8>| assert!(sealer.open("D-1", "a:1", sealed).is_err(), "it opens");
        let (one, two) = (seal(1), seal(2));
        for bit in 0..one.len() * 8 {
            let mut altered = one.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            refused(altered);
        }
        for at in 0..one.len() {
            refused(one[..at].to_vec());
            refused([&one[..at], &one[at + 1..]].concat());
            refused([&one[..=at], &one[at..]].concat());
            for (first, second) in [(&one, &two), (&two, &one)] {
                let spliced = [&first[..at], &second[at..]].concat();
                if spliced != *first && spliced != *second {
                    refused(spliced);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_alterations_of_a_large_blob_are_noticed(
        at in any::<prop::sample::Index>(), from in any::<prop::sample::Index>(), count in 1usize..200_000, how in 0..4,
    ) {
        const LARGE: usize = 3_000_000;
        const CHUNK: usize = 64 << 10;
        thread_local! {
            static GOOD: Vec<u8> = seal(NAME, &payload(3, LARGE), Cipher::default(), CHUNK as u32);
            static CONTENT: Vec<u8> = payload(3, LARGE);
        }
        let good = GOOD.with(Clone::clone);
        let (at, from) = (at.index(good.len()), from.index(good.len()));
        let piece = good[from..good.len().min(from + count)].to_vec();
        let mut altered = good.clone();
        match how {
            // Overwritten, put between, taken out, cut off.
            0 => drop(altered.splice(at..good.len().min(at + piece.len()), piece)),
            1 => drop(altered.splice(at..at, piece)),
            2 => drop(altered.drain(at..good.len().min(at + count))),
            _ => altered.truncate(at),
        }
        prop_assume!(altered != good);
        let first = (0..good.len()).find(|at| altered.get(*at) != Some(&good[*at])).unwrap_or(good.len());
        let out = leaks(&altered);
        prop_assert!(CONTENT.with(|content| out == before(content, first, CHUNK)));
    }

    #[test]
    fn random_alterations_of_a_large_document_are_noticed(
        at in any::<prop::sample::Index>(), value in 1u8.., cut in any::<bool>(),
    ) {
        let sealer = DocumentSealer::new(&keys(), Cipher::default(), Padding::Padme);
        let mut sealed = sealer.seal("D-1", "a:1", Some(&payload(4, 500_000))).unwrap();
        let at = at.index(sealed.len());
        if cut { sealed.truncate(at) } else { sealed[at] ^= value }
        prop_assert!(sealer.open("D-1", "a:1", sealed).is_err());
    }
}
