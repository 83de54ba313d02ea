//! What people do with alerts.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::http::HeaderMap;
use axum::response::Response;
use durward_access::Right;
use durward_detect::alerts::{AlertChange, AlertState, NewSuppression, Verdict};
use durward_detect::risk::{By, Reach};
use durward_detect::{Book, SubjectKind};
use durward_model::Timestamp;
use durward_model::time::HOUR_MICROS;

use crate::access::gate::{self, redirect};
use crate::access::{Asking, Caller};
use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;
use crate::risk::{RiskSight, refused, run};

use super::marks::changed;
use super::{missing, number_of};

/// States that people choose: in forms, in words.
pub(super) const CHOICES: [(&str, &str, AlertState); 5] = [
    ("inProgress", "In progress", AlertState::InProgress),
    ("truePositive", "Closed: true positive", AlertState::Closed(Verdict::TruePositive)),
    ("falsePositive", "Closed: false positive", AlertState::Closed(Verdict::FalsePositive)),
    ("benignPositive", "Closed: benign positive", AlertState::Closed(Verdict::BenignPositive)),
    ("new", "New", AlertState::New),
];

/// Hours that a suppression can last.
pub(super) const HOURS: [(u32, &str); 5] =
    [(4, "4 hours"), (24, "1 day"), (168, "7 days"), (720, "30 days"), (2160, "90 days")];

/// The one who does it, with a note.
pub(super) fn by(caller: &Caller, note: &str) -> By {
    By {
        id: caller.actor().id,
        name: caller.name(),
        note: note.to_owned(),
        at_micros: Timestamp::now().micros,
    }
}

/// Whose alerts somebody may work on.
fn reach_of(caller: &Caller) -> Reach {
    RiskSight::by(caller, Right::WorkAlerts).reach()
}

/// Fails unless the alert may be worked on.
fn check_reach(book: &Book, number: i64, reach: &Reach) -> Result<(), ApiError> {
    book.alert(number, reach).map_err(refused)?.map(|_| ()).ok_or_else(missing)
}

fn state_of(name: &str) -> Option<AlertState> {
    CHOICES.iter().find(|(known, ..)| *known == name).map(|(.., state)| *state)
}

/// `POST /alerts`: `n.NUMBER=true` for each alert.
pub(super) async fn change_many(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = gate::form(&headers, body).await?;
    let numbers = form.0.iter().filter_map(|(name, _)| name.strip_prefix("n."));
    let numbers = numbers.map(number_of).collect::<Result<Vec<i64>, ApiError>>()?;
    if numbers.is_empty() {
        return Err(ApiError::bad_request("no alert is selected: tick some first"));
    }
    let named: Vec<&str> = form.0.iter().map(|(name, _)| name.as_str()).collect();
    let mut known: Vec<&str> =
        named.iter().copied().filter(|name| name.starts_with("n.")).collect();
    known.extend(["csrf", "back", "do", "note"]);
    form.only(&known)?;
    let what = form.get("do").unwrap_or_default();
    let change = match (what, state_of(what)) {
        ("me", _) => AlertChange { assignee: Some(caller.name()), ..AlertChange::default() },
        (_, Some(state)) => AlertChange { state: Some(state), ..AlertChange::default() },
        _ => return Err(ApiError::bad_request("'do' is no state").parameter("do")),
    };
    let (by, reach) = (by(&caller, form.get("note").unwrap_or_default()), reach_of(&caller));
    let (written, all) = (change.clone(), numbers.clone());
    run(&app, move |book| {
        all.iter().try_for_each(|number| check_reach(book, *number, &reach))?;
        book.change_alerts(&all, &written, &by).map_err(refused)
    })
    .await?;
    let target: Vec<String> = numbers.iter().map(|number| format!("#{number}")).collect();
    let back = form.get("back").filter(|back| back.starts_with("/alerts")).unwrap_or("/alerts");
    Ok(changed(&target.join(" "), words(&change), redirect(back)))
}

/// A change in words.
fn words(change: &AlertChange) -> String {
    let state = change.state.map(AlertState::words);
    let assignee = change.assignee.as_ref().map(|name| match name.is_empty() {
        true => "unassigned".to_owned(),
        false => format!("assigned to {name}"),
    });
    let check = change
        .check
        .as_ref()
        .map(|(text, is_done)| format!("{}: {text}", if *is_done { "done" } else { "not done" }));
    let all: Vec<String> = [state, assignee, check].into_iter().flatten().collect();
    if all.is_empty() { "a note".to_owned() } else { all.join(", ") }
}

