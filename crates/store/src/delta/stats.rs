//! Statistics of a data file, as the log keeps them for readers that skip files.

use serde::Serialize;
use serde_json::{Map, Value};

/// What is known of the rows of a file. Columns may be left out; a bound may be wider than the
/// data, never narrower (a shortened greatest string must be raised).
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileStats {
    /// Number of rows.
    pub num_records: u64,
    /// Least value by column: numbers, texts, and instants as `2026-08-01T10:00:00.000000Z`.
    pub min_values: Map<String, Value>,
    /// Greatest value by column.
    pub max_values: Map<String, Value>,
    /// Number of nulls by column.
    pub null_count: Map<String, Value>,
}

impl FileStats {
    /// The text for [`super::AddFile::stats`].
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}
