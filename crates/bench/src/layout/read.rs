//! Reads a candidate.

use std::cmp::Reverse;
use std::fs::File;
use std::path::Path;

use anyhow::Context as _;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use durward_model::FieldId;
use durward_model::field::Group;
use hashbrown::HashMap;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use super::Candidate;
use super::collect::Events;
use super::write::is_of_users;

/// Rows of a list.
pub(super) const PAGE: usize = 50;
/// Columns that a list of entity keys reads, besides time and identifier.
const SHOWN_GROUPS: [Group; 6] = [
    Group::Actor,
    Group::Application,
    Group::Resource,
    Group::Device,
    Group::Network,
    Group::Outcome,
];
/// The same as texts.
const SHOWN_TEXTS: [FieldId; 10] = [
    FieldId::UserDisplayName,
    FieldId::UserPrincipalName,
    FieldId::AppDisplayName,
    FieldId::ResourceDisplayName,
    FieldId::IpAddress,
    FieldId::City,
    FieldId::CountryOrRegion,
    FieldId::ClientAppUsed,
    FieldId::ErrorCode,
    FieldId::ConditionalAccessStatus,
];

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Newest,
    User,
    Id,
    Applications,
}

impl Question {
    pub(super) const ALL: [Question; 4] =
        [Question::Newest, Question::User, Question::Id, Question::Applications];
}

/// Enough of an answer to compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer(Vec<i64>);

impl Answer {
    pub(super) fn of_times(times: impl Iterator<Item = i64>) -> Answer {
        let mut times: Vec<i64> = times.filter(|&time| time != 0).collect();
        times.sort_unstable();
        Answer(times)
    }
}

struct Part {
    file: File,
    footer: ArrowReaderMetadata,
    row_group: usize,
    rows: usize,
    /// Newest time, µs.
    newest: i64,
    of_users: bool,
    bloom: Option<Sbbf>,
}

/// A row that was found: time, part, row within the part.
type Found = (i64, usize, u32);

/// An opened candidate.
pub(super) struct Reader<'a> {
    events: &'a Events,
    candidate: &'a Candidate,
    /// Row groups, newest first.
    parts: Vec<Part>,
}

