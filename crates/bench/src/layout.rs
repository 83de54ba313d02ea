//! The candidates between which `docs/decisions/0001-storage.md` decides, written as Parquet from
//! the same events and read for three kinds of question.
//!
//! Files are one a day and log, as the store's are. Reads go straight to Parquet with footers and
//! Bloom filters kept, and without the store's cache of columns, so that what is measured is the
//! layout. Each candidate differs from the first in one point.

mod collect;
mod read;
mod write;

use std::path::Path;
use std::time::Instant;

use crate::measure::{bytes_under, median_ms};

/// One way to lay events out.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    name: &'static str,
    /// Order inside a file: by actor, then time; else by time. Newest first either way.
    by_actor: bool,
    row_group_rows: usize,
    bloom: bool,
    /// Identifiers as 36 characters rather than 16 bytes.
    text_ids: bool,
    /// The values of every entity as dictionary-encoded texts rather than a key.
    text_values: bool,
}

const FIRST: Candidate = Candidate {
    name: "time order, 128 Ki, bloom, binary ids, entity keys",
    by_actor: false,
    row_group_rows: 131_072,
    bloom: true,
    text_ids: false,
    text_values: false,
};

const CANDIDATES: [Candidate; 8] = [
    FIRST,
    Candidate { name: "actor order", by_actor: true, ..FIRST },
    Candidate { name: "row groups of 32 Ki", row_group_rows: 32_768, ..FIRST },
    Candidate { name: "row groups of 512 Ki", row_group_rows: 524_288, ..FIRST },
    Candidate { name: "no bloom filter", bloom: false, ..FIRST },
    Candidate { name: "ids as text", text_ids: true, ..FIRST },
    Candidate { name: "dictionary-encoded texts", text_values: true, ..FIRST },
    Candidate { name: "texts, actor order", text_values: true, by_actor: true, ..FIRST },
];

/// Runs of a read.
const RUNS: usize = 9;

/// Generates events, writes every candidate below `dir` and gives a table in Markdown.
pub(crate) fn run(dir: &Path, events: u64, days: u32, seed: u64) -> anyhow::Result<String> {
    let started = Instant::now();
    let events = collect::collect(events, days, seed)?;
    let rows = events.len();
    let mut table = format!(
        "{rows} events of {days} days, {} entities; decoded in {:.0} s.\n\n\
         | candidate | bytes an event | write, s | newest 50 of 24 h, ms | one user, newest 50, ms \
         | by id, ms | count by application, ms |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        events.entities.iter().map(|list| list.len()).sum::<usize>(),
        started.elapsed().as_secs_f64(),
    );
    for (number, candidate) in CANDIDATES.iter().enumerate() {
        let folder = dir.join(number.to_string());
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let started = Instant::now();
        write::write(&events, candidate, &folder)?;
        let seconds = started.elapsed().as_secs_f64();
        let bytes = bytes_under(&folder)? as f64 / rows as f64;
        let reader = read::Reader::open(&events, candidate, &folder)?;
        let mut cells = Vec::new();
        for question in read::Question::ALL {
            let answer = reader.ask(question)?;
            let mut times = Vec::with_capacity(RUNS);
            for _ in 0..RUNS {
                let started = Instant::now();
                anyhow::ensure!(reader.ask(question)? == answer, "two answers");
                times.push(started.elapsed());
            }
            cells.push(format!("{:.1}", median_ms(&mut times)));
            events.check(question, answer)?;
        }
        let line =
            format!("| {} | {bytes:.1} | {seconds:.0} | {} |\n", candidate.name, cells.join(" | "));
        print!("{line}");
        table.push_str(&line);
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(table)
}
