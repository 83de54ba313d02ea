//! The lines of a commit.
//!
//! A commit file is a line of JSON per action. Ours begin with `commitInfo`, in which we note,
//! in fields that other readers pass over, how many lines follow and their checksum: so a file
//! cut off between two lines, which would otherwise read as a smaller commit, is recognised.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::snapshot::Txn;
use super::{AddFile, Tombstone, path};

const LINES_KEY: &str = "durwardLines";
const CRC_KEY: &str = "durwardCrc32c";

/// What a reader and a writer must know to use the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Protocol {
    pub(super) min_reader_version: i32,
    pub(super) min_writer_version: i32,
}

impl Protocol {
    /// What this module implements.
    pub(super) const OURS: Protocol = Protocol { min_reader_version: 1, min_writer_version: 2 };

    pub(super) fn is_supported(self) -> bool {
        self.min_reader_version <= Protocol::OURS.min_reader_version
            && self.min_writer_version <= Protocol::OURS.min_writer_version
    }
}

/// What the table is, apart from its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) id: String,
    pub(super) name: Option<String>,
    /// The columns in the JSON of the protocol.
    pub(super) schema: String,
    pub(super) partition_columns: Vec<String>,
    pub(super) configuration: BTreeMap<String, String>,
    pub(super) created_time_ms: Option<i64>,
}

/// One action of a commit or checkpoint.
#[derive(Debug)]
pub(super) enum Action {
    Protocol(Protocol),
    Metadata(Metadata),
    Add(AddFile),
    Remove(Tombstone),
    Txn(String, Txn),
    Info { timestamp_ms: i64 },
}

/// A commit in the making.
#[derive(Debug)]
pub(super) struct CommitText {
    operation: String,
    timestamp_ms: i64,
    lines: String,
    count: usize,
}

impl CommitText {
    pub(super) fn new(operation: &str, timestamp_ms: i64) -> CommitText {
        CommitText { operation: operation.into(), timestamp_ms, lines: String::new(), count: 0 }
    }

    pub(super) fn protocol(&mut self) {
        self.line(&json!({ "protocol": Protocol::OURS }));
    }

    pub(super) fn metadata(&mut self, metadata: &Metadata) {
        self.line(&json!({ "metaData": {
            "id": metadata.id,
            "name": metadata.name,
            "format": { "provider": "parquet", "options": {} },
            "schemaString": metadata.schema,
            "partitionColumns": metadata.partition_columns,
            "configuration": metadata.configuration,
            "createdTime": metadata.created_time_ms,
        }}));
    }

    pub(super) fn txn(&mut self, app_id: &str, version: i64, now_ms: i64) {
        self.line(&json!({ "txn": { "appId": app_id, "version": version, "lastUpdated": now_ms }}));
    }

    pub(super) fn add(&mut self, file: &AddFile, data_change: bool) {
        let mut add = json!({
            "path": path::encode(&file.path),
            "partitionValues": file.partition_values,
            "size": file.size_bytes,
            "modificationTime": file.modification_time_ms,
            "dataChange": data_change,
        });
        if let Some(stats) = &file.stats {
            add["stats"] = json!(stats);
        }
        self.line(&json!({ "add": add }));
    }

    pub(super) fn remove(&mut self, file: &AddFile, now_ms: i64, data_change: bool) {
        self.line(&json!({ "remove": {
            "path": path::encode(&file.path),
            "deletionTimestamp": now_ms,
            "dataChange": data_change,
            "extendedFileMetadata": true,
            "partitionValues": file.partition_values,
            "size": file.size_bytes,
        }}));
    }

    /// The whole file.
    pub(super) fn finish(self) -> String {
        let info = json!({ "commitInfo": {
            "timestamp": self.timestamp_ms,
            "operation": self.operation,
            "operationParameters": {},
            "engineInfo": concat!("durward/", env!("CARGO_PKG_VERSION")),
            LINES_KEY: self.count,
            CRC_KEY: crc32c::crc32c(self.lines.as_bytes()),
        }});
        format!("{info}\n{}", self.lines)
    }

    fn line(&mut self, action: &Value) {
        self.lines.push_str(&action.to_string());
        self.lines.push('\n');
        self.count += 1;
    }
}

/// Reads a commit file, ours or another writer's. The error says what is wrong with the text.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Action>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut actions = Vec::new();
    let mut lines = 0;
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let describe = |reason: &dyn std::fmt::Display| format!("line {}: {reason}", index + 1);
        let line: Line = serde_json::from_str(line).map_err(|error| describe(&error))?;
        if let Some(info) = &line.commit_info {
            check_whole(info, text).map_err(|reason| describe(&reason))?;
        }
        lines += 1;
        actions.extend(line.action().map_err(|reason| describe(&reason))?);
    }
    if lines == 0 { Err("the file has no content".into()) } else { Ok(actions) }
}

