//! Decoded events by column.
//!
//! A batch is what a decoder hands to the store and what the write-ahead log holds. Its entities
//! are numbered within the batch; the store gives them their lasting keys.

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::cell::{self, Cell};
use crate::field::{self, FIELD_SPAN, FieldId, GROUP_COUNT, Group, Log};
use crate::id::{Id, Spelling};
use crate::time::Timestamp;

/// One decoded event, before it joins a batch. Reused from record to record.
#[derive(Debug)]
pub struct Row<'a> {
    cells: Vec<Cell<'a>>,
    set: Vec<FieldId>,
    /// Which log it belongs to.
    pub log: Log,
    /// Values that no field holds: the owner (a JSON field, or `None` for the record itself) and
    /// JSON text, in the order in which the shape's `x` marks of that owner count.
    pub extras: Vec<(Option<FieldId>, String)>,
}

impl Default for Row<'_> {
    fn default() -> Self {
        Row {
            cells: vec![Cell::Null; FIELD_SPAN],
            set: Vec::with_capacity(96),
            log: Log::Other,
            extras: Vec::new(),
        }
    }
}

impl<'a> Row<'a> {
    /// Sets a field. Identifiers and texts of any kind are [`Cell::Text`].
    pub fn set(&mut self, field: FieldId, cell: Cell<'a>) {
        if self.cells[field as usize].is_null() {
            self.set.push(field);
        }
        self.cells[field as usize] = cell;
    }

    /// The value of a field.
    pub fn get(&self, field: FieldId) -> &Cell<'a> {
        &self.cells[field as usize]
    }

    /// Adds an extra and gives its number among those of its owner.
    pub fn add_extra(&mut self, owner: Option<FieldId>, json: String) -> usize {
        let index = self.extras.iter().filter(|(other, _)| *other == owner).count();
        self.extras.push((owner, json));
        index
    }

    /// Empties the row for the next record, keeping its memory.
    pub fn clear(&mut self) {
        for field in self.set.drain(..) {
            self.cells[field as usize] = Cell::Null;
        }
        self.extras.clear();
        self.log = Log::Other;
    }
}

/// Facts that spare storing an identifier that follows from another (bits of `Columns::refs`).
pub mod refs {
    /// `originalRequestId` equals `id`.
    pub const ORIGINAL_REQUEST_IS_ID: i8 = 1;
    /// `uniqueTokenIdentifier` is the unpadded base64url of the GUID's bytes in .NET order.
    pub const TOKEN_IS_ID_BYTES: i8 = 2;
    /// `uniqueTokenIdentifier` is the standard Base64 of the GUID's text.
    pub const TOKEN_IS_ID_TEXT: i8 = 4;
}

/// The values stored with the event itself, one vector a column, all of one length.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[allow(missing_docs, reason = "named after the fields of the catalogue")]
pub struct Columns {
    pub log: Vec<u8>,
    pub created: Vec<Timestamp>,
    pub published: Vec<Option<Timestamp>>,
    pub received_micros: Vec<i64>,
    pub id: Vec<Id>,
    pub correlation_id: Vec<Option<Id>>,
    pub session_id: Vec<Option<Id>>,
    pub original_request_id: Vec<Option<Id>>,
    pub client_session_id: Vec<Option<Id>>,
    pub unique_token_identifier: Vec<Option<Box<str>>>,
    pub processing_time_ms: Vec<Option<i64>>,
    pub duration_ms: Vec<Option<i64>>,
    pub refs: Vec<i8>,
    /// Identifiers that are no GUIDs, as JSON: field number to text. `None` where all are GUIDs.
    pub id_texts: Vec<Option<Box<str>>>,
    /// Extras as JSON: owner's field number (`""` for the record) to a list. `None` where none.
    pub extra: Vec<Option<Box<str>>>,
    /// The entity of each group, numbered within the batch.
    pub keys: [Vec<u32>; GROUP_COUNT],
}

/// Distinct entities of one group, numbered in order of appearance.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EntityList {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    #[serde(skip)]
    index: HashTable<u32>,
}

impl EntityList {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The encoded entity (see [`crate::cell`]) with this number.
    pub fn get(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] as usize };
        &self.bytes[start..self.ends[number] as usize]
    }

    /// The number of this entity, which is added if it is new.
    pub fn intern(&mut self, entity: &[u8]) -> u32 {
        let hash = xxh3_64(entity);
        // `index` borrows `self`, so the look-up goes through the parts it reads.
        let (bytes, ends) = (&self.bytes, &self.ends);
        let at = |number: u32| {
            let number = number as usize;
            let start = if number == 0 { 0 } else { ends[number - 1] as usize };
            &bytes[start..ends[number] as usize]
        };
        if let Some(&number) = self.index.find(hash, |&number| at(number) == entity) {
            return number;
        }
        let number = self.ends.len() as u32;
        self.bytes.extend_from_slice(entity);
        self.ends.push(self.bytes.len() as u32);
        let (bytes, ends) = (&self.bytes, &self.ends);
        self.index.insert_unique(hash, number, |&number| {
            let number = number as usize;
            let start = if number == 0 { 0 } else { ends[number - 1] as usize };
            xxh3_64(&bytes[start..ends[number] as usize])
        });
        number
    }
}

