//! A service principal or managed identity: its credentials, where it comes from, what it uses.

use durward_detect::SubjectKind;
use durward_model::FieldId;
use durward_query::Reader;
use maud::{Markup, html};

use super::application::{Known, latest};
use super::count::{self, Entry, named, roll_up};
use super::panel::{self, Line, at, code, fact};
use super::spark::percent;
use super::subject::{Asked, Subject, link_term};
use super::{Shown, graph, rows};
use crate::error::ApiError;
use crate::page::link;
use crate::page::state::grouped;

const CREDENTIAL: [FieldId; 3] = [
    FieldId::ServicePrincipalCredentialKeyId,
    FieldId::ClientCredentialType,
    FieldId::ServicePrincipalCredentialThumbprint,
];
/// Credentials listed at most.
const CREDENTIALS_MAX: usize = 20;

/// `GET /workloads/{id}`
pub(super) fn look(reader: &Reader, asked: &Asked) -> Result<Option<Shown>, ApiError> {
    let fields = [FieldId::ServicePrincipalId, FieldId::ServicePrincipalName];
    let Some(subject) = Subject::find(reader, asked, &fields)? else { return Ok(None) };
    let title = rows::first_of(&subject.newest, &[fields[1], fields[0]]);
    let known = Known::ask(reader, subject)?;
    let by = |fields: &[FieldId]| count::by_fields(reader, &known.subject.filter, fields);
    let credentials = by(&CREDENTIAL)?;
    let resources = by(&[FieldId::ResourceId, FieldId::ResourceDisplayName])?;
    let sources =
        by(&[FieldId::IpAddress, FieldId::AutonomousSystemNumber, FieldId::CountryOrRegion])?;
    let subject = &known.subject;
    let usual = known.usual(asked);
    let list = asked.scope.href("/workloads", &[]);
    let kinds = [SubjectKind::Workload, SubjectKind::Agent];
    let found = asked.findings(&kinds, &subject.text(FieldId::ServicePrincipalId))?;
    let body = html! {
        (panel::heading(
            ("Workload identities", &list),
            &title,
            &verdict(asked, &known, &title, &resources, &sources),
            &html! {
                a .button .primary href=(subject.events(&asked.scope, &[])) {
                    "View sign-in activity"
                }
            },
        ))
        (identity(asked, subject))
        (found)
        @if known.sums.total() == 0 { (panel::nothing_now(asked, subject)) }
        @else {
            (graph::of_subject(asked, subject, &known.hours, "Sign-ins"))
            (credentials_panel(asked, subject, &credentials))
            div .grid {
                (usual.values("Resources", named(&resources, &[0, 1]), FieldId::ResourceId,
                    Some(link::resource)))
                (usual.panel("Sources", source_lines(asked, subject, &sources)))
                (usual.autonomous_systems(&as_networks(&sources)))
                (known.errors_panel(asked))
            }
            (latest(asked, &known))
        }
    };
    Ok(Some(Shown { title, body, rows: known.sums.total() }))
}

fn verdict(
    asked: &Asked,
    known: &Known,
    title: &str,
    resources: &[Entry],
    sources: &[Entry],
) -> Markup {
    let events = known.subject.events(&asked.scope, &[]);
    let count = |entries: &[Entry]| roll_up(entries, &[0]).len() as u64;
    html! {
        (title) " has " (panel::sign_ins(known.sums.total(), &events)) " "
        (panel::when(asked)) " to "
        (panel::plural(count(resources), "resource", "resources")) " from "
        (panel::plural(count(sources), "address", "addresses")) "; "
        (percent(known.sums.successes(), known.sums.total())) " succeeded. "
        @if known.sums.total() > 0 { (known.worst(asked)) }
    }
}

fn identity(asked: &Asked, subject: &Subject) -> Markup {
    use FieldId::{AppId, AzureResourceId, ServicePrincipalId, TenantId};
    let of = |field| code(&subject.text(field));
    html! {
        section .panel .facts-card .wide-facts {
            (panel::facts(&[
                ("Service principal ID", of(ServicePrincipalId)),
                ("Application ID", html! {
                    @let id = subject.text(AppId);
                    @if !id.is_empty() { a href=(asked.scope.href(&link::app(&id), &[])) { (id) } }
                }),
                ("Type", fact(durward_model::columns::text::log_label(subject.newest.row().log))),
                ("Managed identity type", fact(&rows::derived(
                    &subject.newest, "managedServiceIdentity/msiType"
                ))),
                ("Azure resource", of(AzureResourceId)),
                ("Tenant", of(TenantId)),
                ("First sign-in", at(Some(subject.first_ever), asked.now)),
                ("Last sign-in", at(Some(subject.newest.row().created), asked.now)),
            ]))
        }
    }
}

/// What it proves itself with: which keys, and when each was used last.
fn credentials_panel(asked: &Asked, subject: &Subject, credentials: &[Entry]) -> Markup {
    let known: Vec<&Entry> =
        credentials.iter().filter(|entry| entry.values.iter().any(|v| !v.is_empty())).collect();
    html! {
        @if !known.is_empty() {
            section .panel .latest {
                header { h2 { "Credentials" } }
                div .scroll tabindex="0" role="group" aria-label="Credentials" {
                    table .list {
                        thead {
                            tr {
                                @for name in ["Type", "Key ID", "Thumbprint", "Sign-ins",
                                    "First used", "Last used"] {
                                    th scope="col" { (name) }
                                }
                            }
                        }
                        tbody {
                            @for entry in known.iter().take(CREDENTIALS_MAX) {
                                (credential(asked, subject, entry))
                            }
                        }
                    }
                }
                @if known.len() > CREDENTIALS_MAX {
                    p .muted .rest { "and " (known.len() - CREDENTIALS_MAX) " more" }
                }
            }
        }
    }
}

fn credential(asked: &Asked, subject: &Subject, entry: &Entry) -> Markup {
    let terms: Vec<String> = CREDENTIAL
        .iter()
        .zip(&entry.values)
        .filter(|(_, value)| !value.is_empty())
        .map(|(field, value)| link_term(*field, value))
        .collect();
    html! {
        tr .row {
            td { (entry.value(1)) }
            td .mono { (entry.value(0)) }
            td .mono { span .clip title=(entry.value(2)) { (entry.value(2)) } }
            td {
                a href=(subject.events(&asked.scope, &terms)) { (grouped(entry.sums.total())) }
            }
            td { (at(entry.sums.first, asked.now)) }
            td { (at(entry.sums.last, asked.now)) }
        }
    }
}

/// Addresses with their network and country.
fn source_lines(asked: &Asked, subject: &Subject, sources: &[Entry]) -> Vec<Line> {
    let line = |entry: Entry| {
        let ip = entry.value(0);
        let network =
            if entry.value(1).is_empty() { String::new() } else { format!("AS{}", entry.value(1)) };
        let parts = [network.as_str(), entry.value(2)];
        let note: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Line {
            label: ip.to_owned(),
            page: Some(asked.scope.href(&link::ip(ip), &[])),
            events: subject.events(&asked.scope, &[link_term(FieldId::IpAddress, ip)]),
            note: note.join(" "),
            sums: entry.sums,
        }
    };
    named(sources, &[0, 1, 2]).into_iter().map(line).collect()
}

/// The sources in the order of values of [`super::baseline::networks`].
fn as_networks(sources: &[Entry]) -> Vec<Entry> {
    let entry = |entry: &Entry| {
        let mut values = vec![String::new(); 5];
        values[4] = entry.value(1).to_owned();
        Entry { values, sums: entry.sums }
    };
    sources.iter().map(entry).collect()
}
