//! A list of entities: one line each, with counts, first and last time and its rhythm.

use std::collections::HashMap;

use durward_model::{FieldId, Kind, Log};
use durward_query::aggregate::ResultOrder;
use durward_query::{
    AggregateRequest, AggregateRow, Dimension, DimensionValue, Filter, Op, Reader, Value,
};
use maud::{Markup, html};

use super::count::{self, Sums, text};
use super::listed::{self, Listed};
use super::panel::{at, plural, when};
use super::spark::{bars, percent};
use super::subject::{Asked, ZERO_GUID, link_term};
use super::{Shown, application};
use crate::error::ApiError;
use crate::page::charts::bin_of;
use crate::page::link;
use crate::page::state::grouped;

/// Lines of a page.
const PAGE_LINES: usize = 100;
/// Bars of a line's rhythm at most.
const SPARK_BARS_MAX: i64 = 32;

const SORTS: [(&str, ResultOrder); 4] = [
    ("count", ResultOrder::Count),
    ("failures", ResultOrder::Failures),
    ("users", ResultOrder::Distinct),
    ("last", ResultOrder::Last),
];

/// One entity.
#[derive(Default)]
struct Line {
    id: String,
    /// Names and what else is said, of its most frequent combination.
    names: Vec<String>,
    sums: Sums,
    distinct: u64,
    spark: Vec<u64>,
}

/// What a list is asked, read from its address.
struct Question<'q> {
    listed: &'static Listed,
    asked: &'q Asked,
    filter: Filter,
    logs: Vec<Log>,
    sort: &'static str,
    order: ResultOrder,
    at: usize,
}

