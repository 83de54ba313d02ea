//! What `search` and `export` are asked: a filter, logs and a span of time.

use anyhow::Result;
use durward_model::{Event, Log, Timestamp};
use durward_query::{
    Budget, Engine, Filter, ListRequest, Order, Position, Predicate, parse_search,
};
use durward_store::{RowRef, View};

use crate::bad_usage;
use crate::logs::{LogArg, chosen};

/// Arguments that both commands take.
#[derive(Debug, clap::Args)]
pub(crate) struct Span {
    /// Only this log; may be given several times, or several with commas
    #[arg(long = "type", value_enum, value_delimiter = ',', value_name = "LOG")]
    logs: Vec<LogArg>,
    /// From this time on: 2026-03-01, 2026-03-01T08:00:00Z, -24h, -7d
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Up to this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
}

/// A question about a view of the store.
pub(crate) struct Question {
    pub(crate) filter: Filter,
    pub(crate) logs: Vec<Log>,
}

impl Question {
    /// Reads the arguments; `logs` are asked unless others are named.
    pub(crate) fn new(filter: &str, span: &Span, logs: &[Log]) -> Result<Question> {
        let now = Timestamp::now();
        let read = |text: &str| {
            parse_search(text, now)
                .map_err(|error| bad_usage(format!("{error} in the filter `{text}`")))
        };
        let mut wanted = read(filter)?;
        let bounds = [(">=", "--from", &span.from), ("<=", "--to", &span.to)];
        for (sign, option, time) in bounds {
            let Some(time) = time else { continue };
            let bound = parse_search(&format!("time{sign}{}", time.trim()), now);
            let bound = bound.map_err(|_| {
                let examples = "2026-03-01, 2026-03-01T08:00:00Z or -24h";
                bad_usage(format!("{option}: `{time}` is not a time such as {examples}"))
            })?;
            wanted = wanted.and(bound);
        }
        Ok(Question { filter: wanted, logs: chosen(&span.logs, logs) })
    }

    /// Events as they stand now, newest first, handed over some at a time.
    pub(crate) fn each_latest(
        &self,
        view: &View,
        limit: usize,
        mut take: impl FnMut(&[Event]) -> Result<()>,
    ) -> Result<()> {
        /// Events read at once.
        const PAGE_ROWS: usize = 5000;
        let engine = Engine::new();
        let mut after: Option<Position> = None;
        let mut left = limit;
        while left > 0 {
            let request = ListRequest {
                filter: self.filter.clone(),
                logs: self.logs.clone(),
                order: Order::NewestFirst,
                limit: left.min(PAGE_ROWS),
                after,
            };
            let page = engine.list(view, &request, &Budget::unlimited())?;
            take(&view.events(&page.rows)?)?;
            left = left.saturating_sub(page.rows.len());
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Every revision of events, in the order of the files, handed over some at a time.
    pub(crate) fn each_revision(
        &self,
        view: &View,
        mut take: impl FnMut(&[Event]) -> Result<()>,
    ) -> Result<()> {
        /// Rows read at once.
        const BLOCK_ROWS: u32 = 8192;
        let predicate = Predicate::new(&self.filter);
        for (index, chunk) in view.chunks.iter().enumerate() {
            if !self.logs.contains(&chunk.log()) {
                continue;
            }
            let rows = u32::try_from(chunk.rows())?;
            for start in (0..rows).step_by(BLOCK_ROWS as usize) {
                let end = rows.min(start + BLOCK_ROWS);
                let refs: Vec<RowRef> =
                    (start..end).map(|row| RowRef { chunk: index as u32, row }).collect();
                let mut events = view.events(&refs)?;
                events.retain(|event| predicate.matches(event));
                take(&events)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(filter: &str, from: Option<&str>) -> String {
        let span = Span { logs: Vec::new(), from: from.map(str::to_owned), to: None };
        match Question::new(filter, &span, &Log::ALL) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(refused("status:failure", Some("-24h")), "accepted");
        assert_eq!(refused("", Some("2026-03-01")), "accepted");
        assert!(refused("nosuchfield:1", None).contains("nosuchfield"));
        assert!(refused("", Some("yesterday")).starts_with("--from: `yesterday` is not a time"));
    }
}
