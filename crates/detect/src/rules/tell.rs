//! What a rule has found, in words and with its evidence.

use durward_model::{FieldId, Log};
use durward_store::{StoreError, View};
use serde_json::Value;

use super::Compiled;
use super::key::Key;
use super::model::{Shape, Span};
use super::rows::Row;
use super::shape::Found;
use crate::finding::{Fact, Finding, Level, Subject, SubjectKind, id_of};

/// Whom a finding is about: of a record by itself its user, its workload or its address; of what
/// was counted by something, that, where it is somebody. Else the tenant.
pub(crate) fn subject_of(row: &Row<'_>, per: Option<&[Key]>) -> Subject {
    use SubjectKind::{Address, Tenant, User, Workload};
    let kinds = match per {
        None => vec![User, Workload, Address],
        Some(per) => per.iter().filter_map(Key::subject).take(1).collect(),
    };
    for kind in kinds {
        let (ids, names): (&[FieldId], &[FieldId]) = match kind {
            User => (
                &[FieldId::UserId, FieldId::UserPrincipalName],
                &[FieldId::UserPrincipalName, FieldId::UserDisplayName, FieldId::UserId],
            ),
            Workload => (
                &[FieldId::ServicePrincipalId, FieldId::ServicePrincipalName],
                &[FieldId::ServicePrincipalName, FieldId::ServicePrincipalId],
            ),
            _ => (&[FieldId::IpAddress], &[FieldId::IpAddress]),
        };
        let first = |fields: &[FieldId]| {
            let texts = fields.iter().map(|field| row.text(*field));
            texts.into_iter().find(|text| !text.is_empty())
        };
        if let Some(id) = first(ids) {
            let name = first(names).unwrap_or_else(|| id.clone());
            return Subject { kind, id, name };
        }
    }
    if !row.log.is_sign_in()
        && per.is_none()
        && let Some(subject) = actor_of(row.json())
    {
        return subject;
    }
    Subject { kind: Tenant, ..Subject::tenant_of(&row.text(FieldId::TenantId)) }
}

/// Whom a record of another log is about: who did it, or who is at risk.
fn actor_of(record: &Value) -> Option<Subject> {
    let text = |paths: &[&str]| {
        let texts = paths.iter().map(|path| super::sigma::text_at(record, path));
        texts.into_iter().find(|text| !text.is_empty())
    };
    let user = text(&["initiatedBy.user.id", "userId"]);
    let name = text(&[
        "initiatedBy.user.userPrincipalName",
        "userPrincipalName",
        "initiatedBy.user.displayName",
        "userDisplayName",
    ]);
    if let Some(id) = user.or_else(|| name.clone()) {
        let name = name.unwrap_or_else(|| id.clone());
        return Some(Subject { kind: SubjectKind::User, id, name });
    }
    let id = text(&["initiatedBy.app.servicePrincipalId", "servicePrincipalId"]);
    let name = text(&["initiatedBy.app.displayName", "servicePrincipalDisplayName"]);
    let id = id.or_else(|| name.clone())?;
    let name = name.unwrap_or_else(|| id.clone());
    Some(Subject { kind: SubjectKind::Workload, id, name })
}

/// A finding of what was found.
pub(crate) fn finding(rule: &Compiled, found: &Found, view: &View) -> Result<Finding, StoreError> {
    let row = Row::at(view, found.last.row)?;
    let alone = rule.rule.shape == Shape::AnyMatch;
    let subject = subject_of(&row, (!alone).then_some(&rule.per));
    let tenant = row.text(FieldId::TenantId);
    let occurrence: Vec<u8> = found.occurrence.iter().flat_map(|part| part.to_le_bytes()).collect();
    let detection = rule.rule.detection();
    let is_absence = matches!(rule.rule.shape, Shape::Absence { .. });
    // Only sign-ins can be risky; silence makes none of those before it so.
    let risky = match row.log.is_sign_in() && !is_absence {
        true => found.events.iter().map(|event| event.id).collect(),
        false => Vec::new(),
    };
    let (first, last) = (found.events.first(), found.events.last());
    let part = |field| row.text(field);
    Ok(Finding {
        id: id_of(&detection, &tenant, &subject, &occurrence),
        detection,
        tenant,
        level: rule.rule.severity,
        sentence: sentence(rule, found, &row, &subject, view)?,
        first_micros: first.map_or(found.found_micros, |event| event.at_micros),
        last_micros: last.map_or(found.told_micros, |event| event.at_micros),
        found_micros: found.found_micros,
        told_micros: found.told_micros,
        events: found.events.clone(),
        event_count: found.count,
        risky,
        facts: facts(rule, found, view)?,
        against: rule.against.clone(),
        correlation: row.identifier(FieldId::CorrelationId),
        address: address_of(&row),
        location: [part(FieldId::City), part(FieldId::State), part(FieldId::CountryOrRegion)],
        subject,
    })
}

