//! What there is of what a text names.

use axum::http::StatusCode;
use durward_model::{FieldId, Log, Timestamp, errors};
use durward_query::{AggregateRequest, AggregateRow, Dimension, DimensionValue, Filter, Reader};

use super::recognise::{Thing, recognise};
use crate::error::ApiError;
use crate::page::link;
use crate::page::scope::Scope;
use crate::page::state::{State, Tab};
use crate::params::Params;

/// Something that was found.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) note: String,
    /// Sign-ins of it.
    pub(super) count: u64,
    /// Its page.
    pub(super) open: Option<String>,
    /// Its sign-ins.
    pub(super) filter: String,
    /// It is what was asked for, not something like it.
    pub(super) is_exact: bool,
}

/// Everything found.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) hits: Vec<Hit>,
    /// Sign-ins that have the text anywhere.
    pub(super) everything: Option<String>,
    /// What the text was taken for.
    pub(super) taken_for: &'static str,
}

/// What an identifier can be: its kind, its field, and its page.
type Kind = (&'static str, &'static str, fn(&str) -> Option<String>);

const KINDS: [Kind; 10] = [
    ("Request", "id", |id| Some(link::event(id))),
    ("Attempt (correlation ID)", "correlationId", |id| Some(link::attempt(id))),
    ("Session", "sessionId", |id| Some(link::session(id))),
    ("User", "userId", |id| Some(link::user(id))),
    ("Application", "appId", |id| Some(link::app(id))),
    ("Service principal", "servicePrincipalId", |id| Some(link::workload(id))),
    ("Resource", "resourceId", |id| Some(link::resource(id))),
    ("Device", "deviceDetail/deviceId", |id| Some(link::device(id))),
    ("Tenant", "tenantId", |_| None),
    ("Home tenant", "homeTenantId", |_| None),
];

/// What words can be part of: the kind, the short name of the search, identifier and names, and
/// the page.
struct Named {
    kind: &'static str,
    term: &'static str,
    fields: &'static [FieldId],
    page: fn(&str) -> String,
}

const NAMED: [Named; 5] = [
    Named {
        kind: "User",
        term: "user",
        fields: &[FieldId::UserId, FieldId::UserDisplayName, FieldId::UserPrincipalName],
        page: link::user,
    },
    Named {
        kind: "Application",
        term: "app",
        fields: &[FieldId::AppId, FieldId::AppDisplayName],
        page: link::app,
    },
    Named {
        kind: "Resource",
        term: "resource",
        fields: &[FieldId::ResourceId, FieldId::ResourceDisplayName],
        page: link::resource,
    },
    Named {
        kind: "Service principal",
        term: "sp",
        fields: &[FieldId::ServicePrincipalId, FieldId::ServicePrincipalName],
        page: link::workload,
    },
    Named {
        kind: "Device",
        term: "device",
        fields: &[FieldId::DeviceId, FieldId::DeviceDisplayName],
        page: link::device,
    },
];

/// Finds at most so many of each kind.
pub(super) fn find(
    reader: &Reader,
    text: &str,
    scope: &Scope,
    of_kind: usize,
) -> Result<Found, ApiError> {
    let things = recognise(text);
    let mut found = Found {
        taken_for: things.first().map_or("nothing", Thing::kind),
        everything: everything(text, scope, &things),
        ..Found::default()
    };
    let search = Search { reader, scope, of_kind };
    for thing in &things {
        match thing {
            Thing::Guid(id) => search.identifier(id, &mut found.hits)?,
            Thing::Net(net) => {
                let text = match net.prefix_len() == net.max_prefix_len() {
                    true => net.addr().to_string(),
                    false => net.to_string(),
                };
                let term = format!("ip:{text}");
                search.one(
                    "Address",
                    &text,
                    String::new(),
                    term,
                    Some(link::ip(&text)),
                    &mut found,
                )?;
            }
            Thing::Asn(number) => {
                let number = number.to_string();
                let term = link::is("autonomousSystemNumber", &number);
                let (name, open) = (format!("AS{number}"), Some(link::asn(&number)));
                search.one("Network", &name, String::new(), term, open, &mut found)?;
            }
            Thing::Code(code) => search.code(*code, &mut found)?,
            Thing::Upn(upn) => {
                let term = link::is("userPrincipalName", upn);
                search.one("User", upn, String::new(), term, Some(link::user(upn)), &mut found)?;
                if found.hits.is_empty() {
                    search.words(upn, &mut found.hits)?;
                }
            }
            Thing::Words(words) => search.words(words, &mut found.hits)?,
        }
    }
    Ok(found)
}

/// The explorer on what has the text anywhere; not for what is a single thing.
fn everything(text: &str, scope: &Scope, things: &[Thing]) -> Option<String> {
    let is_words = things.iter().any(|thing| matches!(thing, Thing::Words(_) | Thing::Upn(_)));
    let quoted = link::quoted(text.trim());
    is_words.then(|| scope.href("/signins", &[("type", "all"), ("q", &quoted)]))
}

struct Search<'a> {
    reader: &'a Reader,
    scope: &'a Scope,
    of_kind: usize,
}

