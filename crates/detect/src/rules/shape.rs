//! From matching records to what is found: the shapes at work.
//!
//! What a rule finds from one instant to another depends on no more than a bounded time before
//! (RULE-1, [`lookback_micros`]): so a look at the newest records finds what a look at all of
//! history finds there. That is why quiet times are the cells of a fixed grid and not spans that
//! begin with a finding.

use std::collections::VecDeque;

use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use durward_model::{FieldId, Id};
use durward_store::RowRef;
use hashbrown::HashMap;

use super::key::Key;
use super::model::{Rule, Shape};
use super::rows::Row;
use crate::finding::{EVENTS_MAX, EventRef};

/// Entities that a rule remembers at most; those not seen for the longest time are forgotten.
const ENTITIES_MAX: usize = 500_000;
/// Values of one entity that a rule remembers at most.
const VALUES_MAX: usize = 10_000;
/// Findings of one run at most; more are counted.
pub(crate) const FINDINGS_MAX: usize = 10_000;
/// Values that a finding names at most.
pub(crate) const NAMED_MAX: usize = 10;

/// A matching record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub(crate) event: EventRef,
    pub(crate) row: RowRef,
    /// The value that is counted or new.
    value: u64,
    correlation: Id,
}

/// Something found, before it is put in words.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Tells it from others about the same subject: entity, and attempt, value or cell.
    pub(crate) occurrence: [u64; 3],
    /// When it could first be known, and when it was told last, µs.
    pub(crate) found_micros: i64,
    pub(crate) told_micros: i64,
    /// The record that it was told with last.
    pub(crate) last: Hit,
    /// Of a sequence the record that came first; of an absence nothing else.
    pub(crate) before: Option<Hit>,
    /// How many records or values there were when it was first known, and within which time.
    pub(crate) reached: usize,
    pub(crate) reached_in_micros: i64,
    /// A record of each value that was counted, the newest [`NAMED_MAX`].
    pub(crate) named: Vec<RowRef>,
    /// The newest records.
    pub(crate) events: Vec<EventRef>,
    pub(crate) count: u64,
}

/// What is remembered of an entity.
#[derive(Default)]
struct Memory {
    touched_micros: i64,
    /// The newest records, one a value where values are counted, oldest first.
    latest: VecDeque<Hit>,
    /// When a value was seen last.
    values: HashMap<u64, i64>,
    /// Days on which it was seen, ascending.
    days: VecDeque<i64>,
}

/// A rule at work on matching records, which come oldest first.
pub(crate) struct Shaping<'r> {
    rule: &'r Rule,
    per: &'r [Key],
    of: Option<&'r Key>,
    from_micros: i64,
    memory: HashMap<u64, Memory>,
    open: HashMap<[u64; 3], Found>,
    /// Found, but too many to keep.
    pub(crate) uncounted: u64,
    /// Matching records in the range that was asked for.
    pub(crate) matches: u64,
}

/// How long before a range a rule must look to know what it finds in it.
pub(crate) fn lookback_micros(rule: &Rule, from_micros: i64) -> i64 {
    let window = match &rule.shape {
        Shape::AnyMatch => 0,
        Shape::Count { window, .. } | Shape::Distinct { window, .. } => window.0,
        Shape::Sequence { within, .. } => within.0,
        // Whole days: those on which an entity was seen are remembered as days.
        Shape::NewValue { learning, .. } => 2 * learning.0 + DAY_MICROS,
        Shape::Absence { lasting, .. } => lasting.0,
    };
    from_micros.saturating_sub(from_micros.rem_euclid(cell_micros(rule))).saturating_sub(window)
}

/// How long one finding about an entity can go on.
fn cell_micros(rule: &Rule) -> i64 {
    rule.suppress.same_entity_hours.map_or(DAY_MICROS, |hours| i64::from(hours) * HOUR_MICROS)
}

