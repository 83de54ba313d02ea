//! The report: `docs/benchmarks.md`.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::compare::{Engine, Stages};
use crate::manifest::Manifest;
use crate::tasks;

/// What each task asks, in the order of [`tasks::NAMES`].
const QUESTIONS: [&str; tasks::NAMES.len()] = [
    "newest 50 of 24 h",
    "one user, 30 d, newest 50",
    "address prefix and failed, 7 d, newest 50",
    "by request ID",
    "by correlation ID",
    "status per hour, 7 d",
    "top applications with distinct users, 30 d",
    "failure reasons with distinct users, 24 h",
    "grouped non-interactive, 24 h windows, 1 d: the 50 largest groups",
    "grouped non-interactive, 24 h windows, 30 d: the 50 largest groups",
    "grouped non-interactive, 24 h windows, 30 d: first page",
    "grouped non-interactive, 24 h windows, 30 d: every group handed over",
    "spray candidates, 24 h",
    "name contains, 30 d, newest 50",
    "weekly counts of the top three applications, 30 d",
];

const METHOD: &str = include_str!("method.md");

/// The whole report.
pub(crate) fn markdown(
    manifest: &Manifest,
    engines: &[Engine],
    stages: &Stages,
    loads: usize,
) -> String {
    let mut out = String::from("# Benchmarks\n\n");
    let _ = writeln!(
        out,
        "Written by `durward-bench compare`; the figures of one run, whatever they are.\n\n\
         Machine: {}. Engines: {}.\n\n\
         Events: {} generated sign-ins of 30 days ({} interactive, {} non-interactive, {} service \
         principal, {} managed identity), {} people, seed {}, as diagnostic records in JSON Lines: \
         {:.2} GB, {:.0} bytes an event.\n",
        machine(),
        engines.iter().map(|engine| engine.version.clone()).collect::<Vec<_>>().join(", "),
        manifest.events,
        manifest.events_by_log[0],
        manifest.events_by_log[1],
        manifest.events_by_log[2],
        manifest.events_by_log[3],
        manifest.users,
        manifest.seed,
        manifest.bytes as f64 / 1e9,
        manifest.bytes as f64 / manifest.events as f64,
    );
    load_table(&mut out, manifest, engines, loads);
    task_table(&mut out, engines);
    losses(&mut out, engines);
    stage_list(&mut out, stages);
    out.push_str(METHOD);
    out
}

fn load_table(out: &mut String, manifest: &Manifest, engines: &[Engine], loads: usize) {
    let events = manifest.events as f64;
    let _ = writeln!(out, "## Load\n\nThe same files, two threads, median of {loads} loads.\n");
    header(out, "", engines);
    row(out, "seconds until durable and visible", engines, |e| {
        format!("{:.1}", number(&e.load, "durable_s"))
    });
    row(out, "events a second until then", engines, |e| {
        format!("{:.0}", events / number(&e.load, "durable_s"))
    });
    row(out, "seconds until sealed, merges settled", engines, |e| {
        let compacted = e.load.get("compacted_s").and_then(Json::as_f64);
        format!("{:.1}", compacted.unwrap_or_else(|| number(&e.load, "sealed_s")))
    });
    row(out, "bytes an event on disk, everything", engines, |e| {
        format!("{:.1}", number(&e.load["bytes"], "all") / events)
    });
    row(out, "peak memory of the load, MiB", engines, |e| {
        format!("{:.0}", number(&e.load, "peak_memory_bytes") / f64::from(1 << 20))
    });
    row(out, "peak memory of the warm tasks, MiB", engines, |e| {
        format!("{:.0}", number(&e.warm, "peak_memory_bytes") / f64::from(1 << 20))
    });
    row(out, "open, ms", engines, |e| format!("{:.0}", number(&e.warm, "open_ms")));
    let spread: Vec<String> = engines
        .iter()
        .map(|engine| {
            let runs: Vec<String> = engine.loads_s.iter().map(|s| format!("{s:.1}")).collect();
            format!("{} {}", engine.name, runs.join(", "))
        })
        .collect();
    let _ = writeln!(out, "\nSeconds of every load, in order: {}.\n", spread.join("; "));
    if let Some(own) = engines.first() {
        let mut parts = Vec::new();
        for (name, bytes) in own.load["bytes"].as_object().into_iter().flatten() {
            let each = bytes.as_f64().unwrap_or_default() / events;
            parts.push(format!("{name} {each:.1}"));
        }
        let _ = writeln!(out, "Ours by part, bytes an event: {}.\n", parts.join(", "));
    }
}

