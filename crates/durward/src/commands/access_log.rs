//! `durward access-log`: who looked at what.
//!
//! Works while a server runs: the log can be read and written by several processes.

use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use durward_journal::{
    Action, Chain, Journal, LIST_MAX, Query, Recorded, Verified, write_csv, write_csv_header,
    write_json,
};
use durward_model::Timestamp;
use durward_query::search;
use serde_json::{Value, json};

use crate::cli::Common;
use crate::operator::Look;
use crate::{bad_usage, data, output};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// From this time on: 2026-03-01, 2026-03-01T08:00:00Z, -24h, -7d
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Up to this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Only by those whose name, identifier or token has this in it
    #[arg(long, value_name = "TEXT")]
    actor: Option<String>,
    /// Only this
    #[arg(long, value_name = "ACTION", value_parser = actions())]
    action: Option<Action>,
    /// Only where the question, what it was about, the route or the address has this in it
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Only the newest so many [default: 50 for a table, else all, oldest first]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Check that no entry was changed or removed, and print the head of the chain
    #[arg(long, conflicts_with_all = ["from", "to", "actor", "action", "text", "limit", "format"])]
    verify: bool,
    /// With --verify, a head that was printed earlier: also finds entries cut off at the end
    #[arg(long, value_name = "HEAD", requires = "verify")]
    noted: Option<Chain>,
}

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Some columns, newest first
    Table,
    /// Comma-separated values
    Csv,
    /// One JSON object a line
    Ndjson,
}

/// Rows of a table unless another number is asked for.
const TABLE_ROWS: usize = 50;

fn actions() -> impl TypedValueParser<Value = Action> {
    let names = PossibleValuesParser::new(Action::ALL.iter().map(|action| action.name()));
    names.map(|name| Action::from_name(&name).unwrap_or(Action::Unknown))
}

/// Shows it, or checks it.
pub(crate) fn run(args: &Args, common: &Common) -> Result<()> {
    let dir = data::dir(common.data.as_deref())?;
    let journal = Journal::open_existing(&dir)?;
    let journal = journal.with_context(|| format!("{} has no access log yet", dir.display()))?;
    if args.verify {
        return report(&journal.verify(args.noted)?, common.json);
    }
    drop(journal);
    show(args, &dir, if common.json { Format::Ndjson } else { args.format })
}

/// The head and what it is good for.
fn report(verified: &Verified, is_json: bool) -> Result<()> {
    if is_json {
        return output::json(&as_json(verified));
    }
    let time = |time: Option<Timestamp>| time.map_or("-".to_owned(), Timestamp::to_rfc3339);
    output::line(format_args!(
        "{} entries from {} to {} agree with their chain\n\
         head {}\n\
         Note the head elsewhere: given to --noted later, it shows that nothing up to here was \
         removed or written anew.",
        output::count(verified.entries),
        time(verified.first),
        time(verified.last),
        verified.head
    ))
}

/// A log that was verified, as a program reads it.
fn as_json(verified: &Verified) -> Value {
    json!({
        "entries": verified.entries,
        "first": verified.first.map(Timestamp::to_rfc3339),
        "last": verified.last.map(Timestamp::to_rfc3339),
        "head": verified.head.to_string(),
    })
}

/// Checks the log of a data directory, for `durward verify`: nothing if there is none, and what is
/// wrong if something is.
pub(crate) fn check(dir: &Path) -> Result<Option<Result<Value, String>>> {
    let Some(journal) = Journal::open_existing(dir)? else { return Ok(None) };
    Ok(Some(match journal.verify(None) {
        Ok(verified) => Ok(as_json(&verified)),
        Err(error) => Err(error.to_string()),
    }))
}

fn show(args: &Args, dir: &Path, format: Format) -> Result<()> {
    let look = Look::begin(dir, "access-log")?;
    let mut query = query(args)?;
    // What is added from here on, such as this look itself, is not shown.
    let newest = look.journal().list(&Query { limit: Some(1), ..Query::default() })?;
    query.before_seq = Some(newest.first().map_or(1, |newest| newest.seq.saturating_add(1)));
    let limit = match (args.limit, format) {
        (None, Format::Table) => Some(TABLE_ROWS),
        (limit, _) => limit,
    };
    let found = usize::try_from(look.journal().count(&query)?)?;
    let rows = limit.map_or(found, |limit| limit.min(found));
    look.record(Action::AccessLog, Some(rows), 200)?;

    let mut out = output::stdout();
    let journal = look.journal();
    match format {
        Format::Table => {
            let is_terminal = output::is_terminal();
            let mut table = output::Table::new(COLUMNS);
            each(journal, query, limit, |one| {
                table.row(cells(&one));
                Ok(())
            })?;
            table.write(&mut out, is_terminal)?;
            if is_terminal && rows < found {
                writeln!(out, "… the newest {rows} of {found}; --limit N shows more")?;
            }
        }
        Format::Csv => {
            let mut line = String::new();
            write_csv_header(&mut line);
            out.write_all(line.as_bytes())?;
            each(journal, query, limit, |one| {
                line.clear();
                write_csv(&one, &mut line);
                Ok(out.write_all(line.as_bytes())?)
            })?;
        }
        Format::Ndjson => {
            let mut line = String::new();
            each(journal, query, limit, |one| {
                line.clear();
                write_json(&one, &mut line);
                line.push('\n');
                Ok(out.write_all(line.as_bytes())?)
            })?;
        }
    }
    Ok(out.flush()?)
}

/// Hands over the newest so many, newest first, or all, oldest first.
fn each(
    journal: &Journal,
    mut query: Query,
    limit: Option<usize>,
    mut take: impl FnMut(Recorded) -> Result<()>,
) -> Result<()> {
    let Some(mut left) = limit else { return journal.for_each(&query, take) };
    while left > 0 {
        query.limit = Some(left.min(LIST_MAX));
        let page = journal.list(&query)?;
        let Some(last) = page.last() else { break };
        query.before_seq = Some(last.seq);
        left -= page.len();
        page.into_iter().try_for_each(&mut take)?;
    }
    Ok(())
}

fn query(args: &Args) -> Result<Query> {
    let now = Timestamp::now();
    let span = |option: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => search::span(text.trim(), now).map(Some).ok_or_else(|| {
            let examples = "2026-03-01, 2026-03-01T08:00:00Z or -24h";
            bad_usage(format!("{option}: `{text}` is not a time such as {examples}"))
        }),
    };
    Ok(Query {
        from: span("--from", &args.from)?.map(|(from, _)| from),
        to: span("--to", &args.to)?.map(|(_, to)| to),
        actor: args.actor.clone(),
        action: args.action,
        text: args.text.clone(),
        ..Query::default()
    })
}

/// Columns of the table.
const COLUMNS: [&str; 10] =
    ["at", "kind", "actor", "action", "rows", "status", "address", "route", "query", "target"];

fn cells(one: &Recorded) -> Vec<String> {
    let entry = &one.entry;
    let actor = match &entry.actor.token {
        Some(token) => format!("{} ({token})", entry.actor.name),
        None => entry.actor.name.clone(),
    };
    vec![
        entry.at.to_rfc3339(),
        entry.actor.kind.to_string(),
        actor,
        entry.action.to_string(),
        entry.rows.map_or(String::new(), |rows| rows.to_string()),
        entry.status.to_string(),
        entry.address.clone().unwrap_or_default(),
        entry.route.clone(),
        entry.query.clone(),
        entry.target.clone().unwrap_or_default(),
    ]
}
