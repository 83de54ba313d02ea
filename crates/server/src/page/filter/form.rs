//! The dialogs that add and change a filter: a list of fields, and one field's operator and
//! values. Without script they are pages.

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use durward_model::columns::{self, Column, Operator, Topic};
use durward_model::{Kind, Timestamp};
use durward_query::{Reader, search};
use maud::{Markup, html};

use super::asked::{Asked, dialog, go, hidden, href};
use super::bar::words;
use super::pills::{Pill, Term};
use super::say::{self, BRANCHES, Choice, Said, is_client};
use super::subject::Subject;
use super::values::{self, Counted};
use super::{place, tree};
use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::page::shell::Frame;
use crate::page::state::grouped;
use crate::page::{answer, filter::asked};

/// Values to choose from at once.
const VALUES_SHOWN: usize = 50;

/// `GET /signins/filter`
pub(super) async fn open(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let asked = Asked::parse(&uri)?;
    let Some(subject) = subject(&asked)? else {
        let content = fields(&asked);
        let page = dialog(&frame, &headers, &asked.state, "Add filter", &content, StatusCode::OK);
        return Ok(Looked::default().on(page));
    };
    let said = said(&asked, &subject);
    let shown = asked.clone();
    let (asked, subject, counted) = app
        .ask(&caller, move |reader| {
            let counted = look(reader, &shown, &subject)?;
            Ok((shown, subject, counted))
        })
        .await?;
    let rows = counted.as_ref().map_or(0, |counted| counted.values.len());
    let content = form(&asked, &subject, &said, counted.as_ref(), None);
    let page = dialog(&frame, &headers, &asked.state, "Filter", &content, StatusCode::OK);
    Ok(Looked::rows(rows).on(page))
}

/// `GET /signins/values`: the values of a field, as check boxes.
pub(super) async fn suggest(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
) -> Result<Response, ApiError> {
    let asked = Asked::parse(&uri)?;
    let Some(subject) = subject(&asked)? else {
        return Err(ApiError::bad_request("'field' must be the name of a field").parameter("field"));
    };
    let chosen: Vec<String> = asked.every("value").map(str::to_owned).collect();
    let (subject, counted) = app
        .ask(&caller, move |reader| {
            let counted = look(reader, &asked, &subject)?;
            Ok((subject, counted))
        })
        .await?;
    let rows = counted.as_ref().map_or(0, |counted| counted.values.len());
    Ok(Looked::rows(rows).on(answer(choices(&subject, &chosen, counted.as_ref()))))
}

/// `GET /signins/filter/set`: the state with the filter that a form made, or with two pills
/// joined to one.
pub(super) async fn set(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Extension(frame): Extension<Frame>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let asked = Asked::parse(&uri)?;
    if let (Some(join), Some(with)) = (asked.pill("join"), asked.pill("or")) {
        return Ok(Looked::default().on(go(&headers, &joined(&asked, join, with))));
    }
    let Some(subject) = subject(&asked)? else {
        return Err(ApiError::bad_request("'field' must be the name of a field").parameter("field"));
    };
    let said = said(&asked, &subject);
    let now = Timestamp::now();
    let made = said.term(&subject).map_err(str::to_owned).and_then(|term| {
        search::parse_search(&term.text(), now).map(|_| term).map_err(|error| error.to_string())
    });
    let message = match made {
        Ok(term) => return Ok(Looked::default().on(go(&headers, &with_term(&asked, term)))),
        Err(message) => message,
    };
    let shown = asked.clone();
    let (subject, counted) = app
        .ask(&caller, move |reader| {
            let counted = look(reader, &shown, &subject)?;
            Ok((subject, counted))
        })
        .await?;
    let content = form(&asked, &subject, &said, counted.as_ref(), Some(&message));
    let status = StatusCode::BAD_REQUEST;
    let page = dialog(&frame, &headers, &asked.state, "Filter", &content, status);
    Ok(Looked::rows(0).on(page))
}

/// The field that the dialog is about; `None` for the list of fields.
fn subject(asked: &Asked) -> Result<Option<Subject>, ApiError> {
    let name = match (asked.own.get("field"), asked.edited()) {
        (Some(name), _) => name,
        (None, Some(place)) => &asked.state.pills.0[place.0].terms[place.1].name,
        (None, None) => return Ok(None),
    };
    let unknown =
        || ApiError::bad_request(format!("there is no filter for '{name}'")).parameter("field");
    Subject::of(name).map(Some).ok_or_else(unknown)
}

