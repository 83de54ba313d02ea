//! `durward rules`: rules of one's own and Sigma rules, without the pages.
//!
//! Rules are in the database of findings, so they can be changed while a server runs on the
//! directory; `test` reads the log, which only one program at a time can.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use durward_detect::Book;
use durward_detect::rules::{
    Backtest, Compiled, Ground, Loaded, Placeholders, Rule, Shipped, Verdict, backtest, read_file,
    shipped,
};
use durward_journal::Action;
use durward_model::Timestamp;
use durward_model::time::DAY_MICROS;
use durward_query::Engine;
use serde_json::{Value, json};

use crate::cli::Common;
use crate::config::Config;
use crate::{bad_usage, data, operator, output};

/// What to do with rules.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the rules there are
    List,
    /// Show a rule and who changed it
    Show {
        /// Its identifier
        id: String,
    },
    /// List the ready-made rules, or show one as it is written
    Shipped {
        /// Its name
        name: Option<String>,
    },
    /// Run rules over history without keeping them: TOML, JSON, or Sigma's YAML
    Test(Test),
    /// Add rules of files or ready-made ones, or change those with their identifiers
    Add(Add),
    /// Remove a rule; its versions stay in its history
    Remove {
        /// Its identifier
        id: String,
    },
    /// Switch a rule on
    Enable {
        /// Its identifier
        id: String,
    },
    /// Switch a rule off
    Disable {
        /// Its identifier
        id: String,
    },
}

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    #[command(flatten)]
    from: Origin,
    /// How many days of history, up to the newest record
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=400))]
    days: u32,
    #[command(flatten)]
    lists: Lists,
}

/// Arguments of `add`.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    #[command(flatten)]
    from: Origin,
    /// Add those of files switched off
    #[arg(long)]
    disabled: bool,
    /// Add ready-made ones switched on
    #[arg(long, requires = "shipped", conflicts_with = "disabled")]
    enable: bool,
    #[command(flatten)]
    lists: Lists,
}

/// Where rules come from.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Origin {
    /// Files, or directories of them
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A ready-made rule, as `durward rules shipped` lists them, or all; may be given several times
    #[arg(long, value_name = "NAME|all")]
    shipped: Vec<String>,
}

impl Origin {
    /// The ready-made rules that are named.
    fn shipped(&self) -> Result<Vec<&'static Shipped>> {
        let mut named = Vec::new();
        for name in &self.shipped {
            match shipped().iter().find(|one| one.name == name) {
                Some(one) => named.push(one),
                None if name == "all" => named.extend(shipped()),
                None => return Err(unknown(name)),
            }
        }
        Ok(named)
    }
}

fn unknown(name: &str) -> anyhow::Error {
    bad_usage(format!("there is no ready-made rule `{name}`: see `durward rules shipped`"))
}

/// Values of the placeholders of Sigma rules.
#[derive(Debug, clap::Args)]
pub(crate) struct Lists {
    /// The values of a placeholder that Sigma rules name: Known_Location=ES,PT; may be given
    /// several times
    #[arg(long = "list", value_name = "NAME=VALUES")]
    lists: Vec<String>,
    /// Configuration file, for the lists under `[detections.placeholders]`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Lists {
    fn placeholders(&self) -> Result<Placeholders> {
        let read = |text: &String| {
            let Some((name, values)) = text.split_once('=') else {
                let example = "Known_Location=ES,PT";
                return Err(bad_usage(format!("--list: `{text}` is not such as {example}")));
            };
            let values = values.split(',').map(|value| value.trim().to_owned());
            let values = values.filter(|value| !value.is_empty()).collect();
            Ok((name.trim().trim_matches('%').to_owned(), values))
        };
        let named = self.lists.iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(Config::read(self.config.as_deref())?.detections.placeholders().with(named))
    }
}

