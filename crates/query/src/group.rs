//! Grouped lists: repeating sign-ins of one kind within one window of time as one row.
//!
//! | log | rows merge when equal |
//! | --- | --- |
//! | non-interactive | tenant, application, user, address, status, resource |
//! | service principal | tenant, service principal, status, address, resource |
//! | managed identity | tenant, identity, status, resource |
//!
//! Users, applications, resources and principals are known by identifier, or by name where there
//! is none. Windows are whole 1, 6 or 24 hours of UTC. The order is: windows newest first, within
//! one the groups by the first 32 bytes of their user's or principal's folded text, then by a hash
//! of all values. That order never depends on members, so new sign-ins move no group from one
//! page to another (PAGE-2).

use std::cmp::Reverse;

use durward_model::errors::Status;
use durward_model::field::Group;
use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use durward_model::{FieldId, Log, Timestamp};
use durward_store::{RowRef, View};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::budget::{Budget, Meter};
use crate::columns::Columns;
use crate::cursor::{self, CursorError};
use crate::engine::Engine;
use crate::error::QueryError;
use crate::filter::{Expr, Filter, Op, Property, Value};
use crate::fold::fold;
use crate::group_key::{Keys, Parts};
use crate::mix::Mix;
use crate::plan::Plan;
use crate::scan::{Block, Scan};
use crate::values::{ValueOrder, ZERO_GUID};

/// A log whose sign-ins are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grouping {
    /// Non-interactive user sign-ins.
    NonInteractive,
    /// Service principal sign-ins.
    ServicePrincipal,
    /// Managed identity sign-ins.
    ManagedIdentity,
}

/// Length of the windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// One hour.
    H1,
    /// Six hours, from 0, 6, 12 and 18 o'clock UTC.
    H6,
    /// A day of UTC.
    D1,
}

impl Grouping {
    /// The log it groups.
    pub fn log(self) -> Log {
        match self {
            Grouping::NonInteractive => Log::NonInteractiveUser,
            Grouping::ServicePrincipal => Log::ServicePrincipal,
            Grouping::ManagedIdentity => Log::ManagedIdentity,
        }
    }

    /// The grouping of a log, if its sign-ins are grouped.
    pub fn of_log(log: Log) -> Option<Grouping> {
        let all = [Grouping::NonInteractive, Grouping::ServicePrincipal, Grouping::ManagedIdentity];
        all.into_iter().find(|grouping| grouping.log() == log)
    }

    /// What besides window and status must be equal: for each part the identifier, and the name
    /// that stands in where there is none. The first part is the one groups are ordered by.
    pub(crate) fn parts(self) -> &'static [&'static [FieldId]] {
        const USER: &[FieldId] = &[FieldId::UserId, FieldId::UserPrincipalName];
        const PRINCIPAL: &[FieldId] = &[FieldId::ServicePrincipalId, FieldId::ServicePrincipalName];
        const APPLICATION: &[FieldId] = &[FieldId::AppId, FieldId::AppDisplayName];
        const RESOURCE: &[FieldId] = &[FieldId::ResourceId, FieldId::ResourceDisplayName];
        const ADDRESS: &[FieldId] = &[FieldId::IpAddress];
        const TENANT: &[FieldId] = &[FieldId::TenantId];
        match self {
            Grouping::NonInteractive => &[USER, APPLICATION, RESOURCE, ADDRESS, TENANT],
            Grouping::ServicePrincipal => &[PRINCIPAL, RESOURCE, ADDRESS, TENANT],
            Grouping::ManagedIdentity => &[PRINCIPAL, RESOURCE, TENANT],
        }
    }
}

impl Window {
    /// Its length in microseconds.
    pub fn micros(self) -> i64 {
        match self {
            Window::H1 => HOUR_MICROS,
            Window::H6 => 6 * HOUR_MICROS,
            Window::D1 => DAY_MICROS,
        }
    }

    /// The window of Graph's name (`h1`, `h6`, `d1`) or of a number of hours.
    pub fn from_name(name: &str) -> Option<Window> {
        match name.to_ascii_lowercase().as_str() {
            "h1" | "1" | "1h" => Some(Window::H1),
            "h6" | "6" | "6h" => Some(Window::H6),
            "d1" | "24" | "24h" => Some(Window::D1),
            _ => None,
        }
    }
}

