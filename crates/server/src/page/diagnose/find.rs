//! Which sign-ins a diagnosis is about.

use durward_model::errors::Status;
use durward_model::time::HOUR_MICROS;
use durward_model::{Event, FieldId, Log, Timestamp, graph};
use durward_query::{Expr, Filter, ListRequest, Op, Order, Reader, Value};

use crate::error::ApiError;
use crate::params::{self, Params};

/// Hours before and after unless asked for, and at most.
pub(super) const HOURS: usize = 48;
pub(super) const HOURS_MAX: usize = 24 * 366;
/// Events listed at most.
const EVENTS_MAX: usize = 50;

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) user: String,
    pub(super) app: String,
    pub(super) id: String,
    pub(super) at_text: String,
    at: Timestamp,
    pub(super) hours: usize,
    pick: Option<String>,
    pub(super) tenant: Option<String>,
}

/// What was found, the newest first, and which of it to explain.
pub(super) struct Found {
    pub(super) events: Vec<Event>,
    pub(super) picked: usize,
    pub(super) has_more: bool,
}

impl Asked {
    pub(super) fn parse(params: &Params, now: Timestamp) -> Result<Asked, ApiError> {
        let text = |name: &str| params.get(name).unwrap_or_default().to_owned();
        let at_text = text("at");
        let at = match at_text.as_str() {
            "" => now,
            text => params::instant(text, now).ok_or_else(|| {
                let message = "'at' must be a time such as 2026-03-02T07:41Z or 2026-03-02";
                ApiError::bad_request(message).parameter("at")
            })?,
        };
        Ok(Asked {
            user: text("user"),
            app: text("app"),
            id: text("id"),
            at_text,
            at,
            hours: params.number("hours", HOURS, HOURS_MAX)?,
            pick: params.get("pick").map(str::to_owned),
            tenant: params.get("tenant").map(str::to_owned),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.user.is_empty() && self.app.is_empty() && self.id.is_empty()
    }

    fn filter(&self) -> Filter {
        let is = |field, text: &str| Filter::field(field, Op::Eq(Value::Text(text.to_owned())));
        let has = |field, text: &str| Filter::field(field, Op::Contains(text.to_owned()));
        let mut filter = Filter::All;
        if !self.user.is_empty() {
            let user = self.user.as_str();
            filter = filter.and(Expr::any_of(vec![
                has(FieldId::UserPrincipalName, user),
                has(FieldId::UserDisplayName, user),
                is(FieldId::UserId, user),
                has(FieldId::ServicePrincipalName, user),
                is(FieldId::ServicePrincipalId, user),
            ]));
        }
        if !self.app.is_empty() {
            let app = self.app.as_str();
            filter = filter.and(Expr::any_of(vec![
                has(FieldId::AppDisplayName, app),
                is(FieldId::AppId, app),
                has(FieldId::ResourceDisplayName, app),
            ]));
        }
        if self.id.is_empty() {
            // An identifier is found whenever it was; people and applications need a time.
            let hours = i64::try_from(self.hours).unwrap_or(i64::MAX);
            let span = hours.saturating_mul(HOUR_MICROS);
            let [from, to] = [self.at.micros.saturating_sub(span), self.at.micros + span + 1];
            let [from, to] = [from, to].map(Timestamp::from_micros);
            filter = filter.and(Filter::between(from, to));
        } else {
            let id = self.id.as_str();
            filter =
                filter.and(Expr::any_of(vec![is(FieldId::Id, id), is(FieldId::CorrelationId, id)]));
        }
        match &self.tenant {
            Some(tenant) => filter.and(is(FieldId::TenantId, tenant)),
            None => filter,
        }
    }
}

/// Finds the events. To explain: the one picked, or the one asked for by its identifier, or the
/// newest that did not succeed.
pub(super) fn find(reader: &Reader, asked: &Asked) -> Result<Found, ApiError> {
    let request = ListRequest {
        filter: asked.filter(),
        logs: Log::SIGN_INS.to_vec(),
        order: Order::NewestFirst,
        limit: EVENTS_MAX,
        after: None,
    };
    let page = reader.list(&request)?;
    let events = reader.events(&page.rows)?;
    let has_id = |event: &Event, id: &str| event.cell(FieldId::Id).to_string() == id;
    let wanted = asked.pick.as_deref().unwrap_or(&asked.id);
    let of_status = |status| events.iter().position(|event| graph::status(event) == Some(status));
    let picked = events
        .iter()
        .position(|event| has_id(event, wanted))
        .or_else(|| of_status(Status::Failure))
        .or_else(|| of_status(Status::Interrupted))
        .unwrap_or(0);
    Ok(Found { events, picked, has_more: page.next.is_some() })
}
