//! Generated events, decoded and held by column, with entities numbered once for all.

use std::sync::Arc;

use anyhow::Context as _;
use durward_generate::{Moment, Tenant, TenantOptions};
use durward_ingest::{Collected, Decoder, Options};
use durward_model::batch::{Columns, EntityList, EventBatch};
use durward_model::cell;
use durward_model::field::{GROUP_COUNT, Group, Log};
use durward_model::time::DAY_MICROS;
use durward_model::{FieldId, Id, Timestamp};
use hashbrown::HashSet;

use super::read::{Answer, Question};
use crate::prepare::FIRST_DAY;

/// Bytes of JSON that are decoded at once.
const PIECE_BYTES: usize = 8 << 20;

/// All events.
pub(super) struct Events {
    pub(super) columns: Columns,
    pub(super) entities: [EntityList; GROUP_COUNT],
    /// The entities of the user that is asked for.
    pub(super) user: HashSet<i32>,
    /// The user's principal name.
    pub(super) user_name: String,
    /// The identifier that is asked for.
    pub(super) id: Id,
    /// One day before the newest event, µs.
    pub(super) day_ago: i64,
}

impl Events {
    pub(super) fn len(&self) -> usize {
        self.columns.id.len()
    }

    /// The name of an entity.
    pub(super) fn text(&self, group: Group, key: i32, field: FieldId) -> String {
        cell::find(self.entities[group as usize].get(key as u32), field).to_string()
    }

    /// Compares an answer with one computed from memory.
    pub(super) fn check(&self, question: Question, answer: Answer) -> anyhow::Result<()> {
        let c = &self.columns;
        let rows = || 0..self.len();
        let newest = |wanted: &dyn Fn(usize) -> bool| -> Answer {
            let mut found: Vec<(i64, Id)> = rows()
                .filter(|&row| wanted(row))
                .map(|row| (c.created[row].micros, c.id[row]))
                .collect();
            found.sort_unstable_by(|a, b| b.cmp(a));
            found.truncate(super::read::PAGE);
            Answer::of_times(found.iter().map(|(time, _)| *time))
        };
        let expected = match question {
            Question::Newest => newest(&|row| c.created[row].micros > self.day_ago),
            Question::User => {
                let actors = &c.keys[Group::Actor as usize];
                newest(&|row| {
                    c.log[row] <= Log::NonInteractiveUser as u8
                        && self.user.contains(&(actors[row] as i32))
                })
            }
            Question::Id => newest(&|row| c.id[row] == self.id),
            Question::Applications => {
                let mut counts = vec![0_i64; self.entities[Group::Application as usize].len()];
                c.keys[Group::Application as usize].iter().for_each(|&k| counts[k as usize] += 1);
                let name = |key| self.text(Group::Application, key, FieldId::AppDisplayName);
                let mut by_name = hashbrown::HashMap::<String, i64>::new();
                for (key, count) in counts.into_iter().enumerate() {
                    *by_name.entry(name(key as i32)).or_default() += count;
                }
                Answer::of_times(by_name.into_values())
            }
        };
        anyhow::ensure!(expected == answer, "{question:?}: {answer:?} is not {expected:?}");
        Ok(())
    }
}

/// Makes and decodes events.
pub(super) fn collect(events: u64, days: u32, seed: u64) -> anyhow::Result<Events> {
    let tenant = Arc::new(Tenant::new(seed, TenantOptions::for_events(events * 6 / 5, days)));
    let range = Moment::from_day(FIRST_DAY)..Moment::from_day(FIRST_DAY + i64::from(days));
    let mut stream = tenant.events(range);
    let mut decoder = Decoder::new(Options::new(Timestamp::now()));
    let mut all = (Columns::default(), std::array::from_fn(|_| EntityList::default()));
    let mut json = Vec::with_capacity(PIECE_BYTES + (64 << 10));
    let mut left = events;
    while left > 0 {
        json.clear();
        while json.len() < PIECE_BYTES && left > 0 {
            if stream.write_next(&mut json).is_none() {
                left = 0;
                break;
            }
            json.push(b'\n');
            left -= 1;
        }
        let mut collected = Collected::default();
        decoder.decode_bytes("generated", &json, &mut collected)?;
        anyhow::ensure!(collected.rejections.is_empty(), "a generated record was rejected");
        collected.batches.iter().for_each(|batch| take(batch, &mut all));
    }
    choose(all.0, all.1)
}

fn take(batch: &EventBatch, (all, entities): &mut (Columns, [EntityList; GROUP_COUNT])) {
    let c = &batch.columns;
    all.log.extend_from_slice(&c.log);
    all.created.extend_from_slice(&c.created);
    all.published.extend_from_slice(&c.published);
    all.id.extend_from_slice(&c.id);
    all.correlation_id.extend_from_slice(&c.correlation_id);
    all.session_id.extend_from_slice(&c.session_id);
    all.original_request_id.extend_from_slice(&c.original_request_id);
    all.processing_time_ms.extend_from_slice(&c.processing_time_ms);
    all.duration_ms.extend_from_slice(&c.duration_ms);
    all.refs.extend_from_slice(&c.refs);
    all.extra.extend_from_slice(&c.extra);
    for (group, entities) in entities.iter_mut().enumerate() {
        let list = &batch.entities[group];
        let lasting: Vec<u32> =
            (0..list.len() as u32).map(|n| entities.intern(list.get(n))).collect();
        all.keys[group].extend(c.keys[group].iter().map(|&local| lasting[local as usize]));
    }
}

/// Picks what is asked for: the user of an event in the middle, and the event.
fn choose(columns: Columns, entities: [EntityList; GROUP_COUNT]) -> anyhow::Result<Events> {
    let middle = columns.id.len() / 2;
    let is_user = |row: &usize| columns.log[*row] == Log::NonInteractiveUser as u8;
    let row = (middle..columns.id.len()).find(is_user).context("no event of a user")?;
    let actors = &entities[Group::Actor as usize];
    let name = |key: u32| cell::find(actors.get(key), FieldId::UserPrincipalName);
    let wanted = name(columns.keys[Group::Actor as usize][row]);
    let user_name = wanted.to_string();
    let user = (0..actors.len() as u32).filter(|&key| name(key) == wanted).map(|key| key as i32);
    let newest = columns.created.iter().map(|time| time.micros).max().unwrap_or_default();
    let (user, id, day_ago) = (user.collect(), columns.id[row], newest - DAY_MICROS);
    Ok(Events { columns, entities, user, user_name, id, day_ago })
}
