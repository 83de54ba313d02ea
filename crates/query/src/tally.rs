//! Counters by slot.

use durward_model::Timestamp;
use hashbrown::{HashMap, HashSet};

use crate::dimensions::{Dimensions, Slot, Slots};
use crate::mix::Mix;
use crate::values::NO_VALUE;

/// As many slots are counted in a plain array (24 bytes each); more in a hash table.
const ARRAY_SLOTS_MAX: u128 = 1 << 17;
/// As large is the bit matrix for distinct values at most (16 MiB a thread); beyond that a set.
const MATRIX_BITS_MAX: u128 = 1 << 27;

/// What was counted in one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) slot: u128,
    pub(crate) by_status: [u64; 3],
    pub(crate) distinct: u64,
    /// Of the first and the last row, where times are noted.
    pub(crate) times: Option<FirstLast>,
}

/// The earliest and the latest of some times.
pub(crate) type FirstLast = (Timestamp, Timestamp);

impl Tally {
    pub(crate) fn count(&self) -> u64 {
        self.by_status.iter().sum()
    }
}

enum Counts<S> {
    Array(Vec<[u64; 3]>),
    Table(HashMap<S, [u64; 3], Mix>),
}

enum Distinct<S> {
    None,
    /// Bit `slot * values + value`.
    Matrix {
        bits: Vec<u64>,
        values: u64,
    },
    Pairs(HashSet<(S, u32), Mix>),
}

/// Times of the first and last row by slot. As large as `Counts`, whose slots these are.
type Times<S> = HashMap<S, FirstLast, Mix>;

/// The counters of one thread.
pub(crate) struct Tallies<S> {
    counts: Counts<S>,
    distinct: Distinct<S>,
    /// Empty where times are not noted.
    times: Times<S>,
}

fn note<S: Slot>(times: &mut Times<S>, slot: S, (first, last): FirstLast) {
    let widen = |own: &mut FirstLast| *own = (own.0.min(first), own.1.max(last));
    times.entry(slot).and_modify(widen).or_insert((first, last));
}

impl<S: Slot> Tallies<S> {
    pub(crate) fn new(dimensions: &Dimensions) -> Tallies<S> {
        let values = dimensions.distinct_len() as u64;
        Tallies::within(dimensions.len(), values, ARRAY_SLOTS_MAX, MATRIX_BITS_MAX)
    }

    fn within(slots: u128, values: u64, array_slots: u128, matrix_bits: u128) -> Tallies<S> {
        let counts = if slots <= array_slots {
            Counts::Array(vec![[0; 3]; slots as usize])
        } else {
            Counts::Table(HashMap::default())
        };
        let distinct = match slots.checked_mul(u128::from(values)) {
            Some(0) => Distinct::None,
            Some(bits) if bits <= matrix_bits => {
                Distinct::Matrix { bits: vec![0; bits.div_ceil(64) as usize], values }
            }
            _ => Distinct::Pairs(HashSet::default()),
        };
        Tallies { counts, distinct, times: Times::default() }
    }

    /// How much is kept, in entries of hash tables.
    pub(crate) fn len(&self) -> usize {
        let counts = match &self.counts {
            Counts::Array(_) => 0,
            Counts::Table(table) => table.len(),
        };
        let pairs = match &self.distinct {
            Distinct::Pairs(pairs) => pairs.len(),
            _ => 0,
        };
        counts.max(pairs)
    }

    /// Counts the rows of a block.
    pub(crate) fn add(&mut self, rows: &Slots<S>) {
        let each = || rows.slots.iter().zip(&rows.statuses);
        match &mut self.counts {
            Counts::Array(counts) => {
                for (&slot, &status) in each() {
                    counts[slot.into() as usize][usize::from(status)] += 1;
                }
            }
            Counts::Table(counts) => {
                for (&slot, &status) in each() {
                    counts.entry(slot).or_default()[usize::from(status)] += 1;
                }
            }
        }
        let each =
            || rows.slots.iter().zip(&rows.distinct).filter(|(_, value)| **value != NO_VALUE);
        match &mut self.distinct {
            Distinct::None => {}
            Distinct::Matrix { bits, values } => {
                for (&slot, &value) in each() {
                    let bit = slot.into() as u64 * *values + u64::from(value);
                    bits[(bit / 64) as usize] |= 1 << (bit % 64);
                }
            }
            Distinct::Pairs(pairs) => pairs.extend(each().map(|(&slot, &value)| (slot, value))),
        }
        for (&slot, &time) in rows.slots.iter().zip(&rows.times) {
            note(&mut self.times, slot, (time, time));
        }
    }

