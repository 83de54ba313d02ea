//! The tasks on durward's query API. The peers' scripts have the same names, and the same
//! questions in SQL; answers are compared by `compare`.

use std::cmp::Reverse;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use durward_model::errors::Status;
use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use durward_model::{FieldId, Log, Timestamp};
use durward_query::aggregate::{Having, ResultOrder, USERS};
use durward_query::{
    AggregateRequest, AggregateRow, Budget, Dimension, DimensionValue, Engine, Filter,
    GroupRequest, Grouping, ListRequest, Op, Order, Property, SummaryRequest, Value, Window,
};
use durward_store::{RowRef, Store, StoreOptions, View};
use serde_json::{Value as Json, json};

use crate::manifest::{Manifest, Parameters};
use crate::measure::{median_ms, peak_memory_bytes};

/// The tasks, in the order of the report.
pub(crate) const NAMES: [&str; 15] = [
    "newest",
    "user",
    "address_failed",
    "request_id",
    "correlation_id",
    "status_hours",
    "top_applications",
    "failure_reasons",
    "grouped_1d",
    "grouped_30d",
    "grouped_page",
    "grouped_all",
    "spray",
    "name_contains",
    "weekly_top",
];

/// Runs of a warm task; the first that warms up is not among them.
pub(crate) const WARM_RUNS: usize = 15;
/// Rows of a list's page.
const PAGE: usize = 50;
/// What a page of the list shows.
const SHOWN: [FieldId; 12] = [
    FieldId::CreatedDateTime,
    FieldId::Id,
    FieldId::UserDisplayName,
    FieldId::UserPrincipalName,
    FieldId::AppDisplayName,
    FieldId::ResourceDisplayName,
    FieldId::IpAddress,
    FieldId::City,
    FieldId::CountryOrRegion,
    FieldId::ClientAppUsed,
    FieldId::ErrorCode,
    FieldId::ConditionalAccessStatus,
];
/// The codes of wrong, locked or expired passwords.
const PASSWORD_CODES: [i64; 4] = [50126, 50053, 50055, 50056];
/// Users of one address from which on it is suspicious.
const SPRAY_USERS_MIN: u64 = 5;
/// The logs of users.
const USER_LOGS: [Log; 2] = [Log::InteractiveUser, Log::NonInteractiveUser];

/// Runs every task (or `only` one) warm, or (`cold`) one task once.
pub(crate) fn run(
    files: &Path,
    data: &Path,
    cold: Option<&str>,
    only: Option<&str>,
) -> anyhow::Result<Json> {
    let manifest = Manifest::read(files)?;
    let started = Instant::now();
    let options = StoreOptions { background: false, ..StoreOptions::default() };
    let store = Store::open(data, options)?;
    let asker = Asker { engine: Engine::new(), view: store.view(), p: manifest.tasks };
    let open_ms = started.elapsed().as_secs_f64() * 1000.0;
    let mut result = serde_json::Map::new();
    result.insert("open_ms".to_owned(), open_ms.into());
    if let Some(name) = cold {
        let started = Instant::now();
        let answer = asker.ask(name)?;
        let ms = started.elapsed().as_secs_f64() * 1000.0;
        result.insert("ms".to_owned(), ms.into());
        result.insert("answer".to_owned(), answer);
    } else {
        let mut tasks = serde_json::Map::new();
        for name in NAMES.into_iter().filter(|name| only.is_none_or(|only| only == *name)) {
            tasks.insert(name.to_owned(), asker.warm(name)?);
        }
        result.insert("tasks".to_owned(), tasks.into());
    }
    result.insert("peak_memory_bytes".to_owned(), peak_memory_bytes()?.into());
    Ok(result.into())
}

struct Asker {
    engine: Engine,
    view: Arc<View>,
    p: Parameters,
}

impl Asker {
    fn warm(&self, name: &str) -> anyhow::Result<Json> {
        let answer = self.ask(name)?;
        let mut times: Vec<Duration> = Vec::with_capacity(WARM_RUNS);
        for _ in 0..WARM_RUNS {
            let started = Instant::now();
            let again = self.ask(name)?;
            times.push(started.elapsed());
            anyhow::ensure!(again == answer, "{name}: two answers");
        }
        let max = times.iter().max().copied().unwrap_or_default().as_secs_f64() * 1000.0;
        Ok(json!({ "median_ms": median_ms(&mut times), "max_ms": max, "answer": answer }))
    }