/// Decoded events by column, with their entities.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EventBatch {
    /// The values stored with each event.
    pub columns: Columns,
    /// The entities of each group, referred to by `columns.keys`.
    pub entities: [EntityList; GROUP_COUNT],
}

impl EventBatch {
    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.columns.id.len()
    }

    /// Does it hold no event?
    pub fn is_empty(&self) -> bool {
        self.columns.id.is_empty()
    }

    /// A rough size in memory, in bytes.
    pub fn size_bytes(&self) -> usize {
        let entities: usize = self.entities.iter().map(|list| list.bytes.len()).sum();
        let columns = &self.columns;
        let texts = [&columns.extra, &columns.id_texts, &columns.unique_token_identifier];
        let texts = texts.into_iter().flatten().flatten().map(|text| text.len());
        self.len() * 260 + texts.sum::<usize>() + entities
    }

    /// A batch of only these rows and the entities they refer to.
    pub fn select(&self, rows: &[u32]) -> EventBatch {
        fn pick<T: Clone>(of: &[T], rows: &[u32]) -> Vec<T> {
            rows.iter().map(|&row| of[row as usize].clone()).collect()
        }
        let c = &self.columns;
        let mut entities: [EntityList; GROUP_COUNT] = Default::default();
        let keys = std::array::from_fn(|group| {
            let (all, used) = (&self.entities[group], &mut entities[group]);
            let mut numbers: Vec<Option<u32>> = vec![None; all.len()];
            let key =
                |key: u32| *numbers[key as usize].get_or_insert_with(|| used.intern(all.get(key)));
            pick(&c.keys[group], rows).into_iter().map(key).collect()
        });
        let columns = Columns {
            log: pick(&c.log, rows),
            created: pick(&c.created, rows),
            published: pick(&c.published, rows),
            received_micros: pick(&c.received_micros, rows),
            id: pick(&c.id, rows),
            correlation_id: pick(&c.correlation_id, rows),
            session_id: pick(&c.session_id, rows),
            original_request_id: pick(&c.original_request_id, rows),
            client_session_id: pick(&c.client_session_id, rows),
            unique_token_identifier: pick(&c.unique_token_identifier, rows),
            processing_time_ms: pick(&c.processing_time_ms, rows),
            duration_ms: pick(&c.duration_ms, rows),
            refs: pick(&c.refs, rows),
            id_texts: pick(&c.id_texts, rows),
            extra: pick(&c.extra, rows),
            keys,
        };
        EventBatch { columns, entities }
    }

    /// Adds an event. The row must have an `id` (text) and a `createdDateTime`; the decoder that
    /// filled it has seen to that.
    pub fn push(&mut self, row: &Row<'_>, received: Timestamp) {
        let columns = &mut self.columns;
        let mut id_texts: Vec<(FieldId, &str)> = Vec::new();
        let mut identifier = |field: FieldId| {
            let text = row.get(field).as_text()?;
            let (id, spelling) = Id::from_text(text);
            // Upper-case GUIDs are restored from the extras; only other text is needed here.
            if spelling == Spelling::Other {
                id_texts.push((field, text));
            }
            Some(id)
        };
        let id = identifier(FieldId::Id).unwrap_or(Id([0; 16]));
        let correlation_id = identifier(FieldId::CorrelationId);
        let session_id = identifier(FieldId::SessionId);
        let original_request_id = identifier(FieldId::OriginalRequestId);
        let client_session_id = identifier(FieldId::ClientSessionId);

        let mut bits = 0;
        let original_request_id = match original_request_id {
            Some(original) if original == id => {
                bits |= refs::ORIGINAL_REQUEST_IS_ID;
                None
            }
            other => other,
        };
        let token = row.get(FieldId::UniqueTokenIdentifier).as_text();
        let token = match token {
            Some(text) if text == token_of_bytes(id) => {
                bits |= refs::TOKEN_IS_ID_BYTES;
                None
            }
            Some(text) if text == token_of_text(id) => {
                bits |= refs::TOKEN_IS_ID_TEXT;
                None
            }
            other => other,
        };

        columns.log.push(row.log as u8);
        columns.created.push(row.get(FieldId::CreatedDateTime).as_time().unwrap_or_default());
        columns.published.push(row.get(FieldId::PublishedDateTime).as_time());
        columns.received_micros.push(received.micros);
        columns.id.push(id);
        columns.correlation_id.push(correlation_id);
        columns.session_id.push(session_id);
        columns.original_request_id.push(original_request_id);
        columns.client_session_id.push(client_session_id);
        columns.unique_token_identifier.push(token.map(Box::from));
        columns.processing_time_ms.push(row.get(FieldId::ProcessingTimeInMilliseconds).as_int());
        columns.duration_ms.push(row.get(FieldId::DurationMs).as_int());
        columns.refs.push(bits);
        columns.id_texts.push(id_texts_json(&id_texts));
        columns.extra.push(extras_json(&row.extras));

        let mut entity = Vec::with_capacity(4096);
        for group in Group::ALL {
            entity.clear();
            for &field in field::of_group(group) {
                cell::encode(field, row.get(field), &mut entity);
            }
            let number = self.entities[group as usize].intern(&entity);
            self.columns.keys[group as usize].push(number);
        }
    }
}