/// Checks the notes that a `commitInfo` of ours has about the lines after it.
fn check_whole(info: &Value, text: &str) -> Result<(), String> {
    let (Some(lines), Some(crc)) = (info[LINES_KEY].as_u64(), info[CRC_KEY].as_u64()) else {
        return Ok(());
    };
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    if rest.lines().count() as u64 != lines {
        return Err(format!("{lines} lines should follow, not {}", rest.lines().count()));
    }
    if u64::from(crc32c::crc32c(rest.as_bytes())) != crc {
        return Err("the checksum of the following lines is wrong".into());
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    commit_info: Option<Value>,
    protocol: Option<Protocol>,
    meta_data: Option<MetadataLine>,
    add: Option<AddLine>,
    remove: Option<RemoveLine>,
    txn: Option<TxnLine>,
}

impl Line {
    /// The action of the line; none if it is of a kind that changes nothing for us.
    fn action(self) -> Result<Option<Action>, String> {
        Ok(Some(if let Some(add) = self.add {
            Action::Add(add.decode()?)
        } else if let Some(remove) = self.remove {
            Action::Remove(remove.decode()?)
        } else if let Some(txn) = self.txn {
            Action::Txn(txn.app_id, Txn { version: txn.version, last_updated_ms: txn.last_updated })
        } else if let Some(metadata) = self.meta_data {
            Action::Metadata(metadata.decode())
        } else if let Some(protocol) = self.protocol {
            Action::Protocol(protocol)
        } else if let Some(timestamp_ms) = self.commit_info.and_then(|i| i["timestamp"].as_i64()) {
            Action::Info { timestamp_ms }
        } else {
            return Ok(None);
        }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataLine {
    id: String,
    name: Option<String>,
    schema_string: String,
    #[serde(default)]
    partition_columns: Vec<String>,
    #[serde(default)]
    configuration: BTreeMap<String, Option<String>>,
    created_time: Option<i64>,
}

impl MetadataLine {
    fn decode(self) -> Metadata {
        let set = self.configuration.into_iter();
        Metadata {
            id: self.id,
            name: self.name,
            schema: self.schema_string,
            partition_columns: self.partition_columns,
            configuration: set.filter_map(|(key, value)| Some((key, value?))).collect(),
            created_time_ms: self.created_time,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddLine {
    path: String,
    #[serde(default)]
    partition_values: BTreeMap<String, Option<String>>,
    size: u64,
    modification_time: i64,
    stats: Option<String>,
}

impl AddLine {
    fn decode(self) -> Result<AddFile, String> {
        Ok(AddFile {
            path: path::decode(&self.path)?,
            partition_values: self.partition_values,
            size_bytes: self.size,
            modification_time_ms: self.modification_time,
            stats: self.stats,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RemoveLine {
    path: String,
    deletion_timestamp: Option<i64>,
    partition_values: Option<BTreeMap<String, Option<String>>>,
    size: Option<u64>,
}

impl RemoveLine {
    fn decode(self) -> Result<Tombstone, String> {
        Ok(Tombstone {
            path: path::decode(&self.path)?,
            deletion_time_ms: self.deletion_timestamp.unwrap_or(0),
            partition_values: self.partition_values.unwrap_or_default(),
            size_bytes: self.size,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TxnLine {
    app_id: String,
    version: i64,
    last_updated: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        let mut text = CommitText::new("WRITE", 1_000);
        text.protocol();
        text.txn("app", 7, 1_000);
        let file = AddFile {
            path: "date=2026-08-01/a b.parquet".into(),
            partition_values: BTreeMap::from([("date".into(), Some("2026-08-01".into()))]),
            size_bytes: 10,
            modification_time_ms: 900,
            stats: Some(r#"{"numRecords":3}"#.into()),
        };
        text.add(&file, true);
        text.remove(&AddFile { path: "old".into(), ..file }, 1_000, true);
        text.finish()
    }

    #[test]
    fn a_commit_reads_as_written() {
        let actions = parse(text().as_bytes()).unwrap();
        let [Action::Info { .. }, Action::Protocol(_), Action::Txn(app, txn), add, remove] =
            &actions[..]
        else {
            panic!("{actions:?}")
        };
        assert_eq!((app.as_str(), txn.version), ("app", 7));
        assert!(matches!(add, Action::Add(f) if f.path == "date=2026-08-01/a b.parquet"));
        assert!(matches!(remove, Action::Remove(t) if t.path == "old"));
    }

    #[test]
    fn a_commit_cut_at_any_byte_is_recognised() {
        let whole = text();
        for len in 0..whole.len() {
            assert!(parse(&whole.as_bytes()[..len]).is_err(), "cut at {len}");
        }
        let mut zeros = whole.clone().into_bytes();
        zeros[whole.len() / 2..].fill(0);
        assert!(parse(&zeros).is_err());
    }

    #[test]
    fn the_commit_of_another_writer_is_read() {
        let foreign = concat!(
            r#"{"add":{"path":"x.parquet","partitionValues":{},"size":5,"modificationTime":1,"#,
            r#""dataChange":true,"stats":null,"tags":null,"deletionVector":null,"baseRowId":null}}"#,
            "\n",
            r#"{"remove":{"path":"y.parquet","dataChange":true}}"#,
            "\n",
            r#"{"cdc":{"path":"z"}}"#,
            "\n",
            r#"{"commitInfo":{"timestamp":5,"operation":"WRITE"}}"#,
        );
        let actions = parse(foreign.as_bytes()).unwrap();
        assert!(matches!(
            &actions[..],
            [Action::Add(_), Action::Remove(_), Action::Info { timestamp_ms: 5 }]
        ));
    }
}