    fn ask(&self, name: &str) -> anyhow::Result<Json> {
        let p = &self.p;
        let text = |text: &str| Value::Text(text.to_owned());
        let month = || self.last(30);
        match name {
            "newest" => self.listed(self.last(1)),
            "user" => {
                let user = Filter::field(FieldId::UserPrincipalName, Op::Eq(text(&p.user)));
                self.listed(month().and(user))
            }
            "address_failed" => {
                let network = format!("{}0/24", p.address_prefix).parse()?;
                let network = Filter::field(FieldId::IpAddress, Op::Cidr(network));
                self.listed(self.last(7).and(network).and(failed()))
            }
            "request_id" => {
                let budget = Budget::unlimited();
                let row = self.engine.get(&self.view, None, &p.request_id, &budget)?;
                self.shown(&[row.context("no such event")?])
            }
            "correlation_id" => {
                self.listed(Filter::field(FieldId::CorrelationId, Op::Eq(text(&p.correlation_id))))
            }
            "status_hours" => self.status_hours(),
            "top_applications" => self.top_applications(),
            "failure_reasons" => self.failure_reasons(),
            "grouped_1d" => self.grouped(1),
            "grouped_30d" => self.grouped(30),
            "grouped_page" => self.grouped_page(),
            "grouped_all" => self.grouped_all(),
            "spray" => self.spray(),
            "name_contains" => {
                let part = Op::Contains(p.name_part.clone());
                self.listed(month().and(Filter::field(FieldId::UserDisplayName, part)))
            }
            "weekly_top" => self.weekly_top(),
            other => anyhow::bail!("no task {other}"),
        }
    }

    fn last(&self, days: i64) -> Filter {
        between(self.p.end_micros, days)
    }

    fn listed(&self, filter: Filter) -> anyhow::Result<Json> {
        let request = ListRequest {
            filter,
            logs: Log::SIGN_INS.to_vec(),
            order: Order::NewestFirst,
            limit: PAGE,
            after: None,
        };
        let page = self.engine.list(&self.view, &request, &Budget::unlimited())?;
        self.shown(&page.rows)
    }

    /// Fetches what a page shows; the answer is time and identifier of each row.
    fn shown(&self, rows: &[RowRef]) -> anyhow::Result<Json> {
        let mut answer = Vec::with_capacity(rows.len());
        for event in self.view.events(rows)? {
            let cells: Vec<String> =
                SHOWN.iter().map(|field| event.cell(*field).to_string()).collect();
            let created = event.cell(FieldId::CreatedDateTime).as_time().context("no time")?;
            answer.push(json!([created.micros, cells[1]]));
            std::hint::black_box(cells);
        }
        Ok(answer.into())
    }

    fn status_hours(&self) -> anyhow::Result<Json> {
        let request = SummaryRequest {
            filter: Filter::All,
            logs: Log::SIGN_INS.to_vec(),
            from_micros: self.p.end_micros - 7 * DAY_MICROS,
            to_micros: self.p.end_micros,
            fields: Vec::new(),
            top: 0,
        };
        let summary = self.engine.summary(&self.view, &request, &Budget::unlimited())?;
        let mut answer = Vec::new();
        for (hour, counts) in summary.hours {
            assert_eq!(hour.micros % HOUR_MICROS, 0);
            for status in Status::ALL {
                let count = counts[status as usize];
                if count > 0 {
                    answer.push(json!([hour.micros, status as u8, count]));
                }
            }
        }
        Ok(answer.into())
    }

    fn aggregate(&self, request: AggregateRequest) -> anyhow::Result<Vec<AggregateRow>> {
        let request = AggregateRequest { logs: USER_LOGS.to_vec(), ..request };
        Ok(self.engine.aggregate(&self.view, &request, &Budget::unlimited())?)
    }

    fn top_applications(&self) -> anyhow::Result<Json> {
        let rows = self.aggregate(AggregateRequest {
            filter: self.last(30),
            by: vec![Dimension::Field(FieldId::AppDisplayName)],
            distinct: USERS.to_vec(),
            limit: 10,
            ..AggregateRequest::default()
        })?;
        let row = |row: &AggregateRow| json!([key(row, 0), row.count(), row.distinct]);
        Ok(rows.iter().map(row).collect())
    }