impl<'q> Question<'q> {
    fn new(listed: &'static Listed, asked: &'q Asked) -> Result<Question<'q>, ApiError> {
        let sort = asked.params.get("sort").unwrap_or("count");
        let known = SORTS.into_iter().find(|(name, _)| *name == sort);
        let Some((sort, order)) = known else {
            let message = "'sort' must be count, failures, users or last";
            return Err(ApiError::bad_request(message).parameter("sort"));
        };
        let at = match asked.params.get("at").map(str::parse) {
            None => 0,
            Some(Ok(at)) => at,
            Some(Err(_)) => {
                let message = "'at' must be a whole number";
                return Err(ApiError::bad_request(message).parameter("at"));
            }
        };
        let logs = match (listed.path, asked.params.get("type")) {
            ("/workloads", Some("s")) => vec![Log::ServicePrincipal],
            ("/workloads", Some("m")) => vec![Log::ManagedIdentity],
            _ => listed.logs.to_vec(),
        };
        let zero = Op::Ne(Value::Text(ZERO_GUID.to_owned()));
        let mut filter = asked.scope.filter(asked.now);
        filter = filter.and(Filter::field(listed.id, Op::Empty).not());
        if listed.id != FieldId::IpAddress {
            filter = filter.and(Filter::field(listed.id, zero));
        }
        if let Some(text) = asked.params.get("q") {
            filter = filter.and(containing(listed, text));
        }
        Ok(Question { listed, asked, filter, logs, sort, order, at })
    }

    fn request(&self, by: Vec<Dimension>) -> AggregateRequest {
        AggregateRequest {
            filter: self.filter.clone(),
            logs: self.logs.clone(),
            by,
            ..AggregateRequest::default()
        }
    }

    /// The lines of the page, without their names.
    fn lines(&self, reader: &Reader) -> Result<Vec<Line>, ApiError> {
        let distinct = self.listed.distinct.map_or(Vec::new(), |(fields, _)| fields.to_vec());
        let rows = reader.aggregate(&AggregateRequest {
            distinct,
            order: self.order,
            offset: self.at,
            limit: PAGE_LINES,
            ..self.request(vec![Dimension::Field(self.listed.id)])
        })?;
        let line = |row: &AggregateRow| Line {
            id: row.keys.first().map(text).unwrap_or_default(),
            sums: Sums::of(row),
            distinct: row.distinct,
            ..Line::default()
        };
        Ok(rows.iter().map(line).collect())
    }

    /// Puts names and rhythm to the lines.
    fn complete(&self, reader: &Reader, lines: &mut [Line]) -> Result<(), ApiError> {
        let bounds = reader.bounds(&self.logs)?;
        let (from, to) = self.asked.scope.ends(self.asked.now, bounds);
        let (bin, _) = bin_of(to - from, SPARK_BARS_MAX);
        let first = from.div_euclid(bin);
        let count = usize::try_from((to - 1).div_euclid(bin) - first + 1).unwrap_or(1);
        let ids = lines.iter().map(|line| Value::Text(line.id.clone())).collect();
        let mut by = vec![Dimension::Field(self.listed.id)];
        by.extend(self.listed.names.iter().map(|field| Dimension::Field(*field)));
        by.push(Dimension::Span(bin));
        let mut request = self.request(by);
        request.filter = request.filter.and(Filter::field(self.listed.id, Op::In(ids)));
        (request.limit, request.times) = (LINES_TIMES_BARS_MAX, true);
        let index: HashMap<String, usize> =
            lines.iter().enumerate().map(|(index, line)| (line.id.to_lowercase(), index)).collect();
        for row in reader.aggregate(&request)? {
            let Some((id, rest)) = row.keys.split_first() else { continue };
            let Some((DimensionValue::Time(time), names)) = rest.split_last() else { continue };
            let Some(line) = index.get(&text(id).to_lowercase()).map(|index| &mut lines[*index])
            else {
                continue;
            };
            // The most frequent come first.
            if line.names.iter().all(String::is_empty) {
                line.names = names.iter().map(text).collect();
            }
            // Times are noted for the lines of the page only, which is much less work.
            line.sums.first = [line.sums.first, row.first].into_iter().flatten().min();
            line.sums.last = line.sums.last.max(row.last);
            line.spark.resize(count, 0);
            let bar = usize::try_from(time.micros.div_euclid(bin) - first);
            if let Some(bar) = bar.ok().and_then(|bar| line.spark.get_mut(bar)) {
                *bar += row.count();
            }
        }
        Ok(())
    }

    fn href(&self, changes: &[(&'static str, &str)]) -> String {
        self.asked.href_with(&self.asked.scope, changes)
    }
}

/// Combinations of names and bars on one page: more than a few names each are not told apart.
const LINES_TIMES_BARS_MAX: usize = 50_000;

/// Entities with a text in a name or in what they are known by.
fn containing(listed: &Listed, text: &str) -> Filter {
    let fields = std::iter::once(&listed.id).chain(listed.names);
    let texts = fields.filter(|field| field.field().kind == Kind::Text);
    let tests = texts.map(|field| Filter::field(*field, Op::Contains(text.to_owned())));
    Filter::any_of(tests.collect())
}

pub(super) fn look(
    reader: &Reader,
    asked: &Asked,
    listed: &'static Listed,
) -> Result<Option<Shown>, ApiError> {
    let question = Question::new(listed, asked)?;
    let (sums, total) = count::total(reader, &question.filter, &[listed.id])?;
    let mut lines = question.lines(reader)?;
    if !lines.is_empty() {
        question.complete(reader, &mut lines)?;
    }
    let graph = match (listed.path, question.at, lines.is_empty()) {
        ("/apps", 0, false) => application::usage_of_top(reader, asked)?,
        _ => html! {},
    };
    let title = listed.title();
    let body = html! {
        div .heading {
            h1 { (title) }
            (ways(asked, listed))
        }
        p .summary {
            (plural(total, listed.one, &title.to_lowercase())) " with "
            (plural(sums.total(), "sign-in", "sign-ins")) " " (when(asked)) ", "
            (grouped(sums.failures())) " of them failed."
            @if listed.path == "/users" { " " (without_user(reader, asked)?) }
        }
        (graph)
        (search(&question))
        @if lines.is_empty() { (nothing(&question)) }
        @else { (table(&question, &lines)) (pages(&question, lines.len(), total)) }
    };
    Ok(Some(Shown { title: title.to_owned(), body, rows: lines.len() as u64 }))
}

/// The other lists.
fn ways(asked: &Asked, listed: &Listed) -> Markup {
    html! {
        nav .segments aria-label="Lists" {
            @for other in listed::ALL {
                a href=(asked.scope.href(other.path, &[]))
                    aria-current=[(other.path == listed.path).then_some("page")] {
                    (other.title())
                }
            }
        }
    }
}

/// Attempts with names that belong to nobody are in no line.
fn without_user(reader: &Reader, asked: &Asked) -> Result<Markup, ApiError> {
    let none = Filter::any_of(vec![
        Filter::field(FieldId::UserId, Op::Empty),
        Filter::field(FieldId::UserId, Op::Eq(Value::Text(ZERO_GUID.to_owned()))),
    ]);
    let filter = asked.scope.filter(asked.now).and(none);
    let count = reader.count(&filter, &[Log::InteractiveUser, Log::NonInteractiveUser])?;
    let name = FieldId::UserId.field().name;
    let term = format!("({}|{})", link::is(name, ""), link::is(name, ZERO_GUID));
    Ok(html! {
        @if count > 0 {
            a href=(link::signins(&asked.scope, Some(Log::InteractiveUser), &[term])) {
                (grouped(count)) " more"
            }
            " name no user that exists."
        }
    })
}

fn search(question: &Question<'_>) -> Markup {
    let asked = question.asked;
    html! {
        form .filter action=(question.listed.path) method="get" role="search" {
            @for (name, value) in asked.scope.pairs() {
                input type="hidden" name=(name) value=(value);
            }
            div .field {
                span .glass aria-hidden="true" { "⌕" }
                input type="search" name="q" value=(asked.params.get("q").unwrap_or_default())
                    autocomplete="off" maxlength="200" aria-label="Search"
                    placeholder="Part of a name or identifier";
            }
            button .button type="submit" { "Search" }
            @if question.listed.path == "/workloads" {
                nav .segments aria-label="Type" {
                    @for (value, label) in
                        [("", "All"), ("s", "Service principals"), ("m", "Managed identities")] {
                        @let is_chosen = asked.params.get("type").unwrap_or_default() == value;
                        a href=(question.href(&[("type", value), ("at", "")]))
                            aria-current=[is_chosen.then_some("true")] { (label) }
                    }
                }
            }
        }
    }
}

fn nothing(question: &Question<'_>) -> Markup {
    let asked = question.asked;
    html! {
        section .panel .empty {
            h2 { "Nothing to list" }
            p .muted {
                "No " (question.listed.one) " signed in " (when(asked))
                @if asked.params.get("q").is_some() { " with this in its name or identifier" } "."
            }
            p .choices {
                @if asked.scope.range != "all" {
                    a .button href=(asked.href(&asked.scope.at("all"))) { "All time" }
                }
                @if asked.params.get("q").is_some() {
                    a .button href=(question.href(&[("q", ""), ("at", "")])) { "Show all" }
                }
            }
        }
    }
}

fn table(question: &Question<'_>, lines: &[Line]) -> Markup {
    let listed = question.listed;
    let sorted = |sort: &'static str, label: &str| {
        let is_chosen = question.sort == sort;
        html! {
            th .number scope="col" aria-sort=[is_chosen.then_some("descending")] {
                a href=(question.href(&[("sort", sort), ("at", "")])) {
                    (label) @if is_chosen { " ▾" }
                }
            }
        }
    };
    html! {
        div .panel .scroll tabindex="0" role="group" aria-label=(listed.title()) {
            table .list .entities {
                thead {
                    tr {
                        th scope="col" { "Name" }
                        @for field in listed.names.iter().skip(1) {
                            th scope="col" { (field.field().label) }
                        }
                        th scope="col" { (listed.id.field().label) }
                        (sorted("count", "Sign-ins"))
                        (sorted("failures", "Failures"))
                        th .number scope="col" { "Failure rate" }
                        @if let Some((_, label)) = listed.distinct { (sorted("users", label)) }
                        th scope="col" { "First" }
                        (sorted("last", "Last"))
                        th scope="col" { "Rhythm" }
                    }
                }
                tbody { @for line in lines { (row(question, line)) } }
            }
        }
    }
}

