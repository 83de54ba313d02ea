//! Finding entries.

use durward_model::Timestamp;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;
use rusqlite::{Connection, Statement, params_from_iter};

use crate::database::recorded;
use crate::entry::{Action, Recorded};
use crate::error::JournalError;

/// Most entries of one list.
pub const LIST_MAX: usize = 1000;

/// Which entries. Conditions that are not set do not count; all that are set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// In the actor's identifier, name or token; case does not matter.
    pub actor: Option<String>,
    /// What they did.
    pub action: Option<Action>,
    /// What it was about, exactly.
    pub target: Option<String>,
    /// In the question, route, target, address or request; case does not matter.
    pub text: Option<String>,
    /// Before this entry: the last of the page before, to go on.
    pub before_seq: Option<i64>,
    /// Most entries to list; [`LIST_MAX`] unless set, and never more.
    pub limit: Option<usize>,
}

impl Query {
    /// Conditions in SQL, and their values.
    fn conditions(&self) -> (String, Vec<Value>) {
        let micros = |time: Option<Timestamp>| {
            // Entries have microseconds: within one, only its beginning is before a bound.
            time.map(|time| Value::Integer(time.micros.saturating_add((time.nanos > 0).into())))
        };
        let text = |text: &Option<String>| text.clone().map(Value::Text);
        let lower = |text: &Option<String>| text.as_ref().map(|it| Value::Text(it.to_lowercase()));
        let all = [
            ("seq < ?", self.before_seq.map(Value::Integer)),
            ("at_micros >= ?", micros(self.from)),
            ("at_micros < ?", micros(self.to)),
            ("action = ?", self.action.map(|action| Value::Text(action.name().to_owned()))),
            ("target = ?", text(&self.target)),
            ("has(concat_ws(char(10), actor_id, actor_name, token), ?)", lower(&self.actor)),
            (
                "has(concat_ws(char(10), query, route, target, address, request_id), ?)",
                lower(&self.text),
            ),
        ];
        let set = all.into_iter().filter_map(|(sql, value)| Some((sql, value?)));
        let (sql, values): (Vec<&str>, Vec<Value>) = set.unzip();
        let sql = if sql.is_empty() { "TRUE".to_owned() } else { sql.join(" AND ") };
        (sql, values)
    }
}

/// Makes `has(text, part)` known, which is SQL's LIKE for all alphabets.
fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<Statement<'c>, JournalError> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("has", 2, flags, |context| {
        let text = String::from_utf8_lossy(context.get_raw(0).as_bytes()?).to_lowercase();
        Ok(text.contains(context.get_raw(1).as_str()?))
    })?;
    Ok(connection.prepare(sql)?)
}

/// See [`crate::Journal::list`].
pub(crate) fn list(connection: &Connection, query: &Query) -> Result<Vec<Recorded>, JournalError> {
    let (conditions, values) = query.conditions();
    let limit = query.limit.unwrap_or(LIST_MAX).min(LIST_MAX);
    let sql = format!("SELECT * FROM entry WHERE {conditions} ORDER BY seq DESC LIMIT {limit}");
    let mut statement = prepare(connection, &sql)?;
    let rows = statement.query_map(params_from_iter(values), recorded)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// See [`crate::Journal::for_each`].
pub(crate) fn for_each<E: From<JournalError>>(
    connection: &Connection,
    query: &Query,
    mut take: impl FnMut(Recorded) -> Result<(), E>,
) -> Result<(), E> {
    let sqlite = |error: rusqlite::Error| E::from(error.into());
    let (conditions, values) = query.conditions();
    let sql = format!("SELECT * FROM entry WHERE {conditions} ORDER BY seq");
    let mut statement = prepare(connection, &sql)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(sqlite)?;
    while let Some(row) = rows.next().map_err(sqlite)? {
        take(recorded(row).map_err(sqlite)?)?;
    }
    Ok(())
}

/// See [`crate::Journal::count`].
pub(crate) fn count(connection: &Connection, query: &Query) -> Result<u64, JournalError> {
    let (conditions, values) = query.conditions();
    let sql = format!("SELECT count(*) FROM entry WHERE {conditions}");
    let mut statement = prepare(connection, &sql)?;
    let count: i64 = statement.query_row(params_from_iter(values), |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}
