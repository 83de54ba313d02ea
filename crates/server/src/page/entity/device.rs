//! A device: what it is, who uses it, where and for what.

use durward_model::FieldId;
use durward_query::Reader;
use maud::{Markup, html};

use super::application::{Known, latest};
use super::count::{self, Entry, named, roll_up};
use super::panel::{self, at, code, fact};
use super::subject::{Asked, Subject};
use super::{Shown, baseline, graph, rows};
use crate::error::ApiError;
use crate::page::link;

/// `GET /devices/{id}`
pub(super) fn look(reader: &Reader, asked: &Asked) -> Result<Option<Shown>, ApiError> {
    let fields = [FieldId::DeviceId, FieldId::DeviceDisplayName];
    let Some(subject) = Subject::find(reader, asked, &fields)? else { return Ok(None) };
    let title = rows::first_of(&subject.newest, &[fields[1], fields[0]]);
    let known = Known::ask(reader, subject)?;
    let subject = &known.subject;
    let by = |fields: &[FieldId]| count::by_fields(reader, &subject.filter, fields);
    let users = by(&[FieldId::UserId, FieldId::UserDisplayName])?;
    let apps = by(&[FieldId::AppId, FieldId::AppDisplayName])?;
    let networks = baseline::networks(reader, subject)?;
    let users = named(&users, &[0, 1]);
    let usual = known.usual(asked);
    let body = html! {
        (panel::heading(
            ("Devices", &asked.scope.href("/devices", &[])),
            &title,
            &verdict(asked, &known, &title, &users),
            &html! {
                a .button .primary href=(subject.events(&asked.scope, &[])) {
                    "View sign-in activity"
                }
            },
        ))
        (identity(asked, subject))
        @if known.sums.total() == 0 { (panel::nothing_now(asked, subject)) }
        @else {
            (graph::of_subject(asked, subject, &known.hours, "Sign-ins"))
            div .grid {
                (usual.values("Users", users, FieldId::UserId, Some(link::user)))
                (usual.applications(&apps))
                (usual.values("Places", roll_up(&networks, &[1, 0]), FieldId::City, None))
                (usual.autonomous_systems(&networks))
                (usual.hours(&known.hours))
                (known.errors_panel(asked))
            }
            (latest(asked, &known))
        }
    };
    Ok(Some(Shown { title, body, rows: known.sums.total() }))
}

fn verdict(asked: &Asked, known: &Known, title: &str, users: &[Entry]) -> Markup {
    let subject = &known.subject;
    let system = subject.text(FieldId::OperatingSystem);
    let compliant = match subject.text(FieldId::IsCompliant).as_str() {
        "Yes" => ", compliant",
        "No" => ", not compliant",
        _ => "",
    };
    let only = match users {
        [only] => Some(only),
        _ => None,
    };
    html! {
        (title)
        @if !system.is_empty() { " (" (system) (compliant) ")" }
        " was used by "
        @match only {
            Some(user) => a href=(asked.scope.href(&link::user(user.value(0)), &[])) {
                @if user.value(1).is_empty() { (user.value(0)) } @else { (user.value(1)) }
            },
            None => (panel::plural(users.len() as u64, "user", "users")),
        }
        " for "
        (panel::sign_ins(known.sums.total(), &subject.events(&asked.scope, &[])))
        " " (panel::when(asked)) "; "
        (panel::number(
            known.sums.failures(),
            &subject.events(&asked.scope, &["status=failure".to_owned()]),
            "failed",
        ))
        "."
    }
}

fn identity(asked: &Asked, subject: &Subject) -> Markup {
    use FieldId::{Browser, IsCompliant, IsManaged, OperatingSystem, TrustType};
    let of = |field: FieldId| fact(&subject.text(field));
    html! {
        section .panel .facts-card .wide-facts {
            (panel::facts(&[
                ("Device ID", code(&subject.text(FieldId::DeviceId))),
                ("Name", of(FieldId::DeviceDisplayName)),
                ("Operating system", of(OperatingSystem)),
                ("Browser", of(Browser)),
                ("Join type", of(TrustType)),
                ("Compliant", of(IsCompliant)),
                ("Managed", of(IsManaged)),
                ("First sign-in", at(Some(subject.first_ever), asked.now)),
                ("Last sign-in", at(Some(subject.newest.row().created), asked.now)),
            ]))
        }
    }
}
