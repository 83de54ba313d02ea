//! Opening a data directory: tables first, then the write-ahead log behind them.

use std::path::Path;
use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::SchemaRef;
use durward_model::field::{Group, Log};
use durward_model::time::SECOND_MICROS;
use durward_model::{Id, Timestamp};
use hashbrown::{HashMap, HashSet};

use crate::append::{FamilyKey, family_key, rank};
use crate::cache::ColumnCache;
use crate::chunk::{Body, Chunk};
use crate::delta::{AddFile, DeltaError, DeltaLog, DeltaOptions, TableSpec, set_aside_torn};
use crate::entity_file::{self, entities_schema};
use crate::error::{OpenError, StoreError};
use crate::lock::DirectoryLock;
use crate::options::StoreOptions;
use crate::schema::{Column, PARTITION_DATE, PARTITION_LOG, table_schema};
use crate::seal::{LOG_APPLICATION, entities_dir, open_file, rollup_path, sign_ins_dir};
use crate::sealed::SealedFile;
use crate::state::{Mark, State};
use crate::store::{EntityFile, Shared, Tables};
use crate::wal::{LogPosition, Wal, WalOptions};
use crate::{frame, rollup, seal, tail};

/// Opens everything and reads the write-ahead log back.
pub(crate) fn open(dir: &Path, options: StoreOptions) -> Result<Shared, OpenError> {
    let lock = match options.lock {
        true => Some(DirectoryLock::take(dir, &options.holder)?),
        false => None,
    };
    Ok(open_locked(dir, options, lock)?)
}

fn open_locked(
    dir: &Path,
    options: StoreOptions,
    lock: Option<DirectoryLock>,
) -> Result<Shared, StoreError> {
    let files = options.files.clone();
    files.create_dir_durably(dir)?;
    let partitions = [PARTITION_DATE, PARTITION_LOG];
    let schema = Arc::new(table_schema());
    let sign_ins = open_table(&options, &sign_ins_dir(dir), "sign_ins", schema, &partitions)?;
    let entities_log =
        open_table(&options, &entities_dir(dir), "entities", entities_schema(), &[])?;
    let sealed_position = sign_ins.txn(LOG_APPLICATION).unwrap_or(0);
    let sealed_position = LogPosition(u64::try_from(sealed_position).unwrap_or(0));
    let (wal, replay) =
        Wal::open(files.clone(), &dir.join("wal"), sealed_position, WalOptions::default())?;

    let mut state = State::default();
    // By path, and names begin with the time of writing: keys come back in the order in which they
    // were given (ENT-1).
    let entity_files: Vec<Arc<AddFile>> = entities_log.files().cloned().collect();
    let mut loaded = Vec::with_capacity(entity_files.len());
    for file in &entity_files {
        let from = state.entities_sealed;
        entity_file::load(&*files, &entities_dir(dir).join(&file.path), &mut state.entities)?;
        let to = Group::ALL.map(|group| state.entities.len(group));
        state.entities_sealed = to;
        loaded.push(EntityFile { name: file.path.clone(), from, to });
    }

    let cache = Arc::new(ColumnCache::new(options.cache_bytes));
    let active: Vec<Arc<AddFile>> = sign_ins.files().cloned().collect();
    let tables = Tables {
        sign_ins,
        entities: entities_log,
        entity_files: loaded,
        replaced: Vec::new(),
        last_retention_day: i32::MIN,
    };
    let shared = Shared::new(dir, options, wal, state, tables, cache, lock);
    refuse_unlisted_data(&shared, &active)?;
    for add in &active {
        let file = open_file(&shared, &add.path, partition_of(add, dir)?)?;
        require_entities(&shared, &file)?;
        if let Some(counts) = rollup::read(&*files, &rollup_path(dir, &add.path)) {
            let _ = file.rollup.set(Arc::new(counts));
        }
        shared.state.lock().sealed.extend(Chunk::of_file(&file).map(Arc::new));
    }
    remove_unreferenced(&shared, &active, &entity_files)?;
    mark_replaced_revisions(&shared)?;
    for entry in replay {
        let (position, payload) = entry?;
        let batch = frame::decode(&payload)?;
        let mut state = shared.state.lock();
        let absorbed = state.absorb(&batch)?;
        state.queue(position.get(), absorbed);
        state.settle(position.get(), true);
    }
    shared.publish(&mut shared.state.lock());
    Ok(shared)
}

