//! Columns of unsigned integers, packed into one blob. Unpacking must never panic, and never take more memory than
//! [`MAX_VALUES`] need, whatever the bytes.
//!
//! A blob is one byte, the [`FORMAT`], and then one Zstandard frame (RFC 8878) that states its content's size and ends
//! with its checksum. The content is a sequence of LEB128 numbers of up to 64 bits: how many columns, how many rows, and then the
//! columns one after the other. Each value is kept as its wrapping difference from the one above it (the first from 0),
//! zigzag-coded, so that counters, clocks and samples of similar size take one to three bytes each before compression.

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, get_frame_content_size};

/// Version of the format, the first byte of every blob. History: 1, the first.
const FORMAT: u8 = 1;

/// The most values, over all columns, that one blob holds.
pub(super) const MAX_VALUES: usize = 1 << 20;

/// The most bytes of content: two counts and [`MAX_VALUES`], each at its longest.
const MAX_CONTENT: usize = (MAX_VALUES + 2) * 10;

/// Zstandard's default level: higher ones gain nothing on content this short.
const LEVEL: i32 = 3;

/// Why columns cannot be packed, or a blob not unpacked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PackingError {
    #[error("its columns are not of one length")]
    Ragged,
    #[error("it has more than {MAX_VALUES} values")]
    TooLarge,
    #[error("it has format {0}, and this program knows format {FORMAT}")]
    Format(u8),
    #[error("its compressed content is damaged")]
    Frame,
    #[error("its content is damaged: {0}")]
    Content(&'static str),
    #[error("it has {found} columns instead of {expected}")]
    Columns { expected: usize, found: u64 },
}

/// Packs columns of equal length.
pub(super) fn pack(columns: &[&[u64]]) -> Result<Vec<u8>, PackingError> {
    let rows = columns.first().map_or(0, |column| column.len());
    if columns.iter().any(|column| column.len() != rows) {
        return Err(PackingError::Ragged);
    }
    if rows * columns.len() > MAX_VALUES {
        return Err(PackingError::TooLarge);
    }
    let mut content = Vec::with_capacity(4 + 3 * rows * columns.len());
    put(&mut content, columns.len() as u64);
    put(&mut content, rows as u64);
    for column in columns {
        let mut above = 0u64;
        for value in *column {
            put(&mut content, zigzag(value.wrapping_sub(above).cast_signed()));
            above = *value;
        }
    }
    let frame = compress(&content).map_err(|_| PackingError::Frame)?;
    Ok([&[FORMAT], frame.as_slice()].concat())
}

/// Unpacks a blob of exactly `N` columns, which come back equally long.
pub(super) fn unpack<const N: usize>(blob: &[u8]) -> Result<[Vec<u64>; N], PackingError> {
    let content = match blob.split_first() {
        Some((&FORMAT, frame)) => decompress(frame)?,
        Some((&format, _)) => return Err(PackingError::Format(format)),
        None => return Err(PackingError::Content("it is empty")),
    };
    let mut rest = content.as_slice();
    let columns = take(&mut rest)?;
    if columns != N as u64 {
        return Err(PackingError::Columns { expected: N, found: columns });
    }
    let rows = usize::try_from(take(&mut rest)?).map_err(|_| PackingError::TooLarge)?;
    // Every value takes at least one byte, so a false count is found before memory is taken for it.
    if rows.checked_mul(N).is_none_or(|values| values > rest.len()) {
        return Err(PackingError::Content("it is too short for its rows"));
    }
    let mut unpacked = [const { Vec::new() }; N];
    for column in &mut unpacked {
        *column = take_column(&mut rest, rows)?;
    }
    if !rest.is_empty() {
        return Err(PackingError::Content("something follows the last value"));
    }
    Ok(unpacked)
}

fn take_column(rest: &mut &[u8], rows: usize) -> Result<Vec<u64>, PackingError> {
    let mut column = Vec::with_capacity(rows);
    let mut above = 0u64;
    for _ in 0..rows {
        above = above.wrapping_add(unzigzag(take(rest)?).cast_unsigned());
        column.push(above);
    }
    Ok(column)
}

fn compress(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(LEVEL)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    compressor.compress(content)
}

/// The content of exactly one frame that states its size and has no more than [`MAX_CONTENT`].
fn decompress(frame: &[u8]) -> Result<Vec<u8>, PackingError> {
    let stated = get_frame_content_size(frame).ok().flatten().ok_or(PackingError::Frame)?;
    if stated > MAX_CONTENT as u64 {
        return Err(PackingError::TooLarge);
    }
    let mut decompressor = Decompressor::new().map_err(|_| PackingError::Frame)?;
    decompressor.decompress(frame, stated as usize).map_err(|_| PackingError::Frame)
}

/// Small differences of either sign become small numbers: 0, -1, 1, -2 become 0, 1, 2, 3.
const fn zigzag(difference: i64) -> u64 {
    ((difference << 1) ^ (difference >> 63)).cast_unsigned()
}

const fn unzigzag(coded: u64) -> i64 {
    (coded >> 1).cast_signed() ^ -(coded & 1).cast_signed()
}

