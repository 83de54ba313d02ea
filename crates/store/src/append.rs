//! Taking a batch in: which events are new, which are known, which are revisions.
//!
//! One request identifier of one tenant at one time is one event. A record that says the same as
//! one that is already here is *known* and dropped; one that says something else is a *revision*:
//! it is kept, and the latest revision is what lists and counts show (REV-2). Latest means
//! published last (or received last, where the source does not say when it published).
//!
//! One time is the same second, more or less: some exports cut it. The same identifier at another
//! time is another event, whether it comes in one batch or years apart.

use std::collections::BTreeSet;
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
#[derive(Default)]
pub(crate) struct Absorbed {
    pub(crate) counts: Appended,
    /// Rows to keep, by position in the batch.
    pub(crate) accepted: Vec<u32>,
    /// What is kept, without its log position.
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) marks: Vec<Mark>,
    /// Positions of batches still on their way that a verdict of this one rests on.
    pub(crate) relies_on: BTreeSet<u64>,
}

/// Rows that may be the same event: tenant, namespace of the log, identifier.
pub(crate) type FamilyKey = (Id, Log, String);

/// A row that a family has already.
struct Member {
    created_micros: i64,
    rank: i64,
    revision: i32,
    /// See [`Event::content_hash`].
    content: u64,
    live: bool,
    place: Place,
}

enum Place {
    Stored { mark: Mark, pending: Option<u64>, event: Box<Event> },
    InBatch(u32),
}

type Families = HashMap<FamilyKey, Vec<Member>>;

/// Rows of one chunk that have identifiers of a batch.
struct Hits {
    chunk: Arc<Chunk>,
    pending: Option<u64>,
    rows: Vec<u32>,
}

