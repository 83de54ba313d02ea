//! One event with all its values, wherever it was stored.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::batch::{EventBatch, refs, token_of_bytes, token_of_text};
use crate::cell::{self, Cell};
use crate::field::{FieldId, GROUP_COUNT, Log, Place};
use crate::id::Id;
use crate::shape;
use crate::time::Timestamp;

mod redact;

/// The values stored with the event itself; see [`crate::batch::Columns`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "named after the fields of the catalogue")]
pub struct RowValues {
    pub log: Log,
    pub created: Timestamp,
    pub published: Option<Timestamp>,
    pub received: Timestamp,
    pub id: Id,
    pub correlation_id: Option<Id>,
    pub session_id: Option<Id>,
    pub original_request_id: Option<Id>,
    pub client_session_id: Option<Id>,
    pub unique_token_identifier: Option<Box<str>>,
    pub processing_time_ms: Option<i64>,
    pub duration_ms: Option<i64>,
    pub refs: i8,
    pub id_texts: Option<Box<str>>,
    pub extra: Option<Box<str>>,
    /// 0 for the first version of an event, counting up.
    pub revision: i32,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    row: RowValues,
    entities: [Arc<[u8]>; GROUP_COUNT],
    extras: Vec<(Option<FieldId>, Vec<Box<RawValue>>)>,
    redaction: redact::Redaction,
}

impl Event {
    /// An event from its own values and its encoded entities, in the order of the groups.
    pub fn new(row: RowValues, entities: [Arc<[u8]>; GROUP_COUNT]) -> Event {
        let extras = row.extra.as_deref().map(parse_extras).unwrap_or_default();
        Event { row, entities, extras, redaction: redact::Redaction::default() }
    }

    /// One event of a batch that has not been stored yet.
    pub fn of_batch(batch: &EventBatch, index: usize) -> Event {
        let columns = &batch.columns;
        let row = RowValues {
            log: Log::ALL[usize::from(columns.log[index]) % Log::ALL.len()],
            created: columns.created[index],
            published: columns.published[index],
            received: Timestamp::from_micros(columns.received_micros[index]),
            id: columns.id[index],
            correlation_id: columns.correlation_id[index],
            session_id: columns.session_id[index],
            original_request_id: columns.original_request_id[index],
            client_session_id: columns.client_session_id[index],
            unique_token_identifier: columns.unique_token_identifier[index].clone(),
            processing_time_ms: columns.processing_time_ms[index],
            duration_ms: columns.duration_ms[index],
            refs: columns.refs[index],
            id_texts: columns.id_texts[index].clone(),
            extra: columns.extra[index].clone(),
            revision: 0,
        };
        let entities = std::array::from_fn(|group| {
            Arc::from(batch.entities[group].get(columns.keys[group][index]))
        });
        Event::new(row, entities)
    }

    /// The values stored with the event itself.
    pub fn row(&self) -> &RowValues {
        &self.row
    }

    /// Do both refer to equal entities in every group?
    pub fn same_entities(&self, other: &Event) -> bool {
        self.entities == other.entities
    }

    /// A hash of what makes two records of an event differ: its entities, extras and own texts.
    /// Equal content has an equal hash.
    pub fn content_hash(&self) -> u64 {
        let mut hash = xxhash_rust::xxh3::Xxh3Default::new();
        let row = &self.row;
        let texts = [&row.extra, &row.id_texts, &row.unique_token_identifier];
        let texts = texts.into_iter().map(|text| text.as_deref().unwrap_or_default().as_bytes());
        for part in self.entities.iter().map(|entity| &**entity).chain(texts) {
            hash.update(&part.len().to_le_bytes());
            hash.update(part);
        }
        hash.digest()
    }

