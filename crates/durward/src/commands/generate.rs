//! `durward generate`: the files of an invented tenant, and which of its events are attacks.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use durward_generate::{
    FileOptions, Layout, Moment, Noise, Profile, Shape, Summary, Tenant, TenantOptions, write_files,
};
use durward_model::Timestamp;
use durward_model::time::DateOrder;
use serde_json::json;

use crate::cli::Common;
use crate::{bad_usage, output};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder to write into
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// What everything follows from: the same seed gives the same files
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// People of the tenant [default: 400; as many as --events needs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    users: Option<u32>,
    /// Days of sign-ins
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// The day after the last, UTC [default: 2026-04-01, so that runs are the same any day]
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
    /// Stop after so many records
    #[arg(long, value_name = "N")]
    events: Option<u64>,
    /// How large records are
    #[arg(long, value_enum, default_value_t = ProfileArg::Demo)]
    profile: ProfileArg,
    /// What records look like
    #[arg(long, value_enum, default_value_t = FormatArg::Diagnostic)]
    format: FormatArg,
    /// Lay the files out as diagnostic settings do in a storage account
    #[arg(long)]
    blobs: bool,
    /// Compress the files
    #[arg(long)]
    gzip: bool,
    /// Add duplicates, revisions and late records
    #[arg(long)]
    noise: bool,
}

/// How large records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProfileArg {
    /// As in a small tenant
    Demo,
    /// As large as in a big one, for benches
    Bench,
}

/// What records look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// Records of diagnostic settings
    Diagnostic,
    /// Objects of Microsoft Graph, beta
    Graph,
}

/// First day that is not generated unless told otherwise: 2026-04-01.
const UNTIL: &str = "2026-04-01";

/// Writes the files, and `labels.json` beside the folder's records.
pub(crate) fn run(args: &Args, common: &Common) -> Result<()> {
    let until = moment(args.until.as_deref().unwrap_or(UNTIL))?;
    let from = until.plus_days(-i64::from(args.days));
    let tenant = Arc::new(Tenant::new(args.seed, options(args)));
    let files = FileOptions {
        records_max: args.events,
        layout: if args.blobs { Layout::BlobFolders } else { Layout::Days },
        shape: match args.format {
            FormatArg::Diagnostic => Shape::Diagnostic,
            FormatArg::Graph => Shape::GraphBeta,
        },
        gzip: args.gzip,
        noise: if args.noise { Noise::realistic() } else { Noise::default() },
        ..FileOptions::new(from..until)
    };
    let summary = write_files(&tenant, &args.dir, &files)?;
    let labels = labels_path(&args.dir)?;
    write_labels(&labels, &summary).with_context(|| format!("writing {}", labels.display()))?;
    if common.json {
        return output::json(&json!({
            "records": summary.records(),
            "copies": summary.copies,
            "bytes": summary.bytes,
            "files": summary.files.len(),
            "tenant": tenant.id(),
            "attacks": summary.labels.len(),
            "labels": labels,
        }));
    }
    output::line(format_args!(
        "{} records ({}) in {} files below {}; {} attacks among them: {}",
        output::count(summary.records()),
        output::bytes(summary.bytes),
        output::count(summary.files.len() as u64),
        args.dir.display(),
        summary.labels.len(),
        labels.display(),
    ))
}

fn options(args: &Args) -> TenantOptions {
    let base = match (args.profile, args.events, args.users) {
        (_, Some(events), None) => TenantOptions::for_events(events, args.days),
        (ProfileArg::Demo, _, _) => TenantOptions::demo(),
        (ProfileArg::Bench, _, _) => TenantOptions::bench(),
    };
    TenantOptions {
        users: args.users.unwrap_or(base.users),
        profile: match args.profile {
            ProfileArg::Demo => Profile::Demo,
            ProfileArg::Bench => Profile::Bench,
        },
        roaming: args.profile == ProfileArg::Demo,
        ..base
    }
}

fn moment(day: &str) -> Result<Moment> {
    let time = Timestamp::parse(&format!("{day}T00:00:00Z"), DateOrder::default());
    let time = time.filter(|_| day.len() == 10);
    let time =
        time.ok_or_else(|| bad_usage(format!("--until: `{day}` is not a day such as {UNTIL}")))?;
    Ok(Moment::from_micros(time.micros))
}

/// Beside the folder rather than in it, so that the folder holds nothing but records.
fn labels_path(dir: &Path) -> Result<PathBuf> {
    let dir = std::path::absolute(dir)?;
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push("-labels.json");
    Ok(dir.with_file_name(name))
}

fn write_labels(path: &Path, summary: &Summary) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    serde_json::to_writer_pretty(&mut out, &summary.labels)?;
    out.write_all(b"\n")?;
    Ok(out.into_inner().map_err(|error| error.into_error())?.sync_all()?)
}