/// Does it.
pub(crate) fn run(command: &Command, common: &Common) -> Result<()> {
    let dir = data::dir(common.data.as_deref())?;
    match command {
        Command::Shipped { name } => list_shipped(name.as_deref(), common.json),
        Command::Test(args) => test(args, &dir, common.json),
        Command::List => list(&open(&dir)?, common.json),
        Command::Show { id } => show(id, &open(&dir)?, common.json),
        Command::Add(args) => add(args, &dir, &open(&dir)?, common.json),
        Command::Remove { id } => {
            let book = open(&dir)?;
            operator::record(&dir, Action::Change, "rules remove", &format!("rule {id}"), None)?;
            book.remove_rule(id, WHO, Timestamp::now().micros)?;
            output::line(format_args!("{id} is removed"))
        }
        Command::Enable { id } => switch(id, true, &dir),
        Command::Disable { id } => switch(id, false, &dir),
    }
}

/// Who changes rules here, in their history; the access log says which user of the machine.
const WHO: &str = "the command line";

fn open(dir: &Path) -> Result<Book> {
    if !dir.is_dir() {
        bail!("{} is not there; take something in with `durward import PATH…`", dir.display());
    }
    Ok(Book::open(dir)?)
}

fn switch(id: &str, enabled: bool, dir: &Path) -> Result<()> {
    let book = open(dir)?;
    let what = if enabled { "enable" } else { "disable" };
    let route = format!("rules {what}");
    operator::record(dir, Action::Change, &route, &format!("rule {id}"), None)?;
    book.enable_rule(id, enabled, WHO, Timestamp::now().micros)?;
    output::line(format_args!("{id} is {what}d"))
}

fn list(book: &Book, is_json: bool) -> Result<()> {
    let rules = book.rules()?;
    if is_json {
        return rules.iter().try_for_each(|stored| output::json(&stored.rule));
    }
    let mut table = output::Table::new(["ID", "State", "Severity", "Changed", "By", "Name"]);
    for stored in rules {
        let state = if stored.rule.enabled { "on" } else { "off" };
        table.row(vec![
            stored.rule.id,
            state.to_owned(),
            stored.rule.severity.name().to_owned(),
            Timestamp::from_micros(stored.at_micros).to_rfc3339(),
            stored.by,
            stored.rule.name,
        ]);
    }
    write(&table)
}

fn list_shipped(name: Option<&str>, is_json: bool) -> Result<()> {
    if let Some(name) = name {
        let one = shipped().iter().find(|one| one.name == name).ok_or_else(|| unknown(name))?;
        return match is_json {
            true => output::json(&one.rule()?),
            false => output::line(one.text.trim_end()),
        };
    }
    let mut table = output::Table::new(["Name", "Severity", "What"]);
    for one in shipped() {
        let rule = one.rule()?;
        if is_json {
            output::json(&rule)?;
        }
        table.row(vec![one.name.to_owned(), rule.severity.name().to_owned(), rule.name]);
    }
    if is_json { Ok(()) } else { write(&table) }
}

fn write(table: &output::Table) -> Result<()> {
    let mut out = output::stdout();
    table.write(&mut out, output::is_terminal())?;
    Ok(std::io::Write::flush(&mut out)?)
}

fn show(id: &str, book: &Book, is_json: bool) -> Result<()> {
    let history = book.rule_history(id)?;
    let Some(newest) = history.first() else { bail!("there is no rule `{id}`") };
    let changes: Vec<Value> = history
        .iter()
        .map(|change| {
            let at = Timestamp::from_micros(change.at_micros).to_rfc3339();
            json!({ "at": at, "by": change.by, "rule": change.rule })
        })
        .collect();
    if is_json {
        return output::json(&json!({ "rule": newest.rule, "history": changes }));
    }
    match &newest.rule {
        Some(rule) => output::line(toml::to_string_pretty(rule)?.trim_end())?,
        None => output::line(format_args!("{id} was removed"))?,
    }
    let mut table = output::Table::new(["Changed", "By", "What"]);
    for change in &history {
        let what = match &change.rule {
            None => "removed",
            Some(rule) if rule.enabled => "on",
            Some(_) => "off",
        };
        let at = Timestamp::from_micros(change.at_micros).to_rfc3339();
        table.row(vec![at, change.by.clone(), what.to_owned()]);
    }
    output::line("")?;
    write(&table)
}

