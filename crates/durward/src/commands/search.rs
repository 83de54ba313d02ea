//! `durward search`: sign-ins on standard output.

use std::io::Write;

use anyhow::Result;
use durward_journal::Action;
use durward_model::columns::{self, Column, text};
use durward_model::graph::{GraphOptions, Version, write_event};
use durward_model::{Cell, Event, Log};
use serde_json::{Map, Value};

use crate::cli::Common;
use crate::operator::Look;
use crate::question::{Question, Span};
use crate::{bad_usage, data, output};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to look for, as one argument: 'status:failure user:maria -country:DE code:50126,50053'
    #[arg(value_name = "FILTER", default_value = "", allow_hyphen_values = true)]
    #[arg(hide_default_value = true)]
    filter: String,
    #[command(flatten)]
    span: Span,
    /// Most sign-ins to list
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    /// Columns to show, with commas; docs/fields.md has their names
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    columns: Vec<String>,
}

/// Columns of the table unless others are named.
const COLUMNS: [&str; 8] = [
    "createdDateTime",
    "status",
    "status/errorCode",
    "actor",
    "appDisplayName",
    "resourceDisplayName",
    "ipAddress",
    "location",
];

/// Lists what was found, newest first.
pub(crate) fn run(args: &Args, common: &Common) -> Result<()> {
    let question = Question::new(&args.filter, &args.span, &Log::SIGN_INS)?;
    let columns = columns(&args.columns)?;
    let dir = data::dir(common.data.as_deref())?;
    let store = data::open_existing(&dir)?;
    let look = Look::begin(&dir, "search")?;
    let recorded = |events: &[Event]| look.record(Action::List, Some(events.len()), 200);
    let view = store.view();
    let mut out = output::stdout();
    if common.json {
        let named = (!args.columns.is_empty()).then_some(columns.as_slice());
        question.each_latest(&view, args.limit, |events| {
            recorded(events)?;
            write_json(events, named, &mut out)
        })?;
        return Ok(out.flush()?);
    }
    let is_terminal = output::is_terminal();
    // People read labels, programs names.
    let headings = columns.iter().map(|one| if is_terminal { one.label } else { one.name });
    let mut table = output::Table::new(headings);
    let mut found = 0;
    question.each_latest(&view, args.limit, |events| {
        recorded(events)?;
        for event in events {
            found += 1;
            let cells = columns.iter().map(|column| match is_terminal {
                true => text::short(column, event),
                false => text::complete(column, event).into_owned(),
            });
            table.row(cells.collect());
        }
        Ok(())
    })?;
    table.write(&mut out, is_terminal)?;
    if is_terminal && found == args.limit {
        writeln!(out, "… the newest {found}; --limit N shows more")?;
    } else if is_terminal && found == 0 {
        writeln!(out, "nothing found in {} events", output::count(view.live_rows(&question.logs)))?;
    }
    Ok(out.flush()?)
}

fn columns(named: &[String]) -> Result<Vec<&'static Column>> {
    if named.is_empty() {
        return Ok(COLUMNS.iter().filter_map(|name| columns::by_name(name)).collect());
    }
    named
        .iter()
        .map(|name| {
            columns::by_name(name.trim()).ok_or_else(|| {
                bad_usage(format!("there is no column `{name}`; docs/fields.md lists them"))
            })
        })
        .collect()
}

/// Events as JSON Lines: whole, or only some columns.
fn write_json(
    events: &[Event],
    columns: Option<&[&'static Column]>,
    out: &mut impl Write,
) -> Result<()> {
    let options = GraphOptions::new(Version::Beta);
    let mut line = String::new();
    for event in events {
        line.clear();
        match columns {
            None => write_event(event, &options, &mut line),
            Some(columns) => {
                let members = columns.iter().map(|one| (one.name.to_owned(), value(one, event)));
                line = Value::Object(members.collect::<Map<_, _>>()).to_string();
            }
        }
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

fn value(column: &Column, event: &Event) -> Value {
    match text::value(column, event) {
        Cell::Null => Value::Null,
        Cell::Int(value) => value.into(),
        Cell::Float(value) => value.into(),
        Cell::Bool(value) => value.into(),
        Cell::Time(time) => time.to_rfc3339().into(),
        Cell::Text(json) if column.kind.is_json() => {
            serde_json::from_str(&json).unwrap_or_else(|_| json.into_owned().into())
        }
        Cell::Text(text) => text.into_owned().into(),
    }
}