/// Appends a number as LEB128: seven bits a byte, the lowest first, the top bit set on all but the last.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Result<u64, PackingError> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(PackingError::Content("it ends within a number"))?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(PackingError::Content("a number is too large"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The format read in another way: the frame by the streaming decoder, numbers by their definition in 128 bits.
    fn unpack_by_definition(blob: &[u8]) -> Vec<Vec<u64>> {
        assert_eq!(blob[0], 1);
        let content = zstd::stream::decode_all(&blob[1..]).unwrap();
        let mut numbers = Vec::new();
        let (mut number, mut scale) = (0u128, 1u128);
        for byte in content {
            number += u128::from(byte % 128) * scale;
            scale *= 128;
            if byte < 128 {
                numbers.push(number);
                (number, scale) = (0, 1);
            }
        }
        let rows = numbers[1] as usize;
        let columns = (0..numbers[0] as usize).map(|column| {
            let mut value = 0i128;
            let coded = numbers[2 + column * rows..2 + (column + 1) * rows].iter();
            let step =
                |coded: &u128| if coded.is_multiple_of(2) { (coded / 2) as i128 } else { -((coded / 2) as i128) - 1 };
            coded
                .map(|coded| {
                    value = (value + step(coded)).rem_euclid(1 << 64);
                    value as u64
                })
                .collect()
        });
        columns.collect()
    }

    fn values() -> impl Strategy<Value = u64> {
        prop_oneof![any::<u64>(), 0..1000u64, Just(0), Just(u64::MAX), Just(1 << 63), Just((1 << 63) - 1)]
    }

    proptest! {
        #[test]
        fn columns_survive(rows in prop::collection::vec((values(), values(), values()), 0..200)) {
            let columns = [
                rows.iter().map(|row| row.0).collect::<Vec<_>>(),
                rows.iter().map(|row| row.1).collect(),
                rows.iter().map(|row| row.2).collect(),
            ];
            let blob = pack(&[&columns[0], &columns[1], &columns[2]]).unwrap();
            prop_assert_eq!(&unpack::<3>(&blob).unwrap(), &columns);
            prop_assert_eq!(unpack_by_definition(&blob), columns);
        }

        #[test]
        fn any_bytes_give_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..300), whole in any::<bool>()) {
            let _ = unpack::<2>(&bytes);
            // The same bytes as the content of a sound frame, so that what follows the checksum is reached too.
            let frame = if whole { compress(&bytes).unwrap() } else { bytes };
            let _ = unpack::<2>(&[&[FORMAT], frame.as_slice()].concat());
        }

        #[test]
        fn one_wrong_bit_is_noticed(column in prop::collection::vec(values(), 0..50), bit in any::<prop::sample::Index>()) {
            let mut blob = pack(&[&column]).unwrap();
            let bit = bit.index(blob.len() * 8);
            blob[bit / 8] ^= 1 << (bit % 8);
            // A frame header has bits without meaning; all others must be noticed.
            if let Ok([unpacked]) = unpack::<1>(&blob) {
                prop_assert_eq!(unpacked, column);
            }
        }
    }

    #[test]
    fn the_first_format_stays_readable() {
        // One column of three rows (+1000, -1, +1), by hand and the zstd program, version 1.5:
        // printf '\x01\x03\xd0\x0f\x01\x02' >v && zstd --check --content-size v && xxd -p v.zst
        let frame = b"\x28\xb5\x2f\xfd\x24\x06\x31\x00\x00\x01\x03\xd0\x0f\x01\x02\x6f\xb7\x6e\xbc";
        let blob = [&[FORMAT], frame.as_slice()].concat();
        assert_eq!(unpack::<1>(&blob), Ok([vec![1000, 999, 1000]]));
    }

    #[test]
    fn false_sizes_are_refused_before_memory_is_taken() {
        let blob = |content: &[u8]| [&[FORMAT], compress(content).unwrap().as_slice()].concat();
        let mut rows = vec![1];
        put(&mut rows, u64::MAX);
        assert_eq!(unpack::<1>(&blob(&rows)), Err(PackingError::Content("it is too short for its rows")));
        assert_eq!(unpack::<7>(&blob(&[7, 1, 0, 0, 0])), Err(PackingError::Content("it is too short for its rows")));
        assert_eq!(unpack::<2>(&blob(&[1, 0])), Err(PackingError::Columns { expected: 2, found: 1 }));
        assert_eq!(unpack::<1>(&blob(&[1, 1, 0, 0])), Err(PackingError::Content("something follows the last value")));
        let long = [&[1, 1][..], &[0xff; 9], &[2]].concat();
        assert_eq!(unpack::<1>(&blob(&long)), Err(PackingError::Content("a number is too large")));
        // A hundred bytes that claim to become a hundred megabytes.
        let bomb = blob(&vec![0; 100 << 20]);
        assert_eq!(unpack::<1>(&bomb), Err(PackingError::TooLarge));
        assert_eq!(unpack::<1>(&[2, 0]), Err(PackingError::Format(2)));
    }

    #[test]
    fn what_could_not_be_unpacked_is_not_packed() {
        assert_eq!(pack(&[&[1], &[]]), Err(PackingError::Ragged));
        assert_eq!(pack(&[&vec![0; MAX_VALUES + 1]]), Err(PackingError::TooLarge));
        assert_eq!(unpack::<0>(&pack(&[]).unwrap()), Ok([]));
    }

    #[test]
    fn a_column_of_similar_samples_is_small() {
        let samples: Vec<u64> = (0..200).map(|i| 1_000_000 + (i * 7919) % 5000).collect();
        let bytes = pack(&[&samples]).unwrap().len();
        assert!(bytes < 500, "{bytes}");
    }
}