/// What became of the rules of some files.
struct Report {
    file: String,
    name: String,
    is_shipped: bool,
    outcome: Result<Compiled, String>,
}

impl Report {
    fn new(loaded: Loaded, placeholders: &Placeholders) -> Report {
        let file = loaded.file.display().to_string();
        let name = loaded.rule.as_ref().map(|rule| rule.name.clone()).unwrap_or_default();
        let compiled = loaded.rule.and_then(|rule| Compiled::new(rule, placeholders));
        let outcome = compiled.map_err(|error| error.to_string());
        Report { file, name, is_shipped: false, outcome }
    }

    fn of_shipped(one: &Shipped, placeholders: &Placeholders) -> Report {
        let loaded = Loaded { file: PathBuf::from(one.name), rule: one.rule() };
        Report { is_shipped: true, ..Report::new(loaded, placeholders) }
    }

    /// One word, and the reason where there is one.
    fn verdict(&self) -> (&'static str, &str) {
        match &self.outcome {
            Err(reason) => ("refused", reason),
            Ok(rule) => match rule.sigma().map(|sigma| sigma.verdict()) {
                Some(Verdict::CannotFire(reason)) => ("cannot fire", reason),
                _ => ("loaded", ""),
            },
        }
    }
}

fn reports(from: &Origin, lists: &Lists) -> Result<Vec<Report>> {
    let placeholders = lists.placeholders()?;
    let shipped = from.shipped()?.into_iter();
    let mut reports: Vec<Report> =
        shipped.map(|one| Report::of_shipped(one, &placeholders)).collect();
    for file in &from.files {
        let loaded = read_file(file).map_err(|error| anyhow!("{}: {error}", file.display()))?;
        reports.extend(loaded.into_iter().map(|loaded| Report::new(loaded, &placeholders)));
    }
    if reports.is_empty() {
        bail!("there are no rules in these files");
    }
    Ok(reports)
}

fn add(args: &Add, dir: &Path, book: &Book, is_json: bool) -> Result<()> {
    let reports = reports(&args.from, &args.lists)?;
    let (mut added, mut refused) = (0_usize, 0_usize);
    for report in &reports {
        let (verdict, reason) = report.verdict();
        let mut is_on = false;
        if let Ok(compiled) = &report.outcome {
            let rule = as_added(compiled.rule().clone(), report.is_shipped, args, book)?;
            let what = format!("rule {}", rule.id);
            operator::record(dir, Action::Change, "rules add", &what, None)?;
            book.put_rule(&rule, WHO, Timestamp::now().micros)?;
            is_on = rule.enabled;
            added += 1;
        } else {
            refused += 1;
        }
        let id = report.outcome.as_ref().map(|rule| rule.rule().id.as_str()).unwrap_or_default();
        if is_json {
            output::json(&json!({
                "file": report.file, "id": id, "name": report.name,
                "verdict": verdict, "reason": reason,
            }))?;
        } else if verdict == "loaded" {
            let off = if is_on { "" } else { ", switched off" };
            output::line(format_args!("{id}: added{off} ({})", report.name))?;
        } else {
            output::line(format_args!("{}: {verdict}: {reason}", report.file))?;
        }
    }
    if added == 0 {
        bail!("none of {refused} rules was added");
    }
    Ok(())
}

