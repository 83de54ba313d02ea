//! `durward import`: files in, a report out.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use durward_journal::Action;
use durward_model::Log;
use durward_store::{Appended, LogCounts};
use serde_json::json;

use crate::cli::Common;
use crate::{data, operator, output};

mod rejects;
mod work;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files and folders, in any mix of formats, gzip and zip included
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How files are recognised
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
    /// Write what could not be read to this file [default: in the data directory]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// The tenant of records that do not name theirs
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
}

/// How files are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// By their content
    Auto,
}

/// What an import did.
#[derive(Debug, Default)]
struct Report {
    counts: Appended,
    rejected: u64,
    rejects: Option<PathBuf>,
    /// Files in folders that are no logs at all.
    skipped: Vec<PathBuf>,
    /// Files that could not be read.
    unreadable: Vec<String>,
    files: usize,
    bytes: u64,
    seconds: f64,
}

/// Imports the paths.
pub(crate) fn run(args: &Args, common: &Common) -> Result<()> {
    let Format::Auto = args.format;
    let started = Instant::now();
    let files = work::find(&args.paths)?;
    let dir = data::dir(common.data.as_deref())?;
    let store = data::open(
        &dir,
        durward_store::StoreOptions {
            holder: format!("durward import, process {}", std::process::id()),
            ..durward_store::StoreOptions::default()
        },
    )?;
    let rejects = rejects::Rejects::new(args.rejects.as_deref(), &dir);
    let mut report = work::import(&store, &files, rejects, args.tenant.as_deref(), common.json)?;
    store.close().context("writing the last rows to files")?;
    report.seconds = started.elapsed().as_secs_f64();
    let events = usize::try_from(report.sign_ins().new).ok();
    let what: Vec<String> = args.paths.iter().map(|path| path.display().to_string()).collect();
    operator::record(&dir, Action::Push, "import", &what.join(" "), events)?;
    if common.json {
        output::json(&as_json(&report))?
    } else {
        print(&report, &dir)?
    }
    if !report.unreadable.is_empty() {
        bail!("{} of {} files could not be read", report.unreadable.len(), report.files);
    }
    Ok(())
}

impl Report {
    /// Counts of the sign-in logs together.
    fn sign_ins(&self) -> LogCounts {
        let mut sign_ins = Appended::default();
        for log in Log::SIGN_INS {
            sign_ins.by_log[log as usize] = self.counts.by_log[log as usize];
        }
        sign_ins.total()
    }

    /// Records of another log.
    fn others(&self) -> impl Iterator<Item = (Log, u64)> + '_ {
        let others = Log::ALL.into_iter().filter(|log| !log.is_sign_in());
        others.map(|log| {
            let counts = &self.counts.by_log[log as usize];
            (log, counts.new + counts.known + counts.revised)
        })
    }
}

/// `new`, `known` and `revised` count sign-ins, `other` records of other logs; with `rejected`
/// they are all records there were.
fn as_json(report: &Report) -> serde_json::Value {
    let sum = report.sign_ins();
    let mut by_log = serde_json::Map::new();
    for log in Log::ALL {
        let counts = &report.counts.by_log[log as usize];
        if counts.new + counts.known + counts.revised > 0 {
            let counts =
                json!({ "new": counts.new, "known": counts.known, "revised": counts.revised });
            by_log.insert(log.name().to_owned(), counts);
        }
    }
    json!({
        "new": sum.new,
        "known": sum.known,
        "revised": sum.revised,
        "other": report.others().map(|(_, count)| count).sum::<u64>(),
        "rejected": report.rejected,
        "rejects": report.rejects,
        "by_log": by_log,
        "skipped": report.skipped,
        "unreadable": report.unreadable,
        "files": report.files,
        "bytes": report.bytes,
        "seconds": report.seconds,
    })
}

fn print(report: &Report, dir: &Path) -> Result<()> {
    use std::io::Write as _;
    let mut out = output::stdout();
    let sum = report.sign_ins();
    writeln!(
        out,
        "{} files, {} in {:.1} s, into {}",
        output::count(report.files as u64),
        output::bytes(report.bytes),
        report.seconds,
        dir.display()
    )?;
    let others: Vec<String> = report
        .others()
        .filter(|(_, count)| *count > 0)
        .map(|(log, count)| format!("{} {}", log.name(), output::count(count)))
        .collect();
    let other: u64 = report.others().map(|(_, count)| count).sum();
    let of_kinds =
        if others.is_empty() { String::new() } else { format!("  ({})", others.join(", ")) };
    writeln!(out, "  new            {}", output::count(sum.new))?;
    writeln!(out, "  already known  {}", output::count(sum.known))?;
    writeln!(out, "  revised        {}", output::count(sum.revised))?;
    writeln!(out, "  other logs     {}{of_kinds}", output::count(other))?;
    let rejects = report.rejects.as_ref().map(|path| format!("  (why: {})", path.display()));
    writeln!(
        out,
        "  rejected       {}{}",
        output::count(report.rejected),
        rejects.unwrap_or_default()
    )?;
    for path in &report.skipped {
        writeln!(out, "not a log, left out: {}", path.display())?;
    }
    for problem in &report.unreadable {
        writeln!(out, "could not be read: {problem}")?;
    }
    if report.files == 0 {
        writeln!(out, "there are no files in what was named")?;
    }
    Ok(out.flush()?)
}
