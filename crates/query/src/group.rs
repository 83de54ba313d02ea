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
use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use durward_model::errors::Status;
use durward_model::field::Group;
use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use durward_model::{FieldId, Log, Timestamp};
use durward_store::{RowRef, View};
use hashbrown::HashMap;

use crate::budget::{Budget, Meter};
use crate::columns::Columns;
use crate::cursor::{self, CursorError};
use crate::engine::Engine;
use crate::error::QueryError;
use crate::filter::{Expr, Filter, Op, Property, Value};
use crate::fold::fold;
use crate::group_key::{Keys, Parts, spell};
use crate::mix::Mix;
use crate::plan::Plan;
use crate::scan::{Block, Scan, in_parallel};
use crate::seen::Seen;
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupKey {
    /// The log.
    pub log: Log,
    /// Start of the window, µs since 1970.
    pub start_micros: i64,
    /// Length of the window, µs.
    pub window_micros: i64,
    /// What its members have in common, in the grouping's order.
    pub values: Vec<GroupValue>,
    /// Status.
    pub status: Status,
}

/// One value of a group, and the field it was taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupValue {
    /// The identifier's field, or the name's where there is no identifier.
    pub field: FieldId,
    /// The value; empty where there is none.
    pub text: Arc<str>,
}

/// A key as it is written into URLs: log, start, window, values with the numbers of their fields,
/// status.
type WrittenKey = (Log, i64, i64, Vec<(u8, String)>, Status);

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
/// A hash with one more value in it. The values are good hashes already.
fn mixed(hash: u128, value: u64) -> u128 {
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let mixed = (hash ^ u128::from(value)).wrapping_mul(ODD);
    mixed ^ (mixed >> 67)
}

impl GroupPosition {
    pub(crate) fn new(
        start: i64,
        values: impl Iterator<Item = ValueOrder>,
        status: u8,
    ) -> GroupPosition {
        let (mut prefix, mut hash) = (None, 0);
        for value in values {
            prefix.get_or_insert(value.prefix);
            hash = mixed(hash, value.hash);
        }
        let hash = mixed(hash, u64::from(status));
        GroupPosition { start: Reverse(start), prefix: prefix.unwrap_or_default(), hash }
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

    /// The position that a token for this question holds. Filter, grouping and window are parts
    /// of the question.
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
        for (fields, value) in parts.iter().zip(&self.values) {
            for &field in *fields {
                if !value.text.is_empty() && field == value.field {
                    let text = Value::Text(value.text.to_string());
                    all = all.and(Filter::field(field, Op::Eq(text)));
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
        let values = self.values.iter().map(|v| (v.field as u8, v.text.to_string())).collect();
        let written: WrittenKey =
            (self.log, self.start_micros, self.window_micros, values, self.status);
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&written).unwrap_or_default())
    }

    /// The key from [`GroupKey::to_token`]'s text.
    pub fn from_token(token: &str) -> Result<GroupKey, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| CursorError::Invalid)?;
        let written: WrittenKey =
            serde_json::from_slice(&bytes).map_err(|_| CursorError::Invalid)?;
        let (log, start_micros, window_micros, values, status) = written;
        let parts = Grouping::of_log(log).map_or(&[][..], Grouping::parts);
        if parts.is_empty() || values.len() != parts.len() {
            return Err(CursorError::Invalid);
        }
        let mut known = Vec::with_capacity(values.len());
        for ((number, text), fields) in values.into_iter().zip(parts) {
            let field = fields.iter().find(|field| **field as u8 == number);
            let field = *field.ok_or(CursorError::Invalid)?;
            known.push(GroupValue { field, text: text.into() });
        }
        Ok(GroupKey { log, start_micros, window_micros, values: known, status })
    }

    fn position(&self) -> GroupPosition {
        let order = |value: &GroupValue| ValueOrder::new(value.field, &fold(&value.text));
        GroupPosition::new(self.start_micros, self.values.iter().map(order), self.status as u8)
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
        Seen::all(self, view).groups(request, budget)
    }
}

impl Seen<'_> {
    pub(crate) fn groups(
        self,
        request: &GroupRequest,
        budget: &Budget,
    ) -> Result<GroupPage, QueryError> {
        let (view, meter) = (self.view, Meter::start(budget));
        let logs = [request.grouping.log()];
        let mut plan = Plan::new(self, &request.filter, &logs, &meter)?;
        let window = request.window.micros();
        if let Some(after) = &request.after {
            let end = after.start.0.saturating_add(window).saturating_sub(1);
            plan.to = plan.to.min(end);
        }
        let keys = Keys::new(self, request.grouping)?;
        let scan = Scan { view, plan: &plan, meter: &meter };
        let windows = windows(&scan, window)?;
        let limit = request.limit.clamp(1, GROUPS_MAX);
        let mut page = GroupPage::default();
        // The newest window often fills a page; a page that could hold everything gets all.
        let mut slab = if limit > LARGE_PAGE { usize::MAX } else { 1 };
        let mut rest = &windows[..];
        while !rest.is_empty() && page.next.is_none() {
            let (now, later) = rest.split_at(slab.min(rest.len()));
            let need = Need { after: request.after, most: limit + 1 - page.rows.len(), window };
            let found = if keys.fits_u128() {
                collect::<u128>(self.engine, &scan, &keys, need, now)?
            } else {
                collect::<[u64; 3]>(self.engine, &scan, &keys, need, now)?
            };
            page.rows.extend(found);
            if page.rows.len() > limit {
                page.rows.truncate(limit);
                page.next = page.rows.last().map(|last| last.key.position());
            }
            rest = later;
            slab = slab.saturating_mul(2);
        }
        if self.limit.is_some() {
            for row in &mut page.rows {
                spell(self, row.newest, &mut row.key.values)?;
            }
        }
        Ok(page)
    }
}

