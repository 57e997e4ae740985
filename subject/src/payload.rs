//! The payloads of operations: bytes and texts that look random and depend on the seed alone. `docs/SUBJECT.md` specifies
//! them for other languages. Once released, a payload must never change, or series would mix two meanings.
//!
//! All arithmetic is on integers, or on IEEE 754 doubles with nothing but `+ - * /` and the square root, which are exact
//! everywhere; the platform's own `ln` and `exp` are not.

use aws_lc_rs::digest::{SHA256, digest};

/// Everything random of one case.
#[derive(Debug, Clone, Copy)]
pub struct Payload {
    seed: u64,
}

/// Sizes of incoming mail, in bytes: smallest, largest, median, and sigma of the log-normal distribution that has the
/// median and the mean (110.626 kB) of a week of a provider: sigma = sqrt(2 ln(110.626 / 14.974)).
const MAIL_MIN: f64 = 461.0;
const MAIL_MAX: f64 = 25_571_748.0;
const MAIL_MEDIAN: f64 = 14_974.0;
const MAIL_SIGMA: f64 = 1.999_919_887_908_896_4;

impl Payload {
    /// The payloads of a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The seed itself, for another process.
    pub(crate) fn seed(self) -> u64 {
        self.seed
    }

    /// A root secret that needs no passphrase.
    pub fn root_secret(self) -> [u8; 32] {
        let mut random = self.stream("root secret", 0);
        let mut secret = [0; 32];
        for word in secret.chunks_exact_mut(8) {
            word.copy_from_slice(&random.next().to_le_bytes());
        }
        secret
    }

    /// Bytes that cannot be compressed.
    pub fn blob(self, index: u64, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        let mut random = self.stream("blob", index);
        for word in bytes.chunks_mut(8) {
            word.copy_from_slice(&random.next().to_le_bytes()[..word.len()]);
        }
        bytes
    }

    /// A JSON text of exactly `size` bytes: an object with a number and a body of words, or, where that does not fit, a
    /// string, a digit, or nothing.
    pub fn document(self, index: u64, size: usize) -> Vec<u8> {
        let head = format!(r#"{{"number":{index},"body":""#);
        let (head, tail): (&[u8], &[u8]) = match size {
            0 => return Vec::new(),
            1 => return b"0".to_vec(),
            _ if size < head.len() + 2 => (b"\"", b"\""),
            _ => (head.as_bytes(), b"\"}"),
        };
        let mut text = Vec::with_capacity(size + 16);
        text.extend_from_slice(head);
        self.words(index, size - tail.len(), &mut text);
        text.extend_from_slice(tail);
        text
    }

    /// The size of one message of the mail mix: log-normal, drawn again until it is within the sizes seen and at most
    /// `limit` bytes.
    pub fn mail_size(self, index: u64, limit: u64) -> u64 {
        let mut random = self.stream("mail", index);
        loop {
            let size = MAIL_MEDIAN * exp(MAIL_SIGMA * random.normal());
            if (MAIL_MIN..=MAIL_MAX).contains(&size) && size <= limit as f64 {
                return size as u64;
            }
        }
    }

    /// The random number that decides whether connection number `index` fails.
    pub(crate) fn fate(self, index: u64) -> u64 {
        self.stream("fate", index).next()
    }

    /// Fills `text` up to `end` bytes with words of two to nine letters, each followed by a space, cut at the end.
    fn words(self, index: u64, end: usize, text: &mut Vec<u8>) {
        let mut random = self.stream("document", index);
        while text.len() < end {
            let mut bits = random.next();
            let letters = 2 + bits % 8;
            bits >>= 3;
            for _ in 0..letters {
                text.push(b"etaoinshrdlucmfw"[(bits % 16) as usize]);
                bits >>= 4;
            }
            text.push(b' ');
        }
        text.truncate(end);
    }

    /// Independent random numbers for each use and index: the state starts as the first 8 bytes (little-endian) of
    /// SHA-256("benchline payload 1" ‖ seed (8, little-endian) ‖ index (8, little-endian) ‖ use).
    fn stream(self, purpose: &str, index: u64) -> SplitMix64 {
        let mut bytes = b"benchline payload 1".to_vec();
        bytes.extend_from_slice(&self.seed.to_le_bytes());
        bytes.extend_from_slice(&index.to_le_bytes());
        bytes.extend_from_slice(purpose.as_bytes());
        let mut state = [0; 8];
        state.copy_from_slice(&digest(&SHA256, &bytes).as_ref()[..8]);
        SplitMix64(u64::from_le_bytes(state))
    }
}

/// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [-1, 1).
    fn symmetric(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// Standard normal, by Marsaglia's polar method. The second number of each pair is not used.
    fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (self.symmetric(), self.symmetric());
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * ln(square) / square).sqrt();
            }
        }
    }
}

/// The natural logarithm of a positive normal number: `x = m 2^e` with m near 1, then the series of artanh.
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = (0..12).rev().fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
    2.0 * s * series + exponent as f64 * std::f64::consts::LN_2
}

/// The exponential of a number between -700 and 700: `x = k ln 2 + r`, then the series of exp.
fn exp(x: f64) -> f64 {
    let k = (x / std::f64::consts::LN_2).round();
    let r = x - k * std::f64::consts::LN_2;
    let series = (1..=16).rev().fold(1.0, |sum, n| 1.0 + sum * r / f64::from(n));
    series * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the generator's reference implementation (splitmix64.c by Vigna) for state 1234567.
    #[test]
    fn the_generator_is_splitmix64() {
        let mut random = SplitMix64(1_234_567);
        let numbers: [u64; 5] = std::array::from_fn(|_| random.next());
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821
            ]
        );
    }

    #[test]
    fn documents_are_json_of_the_size_asked_for() {
        for size in (1..200).chain([1000, 10_000]) {
            let text = Payload::new(7).document(12, size);
            assert_eq!(text.len(), size);
            serde_json::from_slice::<serde_json::Value>(&text).unwrap();
        }
        assert!(Payload::new(7).document(12, 0).is_empty());
    }

    #[test]
    fn logarithm_and_exponential_agree_with_the_platform() {
        for i in 1..2000 {
            let x = f64::from(i) * 0.00051;
            assert!((ln(x) - x.ln()).abs() <= 1e-14 * x.ln().abs().max(1.0), "ln {x}");
            let y = f64::from(i - 1000) * 0.02;
            assert!((exp(y) / y.exp() - 1.0).abs() < 1e-14, "exp {y}");
        }
    }

    #[test]
    fn the_mail_mix_has_the_median_and_the_mean_of_the_week() {
        let mut sizes: Vec<u64> = (0..40_000).map(|index| Payload::new(1).mail_size(index, u64::MAX)).collect();
        sizes.sort_unstable();
        let median = sizes[sizes.len() / 2] as f64;
        // Cutting at 461 bytes drops 4% from below: the median rises to that of the rest.
        assert!((14_974.0..18_000.0).contains(&median), "{median}");
        let mean = sizes.iter().sum::<u64>() as f64 / sizes.len() as f64;
        assert!((90_000.0..130_000.0).contains(&mean), "{mean}");
        assert!(sizes[0] >= 461 && sizes[sizes.len() - 1] <= 25_571_748);
    }
}
