//! Taking a batch in: which events are new, which are known, which are revisions.
//!
//! One request identifier of one tenant is one event. A record that says the same as one that is
//! already here is *known* and dropped; one that says something else is a *revision*: it is kept,
//! and the latest revision is what lists and counts show (REV-2). Latest means published last
//! (or received last, where the source does not say when it published).

use std::sync::Arc;

use durward_model::batch::EventBatch;
use durward_model::event::RowValues;
use durward_model::field::{GROUP_COUNT, Group};
use durward_model::{Event, FieldId, Id, Log};
use hashbrown::{HashMap, HashSet};

use crate::chunk::Chunk;
use crate::entities::EntitySnapshot;
use crate::error::StoreError;
use crate::schema;
use crate::state::{Mark, State};
use crate::tail;

/// Events of one log in an accepted batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// Not seen before.
    pub new: u64,
    /// Said nothing that was not here already.
    pub known: u64,
    /// Said something new about an event that was here.
    pub revised: u64,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// By log, in the order of [`Log::ALL`].
    pub by_log: [LogCounts; 8],
}

impl Appended {
    /// All logs together.
    pub fn total(&self) -> LogCounts {
        self.by_log.iter().fold(LogCounts::default(), |sum, log| LogCounts {
            new: sum.new + log.new,
            known: sum.known + log.known,
            revised: sum.revised + log.revised,
        })
    }

    /// Adds what became of another batch.
    pub fn add(&mut self, other: &Appended) {
        for (sum, log) in self.by_log.iter_mut().zip(&other.by_log) {
            sum.new += log.new;
            sum.known += log.known;
            sum.revised += log.revised;
        }
    }
}

/// A batch after it was compared with what is here.
pub(crate) struct Absorbed {
    pub(crate) counts: Appended,
    /// Rows to keep, by position in the batch.
    pub(crate) accepted: Vec<u32>,
    /// What is kept, without its log position.
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) marks: Vec<Mark>,
    /// Positions of batches still on their way that known rows rely on.
    pub(crate) relies_on: Vec<u64>,
}

/// An earlier row of the same event.
enum Earlier {
    Stored { chunk: Arc<Chunk>, row: u32, pending: Option<u64>, event: Box<Event>, live: bool },
    InBatch { row: u32, revision: i32, live: bool },
}

/// Rows of one chunk that have the identifiers of rows of a batch.
struct Hits {
    chunk: Arc<Chunk>,
    pending: Option<u64>,
    /// Row of the chunk, row of the batch.
    places: Vec<(u32, u32)>,
}

impl State {
    /// Compares a batch with everything here and turns what is to be kept into chunks. Changes nothing but the entities, which may be numbered for nothing.
    pub(crate) fn absorb(&mut self, batch: &EventBatch) -> Result<Absorbed, StoreError> {
        let entities = self.entities.snapshot();
        let earlier = self.find_earlier(batch, &entities)?;
        let rows = batch.len();
        let mut revisions = vec![0_i32; rows];
        let mut replaced_in_batch = vec![false; rows];
        let mut out = Absorbed {
            counts: Appended::default(),
            accepted: Vec::with_capacity(rows),
            chunks: Vec::new(),
            marks: Vec::new(),
            relies_on: Vec::new(),
        };
        let mut in_batch: HashMap<Id, Vec<Earlier>> = HashMap::new();
        let repeated = repeated_ids(batch);
        for row in 0..rows {
            let id = batch.columns.id[row];
            let log = log_of(batch, row);
            let known_family = earlier.contains_key(&(row as u32)) || repeated.contains(&id);
            let mut verdict = Verdict::New;
            if known_family {
                let event = Event::of_batch(batch, row);
                let stored = earlier.get(&(row as u32)).map(Vec::as_slice).unwrap_or_default();
                let here = in_batch.entry(id).or_default();
                verdict = judge(&event, stored, here, batch, &mut out.relies_on);
                if let Verdict::Revision { revision, live } = verdict {
                    revisions[row] = revision;
                    if live {
                        for other in stored {
                            if let Earlier::Stored { chunk, row, live: true, .. } = other {
                                let mark = (chunk.uid, *row);
                                if !out.marks.contains(&mark) {
                                    out.marks.push(mark);
                                }
                            }
                        }
                        for other in here.iter_mut() {
                            if let Earlier::InBatch { row, live, .. } = other {
                                replaced_in_batch[*row as usize] = true;
                                *live = false;
                            }
                        }
                    } else {
                        replaced_in_batch[row] = true;
                    }
                }
                if !matches!(verdict, Verdict::Known) {
                    let live = !replaced_in_batch[row];
                    here.push(Earlier::InBatch { row: row as u32, revision: revisions[row], live });
                }
            }
            let counts = &mut out.counts.by_log[log as usize];
            match verdict {
                Verdict::New => counts.new += 1,
                Verdict::Known => counts.known += 1,
                Verdict::Revision { .. } => counts.revised += 1,
            }
            if !matches!(verdict, Verdict::Known) {
                out.accepted.push(row as u32);
            }
        }
        self.build_chunks(batch, &revisions, &replaced_in_batch, &mut out)?;
        Ok(out)
    }