/// What the form says so far: what was sent, or else the term that is edited.
fn said(asked: &Asked, subject: &Subject) -> Said {
    let usual = subject.operators.first().map_or(Choice::Between, |first| Choice::Of(*first));
    let sent = asked.own.get("op").and_then(|name| Choice::from_name(name, subject));
    let Some(choice) = sent else {
        return match asked.edited() {
            Some(place) => Said::of(&asked.state.pills.0[place.0].terms[place.1], subject),
            None => Said { choice: usual, negated: false, values: Vec::new() },
        };
    };
    let mut values: Vec<String> = match choice {
        Choice::Between => ["from", "to"]
            .into_iter()
            .filter_map(|name| asked.own.get(name))
            .map(str::to_owned)
            .collect(),
        _ => asked.every("value").map(str::to_owned).collect(),
    };
    if choice != Choice::Between {
        for value in asked.every("values").flat_map(say::pasted) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
    }
    Said { choice, negated: asked.own.get("not").is_some(), values }
}

/// The state with a term in its place.
fn with_term(asked: &Asked, term: Term) -> super::super::state::State {
    let (edited, or) = (asked.edited(), asked.pill("or"));
    asked.state.with(|state| match (edited, or) {
        (Some(place), _) => state.pills.0[place.0].terms[place.1] = term,
        (None, Some(pill)) => state.pills.0[pill].terms.push(term),
        (None, None) => state.pills.0.push(Pill::of(term)),
    })
}

/// The state with one pill as alternatives of another.
fn joined(asked: &Asked, join: usize, with: usize) -> super::super::state::State {
    asked.state.with(|state| {
        if join != with {
            let more = state.pills.0[join].terms.clone();
            state.pills.0[with].terms.extend(more);
            state.pills.0.remove(join);
        }
    })
}

fn look(reader: &Reader, asked: &Asked, subject: &Subject) -> Result<Option<Counted>, ApiError> {
    let others = asked.others();
    if others.question(Timestamp::now()).is_err() {
        // Another part of the filter is wrong; this one can still be written.
        return Ok(None);
    }
    if subject.name == "location" {
        return place::look(reader, asked, &others);
    }
    values::count(reader, &others, subject, asked.own.get("prefix"), VALUES_SHOWN)
}

/// The operator and the values of one field.
fn form(
    asked: &Asked,
    subject: &Subject,
    said: &Said,
    counted: Option<&Counted>,
    problem: Option<&str>,
) -> Markup {
    let label = subject.label;
    html! {
        form .filter-form action="/signins/filter/set" method="get" data-set {
            h2 { (label) }
            @if let Some(problem) = problem { p .problem .short role="alert" { (problem) } }
            (hidden(&asked.state))
            @for (name, value) in asked.which() { input type="hidden" name=(name) value=(value); }
            input type="hidden" name="field" value=(subject.name);
            @if subject.name == "location" { (place::places(asked, counted)) }
            div .line {
                select name="op" aria-label={ "How " (label) " is compared" } {
                    @for choice in Choice::all(subject) {
                        option value=(choice.name()) selected[is_chosen(choice, said)] {
                            (choice.label())
                        }
                    }
                }
                label .check {
                    input type="checkbox" name="not" value="1" checked[said.negated];
                    "the opposite"
                }
            }
            (value_fields(subject, said, counted.filter(|_| subject.name != "location")))
            div .line .ends-of-form {
                button .button .primary type="submit" { "Apply" }
                (actions(asked))
            }
        }
    }
}

/// Is it what the form stands at? Several values are shown as `any of`.
fn is_chosen(choice: Choice, said: &Said) -> bool {
    let several = said.values.len() > 1 && said.choice == Choice::Of(Operator::Equal);
    choice == if several { Choice::Of(Operator::In) } else { said.choice }
}

