//! What one live list has sent, and what it sends next.

use std::collections::HashSet;

use axum::response::sse::Event as Message;
use durward_model::columns::Column;
use durward_model::time::{DAY_MICROS, SECOND_MICROS};
use durward_model::{Event, FieldId, Log, Timestamp};
use durward_query::{Filter, Op, Order, Position, Reader, Value};
use serde_json::{Map, json};

use crate::error::ApiError;
use crate::page::state::{State, Tab};
use crate::page::table;
use crate::question::Question;

/// Most rows of one message; the reader loads the list where there are more.
const ROWS_MAX: usize = 200;
/// How long after it was received a record may become visible.
const OVERLAP_MICROS: i64 = 30 * SECOND_MICROS;
/// Events that happened longer ago than this are no news, and are not searched for.
const LATE_MICROS: i64 = DAY_MICROS;
/// Rows remembered as sent.
const SENT_MAX: usize = 5000;
/// How often the tabs are counted at most.
const COUNT_EVERY_MICROS: i64 = 5 * SECOND_MICROS;
/// Events whose delay is remembered, to say what is typical.
const DELAYS_MAX: usize = 200;

/// A list that is kept live.
#[derive(Debug)]
pub(super) struct Feed {
    state: State,
    /// The columns of the list that the rows go into, where they are known.
    columns: Option<Vec<&'static Column>>,
    /// When the last look began: what was received before it is sent or on its way.
    since: Timestamp,
    /// What was received before is in the list that the reader has loaded.
    start: Timestamp,
    sent: HashSet<Position>,
    /// Version of the log at the last look.
    version: Option<u64>,
    counted: Timestamp,
    /// Is there something that was not counted yet?
    is_uncounted: bool,
    /// From event to receipt, seconds, the latest last.
    delays: Vec<i64>,
}

impl Feed {
    pub(super) fn new(
        state: State,
        columns: Option<Vec<&'static Column>>,
        since: Timestamp,
    ) -> Feed {
        Feed {
            columns,
            // A frozen list has no news.
            state: state.with(|state| state.as_of = None),
            since,
            start: since,
            sent: HashSet::new(),
            version: None,
            counted: since,
            is_uncounted: false,
            delays: Vec::new(),
        }
    }

    pub(super) fn since(&self) -> String {
        self.since.to_rfc3339()
    }

    /// Can the filter be read?
    pub(super) fn check(&self, now: Timestamp) -> Result<(), ApiError> {
        self.question(now).map(|_| ())
    }

    /// Is there anything to look for?
    pub(super) fn is_due(&self, version: u64) -> bool {
        self.version != Some(version) || self.is_uncounted
    }

    fn question(&self, now: Timestamp) -> Result<Question, ApiError> {
        let asked = self.state.question(now);
        asked.map_err(|error| ApiError::bad_request(error.to_string()).parameter("f"))
    }

    /// What is new, as a message.
    pub(super) fn look(
        mut self,
        reader: &Reader,
        now: Timestamp,
    ) -> Result<(Feed, Option<Message>), ApiError> {
        let question = self.question(now)?;
        let mut told = Map::new();
        if self.version != Some(reader.version()) {
            self.version = Some(reader.version());
            self.is_uncounted = true;
            let (events, is_more) = self.news(reader, &question)?;
            self.since = self.since.max(now);
            if is_more {
                // The reader loads the list; what is left out here is in it.
                self.start = self.since;
            }
            if !events.is_empty() {
                self.tell(&events, is_more, now, &mut told);
            }
        }
        if self.is_uncounted && now.micros - self.counted.micros >= COUNT_EVERY_MICROS {
            (self.is_uncounted, self.counted) = (false, now);
            told.insert("counts".to_owned(), counts(reader, &question)?.into());
        }
        if told.is_empty() {
            return Ok((self, None));
        }
        let message = Message::default().event("rows").id(self.since());
        let message = message.data(serde_json::Value::Object(told).to_string());
        Ok((self, Some(message)))
    }

