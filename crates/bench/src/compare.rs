//! Runs all engines one after the other and collects what they say.
//!
//! Never two at once: each step is a process of its own that has the machine to itself. Loads are
//! repeated and the median counts; before each one, what is dirty is synced, and the files have
//! been read, so that every engine finds the same page cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use serde_json::{Value as Json, json};

use crate::manifest::Manifest;
use crate::report;
use crate::tasks;

/// How to run the comparison.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The folder that `prepare` wrote.
    pub(crate) files: PathBuf,
    /// A folder for the engines' data; what is in it is replaced.
    pub(crate) work: PathBuf,
    /// A Python that has `duckdb` and `chdb`.
    pub(crate) python: PathBuf,
    /// The folder of the peers' scripts.
    pub(crate) peers: PathBuf,
    /// How often each engine loads.
    pub(crate) loads: usize,
}

/// An engine and its figures.
#[derive(Debug)]
pub(crate) struct Engine {
    /// What it is called in the report.
    pub(crate) name: &'static str,
    /// Its version.
    pub(crate) version: String,
    /// The median load: what its `load` printed.
    pub(crate) load: Json,
    /// Seconds until durable, of every load.
    pub(crate) loads_s: Vec<f64>,
    /// What its `tasks` printed.
    pub(crate) warm: Json,
    /// Milliseconds of each task's first run in a new process, in the order of [`tasks::NAMES`].
    pub(crate) cold_ms: Vec<f64>,
}

/// Runs everything, keeps the figures in the working folder, checks that the answers agree, and
/// gives the report as Markdown.
pub(crate) fn run(setting: &Setting) -> anyhow::Result<String> {
    let manifest = Manifest::read(&setting.files)?;
    std::fs::create_dir_all(&setting.work)?;
    read_all(&setting.files, &manifest)?;
    let mut engines = Vec::new();
    for kind in [Kind::Durward, Kind::DuckDb, Kind::ClickHouse] {
        engines.push(measure(setting, kind)?);
    }
    let stages = stages(setting)?;
    let figures = engines.iter().map(|engine| {
        json!({
            "name": engine.name, "version": engine.version, "load": engine.load,
            "loads_s": engine.loads_s, "warm": engine.warm, "cold_ms": engine.cold_ms,
        })
    });
    let figures: Json = figures.collect();
    std::fs::write(setting.work.join("figures.json"), serde_json::to_vec_pretty(&figures)?)?;
    agree(&engines)?;
    Ok(report::markdown(&manifest, &engines, &stages, setting.loads))
}

#[derive(Clone, Copy)]
enum Kind {
    Durward,
    DuckDb,
    ClickHouse,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Durward => "durward",
            Kind::DuckDb => "DuckDB",
            Kind::ClickHouse => "ClickHouse",
        }
    }

    fn script(self) -> Option<&'static str> {
        match self {
            Kind::Durward => None,
            Kind::DuckDb => Some("duckdb_bench.py"),
            Kind::ClickHouse => Some("chdb_bench.py"),
        }
    }
}

fn measure(setting: &Setting, kind: Kind) -> anyhow::Result<Engine> {
    let data = setting.work.join(kind.name());
    let mut loads = Vec::new();
    for _ in 0..setting.loads.max(1) {
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        run_command(&mut Command::new("sync"))?;
        loads.push(step(setting, kind, &data, "load", None)?);
    }
    let seconds = |load: &Json| load["durable_s"].as_f64().unwrap_or(f64::MAX);
    let loads_s: Vec<f64> = loads.iter().map(seconds).collect();
    loads.sort_by(|a, b| seconds(a).total_cmp(&seconds(b)));
    let load = loads.swap_remove(loads.len() / 2);
    let warm = step(setting, kind, &data, "tasks", None)?;
    let mut cold_ms = Vec::new();
    for name in tasks::NAMES {
        let cold = step(setting, kind, &data, "cold", Some(name))?;
        let same = cold["answer"] == warm["tasks"][name]["answer"];
        anyhow::ensure!(same, "{}: {name}: the cold answer differs", kind.name());
        cold_ms.push(cold["ms"].as_f64().unwrap_or_default());
    }
    let version = match kind {
        Kind::Durward => concat!("durward ", env!("CARGO_PKG_VERSION")).to_owned(),
        _ => {
            let said = step(setting, kind, &data, "version", None)?;
            said["version"].as_str().unwrap_or_default().to_owned()
        }
    };
    Ok(Engine { name: kind.name(), version, load, loads_s, warm, cold_ms })
}

/// Single stages of ours, each in a process of its own.
#[derive(Debug)]
pub(crate) struct Stages {
    /// Decoding on one thread.
    pub(crate) decode: Json,
    /// As many events as two threads can send.
    pub(crate) burst: Json,
    /// 5,000 events a second.
    pub(crate) steady: Json,
}

fn stages(setting: &Setting) -> anyhow::Result<Stages> {
    let data = setting.work.join("stages");
    let stage = |name: &str, more: &[&str]| -> anyhow::Result<Json> {
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(name).arg(&setting.files).args(more);
        if name == "append" {
            command.arg("--data").arg(&data);
        }
        Ok(serde_json::from_str(run_command(&mut command)?.trim())?)
    };
    Ok(Stages {
        decode: stage("decode", &[])?,
        burst: stage("append", &[])?,
        steady: stage("append", &["--per-second", "5000"])?,
    })
}

/// Runs one step in a process of its own and reads the JSON it prints.
fn step(
    setting: &Setting,
    kind: Kind,
    data: &Path,
    step: &str,
    task: Option<&str>,
) -> anyhow::Result<Json> {
    let mut command = match kind.script() {
        Some(script) => {
            let mut command = Command::new(&setting.python);
            command.arg(setting.peers.join(script)).arg(step);
            command.arg("--files").arg(&setting.files).arg("--data").arg(data);
            task.map(|task| command.arg("--task").arg(task));
            command
        }
        None => {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg(if step == "cold" { "tasks" } else { step });
            command.arg(&setting.files).arg("--data").arg(data);
            task.map(|task| command.arg("--cold").arg(task));
            command
        }
    };
    let printed = run_command(&mut command)?;
    serde_json::from_str(printed.trim())
        .with_context(|| format!("{} {step} printed no JSON", kind.name()))
}

fn run_command(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let tail: String = errors.chars().rev().take(2000).collect::<Vec<_>>().iter().rev().collect();
    anyhow::ensure!(output.status.success(), "{command:?} failed: {tail}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Reads the files once, so that they are in the page cache for everybody if they fit.
fn read_all(dir: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    for name in &manifest.files {
        std::io::copy(&mut std::fs::File::open(dir.join(name))?, &mut std::io::sink())?;
    }
    Ok(())
}

/// Every engine must give the same answer to every question.
fn agree(engines: &[Engine]) -> anyhow::Result<()> {
    let Some((first, others)) = engines.split_first() else { return Ok(()) };
    for name in tasks::NAMES {
        let ours = &first.warm["tasks"][name]["answer"];
        for other in others {
            let theirs = &other.warm["tasks"][name]["answer"];
            anyhow::ensure!(
                ours == theirs && !ours.is_null(),
                "{name}: {} and {} differ:\n{ours}\n{theirs}",
                first.name,
                other.name
            );
        }
    }
    Ok(())
}
