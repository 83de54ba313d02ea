//! Batches made by hand.

use durward_model::{Cell, EventBatch, FieldId, Log, Row, Timestamp};

/// Noon of some day, µs since 1970.
pub(crate) const NOON: i64 = 1_772_452_800_000_000;

/// What tests say about an event.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) id: u32,
    pub(crate) log: Log,
    pub(crate) created_micros: i64,
    pub(crate) user: u32,
    pub(crate) code: i64,
    pub(crate) published_micros: Option<i64>,
    pub(crate) risk: &'static str,
}

impl Sample {
    /// An interactive sign-in `seconds` after noon.
    pub(crate) fn at(id: u32, seconds: i64) -> Sample {
        Sample {
            id,
            log: Log::InteractiveUser,
            created_micros: NOON + seconds * 1_000_000,
            user: id % 7,
            code: if id.is_multiple_of(3) { 50126 } else { 0 },
            published_micros: None,
            risk: "none",
        }
    }

    pub(crate) fn request_id(&self) -> String {
        format!("{:08x}-0000-4000-8000-000000000000", self.id)
    }
}

/// A batch of these.
pub(crate) fn batch(samples: &[Sample]) -> EventBatch {
    let mut batch = EventBatch::default();
    for sample in samples {
        let mut row = Row::default();
        row.log = sample.log;
        row.set(FieldId::Id, Cell::Text(sample.request_id().into()));
        row.set(
            FieldId::CreatedDateTime,
            Cell::Time(Timestamp::from_micros(sample.created_micros)),
        );
        if let Some(published) = sample.published_micros {
            row.set(FieldId::PublishedDateTime, Cell::Time(Timestamp::from_micros(published)));
        }
        row.set(FieldId::TenantId, Cell::text("tenant"));
        row.set(
            FieldId::UserPrincipalName,
            Cell::Text(format!("user{}@x.example", sample.user).into()),
        );
        row.set(FieldId::AppDisplayName, Cell::Text(format!("App {}", sample.id % 5).into()));
        row.set(FieldId::ErrorCode, Cell::Int(sample.code));
        row.set(FieldId::RiskState, Cell::text(sample.risk));
        row.set(FieldId::CorrelationId, Cell::Text(format!("corr-{}", sample.id / 2).into()));
        batch.push(&row, Timestamp::from_micros(NOON));
    }
    batch
}
