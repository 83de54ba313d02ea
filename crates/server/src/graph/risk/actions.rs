//! Decisions: confirm compromised, confirm safe, dismiss.
//!
//! A decision takes the right to decide about everybody it names; if one of them is not to be
//! found, or not within the caller's reach, nothing is decided about anybody.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use durward_access::Right;
use durward_detect::risk::{By, Decision, DetectionFacts, RiskySignIn, SubjectKey};
use durward_detect::{Book, SubjectKind};
use durward_model::{Cell, Event, FieldId, Log, Timestamp};
use durward_query::{Filter, ListRequest, Op, Order, Reader, Value as Wanted};
use serde_json::Value;

use super::{Family, family_of, find_subject, missing};
use crate::access::{Asking, Caller, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::guard;
use crate::risk::{RiskSight, refused, run};

/// Largest body, in bytes.
const BODY_BYTES_MAX: usize = 64 << 10;
/// The member that names sign-ins.
const SIGN_IN_IDS: &str = "requestIds";
/// Most things that are decided about at once.
const IDS_MAX: usize = 500;

/// What is to be decided.
struct Asked {
    decision: Decision,
    ids: Vec<String>,
    note: String,
}

/// The decision that an address ends in.
fn decision_of(uri: &Uri) -> Result<Decision, ApiError> {
    let name = uri.path().rsplit('/').next().unwrap_or_default();
    let found = Decision::from_name(name);
    found.ok_or_else(|| ApiError::not_found(format!("there is no action '{name}'")))
}

async fn read(
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
    member: &'static str,
) -> Result<Asked, ApiError> {
    let decision = decision_of(uri)?;
    guard::check_content_type(headers, &["application/json"])?;
    let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
        let message = format!("the request is larger than {BODY_BYTES_MAX} bytes");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLarge", message)
    })?;
    let wrong = || {
        let message = format!(
            "The body must be a JSON object with '{member}', a list of 1 to {IDS_MAX} texts, and \
             nothing else but a 'note'."
        );
        ApiError::bad_request(message).parameter(member)
    };
    let Ok(Value::Object(mut object)) = serde_json::from_slice(&bytes) else {
        return Err(wrong());
    };
    let ids = match object.remove(member) {
        Some(Value::Array(ids)) => ids,
        _ => return Err(wrong()),
    };
    let text = |id: Value| match id {
        Value::String(text) if !text.is_empty() => Ok(text),
        _ => Err(wrong()),
    };
    let mut ids: Vec<String> = ids.into_iter().map(text).collect::<Result<_, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    let note = match object.remove("note") {
        Some(Value::String(note)) => note,
        None | Some(Value::Null) => String::new(),
        Some(_) => return Err(wrong()),
    };
    if ids.is_empty() || ids.len() > IDS_MAX || !object.is_empty() {
        return Err(wrong());
    }
    Ok(Asked { decision, ids, note })
}

fn by(caller: &Caller, note: String) -> By {
    let actor = caller.actor();
    By { id: actor.id, name: actor.name, note, at_micros: Timestamp::now().micros }
}

/// What was done, for the access log.
fn done(asked: &Asked, member: &str) -> Looked {
    let mut query = format!("{} {member}={}", asked.decision.name(), asked.ids.join(","));
    if !asked.note.is_empty() {
        query.push_str(" note=");
        query.push_str(&asked.note);
    }
    let target = match asked.ids.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    };
    let rows = Some(asked.ids.len() as u64);
    Looked { rows, target, query: Some(query), ..Looked::default() }
}

/// `POST /{version}/identityProtection/{collection}/{decision}`
pub(super) async fn decide(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let family = family_of(&uri)?;
    let asked = read(&uri, &headers, body, family.ids).await?;
    let looked = on_subjects(&app, &caller, family, asked).await?;
    Ok(looked.on(StatusCode::NO_CONTENT.into_response()))
}

/// Decides about subjects of a kind, all or none.
pub(crate) async fn decide_about(
    app: &Arc<App>,
    caller: &Caller,
    kind: SubjectKind,
    decision: Decision,
    (ids, note): (Vec<String>, String),
) -> Result<Looked, ApiError> {
    let family = super::FAMILIES.iter().find(|family| family.kind == kind && !family.is_detections);
    let family = family.ok_or_else(|| ApiError::not_found("such things have no risk"))?;
    on_subjects(app, caller, family, Asked { decision, ids, note }).await
}

async fn on_subjects(
    app: &Arc<App>,
    caller: &Caller,
    family: &'static Family,
    asked: Asked,
) -> Result<Looked, ApiError> {
    let decision = asked.decision;
    if !family.decisions.contains(&decision) {
        let message = format!("there is no {} for {}", decision.name(), family.what);
        return Err(ApiError::not_found(message));
    }
    let sight = RiskSight::by(caller, family.right);
    // A pseudonym must not be taken for somebody.
    let is_masked = sight.masks_names() || caller.sight().mask().names;
    let (wanted, own) = (asked.ids.clone(), sight.clone());
    let known = run(app, move |book| {
        wanted.iter().map(|id| known(book, &own, family, id)).collect::<Result<Vec<_>, _>>()
    });
    let mut subjects = Vec::new();
    for (id, known) in asked.ids.iter().zip(known.await?) {
        let subject = match known {
            Some(known) => Some(known),
            // Whoever was at no risk yet is found by their sign-ins.
            None if !is_masked => in_log(app, caller, &sight, family.kind, id).await?,
            None => None,
        };
        subjects.push(subject.ok_or_else(|| missing(family, id))?);
    }
    let by = by(caller, asked.note.clone());
    run(app, move |book| book.decide_on_subjects(&subjects, decision, &by).map_err(refused))
        .await?;
    Ok(done(&asked, family.ids))
}