impl<'r> Shaping<'r> {
    /// For what is found from an instant on (µs).
    pub(crate) fn new(
        rule: &'r Rule,
        per: &'r [Key],
        of: Option<&'r Key>,
        from_micros: i64,
    ) -> Shaping<'r> {
        Shaping {
            rule,
            per,
            of,
            from_micros,
            memory: HashMap::new(),
            open: HashMap::new(),
            uncounted: 0,
            matches: 0,
        }
    }

    /// Looks at a matching record; of a sequence, one that comes `first`.
    pub(crate) fn see(&mut self, row: &Row<'_>, first: bool) {
        if row.at_micros >= self.from_micros {
            self.matches += u64::from(!first);
        }
        let Some(entity) = self.entity(row) else { return };
        let value = match self.of {
            None => 0,
            Some(key) => match key.hash(row) {
                Some(value) => value,
                None => return,
            },
        };
        let event = EventRef { at_micros: row.at_micros, id: row.id };
        let wants_attempt = self.rule.shape == Shape::AnyMatch && self.rule.suppress.same_attempt;
        let correlation = wants_attempt.then(|| row.identifier(FieldId::CorrelationId)).flatten();
        let correlation = correlation.unwrap_or(row.id);
        let hit = Hit { event, row: row.at, value, correlation };
        match &self.rule.shape {
            Shape::AnyMatch => self.fire(entity, &[hit], row.at_micros, None),
            Shape::Count { at_least, window, .. } => {
                self.count(entity, hit, *at_least, window.0, false);
            }
            Shape::Distinct { at_least, window, .. } => {
                self.count(entity, hit, *at_least, window.0, true);
            }
            Shape::NewValue { learning, .. } => self.new_value(entity, hit, learning.0),
            Shape::Sequence { within, .. } => self.sequence(entity, hit, within.0, first),
            Shape::Absence { lasting, .. } => self.absence(entity, hit, lasting.0),
        }
    }

    /// What was found from the beginning of the range on, when all records up to an instant (µs,
    /// excluded) were looked at; in the order of being found.
    pub(crate) fn finish(&mut self, to_micros: i64) -> Vec<Found> {
        if let Shape::Absence { lasting, .. } = self.rule.shape {
            let silent = |memory: &Memory| {
                let last = *memory.latest.back()?;
                (last.event.at_micros + lasting.0 < to_micros).then_some(last)
            };
            let gone: Vec<(u64, Hit)> = self
                .memory
                .iter()
                .filter_map(|(entity, memory)| Some((*entity, silent(memory)?)))
                .collect();
            for (entity, last) in gone {
                self.fire(entity, &[last], last.event.at_micros + lasting.0, None);
            }
        }
        let open = std::mem::take(&mut self.open);
        let mut found: Vec<Found> =
            open.into_values().filter(|found| found.told_micros >= self.from_micros).collect();
        found.sort_unstable_by_key(|found| (found.found_micros, found.occurrence));
        found
    }

    /// The entity of a record; `None` where it has none.
    fn entity(&self, row: &Row<'_>) -> Option<u64> {
        if self.rule.shape == Shape::AnyMatch && self.rule.suppress.same_entity_hours.is_none() {
            return Some(0);
        }
        let mut bytes = Vec::with_capacity(8 * (self.per.len() + 1));
        bytes.extend(row.text(FieldId::TenantId).bytes());
        for key in self.per {
            bytes.extend(key.hash(row)?.to_le_bytes());
        }
        if self.rule.shape == Shape::AnyMatch {
            bytes.extend(super::tell::subject_of(row, None).id.bytes());
        }
        Some(xxhash_rust::xxh3::xxh3_64(&bytes))
    }

    fn memory(&mut self, entity: u64, at_micros: i64) -> &mut Memory {
        if self.memory.len() >= ENTITIES_MAX && !self.memory.contains_key(&entity) {
            let mut times: Vec<i64> = self.memory.values().map(|one| one.touched_micros).collect();
            let middle = times.len() / 2;
            let (_, &mut middle, _) = times.select_nth_unstable(middle);
            self.memory.retain(|_, one| one.touched_micros > middle);
        }
        let memory = self.memory.entry(entity).or_default();
        memory.touched_micros = at_micros;
        memory
    }

    /// The newest so many records, or one record of each of the newest so many values, tell
    /// whether there were enough within the window.
    fn count(&mut self, entity: u64, hit: Hit, at_least: usize, window: i64, distinct: bool) {
        let at = hit.event.at_micros;
        let memory = self.memory(entity, at);
        if distinct && let Some(place) = memory.latest.iter().position(|one| one.value == hit.value)
        {
            memory.latest.remove(place);
        }
        while memory.latest.len() >= at_least {
            memory.latest.pop_front();
        }
        memory.latest.push_back(hit);
        let enough = memory.latest.len() == at_least
            && memory.latest.front().is_some_and(|first| at - first.event.at_micros <= window);
        if enough {
            let hits: Vec<Hit> = memory.latest.iter().copied().collect();
            self.fire(entity, &hits, at, None);
        }
    }

    fn new_value(&mut self, entity: u64, hit: Hit, learning: i64) {
        let at = hit.event.at_micros;
        let day = at.div_euclid(DAY_MICROS);
        let learning_days = learning / DAY_MICROS;
        let memory = self.memory(entity, at);
        while memory.days.front().is_some_and(|first| *first < day - 2 * learning_days) {
            memory.days.pop_front();
        }
        let known_long = memory.days.front().is_some_and(|first| *first <= day - learning_days);
        if memory.days.back() != Some(&day) {
            memory.days.push_back(day);
        }
        let before = memory.values.insert(hit.value, at);
        if memory.values.len() > VALUES_MAX {
            memory.values.retain(|_, seen| *seen >= at - learning);
            if memory.values.len() > VALUES_MAX {
                memory.values.clear();
                memory.values.insert(hit.value, at);
            }
        }
        if known_long && before.is_none_or(|seen| seen < at - learning) {
            self.fire(entity, &[hit], at, None);
        }
    }

    fn sequence(&mut self, entity: u64, hit: Hit, within: i64, first: bool) {
        let at = hit.event.at_micros;
        let memory = self.memory(entity, at);
        if first {
            memory.latest.clear();
            memory.latest.push_back(hit);
            return;
        }
        let before = memory.latest.back().copied();
        if let Some(before) = before.filter(|before| at - before.event.at_micros <= within) {
            self.fire(entity, &[before, hit], at, Some(before));
        }
    }

    fn absence(&mut self, entity: u64, hit: Hit, lasting: i64) {
        let at = hit.event.at_micros;
        let memory = self.memory(entity, at);
        let last = memory.latest.pop_back();
        memory.latest.push_back(hit);
        if let Some(last) = last.filter(|last| at - last.event.at_micros > lasting) {
            self.fire(entity, &[last], last.event.at_micros + lasting, None);
        }
    }

    /// Something was found, from these records, at this moment.
    fn fire(&mut self, entity: u64, hits: &[Hit], at_micros: i64, before: Option<Hit>) {
        let Some(&last) = hits.last() else { return };
        let cell = cell_micros(self.rule);
        if at_micros.div_euclid(cell) < self.from_micros.div_euclid(cell) {
            // It cannot go on into the range that was asked for.
            return;
        }
        let occurrence = self.occurrence(entity, &last, at_micros);
        if self.open.len() >= FINDINGS_MAX && !self.open.contains_key(&occurrence) {
            self.uncounted += u64::from(at_micros >= self.from_micros);
            return;
        }
        let found = self.open.entry(occurrence).or_insert_with(|| Found {
            occurrence,
            found_micros: at_micros,
            told_micros: at_micros,
            last,
            before,
            reached: hits.len(),
            reached_in_micros: last.event.at_micros - hits[0].event.at_micros,
            named: hits.iter().rev().take(NAMED_MAX).map(|hit| hit.row).collect(),
            events: Vec::new(),
            count: 0,
        });
        (found.told_micros, found.last) = (at_micros, last);
        let known_last = found.events.last().copied();
        let fresh = hits.iter().map(|hit| hit.event).filter(|event| known_last < Some(*event));
        let fresh: Vec<EventRef> = fresh.collect();
        found.count += fresh.len() as u64;
        found.events.extend(fresh);
        let excess = found.events.len().saturating_sub(EVENTS_MAX);
        found.events.drain(..excess);
    }

    fn occurrence(&self, entity: u64, hit: &Hit, at_micros: i64) -> [u64; 3] {
        let cell = at_micros.div_euclid(cell_micros(self.rule)) as u64;
        let of_id = |Id(id): Id| xxhash_rust::xxh3::xxh3_64(&id);
        let single = self.rule.suppress.same_entity_hours.is_none();
        match &self.rule.shape {
            Shape::AnyMatch if single => [entity, of_id(hit.correlation), cell],
            Shape::Absence { .. } if single => [entity, of_id(hit.event.id), 0],
            Shape::NewValue { .. } if single => [entity, hit.value, cell],
            _ => [entity, 0, cell],
        }
    }
}
