//! An application or a resource: how it is used, by whom, and what goes wrong.

use std::collections::HashMap;

use durward_model::errors::{self, Status};
use durward_model::{Event, FieldId, Log};
use durward_query::aggregate::{ResultOrder, USERS};
use durward_query::{
    AggregateRequest, Dimension, DimensionValue, Filter, Op, Order, Reader, Value,
};
use maud::{Markup, html};

use super::baseline::Usual;
use super::count::{self, Entry, HOURS_MAX, Hour, Sums, named, roll_up, text};
use super::graph::{self, bars_of};
use super::panel::{self, LINES_MAX, Line, code, day, plural};
use super::rows;
use super::spark::percent;
use super::subject::{self, Asked, Subject, has_status, is, link_term};
use super::{Shown, listed};
use crate::error::ApiError;
use crate::page::charts::Series;
use crate::page::link;
use crate::page::state::grouped;

/// Events that policies are counted in, the newest.
const POLICY_EVENTS_MAX: usize = 200;
/// Events listed below the panels.
const EVENTS_MAX: usize = 20;

/// What is known of an application or a resource within the range.
pub(super) struct Known {
    pub(super) subject: Subject,
    pub(super) hours: Vec<Hour>,
    pub(super) sums: Sums,
    pub(super) users: u64,
    errors: Vec<Entry>,
    pub(super) events: Vec<Event>,
}

impl Known {
    pub(super) fn ask(reader: &Reader, subject: Subject) -> Result<Known, ApiError> {
        let filter = &subject.filter;
        let (_, users) = count::total(reader, filter, &USERS)?;
        let hours = count::by_hour(reader, filter)?;
        let mut sums = Sums::default();
        hours.iter().for_each(|(_, _, more)| sums.add(more));
        let failed = filter.clone().and(has_status(Status::Success).not());
        let limit = POLICY_EVENTS_MAX;
        Ok(Known {
            hours,
            errors: count::by_fields(reader, &failed, &[FieldId::ErrorCode])?,
            events: subject::events(reader, filter, &Log::SIGN_INS, Order::NewestFirst, limit)?,
            sums,
            users,
            subject,
        })
    }

    pub(super) fn usual<'u>(&'u self, asked: &'u Asked) -> Usual<'u> {
        let new_from = self.subject.new_from(asked, self.sums.first);
        Usual { asked, subject: &self.subject, whole: self.sums.total(), new_from }
    }

    /// The most frequent errors, with what they mean.
    pub(super) fn errors_panel(&self, asked: &Asked) -> Markup {
        let line = |entry: &Entry| {
            let number: Option<i64> = entry.value(0).parse().ok();
            let known = number.and_then(errors::lookup);
            let term = link_term(FieldId::ErrorCode, entry.value(0));
            Line {
                label: entry.value(0).to_owned(),
                page: number.map(link::error),
                events: self.subject.events(&asked.scope, &[term]),
                note: known.map(|known| known.reason.to_owned()).unwrap_or_default(),
                sums: entry.sums,
            }
        };
        let lines = roll_up(&self.errors, &[0]).iter().map(line).collect();
        self.usual(asked).panel("Errors", lines)
    }

    /// The last sentence of a summary: what goes wrong most often.
    pub(super) fn worst(&self, asked: &Asked) -> Markup {
        let worst = roll_up(&self.errors, &[0]).into_iter().next();
        let Some(entry) = worst else { return html! { "Nothing failed." } };
        let number = entry.value(0).parse().ok();
        let meaning = number.and_then(errors::lookup).map(|known| known.reason);
        let term = link_term(FieldId::ErrorCode, entry.value(0));
        html! {
            "Most often wrong: "
            @match number {
                Some(number) => a href=(link::error(number)) { (number) },
                None => (entry.value(0)),
            }
            @if let Some(meaning) = meaning { " " (meaning) }
            ", "
            a href=(self.subject.events(&asked.scope, &[term])) {
                (plural(entry.sums.total(), "time", "times"))
            }
            "."
        }
    }
}

/// `GET /apps/{id}`
pub(super) fn look_app(reader: &Reader, asked: &Asked) -> Result<Option<Shown>, ApiError> {
    look(reader, asked, &listed::APPS)
}

/// `GET /resources/{id}`
pub(super) fn look_resource(reader: &Reader, asked: &Asked) -> Result<Option<Shown>, ApiError> {
    look(reader, asked, &listed::RESOURCES)
}

