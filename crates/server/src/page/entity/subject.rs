//! Whom or what a page is about, and what it was asked.

use axum::http::Uri;
use durward_detect::SubjectKind;
use durward_model::time::DAY_MICROS;
use durward_model::{Cell, Event, FieldId, Log, Timestamp};
use durward_query::{Filter, ListRequest, Op, Order, Property, Reader, Value};

use maud::Markup;

use crate::error::ApiError;
use crate::page::link;
use crate::page::risk::marks::{self, Marks};
use crate::page::scope::{self, Scope};
use crate::params::Params;

/// What sources write where an identifier is not known.
pub(super) const ZERO_GUID: &str = "00000000-0000-0000-0000-000000000000";

/// Parameters of these pages besides those of the scope.
pub(super) const PARAMS: [&str; 7] = ["tab", "per", "q", "sort", "at", "app", "type"];

/// What a page is asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The parts of the path that say what it is about.
    pub(super) parts: Vec<String>,
    /// The path as it came.
    path: String,
    pub(super) params: Params,
    pub(super) scope: Scope,
    pub(super) now: Timestamp,
    marks: Marks,
}

impl Asked {
    pub(super) fn new(uri: &Uri, parts: Vec<String>) -> Result<Asked, ApiError> {
        let params = Params::parse(uri.query())?;
        let known: Vec<&str> = scope::PARAMS.into_iter().chain(PARAMS).collect();
        params.only(&known)?;
        let scope = Scope::parse(&params, "30d")?;
        let (path, now, marks) = (uri.path().to_owned(), Timestamp::now(), Marks::none());
        Ok(Asked { parts, path, params, scope, now, marks })
    }

    /// The same, with what may be seen of findings.
    pub(super) fn with(self, marks: Marks) -> Asked {
        Asked { marks, ..self }
    }

    /// What was found about whom or what a page is about, of these kinds.
    pub(super) fn findings(&self, kinds: &[SubjectKind], id: &str) -> Result<Markup, ApiError> {
        let (told, has_more) = self.marks.of_subject(kinds, id)?;
        let all = match kinds.first() {
            Some(SubjectKind::Address) | None => {
                "/protection/detections?kind=network&t=all".to_owned()
            }
            Some(kind) => link::risky(*kind, id),
        };
        Ok(marks::panel(&told, has_more.then_some(all.as_str()), self.now))
    }

    pub(super) fn id(&self) -> &str {
        self.parts.first().map_or("", String::as_str)
    }

    /// Is the graph by week? That of the list of applications is unless asked for by day, as in
    /// the portal; others are only where that is asked for.
    pub(super) fn is_weekly(&self) -> bool {
        match self.params.get("per") {
            Some(per) => per == "week",
            None => self.path == "/apps",
        }
    }

    /// This page in another scope; everything else stays.
    pub(super) fn href(&self, scope: &Scope) -> String {
        self.href_with(scope, &[])
    }

    /// This page with some parameters changed; an empty value takes one away.
    pub(super) fn href_with(&self, scope: &Scope, changes: &[(&'static str, &str)]) -> String {
        let kept = PARAMS.iter().filter_map(|name| {
            let change = changes.iter().find(|(changed, _)| changed == name);
            let value = change.map_or_else(|| self.params.get(name), |(_, value)| Some(*value));
            value.filter(|value| !value.is_empty()).map(|value| (*name, value))
        });
        scope.href(&self.path, &kept.collect::<Vec<_>>())
    }
}

/// Whom or what a page is about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// What its sign-ins have, as terms of the explorer's filter.
    pub(super) terms: Vec<String>,
    /// What they have, within the tenant and the range asked for.
    pub(super) filter: Filter,
    /// The latest of all times.
    pub(super) newest: Event,
    /// When the first of all times was.
    pub(super) first_ever: Timestamp,
}

impl Subject {
    /// The first of these fields that has the value says what it is; where that is a name, and
    /// the latest event has an identifier (the first field), all its events are meant.
    pub(super) fn find(
        reader: &Reader,
        asked: &Asked,
        fields: &[FieldId],
    ) -> Result<Option<Subject>, ApiError> {
        let id = asked.id();
        for field in fields {
            let found = Subject::of(reader, asked, link_term(*field, id), is(*field, id))?;
            let Some(by_name) = found else { continue };
            let Some(first) = fields.first().filter(|first| *first != field) else {
                return Ok(Some(by_name));
            };
            let known = by_name.text(*first);
            if known.is_empty() || known == ZERO_GUID {
                return Ok(Some(by_name));
            }
            let filter = is(*first, &known);
            return Subject::of(reader, asked, link_term(*first, &known), filter);
        }
        Ok(None)
    }