fn row(question: &Question<'_>, line: &Line) -> Markup {
    let (asked, listed) = (question.asked, question.listed);
    let page = asked.scope.href(&(listed.page)(&line.id), &[]);
    let name = line.names.first().filter(|name| !name.is_empty()).unwrap_or(&line.id);
    let own = [link_term(listed.id, &line.id)];
    let log = match question.logs.as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    let events = link::signins(&asked.scope, log, &own);
    let failed = [own.to_vec(), vec!["status=failure".to_owned()]].concat();
    let failed = link::signins(&asked.scope, log, &failed);
    let (total, failures) = (line.sums.total(), line.sums.failures());
    html! {
        tr .row {
            td { a .clip href=(page) title=(name) { (name) } }
            @for index in 1..listed.names.len() {
                @let text = line.names.get(index).map_or("", String::as_str);
                td { span .clip title=(text) { (text) } }
            }
            td .mono { span .clip { (line.id) } }
            td .number { a href=(events) { (grouped(total)) } }
            td .number {
                @if failures > 0 { a href=(failed) { (grouped(failures)) } } @else { "0" }
            }
            td .number { (percent(failures, total)) }
            @if listed.distinct.is_some() { td .number { (grouped(line.distinct)) } }
            td { (at(line.sums.first, asked.now)) }
            td .number { (at(line.sums.last, asked.now)) }
            td { (bars(&line.spark)) }
        }
    }
}

fn pages(question: &Question<'_>, lines: usize, total: u64) -> Markup {
    let (from, to) = (question.at, question.at + lines);
    let at = |at: usize| question.href(&[("at", &at.to_string())]);
    html! {
        footer .foot {
            span {
                b { (grouped(from as u64 + 1)) "–" (grouped(to as u64)) } " of " (grouped(total))
            }
            nav aria-label="Pages" {
                @if from > 0 {
                    a .button rel="prev" href=(at(from.saturating_sub(PAGE_LINES))) { "◀ Before" }
                }
                @if (to as u64) < total { a .button rel="next" href=(at(to)) { "After ▶" } }
            }
        }
    }
}
