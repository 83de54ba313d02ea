//! Which sign-ins a request is about: logs, filter, range of time, order.

use durward_model::{Event, FieldId, Log, Timestamp};
use durward_query::{Dialect, Filter, ListRequest, Op, Order, Page, Position, Reader, Value};
use durward_query::{cursor, odata, search};

use crate::error::ApiError;
use crate::params::{self, Params};

/// What to list, count or export.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) logs: Vec<Log>,
    /// Everything asked but the range of time.
    pub(crate) filter: Filter,
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
    pub(crate) order: Order,
    /// Tells this question from others; cursors belong to one. Made from what was written, so
    /// that a range such as `-24h` stays one question while time goes on.
    pub(crate) hash: u64,
}

/// Parameters that [`Question::from_params`] reads.
pub(crate) const PARAMS: &[&str] = &["filter", "odata", "from", "to", "type", "sort"];

impl Question {
    /// The question of our own interface's parameters.
    pub(crate) fn from_params(params: &Params, now: Timestamp) -> Result<Question, ApiError> {
        let mut filter = match params.get("filter") {
            Some(text) => search::parse_search(text, now)
                .map_err(|e| ApiError::from(e).parameter("filter"))?,
            None => Filter::All,
        };
        if let Some(text) = params.get("odata") {
            let more = odata::parse_filter(text, Dialect::Own);
            filter = filter.and(more.map_err(|e| ApiError::from(e).parameter("odata"))?);
        }
        let instant = |name: &str| match params.get(name) {
            None => Ok(None),
            Some(text) => params::instant(text, now).map(Some).ok_or_else(|| {
                let message = format!(
                    "'{name}' must be a time such as 2026-03-02T07:41:09Z, 2026-03-02 or -24h"
                );
                ApiError::bad_request(message).parameter(name)
            }),
        };
        let (from, to) = (instant("from")?, instant("to")?);
        let logs = params::logs(params.get("type").unwrap_or("all")).ok_or_else(|| {
            let names = Log::ALL.map(Log::name).join(", ");
            let message = format!("'type' must be all, or of these, by commas: {names}");
            ApiError::bad_request(message).parameter("type")
        })?;
        let order = match params.get("sort").unwrap_or("-createdDateTime") {
            "-createdDateTime" => Order::NewestFirst,
            "createdDateTime" => Order::OldestFirst,
            _ => {
                let message = "'sort' must be createdDateTime or -createdDateTime";
                return Err(ApiError::bad_request(message).parameter("sort"));
            }
        };
        let parts: Vec<&str> = PARAMS.iter().map(|name| params.get(name).unwrap_or("")).collect();
        let hash = cursor::question(&parts);
        Ok(Question { logs, filter, from, to, order, hash })
    }

    /// The filter with the range of time: from `from` on, before `to`.
    pub(crate) fn full_filter(&self) -> Filter {
        let created = |op| Filter::field(FieldId::CreatedDateTime, op);
        let mut filter = self.filter.clone();
        if let Some(from) = self.from {
            filter = filter.and(created(Op::Ge(Value::Time(from))));
        }
        if let Some(to) = self.to {
            filter = filter.and(created(Op::Lt(Value::Time(to))));
        }
        filter
    }

    /// One page.
    pub(crate) fn page(
        &self,
        reader: &Reader,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Page, ApiError> {
        let request = ListRequest {
            filter: self.full_filter(),
            logs: self.logs.clone(),
            order: self.order,
            limit,
            after,
        };
        Ok(reader.list(&request)?)
    }

    /// One page's events, and where the next begins.
    pub(crate) fn events(
        &self,
        reader: &Reader,
        after: Option<Position>,
        limit: usize,
    ) -> Result<(Vec<Event>, Option<Position>), ApiError> {
        let page = self.page(reader, after, limit)?;
        Ok((reader.events(&page.rows)?, page.next))
    }

    /// How many there are, exactly.
    pub(crate) fn count(&self, reader: &Reader) -> Result<u64, ApiError> {
        Ok(reader.count(&self.full_filter(), &self.logs)?)
    }

    /// Reads a cursor of this question.
    pub(crate) fn position(&self, token: Option<&str>) -> Result<Option<Position>, ApiError> {
        let read = |token| Position::from_token(token, self.hash);
        token.map(read).transpose().map_err(|error| {
            ApiError::bad_request(format!("Invalid cursor: {error}")).parameter("cursor")
        })
    }
}
