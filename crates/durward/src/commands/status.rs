//! `durward status`: what is in the data directory.

use anyhow::Result;
use durward_model::Timestamp;
use durward_store::Status;
use serde_json::{Value, json};

use crate::cli::Common;
use crate::{data, output};

/// Shows it.
pub(crate) fn run(common: &Common) -> Result<()> {
    let dir = data::dir(common.data.as_deref())?;
    let store = data::open_existing(&dir)?;
    let status = store.status();
    drop(store);
    if common.json {
        let mut value = as_json(&status);
        value["data"] = dir.to_string_lossy().into();
        return output::json(&value);
    }
    let mut out = output::stdout();
    use std::io::Write as _;
    writeln!(out, "Data directory  {}\n", dir.display())?;
    let mut table = output::Table::new(["Log", "Events", "Earlier revisions", "Oldest", "Newest"]);
    for log in &status.logs {
        table.row(vec![
            log.log.name().to_owned(),
            output::count(log.events),
            output::count(log.earlier_revisions),
            time(log.oldest_micros),
            time(log.newest_micros),
        ]);
    }
    table.write(&mut out, true)?;
    writeln!(
        out,
        "\n{} in {} files, {} in the write-ahead log ({} rows not in files yet), {} entities",
        output::bytes(status.sealed_bytes),
        status.files,
        output::bytes(status.wal_bytes),
        output::count(status.hot_rows as u64),
        output::count(status.entities as u64),
    )?;
    Ok(out.flush()?)
}

fn time(micros: i64) -> String {
    Timestamp::from_micros(micros).to_rfc3339()
}

/// The status as a program reads it.
fn as_json(status: &Status) -> Value {
    let logs = status.logs.iter().map(|log| {
        json!({
            "log": log.log.name(),
            "events": log.events,
            "earlier_revisions": log.earlier_revisions,
            "oldest": time(log.oldest_micros),
            "newest": time(log.newest_micros),
        })
    });
    json!({
        "logs": logs.collect::<Vec<_>>(),
        "files": status.files,
        "sealed_bytes": status.sealed_bytes,
        "wal_bytes": status.wal_bytes,
        "unsealed_rows": status.hot_rows,
        "entities": status.entities,
    })
}
