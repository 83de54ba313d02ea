//! Revisions of an event as a restricted caller sees them.
//!
//! A record that was delivered again with a difference is a revision. Where all that differs is
//! hidden from a caller, the number of the later one would tell them that something did: so
//! revisions that follow each other and show the caller the same are one to them, with the times
//! of its first delivery, and numbers count what they can tell apart (SIGHT-2). Revisions that no
//! grant covers are not counted either.
//!
//! An event is seen if its latest revision is.

use std::cmp::Reverse;

use arrow_array::Array;
use durward_model::event::RowValues;
use durward_model::field::FIELDS;
use durward_model::time::SECOND_MICROS;
use durward_model::{Event, FieldId, Id, Log};
use durward_store::{RowRef, View};
use hashbrown::HashMap;

use crate::budget::Meter;
use crate::error::QueryError;
use crate::sight::Sight;

/// Records of one event may differ in time by that much: some exports cut it to the second.
const NEAR_MICROS: i64 = SECOND_MICROS;
/// How often the search for records of one event is widened by those it found.
const ROUNDS_MAX: usize = 8;
/// Events whose revisions are read in one go.
const EVENTS_AT_ONCE: usize = 1024;

/// What a caller sees of the revisions of events.
pub(crate) struct History<'a> {
    pub(crate) view: &'a View,
    pub(crate) sight: &'a Sight,
    pub(crate) meter: &'a Meter<'a>,
}

/// A record of an event.
struct Record {
    /// `None` where it is not in the view.
    at: Option<RowRef>,
    event: Event,
}

/// What a caller takes for one revision.
struct Revision {
    /// The first of its records, redacted, with the number that the caller is told.
    shown: Event,
    /// Where its records are.
    records: Vec<Option<RowRef>>,
    is_latest: bool,
}