impl Search<'_> {
    /// What the explorer filters by for a term; `None` where the caller may not ask that.
    fn filter(&self, term: &str) -> Result<Filter, ApiError> {
        let own = self.scope.pairs().into_iter().map(|(name, value)| (name.to_owned(), value));
        let more =
            [("type", "all"), ("f", term)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let state = State::parse(&Params(own.chain(more).collect()))?;
        let question = state.question(Timestamp::now());
        Ok(question.map_err(|error| ApiError::bad_request(error.to_string()))?.full_filter())
    }

    /// How many sign-ins a term finds: none where the caller may not ask.
    fn count(&self, term: &str) -> Result<u64, ApiError> {
        match self.reader.count(&self.filter(term)?, &Log::SIGN_INS) {
            Ok(count) => Ok(count),
            Err(error) => match ApiError::from(error) {
                hidden if hidden.status == StatusCode::FORBIDDEN => Ok(0),
                error => Err(error),
            },
        }
    }

    fn href(&self, term: String) -> String {
        link::signins(self.scope, Tab(None).0, &[term])
    }

    /// One thing, if there are sign-ins of it.
    fn one(
        &self,
        kind: &'static str,
        name: &str,
        note: String,
        term: String,
        open: Option<String>,
        found: &mut Found,
    ) -> Result<(), ApiError> {
        let count = self.count(&term)?;
        if count > 0 {
            let filter = self.href(term);
            let name = name.to_owned();
            found.hits.push(Hit { kind, name, note, count, open, filter, is_exact: true });
        }
        Ok(())
    }

    fn identifier(&self, id: &str, hits: &mut Vec<Hit>) -> Result<(), ApiError> {
        for (kind, field, page) in KINDS {
            let term = link::is(field, id);
            let count = self.count(&term)?;
            if count > 0 {
                let note = self.name_of(kind, &term)?;
                let (name, open, filter) = (id.to_owned(), page(id), self.href(term));
                hits.push(Hit { kind, name, note, count, open, filter, is_exact: true });
            }
        }
        Ok(())
    }

    /// What something with an identifier is called.
    fn name_of(&self, kind: &str, term: &str) -> Result<String, ApiError> {
        let Some(named) = NAMED.iter().find(|named| named.kind == kind) else {
            return Ok(String::new());
        };
        let Some(field) = named.fields.get(1) else { return Ok(String::new()) };
        let facet = self.reader.facet(*field, &self.filter(term)?, &Log::SIGN_INS, 1, None)?;
        Ok(facet.values.into_iter().next().map(|(name, _)| name).unwrap_or_default())
    }

    /// A code has a page even if nobody had it.
    fn code(&self, code: i64, found: &mut Found) -> Result<(), ApiError> {
        let term = link::is("status/errorCode", &code.to_string());
        let (count, known) = (self.count(&term)?, errors::lookup(code));
        if count == 0 && known.is_none() {
            return Ok(());
        }
        let note = known.map_or("not in the list of codes", |known| known.reason).to_owned();
        let (name, open, filter) = (code.to_string(), Some(link::error(code)), self.href(term));
        found.hits.push(Hit {
            kind: "Error code",
            name,
            note,
            count,
            open,
            filter,
            is_exact: true,
        });
        Ok(())
    }

    /// What has the words in its name.
    fn words(&self, words: &str, hits: &mut Vec<Hit>) -> Result<(), ApiError> {
        for named in &NAMED {
            let term = format!("{}:{}", named.term, link::quoted(words));
            let request = AggregateRequest {
                filter: self.filter(&term)?,
                by: named.fields.iter().copied().map(Dimension::Field).collect(),
                limit: self.of_kind,
                ..AggregateRequest::default()
            };
            let rows = self.reader.aggregate(&request)?;
            hits.extend(rows.iter().filter_map(|row| self.hit(named, row, words)));
        }
        Ok(())
    }

    fn hit(&self, named: &Named, row: &AggregateRow, words: &str) -> Option<Hit> {
        let texts: Vec<&str> = row.keys.iter().map(text).filter(|text| !text.is_empty()).collect();
        let id = text(row.keys.first()?);
        let names = texts.iter().copied().filter(|text| *text != id).collect::<Vec<_>>();
        let name = names.first().copied().or(texts.first().copied())?;
        let note = names.iter().skip(1).copied().collect::<Vec<_>>().join(" · ");
        let field = named.fields.first().map_or("", |field| field.field().name);
        let by_id = !id.is_empty();
        let term = match by_id {
            true => link::is(field, id),
            false => link::is(named.fields.get(1)?.field().name, name),
        };
        let is_exact = texts.iter().any(|text| text.eq_ignore_ascii_case(words));
        let open = Some((named.page)(if by_id { id } else { name }));
        let (kind, name, filter) = (named.kind, name.to_owned(), self.href(term));
        Some(Hit { kind, name, note, count: row.count(), open, filter, is_exact })
    }
}

fn text(value: &DimensionValue) -> &str {
    match value {
        DimensionValue::Text(text) => text,
        _ => "",
    }
}