/// Which groups to list.
#[derive(Clone, Debug)]
pub struct GroupRequest {
    /// Which log, and by what.
    pub grouping: Grouping,
    /// How long the windows are.
    pub window: Window,
    /// What the members must fulfil.
    pub filter: Filter,
    /// Most groups of a page.
    pub limit: usize,
    /// Where the page before ended; see [`GroupPosition::from_token`].
    pub after: Option<GroupPosition>,
}

/// A group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRow {
    /// What it is known by, enough to find its members.
    pub key: GroupKey,
    /// How many sign-ins it has.
    pub count: u64,
    /// The earliest member's `createdDateTime`, in whole microseconds.
    pub first: Timestamp,
    /// The latest member's `createdDateTime`, in whole microseconds.
    pub last: Timestamp,
    /// The latest member. It belongs to the view the page was made from.
    pub newest: RowRef,
}

/// What a group is known by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupKey {
    /// The log.
    pub log: Log,
    /// Start of the window, µs since 1970.
    pub start_micros: i64,
    /// Length of the window, µs.
    pub window_micros: i64,
    /// Field and value of each part, in the grouping's order; an empty text for no value.
    pub values: Vec<(FieldNumber, String)>,
    /// Status.
    pub status: Status,
}

/// A field by its number in the catalogue, which never changes.
pub type FieldNumber = u8;

/// One page of groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupPage {
    /// The groups, in order.
    pub rows: Vec<GroupRow>,
    /// Where to continue; `None` where this is all.
    pub next: Option<GroupPosition>,
}

/// The place of a group in a list of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupPosition {
    /// Newest windows come first.
    start: Reverse<i64>,
    prefix: [u64; 4],
    hash: u128,
}

/// Most groups of one page, whatever is asked for.
pub const GROUPS_MAX: usize = 5_000_000;
/// Windows looked at first when a page is small; doubled until the page is full.
const WINDOWS_FIRST: i64 = 1;

impl GroupPosition {
    pub(crate) fn new(start: i64, values: &[ValueOrder], status: u8) -> GroupPosition {
        let mut all = Vec::with_capacity(64);
        for value in values {
            all.extend_from_slice(&value.hash.to_le_bytes());
        }
        all.push(status);
        let prefix = values.first().map_or([0; 4], |first| first.prefix);
        GroupPosition { start: Reverse(start), prefix, hash: xxh3_128(&all) }
    }

    /// The position as an opaque token for a question (see [`cursor::question`]).
    pub fn to_token(&self, question: u64) -> String {
        let mut body = self.start.0.to_le_bytes().to_vec();
        body.extend_from_slice(&self.hash.to_le_bytes());
        for word in self.prefix {
            body.extend_from_slice(&word.to_le_bytes());
        }
        cursor::seal(&body, question)
    }

    /// The position that a token for this question holds.
    pub fn from_token(token: &str, question: u64) -> Result<GroupPosition, CursorError> {
        let body = cursor::open(token, question)?;
        let (start, rest) = body.split_first_chunk::<8>().ok_or(CursorError::Invalid)?;
        let (hash, prefix) = rest.split_first_chunk::<16>().ok_or(CursorError::Invalid)?;
        let prefix: &[u8; 32] = prefix.try_into().map_err(|_| CursorError::Invalid)?;
        let (words, _) = prefix.as_chunks::<8>();
        Ok(GroupPosition {
            start: Reverse(i64::from_le_bytes(*start)),
            prefix: std::array::from_fn(|index| u64::from_le_bytes(words[index])),
            hash: u128::from_le_bytes(*hash),
        })
    }
}