impl State {
    /// Compares a batch with everything here and turns what is to be kept into chunks. Changes
    /// nothing but the entities, which may be numbered for nothing.
    pub(crate) fn absorb(&mut self, batch: &EventBatch) -> Result<Absorbed, StoreError> {
        let entities = self.entities.snapshot();
        let mut families = self.find_families(batch, &entities)?;
        let mut watched: HashSet<Id> = repeated_ids(batch);
        watched.extend(families.keys().map(|(id, ..)| *id));

        let rows = batch.len();
        let mut revisions = vec![0_i32; rows];
        let mut replaced_in_batch = vec![false; rows];
        let mut out = Absorbed::default();
        for row in 0..rows {
            let mut verdict = Verdict::New;
            if watched.contains(&batch.columns.id[row]) {
                let event = Event::of_batch(batch, row);
                let family = families.entry(family_key(&event)).or_default();
                let content = event.content_hash();
                verdict = judge(&event, content, family, batch, &mut out.relies_on);
                let mut live = true;
                if let Verdict::Revision { revision, is_latest } = verdict {
                    revisions[row] = revision;
                    live = is_latest;
                    replaced_in_batch[row] = !is_latest;
                    if is_latest {
                        replace(family, &event, &mut replaced_in_batch, &mut out.marks);
                    }
                }
                if !matches!(verdict, Verdict::Known) {
                    family.push(Member {
                        created_micros: event.row().created.micros,
                        rank: rank(event.row()),
                        revision: revisions[row],
                        content,
                        live,
                        place: Place::InBatch(row as u32),
                    });
                }
            }
            let counts = &mut out.counts.by_log[log_of(batch, row) as usize];
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

    /// What is here of the batch's events.
    fn find_families(
        &self,
        batch: &EventBatch,
        entities: &EntitySnapshot,
    ) -> Result<Families, StoreError> {
        let columns = &batch.columns;
        // Where to look for each identifier: once, however often the batch has it.
        let mut wanted: HashMap<(Id, Log), (i64, i64)> = HashMap::with_capacity(batch.len());
        for row in 0..batch.len() {
            let created = columns.created[row].micros;
            let span = wanted
                .entry((columns.id[row], tail::namespace(log_of(batch, row))))
                .or_insert((created, created));
            *span = (span.0.min(created), span.1.max(created));
        }
        let mut families = Families::new();
        for Hits { chunk, pending, mut rows } in self.find_hits(&wanted)? {
            rows.sort_unstable();
            for (event, &row) in chunk.events(&rows, entities)?.into_iter().zip(&rows) {
                let live = self.is_live(&chunk, row);
                let family = families.entry(family_key(&event)).or_default();
                family.push(Member::stored(event, (chunk.uid, row), pending, live));
            }
        }
        Ok(families)
    }

    /// Rows, by chunk, that have one of these identifiers at about the time.
    fn find_hits(&self, wanted: &HashMap<(Id, Log), (i64, i64)>) -> Result<Vec<Hits>, StoreError> {
        let (Some(oldest), Some(newest)) = (
            wanted.values().map(|(oldest, _)| *oldest).min(),
            wanted.values().map(|(_, newest)| *newest).max(),
        ) else {
            return Ok(Vec::new());
        };
        let near = |chunk: &&Arc<Chunk>| tail::about(chunk, oldest, newest);
        let sealed: Vec<&Arc<Chunk>> = self.sealed.iter().filter(near).collect();
        let pending = self.pending.iter().flat_map(|pending| {
            pending.chunks.iter().map(move |chunk| (chunk, Some(pending.position)))
        });
        let tail: Vec<(&Arc<Chunk>, Option<u64>)> =
            self.hot.iter().map(|chunk| (chunk, None)).chain(pending).collect();

        let mut hits: HashMap<u64, Hits> = HashMap::new();
        let mut found = Vec::new();
        for ((id, namespace), span) in wanted {
            let in_tail = self.tail_ids.contains_key(id);
            let candidates = sealed
                .iter()
                .map(|chunk| (*chunk, None))
                .chain(tail.iter().copied().filter(|_| in_tail));
            for (chunk, pending) in candidates {
                if tail::namespace(chunk.log) != *namespace {
                    continue;
                }
                found.clear();
                tail::find_in(chunk, id, *span, &mut found)?;
                if !found.is_empty() {
                    let new = || Hits { chunk: chunk.clone(), pending, rows: Vec::new() };
                    hits.entry(chunk.uid).or_insert_with(new).rows.extend(&found);
                }
            }
        }
        Ok(hits.into_values().collect())
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
            let of_log = |row: &u32| log_of(batch, *row as usize) == log;
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

impl Member {
    fn stored(event: Event, mark: Mark, pending: Option<u64>, live: bool) -> Member {
        let (row, content) = (event.row(), event.content_hash());
        let (created_micros, rank, revision) = (row.created.micros, rank(row), row.revision);
        let place = Place::Stored { mark, pending, event: Box::new(event) };
        Member { created_micros, rank, revision, content, live, place }
    }

    /// Is it at about the time of this row?
    fn is_near(&self, row: &RowValues) -> bool {
        tail::same_time(self.created_micros, row.created.micros)
    }
}

fn log_of(batch: &EventBatch, row: usize) -> Log {
    Log::ALL[usize::from(batch.columns.log[row]) % Log::ALL.len()]
}

pub(crate) fn family_key(event: &Event) -> FamilyKey {
    let row = event.row();
    (row.id, tail::namespace(row.log), event.cell(FieldId::TenantId).to_string())
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
    Revision { revision: i32, is_latest: bool },
}

/// What a row is to its family. A family may have thousands of members, so members are told apart
/// by hash first.
fn judge(
    event: &Event,
    content: u64,
    family: &[Member],
    batch: &EventBatch,
    relies_on: &mut BTreeSet<u64>,
) -> Verdict {
    let near = || family.iter().filter(|member| member.is_near(event.row()));
    let pending = |member: &Member| match &member.place {
        Place::Stored { pending, .. } => *pending,
        Place::InBatch(_) => None,
    };
    let same = near().find(|member| {
        member.content == content
            && match &member.place {
                Place::Stored { event: other, .. } => says_the_same(event, other),
                Place::InBatch(row) => says_the_same(event, &Event::of_batch(batch, *row as usize)),
            }
    });
    if let Some(same) = same {
        relies_on.extend(pending(same));
        return Verdict::Known;
    }
    let Some(last) = near().map(|member| member.revision).max() else { return Verdict::New };
    relies_on.extend(near().filter_map(pending));
    let rank = rank(event.row());
    let is_latest = !near().any(|member| member.live && member.rank > rank);
    Verdict::Revision { revision: last.saturating_add(1), is_latest }
}

/// Notes which rows of a family a new latest revision replaces.
fn replace(
    family: &mut [Member],
    event: &Event,
    replaced_in_batch: &mut [bool],
    marks: &mut Vec<Mark>,
) {
    for member in family.iter_mut().filter(|member| member.live && member.is_near(event.row())) {
        member.live = false;
        match &member.place {
            Place::Stored { mark, .. } => marks.push(*mark),
            Place::InBatch(row) => replaced_in_batch[*row as usize] = true,
        }
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