/// Opens a table's log. A newest commit that a power cut tore is set aside, which is safe:
/// - rows it added are still in the write-ahead log, whose frames go only after a commit was
///   synced; if they are not, opening the write-ahead log fails;
/// - files it removed are still there, or opening them fails;
/// - entities it added are those of no sealed row, or [`require_entities`] fails.
///
/// Nothing is removed from the disk before all of this was seen to be so.
fn open_table(
    options: &StoreOptions,
    dir: &Path,
    name: &str,
    schema: SchemaRef,
    partitions: &[&str],
) -> Result<DeltaLog, StoreError> {
    let now_ms = Timestamp::now().micros / 1000;
    let spec = TableSpec {
        id: Id::hash(format!("{name} {} {now_ms}", dir.display()).as_bytes()).to_string(),
        name: name.to_owned(),
        schema,
        partition_columns: partitions.iter().map(|&column| column.to_owned()).collect(),
    };
    let files = &options.files;
    let open = || DeltaLog::open_or_create(files.clone(), dir, &spec, delta_options(), now_ms);
    match open() {
        Err(DeltaError::Torn { version, path, reason }) => {
            tracing::warn!(version, path = %path.display(), reason, "newest commit is torn; set aside");
            set_aside_torn(&**files, dir, version)?;
            Ok(open()?)
        }
        other => Ok(other?),
    }
}

/// Replaced files are gone within hours, so the log need not remember them for a week.
fn delta_options() -> DeltaOptions {
    DeltaOptions { tombstone_retention_ms: 24 * 3600 * 1000, ..DeltaOptions::default() }
}

fn partition_of(add: &AddFile, dir: &Path) -> Result<(Log, i32), StoreError> {
    let value = |name: &str| add.partition_values.get(name).cloned().flatten();
    let log = value(PARTITION_LOG).and_then(|name| Log::from_name(&name));
    let day = value(PARTITION_DATE)
        .and_then(|date| Timestamp::parse(&date, durward_model::time::DateOrder::MonthFirst));
    match (log, day) {
        (Some(log), Some(day)) => Ok((log, day.day())),
        _ => Err(StoreError::Corrupt {
            what: "a file without its date and log".to_owned(),
            path: sign_ins_dir(dir).join(&add.path),
            advice: "restore the table's log from a copy, then start durward again".to_owned(),
        }),
    }
}

/// Rows must not refer to entities that are not there: their keys would be given to others.
fn require_entities(shared: &Shared, file: &SealedFile) -> Result<(), StoreError> {
    let state = shared.state.lock();
    for group in Group::ALL {
        let (greatest, there) = (file.greatest_keys[group as usize], state.entities.len(group));
        if usize::try_from(greatest).is_ok_and(|greatest| greatest >= there) {
            return Err(StoreError::Corrupt {
                what: format!("no {} entity {greatest}, which {} needs", group.column(), file.name),
                path: entities_dir(&shared.dir).join("_delta_log"),
                advice: "a commit of the entities table is damaged or missing (damaged ones are \
                         renamed to .torn); restore it from a copy, then start durward again"
                    .to_owned(),
            });
        }
    }
    Ok(())
}