    /// The value of a field. Identifiers are text; JSON fields are complete JSON text.
    pub fn cell(&self, field: FieldId) -> Cell<'_> {
        let cell = shape::Values::value(self, field);
        match cell {
            Cell::Text(json) if field.field().kind.is_json() && json.contains(shape::MARK) => {
                let mut out = String::with_capacity(json.len());
                shape::fill(&json, Some(field), self, &mut out);
                Cell::Text(Cow::Owned(out))
            }
            cell => cell,
        }
    }

    /// The record as its source wrote it, as minified JSON. What was taken out of the event is
    /// not in it either; empty where the event no longer has an original
    /// (see [`Event::has_original`]).
    pub fn original(&self) -> String {
        let mut out = String::with_capacity(2048);
        if !self.has_original() {
            return out;
        }
        if let Cell::Text(text) = cell::find(&self.entities[0], FieldId::Shape) {
            shape::fill(&text, None, self, &mut out);
        }
        if self.shows_conditional_access() || out.is_empty() {
            return out;
        }
        redact::without_conditional_access(&out)
    }

    fn identifier(&self, field: FieldId, id: Option<Id>) -> Cell<'_> {
        let Some(id) = id else { return Cell::Null };
        match self.row.id_texts.as_deref().and_then(|json| id_text(json, field)) {
            Some(text) => Cell::Text(Cow::Owned(text)),
            None => Cell::Text(Cow::Owned(id.to_string())),
        }
    }
}

impl shape::Values for Event {
    fn value(&self, field: FieldId) -> Cell<'_> {
        if let Place::Entity(group) = field.field().place {
            return cell::find(&self.entities[group as usize], field);
        }
        let row = &self.row;
        match field {
            FieldId::Id => self.identifier(field, Some(row.id)),
            FieldId::CreatedDateTime => Cell::Time(row.created),
            FieldId::PublishedDateTime => row.published.map_or(Cell::Null, Cell::Time),
            FieldId::ReceivedDateTime => Cell::Time(row.received),
            FieldId::CorrelationId => self.identifier(field, row.correlation_id),
            FieldId::SessionId => self.identifier(field, row.session_id),
            FieldId::OriginalRequestId if row.refs & refs::ORIGINAL_REQUEST_IS_ID != 0 => {
                self.identifier(FieldId::Id, Some(row.id))
            }
            FieldId::OriginalRequestId => self.identifier(field, row.original_request_id),
            FieldId::ClientSessionId => self.identifier(field, row.client_session_id),
            FieldId::UniqueTokenIdentifier => {
                if row.refs & refs::TOKEN_IS_ID_BYTES != 0 {
                    Cell::Text(token_of_bytes(row.id).into())
                } else if row.refs & refs::TOKEN_IS_ID_TEXT != 0 {
                    Cell::Text(token_of_text(row.id).into())
                } else {
                    row.unique_token_identifier.as_deref().map_or(Cell::Null, Cell::text)
                }
            }
            FieldId::ProcessingTimeInMilliseconds => {
                row.processing_time_ms.map_or(Cell::Null, Cell::Int)
            }
            FieldId::DurationMs => row.duration_ms.map_or(Cell::Null, Cell::Int),
            _ => Cell::Null,
        }
    }

    fn extra(&self, owner: Option<FieldId>, index: usize) -> Option<&str> {
        let (_, values) = self.extras.iter().find(|(other, _)| *other == owner)?;
        values.get(index).map(|raw| raw.get())
    }
}

fn id_text(json: &str, field: FieldId) -> Option<String> {
    let texts: std::collections::HashMap<u8, String> = serde_json::from_str(json).ok()?;
    texts.into_iter().find(|(number, _)| *number == field as u8).map(|(_, text)| text)
}

fn parse_extras(json: &str) -> Vec<(Option<FieldId>, Vec<Box<RawValue>>)> {
    let map: std::collections::BTreeMap<String, Vec<Box<RawValue>>> =
        serde_json::from_str(json).unwrap_or_default();
    map.into_iter()
        .map(|(owner, values)| (owner.parse().ok().and_then(FieldId::from_number), values))
        .collect()
}
