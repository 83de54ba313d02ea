//! An address, a network or an autonomous system: did anyone get in from there, and who tried?

use std::collections::HashMap;
use std::net::IpAddr;

use durward_detect::SubjectKind;
use durward_model::errors::Status;
use durward_model::{FieldId, Timestamp};
use durward_query::{Dimension, Filter, Op, Reader, Value};
use ipnet::IpNet;
use maud::{Markup, html};

use super::application::{Known, latest};
use super::count::{self, Sums, named, roll_up, text};
use super::panel::{self, at, fact, figures, plural, when};
use super::subject::{Asked, Subject, is, link_term};
use super::{Shown, baseline, graph, rows};
use crate::error::ApiError;
use crate::page::state::grouped;
use crate::page::{link, words};

/// Users listed at most.
const USERS_MAX: usize = 50;
/// Users named in the summary at most.
const NAMED_MAX: usize = 5;
/// User agents of which other addresses are looked for.
const AGENTS_MAX: usize = 3;

/// What identifies who tried, and how it went: the values that attempts are counted by.
const BY: [FieldId; 6] = [
    FieldId::UserId,
    FieldId::UserPrincipalName,
    FieldId::UserDisplayName,
    FieldId::ServicePrincipalId,
    FieldId::ServicePrincipalName,
    FieldId::MfaResult,
];

/// Somebody or something that tried to sign in.
#[derive(Clone, Debug, Default)]
struct Actor {
    id: String,
    name: String,
    is_workload: bool,
    /// By status, each with its first and last time.
    by_status: [Sums; 3],
    sums: Sums,
    /// Result of the second factor, and when that was.
    mfa: (Option<Timestamp>, String),
}

impl Actor {
    fn status(&self, status: Status) -> &Sums {
        &self.by_status[status as usize]
    }

    /// Did a success follow a failure?
    fn succeeded_after_failure(&self) -> bool {
        let success = self.status(Status::Success).last;
        let failure = self.status(Status::Failure).first;
        success.zip(failure).is_some_and(|(success, failure)| success > failure)
    }

    fn last_status(&self) -> Option<Status> {
        Status::ALL.into_iter().max_by_key(|status| self.status(*status).last)
    }

    /// What its sign-ins have.
    fn term(&self) -> String {
        let field = match (self.is_workload, self.id.contains('@')) {
            (true, _) => FieldId::ServicePrincipalId,
            (false, true) => FieldId::UserPrincipalName,
            (false, false) => FieldId::UserId,
        };
        link_term(field, &self.id)
    }

    fn page(&self) -> String {
        if self.is_workload { link::workload(&self.id) } else { link::user(&self.id) }
    }
}

/// Who tried, most attempts first.
fn actors(reader: &Reader, filter: &Filter) -> Result<Vec<Actor>, ApiError> {
    let by = BY.map(Dimension::Field).into_iter().chain([Dimension::Status]);
    let rows = count::by_dimensions(reader, filter, &by.collect::<Vec<_>>())?;
    let mut actors: HashMap<String, Actor> = HashMap::new();
    for row in &rows {
        let values: Vec<String> = row.keys.iter().map(text).collect();
        let [user, principal_name, name, workload, workload_name, mfa, status] = values.as_slice()
        else {
            continue;
        };
        let known = |id: &str| !id.is_empty() && id != super::subject::ZERO_GUID;
        let is_workload = known(workload);
        let (id, name) = match (is_workload, known(user)) {
            (true, _) => (workload, workload_name),
            (false, true) => (user, if name.is_empty() { principal_name } else { name }),
            (false, false) => (principal_name, principal_name),
        };
        if id.is_empty() {
            continue;
        }
        let actor = actors.entry(id.clone()).or_default();
        if actor.name.is_empty() {
            actor.name = if name.is_empty() { id.clone() } else { name.clone() };
        }
        (actor.id, actor.is_workload) = (id.clone(), is_workload);
        let sums = Sums::of(row);
        if let Some(status) = Status::from_name(status) {
            actor.by_status[status as usize].add(&sums);
        }
        if !mfa.is_empty() && sums.last > actor.mfa.0 {
            actor.mfa = (sums.last, mfa.clone());
        }
        actor.sums.add(&sums);
    }
    let mut actors: Vec<Actor> = actors.into_values().collect();
    actors.sort_by(|a, b| b.sums.total().cmp(&a.sums.total()).then_with(|| a.id.cmp(&b.id)));
    Ok(actors)
}

/// `GET /ips/{address}` and `GET /ips/{address}/{prefix length}`
pub(super) fn look(reader: &Reader, asked: &Asked) -> Result<Option<Shown>, ApiError> {
    let title = asked.parts.join("/");
    let net = match asked.parts.len() {
        1 => title.parse::<IpAddr>().ok().map(IpNet::from),
        _ => {
            let message = "a network is an address and the length of its prefix, as in \
                           /ips/203.0.113.0/24";
            let net = title.parse::<IpNet>();
            Some(net.map_err(|_| ApiError::bad_request(message).parameter("length"))?.trunc())
        }
    };
    // Under a mask addresses are names that stand for them.
    let filter = match net {
        Some(net) => Filter::field(FieldId::IpAddress, Op::Cidr(net)),
        None => is(FieldId::IpAddress, &title),
    };
    let term = link_term(FieldId::IpAddress, &title);
    let Some(subject) = Subject::of(reader, asked, term, filter)? else { return Ok(None) };
    page(reader, asked, subject, &title, net)
}