/// The `uti` claim of newer records: unpadded base64url of the GUID's bytes in .NET order.
pub fn token_of_bytes(id: Id) -> String {
    use base64::Engine as _;
    let b = id.0;
    let dotnet = [
        b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13],
        b[14], b[15],
    ];
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(dotnet)
}

/// The token identifier of older records: standard Base64 of the GUID's text.
pub fn token_of_text(id: Id) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(id.to_string())
}

fn id_texts_json(texts: &[(FieldId, &str)]) -> Option<Box<str>> {
    if texts.is_empty() {
        return None;
    }
    let map: serde_json::Map<String, serde_json::Value> =
        texts.iter().map(|(field, text)| ((*field as u8).to_string(), (*text).into())).collect();
    Some(serde_json::Value::Object(map).to_string().into())
}

fn extras_json(extras: &[(Option<FieldId>, String)]) -> Option<Box<str>> {
    if extras.is_empty() {
        return None;
    }
    let mut owners: Vec<Option<FieldId>> = extras.iter().map(|(owner, _)| *owner).collect();
    owners.sort_unstable();
    owners.dedup();
    let mut json = String::from("{");
    for (index, owner) in owners.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        match owner {
            Some(field) => json.push_str(&format!("\"{}\":[", *field as u8)),
            None => json.push_str("\"\":["),
        }
        let mut first = true;
        for (_, value) in extras.iter().filter(|(other, _)| other == owner) {
            if !std::mem::take(&mut first) {
                json.push(',');
            }
            json.push_str(value);
        }
        json.push(']');
    }
    json.push('}');
    Some(json.into())
}

const _: () = assert!(GROUP_COUNT == Group::ALL.len());

/// Fields that [`Columns`] holds; every other field is an entity's. Checked by a test.
pub const ROW_FIELDS: [FieldId; 11] = [
    FieldId::Id,
    FieldId::CreatedDateTime,
    FieldId::PublishedDateTime,
    FieldId::ReceivedDateTime,
    FieldId::CorrelationId,
    FieldId::SessionId,
    FieldId::OriginalRequestId,
    FieldId::ClientSessionId,
    FieldId::UniqueTokenIdentifier,
    FieldId::ProcessingTimeInMilliseconds,
    FieldId::DurationMs,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{FIELDS, Place};

    #[test]
    fn every_row_field_has_a_column() {
        let stored: Vec<_> =
            FIELDS.iter().filter(|field| field.place == Place::Row).map(|f| f.id).collect();
        assert_eq!(stored, ROW_FIELDS);
    }

    #[test]
    fn selected_rows_take_only_their_entities_along() {
        let mut batch = EventBatch::default();
        for number in 0..4_i64 {
            let mut row = Row::default();
            row.set(FieldId::Id, Cell::Text(format!("record {number}").into()));
            row.set(FieldId::ErrorCode, Cell::Int(number % 3));
            batch.push(&row, Timestamp::default());
        }
        let some = batch.select(&[3, 2]);
        assert_eq!(some.entities[Group::Outcome as usize].len(), 2);
        assert_eq!(some.entities[Group::Actor as usize].len(), 1);
        for (row, was) in [(0, 3), (1, 2)] {
            let (now, before) =
                (crate::Event::of_batch(&some, row), crate::Event::of_batch(&batch, was));
            assert_eq!(now.row(), before.row());
            assert!(now.same_entities(&before));
        }
        assert!(batch.select(&[]).is_empty());
    }

    #[test]
    fn the_token_identifier_of_the_request_is_not_stored() {
        let id = Id::from_text("00112233-4455-6677-8899-aabbccddeeff").0;
        assert_eq!(token_of_bytes(id), "MyIRAFVEd2aImaq7zN3u_w");
        assert_eq!(token_of_text(id), "MDAxMTIyMzMtNDQ1NS02Njc3LTg4OTktYWFiYmNjZGRlZWZm");
    }
}
