//! A fast hash for keys that are integers already.

use std::hash::{BuildHasherDefault, Hasher};

/// Mixes integers by folded multiplication. Keys come from our own numbering of values, not from
/// outside, so nobody can choose them to collide.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MixHasher(u64);

/// For `hashbrown` maps and sets.
pub(crate) type Mix = BuildHasherDefault<MixHasher>;

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

impl MixHasher {
    fn mix(&mut self, value: u64) {
        let wide = u128::from(self.0 ^ value).wrapping_mul(u128::from(ODD));
        self.0 = (wide as u64) ^ ((wide >> 64) as u64).rotate_left(23);
    }
}

impl Hasher for MixHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.mix(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_u128(&mut self, value: u128) {
        self.mix(value as u64);
        self.mix((value >> 64) as u64);
    }
}
