//! The log as one caller sees it: the only way to it for whoever answers callers.

use std::sync::{Arc, OnceLock};

use durward_model::field::Group;
use durward_model::{Event, FieldId, Log};
use durward_store::{RowRef, View};

use crate::aggregate::{AggregateRequest, AggregateRow, Dimension};
use crate::budget::{Budget, Meter};
use crate::columns::Columns;
use crate::cursor::{Order, Position};
use crate::engine::Engine;
use crate::error::QueryError;
use crate::facet::{Facet, FacetRequest};
use crate::filter::{Filter, Op, Value};
use crate::group::{GroupPage, GroupRequest};
use crate::history::History;
use crate::list::{ListRequest, Page};
use crate::seen::{Limit, Seen};
use crate::sight::Sight;
use crate::sorted::{SortKey, SortedRequest};
use crate::summary::{Summary, SummaryRequest};

/// Answers the questions of one caller about one view.
///
/// Every answer is the one that the log would give if it held nothing but what the caller sees,
/// each event redacted as they see it (SIGHT-2); how long it takes and where a budget ends is not
/// hidden. Of several spellings of a value, groups show that of their latest member, and counts
/// the first in byte order among the events counted.
#[derive(Debug)]
pub struct Reader {
    engine: Arc<Engine>,
    view: Arc<View>,
    sight: Sight,
    budget: Budget,
    /// The view under the sight's mask, made when first needed.
    masked: OnceLock<View>,
}

impl Reader {
    /// A reader of a view; each question may use up the whole budget.
    pub fn new(engine: Arc<Engine>, view: Arc<View>, sight: Sight, budget: Budget) -> Reader {
        Reader { engine, view, sight, budget, masked: OnceLock::new() }
    }

    /// What the caller may see.
    pub fn sight(&self) -> &Sight {
        &self.sight
    }

    /// Counts up with every change to the log, seen or not.
    pub fn version(&self) -> u64 {
        self.view.version()
    }

    /// One page of the events that a filter finds.
    pub fn list(&self, request: &ListRequest) -> Result<Page, QueryError> {
        self.sight.check(&request.filter)?;
        self.seen().list(request, &self.budget)
    }

    /// The page of a list that begins at a place of it, counted from 0; empty beyond the end. What
    /// comes before is counted, not made, so a jump to anywhere takes about as long as a count.
    /// [`ListRequest::after`] plays no part.
    pub fn page_at(&self, request: &ListRequest, offset: u64) -> Result<Page, QueryError> {
        self.sight.check(&request.filter)?;
        self.seen().page_at(request, offset, &self.budget)
    }

    /// The rows of a list that is sorted by something other than time.
    pub fn sorted(&self, request: &SortedRequest) -> Result<Vec<RowRef>, QueryError> {
        self.sight.check(&request.filter)?;
        if let SortKey::Field(field) = request.by {
            self.sight.check_fields([field])?;
        }
        self.seen().sorted(request, &self.budget)
    }

    /// The events of rows that this reader gave, in that order.
    pub fn events(&self, rows: &[RowRef]) -> Result<Vec<Event>, QueryError> {
        let events = self.view.events(rows)?;
        if self.sight.is_everything() {
            return Ok(events);
        }
        let meter = Meter::start(&self.budget);
        let shown = self.history(&meter).show_rows(events, rows)?;
        let refused = || QueryError::Invalid("the caller may not see this event".to_owned());
        shown.into_iter().map(|event| event.ok_or_else(refused)).collect()
    }

    /// How many events a filter finds. Exact.
    pub fn count(&self, filter: &Filter, logs: &[Log]) -> Result<u64, QueryError> {
        self.sight.check(filter)?;
        self.seen().count(filter, logs, &self.budget)
    }

    /// The latest revision of the event with this identifier, in any log. Where several tenants
    /// have one that the caller sees, `tenant` decides; without it the newest is given.
    pub fn get(&self, tenant: Option<&str>, id: &str) -> Result<Option<Event>, QueryError> {
        if self.sight.is_everything() {
            let row = self.engine.get(&self.view, tenant, id, &self.budget)?;
            return Ok(row.map(|row| self.view.event(row)).transpose()?);
        }
        let is = |field, text: &str| Filter::field(field, Op::Eq(Value::Text(text.to_owned())));
        let mut filter = is(FieldId::Id, id);
        if let Some(tenant) = tenant {
            filter = filter.and(is(FieldId::TenantId, tenant));
        }
        let row = self.first(filter, self.sight.logs(), Order::NewestFirst)?;
        Ok(self.events(row.as_slice())?.pop())
    }

    /// All revisions of the events with this identifier, the latest first. Revisions that show
    /// the caller nothing new are none to them.
    pub fn revisions(&self, id: &str) -> Result<Vec<Event>, QueryError> {
        let rows = self.engine.revisions(&self.view, id, &self.budget)?;
        if self.sight.is_everything() {
            return Ok(self.view.events(&rows)?);
        }
        self.history(&Meter::start(&self.budget)).revisions(&rows)
    }

    /// One page of groups of repeating sign-ins.
    pub fn groups(&self, request: &GroupRequest) -> Result<GroupPage, QueryError> {
        self.sight.check(&request.filter)?;
        self.seen().groups(request, &self.budget)
    }