impl GroupKey {
    /// The events that belong to the group, as far as the key tells: add the filter that the
    /// groups were made with. List them from [`GroupKey::log`].
    pub fn members(&self) -> Filter {
        let end = Timestamp::from_micros(self.start_micros.saturating_add(self.window_micros));
        let mut all = Filter::between(Timestamp::from_micros(self.start_micros), end);
        let status = Value::Text(self.status.name().to_owned());
        all = all.and(Filter::test(Property::Status, Op::Eq(status)));
        let parts = Grouping::of_log(self.log).map_or(&[][..], Grouping::parts);
        for (fields, (number, text)) in parts.iter().zip(&self.values) {
            for &field in *fields {
                let known = !text.is_empty() && field as u8 == *number;
                if known {
                    all = all.and(Filter::field(field, Op::Eq(Value::Text(text.clone()))));
                    break;
                }
                // An earlier field would have been taken if it had a value.
                let empty = Filter::field(field, Op::Empty);
                let zero = Filter::field(field, Op::Eq(Value::Text(ZERO_GUID.to_owned())));
                let none = if fields.len() > 1 { Expr::Or(vec![empty, zero]) } else { empty };
                all = all.and(none);
            }
        }
        all
    }

    /// The key as text for a URL.
    pub fn to_token(&self) -> String {
        use base64::Engine as _;
        let json = serde_json::to_vec(self).unwrap_or_default();
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json)
    }

    /// The key from [`GroupKey::to_token`]'s text.
    pub fn from_token(token: &str) -> Result<GroupKey, CursorError> {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token);
        let key: GroupKey = bytes
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or(CursorError::Invalid)?;
        let parts = Grouping::of_log(key.log).map_or(0, |grouping| grouping.parts().len());
        if parts == 0 || key.values.len() != parts {
            return Err(CursorError::Invalid);
        }
        Ok(key)
    }
}

/// What is known of a group while its members are counted.
#[derive(Clone, Copy, Debug)]
struct Tally {
    count: u64,
    first: i64,
    last: i64,
    newest: RowRef,
}

impl Tally {
    fn merge(&mut self, other: Tally) {
        self.count += other.count;
        self.first = self.first.min(other.first);
        if (other.last, other.newest) > (self.last, self.newest) {
            (self.last, self.newest) = (other.last, other.newest);
        }
    }
}

type Tallies<K> = HashMap<K, Tally, Mix>;

impl Engine {
    /// One page of groups.
    pub fn groups(
        &self,
        view: &View,
        request: &GroupRequest,
        budget: &Budget,
    ) -> Result<GroupPage, QueryError> {
        let meter = Meter::start(budget);
        let logs = [request.grouping.log()];
        let mut plan = Plan::new(self, view, &request.filter, &logs, &meter)?;
        let window = request.window.micros();
        if let Some(after) = &request.after {
            let end = after.start.0.saturating_add(window).saturating_sub(1);
            plan.to = plan.to.min(end);
        }
        let limit = request.limit.clamp(1, GROUPS_MAX);
        let keys = Keys::new(self, view, request.grouping)?;
        let mut page = GroupPage::default();
        let (earliest, mut windows) = (plan.from, WINDOWS_FIRST);
        // A page that could hold everything is made in one go.
        if limit > 10_000 {
            windows = i64::MAX;
        }
        while let Some(newest) = newest_within(view, &plan)? {
            meter.check()?;
            let slab = newest.div_euclid(window).saturating_sub(windows.saturating_sub(1));
            plan.from = earliest.max(slab.saturating_mul(window));
            let scan = Scan { view, plan: &plan, meter: &meter };
            let need = Need { after: request.after, most: limit + 1 - page.rows.len(), window };
            let narrow = keys.fits_u128(window, plan.from.max(oldest(view)), newest);
            let found = if narrow {
                collect::<u128>(self, &scan, &keys, need)?
            } else {
                collect::<[u64; 4]>(self, &scan, &keys, need)?
            };
            page.rows.extend(found);
            if page.rows.len() > limit {
                page.rows.truncate(limit);
                page.next = page.rows.last().map(|last| last.key.position());
                break;
            }
            if plan.from <= earliest {
                break;
            }
            plan.to = plan.from - 1;
            plan.from = earliest;
            windows = windows.saturating_mul(2);
        }
        Ok(page)
    }
}

