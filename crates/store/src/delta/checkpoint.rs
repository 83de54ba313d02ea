//! Checkpoints: the whole state of the table in one Parquet file (the classic kind).
//!
//! A checkpoint lets a reader start without the commits before it. It is written beside its
//! final name, synced, renamed, then read back and compared; only then `_last_checkpoint`
//! points to it. Should it ever be damaged, the commits still hold everything.

use std::path::Path;

use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::json;

use super::DeltaError;
use super::action::Action;
use super::log_dir::{LAST_CHECKPOINT, checkpoint_name};
use super::open::first_metadata;
use super::snapshot::Snapshot;
use crate::files::FileLayer;

mod columns;
mod rows;

/// Writes the checkpoint of a snapshot and announces it. Nothing is announced unless it reads
/// back as the same snapshot.
pub(super) fn write(
    files: &dyn FileLayer,
    log_dir: &Path,
    snapshot: &Snapshot,
) -> Result<(), DeltaError> {
    let path = log_dir.join(checkpoint_name(snapshot.version));
    let corrupt = |reason: String| DeltaError::Corrupt { path: path.clone(), reason };
    let bytes = encode(snapshot).map_err(|error| corrupt(error.to_string()))?;
    files.write_durably(&path, &bytes).map_err(|error| DeltaError::io(&path, error))?;

    let mut found = read(files, &path, snapshot.version)?;
    found.timestamp_ms = snapshot.timestamp_ms;
    if found != *snapshot {
        return Err(corrupt("the checkpoint does not read back as it was written".into()));
    }
    let last = json!({
        "version": snapshot.version,
        "size": columns::row_count(snapshot),
        "sizeInBytes": bytes.len(),
        "numOfAddFiles": snapshot.files.len(),
    });
    let path = log_dir.join(LAST_CHECKPOINT);
    files
        .write_durably(&path, last.to_string().as_bytes())
        .map_err(|error| DeltaError::io(&path, error))
}

/// Reads a checkpoint, ours or another writer's.
pub(super) fn read(
    files: &dyn FileLayer,
    path: &Path,
    version: u64,
) -> Result<Snapshot, DeltaError> {
    let bytes = files.read(path).map_err(|error| DeltaError::io(path, error))?;
    let corrupt = |reason: String| DeltaError::Corrupt { path: path.to_path_buf(), reason };
    let actions = decode(bytes.into()).map_err(corrupt)?;
    let metadata = first_metadata(&actions)
        .ok_or_else(|| corrupt("the checkpoint does not describe the table".into()))?;
    let mut snapshot = Snapshot::new(metadata);
    snapshot.version = version;
    actions.into_iter().for_each(|action| snapshot.replay(action));
    Ok(snapshot)
}

fn encode(snapshot: &Snapshot) -> Result<Vec<u8>, parquet::errors::ParquetError> {
    let batch = columns::batch(snapshot)?;
    let level = ZstdLevel::try_new(1)?;
    // Readers want the classic schema, not our Arrow one beside it.
    let options = parquet::arrow::arrow_writer::ArrowWriterOptions::new()
        .with_skip_arrow_metadata(true)
        .with_properties(
            WriterProperties::builder().set_compression(Compression::ZSTD(level)).build(),
        );
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), batch.schema(), options)?;
    writer.write(&batch)?;
    writer.into_inner()
}

fn decode(bytes: Bytes) -> Result<Vec<Action>, String> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(|error| error.to_string())?;
    let mut actions = Vec::new();
    for batch in reader {
        rows::actions(&batch.map_err(|error| error.to_string())?, &mut actions)?;
    }
    Ok(actions)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::super::action::{Metadata, Protocol};
    use super::super::snapshot::Txn;
    use super::super::{AddFile, Tombstone};
    use super::*;

    #[test]
    fn every_kind_of_row_comes_back() {
        let metadata = Metadata {
            id: "00000000-0000-4000-8000-000000000001".into(),
            name: None,
            schema: r#"{"type":"struct","fields":[]}"#.into(),
            partition_columns: vec!["date".into(), "log".into()],
            configuration: BTreeMap::from([("delta.appendOnly".into(), "false".into())]),
            created_time_ms: Some(5),
        };
        let mut snapshot = Snapshot::new(metadata);
        snapshot.version = 9;
        assert_eq!(snapshot.protocol, Protocol::OURS);
        for n in 0..3u64 {
            let partition_values = BTreeMap::from([
                ("date".to_owned(), Some("2026-08-01".to_owned())),
                ("log".to_owned(), (n > 0).then(|| "ü %".to_owned())),
            ]);
            let path = format!("date=2026-08-01/{n} %.parquet");
            let add = AddFile {
                path: path.clone(),
                partition_values: partition_values.clone(),
                size_bytes: n,
                modification_time_ms: -1,
                stats: (n == 1).then(|| r#"{"numRecords":1}"#.into()),
            };
            snapshot.files.insert(path, Arc::new(add));
            let size_bytes = (n < 2).then_some(7);
            let gone = Tombstone {
                path: format!("gone-{n}"),
                deletion_time_ms: 77,
                partition_values: if n == 0 { BTreeMap::new() } else { partition_values },
                size_bytes,
            };
            snapshot.tombstones.insert(gone.path.clone(), gone);
            let last_updated_ms = (n == 2).then_some(8);
            snapshot.txns.insert(format!("app-{n}"), Txn { version: n as i64, last_updated_ms });
        }
        let files = crate::files::testing::CrashFiles::new();
        write(&files, Path::new("/"), &snapshot).unwrap();
        let path = Path::new("/00000000000000000009.checkpoint.parquet");
        assert_eq!(read(&files, path, 9).unwrap(), snapshot);
        let last = files.read(Path::new("/_last_checkpoint")).unwrap();
        let last: serde_json::Value = serde_json::from_slice(&last).unwrap();
        assert_eq!((&last["version"], &last["size"]), (&json!(9), &json!(11)));
    }
}
