//! `durward compact`: many small files become few.

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::cli::Common;
use crate::{data, output};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Compute the hourly counts of every file again and replace those that differ
    #[arg(long)]
    rebuild_rollups: bool,
}

/// Merges files, and repairs rollups where asked to.
pub(crate) fn run(args: &Args, common: &Common) -> Result<()> {
    let store = data::open_existing(&data::dir(common.data.as_deref())?)?;
    store.seal().context("writing what is not in files yet")?;
    let merged = store.compact().context("merging files")?;
    let rebuilt = match args.rebuild_rollups {
        true => Some(store.rebuild_rollups().context("computing rollups")?),
        false => None,
    };
    store.close()?;
    if common.json {
        return output::json(&json!({
            "files_before": merged.files_before,
            "files_after": merged.files_after,
            "rows": merged.rows,
            "rollups_checked": rebuilt.map(|(files, _)| files),
            "rollups_replaced": rebuilt.map(|(_, wrong)| wrong),
        }));
    }
    match merged.files_before {
        0 => output::line("nothing to merge")?,
        before => output::line(format_args!(
            "merged {before} files into {} ({} rows)",
            merged.files_after,
            output::count(merged.rows as u64)
        ))?,
    }
    if let Some((files, wrong)) = rebuilt {
        output::line(format_args!("checked the rollups of {files} files, replaced {wrong}"))?;
    }
    Ok(())
}