    fn failure_reasons(&self) -> anyhow::Result<Json> {
        let rows = self.aggregate(AggregateRequest {
            filter: self.last(1).and(failed()),
            by: vec![
                Dimension::Field(FieldId::ErrorCode),
                Dimension::Field(FieldId::FailureReason),
            ],
            distinct: USERS.to_vec(),
            limit: 50,
            ..AggregateRequest::default()
        })?;
        let mut answer = Vec::new();
        for row in &rows {
            let code: i64 = key(row, 0).parse()?;
            answer.push((Reverse(row.count()), code, key(row, 1), row.distinct));
        }
        // Equally frequent ones by number, as the peers give them; the query orders by text.
        answer.sort_unstable();
        let row = |row: (Reverse<u64>, i64, &str, u64)| json!([row.1, row.2, row.0.0, row.3]);
        Ok(answer.into_iter().map(row).collect())
    }

    /// The sizes of the largest groups.
    fn grouped(&self, days: i64) -> anyhow::Result<Json> {
        let request = AggregateRequest {
            filter: between(self.p.midnight_micros, days),
            logs: vec![Log::NonInteractiveUser],
            by: vec![
                Dimension::DAY,
                Dimension::Field(FieldId::AppId),
                Dimension::Field(FieldId::UserId),
                Dimension::Field(FieldId::IpAddress),
                Dimension::Status,
                Dimension::Field(FieldId::ResourceId),
            ],
            limit: PAGE,
            ..AggregateRequest::default()
        };
        let rows = self.engine.aggregate(&self.view, &request, &Budget::unlimited())?;
        Ok(rows.iter().map(|row| json!([row.count()])).collect())
    }

    fn grouped_all(&self) -> anyhow::Result<Json> {
        let request = group_request(between(self.p.midnight_micros, 30), usize::MAX);
        let page = self.engine.groups(&self.view, &request, &Budget::unlimited())?;
        let sum: u64 = page.rows.iter().map(|row| row.count).sum();
        Ok(json!([[page.rows.len(), sum]]))
    }

    fn grouped_page(&self) -> anyhow::Result<Json> {
        let request = group_request(between(self.p.midnight_micros, 30), PAGE);
        let page = self.engine.groups(&self.view, &request, &Budget::unlimited())?;
        Ok(json!([[page.rows.len()]]))
    }

    fn spray(&self) -> anyhow::Result<Json> {
        let codes = Op::In(PASSWORD_CODES.into_iter().map(Value::Int).collect());
        let rows = self.aggregate(AggregateRequest {
            filter: self.last(1).and(Filter::field(FieldId::ErrorCode, codes)),
            by: vec![Dimension::Field(FieldId::IpAddress)],
            distinct: USERS.to_vec(),
            having: Having { distinct: SPRAY_USERS_MIN, ..Having::default() },
            order: ResultOrder::Distinct,
            ..AggregateRequest::default()
        })?;
        let row = |row: &AggregateRow| json!([key(row, 0), row.distinct, row.count()]);
        Ok(rows.iter().map(row).collect())
    }

    fn weekly_top(&self) -> anyhow::Result<Json> {
        let application = Dimension::Field(FieldId::AppDisplayName);
        let top = self.aggregate(AggregateRequest {
            filter: self.last(30),
            by: vec![application],
            limit: 3,
            ..AggregateRequest::default()
        })?;
        let names = top.iter().map(|row| Value::Text(key(row, 0).to_owned())).collect();
        let rows = self.aggregate(AggregateRequest {
            filter: self.last(30).and(Filter::field(FieldId::AppDisplayName, Op::In(names))),
            by: vec![application, Dimension::Week],
            ..AggregateRequest::default()
        })?;
        let mut answer: Vec<(String, i64, u64)> = Vec::new();
        for row in &rows {
            let Some(DimensionValue::Time(week)) = row.keys.get(1) else { continue };
            answer.push((key(row, 0).to_owned(), week.micros, row.count()));
        }
        answer.sort_unstable();
        Ok(answer.into_iter().map(|row| json!([row.0, row.1, row.2])).collect())
    }
}

fn between(end_micros: i64, days: i64) -> Filter {
    let from = Timestamp::from_micros(end_micros - days * DAY_MICROS);
    Filter::between(from, Timestamp::from_micros(end_micros))
}

fn failed() -> Filter {
    Filter::test(Property::Status, Op::Eq(Value::Text(Status::Failure.name().to_owned())))
}

fn group_request(filter: Filter, limit: usize) -> GroupRequest {
    let (grouping, window) = (Grouping::NonInteractive, Window::D1);
    GroupRequest { grouping, window, filter, limit, after: None }
}

fn key(row: &AggregateRow, index: usize) -> &str {
    match row.keys.get(index) {
        Some(DimensionValue::Text(text)) => text,
        _ => "",
    }
}
