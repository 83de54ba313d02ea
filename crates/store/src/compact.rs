//! Compaction: many small files of a log and day become few.
//!
//! Rows keep their order (newest first) and every row is kept, so readers see no difference; the
//! commit removes the old files and adds the new in one step, marked as no change of data.

use std::sync::Arc;

use durward_model::field::Log;
use hashbrown::{HashMap, HashSet};

use crate::chunk::{Body, Chunk};
use crate::delta::Commit;
use crate::entity_file;
use crate::error::StoreError;
use crate::merge::{self, Origin};
use crate::seal::{self, Unjoined, now_ms, push_chunks, write_file};
use crate::sealed::{ROW_GROUP_ROWS, SealedFile};
use crate::store::{EntityFile, Replaced, Shared, Tables};

/// What compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Files that were merged.
    pub files_before: usize,
    /// Files they became.
    pub files_after: usize,
    /// Rows in them.
    pub rows: usize,
}

/// Merges files of every log and day that has at least `fan_in` that are not full. Stops early if
/// `between`, called after each group, says so.
pub(crate) fn compact(
    shared: &Shared,
    fan_in: usize,
    mut between: impl FnMut() -> Result<bool, StoreError>,
) -> Result<Compacted, StoreError> {
    let mut done = Compacted::default();
    shared.require_running()?;
    for group in candidates(shared, fan_in) {
        // Held for one group at a time: sealing need not wait for all of them.
        let mut tables = shared.tables.lock();
        if !are_current(shared, &group) {
            continue;
        }
        let rows: usize = group.iter().map(|file| file.rows()).sum();
        merge_files(shared, &mut tables, &group)?;
        done.files_before += group.len();
        done.files_after += 1;
        done.rows += rows;
        drop(tables);
        if !between()? {
            return Ok(done);
        }
    }
    compact_entities(shared, &mut shared.tables.lock(), fan_in)?;
    Ok(done)
}

/// Are all these files still part of the table?
fn are_current(shared: &Shared, group: &[Arc<SealedFile>]) -> bool {
    let mut missing: HashSet<u64> = group.iter().map(|file| file.number).collect();
    for chunk in &shared.state.lock().sealed {
        if let Body::Sealed { file, .. } = &chunk.body {
            missing.remove(&file.number);
        }
    }
    missing.is_empty()
}

/// A file of the `entities` table with more rows is left alone.
const ENTITY_FILE_ROWS: usize = 65_536;

/// Merges the newest files of the `entities` table into one if at least `fan_in` are small. Keys
/// are in the order of the files, so only neighbours can be merged, and the merged file's name
/// sorts where the first of them was (ENT-1).
fn compact_entities(shared: &Shared, tables: &mut Tables, fan_in: usize) -> Result<(), StoreError> {
    let small =
        tables.entity_files.iter().rev().take_while(|file| file.rows() < ENTITY_FILE_ROWS).count();
    if small < fan_in.max(2) {
        return Ok(());
    }
    let first = tables.entity_files.len() - small;
    let (from, to) = {
        let merged = &tables.entity_files[first..];
        (merged[0].from, merged[small - 1].to)
    };
    let entities = shared.state.lock().entities.snapshot();
    let stem = tables.entity_files[first].name.trim_end_matches(".parquet").to_owned();
    let stem = stem.split('~').next().unwrap_or_default();
    let name = format!("{stem}~{}.parquet", seal::unique_name());
    let path = seal::entities_dir(&shared.dir).join(&name);
    let mut unjoined = Unjoined::new(shared);
    unjoined.begin(&path);
    let Some((rows, bytes)) = entity_file::write(&*shared.files, &path, &entities, &from, &to)?
    else {
        return Ok(());
    };
    let add = seal::add_file(name.clone(), Default::default(), bytes, seal::row_count(rows));
    let commit = Commit {
        adds: vec![add],
        removes: tables.entity_files[first..].iter().map(|file| file.name.clone()).collect(),
        operation: "OPTIMIZE".to_owned(),
        timestamp_ms: now_ms(),
        data_change: false,
        ..Commit::default()
    };
    unjoined.join(&mut tables.entities, commit)?;
    for file in tables.entity_files.split_off(first) {
        let path = seal::entities_dir(&shared.dir).join(file.name);
        tables.replaced.push(Replaced::unseen(path));
    }
    tables.entity_files.push(EntityFile { name, from, to });
    Ok(())
}