    /// Earlier rows of the batch's events, by row of the batch. Rows with none are left out.
    fn find_earlier(
        &self,
        batch: &EventBatch,
        entities: &EntitySnapshot,
    ) -> Result<HashMap<u32, Vec<Earlier>>, StoreError> {
        let columns = &batch.columns;
        let (Some(oldest), Some(newest)) = (
            columns.created.iter().map(|time| time.micros).min(),
            columns.created.iter().map(|time| time.micros).max(),
        ) else {
            return Ok(HashMap::new());
        };
        let second = durward_model::time::SECOND_MICROS;
        let (oldest, newest) = (oldest - second, newest + second);
        let near = |chunk: &&Arc<Chunk>| chunk.min_micros <= newest && chunk.max_micros >= oldest;
        let sealed: Vec<&Arc<Chunk>> = self.sealed.iter().filter(near).collect();
        let pending = self.pending.iter().flat_map(|pending| {
            pending.chunks.iter().map(move |chunk| (chunk, Some(pending.position)))
        });
        let tail: Vec<(&Arc<Chunk>, Option<u64>)> =
            self.hot.iter().map(|chunk| (chunk, None)).chain(pending).collect();

        // Rows found, by chunk, so that each chunk is read once.
        let mut hits: HashMap<u64, Hits> = HashMap::new();
        let mut found = Vec::new();
        for row in 0..batch.len() {
            let (id, created) = (columns.id[row], columns.created[row].micros);
            let log = log_of(batch, row);
            let in_tail = self.tail_ids.contains_key(&id);
            let candidates = sealed
                .iter()
                .map(|chunk| (*chunk, None))
                .chain(tail.iter().copied().filter(|_| in_tail));
            for (chunk, position) in candidates {
                if !tail::same_namespace(chunk.log, log) {
                    continue;
                }
                found.clear();
                tail::find_in(chunk, &id, created, &mut found)?;
                if !found.is_empty() {
                    let hits = hits.entry(chunk.uid).or_insert_with(|| Hits {
                        chunk: chunk.clone(),
                        pending: position,
                        places: Vec::new(),
                    });
                    hits.places.extend(found.iter().map(|&place| (place, row as u32)));
                }
            }
        }
        let mut earlier: HashMap<u32, Vec<Earlier>> = HashMap::new();
        for Hits { chunk, pending, mut places } in hits.into_values() {
            places.sort_unstable();
            let mut rows: Vec<u32> = places.iter().map(|(place, _)| *place).collect();
            rows.dedup();
            let events = chunk.events(&rows, entities)?;
            for (place, row) in places {
                let Some(event) = events.get(rows.partition_point(|&r| r < place)) else {
                    continue;
                };
                // Identifiers of different tenants do not collide in earnest; test data's do.
                if event.cell(FieldId::TenantId)
                    != Event::of_batch(batch, row as usize).cell(FieldId::TenantId)
                {
                    continue;
                }
                let live = self.is_live(&chunk, place);
                earlier.entry(row).or_default().push(Earlier::Stored {
                    chunk: chunk.clone(),
                    row: place,
                    pending,
                    event: Box::new(event.clone()),
                    live,
                });
            }
        }
        Ok(earlier)
    }

