//! Seeded chance.
//!
//! Every part of the tenant draws from its own stream, keyed by the seed, a [`Topic`] and two
//! numbers (which person, which day). So a day comes out the same whichever day the caller starts
//! with, and adding draws to one part does not move the others. Only integer arithmetic is used
//! on the draws, so that the bytes do not depend on a platform's mathematics library.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream of chance is for.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Topic {
    Tenant = 1,
    Person,
    Application,
    Workload,
    Policy,
    Travel,
    PersonDay,
    WorkloadDay,
    Attack,
    Record,
    Correlation,
    Session,
    Holiday,
    Noise,
    Roaming,
}

/// A stream of chance.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream for `topic` and the numbers `a` and `b` under `seed`.
    pub(crate) fn new(seed: u64, topic: Topic, a: u64, b: u64) -> Dice {
        let mut key = [0_u8; 32];
        for (slot, word) in key.chunks_exact_mut(8).zip([seed, topic as u64, a, b]) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        Dice(ChaCha8Rng::from_seed(key))
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`; 0 where `bound` is 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        debug_assert!(low <= high);
        let span = u128::from((high - low) as u64) + 1;
        low + ((u128::from(self.0.next_u64()) * span) >> 64) as i64
    }

    /// True `per_mille` times in a thousand.
    pub(crate) fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1000) < per_mille
    }

    /// One of `choices`, which must not be empty.
    pub(crate) fn pick<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        assert!(!choices.is_empty(), "nothing to pick from");
        &choices[self.below(choices.len() as u32) as usize]
    }

    /// A random (version 4) GUID.
    pub(crate) fn guid(&mut self) -> Guid {
        let mut bytes = [0_u8; 16];
        self.0.fill_bytes(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Guid(bytes)
    }

    /// Milliseconds between a sign-in and its publication: log-normal around 2.5 minutes, from 1
    /// to 8 minutes, by straight lines between the quantiles.
    pub(crate) fn publication_lag_ms(&mut self) -> i64 {
        const QUANTILES_S: [i64; 33] = [
            60, 60, 70, 77, 84, 91, 96, 102, 107, 112, 117, 122, 128, 133, 139, 144, 150, 156, 162,
            169, 176, 184, 192, 201, 210, 221, 233, 248, 267, 290, 323, 381, 480,
        ];
        let at = self.below(32_000);
        let (slot, within) = ((at / 1000) as usize, i64::from(at % 1000));
        QUANTILES_S[slot] * 1000 + (QUANTILES_S[slot + 1] - QUANTILES_S[slot]) * within
    }
}

/// A GUID, its bytes in the order they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(pub [u8; 16]);

const HEX: &[u8; 16] = b"0123456789abcdef";

impl Guid {
    /// Reads 32 hexadecimal digits, dashes ignored. For the tables of this crate: anything that is
    /// no digit counts as 0, which a test over the tables would show.
    pub(crate) fn of(text: &str) -> Guid {
        let mut bytes = [0_u8; 16];
        let digits = text.chars().filter(|c| *c != '-').map(|c| c.to_digit(16).unwrap_or(0) as u8);
        for (index, digit) in digits.take(32).enumerate() {
            bytes[index / 2] = bytes[index / 2] << 4 | digit;
        }
        Guid(bytes)
    }

    /// Appends the 36 characters.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 15)];
            at += 2;
        }
        out.extend_from_slice(&text);
    }

    /// Appends the 22 characters of a token identifier: unpadded base64url of the bytes with the
    /// first three groups in little-endian order.
    pub(crate) fn write_token(self, out: &mut Vec<u8>) {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        let bytes = ORDER.map(|index| self.0[index]);
        for three in bytes.chunks(3) {
            let word = three.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
                << (8 * (3 - three.len()));
            for place in 0..=three.len() {
                out.push(ALPHABET[(word >> (18 - 6 * place) & 63) as usize]);
            }
        }
    }
}

impl std::fmt::Display for Guid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = Vec::with_capacity(36);
        self.write(&mut text);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let draw = |topic, a, b| Dice::new(7, topic, a, b).bits();
        assert_eq!(draw(Topic::Person, 1, 2), draw(Topic::Person, 1, 2));
        assert_ne!(draw(Topic::Person, 1, 2), draw(Topic::Person, 2, 1));
        assert_ne!(draw(Topic::Person, 1, 2), draw(Topic::Travel, 1, 2));
    }

    #[test]
    fn lag_stays_between_one_and_eight_minutes() {
        let mut dice = Dice::new(1, Topic::Noise, 0, 0);
        let lags: Vec<i64> = (0..20_000).map(|_| dice.publication_lag_ms()).collect();
        assert!(lags.iter().all(|lag| (60_000..=480_000).contains(lag)));
        let mean = lags.iter().sum::<i64>() / 20_000;
        assert!((150_000..190_000).contains(&mean), "{mean}");
    }

    #[test]
    fn guids_are_written_both_ways() {
        // Bytes 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff after reordering.
        let guid = Guid::of("33221100-5544-7766-8899-aabbccddeeff");
        assert_eq!(guid.to_string(), "33221100-5544-7766-8899-aabbccddeeff");
        let mut token = Vec::new();
        guid.write_token(&mut token);
        assert_eq!(token, b"ABEiM0RVZneImaq7zN3u_w");
    }

    #[test]
    fn bounds_hold() {
        let mut dice = Dice::new(3, Topic::Noise, 0, 0);
        assert_eq!(dice.below(0), 0);
        let seen: std::collections::BTreeSet<i64> = (0..500).map(|_| dice.between(-2, 2)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [-2, -1, 0, 1, 2]);
    }
}
