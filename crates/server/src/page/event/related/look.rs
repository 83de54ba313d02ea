//! The questions behind what one sign-in has to do with others.

use durward_model::errors::Status;
use durward_model::time::DAY_MICROS;
use durward_model::{Event, FieldId, Log, Timestamp, graph};
use durward_query::aggregate::{AggregateRequest, USERS};
use durward_query::{Expr, Filter, ListRequest, Op, Order, Property, QueryError, Reader, Value};

use crate::error::ApiError;

use super::super::super::link;
use super::super::facts::Facts;

/// How far back devices, addresses and successes are looked for.
const BACK_MICROS: i64 = 30 * DAY_MICROS;

/// What was asked for.
pub(super) enum Found {
    Context(Box<Context>),
    Seen(Vec<Seen>),
}

/// Counts around an event; `None` where the record lacks the field, or the caller may not ask.
#[derive(Default)]
pub(super) struct Context {
    /// The field that says who it was, and its value.
    pub(super) actor: Option<(FieldId, String)>,
    pub(super) attempt: Option<u64>,
    pub(super) session: Option<u64>,
    pub(super) address_users: Option<u64>,
    pub(super) device_users: Option<u64>,
    pub(super) actor_day: Option<u64>,
    pub(super) looked_for_success: bool,
    pub(super) last_success: Option<Event>,
    pub(super) others: Option<Others>,
}

/// Other people who met the same on the same day.
pub(super) struct Others {
    pub(super) people: u64,
    /// The same as terms of the explorer; two where a policy is named.
    pub(super) terms: Vec<String>,
}

/// One line of a baseline.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) label: String,
    /// When it was seen first, or last.
    pub(super) at: Option<Timestamp>,
    pub(super) is_last: bool,
    /// What is said instead of a time.
    pub(super) text: Option<String>,
    pub(super) href: Option<String>,
}

/// The UTC day of an instant, µs: from and to.
pub(super) fn day_of(at: Timestamp) -> (i64, i64) {
    let from = at.micros.div_euclid(DAY_MICROS) * DAY_MICROS;
    (from, from + DAY_MICROS)
}

/// The span in which other users of an address or device are counted, µs.
pub(super) fn recent(event: &Event) -> (i64, i64) {
    let (_, to) = day_of(event.row().created);
    (to - BACK_MICROS, to)
}

pub(super) fn look(reader: &Reader, event: &Event, about: &str) -> Result<Found, ApiError> {
    let look = Look { reader, event, facts: Facts::of(event) };
    Ok(match about {
        "usual" => Found::Seen(look.usual()?),
        "place" => Found::Seen(look.place()?),
        "device" => Found::Seen(look.device()?),
        _ => Found::Context(Box::new(look.context()?)),
    })
}

struct Look<'a> {
    reader: &'a Reader,
    event: &'a Event,
    facts: Facts,
}

