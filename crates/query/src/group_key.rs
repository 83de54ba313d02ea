//! Keys of groups as packed integers.

use std::hash::Hash;
use std::sync::Arc;

use durward_model::errors::Status;
use durward_model::field::Group;
use durward_store::View;

use crate::engine::Engine;
use crate::error::QueryError;
use crate::group::{GroupKey, GroupPosition, Grouping};
use crate::values::{StatusTable, ValueOrder, ValueSpec, ValueTable};

/// The value tables of a grouping's parts.
pub(crate) struct Keys {
    grouping: Grouping,
    pub(crate) parts: Vec<(Arc<ValueTable>, Group)>,
    /// Bits that each part's numbers need.
    pub(crate) bits: Vec<u32>,
    pub(crate) statuses: Arc<StatusTable>,
}

/// The window and the values of one group.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unpacked {
    window: i64,
    status: u8,
    values: Vec<u32>,
}

/// Bits of a status.
const STATUS_BITS: u32 = 2;
/// The number of the window is stored in the lowest bits, from this one on.
const WINDOW_ZERO: i64 = 1 << 31;
const WINDOW_BITS: u32 = 32;

impl Keys {
    pub(crate) fn new(
        engine: &Engine,
        view: &View,
        grouping: Grouping,
    ) -> Result<Keys, QueryError> {
        let mut parts = Vec::new();
        for fields in grouping.parts() {
            let spec = ValueSpec::new(fields)
                .ok_or_else(|| QueryError::Invalid("parts of one group are expected".to_owned()))?;
            parts.push((engine.values(view, &spec), spec.group));
        }
        let bits = parts.iter().map(|(table, _)| bits_of(table.len())).collect();
        Ok(Keys { grouping, parts, bits, statuses: engine.statuses(view) })
    }

    /// Do window, status and values fit into 128 bits? `from` and `to` in µs.
    pub(crate) fn fits_u128(&self, window: i64, from: i64, to: i64) -> bool {
        let numbered =
            |micros: i64| (-WINDOW_ZERO..WINDOW_ZERO).contains(&micros.div_euclid(window));
        let bits: u32 = self.bits.iter().sum();
        bits + STATUS_BITS + WINDOW_BITS <= 128 && numbered(from) && numbered(to)
    }

    pub(crate) fn position(&self, key: &Unpacked, window: i64) -> GroupPosition {
        let values = self.parts.iter().zip(&key.values);
        let values: Vec<ValueOrder> = values.map(|((t, _), n)| t.label(*n).order).collect();
        GroupPosition::new(key.window.saturating_mul(window), &values, key.status)
    }

    pub(crate) fn group_key(&self, key: &Unpacked, window: i64) -> GroupKey {
        let values = self.parts.iter().zip(&key.values).map(|((table, _), number)| {
            let label = table.label(*number);
            (label.field as u8, label.text.to_string())
        });
        GroupKey {
            log: self.grouping.log(),
            start_micros: key.window.saturating_mul(window),
            window_micros: window,
            values: values.collect(),
            status: Status::ALL[usize::from(key.status) % Status::ALL.len()],
        }
    }
}

fn bits_of(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

/// A packed key: one integer for usual sizes, four words for any.
pub(crate) trait Parts: Copy + Eq + Hash + Send {
    /// A key of a window and a status, to which the values are added in order.
    fn packer(window: i64, status: u8) -> Self;
    /// Adds the value of a part.
    fn add(key: &mut Self, value: u32, bits: u32, index: usize);
    /// The parts again; `bits` are those of each part.
    fn unpack(self, bits: &[u32]) -> Unpacked;
}

impl Parts for u128 {
    fn packer(window: i64, status: u8) -> u128 {
        ((window + WINDOW_ZERO) as u128) << STATUS_BITS | u128::from(status)
    }

    fn add(key: &mut u128, value: u32, bits: u32, _index: usize) {
        *key = *key << bits | u128::from(value);
    }

    fn unpack(self, bits: &[u32]) -> Unpacked {
        let mut rest = self;
        let mut take = |bits: u32| {
            let value = rest & ((1 << bits) - 1);
            rest >>= bits;
            value
        };
        let mut values: Vec<u32> = bits.iter().rev().map(|bits| take(*bits) as u32).collect();
        values.reverse();
        let status = take(STATUS_BITS) as u8;
        Unpacked { window: take(WINDOW_BITS) as i64 - WINDOW_ZERO, status, values }
    }
}

/// Words: the window, the status with the first value, and two values a word.
impl Parts for [u64; 4] {
    fn packer(window: i64, status: u8) -> [u64; 4] {
        [window as u64, u64::from(status), 0, 0]
    }

    fn add(key: &mut [u64; 4], value: u32, _bits: u32, index: usize) {
        let place = index + 1;
        key[1 + place / 2] |= u64::from(value) << (32 * (place % 2));
    }

    fn unpack(self, bits: &[u32]) -> Unpacked {
        let half = |place: usize| (self[1 + place / 2] >> (32 * (place % 2))) as u32;
        Unpacked {
            window: self[0] as i64,
            status: half(0) as u8,
            values: (0..bits.len()).map(|index| half(index + 1)).collect(),
        }
    }
}

// Five values and a status fill three words.
const _: () = assert!(MOST_PARTS < 6);
const MOST_PARTS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn through<K: Parts>(parts: &Unpacked, bits: &[u32]) -> Unpacked {
        let mut key = K::packer(parts.window, parts.status);
        for (index, value) in parts.values.iter().enumerate() {
            K::add(&mut key, *value, bits[index], index);
        }
        key.unpack(bits)
    }

    #[test]
    fn keys_hold_all_their_parts() {
        let bits = [bits_of(1), bits_of(2), bits_of(3), bits_of(1 << 20), bits_of(70_000)];
        assert_eq!(bits, [0, 1, 2, 20, 17]);
        for window in [0, 20_000, -20_000] {
            for status in 0..3 {
                let parts =
                    Unpacked { window, status, values: vec![0, 1, 2, (1 << 20) - 1, 69_999] };
                assert_eq!(through::<u128>(&parts, &bits), parts);
                assert_eq!(through::<[u64; 4]>(&parts, &bits), parts);
            }
        }
        let wide = Unpacked { window: i64::MIN, status: 2, values: vec![u32::MAX; 5] };
        assert_eq!(through::<[u64; 4]>(&wide, &[32; 5]), wide);
    }
}