    /// What a filter is about; `None` where it finds nothing at any time.
    pub(super) fn of(
        reader: &Reader,
        asked: &Asked,
        term: String,
        filter: Filter,
    ) -> Result<Option<Subject>, ApiError> {
        let ever = filter.clone().and(asked.scope.tenant_filter());
        let Some(newest) = end(reader, &ever, &Log::SIGN_INS, Order::NewestFirst)? else {
            return Ok(None);
        };
        let oldest = end(reader, &ever, &Log::SIGN_INS, Order::OldestFirst)?;
        let first_ever = oldest.map_or(newest.row().created, |oldest| oldest.row().created);
        let filter = filter.and(asked.scope.filter(asked.now));
        Ok(Some(Subject { terms: vec![term], filter, newest, first_ever }))
    }

    /// A value of the latest event, as text.
    pub(super) fn text(&self, field: FieldId) -> String {
        match self.newest.cell(field) {
            Cell::Bool(answer) => (if answer { "Yes" } else { "No" }).to_owned(),
            cell => cell.to_string(),
        }
    }

    /// The explorer with its events, and more terms.
    pub(super) fn events(&self, scope: &Scope, more: &[String]) -> String {
        self.events_of(scope, None, more)
    }

    /// The same in one log.
    pub(super) fn events_of(&self, scope: &Scope, log: Option<Log>, more: &[String]) -> String {
        link::signins(scope, log, &[&self.terms, more].concat())
    }

    /// From which instant on something seen for the first time is new: a day before the end of
    /// the range, if anything of the range is older.
    pub(super) fn new_from(&self, asked: &Asked, first: Option<Timestamp>) -> Option<Timestamp> {
        let (_, to) = asked.scope.span(asked.now).unwrap_or_default();
        let end = to.unwrap_or(asked.now).min(asked.now);
        let from = Timestamp::from_micros(end.micros.saturating_sub(DAY_MICROS));
        first.is_some_and(|first| first < from).then_some(from)
    }
}

/// The first event of a list.
pub(super) fn end(
    reader: &Reader,
    filter: &Filter,
    logs: &[Log],
    order: Order,
) -> Result<Option<Event>, ApiError> {
    Ok(events(reader, filter, logs, order, 1)?.pop())
}

/// The first events of a list.
pub(super) fn events(
    reader: &Reader,
    filter: &Filter,
    logs: &[Log],
    order: Order,
    limit: usize,
) -> Result<Vec<Event>, ApiError> {
    let (filter, logs) = (filter.clone(), logs.to_vec());
    let page = reader.list(&ListRequest { filter, logs, order, limit, after: None })?;
    Ok(reader.events(&page.rows)?)
}

/// A term of the explorer's filter: the value of a field.
pub(super) fn link_term(field: FieldId, value: &str) -> String {
    link::is(field.field().name, value)
}

/// A filter: the whole value of a field.
pub(super) fn is(field: FieldId, value: &str) -> Filter {
    let value = match value.parse() {
        Ok(number) if field.field().kind == durward_model::Kind::Int => Value::Int(number),
        _ => Value::Text(value.to_owned()),
    };
    Filter::field(field, Op::Eq(value))
}

/// A filter: one status.
pub(super) fn has_status(status: durward_model::errors::Status) -> Filter {
    Filter::test(Property::Status, Op::Eq(Value::Text(status.name().to_owned())))
}