/// A ready-made rule is switched on by decision only. One that is there already stays as it was
/// decided on.
fn as_added(rule: Rule, is_shipped: bool, args: &Add, book: &Book) -> Result<Rule> {
    if !is_shipped {
        return Ok(Rule { enabled: rule.enabled && !args.disabled, ..rule });
    }
    let (was_on, deliver) = match book.rule(&rule.id)? {
        Some(stored) => (stored.rule.enabled, stored.rule.deliver),
        None => (false, Vec::new()),
    };
    Ok(Rule { enabled: args.enable || (was_on && !args.disabled), deliver, ..rule })
}

fn test(args: &Test, dir: &Path, is_json: bool) -> Result<()> {
    let reports = reports(&args.from, &args.lists)?;
    let look = operator::Look::begin(dir, "rules test");
    let store = data::open_existing(dir)?;
    let (engine, view) = (Engine::new(), store.view());
    let ground = Ground { engine: &engine, view: &view };
    let newest = view.chunks.iter().map(|chunk| chunk.max_micros()).max();
    let mut results = Vec::new();
    for report in &reports {
        let result = match (&report.outcome, newest) {
            (Ok(rule), Some(newest)) => Some(backtest(ground, rule, newest + 1, args.days)?),
            _ => None,
        };
        results.push(result);
    }
    // Samples name people: nothing is shown that is not in the access log.
    let shown = results.iter().flatten().map(|result| result.samples.len()).sum();
    look?.record(Action::List, Some(shown), 200)?;
    for (report, result) in reports.iter().zip(&results) {
        match is_json {
            true => output::json(&as_json(report, result.as_ref()))?,
            false => describe(report, result.as_ref())?,
        }
    }
    if reports.iter().all(|report| report.outcome.is_err()) {
        bail!("none of the rules can be run");
    }
    match newest {
        Some(_) => Ok(()),
        None => bail!("there are no records in {} to run rules over", dir.display()),
    }
}

fn day(number: i64) -> String {
    let midnight = Timestamp::from_micros(number * DAY_MICROS).to_rfc3339();
    midnight.split('T').next().unwrap_or_default().to_owned()
}

fn as_json(report: &Report, result: Option<&Backtest>) -> Value {
    let (verdict, reason) = report.verdict();
    let mut value = json!({
        "file": report.file, "name": report.name, "verdict": verdict, "reason": reason,
    });
    if let Some(result) = result {
        let days = result
            .per_day
            .iter()
            .map(|(number, count)| json!({ "day": day(*number), "findings": count }));
        value["perDay"] = days.collect();
        value["total"] = result.total.into();
        value["isCut"] = result.is_cut.into();
        value["matches"] = result.matches.into();
        value["perWeek"] = result.per_week.into();
        value["samples"] = json!(result.samples);
    }
    value
}

/// Widest bar of the chart of a terminal.
const BAR_CHARS: u64 = 40;

fn describe(report: &Report, result: Option<&Backtest>) -> Result<()> {
    let (verdict, reason) = report.verdict();
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let name = if report.name.is_empty() { &report.file } else { &report.name };
    output::line(format_args!("{name}\n  {verdict}{reason}"))?;
    let Some(result) = result else { return Ok(()) };
    let more = if result.is_cut { " or more" } else { "" };
    output::line(format_args!(
        "  {}{more} findings from {} matching records in {} days; {:.1} a week to be expected",
        result.total,
        result.matches,
        result.per_day.len(),
        result.per_week
    ))?;
    let most = result.per_day.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    for (number, count) in result.per_day.iter().filter(|(_, count)| *count > 0) {
        let bar = "#".repeat((count * BAR_CHARS).div_ceil(most) as usize);
        output::line(format_args!("  {} {count:>6} {bar}", day(*number)))?;
    }
    for finding in &result.samples {
        let at = Timestamp::from_micros(finding.found_micros).to_rfc3339();
        let sentence: String =
            finding.sentence.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        output::line(format_args!("  {at} {} {sentence}", finding.level.name()))?;
    }
    Ok(())
}