    /// Counts by anything.
    pub fn aggregate(&self, request: &AggregateRequest) -> Result<Vec<AggregateRow>, QueryError> {
        self.sight.check(&request.filter)?;
        let by = request.by.iter().filter_map(|dimension| match dimension {
            Dimension::Field(field) => Some(*field),
            _ => None,
        });
        self.sight.check_fields(by.chain(request.distinct.iter().copied()))?;
        self.seen().aggregate(request, &self.budget)
    }

    /// The most frequent values of a field that is stored with an entity, `top` at most. With
    /// `part` only values whose folded text contains it, folded: suggestions while somebody types.
    pub fn facet(
        &self,
        field: FieldId,
        filter: &Filter,
        logs: &[Log],
        top: usize,
        part: Option<&str>,
    ) -> Result<Facet, QueryError> {
        self.facet_of(&FacetRequest { field, member: None, filter, logs, top, part })
    }

    /// Like [`Reader::facet`], for a member inside a list of objects (`displayName`;
    /// `authenticationStrength/displayName`), or for the texts of a list of texts (`""`). An event
    /// counts once for each different value that it has.
    pub fn facet_member(
        &self,
        field: FieldId,
        member: &str,
        filter: &Filter,
        logs: &[Log],
        top: usize,
        part: Option<&str>,
    ) -> Result<Facet, QueryError> {
        self.facet_of(&FacetRequest { field, member: Some(member), filter, logs, top, part })
    }

    fn facet_of(&self, request: &FacetRequest<'_>) -> Result<Facet, QueryError> {
        self.sight.check(request.filter)?;
        self.sight.check_fields([request.field])?;
        self.seen().facet(request, &self.budget)
    }

    /// Totals, hours and most frequent values.
    pub fn summary(&self, request: &SummaryRequest) -> Result<Summary, QueryError> {
        self.sight.check(&request.filter)?;
        self.sight.check_fields(request.fields.iter().copied())?;
        self.seen().sum_up(request, true, &self.budget)
    }

    /// The times of the first and the last event of some logs, µs since 1970; `None` if the
    /// caller sees no event of them. Where whole logs are seen they may be those of revisions
    /// that were replaced.
    pub fn bounds(&self, logs: &[Log]) -> Result<Option<(i64, i64)>, QueryError> {
        let seen = self.seen();
        if seen.shows_whole_logs() {
            let wanted = |log| logs.contains(&log) && seen.shows(log);
            let chunks = || self.view.chunks.iter().filter(|chunk| wanted(chunk.log()));
            let first = chunks().map(|chunk| chunk.min_micros()).min();
            return Ok(first.zip(chunks().map(|chunk| chunk.max_micros()).max()));
        }
        let end = |order| -> Result<Option<i64>, QueryError> {
            let Some(row) = self.first(Filter::All, logs.to_vec(), order)? else { return Ok(None) };
            let chunk = &self.view.chunks[row.chunk as usize];
            Ok(Some(chunk.created()?.value(row.row as usize)))
        };
        Ok(end(Order::OldestFirst)?.zip(end(Order::NewestFirst)?))
    }

    /// How many events of some logs the caller sees, whatever they hold.
    pub fn total(&self, logs: &[Log]) -> Result<u64, QueryError> {
        let seen = self.seen();
        if seen.shows_whole_logs() {
            let logs: Vec<Log> = logs.iter().copied().filter(|log| seen.shows(*log)).collect();
            return Ok(self.view.live_rows(&logs));
        }
        self.count(&Filter::All, logs)
    }

    /// Where a row that this reader gave stands in the order of lists.
    pub fn position(&self, row: RowRef) -> Result<Position, QueryError> {
        let columns = Columns::new(&self.view.chunks[row.chunk as usize], row.chunk);
        Ok(columns.position(row.row as usize, self.view.entities(Group::Source))?)
    }

    /// The event as the caller sees it; `None` if they do not. See [`Sight::tail`] for events
    /// that a filter chooses.
    pub fn show(&self, event: &Event) -> Option<Event> {
        if self.sight.is_everything() {
            return Some(event.clone());
        }
        let meter = Meter::start(&self.budget);
        match self.history(&meter).show(event.clone()) {
            Ok(shown) => shown,
            // Where its history cannot be read, a number that tells nothing.
            Err(_) => self.sight.show_as(event.clone(), 0),
        }
    }

    fn history<'a>(&'a self, meter: &'a Meter<'a>) -> History<'a> {
        History { view: &self.view, sight: &self.sight, meter }
    }

    fn first(
        &self,
        filter: Filter,
        logs: Vec<Log>,
        order: Order,
    ) -> Result<Option<RowRef>, QueryError> {
        let request = ListRequest { filter, logs, order, limit: 1, after: None };
        let page = self.seen().list(&request, &self.budget)?;
        Ok(page.rows.first().copied())
    }

    fn seen(&self) -> Seen<'_> {
        let (engine, view): (&Engine, &View) = (&self.engine, &self.view);
        if self.sight.is_everything() {
            return Seen::all(engine, view);
        }
        let (logs, filter) = (self.sight.log_bits(), self.sight.filter());
        let limit = Some(Limit { engine, view, logs, filter });
        match self.sight.masked() {
            None => Seen { engine, view, limit },
            Some((pseudonyms, mask)) => Seen {
                engine: pseudonyms.engine(mask, engine.options),
                view: self.masked.get_or_init(|| pseudonyms.view(mask, view)),
                limit,
            },
        }
    }
}