fn look(reader: &Reader, asked: &Asked, kind: &listed::Listed) -> Result<Option<Shown>, ApiError> {
    let name = kind.names.first().copied().unwrap_or(kind.id);
    let Some(subject) = Subject::find(reader, asked, &[kind.id, name])? else { return Ok(None) };
    let title = rows::first_of(&subject.newest, &[name, kind.id]);
    let known = Known::ask(reader, subject)?;
    let subject = &known.subject;
    let list = asked.scope.href(kind.path, &[]);
    let body = html! {
        (panel::heading((kind.title(), &list), &title, &verdict(asked, &known, &title), &html! {
            a .button .primary href=(subject.events(&asked.scope, &[])) { "View sign-in activity" }
        }))
        (identity(asked, &known, kind))
        @if known.sums.total() == 0 { (panel::nothing_now(asked, subject)) }
        @else {
            (graph::of_subject(asked, subject, &known.hours, "Sign-ins"))
            (panels(reader, asked, &known, kind)?)
            (latest(asked, &known))
        }
    };
    Ok(Some(Shown { title, body, rows: known.sums.total() }))
}

fn verdict(asked: &Asked, known: &Known, title: &str) -> Markup {
    let events = known.subject.events(&asked.scope, &[]);
    html! {
        (title) " has "
        (panel::sign_ins(known.sums.total(), &events)) " "
        (panel::when(asked)) " by " (plural(known.users, "user", "users")) "; "
        (percent(known.sums.successes(), known.sums.total())) " succeeded. "
        @if known.sums.total() > 0 { (known.worst(asked)) }
    }
}

fn identity(asked: &Asked, known: &Known, kind: &listed::Listed) -> Markup {
    let subject = &known.subject;
    let is_app = kind.path == "/apps";
    let owner = if is_app { FieldId::AppOwnerTenantId } else { FieldId::ResourceOwnerTenantId };
    let principal =
        if is_app { FieldId::AppServicePrincipalId } else { FieldId::ResourceServicePrincipalId };
    html! {
        section .panel .facts-card .wide-facts {
            (panel::facts(&[
                (kind.id.field().label, code(&subject.text(kind.id))),
                ("Owner tenant", code(&subject.text(owner))),
                ("Service principal", code(&subject.text(principal))),
                ("First sign-in", day(subject.first_ever, asked.now)),
                ("Last sign-in", panel::at(Some(subject.newest.row().created), asked.now)),
                ("Users", html! { (grouped(known.users)) }),
                ("Success rate", html! {
                    (percent(known.sums.successes(), known.sums.total()))
                }),
            ]))
        }
    }
}

fn panels(
    reader: &Reader,
    asked: &Asked,
    known: &Known,
    kind: &listed::Listed,
) -> Result<Markup, ApiError> {
    let usual = known.usual(asked);
    let by = |fields: &[FieldId]| count::by_fields(reader, &known.subject.filter, fields);
    let users = by(&[FieldId::UserId, FieldId::UserDisplayName])?;
    let countries = by(&[FieldId::CountryOrRegion])?;
    let clients = by(&[FieldId::ClientAppUsed])?;
    let (other, other_name, other_title, page): (_, _, _, fn(&str) -> String) = match kind.path {
        "/apps" => (FieldId::ResourceId, FieldId::ResourceDisplayName, "Resources", link::resource),
        _ => (FieldId::AppId, FieldId::AppDisplayName, "Called by", link::app),
    };
    let others = by(&[other, other_name])?;
    Ok(html! {
        div .grid {
            (usual.values("Users", named(&users, &[0, 1]), FieldId::UserId, Some(link::user)))
            (known.errors_panel(asked))
            (usual.values("Client apps", roll_up(&clients, &[0]), FieldId::ClientAppUsed, None))
            (usual.countries(&countries))
            (usual.values(other_title, named(&others, &[0, 1]), other, Some(page)))
            (policies(asked, known))
        }
    })
}

/// Policies of Conditional Access that were applied to the newest events. Not there for whoever
/// may not see them.
fn policies(asked: &Asked, known: &Known) -> Markup {
    let mut hits: HashMap<(String, String), u64> = HashMap::new();
    for event in &known.events {
        let cell = event.cell(FieldId::AppliedConditionalAccessPolicies);
        let Some(json) = cell.as_text() else { continue };
        let policies: Vec<serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
        for policy in &policies {
            let text = |name: &str| policy[name].as_str().unwrap_or_default().to_owned();
            let (name, result) = (text("displayName"), text("result"));
            // Most policies do not apply to most sign-ins, which says nothing.
            if !name.is_empty() && !matches!(&*result, "" | "notApplied" | "notEnabled") {
                *hits.entry((name, result)).or_default() += 1;
            }
        }
    }
    let mut hits: Vec<((String, String), u64)> = hits.into_iter().collect();
    hits.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    html! {
        @if !hits.is_empty() {
            section .panel .card-list {
                header {
                    h2 { "Conditional Access policies" }
                    span .muted { "in the newest " (grouped(known.events.len() as u64)) }
                }
                ul {
                    @for ((name, result), count) in hits.iter().take(LINES_MAX) {
                        @let href = known.subject.events(&asked.scope, &[format!(
                            "policy:{}", link::quoted(name)
                        )]);
                        li {
                            span .name { (name) " " span .muted { (result) } }
                            span .figures { a href=(href) { (grouped(*count)) } }
                        }
                    }
                }
                @if hits.len() > LINES_MAX {
                    p .muted .rest { "and " (hits.len() - LINES_MAX) " more" }
                }
            }
        }
    }
}

