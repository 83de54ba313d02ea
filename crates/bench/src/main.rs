//! Measures durward beside ClickHouse and DuckDB: the same files, machine, questions and answers.
//!
//! ```text
//! prepare → files + manifest → load, tasks (durward; peers/*.py for the others) → compare
//! ```
//!
//! Every step is a process of its own, so that memory and cold starts are its own. `compare` runs
//! them one after the other and writes `docs/benchmarks.md`. `layout` tries the candidates that
//! `docs/decisions/0001-storage.md` decides between; `decode` and `append` time one stage each;
//! `detections` tells how good and how fast the detections are.

#![expect(clippy::print_stdout, reason = "the output of this program is its result")]

mod compare;
mod detections;
mod layout;
mod load;
mod manifest;
mod measure;
mod pages;
mod prepare;
mod report;
mod stages;
mod tasks;
mod watching;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Comparison benches", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes generated events as JSON Lines, and the parameters of the tasks.
    Prepare {
        /// The folder; made if it is not there.
        dir: PathBuf,
        /// How many events.
        #[arg(long, default_value_t = 1_000_000)]
        events: u64,
        /// The seed of the tenant.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Imports the files into a new store.
    Load {
        /// The folder that `prepare` wrote.
        files: PathBuf,
        /// The store's directory.
        #[arg(long)]
        data: PathBuf,
    },
    /// Imports the files with and without detections beside it.
    Watching {
        /// The folder that `prepare` wrote.
        files: PathBuf,
        /// A directory for the stores, which are removed again.
        #[arg(long)]
        data: PathBuf,
        /// How often each way.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
    },
    /// Runs the tasks, each several times.
    Tasks {
        /// The folder that `prepare` wrote.
        files: PathBuf,
        /// The store's directory.
        #[arg(long)]
        data: PathBuf,
        /// Run only this task, once.
        #[arg(long)]
        cold: Option<String>,
        /// Run only this task, several times.
        #[arg(long)]
        only: Option<String>,
    },
    /// Decodes events in memory, on one thread.
    Decode {
        /// The folder that `prepare` wrote.
        files: PathBuf,
        /// How many events.
        #[arg(long, default_value_t = 100_000)]
        events: usize,
    },
    /// Acknowledges events in memory: as fast as two threads can, or a steady stream.
    Append {
        /// The folder that `prepare` wrote.
        files: PathBuf,
        /// The store's directory.
        #[arg(long)]
        data: PathBuf,
        /// How many events as fast as possible; none with `--per-second`.
        #[arg(long, default_value_t = 300_000)]
        events: usize,
        /// Events a second of a steady stream.
        #[arg(long)]
        per_second: Option<usize>,
        /// How long the stream runs.
        #[arg(long, default_value_t = 60)]
        seconds: usize,
    },
    /// Writes and reads the candidates for the store's layout.
    Layout {
        /// A folder for the files, which are removed again.
        dir: PathBuf,
        /// How many events.
        #[arg(long, default_value_t = 10_000_000)]
        events: u64,
        /// Of how many days.
        #[arg(long, default_value_t = 10)]
        days: u32,
        /// The seed of the tenant.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Times pages of `durward serve` on a large log, and writes them into the report.
    Pages {
        /// The store's directory; filled where it is empty.
        #[arg(long)]
        data: PathBuf,
        /// The program, a release build.
        #[arg(long)]
        durward: PathBuf,
        /// How many events.
        #[arg(long, default_value_t = 10_000_000)]
        events: u64,
        /// The seed of the tenant.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The report.
        #[arg(long, default_value = "docs/benchmarks.md")]
        report: PathBuf,
    },
    /// How many attacks on generated tenants the detections find, how often they are wrong, and
    /// how long they take.
    Detections {
        /// People of each tenant.
        #[arg(long, default_value_t = 10_000)]
        users: u32,
        /// Days of sign-ins.
        #[arg(long, default_value_t = 30)]
        days: u32,
        /// Seeds of the tenants.
        #[arg(long, value_delimiter = ',', default_value = "101,102,103")]
        seeds: Vec<u64>,
        /// A folder in which the tenants' stores are kept for the next run.
        #[arg(long)]
        work: Option<PathBuf>,
        /// A file for the figures.
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Loads and asks all engines, one after the other, and writes the report.
    Compare {
        /// The folder that `prepare` wrote.
        files: PathBuf,
        /// A folder for the engines' data; what is in it is replaced.
        #[arg(long)]
        work: PathBuf,
        /// A Python that has `duckdb` and `chdb`.
        #[arg(long)]
        python: PathBuf,
        /// How often each engine loads.
        #[arg(long, default_value_t = 3)]
        loads: usize,
        /// The report.
        #[arg(long, default_value = "docs/benchmarks.md")]
        report: PathBuf,
    },
}

/// The heading of what `pages` writes.
const PAGES: &str = "## Pages";

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Prepare { dir, events, seed } => {
            let manifest = prepare::run(&dir, events, seed)?;
            println!("{}", serde_json::to_string_pretty(&manifest)?);
        }
        Command::Watching { files, data, rounds } => {
            println!("{}", serde_json::to_string_pretty(&watching::run(&files, &data, rounds)?)?);
        }
        Command::Load { files, data } => {
            let mut figures = load::run(&files, &data)?;
            figures["bytes"] = load::bytes_on_disk(&data)?;
            println!("{figures}");
        }
        Command::Tasks { files, data, cold, only } => {
            println!("{}", tasks::run(&files, &data, cold.as_deref(), only.as_deref())?);
        }
        Command::Decode { files, events } => println!("{}", stages::decode(&files, events)?),
        Command::Append { files, data, events, per_second: None, .. } => {
            println!("{}", stages::burst(&files, &data, events)?);
        }
        Command::Append { files, data, per_second: Some(per_second), seconds, .. } => {
            println!("{}", stages::steady(&files, &data, per_second, seconds)?);
        }
        Command::Layout { dir, events, days, seed } => {
            println!("{}", layout::run(&dir, events, days, seed)?);
        }
        Command::Pages { data, durward, events, seed, report } => {
            let section = pages::run(&data, &durward, events, seed)?;
            println!("{section}");
            let old = std::fs::read_to_string(&report).unwrap_or_default();
            std::fs::write(&report, pages::put_section(&old, PAGES, &section))?;
        }
        Command::Detections { users, days, seeds, work, json } => {
            let setting = detections::Setting { users, days, seeds, work };
            let (page, figures) = detections::run(&setting)?;
            println!("{page}");
            if let Some(path) = json {
                std::fs::write(path, serde_json::to_string_pretty(&figures)?)?;
            }
        }
        Command::Compare { files, work, python, loads, report } => {
            let peers = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers");
            let setting = compare::Setting { files, work, python, peers, loads };
            // What is about pages stays as it was.
            let old = std::fs::read_to_string(&report).unwrap_or_default();
            let pages = pages::section_of(&old, PAGES);
            let mut new = compare::run(&setting)?;
            if let Some(pages) = pages {
                new = pages::put_section(&new, PAGES, &pages);
            }
            std::fs::write(&report, new)?;
            println!("{}", report.display());
        }
    }
    Ok(())
}