    /// Adds what another thread counted in the same dimensions.
    pub(crate) fn merge(&mut self, other: Tallies<S>) {
        let add = |own: &mut [u64; 3], more: [u64; 3]| {
            own.iter_mut().zip(more).for_each(|(own, more)| *own += more);
        };
        match (&mut self.counts, other.counts) {
            (Counts::Array(own), Counts::Array(more)) => {
                own.iter_mut().zip(more).for_each(|(own, more)| add(own, more));
            }
            (Counts::Table(own), Counts::Table(more)) => {
                for (slot, more) in more {
                    add(own.entry(slot).or_default(), more);
                }
            }
            _ => debug_assert!(false, "threads of one query count in one way"),
        }
        match (&mut self.distinct, other.distinct) {
            (Distinct::Matrix { bits: own, .. }, Distinct::Matrix { bits: more, .. }) => {
                own.iter_mut().zip(more).for_each(|(own, more)| *own |= more);
            }
            (Distinct::Pairs(own), Distinct::Pairs(more)) => own.extend(more),
            (Distinct::None, Distinct::None) => {}
            _ => debug_assert!(false, "threads of one query count in one way"),
        }
        for (slot, times) in other.times {
            note(&mut self.times, slot, times);
        }
    }

    /// What was counted, slots without events left out.
    pub(crate) fn into_tallies(self) -> Vec<Tally> {
        let tally = |slot: u128, by_status| Tally { slot, by_status, distinct: 0, times: None };
        let mut tallies: Vec<Tally> = match self.counts {
            Counts::Array(counts) => {
                let each = counts.into_iter().enumerate();
                let used = each.filter(|(_, by_status)| by_status.iter().any(|&n| n > 0));
                used.map(|(slot, by_status)| tally(slot as u128, by_status)).collect()
            }
            Counts::Table(counts) => {
                counts.into_iter().map(|(slot, by_status)| tally(slot.into(), by_status)).collect()
            }
        };
        if !self.times.is_empty() {
            let times: HashMap<u128, FirstLast, Mix> =
                self.times.into_iter().map(|(slot, times)| (slot.into(), times)).collect();
            for tally in &mut tallies {
                tally.times = times.get(&tally.slot).copied();
            }
        }
        match self.distinct {
            Distinct::None => {}
            Distinct::Matrix { bits, values } => {
                for tally in &mut tallies {
                    let from = tally.slot as u64 * values;
                    tally.distinct = ones(&bits, from, from + values);
                }
            }
            Distinct::Pairs(pairs) => {
                let mut counts: HashMap<u128, u64, Mix> = HashMap::default();
                for (slot, _) in pairs {
                    *counts.entry(slot.into()).or_default() += 1;
                }
                for tally in &mut tallies {
                    tally.distinct = counts.get(&tally.slot).copied().unwrap_or(0);
                }
            }
        }
        tallies
    }
}

/// How many bits are set from one bit up to, not including, another.
fn ones(bits: &[u64], from: u64, to: u64) -> u64 {
    let (first, last) = ((from / 64) as usize, (to / 64) as usize);
    let below = |bit: u64| (1_u64 << (bit % 64)) - 1;
    let word = |index: usize| bits.get(index).copied().unwrap_or(0);
    if first == last {
        return u64::from((word(first) & below(to) & !below(from)).count_ones());
    }
    let middle: u32 = bits[first + 1..last].iter().map(|word| word.count_ones()).sum();
    let ends = (word(first) & !below(from)).count_ones() + (word(last) & below(to)).count_ones();
    u64::from(middle + ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_of_a_range_are_counted() {
        let bits = [u64::MAX; 3];
        for (from, to) in [(0, 0), (0, 64), (3, 5), (60, 70), (0, 192), (64, 128), (1, 191)] {
            assert_eq!(ones(&bits, from, to), to - from, "{from}..{to}");
        }
        assert_eq!(ones(&[0b1010, 1], 1, 65), 3);
    }

    #[test]
    fn arrays_and_tables_count_alike() {
        let narrow = counted::<u64>(|slot| slot);
        assert_eq!(narrow, counted::<u128>(u128::from));
    }

    fn counted<S: Slot>(slot_of: impl Fn(u64) -> S) -> Vec<Tally> {
        let rows = |from: u64| {
            let slots: Vec<u64> = (0..500).map(|n| (n * n + from) % 40).collect();
            let distinct = slots.iter().map(|slot| (slot * 7 % 70) as u32).collect();
            let statuses = slots.iter().map(|slot| (slot % 3) as u8).collect();
            let mut rows = Slots::default();
            rows.slots = slots.into_iter().map(&slot_of).collect();
            (rows.statuses, rows.distinct) = (statuses, distinct);
            rows
        };
        let mut results = Vec::new();
        for (array, matrix) in [(1000, 1 << 20), (0, 0), (1000, 0), (0, 1 << 20)] {
            let new = || Tallies::within(40, 70, array, matrix);
            let (mut one, mut other) = (new(), new());
            one.add(&rows(0));
            other.add(&rows(1));
            other.add(&rows(2));
            one.merge(other);
            let mut tallies = one.into_tallies();
            tallies.sort_unstable_by_key(|tally| tally.slot);
            results.push(tallies);
        }
        assert_eq!(results[0].iter().map(Tally::count).sum::<u64>(), 1500);
        // Slot 0 and 10, 20, 30 have "no value" only.
        let none = results[0].iter().filter(|tally| tally.distinct == 0);
        assert!(none.clone().count() > 0 && none.into_iter().all(|tally| tally.slot % 10 == 0));
        assert!(results.iter().all(|result| *result == results[0]));
        results.remove(0)
    }
}
