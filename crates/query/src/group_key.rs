//! Keys of groups as packed integers.

use std::hash::Hash;
use std::sync::Arc;

use durward_model::errors::Status;
use durward_model::field::Group;
use durward_store::RowRef;

use crate::error::QueryError;
use crate::group::{GroupKey, GroupPosition, GroupValue, Grouping};
use crate::seen::Seen;
use crate::values::{StatusTable, ValueSpec, ValueTable, text_of};

/// The value tables of a grouping's parts.
pub(crate) struct Keys {
    grouping: Grouping,
    pub(crate) parts: Vec<(Arc<ValueTable>, Group)>,
    /// Bits that each part's numbers need.
    pub(crate) bits: Vec<u32>,
    pub(crate) statuses: Arc<StatusTable>,
}

/// The values of one group.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unpacked {
    status: u8,
    /// As many as there are parts; the rest is 0.
    values: [u32; MOST_PARTS],
}

/// Bits of a status.
const STATUS_BITS: u32 = 2;

impl Keys {
    pub(crate) fn new(seen: Seen<'_>, grouping: Grouping) -> Result<Keys, QueryError> {
        let Seen { engine, view, .. } = seen;
        let mut parts = Vec::new();
        for fields in grouping.parts() {
            let spec = ValueSpec::new(fields)
                .ok_or_else(|| QueryError::Invalid("parts of one group are expected".to_owned()))?;
            parts.push((engine.values(view, &spec), spec.group));
        }
        let bits = parts.iter().map(|(table, _)| bits_of(table.len())).collect();
        Ok(Keys { grouping, parts, bits, statuses: engine.statuses(view) })
    }

    /// Do status and values fit into 128 bits?
    pub(crate) fn fits_u128(&self) -> bool {
        self.bits.iter().sum::<u32>() + STATUS_BITS <= 128
    }

    pub(crate) fn position(&self, key: &Unpacked, start_micros: i64) -> GroupPosition {
        let values = self.parts.iter().zip(&key.values);
        GroupPosition::new(start_micros, values.map(|((t, _), n)| t.label(*n).order), key.status)
    }

    pub(crate) fn group_key(&self, key: &Unpacked, start_micros: i64, window: i64) -> GroupKey {
        let values = self.parts.iter().zip(&key.values).map(|((table, _), number)| {
            let label = table.label(*number);
            GroupValue { field: label.field, text: label.text.clone() }
        });
        GroupKey {
            log: self.grouping.log(),
            start_micros,
            window_micros: window,
            values: values.collect(),
            status: Status::ALL[usize::from(key.status) % Status::ALL.len()],
        }
    }
}

/// The values of a group as one of its members spells them. Spellings that fold to the same text
/// are one value, and the first of all may stand where the caller may not look.
pub(crate) fn spell(
    seen: Seen<'_>,
    member: RowRef,
    values: &mut [GroupValue],
) -> Result<(), QueryError> {
    let chunk = &seen.view.chunks[member.chunk as usize];
    for value in values.iter_mut().filter(|value| !value.text.is_empty()) {
        let Some(group) = value.field.group() else { continue };
        let key = chunk.keys(group)?.value(member.row as usize) as u32;
        let cell = seen.view.entities(group).cell(key, value.field);
        value.text = text_of(value.field, &cell).into();
    }
    Ok(())
}

fn bits_of(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

/// A packed key: one integer for usual sizes, three words for any.
pub(crate) trait Parts: Copy + Eq + Hash + Send {
    /// A key of a status, to which the values are added in order.
    fn packer(status: u8) -> Self;
    /// Adds the value of a part.
    fn add(key: &mut Self, value: u32, bits: u32, index: usize);
    /// The parts again; `bits` are those of each part.
    fn unpack(self, bits: &[u32]) -> Unpacked;
}

impl Parts for u128 {
    fn packer(status: u8) -> u128 {
        u128::from(status)
    }

    fn add(key: &mut u128, value: u32, bits: u32, _index: usize) {
        *key = (*key << bits) | u128::from(value);
    }

    fn unpack(self, bits: &[u32]) -> Unpacked {
        let mut rest = self;
        let mut take = |bits: u32| {
            let value = rest & ((1 << bits) - 1);
            rest >>= bits;
            value
        };
        let mut values = [0; MOST_PARTS];
        for (value, bits) in values.iter_mut().zip(bits).rev() {
            *value = take(*bits) as u32;
        }
        Unpacked { status: take(STATUS_BITS) as u8, values }
    }
}

/// The status and then the values, two a word.
impl Parts for [u64; 3] {
    fn packer(status: u8) -> [u64; 3] {
        [u64::from(status), 0, 0]
    }

    fn add(key: &mut [u64; 3], value: u32, _bits: u32, index: usize) {
        let place = index + 1;
        key[place / 2] |= u64::from(value) << (32 * (place % 2));
    }

    fn unpack(self, bits: &[u32]) -> Unpacked {
        let half = |place: usize| (self[place / 2] >> (32 * (place % 2))) as u32;
        let value = |index| if index < bits.len() { half(index + 1) } else { 0 };
        Unpacked { status: half(0) as u8, values: std::array::from_fn(value) }
    }
}

/// Parts of a grouping at most. Five values and a status fill three words.
pub(crate) const MOST_PARTS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn through<K: Parts>(parts: &Unpacked, bits: &[u32]) -> Unpacked {
        let mut key = K::packer(parts.status);
        for (index, value) in parts.values.iter().enumerate() {
            K::add(&mut key, *value, bits[index], index);
        }
        key.unpack(bits)
    }

    #[test]
    fn keys_hold_all_their_parts() {
        let bits = [bits_of(1), bits_of(2), bits_of(3), bits_of(1 << 20), bits_of(70_000)];
        assert_eq!(bits, [0, 1, 2, 20, 17]);
        for status in 0..3 {
            let parts = Unpacked { status, values: [0, 1, 2, (1 << 20) - 1, 69_999] };
            assert_eq!(through::<u128>(&parts, &bits), parts);
            assert_eq!(through::<[u64; 3]>(&parts, &bits), parts);
        }
        let wide = Unpacked { status: 2, values: [u32::MAX; 5] };
        assert_eq!(through::<[u64; 3]>(&wide, &[32; 5]), wide);
    }
}