impl History<'_> {
    /// The events of some rows as the caller sees them, `None` for those they do not.
    pub(crate) fn show_rows(
        &self,
        events: Vec<Event>,
        rows: &[RowRef],
    ) -> Result<Vec<Option<Event>>, QueryError> {
        let mut shown = Vec::with_capacity(events.len());
        let mut all = events.into_iter().zip(rows.iter().copied());
        loop {
            let some: Vec<(Event, RowRef)> = all.by_ref().take(EVENTS_AT_ONCE).collect();
            if some.is_empty() {
                return Ok(shown);
            }
            // The first revision is the first whatever came after it; and searching is for what
            // is shown.
            let open = |event: &Event| event.row().revision != 0 && self.sight.covers(event);
            let mut near = Vec::new();
            for (event, row) in some.iter().filter(|(event, _)| open(event)) {
                near.push(*row);
                near.extend(self.rows_near(event.row())?);
            }
            let numbered = self.numbered(self.records(near)?);
            shown.extend(some.into_iter().map(|(event, row)| match open(&event) {
                true => numbered.get(&Some(row)).cloned(),
                false => self.sight.show(event),
            }));
        }
    }

    /// An event, which need not be in the view, as the caller sees it; `None` if they do not.
    pub(crate) fn show(&self, event: Event) -> Result<Option<Event>, QueryError> {
        if event.row().revision == 0 || !self.sight.covers(&event) {
            return Ok(self.sight.show(event));
        }
        let mut records = self.records(self.rows_near(event.row())?)?;
        let same = |record: &&Record| {
            record.event.row() == event.row() && record.event.same_entities(&event)
        };
        let at = records.iter().find(same).and_then(|record| record.at);
        if at.is_none() {
            records.push(Record { at: None, event });
        }
        Ok(self.numbered(records).remove(&at))
    }

    /// What is shown for each record that the caller sees.
    fn numbered(&self, records: Vec<Record>) -> HashMap<Option<RowRef>, Event> {
        let mut numbered = HashMap::new();
        for revision in families(records).into_iter().flat_map(|family| self.number(family)) {
            let shown = revision.shown;
            numbered.extend(revision.records.into_iter().map(|at| (at, shown.clone())));
        }
        numbered
    }

    /// All revisions that the caller sees among some rows, the latest first.
    pub(crate) fn revisions(&self, rows: &[RowRef]) -> Result<Vec<Event>, QueryError> {
        let mut all = Vec::new();
        for family in families(self.records(rows.to_vec())?) {
            let revisions = self.number(family);
            if revisions.iter().any(|revision| revision.is_latest) {
                all.extend(revisions);
            }
        }
        all.sort_by_cached_key(|revision| {
            let row = revision.shown.row();
            let tenant = revision.shown.cell(FieldId::TenantId).to_string();
            let newest_first = (Reverse(row.revision), Reverse(row.created), row.log, tenant);
            (!revision.is_latest, newest_first)
        });
        Ok(all.into_iter().map(|revision| revision.shown).collect())
    }

    /// The revisions of one event that the caller can tell apart, in the order they came.
    fn number(&self, mut family: Vec<Record>) -> Vec<Revision> {
        family.sort_by_key(|record| (record.event.row().revision, record.event.row().received));
        let mut revisions: Vec<Revision> = Vec::new();
        for Record { at, event } in family {
            let Some(shown) = self.sight.show_as(event, revisions.len() as i32) else { continue };
            let is_latest = at.is_some_and(|at| !self.is_replaced(at));
            match revisions.last_mut().filter(|last| shows_the_same(&last.shown, &shown)) {
                Some(last) => {
                    last.records.push(at);
                    last.is_latest |= is_latest;
                }
                None => revisions.push(Revision { shown, records: vec![at], is_latest }),
            }
        }
        revisions
    }

    fn is_replaced(&self, at: RowRef) -> bool {
        let replaced = self.view.chunks[at.chunk as usize].superseded();
        replaced.is_some_and(|rows| rows.contains(at.row))
    }

    fn records(&self, mut rows: Vec<RowRef>) -> Result<Vec<Record>, QueryError> {
        rows.sort_unstable();
        rows.dedup();
        let events = self.view.events(&rows)?;
        let record = |(event, at)| Record { at: Some(at), event };
        Ok(events.into_iter().zip(rows).map(record).collect())
    }

    /// Rows that can be records of the event with these values.
    fn rows_near(&self, own: &RowValues) -> Result<Vec<RowRef>, QueryError> {
        let (mut from, mut to) = (own.created.micros, own.created.micros);
        let mut rows = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let (first, last) = (from, to);
            rows = self.rows_within(&own.id, own.log, (&mut from, &mut to))?;
            if (first, last) == (from, to) {
                break;
            }
        }
        Ok(rows)
    }

    /// Rows with this identifier that are near a span of time, which is widened to hold them.
    fn rows_within(
        &self,
        id: &Id,
        log: Log,
        (from, to): (&mut i64, &mut i64),
    ) -> Result<Vec<RowRef>, QueryError> {
        let (first, last) = (from.saturating_sub(NEAR_MICROS), to.saturating_add(NEAR_MICROS));
        let mut rows = Vec::new();
        for (index, chunk) in self.view.chunks.iter().enumerate() {
            let outside = chunk.max_micros() < first || chunk.min_micros() > last;
            let other = namespace(chunk.log()) != namespace(log);
            if outside || other || !chunk.may_contain(FieldId::Id, id)? {
                continue;
            }
            let created = chunk.created()?;
            let times = created.values();
            let start = times.partition_point(|&time| time > last);
            let end = times.partition_point(|&time| time >= first);
            self.meter.spend(end.saturating_sub(start))?;
            let ids = chunk.ids(FieldId::Id)?;
            for row in (start..end).filter(|&row| ids.is_valid(row) && ids.value(row) == id.0) {
                *from = times[row].min(*from);
                *to = times[row].max(*to);
                rows.push(RowRef { chunk: index as u32, row: row as u32 });
            }
        }
        Ok(rows)
    }
}

/// Logs of one namespace share their identifiers, as in the store.
fn namespace(log: Log) -> Log {
    if log.is_sign_in() { Log::InteractiveUser } else { log }
}

/// Records by the event they are of: one identifier of one tenant at about one time.
fn families(records: Vec<Record>) -> Vec<Vec<Record>> {
    let mut keyed: Vec<_> = records
        .into_iter()
        .map(|record| {
            let row = record.event.row();
            let tenant = record.event.cell(FieldId::TenantId).to_string();
            ((row.id, namespace(row.log), tenant), row.created.micros, record)
        })
        .collect();
    keyed.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    let mut all: Vec<Vec<Record>> = Vec::new();
    let mut before = None;
    for (key, created, record) in keyed {
        let same = before
            .as_ref()
            .is_some_and(|(other, at)| *other == key && created.saturating_sub(*at) <= NEAR_MICROS);
        before = Some((key, created));
        match all.last_mut().filter(|_| same) {
            Some(family) => family.push(record),
            None => all.push(vec![record]),
        }
    }
    all
}

/// Do two records, redacted, show the same? When they were delivered does not matter, and the
/// shape of the original record only in what it makes of it.
fn shows_the_same(a: &Event, b: &Event) -> bool {
    use FieldId::{PublishedDateTime, ReceivedDateTime, Shape};
    let mut shown =
        FIELDS.iter().filter(|f| !matches!(f.id, PublishedDateTime | ReceivedDateTime | Shape));
    a.row().log == b.row().log
        && a.shows_conditional_access() == b.shows_conditional_access()
        && a.has_original() == b.has_original()
        && shown.all(|field| a.cell(field.id) == b.cell(field.id))
        && a.original() == b.original()
}