/// The newest events.
pub(super) fn latest(asked: &Asked, known: &Known) -> Markup {
    let events = known.events.get(..EVENTS_MAX).unwrap_or(&known.events);
    html! {
        section .panel .latest {
            header {
                h2 { "Latest sign-ins" }
                a href=(known.subject.events(&asked.scope, &[])) {
                    "all " (grouped(known.sums.total()))
                }
            }
            (rows::table(events, asked.now))
        }
    }
}

/// How many applications the graph of the list shows.
const TOP: usize = 3;
const CLASSES: [&str; TOP] = ["c0", "c1", "c2"];

/// The graph above the list: the three applications used most, or the one asked for.
pub(super) fn usage_of_top(reader: &Reader, asked: &Asked) -> Result<Markup, ApiError> {
    let alone = asked.params.get("app");
    let known = Filter::field(FieldId::AppId, Op::Empty).not();
    let filter = asked.scope.filter(asked.now).and(known);
    let chosen =
        alone.map_or_else(|| filter.clone(), |id| filter.clone().and(is(FieldId::AppId, id)));
    let top = reader.aggregate(&AggregateRequest {
        filter: chosen,
        by: vec![Dimension::Field(FieldId::AppId)],
        limit: TOP,
        ..AggregateRequest::default()
    })?;
    let ids: Vec<String> = top.iter().filter_map(|row| row.keys.first()).map(text).collect();
    let wanted = ids.iter().map(|id| Value::Text(id.clone())).collect();
    let fields = [FieldId::AppId, FieldId::AppDisplayName].map(Dimension::Field);
    let rows = reader.aggregate(&AggregateRequest {
        filter: filter.and(Filter::field(FieldId::AppId, Op::In(wanted))),
        by: fields.into_iter().chain([Dimension::HOUR]).collect(),
        order: ResultOrder::Keys,
        limit: HOURS_MAX,
        ..AggregateRequest::default()
    })?;
    let mut names = vec![String::new(); ids.len()];
    let mut counts = Vec::with_capacity(rows.len());
    for row in &rows {
        let [id, name, DimensionValue::Time(hour)] = row.keys.as_slice() else { continue };
        let Some(index) = ids.iter().position(|known| *known == text(id)) else { continue };
        if names[index].is_empty() {
            names[index] = text(name);
        }
        counts.push((index, hour.micros, row.count()));
    }
    Ok(chart(asked, &ids, &names, &counts))
}

fn chart(asked: &Asked, ids: &[String], names: &[String], counts: &[(usize, i64, u64)]) -> Markup {
    let mut hours: Vec<Hour> =
        counts.iter().map(|(_, hour, _)| (*hour, Log::InteractiveUser, Sums::default())).collect();
    hours.sort_by_key(|(hour, ..)| *hour);
    let bars = bars_of(asked, &hours);
    let mut series: Vec<Series> = names
        .iter()
        .zip(CLASSES)
        .map(|(name, class)| Series { name: name.clone(), class, values: vec![0; bars.count] })
        .collect();
    for (index, hour, count) in counts {
        if let (Some(one), Some(bar)) = (series.get_mut(*index), bars.index(*hour)) {
            one.values[bar] += count;
        }
    }
    // Either of them: alternatives are values of one term.
    let terms: Vec<String> = match ids.split_first() {
        None => Vec::new(),
        Some((first, rest)) => {
            std::iter::once(link_term(FieldId::AppId, first)).chain(rest.iter().cloned()).collect()
        }
    };
    let href = |scope: &_| link::signins(scope, None, &terms);
    let alone = asked.params.get("app").is_some();
    html! {
        (graph::panel(asked, "Application usage", bars, series, &href))
        nav .choices-row aria-label="Applications in the graph" {
            @if alone {
                a .pill-link href=(asked.href_with(&asked.scope, &[("app", "")])) { "Top three" }
            }
            @for (id, name) in ids.iter().zip(names) {
                a .pill-link href=(asked.href_with(&asked.scope, &[("app", id)]))
                    aria-current=[alone.then_some("true")] { (name) }
            }
        }
    }
}