/// `POST /alerts/{id}`: state, assignee and note.
pub(super) async fn change_one(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = gate::form(&headers, body).await?;
    form.only(&["csrf", "version", "state", "assignee", "me", "note"])?;
    let state = form
        .get("state")
        .map(|name| state_of(name).ok_or_else(|| ApiError::bad_request("there is no such state")));
    let given = form.0.iter().find(|(name, _)| name == "assignee");
    let assignee = match form.flag("me")? {
        true => Some(caller.name()),
        false => given.map(|(_, name)| name.trim().to_owned()),
    };
    let version = form
        .get("version")
        .map(|text| text.parse().map_err(|_| ApiError::bad_request("'version' must be a number")));
    let change = AlertChange {
        seen_version: version.transpose()?,
        state: state.transpose()?,
        assignee,
        check: None,
    };
    write(&app, &caller, &id, change, form.get("note").unwrap_or_default()).await
}

async fn write(
    app: &Arc<App>,
    caller: &Caller,
    id: &str,
    change: AlertChange,
    note: &str,
) -> Result<Response, ApiError> {
    let number = number_of(id)?;
    let (by, reach, what) = (by(caller, note), reach_of(caller), words(&change));
    run(app, move |book| {
        check_reach(book, number, &reach)?;
        book.change_alert(number, &change, &by).map_err(refused)
    })
    .await?;
    Ok(changed(&format!("#{number}"), what, redirect(&format!("/alerts/{number}"))))
}

/// `POST /alerts/{id}/check`
pub(super) async fn check(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = gate::form(&headers, body).await?;
    form.only(&["csrf", "check", "done"])?;
    let text = form.get("check").unwrap_or_default().to_owned();
    if text.is_empty() {
        return Err(ApiError::bad_request("'check' names no check").parameter("check"));
    }
    let check = Some((text, form.flag("done")?));
    let change = AlertChange { check, ..AlertChange::default() };
    write(&app, &caller, &id, change, "").await
}

/// `POST /alerts/{id}/suppress`
pub(super) async fn suppress(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form = gate::form(&headers, body).await?;
    form.only(&["csrf", "what", "hours", "reason"])?;
    let number = number_of(&id)?;
    let hours = form.number("hours", 24, 24 * 366)? as i64;
    let (by, reach) = (by(&caller, ""), reach_of(&caller));
    let (is_any, reason) = (form.get("what") == Some("subject"), form.get("reason"));
    let reason = reason.unwrap_or_default().to_owned();
    let what = run(&app, move |book| {
        let alert = book.alert(number, &reach).map_err(refused)?.ok_or_else(missing)?.alert;
        let subject = alert.subject;
        // All of a tenant's findings have the tenant as their subject: only this detection's.
        let is_any = is_any && subject.kind != SubjectKind::Tenant;
        let new = NewSuppression {
            tenant: Some(alert.tenant),
            detection: (!is_any).then_some(alert.detection),
            subject_kind: Some(subject.kind),
            subject: Some(subject.id),
            reason,
            ..NewSuppression::default()
        };
        let until = by.at_micros + hours * HOUR_MICROS;
        book.suppress(&new, Some(until), &by).map_err(refused)?;
        Ok(format!("suppressed for {hours} h: {}", new.detection.as_deref().unwrap_or("all")))
    })
    .await?;
    Ok(changed(&format!("#{number}"), what, redirect("/alerts/suppressions")))
}

/// `POST /alerts/deliveries/retry`
pub(super) async fn retry(
    Shared(app): Shared<Arc<App>>,
    Asking(caller): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let form: Params = gate::form(&headers, body).await?;
    form.only(&["csrf", "alert", "delivery"])?;
    let alert = number_of(form.get("alert").unwrap_or_default())?;
    let delivery = form.number("delivery", 0, usize::MAX)? as i64;
    let reach = reach_of(&caller);
    run(&app, move |book| {
        let details = book.alert(alert, &reach).map_err(refused)?.ok_or_else(missing)?;
        if !details.deliveries.iter().any(|one| one.number == delivery) {
            return Err(ApiError::not_found("the alert has no such delivery"));
        }
        book.retry_delivery(delivery, Timestamp::now().micros).map_err(refused)
    })
    .await?;
    let what = format!("delivery {delivery} again");
    Ok(changed(&format!("#{alert}"), what, redirect(&format!("/alerts/{alert}#deliveries"))))
}
