//! `durward export`: sign-ins into a file, all of them, in constant memory.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use durward_journal::Action;
use durward_model::columns::csv::Layout;
use durward_model::{Event, Log};
use durward_server::ExportFormat;
use durward_store::View;
use serde_json::json;

use crate::cli::Common;
use crate::operator::Look;
use crate::question::{Question, Span};
use crate::{bad_usage, data, output};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only what this finds, written as for `search`
    #[arg(long, default_value = "", value_name = "FILTER", hide_default_value = true)]
    filter: String,
    #[command(flatten)]
    span: Span,
    /// What to write
    #[arg(long, value_enum)]
    format: FormatArg,
    /// Which columns CSV has
    #[arg(long, value_enum, default_value_t = LayoutArg::All)]
    layout: LayoutArg,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Every revision of each event, not only the latest
    #[arg(long)]
    history: bool,
}

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// Comma-separated values
    Csv,
    /// One JSON array
    Json,
    /// One JSON object a line
    Ndjson,
    /// Typed columns
    Parquet,
    /// The records as they were imported, one a line; of every log unless --type is given
    Original,
}

/// Which columns CSV has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LayoutArg {
    /// Those of the admin centre's downloads; for one log
    Portal,
    /// Every field under its name
    All,
}

/// Writes the export.
pub(crate) fn run(args: &Args, common: &Common) -> Result<()> {
    let logs: &[Log] = match args.format {
        FormatArg::Original => &Log::ALL,
        _ => &Log::SIGN_INS,
    };
    let question = Question::new(&args.filter, &args.span, logs)?;
    let format = format(args, &question)?;
    if common.json && args.output.is_none() {
        return Err(bad_usage("--json reports on an export into a file; name one with --output"));
    }
    let dir = data::dir(common.data.as_deref())?;
    let store = data::open_existing(&dir)?;
    let look = Look::begin(&dir, "export")?;
    look.record(Action::Export, None, 200)?;
    let mut count = 0;
    let exported = export(args, &question, format, &store.view(), &mut count);
    let status = if exported.is_ok() { 200 } else { 499 };
    let recorded = look.record(Action::ExportEnd, Some(count), status);
    // The first error is the one to tell.
    exported.and(recorded)?;
    match (&args.output, common.json) {
        (None, _) => Ok(()),
        (Some(path), true) => output::json(&json!({ "events": count, "file": path })),
        (Some(path), false) => output::line(format_args!(
            "{} events in {}",
            output::count(count as u64),
            path.display()
        )),
    }
}

/// Writes to where it is asked for, and counts the events.
fn export(
    args: &Args,
    question: &Question,
    format: ExportFormat,
    view: &View,
    count: &mut usize,
) -> Result<()> {
    let Some(path) = &args.output else {
        return write(args, question, format, view, Box::new(io::stdout()), count);
    };
    // Only a whole export is there under its name.
    let part = part_path(path);
    let file = File::create(&part).with_context(|| format!("creating {}", part.display()))?;
    let written = write(args, question, format, view, Box::new(file), count);
    if written.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&part);
    }
    written.with_context(|| format!("writing {}", part.display()))?;
    std::fs::rename(&part, path)
        .with_context(|| format!("renaming {} to {}", part.display(), path.display()))
}

/// Writes all events and counts them.
fn write(
    args: &Args,
    question: &Question,
    format: ExportFormat,
    view: &View,
    target: Box<dyn Write + Send>,
    count: &mut usize,
) -> Result<()> {
    let asked = vec![("filter".to_owned(), args.filter.clone())];
    let mut writer = format.writer(BufWriter::with_capacity(256 << 10, target), &asked)?;
    let mut take = |events: &[Event]| {
        *count += events.len();
        Ok(writer.write(events)?)
    };
    match args.history {
        true => question.each_revision(view, &mut take)?,
        false => question.each_latest(view, usize::MAX, &mut take)?,
    }
    Ok(writer.finish()?)
}

fn format(args: &Args, question: &Question) -> Result<ExportFormat> {
    if args.layout == LayoutArg::Portal && args.format != FormatArg::Csv {
        return Err(bad_usage("--layout is for --format csv only"));
    }
    Ok(match (args.format, args.layout, question.logs.as_slice()) {
        (FormatArg::Csv, LayoutArg::All, _) => {
            ExportFormat::Csv(Layout::AllFields, Log::InteractiveUser)
        }
        (FormatArg::Csv, LayoutArg::Portal, [log]) if log.is_sign_in() => {
            ExportFormat::Csv(Layout::Portal, *log)
        }
        (FormatArg::Csv, LayoutArg::Portal, _) => {
            let message = "the portal's layout is for one sign-in log: add --type interactive, \
                           non-interactive, service-principal or managed-identity";
            return Err(bad_usage(message));
        }
        (FormatArg::Json, ..) => ExportFormat::Json,
        (FormatArg::Ndjson, ..) => ExportFormat::Ndjson,
        (FormatArg::Parquet, ..) => ExportFormat::Parquet,
        (FormatArg::Original, ..) => ExportFormat::Original,
    })
}

fn part_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}