impl GroupKey {
    fn position(&self) -> GroupPosition {
        let order = |(number, text): &(FieldNumber, String)| {
            let field = FieldId::from_number(*number).unwrap_or(FieldId::Id);
            ValueOrder::new(field, &fold(text))
        };
        let values: Vec<ValueOrder> = self.values.iter().map(order).collect();
        GroupPosition::new(self.start_micros, &values, self.status as u8)
    }
}

/// Which groups of a scan are needed.
#[derive(Clone, Copy)]
struct Need {
    after: Option<GroupPosition>,
    most: usize,
    window: i64,
}

/// The newest time a matching row can have.
fn newest_within(view: &View, plan: &Plan) -> Result<Option<i64>, QueryError> {
    let mut newest = None;
    for chunk in &view.chunks {
        if newest.is_some_and(|newest| chunk.max_micros() <= newest) {
            break;
        }
        if plan.may_match(chunk)? {
            newest = newest.max(Some(chunk.max_micros().min(plan.to)));
        }
    }
    Ok(newest)
}

/// The oldest time of any row.
fn oldest(view: &View) -> i64 {
    view.chunks.iter().map(|chunk| chunk.min_micros()).min().unwrap_or(0)
}

/// Groups all rows of the plan; gives the first groups, in order.
fn collect<K: Parts>(
    engine: &Engine,
    scan: &Scan<'_>,
    keys: &Keys,
    need: Need,
) -> Result<Vec<GroupRow>, QueryError> {
    let chunks: Vec<usize> = (0..scan.view.chunks.len()).collect();
    let states = scan.parallel(&chunks, engine.options, Tallies::<K>::default, |all, block| {
        tally(all, block, keys, need.window)?;
        if all.len() > GROUPS_MAX {
            return Err(QueryError::Results(GROUPS_MAX));
        }
        Ok(())
    })?;
    let mut states = states.into_iter();
    let mut all = states.next().unwrap_or_default();
    for other in states {
        for (key, tally) in other {
            all.entry(key).and_modify(|own| own.merge(tally)).or_insert(tally);
        }
    }
    scan.meter.check()?;
    let mut found: Vec<(GroupPosition, K, Tally)> = all
        .into_iter()
        .map(|(key, tally)| (keys.position(&key.unpack(&keys.bits), need.window), key, tally))
        .filter(|(position, ..)| need.after.is_none_or(|after| *position > after))
        .collect();
    if found.len() > need.most {
        found.select_nth_unstable_by(need.most, |a, b| a.0.cmp(&b.0));
        found.truncate(need.most);
    }
    found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let row = |(_, key, tally): (GroupPosition, K, Tally)| GroupRow {
        key: keys.group_key(&key.unpack(&keys.bits), need.window),
        count: tally.count,
        first: Timestamp::from_micros(tally.first),
        last: Timestamp::from_micros(tally.last),
        newest: tally.newest,
    };
    Ok(found.into_iter().map(row).collect())
}

fn tally<K: Parts>(
    all: &mut Tallies<K>,
    block: &Block<'_>,
    keys: &Keys,
    window: i64,
) -> Result<(), QueryError> {
    let columns: &Columns<'_> = block.columns;
    let created = columns.created()?;
    let outcomes = columns.keys(Group::Outcome)?;
    let mut parts = Vec::with_capacity(keys.parts.len());
    for (table, group) in &keys.parts {
        parts.push((&**table, columns.keys(*group)?));
    }
    // Rows come newest first, so the window changes rarely and a division a row is spared.
    let (mut start, mut number) = (i64::MAX, 0);
    for row in block.rows() {
        let micros = created[row];
        if micros < start || micros - start >= window {
            number = micros.div_euclid(window);
            start = number.saturating_mul(window);
        }
        let mut packer = K::packer(number, keys.statuses.number(outcomes[row]));
        for (index, (table, of)) in parts.iter().enumerate() {
            K::add(&mut packer, table.number(of[row]), keys.bits[index], index);
        }
        let newest = columns.row_ref(row);
        let one = Tally { count: 1, first: micros, last: micros, newest };
        all.entry(packer).and_modify(|tally| tally.merge(one)).or_insert(one);
    }
    Ok(())
}