/// `None` where the caller may not ask that.
fn if_seen<T>(answer: Result<T, QueryError>) -> Result<Option<T>, ApiError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(QueryError::Hidden { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn between((from, to): (i64, i64)) -> Filter {
    Filter::between(Timestamp::from_micros(from), Timestamp::from_micros(to))
}

impl Look<'_> {
    /// A test for the event's own value of a field; `None` where it has none.
    fn same(&self, field: FieldId) -> Option<Filter> {
        let cell = self.event.cell(field);
        let value = match cell.as_int() {
            Some(number) => Value::Int(number),
            None => Value::Text(cell.to_string()),
        };
        let is_blank = value == Value::Text(String::new());
        (!is_blank).then(|| Filter::field(field, Op::Eq(value)).and(self.tenant()))
    }

    /// Only the event's tenant.
    fn tenant(&self) -> Filter {
        match self.event.cell(FieldId::TenantId).to_string() {
            tenant if tenant.is_empty() => Filter::All,
            tenant => Filter::field(FieldId::TenantId, Op::Eq(Value::Text(tenant))),
        }
    }

    /// The field that says who it was.
    fn actor_field(&self) -> Option<FieldId> {
        let fields = match self.facts.is_workload() {
            true => [FieldId::ServicePrincipalId, FieldId::ServicePrincipalName],
            false => [FieldId::UserId, FieldId::UserPrincipalName],
        };
        fields.into_iter().find(|field| !self.event.cell(*field).to_string().is_empty())
    }

    fn actor(&self) -> Option<Filter> {
        self.same(self.actor_field()?)
    }

    fn count(&self, filter: Option<Filter>, span: (i64, i64)) -> Result<Option<u64>, ApiError> {
        let Some(filter) = filter else { return Ok(None) };
        if_seen(self.reader.count(&filter.and(between(span)), &Log::SIGN_INS))
    }

    fn users(&self, filter: Option<Filter>, span: (i64, i64)) -> Result<Option<u64>, ApiError> {
        let Some(filter) = filter else { return Ok(None) };
        let request = AggregateRequest {
            filter: filter.and(between(span)),
            logs: vec![Log::InteractiveUser, Log::NonInteractiveUser],
            distinct: USERS.to_vec(),
            ..AggregateRequest::default()
        };
        let rows = if_seen(self.reader.aggregate(&request))?;
        Ok(rows.map(|rows| rows.first().map_or(0, |row| row.distinct)))
    }

    /// The first or the last event that a filter finds.
    fn end(&self, filter: Filter, order: Order) -> Result<Option<Event>, ApiError> {
        let logs = Log::SIGN_INS.to_vec();
        let request = ListRequest { filter, logs, order, limit: 1, after: None };
        let Some(page) = if_seen(self.reader.list(&request))? else { return Ok(None) };
        Ok(self.reader.events(&page.rows)?.pop())
    }

    fn context(&self) -> Result<Context, ApiError> {
        let created = self.event.row().created;
        let (day, around) = (day_of(created), recent(self.event));
        let wide = (around.0, around.1 + BACK_MICROS);
        let is_user = !self.facts.is_workload();
        let actor = self.actor_field();
        let mut context = Context {
            actor: actor.map(|field| (field, self.event.cell(field).to_string())),
            attempt: self.count(self.same(FieldId::CorrelationId), wide)?,
            session: self.count(self.same(FieldId::SessionId), wide)?,
            actor_day: self.count(self.actor(), day)?,
            ..Context::default()
        };
        if is_user {
            context.address_users = self.users(self.same(FieldId::IpAddress), around)?;
            context.device_users = self.users(self.same(FieldId::DeviceId), around)?;
        }
        if let Some(actor) = self.actor() {
            let success = Filter::test(
                Property::Status,
                Op::Eq(Value::Text(Status::Success.name().to_owned())),
            );
            let before = between((created.micros - BACK_MICROS, created.micros));
            let found = self.end(actor.and(success).and(before), Order::NewestFirst)?;
            context.looked_for_success = true;
            context.last_success = found;
        }
        let failed = graph::status(self.event) == Some(Status::Failure);
        if failed && is_user {
            context.others = self.others(day)?;
        }
        Ok(context)
    }

    /// Who else met the same policy, or else the same code, that day.
    fn others(&self, day: (i64, i64)) -> Result<Option<Others>, ApiError> {
        let Some(code) = self.same(FieldId::ErrorCode) else { return Ok(None) };
        let number = self.event.cell(FieldId::ErrorCode).to_string();
        let mut terms = vec![link::is("status/errorCode", &number)];
        let mut filter = code;
        if let Some(policy) = self.facts.blocking().first() {
            let member = |name: &str, value: &str| {
                Expr::Test(durward_query::filter::Test {
                    of: vec![name.to_owned()],
                    op: Op::Eq(Value::Text(value.to_owned())),
                })
            };
            let both =
                Expr::And(vec![member("displayName", &policy.name), member("result", "failure")]);
            let any = Op::Any(Box::new(both));
            filter = filter.and(Filter::field(FieldId::AppliedConditionalAccessPolicies, any));
            terms.push(format!("policy:{}", link::quoted(&policy.name)));
        }
        let people = self.users(Some(filter), day)?;
        Ok(people.map(|people| Others { people: people.saturating_sub(1), terms }))
    }

    /// When the actor was first seen with the same value of a field.
    fn first_with(&self, label: String, field: FieldId) -> Result<Option<Seen>, ApiError> {
        let (Some(actor), Some(same)) = (self.actor(), self.same(field)) else { return Ok(None) };
        let first = self.end(actor.and(same), Order::OldestFirst)?;
        Ok(Some(Seen { label, at: first.map(|event| event.row().created), ..Seen::default() }))
    }

    fn usual(&self) -> Result<Vec<Seen>, ApiError> {
        let text = |field: FieldId| self.event.cell(field).to_string();
        let lines = [
            (format!("Country {}", text(FieldId::CountryOrRegion)), FieldId::CountryOrRegion),
            (
                format!("Network AS{}", text(FieldId::AutonomousSystemNumber)),
                FieldId::AutonomousSystemNumber,
            ),
            (format!("Address {}", text(FieldId::IpAddress)), FieldId::IpAddress),
            (format!("Client {}", text(FieldId::ClientAppUsed)), FieldId::ClientAppUsed),
            ("Device".to_owned(), FieldId::DeviceId),
            (format!("Application {}", text(FieldId::AppDisplayName)), FieldId::AppDisplayName),
        ];
        let mut found = Vec::new();
        for (label, field) in lines {
            found.extend(self.first_with(label, field)?);
        }
        Ok(found)
    }

    fn place(&self) -> Result<Vec<Seen>, ApiError> {
        let mut found = Vec::new();
        let who = if self.facts.is_workload() { "this workload" } else { "this user" };
        for (what, field) in [
            ("Address", FieldId::IpAddress),
            ("Network", FieldId::AutonomousSystemNumber),
            ("Country", FieldId::CountryOrRegion),
        ] {
            found.extend(self.first_with(format!("{what}, for {who}"), field)?);
            if let Some(same) = self.same(field) {
                let first = self.end(same, Order::OldestFirst)?;
                let at = first.map(|event| event.row().created);
                found.push(Seen {
                    label: format!("{what}, for the tenant"),
                    at,
                    ..Seen::default()
                });
            }
        }
        Ok(found)
    }

    fn device(&self) -> Result<Vec<Seen>, ApiError> {
        let Some(same) = self.same(FieldId::DeviceId) else { return Ok(Vec::new()) };
        let created = self.event.row().created;
        let before = Filter::field(FieldId::CreatedDateTime, Op::Lt(Value::Time(created)));
        let last = self.end(same.clone().and(before), Order::NewestFirst)?;
        let first = self.end(same.clone(), Order::OldestFirst)?;
        let users = self.users(Some(same), recent(self.event))?;
        let time = |event: Option<Event>| event.map(|event| event.row().created);
        let mut found = vec![
            Seen { label: "First seen".to_owned(), at: time(first), ..Seen::default() },
            Seen {
                label: "Last seen before".to_owned(),
                at: time(last),
                is_last: true,
                ..Seen::default()
            },
        ];
        if let Some(users) = users {
            let others = users.saturating_sub(1);
            let text = match others {
                0 => "none in 30 days".to_owned(),
                1 => "1 in 30 days".to_owned(),
                others => format!("{others} in 30 days"),
            };
            let id = self.event.cell(FieldId::DeviceId).to_string();
            found.push(Seen {
                label: "Other users of the device".to_owned(),
                text: Some(text),
                href: Some(link::device(&id)),
                ..Seen::default()
            });
        }
        Ok(found)
    }
}