/// Merging holds all rows of a group in memory, so a file with more than half of that is complete
/// too. Sign-ins reach `file_rows` long before it; records that are kept whole do not.
const MERGE_BYTES_MAX: u64 = 512 << 20;

/// Groups of files to merge, oldest rows first; each becomes one file.
fn candidates(shared: &Shared, fan_in: usize) -> Vec<Vec<Arc<SealedFile>>> {
    let limit = shared.options.file_rows;
    // With the oldest time of each file.
    type Members = Vec<(i64, Arc<SealedFile>)>;
    let mut partitions: HashMap<(Log, i32), Members> = HashMap::new();
    let mut seen = HashSet::new();
    for chunk in &shared.state.lock().sealed {
        let Body::Sealed { file, .. } = &chunk.body else { continue };
        let small = file.rows() < limit / 2 && file.plain_bytes < MERGE_BYTES_MAX / 2;
        if small && seen.insert(file.number) {
            let oldest = file.row_groups.iter().map(|facts| facts.min_micros).min();
            let members = partitions.entry((file.log, file.day)).or_default();
            members.push((oldest.unwrap_or(i64::MIN), file.clone()));
        }
    }
    let mut groups = Vec::new();
    for (_, mut members) in partitions {
        if members.len() < fan_in.max(2) {
            continue;
        }
        members.sort_by_key(|(oldest, _)| *oldest);
        let (mut group, mut rows, mut bytes) = (Vec::new(), 0, 0);
        for (_, file) in members {
            let full = rows + file.rows() > limit || bytes + file.plain_bytes > MERGE_BYTES_MAX;
            if full && group.len() > 1 {
                groups.push(std::mem::take(&mut group));
                (rows, bytes) = (0, 0);
            }
            rows += file.rows();
            bytes += file.plain_bytes;
            group.push(file);
        }
        if group.len() > 1 {
            groups.push(group);
        }
    }
    groups
}

fn merge_files(
    shared: &Shared,
    tables: &mut Tables,
    group: &[Arc<SealedFile>],
) -> Result<(), StoreError> {
    let numbers: HashSet<u64> = group.iter().map(|file| file.number).collect();
    let belongs = |chunk: &&Arc<Chunk>| match &chunk.body {
        Body::Sealed { file, .. } => numbers.contains(&file.number),
        Body::Hot { .. } => false,
    };
    let (old, entities) = {
        let mut state = shared.state.lock();
        let old: Vec<Arc<Chunk>> = state.sealed.iter().filter(belongs).cloned().collect();
        (old, state.entities.snapshot())
    };
    let sources: Vec<&Chunk> = old.iter().map(|chunk| &**chunk).collect();
    let order = merge::order(&sources)?;
    let batches: Result<Vec<_>, _> = sources.iter().map(|chunk| merge::batch_of(chunk)).collect();
    let batches = batches?;
    let parts = order.chunks(ROW_GROUP_ROWS).map(|part| merge::gather(&batches, part));
    let partition = (group[0].log, group[0].day);
    let mut unjoined = Unjoined::new(shared);
    let (file, add) = write_file(&mut unjoined, &entities, partition, order.len(), parts)?;
    drop(batches);
    let (mut new, mut origins) = (Vec::new(), Vec::new());
    push_chunks(&file, &order, |source| source, &mut new, &mut origins);
    let commit = Commit {
        adds: vec![add],
        removes: group.iter().map(|file| file.name.clone()).collect(),
        operation: "OPTIMIZE".to_owned(),
        timestamp_ms: now_ms(),
        data_change: false,
        ..Commit::default()
    };
    unjoined.join(&mut tables.sign_ins, commit)?;

    let mut state = shared.state.lock();
    let origins: Vec<&[Origin]> = origins.iter().map(Vec::as_slice).collect();
    let sealed = state.carry_marks(&old, new, &origins);
    let gone: HashSet<u64> = old.iter().map(|chunk| chunk.uid).collect();
    state.sealed.retain(|chunk| !gone.contains(&chunk.uid));
    state.sealed.extend(sealed);
    shared.publish(&mut state);
    drop(state);
    for file in group {
        tables.replaced.extend(Replaced::sealed(&shared.dir, file));
    }
    Ok(())
}