fn value_fields(subject: &Subject, said: &Said, counted: Option<&Counted>) -> Markup {
    let is_range = said.choice == Choice::Between;
    let range =
        |index: usize| said.values.get(index).filter(|_| is_range).map_or("", String::as_str);
    let chosen: &[String] = if is_range { &[] } else { &said.values };
    // As the list of values spells it.
    let listed_as = |value: &String| {
        let found = counted?.values.iter().map(|(other, _)| other.as_str());
        let branch = BRANCHES.iter().map(|(name, ..)| *name).filter(|_| is_client(subject));
        let mut all = found.chain(branch).chain(members(subject));
        all.find(|other| other.eq_ignore_ascii_case(value)).map(str::to_owned)
    };
    let listed: Vec<String> = chosen.iter().filter_map(listed_as).collect();
    let typed: Vec<&String> = chosen.iter().filter(|value| listed_as(value).is_none()).collect();
    let typed: Vec<String> = typed.iter().map(|value| line(value)).collect();
    html! {
        @if counted.is_some() {
            div .line .find {
                input type="search" name="prefix" autocomplete="off" spellcheck="false"
                    placeholder="find a value" aria-label="Find a value"
                    hx-get="/signins/values" hx-trigger="input changed delay:150ms, search"
                    hx-target="#filter-values" hx-include="closest form" hx-sync="this:replace";
                button .button type="submit" formaction="/signins/filter" data-find { "Find" }
            }
        }
        div #filter-values .values { (choices(subject, &listed, counted)) }
        label .typed {
            span { @if counted.is_some() { "Other values" } @else { "Values" }
                ": one a line, or a pasted list" }
            textarea name="values" rows="3" spellcheck="false" autocomplete="off" {
                (typed.join("\n"))
            }
        }
        @if subject.has_order() {
            div .line .between {
                label { "from " input type="text" name="from" value=(range(0))
                    placeholder=(example(subject)) autocomplete="off"; }
                label { "to " input type="text" name="to" value=(range(1)) autocomplete="off"; }
            }
        }
    }
}

/// The values of a known set.
fn members(subject: &Subject) -> Vec<&'static str> {
    subject.column.map(Column::members).unwrap_or_default()
}

/// A value as it stands in a pasted list.
fn line(value: &str) -> String {
    match value.contains([',', ';', '"', '\t', '\n']) {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value.to_owned(),
    }
}

fn example(subject: &Subject) -> &'static str {
    if subject.kind == Kind::Time { "2026-03-01T08:00" } else { "0" }
}

/// Check boxes: what is chosen, then what is most frequent, then what is known but not there.
fn choices(subject: &Subject, chosen: &[String], counted: Option<&Counted>) -> Markup {
    let Some(counted) = counted else { return html! {} };
    if is_client(subject) {
        return tree::clients(chosen, counted);
    }
    let count_of =
        |value: &str| counted.values.iter().find(|(other, _)| other.eq_ignore_ascii_case(value));
    let members = members(subject);
    let first = chosen.iter().map(|value| (value.as_str(), count_of(value).map_or(0, |of| of.1)));
    let is_chosen = |value: &str| chosen.iter().any(|other| other.eq_ignore_ascii_case(value));
    let rest = counted.values.iter().filter(|(value, _)| !is_chosen(value));
    let rest = rest.map(|(value, count)| (value.as_str(), *count));
    let absent = members.into_iter().filter(|value| count_of(value).is_none() && !is_chosen(value));
    let shown: Vec<(&str, u64)> =
        first.chain(rest).chain(absent.map(|member| (member, 0))).collect();
    html! {
        @if shown.is_empty() { p .muted { "No values here." } }
        ul .choices-of-values {
            @for (value, count) in shown { (choice(subject, value, count, is_chosen(value))) }
        }
        p .muted .small {
            (grouped(counted.distinct))
            (if counted.distinct == 1 { " value" } else { " different values" })
            @if counted.empty > 0 { " · " (grouped(counted.empty)) " events without one" }
        }
    }
}

/// One value to choose.
pub(super) fn choice(subject: &Subject, value: &str, count: u64, is_chosen: bool) -> Markup {
    let meaning = say::meaning(subject, value);
    html! {
        li {
            label .check title=[meaning] {
                input type="checkbox" name="value" value=(value) checked[is_chosen];
                span .name .mono[subject.is_address()] {
                    (say::label(subject, value))
                    @if let Some(meaning) = meaning { " " span .muted { (meaning) } }
                }
                span .count { (grouped(count)) }
            }
        }
    }
}

/// What can be done with the term that is edited.
fn actions(asked: &Asked) -> Markup {
    let Some(asked::Place(index, number)) = asked.edited() else { return html! {} };
    let state = &asked.state;
    let pill = &state.pills.0[index];
    let turned = state.with(|state| {
        let term = &mut state.pills.0[index].terms[number];
        *term = term.turned();
    });
    let removed = state.with(|state| {
        state.pills.0[index].terms.remove(number);
        state.pills.0.retain(|pill| !pill.terms.is_empty());
    });
    let turned_off = state.with(|state| state.pills.0[index].disabled = !pill.disabled);
    let or = index.to_string();
    html! {
        a href=(turned.href()) { "Negate" }
        a href=(turned_off.href()) { @if pill.disabled { "Turn on" } @else { "Turn off" } }
        a href=(href(state, &[("or", &or)])) { "Or with…" }
        a href=(removed.href()) { "Remove" }
    }
}