fn task_table(out: &mut String, engines: &[Engine]) {
    let _ = writeln!(
        out,
        "## Tasks\n\nMilliseconds, warm: median of {}; in brackets cold: the first question to a \
         new process. The last column is ours over the faster of the others, warm: below 1 is \
         faster. Every answer was the same from every engine.\n",
        tasks::WARM_RUNS
    );
    let names: Vec<&str> = engines.iter().map(|engine| engine.name).collect();
    let _ = writeln!(out, "| task | {} | ratio |", names.join(" | "));
    let _ = writeln!(out, "| --- |{} ---: |", " ---: |".repeat(engines.len()));
    for (index, name) in tasks::NAMES.into_iter().enumerate() {
        let cells: Vec<String> = engines
            .iter()
            .map(|engine| {
                let cold = engine.cold_ms.get(index).copied().unwrap_or_default();
                format!("{} ({})", short(warm_ms(engine, name)), short(cold))
            })
            .collect();
        let question = QUESTIONS.get(index).copied().unwrap_or(name);
        let _ =
            writeln!(out, "| {question} | {} | {:.2} |", cells.join(" | "), ratio(engines, name));
    }
    out.push('\n');
}

fn losses(out: &mut String, engines: &[Engine]) {
    let lost: Vec<String> = tasks::NAMES
        .into_iter()
        .enumerate()
        .filter(|(_, name)| ratio(engines, name) > 1.0)
        .map(|(index, name)| format!("- {}: {:.2}×", QUESTIONS[index], ratio(engines, name)))
        .collect();
    out.push_str("## Where we lose\n\n");
    match lost.is_empty() {
        true => out.push_str("In this run, on no task.\n\n"),
        false => {
            let _ = writeln!(out, "{}\n", lost.join("\n"));
        }
    }
}

fn stage_list(out: &mut String, stages: &Stages) {
    let ack = |of: &Json, name: &str| short(number(&of["ack"], name));
    let _ = writeln!(
        out,
        "## Stages\n\n\
         - Decoding, one thread: {:.1} µs an event, {:.0} MB/s of JSON.\n\
         - From JSON in memory to the acknowledgement, two threads, bodies of 500 events: {:.0} \
         events a second, {:.0} MB/s; p50 {} ms, p99 {} ms.\n\
         - Acknowledgement at 5,000 events a second, bodies of 50 events, from when a body is due \
         (decoding included): p50 {} ms, p99 {} ms, longest {} ms. An event is visible to queries \
         with its acknowledgement.\n",
        number(&stages.decode, "us_per_event"),
        number(&stages.decode, "megabytes_per_second"),
        number(&stages.burst, "events_per_second"),
        number(&stages.burst, "megabytes_per_second"),
        ack(&stages.burst, "p50_ms"),
        ack(&stages.burst, "p99_ms"),
        ack(&stages.steady, "p50_ms"),
        ack(&stages.steady, "p99_ms"),
        ack(&stages.steady, "max_ms"),
    );
}

/// Ours over the faster of the others.
fn ratio(engines: &[Engine], name: &str) -> f64 {
    let Some((own, others)) = engines.split_first() else { return f64::NAN };
    let best = others.iter().map(|engine| warm_ms(engine, name)).fold(f64::MAX, f64::min);
    warm_ms(own, name) / best
}

fn warm_ms(engine: &Engine, name: &str) -> f64 {
    number(&engine.warm["tasks"][name], "median_ms")
}

fn number(of: &Json, name: &str) -> f64 {
    of[name].as_f64().unwrap_or(f64::NAN)
}

fn short(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.2}") } else { format!("{ms:.0}") }
}

fn header(out: &mut String, first: &str, engines: &[Engine]) {
    let names: Vec<&str> = engines.iter().map(|engine| engine.name).collect();
    let _ = writeln!(out, "| {first} | {} |", names.join(" | "));
    let _ = writeln!(out, "| --- |{}", " ---: |".repeat(engines.len()));
}

fn row(out: &mut String, first: &str, engines: &[Engine], cell: impl Fn(&Engine) -> String) {
    let cells: Vec<String> = engines.iter().map(cell).collect();
    let _ = writeln!(out, "| {first} | {} |", cells.join(" | "));
}

/// Processor, cores, memory and kernel; no names of hosts.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let value_of = |text: &str, name: &str| -> Option<String> {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = value_of(&read("/proc/cpuinfo"), "model name").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = value_of(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kilobytes: f64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel = kernel.split(['-', '\n']).next().unwrap_or_default();
    format!("{cores} cores ({model}), {:.0} GiB of memory, Linux {kernel}", kilobytes / 1048576.0)
}