/// `GET /asn/{number}`
pub(super) fn look_asn(reader: &Reader, asked: &Asked) -> Result<Option<Shown>, ApiError> {
    let number = asked.id().trim_start_matches("AS");
    if number.parse::<u32>().is_err() {
        let message = "the number of an autonomous system is a whole number";
        return Err(ApiError::bad_request(message).parameter("id"));
    }
    let field = FieldId::AutonomousSystemNumber;
    let (term, filter) = (link_term(field, number), is(field, number));
    let Some(subject) = Subject::of(reader, asked, term, filter)? else { return Ok(None) };
    page(reader, asked, subject, &format!("AS{number}"), None)
}

fn page(
    reader: &Reader,
    asked: &Asked,
    subject: Subject,
    title: &str,
    net: Option<IpNet>,
) -> Result<Option<Shown>, ApiError> {
    let actors = actors(reader, &subject.filter)?;
    let known = Known::ask(reader, subject)?;
    let subject = &known.subject;
    let list = asked.scope.href("/ips", &[]);
    let usual = known.usual(asked);
    let networks = baseline::networks(reader, subject)?;
    let verdict = verdict(asked, &known, &actors, title);
    let found = asked.findings(&[SubjectKind::Address], title)?;
    let body = html! {
        (panel::heading(("Networks", &list), title, &verdict, &html! {
            a .button .primary href=(subject.events(&asked.scope, &[])) { "Open in the explorer" }
        }))
        (identity(asked, subject, net))
        (found)
        @if known.sums.total() == 0 { (panel::nothing_now(asked, subject)) }
        @else {
            (numbers(asked, &known, &actors))
            (table(asked, subject, &actors))
            (graph::of_subject(asked, subject, &known.hours, "Attempts"))
            div .grid {
                (neighbours(reader, asked, &known, net)?)
                (known.errors_panel(asked))
                (usual.values("Places", roll_up(&networks, &[1, 0]), FieldId::City, None))
            }
            (latest(asked, &known))
        }
    };
    Ok(Some(Shown { title: title.to_owned(), body, rows: known.sums.total() }))
}

/// Did it succeed with anyone? The answer comes first.
fn verdict(asked: &Asked, known: &Known, actors: &[Actor], title: &str) -> Markup {
    let subject = &known.subject;
    let into: Vec<&Actor> =
        actors.iter().filter(|actor| actor.status(Status::Success).total() > 0).collect();
    let after = into.iter().filter(|actor| actor.succeeded_after_failure()).count() as u64;
    let successes = subject.events(&asked.scope, &["status=success".to_owned()]);
    if known.sums.total() == 0 {
        return html! { b { "No attempts" } " from " (title) " " (when(asked)) "." };
    }
    if known.sums.successes() == 0 {
        return html! {
            b { "No: " } (title) " succeeded with nobody " (when(asked)) ". "
            (panel::number(known.sums.total(), &subject.events(&asked.scope, &[]), "attempts"))
            " on " (plural(actors.len() as u64, "identity", "identities")) ", none completed."
        };
    }
    html! {
        b { "Yes: " } (title) " succeeded with "
        a href=(successes) { (plural(into.len() as u64, "identity", "identities")) }
        " " (when(asked)) " ("
        @for (index, actor) in into.iter().take(NAMED_MAX).enumerate() {
            @if index > 0 { ", " }
            a href=(asked.scope.href(&actor.page(), &[])) { (actor.name) }
        }
        @if into.len() > NAMED_MAX { " and " (into.len() - NAMED_MAX) " more" }
        ")"
        @if after > 0 { ", with " (grouped(after)) " of them after failures" }
        "."
    }
}

fn identity(asked: &Asked, subject: &Subject, net: Option<IpNet>) -> Markup {
    let asn = subject.text(FieldId::AutonomousSystemNumber);
    let around = net.and_then(around);
    html! {
        section .panel .facts-card .wide-facts {
            (panel::facts(&[
                ("Place", fact(&rows::derived(&subject.newest, "location"))),
                ("Autonomous system", html! {
                    @if !asn.is_empty() {
                        a href=(asked.scope.href(&link::asn(&asn), &[])) { "AS" (asn) }
                    }
                }),
                ("Named location", fact(&rows::derived(&subject.newest, "networkLocationDetails"))),
                ("Network around it", html! {
                    @if let Some(around) = around {
                        a href=(asked.scope.href(&link::ip(&around.to_string()), &[])) { (around) }
                    }
                }),
                ("First seen", at(Some(subject.first_ever), asked.now)),
                ("Last seen", at(Some(subject.newest.row().created), asked.now)),
            ]))
        }
    }
}

