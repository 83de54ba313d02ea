//! What happened lately, within a span of time and a bound.

use std::collections::VecDeque;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// Things with their times (µs), oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recent<T>(VecDeque<(i64, T)>);

impl<T> Default for Recent<T> {
    fn default() -> Recent<T> {
        Recent(VecDeque::new())
    }
}

impl<T> Recent<T> {
    /// Adds something, and forgets what is older than `span_micros` or more than `most`.
    pub fn push(&mut self, at_micros: i64, thing: T, span_micros: i64, most: usize) {
        while self.0.front().is_some_and(|(at, _)| at_micros - at > span_micros) {
            self.0.pop_front();
        }
        while self.0.len() >= most.max(1) {
            self.0.pop_front();
        }
        self.0.push_back((at_micros, thing));
    }

    /// What happened at or after an instant, oldest first.
    pub fn since(&self, micros: i64) -> impl DoubleEndedIterator<Item = (i64, &T)> + Clone {
        let start = self.0.partition_point(|(at, _)| *at < micros);
        self.0.range(start..).map(|(at, thing)| (*at, thing))
    }

    /// All of it, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, &T)> + Clone {
        self.0.iter().map(|(at, thing)| (*at, thing))
    }

    /// How many there are, whatever their age.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The time of the newest; the beginning of time where there is none.
    pub fn last_micros(&self) -> i64 {
        self.0.back().map_or(i64::MIN, |(at, _)| *at)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Different keys seen within a span of time, each with the time it was last seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Distinct {
    seen: HashMap<u64, i64>,
    /// When what is too old was last looked for.
    swept_micros: i64,
}

impl Distinct {
    /// Sees a key, forgets what is older than `span_micros`, and gives how many there are now.
    /// Beyond `most`, keys that were not seen before are not told apart any more.
    pub fn see(&mut self, at_micros: i64, key: u64, span_micros: i64, most: usize) -> usize {
        let before = at_micros - span_micros;
        // Looking through all of them is only worth it after a part of the span.
        if self.swept_micros < at_micros - span_micros / 16 {
            self.seen.retain(|_, at| *at >= before);
            self.swept_micros = at_micros;
        }
        if self.seen.len() < most || self.seen.contains_key(&key) {
            self.seen.insert(key, at_micros);
        }
        self.count(before)
    }

    /// How many were seen at or after an instant.
    pub fn count(&self, since_micros: i64) -> usize {
        self.seen.values().filter(|at| **at >= since_micros).count()
    }

    /// Was the key seen at or after an instant?
    pub fn has(&self, key: u64, since_micros: i64) -> bool {
        self.seen.get(&key).is_some_and(|at| *at >= since_micros)
    }

    /// The keys seen at or after an instant, in no order.
    pub fn keys(&self, since_micros: i64) -> impl Iterator<Item = u64> {
        let recent = self.seen.iter().filter(move |(_, at)| **at >= since_micros);
        recent.map(|(key, _)| *key)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Distinct::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_or_too_much_is_forgotten() {
        let mut recent = Recent::default();
        for at in 0..10 {
            recent.push(at, at, 5, 4);
        }
        assert_eq!(recent.iter().map(|(at, _)| at).collect::<Vec<_>>(), [6, 7, 8, 9]);
        assert_eq!(recent.since(8).count(), 2);
        recent.push(100, 100, 5, 4);
        assert_eq!(recent.len(), 1);
    }

    #[test]
    fn distinct_keys_are_counted_within_the_span() {
        let mut distinct = Distinct::default();
        let mut plain: Vec<(i64, u64)> = Vec::new();
        for step in 0..2000_i64 {
            let (at, key) = (step * 7, (step * step % 37) as u64);
            plain.push((at, key));
            let mut expected: Vec<u64> =
                plain.iter().filter(|(t, _)| *t >= at - 300).map(|(_, key)| *key).collect();
            expected.sort_unstable();
            expected.dedup();
            assert_eq!(distinct.see(at, key, 300, 1000), expected.len(), "at {at}");
        }
    }
}
