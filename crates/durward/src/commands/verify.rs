//! `durward verify`: reads everything back and checks that it agrees with itself.
//!
//! Opening has already checked the write-ahead log and the tables' logs. What is left: every row
//! decodes, its record can be put together, the order holds, no event is there twice, and the
//! rollups count what the rows say. The access log, if there is one, has to agree with its chain.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context as _, Result, bail};
use durward_model::{Event, FieldId, Log};
use durward_store::{Chunk, RowRef, View};
use serde_json::{json, value::RawValue};

use crate::cli::Common;
use crate::commands::access_log;
use crate::{data, output};

/// Rows read at once.
const BLOCK_ROWS: u32 = 8192;
/// Problems that are shown; the rest is counted.
const SHOWN_MAX: usize = 20;

/// What was found.
#[derive(Debug, Default)]
struct Findings {
    rows: u64,
    revisions: u64,
    problems: u64,
    shown: Vec<String>,
}

impl Findings {
    fn problem(&mut self, text: impl FnOnce() -> String) {
        self.problems += 1;
        if self.shown.len() < SHOWN_MAX {
            self.shown.push(text());
        }
    }
}

/// Checks everything and fails if something is wrong.
pub(crate) fn run(common: &Common) -> Result<()> {
    let dir = data::dir(common.data.as_deref())?;
    let store = data::open_existing(&dir)?;
    let view = store.view();
    let mut findings = Findings::default();
    let mut live: HashSet<(u8, u128)> = HashSet::new();
    for (index, chunk) in view.chunks.iter().enumerate() {
        check_chunk(&view, index as u32, chunk, &mut live, &mut findings)
            .with_context(|| format!("reading rows of {}", chunk.log().name()))?;
    }
    check_rollups(&view, &mut findings)?;
    let access_log = match access_log::check(&dir)? {
        Some(Err(broken)) => {
            findings.problem(|| broken);
            None
        }
        Some(Ok(verified)) => Some(verified),
        None => None,
    };
    if common.json {
        output::json(&json!({
            "rows": findings.rows,
            "revisions": findings.revisions,
            "problems": findings.problems,
            "shown": findings.shown,
            "accessLog": access_log,
        }))?;
    } else {
        for problem in &findings.shown {
            output::line(problem)?;
        }
        output::line(format_args!(
            "{} rows read, {} of them earlier revisions, {} problems",
            output::count(findings.rows),
            output::count(findings.revisions),
            output::count(findings.problems)
        ))?;
        if let Some(verified) = &access_log {
            let (entries, head) = (&verified["entries"], &verified["head"]);
            output::line(format_args!("{entries} entries in the access log, head {head}"))?;
        }
    }
    if findings.problems > 0 {
        bail!(
            "the data does not agree with itself; `durward compact --rebuild-rollups` repairs counts"
        );
    }
    Ok(())
}

fn check_chunk(
    view: &View,
    index: u32,
    chunk: &Chunk,
    live: &mut HashSet<(u8, u128)>,
    findings: &mut Findings,
) -> Result<()> {
    let rows = u32::try_from(chunk.rows()).context("too many rows in one piece")?;
    let mut newest = i64::MAX;
    for start in (0..rows).step_by(BLOCK_ROWS as usize) {
        let end = rows.min(start + BLOCK_ROWS);
        let refs: Vec<RowRef> = (start..end).map(|row| RowRef { chunk: index, row }).collect();
        let events = view.events(&refs)?;
        if events.len() != refs.len() {
            findings.problem(|| format!("{} of {} rows are there", events.len(), refs.len()));
        }
        for (event, at) in events.iter().zip(&refs) {
            findings.rows += 1;
            let created = event.row().created.micros;
            if created > newest {
                findings.problem(|| format!("{}: out of order", name(event)));
            }
            newest = created;
            check_record(event, findings);
            if chunk.superseded().is_some_and(|gone| gone.contains(at.row)) {
                findings.revisions += 1;
            } else if !live.insert(identity(event)) {
                findings.problem(|| format!("{}: there twice", name(event)));
            }
        }
    }
    Ok(())
}

fn check_record(event: &Event, findings: &mut Findings) {
    let original = event.original();
    if serde_json::from_str::<&RawValue>(&original).is_err() {
        findings.problem(|| format!("{}: its record cannot be put together", name(event)));
    }
}

fn name(event: &Event) -> String {
    format!("{} {}", event.row().log.name(), event.cell(FieldId::Id))
}

/// What makes two events one: log (all sign-in logs count as one), tenant and identifier.
fn identity(event: &Event) -> (u8, u128) {
    let log = if event.row().log.is_sign_in() { 0 } else { event.row().log as u8 };
    let mut text = event.cell(FieldId::TenantId).to_string().into_bytes();
    text.extend(event.row().id.0);
    let durward_model::Id(hash) = durward_model::Id::hash(&text);
    (log, u128::from_le_bytes(hash))
}

/// Compares the totals of the rollups with the rows they stand for.
fn check_rollups(view: &View, findings: &mut Findings) -> Result<()> {
    let (rollups, uncovered) = view.rollups(&Log::SIGN_INS, i64::MIN, i64::MAX)?;
    let mut counted: BTreeMap<Log, u64> = BTreeMap::new();
    for (log, rollup) in &rollups {
        let totals = rollup.iter().filter(|count| count.dimension.is_none());
        *counted.entry(*log).or_default() += totals.map(|count| count.count).sum::<u64>();
    }
    let mut expected: BTreeMap<Log, u64> = BTreeMap::new();
    for (index, chunk) in view.chunks.iter().enumerate() {
        if chunk.log().is_sign_in() && !uncovered.contains(&(index as u32)) {
            *expected.entry(chunk.log()).or_default() += chunk.live_rows() as u64;
        }
    }
    for log in Log::SIGN_INS {
        let pair = [&counted, &expected].map(|map| map.get(&log).copied().unwrap_or(0));
        if pair[0] != pair[1] {
            findings.problem(|| {
                format!("{}: rollups count {} events, there are {}", log.name(), pair[0], pair[1])
            });
        }
    }
    Ok(())
}