impl<'a> Reader<'a> {
    pub(super) fn open(
        events: &'a Events,
        candidate: &'a Candidate,
        dir: &Path,
    ) -> anyhow::Result<Self> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let mut parts = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            if path.extension().is_none() {
                continue;
            }
            let file = File::open(&path)?;
            let footer = ArrowReaderMetadata::load(&file, options.clone())?;
            for row_group in 0..footer.metadata().num_row_groups() {
                let facts = footer.metadata().row_group(row_group);
                let Some(Statistics::Int64(times)) = facts.column(0).statistics() else {
                    anyhow::bail!("no statistics of times");
                };
                parts.push(Part {
                    file: file.try_clone()?,
                    footer: footer.clone(),
                    row_group,
                    rows: facts.num_rows() as usize,
                    newest: times.max_opt().copied().unwrap_or_default(),
                    of_users: is_of_users(&path),
                    bloom: Sbbf::read_from_column_chunk(facts.column(1), &file)?,
                });
            }
        }
        parts.sort_by_key(|part| Reverse(part.newest));
        Ok(Reader { events, candidate, parts })
    }

    pub(super) fn ask(&self, question: Question) -> anyhow::Result<Answer> {
        match question {
            Question::Newest => self.newest(),
            Question::User => self.user(),
            Question::Id => self.id(),
            Question::Applications => self.applications(),
        }
    }

    fn newest(&self) -> anyhow::Result<Answer> {
        let mut best = Vec::new();
        for (index, part) in self.parts.iter().enumerate() {
            if part.newest <= self.events.day_ago || is_beaten(&best, part.newest) {
                break;
            }
            let first = (!self.candidate.by_actor).then(|| first_rows(part.rows, PAGE));
            let batch = part.read(&["created"], first)?;
            let times = batch.column(0).as_primitive::<Int64Type>().values();
            let rows = times.iter().enumerate().filter(|(_, time)| **time > self.events.day_ago);
            best.extend(rows.map(|(row, time)| (*time, index, row as u32)));
            keep_best(&mut best);
        }
        self.shown(&best)
    }

    fn user(&self) -> anyhow::Result<Answer> {
        let mut best = Vec::new();
        for (index, part) in self.parts.iter().enumerate().filter(|(_, part)| part.of_users) {
            if is_beaten(&best, part.newest) {
                break;
            }
            for (start, length) in self.pages_of_user(part) {
                let selection = range_of(part.rows, start, length);
                let name = FieldId::UserPrincipalName.field().name;
                let column = if self.candidate.text_values { name } else { "actor" };
                let batch = part.read(&["created", column], Some(selection))?;
                let times = batch.column(0).as_primitive::<Int64Type>().values();
                let found = self.rows_of_user(batch.column(1))?;
                best.extend(found.into_iter().map(|row| (times[row], index, (start + row) as u32)));
            }
            keep_best(&mut best);
        }
        self.shown(&best)
    }

    /// The runs of rows that can be of the user: start and length.
    fn pages_of_user(&self, part: &Part) -> Vec<(usize, usize)> {
        let whole = vec![(0, part.rows)];
        if !self.candidate.by_actor {
            return whole;
        }
        let metadata = part.footer.metadata();
        if self.candidate.text_values {
            let column = part.column(FieldId::UserPrincipalName.field().name);
            let facts = metadata.row_group(part.row_group).column(column).statistics();
            let Some(Statistics::ByteArray(facts)) = facts else { return whole };
            let name = self.events.user_name.as_bytes();
            let below = facts.min_opt().is_none_or(|min| min.data() <= name);
            let above = facts.max_opt().is_none_or(|max| name <= max.data());
            return if below && above { whole } else { Vec::new() };
        }
        let column = part.column("actor");
        let (Some(index), Some(offsets)) = (metadata.column_index(), metadata.offset_index())
        else {
            return whole;
        };
        let ColumnIndexMetaData::INT32(index) = &index[part.row_group][column] else {
            return whole;
        };
        let pages = offsets[part.row_group][column].page_locations();
        let mut runs = Vec::new();
        for (number, page) in pages.iter().enumerate() {
            let start = page.first_row_index as usize;
            let end = pages.get(number + 1).map_or(part.rows, |next| next.first_row_index as usize);
            let (min, max) = (index.min_value(number), index.max_value(number));
            let inside = |key: &i32| min.is_none_or(|m| m <= key) && max.is_none_or(|m| key <= m);
            if self.events.user.iter().any(inside) {
                runs.push((start, end - start));
            }
        }
        runs
    }

    fn rows_of_user(&self, column: &ArrayRef) -> anyhow::Result<Vec<usize>> {
        let rows = 0..column.len();
        if let Some(texts) = column.as_dictionary_opt::<Int32Type>() {
            let values = texts.values().as_string::<i32>();
            let wanted: Vec<bool> =
                (0..values.len()).map(|n| values.value(n) == self.events.user_name).collect();
            let keys = texts.keys();
            return Ok(rows
                .filter(|&row| keys.is_valid(row) && wanted[keys.value(row) as usize])
                .collect());
        }
        let keys = column.as_primitive_opt::<Int32Type>().context("keys are integers")?.values();
        Ok(rows.filter(|&row| self.events.user.contains(&keys[row])).collect())
    }

    fn id(&self) -> anyhow::Result<Answer> {
        let (id, text) = (self.events.id.0, self.events.id.to_string());
        let mut best = Vec::new();
        for (index, part) in self.parts.iter().enumerate() {
            let possible = part.bloom.as_ref().is_none_or(|bloom| match self.candidate.text_ids {
                true => bloom.check(text.as_str()),
                false => bloom.check(&id[..]),
            });
            if !possible {
                continue;
            }
            let batch = part.read(&["created", "id"], None)?;
            let times = batch.column(0).as_primitive::<Int64Type>().values();
            let ids = batch.column(1);
            let found = match ids.as_fixed_size_binary_opt() {
                Some(ids) => ids.value_data().chunks_exact(16).position(|own| own == id),
                None => ids.as_string::<i32>().iter().position(|own| own == Some(&text)),
            };
            best.extend(found.map(|row| (times[row], index, row as u32)));
        }
        self.shown(&best)
    }

    fn applications(&self) -> anyhow::Result<Answer> {
        let name = FieldId::AppDisplayName.field().name;
        let mut by_name: HashMap<String, i64> = HashMap::new();
        let mut by_key = vec![0_i64; self.events.entities[Group::Application as usize].len()];
        for part in &self.parts {
            if !self.candidate.text_values {
                let batch = part.read(&["application"], None)?;
                let keys = batch.column(0).as_primitive::<Int32Type>().values();
                keys.iter().for_each(|&key| by_key[key as usize] += 1);
                continue;
            }
            let batch = part.read(&[name], None)?;
            let texts = batch.column(0).as_dictionary::<Int32Type>();
            let mut counts = vec![0_i64; texts.values().len()];
            let keys = texts.keys();
            for row in 0..keys.len() {
                if keys.is_valid(row) {
                    counts[keys.value(row) as usize] += 1;
                }
            }
            *by_name.entry(String::new()).or_default() += keys.null_count() as i64;
            let values = texts.values().as_string::<i32>();
            for (number, count) in counts.into_iter().enumerate() {
                *by_name.entry_ref(values.value(number)).or_default() += count;
            }
        }
        for (key, count) in by_key.into_iter().enumerate() {
            let text = self.events.text(Group::Application, key as i32, FieldId::AppDisplayName);
            *by_name.entry(text).or_default() += count;
        }
        Ok(Answer::of_times(by_name.into_values()))
    }

    /// Fetches what a list shows of the rows.
    fn shown(&self, found: &[Found]) -> anyhow::Result<Answer> {
        let mut order = found.to_vec();
        order.sort_unstable_by_key(|&(_, part, row)| (part, row));
        let mut columns = vec!["created", "id"];
        match self.candidate.text_values {
            true => columns.extend(SHOWN_TEXTS.map(|field| field.field().name)),
            false => columns.extend(SHOWN_GROUPS.map(Group::column)),
        }
        let mut times = Vec::new();
        for some in order.chunk_by(|a, b| a.1 == b.1) {
            let part = &self.parts[some[0].1];
            let rows: Vec<u32> = some.iter().map(|&(_, _, row)| row).collect();
            let batch = part.read(&columns, Some(rows_of(part.rows, &rows)))?;
            times.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
            for row in 0..batch.num_rows() {
                std::hint::black_box(self.texts(&batch, row));
            }
        }
        Ok(Answer::of_times(times.into_iter()))
    }

    fn texts(&self, batch: &RecordBatch, row: usize) -> Vec<String> {
        if self.candidate.text_values {
            let texts = batch.columns().iter().filter_map(|c| c.as_dictionary_opt::<Int32Type>());
            return texts
                .map(|texts| {
                    let keys = texts.keys();
                    let values = texts.values().as_string::<i32>();
                    let value = |row| values.value(keys.value(row) as usize).to_owned();
                    if keys.is_valid(row) { value(row) } else { String::new() }
                })
                .collect();
        }
        let key = |group: Group| {
            let column = batch.column_by_name(group.column());
            column.map_or(0, |column| column.as_primitive::<Int32Type>().value(row))
        };
        let fields = SHOWN_TEXTS.iter().filter_map(|field| Some((field.group()?, *field)));
        fields.map(|(group, field)| self.events.text(group, key(group), field)).collect()
    }
}

