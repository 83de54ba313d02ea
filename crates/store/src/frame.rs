//! What a frame of the write-ahead log holds: an accepted batch, postcard-encoded, in zstd.

use durward_model::batch::EventBatch;

use crate::error::{AppendError, StoreError};

/// First byte of a payload: which encoding follows.
const VERSION: u8 = 1;
/// Fast, and already a tenth of the size: the batch's entities repeat hardly at all.
const ZSTD_LEVEL: i32 = 1;
/// No frame holds more than this once decompressed; a larger one is not ours.
const DECODED_BYTES_MAX: usize = 1 << 30;

/// Encodes the chosen rows of a batch.
pub(crate) fn encode(batch: &EventBatch, rows: &[u32]) -> Result<Vec<u8>, AppendError> {
    encode_within(batch, rows, DECODED_BYTES_MAX)
}

/// What could not be decoded again must not be acknowledged, however well it compresses.
fn encode_within(
    batch: &EventBatch,
    rows: &[u32],
    bytes_max: usize,
) -> Result<Vec<u8>, AppendError> {
    let chosen;
    let batch = if rows.len() == batch.len() {
        batch
    } else {
        chosen = if rows.is_empty() { EventBatch::default() } else { batch.select(rows) };
        &chosen
    };
    let plain = postcard::to_stdvec(batch).map_err(malformed)?;
    if plain.len() > bytes_max {
        return Err(AppendError::TooLarge { bytes: plain.len() });
    }
    let mut payload = vec![VERSION];
    payload.extend(zstd::bulk::compress(&plain, ZSTD_LEVEL).map_err(StoreError::Io)?);
    Ok(payload)
}

/// Decodes a payload.
pub(crate) fn decode(payload: &[u8]) -> Result<EventBatch, StoreError> {
    let Some((&VERSION, compressed)) = payload.split_first() else {
        return Err(std::io::Error::other("a log frame of an unknown version").into());
    };
    let size = zstd::zstd_safe::get_frame_content_size(compressed)
        .ok()
        .flatten()
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size <= DECODED_BYTES_MAX)
        .ok_or_else(|| std::io::Error::other("a log frame without a believable size"))?;
    let plain = zstd::bulk::decompress(compressed, size)?;
    postcard::from_bytes(&plain).map_err(malformed)
}

fn malformed(error: postcard::Error) -> StoreError {
    StoreError::Io(std::io::Error::other(format!("a log frame cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use durward_model::{Cell, FieldId, Row, Timestamp};

    use super::*;

    #[test]
    fn what_could_not_be_decoded_again_is_refused() {
        let mut batch = EventBatch::default();
        for number in 0..20 {
            let mut row = Row::default();
            row.set(FieldId::Id, Cell::Text(format!("record {number}").into()));
            row.set(FieldId::UserAgent, Cell::Text("x".repeat(1000).into()));
            batch.push(&row, Timestamp::default());
        }
        let rows: Vec<u32> = (0..20).collect();
        let payload = encode(&batch, &rows).expect("it is small");
        assert_eq!(decode(&payload).expect("it is whole").len(), 20);
        let refused = encode_within(&batch, &rows, 1000);
        assert!(matches!(refused, Err(AppendError::TooLarge { bytes: 1000.. })), "{refused:?}");
        assert!(encode_within(&batch, &[], 1000).is_ok(), "an empty frame is not");
    }
}