/// A table that was just created has no files. If there are some, and no write-ahead log they could
/// be the unfinished seal of, the table's log was lost, and they are not rubbish.
fn refuse_unlisted_data(shared: &Shared, active: &[Arc<AddFile>]) -> Result<(), StoreError> {
    if !active.is_empty() || shared.wal.durable() != LogPosition::START {
        return Ok(());
    }
    for root in [sign_ins_dir(&shared.dir), entities_dir(&shared.dir)] {
        for path in shared.files.list_files(&root)? {
            let in_log = path.components().any(|part| part.as_os_str() == "_delta_log");
            if !in_log && path.extension().is_some_and(|extension| extension == "parquet") {
                return Err(StoreError::Corrupt {
                    what: "a data file that no _delta_log lists".to_owned(),
                    path,
                    advice: "restore the table's _delta_log folder from a copy, or move the file \
                             away; then start durward again"
                        .to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// Removes files that no table refers to: what a crash left half-done, or compaction replaced.
fn remove_unreferenced(
    shared: &Shared,
    active: &[Arc<AddFile>],
    entity_files: &[Arc<AddFile>],
) -> Result<(), StoreError> {
    let dir = &shared.dir;
    let mut wanted: HashSet<std::path::PathBuf> = HashSet::new();
    for add in active {
        wanted.insert(sign_ins_dir(dir).join(&add.path));
        wanted.insert(rollup_path(dir, &add.path));
    }
    wanted.extend(entity_files.iter().map(|add| entities_dir(dir).join(&add.path)));
    for root in [sign_ins_dir(dir), entities_dir(dir), dir.join("rollups")] {
        if !shared.files.exists(&root)? {
            continue;
        }
        for path in shared.files.list_files(&root)? {
            let in_log = path.components().any(|part| part.as_os_str() == "_delta_log");
            if !in_log && !wanted.contains(&path) {
                tracing::debug!(path = %path.display(), "removing a file no table refers to");
                shared.files.remove(&path)?;
            }
        }
    }
    Ok(())
}

/// Finds, for every event with revisions in sealed files, which row is the latest.
fn mark_replaced_revisions(shared: &Shared) -> Result<(), StoreError> {
    let mut state = shared.state.lock();
    let families = revised_events(&state)?;
    if families.is_empty() {
        return Ok(());
    }
    let mut by_day: HashMap<(Log, i32), Vec<usize>> = HashMap::new();
    for (index, chunk) in state.sealed.iter().enumerate() {
        if let Body::Sealed { file, .. } = &chunk.body {
            let key = (tail::namespace(chunk.log), file.day);
            by_day.entry(key).or_default().push(index);
        }
    }
    // Every row of every such event, by chunk, so that each chunk is read once.
    let mut places: HashMap<usize, Vec<u32>> = HashMap::new();
    let mut found = Vec::new();
    for (id, created, namespace) in &families {
        let day = |seconds: i64| seal::day_of(created.saturating_add(seconds * SECOND_MICROS));
        for day in day(-1)..=day(1) {
            for &index in by_day.get(&(*namespace, day)).into_iter().flatten() {
                found.clear();
                tail::find_in(&state.sealed[index], id, (*created, *created), &mut found)?;
                if !found.is_empty() {
                    places.entry(index).or_default().extend(&found);
                }
            }
        }
    }
    let entities = state.entities.snapshot();
    let mut events: HashMap<FamilyKey, Vec<Version>> = HashMap::new();
    for (index, mut rows) in places {
        rows.sort_unstable();
        rows.dedup();
        let chunk = &state.sealed[index];
        for (event, row) in chunk.events(&rows, &entities)?.iter().zip(&rows) {
            let values = event.row();
            let version = Version {
                created_micros: values.created.micros,
                rank: (rank(values), values.revision),
                mark: (chunk.uid, *row),
            };
            events.entry(family_key(event)).or_default().push(version);
        }
    }
    let mut marks = Vec::new();
    for mut versions in events.into_values() {
        versions.sort_unstable_by_key(|version| version.created_micros);
        // The same identifier at another time is another event.
        let same = |a: &Version, b: &Version| tail::same_time(a.created_micros, b.created_micros);
        for event in versions.chunk_by(same) {
            let latest = event.iter().max_by_key(|version| (version.rank, version.mark));
            let latest = latest.map(|version| version.mark);
            marks.extend(event.iter().map(|version| version.mark).filter(|m| Some(*m) != latest));
        }
    }
    state.mark(&marks);
    Ok(())
}

/// A row of an event with revisions.
struct Version {
    created_micros: i64,
    /// See [`rank`], then the number of the revision.
    rank: (i64, i32),
    mark: Mark,
}

/// Identifier, time (µs) and namespace of every sealed row that is a revision of another.
fn revised_events(state: &State) -> Result<HashSet<(Id, i64, Log)>, StoreError> {
    let mut families = HashSet::new();
    for chunk in &state.sealed {
        let Body::Sealed { file, row_group } = &chunk.body else { continue };
        if file.row_groups[*row_group].max_revision == 0 {
            continue;
        }
        let (revisions, created) = (chunk.revisions()?, chunk.created()?);
        let ids = chunk.column(Column::Id as usize)?;
        let ids = ids.as_fixed_size_binary();
        for row in (0..ids.len()).filter(|&row| revisions.value(row) > 0) {
            let id = Id(ids.value(row).try_into().unwrap_or([0; 16]));
            families.insert((id, created.value(row), tail::namespace(chunk.log)));
        }
    }
    Ok(families)
}