    /// The newest of the events that were not sent yet, and whether there are more.
    fn news(
        &mut self,
        reader: &Reader,
        question: &Question,
    ) -> Result<(Vec<Event>, bool), ApiError> {
        let floor = self.since.micros - LATE_MICROS;
        let after = self.start.micros.max(self.since.micros - OVERLAP_MICROS);
        let at = |micros| Value::Time(Timestamp::from_micros(micros));
        let received = Filter::field(FieldId::ReceivedDateTime, Op::Gt(at(after)));
        let from = question.from.map_or(floor, |from| from.micros.max(floor));
        let asked = Question {
            filter: question.filter.clone().and(received),
            from: Some(Timestamp::from_micros(from)),
            order: Order::NewestFirst,
            ..question.clone()
        };
        let page = asked.page(reader, None, ROWS_MAX + self.sent.len())?;
        let mut rows = Vec::new();
        for row in page.rows {
            let position = reader.position(row)?;
            if self.sent.contains(&position) {
                continue;
            }
            rows.push((position, row));
        }
        let is_more = page.next.is_some() || rows.len() > ROWS_MAX;
        rows.truncate(ROWS_MAX);
        if self.sent.len() + rows.len() > SENT_MAX {
            // What is forgotten may be sent again; readers know rows by their identifiers.
            self.sent.clear();
        }
        self.sent.extend(rows.iter().map(|(position, _)| *position));
        let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
        Ok((reader.events(&rows)?, is_more))
    }

    fn tell(
        &mut self,
        events: &[Event],
        is_more: bool,
        now: Timestamp,
        told: &mut Map<String, serde_json::Value>,
    ) {
        let delay = |event: &Event| {
            let received = event.cell(FieldId::ReceivedDateTime).as_time()?;
            Some((received.micros - event.row().created.micros).max(0) / SECOND_MICROS)
        };
        self.delays.extend(events.iter().rev().filter_map(delay));
        let excess = self.delays.len().saturating_sub(DELAYS_MAX);
        self.delays.drain(..excess);
        let newest = events.iter().map(|event| event.row().created).max();
        let rows = table::rows_of(&self.state, self.columns.as_deref(), events, now);
        told.insert("html".to_owned(), rows.0.into());
        told.insert("count".to_owned(), events.len().into());
        told.insert("more".to_owned(), is_more.into());
        told.insert("newest".to_owned(), newest.map(Timestamp::to_rfc3339).into());
        told.insert("delaySeconds".to_owned(), median(&self.delays).into());
    }
}

/// Matches in each tab, by its letter.
fn counts(
    reader: &Reader,
    question: &Question,
) -> Result<Map<String, serde_json::Value>, ApiError> {
    let mut all = Map::new();
    let mut sum = 0;
    for log in Log::SIGN_INS {
        let count = Question { logs: vec![log], ..question.clone() }.count(reader)?;
        sum += count;
        all.insert(Tab(Some(log)).letter().to_owned(), json!(count));
    }
    all.insert(Tab(None).letter().to_owned(), json!(sum));
    Ok(all)
}

fn median(values: &[i64]) -> i64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    #[test]
    fn a_feed_is_due_when_the_log_has_changed_or_counts_are_owed() {
        let state = State::parse(&Params::parse(Some("t=1h&asof=2026-03-01")).unwrap()).unwrap();
        let mut feed = Feed::new(state, None, Timestamp::from_micros(5_000_000));
        assert!(feed.state.as_of.is_none(), "nothing is ever new in a frozen list");
        assert!(feed.is_due(1));
        feed.version = Some(1);
        assert!(!feed.is_due(1) && feed.is_due(2));
        feed.is_uncounted = true;
        assert!(feed.is_due(1));
        assert_eq!((median(&[]), median(&[9, 1, 5])), (0, 5));
    }
}
