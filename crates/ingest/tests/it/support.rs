//! Decoding in one call, and comparing JSON.

use durward_ingest::{Collected, Decoder, Options, Rejection, Summary};
use durward_model::time::{DateOrder, Timestamp};
use durward_model::{Cell, Event, FieldId};
use serde_json::Value;

/// What a piece of input became.
pub(crate) struct Decoded {
    pub(crate) events: Vec<Event>,
    pub(crate) rejections: Vec<Rejection>,
    pub(crate) summary: Summary,
}

pub(crate) fn received() -> Timestamp {
    Timestamp::parse("2026-04-08T00:00:00Z", DateOrder::MonthFirst).unwrap()
}

pub(crate) fn events_of(collected: &Collected) -> Vec<Event> {
    let events = collected.batches.iter().flat_map(|batch| {
        (0..batch.len()).map(|index| Event::of_batch(batch, index)).collect::<Vec<_>>()
    });
    events.collect()
}

pub(crate) fn decode(name: &str, bytes: impl AsRef<[u8]>) -> Decoded {
    decode_with(Options::new(received()), name, bytes)
}

pub(crate) fn decode_with(options: Options, name: &str, bytes: impl AsRef<[u8]>) -> Decoded {
    let mut collected = Collected::default();
    let summary = Decoder::new(options).decode_bytes(name, bytes.as_ref(), &mut collected).unwrap();
    let events = events_of(&collected);
    assert_eq!(events.len() as u64, summary.records());
    assert_eq!(collected.rejections.len() as u64, summary.rejected);
    Decoded { events, rejections: collected.rejections, summary }
}

/// The only event of a text; its original must be the text, as JSON.
pub(crate) fn one(text: &str) -> Event {
    let mut decoded = decode("test.json", text);
    assert_eq!(decoded.rejections, [], "{text}");
    assert_eq!(decoded.events.len(), 1, "{text}");
    let event = decoded.events.remove(0);
    assert_same(&event.original(), text);
    event
}

pub(crate) fn text(event: &Event, field: FieldId) -> String {
    event.cell(field).to_string()
}

pub(crate) fn cell(event: &Event, field: FieldId) -> Cell<'static> {
    event.cell(field).into_owned()
}

/// Asserts that both are the same JSON value, members in the same order.
pub(crate) fn assert_same(found: &str, expected: &str) {
    let read = |text: &str| {
        serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    let (left, right) = (read(found), read(expected));
    // Written out, the order of members counts too.
    assert_eq!(left.to_string(), right.to_string(), "\n{found}\n{expected}");
}