/// The network that a site usually has: /24, or /48 of IPv6.
fn around(net: IpNet) -> Option<IpNet> {
    let length = if net.addr().is_ipv4() { 24 } else { 48 };
    if net.prefix_len() <= length {
        return None;
    }
    IpNet::new(net.addr(), length).ok().map(|net| net.trunc())
}

fn numbers(asked: &Asked, known: &Known, actors: &[Actor]) -> Markup {
    let events = |terms: &[String]| known.subject.events(&asked.scope, terms);
    let status = |name: &str| events(&[format!("status={name}")]);
    let after: Vec<&Actor> =
        actors.iter().filter(|actor| actor.succeeded_after_failure()).collect();
    html! {
        (figures(&[
            (known.users, events(&[]), "users"),
            (known.sums.total(), events(&[]), "attempts"),
            (known.sums.failures(), status("failure"), "failed"),
            (known.sums.successes(), status("success"), "succeeded"),
            (after.len() as u64, status("success"), "succeeded after failures"),
        ]))
        @if !after.is_empty() {
            p .warning {
                "Succeeded after failures: "
                @for (index, actor) in after.iter().take(USERS_MAX).enumerate() {
                    @if index > 0 { ", " }
                    a href=(asked.scope.href(&actor.page(), &[])) { (actor.name) }
                }
                @if after.len() > USERS_MAX { " and " (after.len() - USERS_MAX) " more" }
            }
        }
    }
}

fn table(asked: &Asked, subject: &Subject, actors: &[Actor]) -> Markup {
    html! {
        section .panel .latest {
            header { h2 { "Who tried" } }
            div .scroll tabindex="0" role="group" aria-label="Who tried" {
                table .list {
                    thead {
                        tr {
                            @for name in ["User or workload", "Attempts", "Failures", "Successes",
                                "Last result", "MFA result", "First", "Last"] {
                                th scope="col" { (name) }
                            }
                        }
                    }
                    tbody {
                        @for actor in actors.iter().take(USERS_MAX) {
                            (tried(asked, subject, actor))
                        }
                    }
                }
            }
            @if actors.len() > USERS_MAX {
                p .rest {
                    a href=(subject.events(&asked.scope, &[])) {
                        "and " (actors.len() - USERS_MAX) " more"
                    }
                }
            }
        }
    }
}

fn tried(asked: &Asked, subject: &Subject, actor: &Actor) -> Markup {
    let count = |status: Option<Status>| {
        let sums = status.map_or(&actor.sums, |status| actor.status(status));
        let mut terms = vec![actor.term()];
        terms.extend(status.map(|status| format!("status={}", status.name().to_lowercase())));
        let href = subject.events(&asked.scope, &terms);
        let total = sums.total();
        html! { @if total > 0 { a href=(href) { (grouped(total)) } } @else { "0" } }
    };
    html! {
        tr .row .warned[actor.succeeded_after_failure()] {
            td { a href=(asked.scope.href(&actor.page(), &[])) { (actor.name) } }
            td { (count(None)) }
            td { (count(Some(Status::Failure))) }
            td { (count(Some(Status::Success))) }
            td { @if let Some(status) = actor.last_status() { (words::pill(status)) } }
            td { (actor.mfa.1) }
            td { (at(actor.sums.first, asked.now)) }
            td { (at(actor.sums.last, asked.now)) }
        }
    }
}

/// Other addresses close by, and others with the same user agents.
fn neighbours(
    reader: &Reader,
    asked: &Asked,
    known: &Known,
    net: Option<IpNet>,
) -> Result<Markup, ApiError> {
    let usual = known.usual(asked);
    let scope = asked.scope.filter(asked.now);
    let own = match net {
        Some(net) => Filter::field(FieldId::IpAddress, Op::Cidr(net)).not(),
        None => known.subject.filter.clone().not(),
    };
    let others = |filter: Filter| -> Result<_, ApiError> {
        let found = count::by_fields(reader, &filter.and(own.clone()), &[FieldId::IpAddress])?;
        let line = |entry: count::Entry| {
            let ip = entry.value(0);
            let terms = [link_term(FieldId::IpAddress, ip)];
            panel::Line {
                label: ip.to_owned(),
                page: Some(asked.scope.href(&link::ip(ip), &[])),
                events: link::signins(&asked.scope, None, &terms),
                note: String::new(),
                sums: entry.sums,
            }
        };
        Ok(named(&found, &[0]).into_iter().map(line).collect::<Vec<_>>())
    };
    let close = match net.and_then(around) {
        Some(around) => {
            others(scope.clone().and(Filter::field(FieldId::IpAddress, Op::Cidr(around))))?
        }
        None => Vec::new(),
    };
    let agents = count::by_fields(reader, &known.subject.filter, &[FieldId::UserAgent])?;
    let agents = roll_up(&agents, &[0]).into_iter().take(AGENTS_MAX);
    let agents: Vec<Value> = agents.map(|entry| Value::Text(entry.value(0).to_owned())).collect();
    let alike = match agents.is_empty() {
        true => Vec::new(),
        false => others(scope.and(Filter::field(FieldId::UserAgent, Op::In(agents))))?,
    };
    Ok(html! {
        (usual.others("Neighbours in the network", close))
        (usual.others("Same user agent", alike))
    })
}