impl Part {
    fn column(&self, name: &str) -> usize {
        self.footer.schema().fields().iter().position(|field| field.name() == name).unwrap_or(0)
    }

    fn read(&self, names: &[&str], rows: Option<RowSelection>) -> anyhow::Result<RecordBatch> {
        let schema = self.footer.metadata().file_metadata().schema_descr();
        // A field that no event has is no column.
        let known = |name: &&&str| self.footer.schema().fields().find(name).is_some();
        let columns = names.iter().filter(known).map(|name| self.column(name));
        let mask = ProjectionMask::leaves(schema, columns);
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
            self.file.try_clone()?,
            self.footer.clone(),
        )
        .with_row_groups(vec![self.row_group])
        .with_projection(mask)
        .with_batch_size(self.rows);
        if let Some(rows) = rows {
            builder = builder.with_row_selection(rows);
        }
        Ok(builder.build()?.next().context("no rows")??)
    }
}

fn is_beaten(best: &[Found], newest: i64) -> bool {
    best.len() >= PAGE && best.last().is_some_and(|(worst, ..)| newest < *worst)
}

fn keep_best(best: &mut Vec<Found>) {
    best.sort_unstable_by(|a, b| b.cmp(a));
    best.truncate(PAGE);
}

fn first_rows(rows: usize, count: usize) -> RowSelection {
    range_of(rows, 0, count.min(rows))
}

fn range_of(rows: usize, start: usize, length: usize) -> RowSelection {
    RowSelection::from_consecutive_ranges(std::iter::once(start..start + length), rows)
}

fn rows_of(rows: usize, wanted: &[u32]) -> RowSelection {
    let ranges = wanted.iter().map(|&row| row as usize..row as usize + 1);
    let selection = RowSelection::from_consecutive_ranges(ranges, rows);
    debug_assert_eq!(selection.row_count(), wanted.len());
    let selectors: Vec<RowSelector> = selection.into();
    selectors.into()
}