    fn build_chunks(
        &mut self,
        batch: &EventBatch,
        revisions: &[i32],
        replaced: &[bool],
        out: &mut Absorbed,
    ) -> Result<(), StoreError> {
        if out.accepted.is_empty() {
            return Ok(());
        }
        let keys: [Vec<i32>; GROUP_COUNT] = std::array::from_fn(|group| {
            self.entities.intern_all(Group::ALL[group], &batch.entities[group])
        });
        for log in Log::ALL {
            let of_log = |row: &u32| batch.columns.log[*row as usize] == log as u8;
            let mut rows: Vec<u32> = out.accepted.iter().copied().filter(of_log).collect();
            if rows.is_empty() {
                continue;
            }
            schema::newest_first(&batch.columns, &mut rows);
            let arrow = schema::rows_of(&batch.columns, &rows, &keys, revisions)?;
            let chunk = Chunk::hot(log, arrow, 0)?;
            let marked = (0..rows.len()).filter(|&at| replaced[rows[at] as usize]);
            let chunk = chunk.with_superseded(marked.map(|at| at as u32));
            out.chunks.push(chunk);
        }
        Ok(())
    }
}

fn log_of(batch: &EventBatch, row: usize) -> Log {
    Log::ALL[usize::from(batch.columns.log[row]) % Log::ALL.len()]
}

/// Identifiers that occur more than once in the batch.
fn repeated_ids(batch: &EventBatch) -> HashSet<Id> {
    let mut sorted = batch.columns.id.clone();
    sorted.sort_unstable();
    sorted.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
}

#[derive(Clone, Copy, Debug)]
enum Verdict {
    New,
    Known,
    Revision { revision: i32, live: bool },
}

fn judge(
    event: &Event,
    stored: &[Earlier],
    in_batch: &[Earlier],
    batch: &EventBatch,
    relies_on: &mut Vec<u64>,
) -> Verdict {
    let mut last_revision = None;
    let mut is_latest = true;
    for earlier in stored.iter().chain(in_batch) {
        let (other, revision, live, pending) = match earlier {
            Earlier::Stored { event, live, pending, .. } => {
                (Event::clone(event), event.row().revision, *live, *pending)
            }
            Earlier::InBatch { row, revision, live } => {
                (Event::of_batch(batch, *row as usize), *revision, *live, None)
            }
        };
        if matches!(earlier, Earlier::InBatch { .. })
            && (other.cell(FieldId::TenantId) != event.cell(FieldId::TenantId)
                || !tail::same_namespace(other.row().log, event.row().log))
        {
            continue;
        }
        if says_the_same(event, &other) {
            relies_on.extend(pending);
            return Verdict::Known;
        }
        last_revision = last_revision.max(Some(revision));
        if live && rank(other.row()) > rank(event.row()) {
            is_latest = false;
        }
    }
    match last_revision {
        None => Verdict::New,
        Some(last) => Verdict::Revision { revision: last + 1, live: is_latest },
    }
}

/// When a revision was made: by its source, else by us.
pub(crate) fn rank(row: &RowValues) -> i64 {
    row.published.map_or(row.received.micros, |time| time.micros)
}

/// Do two records of one event say the same? When they were delivered does not matter.
fn says_the_same(a: &Event, b: &Event) -> bool {
    let content = |event: &Event| {
        let mut row = event.row().clone();
        (row.published, row.received, row.revision) = (None, Default::default(), 0);
        row
    };
    a.same_entities(b) && content(a) == content(b)
}