/// Names of Entra that stand for several of our fields, by topic.
const SPECIAL: [(Topic, &str); 4] = [
    (Topic::Who, "user"),
    (Topic::Where, "location"),
    (Topic::ConditionalAccess, "policy"),
    (Topic::Authentication, "method"),
];

/// Entra's own filters, which come first.
const ENTRA: [&str; 21] = [
    "user",
    "userPrincipalName",
    "appDisplayName",
    "appId",
    "status",
    "status/errorCode",
    "ipAddress",
    "location",
    "resourceDisplayName",
    "resourceId",
    "clientAppUsed",
    "deviceDetail/operatingSystem",
    "deviceDetail/browser",
    "conditionalAccessStatus",
    "authenticationRequirement",
    "riskState",
    "riskLevelAggregated",
    "flaggedForReview",
    "id",
    "correlationId",
    "crossTenantAccessType",
];

/// The order of topics in the list.
pub(super) const TOPICS: [Topic; 12] = [
    Topic::Who,
    Topic::How,
    Topic::What,
    Topic::Where,
    Topic::Result,
    Topic::Device,
    Topic::ConditionalAccess,
    Topic::Authentication,
    Topic::Risk,
    Topic::TokenAndSession,
    Topic::Identifiers,
    Topic::Record,
];

/// A column as what it is about, where no short name takes its name for something else.
fn of_column(column: &'static Column) -> Option<Subject> {
    let is_it = |subject: &Subject| subject.column.is_some_and(|of| of.name == column.name);
    Subject::of(column.name).filter(is_it)
}

/// Everything that can be filtered in a tab, by topic, Entra's filters first.
pub(super) fn subjects(state: &super::super::state::State) -> Vec<(Topic, Vec<Subject>)> {
    let mut all: Vec<Subject> = SPECIAL
        .iter()
        .filter_map(|(topic, name)| Some(Subject { topic: *topic, ..Subject::of(name)? }))
        .collect();
    all.extend(columns::all().iter().filter_map(of_column));
    all.retain(|subject| subject.is_in(state.tab.0) && !subject.operators.is_empty());
    // `user` has the names and the identifier together.
    all.retain(|subject| subject.name != "userDisplayName");
    let mut seen = Vec::new();
    all.retain(|subject| {
        !seen.contains(&subject.name) && {
            seen.push(subject.name.clone());
            true
        }
    });
    let rank = |subject: &Subject| {
        ENTRA.iter().position(|name| *name == subject.name).unwrap_or(ENTRA.len())
    };
    all.sort_by_key(rank);
    let of = |topic: Topic| all.iter().filter(|s| s.topic == topic).cloned().collect::<Vec<_>>();
    let groups = TOPICS.map(|topic| (topic, of(topic)));
    groups.into_iter().filter(|(_, subjects)| !subjects.is_empty()).collect()
}

/// The list of fields to add a filter for.
fn fields(asked: &Asked) -> Markup {
    let or = asked.pill("or");
    let find = asked.own.get("find").unwrap_or_default();
    let wanted = find.to_lowercase();
    let is_wanted = |subject: &&Subject| subject.label.to_lowercase().contains(&wanted);
    html! {
        div .filter-form .fields-to-add {
            h2 {
                @match or {
                    Some(index) => { (words(&asked.state.pills.0[index])) " or…" }
                    None => "Add filter",
                }
            }
            form .line action="/signins/filter" method="get" data-filter-list {
                (hidden(&asked.state))
                @for (name, value) in asked.which() {
                    input type="hidden" name=(name) value=(value);
                }
                input type="search" name="find" value=(find) autocomplete="off" autofocus
                    placeholder="find a field" aria-label="Find a field";
                button .button type="submit" data-find { "Find" }
            }
            @if let Some(index) = or { (pills_to_join(asked, index)) }
            div .topics-box {
            div .topics {
                @for (topic, subjects) in subjects(&asked.state) {
                    @let subjects: Vec<&Subject> = subjects.iter().filter(is_wanted).collect();
                    @if !subjects.is_empty() {
                        section {
                            h3 { (topic.label()) }
                            ul {
                                @for subject in subjects {
                                    li {
                                        a href=(asked.href_of_field(&subject.name)) {
                                            (subject.label)
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            }
        }
    }
}

/// The other pills, as alternatives of this one.
fn pills_to_join(asked: &Asked, with: usize) -> Markup {
    let others = asked.state.pills.0.iter().enumerate().filter(|(index, _)| *index != with);
    html! {
        ul .joins {
            @for (index, pill) in others {
                li { a href=(joined(asked, index, with).href()) { "or " (words(pill)) } }
            }
        }
    }
}