/// A page of more groups than that is made in one go.
const LARGE_PAGE: usize = 10_000;

/// A window: its number, counted from 1970, and the chunks with rows in it.
type WindowChunks = (i64, Vec<usize>);

/// The windows in which rows can match, newest first.
fn windows(scan: &Scan<'_>, window: i64) -> Result<Vec<WindowChunks>, QueryError> {
    let mut all: BTreeMap<Reverse<i64>, Vec<usize>> = BTreeMap::new();
    let mut places = 0;
    for (index, chunk) in scan.view.chunks.iter().enumerate() {
        if !scan.plan.may_match(chunk)? {
            continue;
        }
        let first = chunk.min_micros().max(scan.plan.from).div_euclid(window);
        let last = chunk.max_micros().min(scan.plan.to).div_euclid(window);
        for number in first..=last {
            places += 1;
            if places > GROUPS_MAX {
                return Err(QueryError::Results(GROUPS_MAX));
            }
            all.entry(Reverse(number)).or_default().push(index);
        }
    }
    Ok(all.into_iter().map(|(Reverse(number), chunks)| (number, chunks)).collect())
}

/// Which groups of a scan are needed.
#[derive(Clone, Copy)]
struct Need {
    after: Option<GroupPosition>,
    most: usize,
    window: i64,
}

/// Groups the rows of some windows; gives the first groups, in order.
fn collect<K: Parts>(
    engine: &Engine,
    scan: &Scan<'_>,
    keys: &Keys,
    need: Need,
    windows: &[WindowChunks],
) -> Result<Vec<GroupRow>, QueryError> {
    let mut touched: Vec<usize> = windows.iter().flat_map(|(_, chunks)| chunks.clone()).collect();
    touched.sort_unstable();
    touched.dedup();
    let rows = touched.iter().map(|&index| scan.view.chunks[index].rows()).sum();
    let new = || (Tallies::<K>::default(), Vec::new());
    let work = |(tallies, found): &mut (Tallies<K>, Vec<_>), number: usize| {
        let (window, chunks) = &windows[number];
        let start = window.saturating_mul(need.window);
        let within = (start, start.saturating_add(need.window - 1));
        tallies.clear();
        for &index in chunks {
            scan.chunk(index, within, &mut |block| tally(tallies, block, keys))?;
            if tallies.len() > GROUPS_MAX {
                return Err(QueryError::Results(GROUPS_MAX));
            }
        }
        found.push((number, first_of_window(tallies, keys, need, start)));
        Ok(())
    };
    let states = in_parallel(windows.len(), rows, engine.options, new, work)?;
    let mut found: Vec<(usize, Vec<GroupRow>)> =
        states.into_iter().flat_map(|(_, found)| found).collect();
    found.sort_unstable_by_key(|(number, _)| *number);
    Ok(found.into_iter().flat_map(|(_, rows)| rows).take(need.most).collect())
}

/// The first groups of a window, in order.
fn first_of_window<K: Parts>(
    tallies: &Tallies<K>,
    keys: &Keys,
    need: Need,
    start: i64,
) -> Vec<GroupRow> {
    let groups: Vec<(GroupPosition, &K, &Tally)> = tallies
        .iter()
        .map(|(key, tally)| (keys.position(&key.unpack(&keys.bits), start), key, tally))
        .filter(|(position, ..)| need.after.is_none_or(|after| *position > after))
        .collect();
    // Small things are sorted fast: the first bytes decide most comparisons.
    let mut order: Vec<(u64, u32)> =
        groups.iter().zip(0..).map(|(group, index)| (group.0.prefix[0], index)).collect();
    let compare = |a: &(u64, u32), b: &(u64, u32)| {
        a.0.cmp(&b.0).then_with(|| groups[a.1 as usize].0.cmp(&groups[b.1 as usize].0))
    };
    if order.len() > need.most {
        order.select_nth_unstable_by(need.most, compare);
        order.truncate(need.most);
    }
    order.sort_unstable_by(compare);
    let row = |(_, index): &(u64, u32)| {
        let (_, key, tally) = &groups[*index as usize];
        GroupRow {
            key: keys.group_key(&key.unpack(&keys.bits), start, need.window),
            count: tally.count,
            first: Timestamp::from_micros(tally.first),
            last: Timestamp::from_micros(tally.last),
            newest: tally.newest,
        }
    };
    order.iter().map(row).collect()
}

/// Adds the rows of a block, all of one window, to their groups.
fn tally<K: Parts>(all: &mut Tallies<K>, block: &Block<'_>, keys: &Keys) -> Result<(), QueryError> {
    let columns: &Columns<'_> = block.columns;
    let created = columns.created()?;
    let outcomes = columns.keys(Group::Outcome)?;
    let mut parts = Vec::with_capacity(keys.parts.len());
    for (table, group) in &keys.parts {
        parts.push((&**table, columns.keys(*group)?));
    }
    for row in block.rows() {
        let mut key = K::packer(keys.statuses.number(outcomes[row]));
        for (index, (table, of)) in parts.iter().enumerate() {
            K::add(&mut key, table.number(of[row]), keys.bits[index], index);
        }
        let (micros, newest) = (created[row], columns.row_ref(row));
        let one = Tally { count: 1, first: micros, last: micros, newest };
        all.entry(key).and_modify(|tally| tally.merge(one)).or_insert(one);
    }
    Ok(())
}