fn sentence(
    rule: &Compiled,
    found: &Found,
    row: &Row<'_>,
    subject: &Subject,
    view: &View,
) -> Result<String, StoreError> {
    let who = match subject.kind {
        SubjectKind::Tenant if !rule.per.is_empty() => entity_text(rule, row),
        _ => subject.name.clone(),
    };
    let within = Span(found.reached_in_micros).rounded();
    let what = match &rule.rule.shape {
        Shape::AnyMatch => happened(row),
        Shape::Count { .. } => format!("{} matching records within {within}", found.reached),
        Shape::Distinct { of, .. } => {
            format!("{} different values of {of} within {within}", found.reached)
        }
        Shape::NewValue { of, learning, .. } => {
            let value = rule.of.as_ref().map(|key| key.text(row)).unwrap_or_default();
            format!("{of} {value} for the first time in {learning}")
        }
        Shape::Sequence { .. } => {
            let before = found.before.map(|hit| Row::at(view, hit.row)).transpose()?;
            let before = before.map(|row| happened(&row)).unwrap_or_default();
            format!("{before}, and {within} later {}", happened(row))
        }
        Shape::Absence { lasting, .. } => format!("nothing for {lasting}"),
    };
    Ok(format!("{}: {who}: {what}.", rule.rule.name))
}

/// What happened by a record, in a few words.
fn happened(row: &Row<'_>) -> String {
    if !row.log.is_sign_in() {
        let names = ["activityDisplayName", "operationName", "riskEventType", "activity"];
        let names = names.iter().map(|path| super::sigma::text_at(row.json(), path));
        let activity = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        return match row.log {
            Log::Audit => format!("\u{201c}{}\u{201d} in the audit log", activity.trim()),
            _ => format!("\u{201c}{}\u{201d} in the log of {}", activity.trim(), row.log.name()),
        };
    }
    let code = row.cell(FieldId::ErrorCode).as_int();
    let result = match code {
        Some(0) => "signed in".to_owned(),
        Some(code) => format!("failed to sign in ({code})"),
        None => "signed in, or tried to".to_owned(),
    };
    let mut text = result;
    let mut add = |word: &str, value: String| {
        if !value.is_empty() {
            text.push_str(word);
            text.push_str(&value);
        }
    };
    add(" to ", row.text(FieldId::AppDisplayName));
    add(" from ", row.text(FieldId::IpAddress));
    add(", ", row.text(FieldId::City));
    add(", ", row.text(FieldId::CountryOrRegion));
    text
}

fn entity_text(rule: &Compiled, row: &Row<'_>) -> String {
    let texts = rule.per.iter().map(|key| format!("{} {}", key.name, key.text(row)));
    texts.collect::<Vec<_>>().join(", ")
}

fn facts(rule: &Compiled, found: &Found, view: &View) -> Result<Vec<Fact>, StoreError> {
    let mut facts = Vec::new();
    let mut fact = |label: &str, value: String| {
        facts.push(Fact { label: label.to_owned(), value });
    };
    fact("Rule", rule.rule.name.clone());
    if rule.rule.severity == Level::Low {
        fact("Level", "low by the rule: recorded, no alert".to_owned());
    }
    let row = Row::at(view, found.last.row)?;
    if !rule.per.is_empty() {
        fact("Counted by", entity_text(rule, &row));
    }
    match &rule.rule.shape {
        Shape::AnyMatch | Shape::Absence { .. } => {}
        Shape::Count { at_least, window, .. } => {
            let spent = Span(found.reached_in_micros).rounded();
            fact(
                "Records",
                format!("{} in {spent}; {at_least} within {window} are enough", found.reached),
            );
        }
        Shape::Distinct { of, at_least, window, .. } => {
            fact(
                "Different values",
                format!("{} of {of}; {at_least} within {window} are enough", found.reached),
            );
            let mut named = Vec::new();
            for at in &found.named {
                let row = Row::at(view, *at)?;
                named.extend(rule.of.as_ref().map(|key| key.text(&row)));
            }
            fact("Among them", named.join(", "));
        }
        Shape::NewValue { of, learning, .. } => {
            fact("New", format!("no record with this {of} in the {learning} before"));
        }
        Shape::Sequence { within, .. } => {
            let spent = Span(found.reached_in_micros).rounded();
            fact("Apart", format!("{spent}; up to {within} is a sequence"));
        }
    }
    fact("Matching records", found.count.to_string());
    Ok(facts)
}

fn address_of(row: &Row<'_>) -> String {
    let address = row.text(FieldId::IpAddress);
    if !address.is_empty() || row.log.is_sign_in() {
        return address;
    }
    let paths = ["ipAddress", "initiatedBy.user.ipAddress", "callerIpAddress"];
    let texts = paths.iter().map(|path| super::sigma::text_at(row.json(), path));
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}