/// Who is meant, if the book knows them and the caller reaches them.
fn known(
    book: &Book,
    sight: &RiskSight,
    family: &Family,
    id: &str,
) -> Result<Option<(SubjectKey, String)>, ApiError> {
    let found = find_subject(book, sight, family.kind, id)?;
    Ok(found.map(|subject| (subject.key, subject.name)))
}

/// Who is meant, by their latest sign-in that the caller sees.
async fn in_log(
    app: &Arc<App>,
    caller: &Caller,
    sight: &RiskSight,
    kind: SubjectKind,
    id: &str,
) -> Result<Option<(SubjectKey, String)>, ApiError> {
    let (field, logs) = match kind {
        SubjectKind::User => (FieldId::UserId, &Log::SIGN_INS[..2]),
        _ => (FieldId::ServicePrincipalId, &Log::SIGN_INS[2..]),
    };
    let request = ListRequest {
        filter: Filter::field(field, Op::Eq(Wanted::Text(id.to_owned()))),
        logs: logs.to_vec(),
        order: Order::NewestFirst,
        limit: 1,
        after: None,
    };
    let event = app.ask(caller, move |reader| {
        let page = reader.list(&request)?;
        Ok(reader.events(&page.rows)?.pop())
    });
    let Some(event) = event.await? else { return Ok(None) };
    let (key, name) = subject_of(&event, kind);
    Ok(sight.mask(&key, &name).map(|_| (key, name)))
}

fn subject_of(event: &Event, kind: SubjectKind) -> (SubjectKey, String) {
    let text = |field| event.cell(field).to_string();
    let (id, name) = match kind {
        SubjectKind::User => (FieldId::UserId, FieldId::UserPrincipalName),
        _ => (FieldId::ServicePrincipalId, FieldId::ServicePrincipalName),
    };
    let (id, name) = (text(id), text(name));
    let id = if id.is_empty() { &name } else { &id };
    (SubjectKey::new(&text(FieldId::TenantId), kind, id), name)
}

/// `POST /{version}/auditLogs/signIns/{decision}`
pub(super) async fn decide_on_sign_ins(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let asked = read(&uri, &headers, body, SIGN_IN_IDS).await?;
    let looked = on_sign_ins(&app, &caller, asked).await?;
    Ok(looked.on(StatusCode::NO_CONTENT.into_response()))
}

/// Decides about sign-ins, all or none.
pub(crate) async fn decide_about_sign_ins(
    app: &Arc<App>,
    caller: &Caller,
    decision: Decision,
    (ids, note): (Vec<String>, String),
) -> Result<Looked, ApiError> {
    on_sign_ins(app, caller, Asked { decision, ids, note }).await
}

async fn on_sign_ins(app: &Arc<App>, caller: &Caller, asked: Asked) -> Result<Looked, ApiError> {
    if caller.sight().mask().names {
        let message = "who is seen by pseudonym only cannot be decided about";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message));
    }
    let sight = RiskSight::by(caller, Right::DecideUserRisk);
    let (wanted, shared) = (asked.ids.clone(), app.clone());
    let (decision, by) = (asked.decision, by(caller, asked.note.clone()));
    app.ask(caller, move |reader| {
        let found = wanted.iter().map(|id| sign_in(reader, &sight, id));
        let sign_ins: Vec<RiskySignIn> = found.collect::<Result<_, _>>()?;
        let book = &shared.detect.book;
        book.decide_on_sign_ins(&sign_ins, decision, &by).map_err(refused)
    })
    .await?;
    Ok(done(&asked, SIGN_IN_IDS))
}

/// A user's sign-in that the caller sees, and may decide about.
fn sign_in(reader: &Reader, sight: &RiskSight, id: &str) -> Result<RiskySignIn, ApiError> {
    let users = [Log::InteractiveUser, Log::NonInteractiveUser];
    let event = reader.get(None, id)?.filter(|event| users.contains(&event.row().log));
    let found = event.and_then(|event| {
        let (subject, name) = subject_of(&event, SubjectKind::User);
        sight.mask(&subject, &name).map(|_| (event, subject, name))
    });
    let Some((event, subject, name)) = found else {
        return Err(ApiError::not_found(format!("there is no user's sign-in '{id}'")));
    };
    let text = |field| event.cell(field).to_string();
    let degrees = |field| match event.cell(field) {
        Cell::Float(degrees) => Some(degrees),
        Cell::Int(degrees) => Some(degrees as f64),
        _ => None,
    };
    Ok(RiskySignIn {
        event: event.row().id,
        subject,
        name,
        display_name: text(FieldId::UserDisplayName),
        at_micros: event.row().created.micros,
        facts: DetectionFacts {
            request_id: text(FieldId::Id),
            correlation_id: text(FieldId::CorrelationId),
            token_issuer_type: text(FieldId::TokenIssuerType),
            address: text(FieldId::IpAddress),
            location: [FieldId::City, FieldId::State, FieldId::CountryOrRegion].map(text),
            coordinates: degrees(FieldId::Latitude).zip(degrees(FieldId::Longitude)),
            ..DetectionFacts::default()
        },
    })
}
