//! The objects of Graph's `identityProtection`.

use durward_detect::SubjectKind;
use durward_detect::risk::{HistoryItem, RiskDetection, RiskySubject};
use durward_model::graph::Version;
use durward_model::{Timestamp, enums};
use durward_query::Mask;
use serde_json::{Map, Value, json};

use super::Family;
use crate::error::ApiError;
use crate::risk::{RiskSight, Shown};

const USER: &[&str] = &[
    "id",
    "isDeleted",
    "isProcessing",
    "riskLevel",
    "riskState",
    "riskDetail",
    "riskLastUpdatedDateTime",
    "userDisplayName",
    "userPrincipalName",
];
const PRINCIPAL: &[&str] = &[
    "id",
    "appId",
    "displayName",
    "isEnabled",
    "isProcessing",
    "servicePrincipalType",
    "riskLevel",
    "riskState",
    "riskDetail",
    "riskLastUpdatedDateTime",
    "accountEnabled",
];
const AGENT: &[&str] = &[
    "id",
    "agentDisplayName",
    "blueprintId",
    "identityType",
    "isDeleted",
    "isEnabled",
    "isProcessing",
    "riskLevel",
    "riskState",
    "riskDetail",
    "riskLastModifiedDateTime",
];
const USER_DETECTION: &[&str] = &[
    "id",
    "requestId",
    "correlationId",
    "riskEventType",
    "riskState",
    "riskLevel",
    "riskDetail",
    "source",
    "detectionTimingType",
    "activity",
    "tokenIssuerType",
    "ipAddress",
    "location",
    "activityDateTime",
    "detectedDateTime",
    "lastUpdatedDateTime",
    "userId",
    "userDisplayName",
    "userPrincipalName",
    "additionalInfo",
    "riskType",
    "mitreTechniqueId",
];
const PRINCIPAL_DETECTION: &[&str] = &[
    "id",
    "requestId",
    "correlationId",
    "riskEventType",
    "riskState",
    "riskLevel",
    "riskDetail",
    "source",
    "detectionTimingType",
    "activity",
    "tokenIssuerType",
    "ipAddress",
    "location",
    "activityDateTime",
    "detectedDateTime",
    "lastUpdatedDateTime",
    "servicePrincipalId",
    "servicePrincipalDisplayName",
    "appId",
    "keyIds",
    "additionalInfo",
    "mitreTechniqueId",
];
const AGENT_DETECTION: &[&str] = &[
    "id",
    "agentId",
    "agentDisplayName",
    "blueprintId",
    "identityType",
    "riskEventType",
    "riskState",
    "riskLevel",
    "riskDetail",
    "riskEvidence",
    "detectionTimingType",
    "activityDateTime",
    "detectedDateTime",
    "lastModifiedDateTime",
    "additionalInfo",
];
/// Properties that only beta has, at the end of their lists.
const BETA: [&str; 3] = ["accountEnabled", "riskType", "mitreTechniqueId"];

/// The properties that objects of a collection have in a version.
pub(super) fn properties(family: &Family, version: Version) -> &'static [&'static str] {
    let all = match (family.kind, family.is_detections) {
        (SubjectKind::Workload, false) => PRINCIPAL,
        (SubjectKind::Workload, true) => PRINCIPAL_DETECTION,
        (SubjectKind::Agent, false) => AGENT,
        (SubjectKind::Agent, true) => AGENT_DETECTION,
        (_, false) => USER,
        (_, true) => USER_DETECTION,
    };
    let beta = all.iter().rev().take_while(|name| BETA.contains(name)).count();
    match version {
        Version::V1 => &all[..all.len() - beta],
        Version::Beta => all,
    }
}

/// What `$select` leaves, in the spelling of the objects.
pub(super) fn selected(
    text: Option<&str>,
    known: &[&'static str],
) -> Result<Option<Vec<&'static str>>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let find = |name: &str| {
        let found = known.iter().find(|known| known.eq_ignore_ascii_case(name.trim()));
        found.copied().ok_or_else(|| {
            let message =
                format!("Parsing OData Select and Expand failed: there is no '{}'", name.trim());
            ApiError::bad_request(message)
        })
    };
    text.split(',').map(find).collect::<Result<_, _>>().map(Some)
}

/// Members of enumerations that came after `unknownFutureValue` go by that name.
pub(super) fn hide_unknown(object: &mut Value) {
    let hide = |value: &mut Value, members: &enums::Enum| {
        if let Value::String(text) = value {
            *value = members.shown(text, false).into_owned().into();
        }
    };
    if let Some(value) = object.get_mut("riskDetail") {
        hide(value, &enums::RISK_DETAIL);
    }
    if let Some(value) = object.get_mut("riskType") {
        hide(value, &enums::RISK_EVENT_TYPE);
    }
    if let Some(value) = object.get_mut("activity").and_then(|it| it.get_mut("detail")) {
        hide(value, &enums::RISK_DETAIL);
    }
}

fn time(micros: i64) -> Value {
    Timestamp::from_micros(micros).to_rfc3339().into()
}

/// Text; null where there is none.
fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

/// Those of these members that the version's list has, in its order.
fn in_order(names: &[&str], mut members: Map<String, Value>) -> Value {
    let order = |name: &&str| members.remove(*name).map(|value| ((*name).to_owned(), value));
    Value::Object(names.iter().filter_map(order).collect())
}

fn object(members: Value) -> Map<String, Value> {
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn family(kind: SubjectKind, is_detections: bool) -> Option<&'static Family> {
    super::FAMILIES.iter().find(|one| one.kind == kind && one.is_detections == is_detections)
}

/// A risky user, service principal or agent; `None` if the caller does not see it.
pub(super) fn subject(one: &RiskySubject, version: Version, sight: &RiskSight) -> Option<Value> {
    let mask = sight.mask(&one.key, &one.name)?;
    let shown = sight.show(&one.key, &one.name, &one.facts.display_name, mask);
    let names = properties(family(one.key.kind, false)?, version);
    let mut members = object(json!({
        "id": shown.id,
        "isDeleted": one.facts.is_deleted.unwrap_or(false),
        "isEnabled": one.facts.is_enabled,
        "accountEnabled": one.facts.is_enabled,
        "isProcessing": false,
        "appId": text(&one.facts.app_id),
        "displayName": shown.display_name,
        "servicePrincipalType": text(&one.facts.principal_type),
        "blueprintId": null,
        "identityType": "agentIdentity",
        "riskLevel": one.level.name(),
        "riskState": one.state.name(),
        "riskDetail": one.detail,
        "riskLastUpdatedDateTime": time(one.updated_micros),
        "riskLastModifiedDateTime": time(one.updated_micros),
    }));
    name(&mut members, one.key.kind, shown);
    Some(in_order(names, members))
}

/// The members that name a subject besides its own identifier.
fn name(members: &mut Map<String, Value>, kind: SubjectKind, shown: Shown) {
    let more = match kind {
        SubjectKind::User => json!({
            "userId": shown.id,
            "userDisplayName": shown.display_name,
            "userPrincipalName": shown.name,
        }),
        SubjectKind::Agent => json!({
            "agentId": shown.id,
            "agentDisplayName": shown.display_name,
        }),
        _ => json!({
            "servicePrincipalId": shown.id,
            "servicePrincipalDisplayName": shown.display_name,
        }),
    };
    members.extend(object(more));
}

/// A line of a subject's history.
pub(super) fn history(
    one: &RiskySubject,
    item: &HistoryItem,
    version: Version,
    sight: &RiskSight,
) -> Option<Value> {
    let mask = sight.mask(&one.key, &one.name)?;
    let then = RiskySubject {
        level: item.level,
        state: item.state,
        detail: item.detail.clone(),
        updated_micros: item.at_micros,
        ..one.clone()
    };
    let mut members = object(subject(&then, version, sight)?);
    let id = members.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    members.insert("id".to_owned(), format!("{id}{}", item.number).into());
    let whose = match one.key.kind {
        SubjectKind::User => "userId",
        SubjectKind::Agent => "agentId",
        _ => "servicePrincipalId",
    };
    members.insert(whose.to_owned(), id.into());
    let by = item.by.as_deref().filter(|_| !mask.names);
    members.insert("initiatedBy".to_owned(), by.into());
    let mut activity = json!({ "riskEventTypes": item.event_types, "detail": item.detail });
    if version == Version::Beta {
        activity["eventTypes"] = json!(item.event_types);
    }
    members.insert("activity".to_owned(), activity);
    Some(Value::Object(members))
}

/// A risk detection; `None` if the caller does not see it.
pub(super) fn detection(one: &RiskDetection, version: Version, sight: &RiskSight) -> Option<Value> {
    let mask = sight.mask(&one.subject, &one.name)?;
    let shown = sight.show(&one.subject, &one.name, &one.subject_facts.display_name, mask);
    let facts = &one.facts;
    let app_id = [&facts.app_id, &one.subject_facts.app_id];
    let app_id = app_id.into_iter().find(|id| !id.is_empty()).map_or("", String::as_str);
    // Free text tells names and addresses in ways that nobody can foresee.
    let info = if mask == Mask::NONE { facts.additional_info.as_str() } else { "" };
    let timing = if one.timing.is_empty() { "notDefined" } else { &one.timing };
    let updated = time(one.updated_micros);
    let mut members = object(json!({
        "id": sight.show_id(&one.id, mask),
        "requestId": text(&facts.request_id),
        "correlationId": text(&facts.correlation_id),
        "riskEventType": one.event_type,
        "riskType": enums::RISK_EVENT_TYPE.canonical(&one.event_type).unwrap_or(&one.event_type),
        "riskState": one.state.name(),
        "riskLevel": one.level.name(),
        "riskDetail": one.detail,
        "riskEvidence": text(info),
        "source": text(&facts.source),
        "detectionTimingType": timing,
        "activity": text(&facts.activity),
        "tokenIssuerType": text(&facts.token_issuer_type),
        "ipAddress": text(&sight.show_address(&facts.address, mask)),
        "location": location(one, mask),
        "activityDateTime": time(one.activity_micros),
        "detectedDateTime": time(one.detected_micros),
        "lastUpdatedDateTime": updated.clone(),
        "lastModifiedDateTime": updated,
        "appId": text(app_id),
        "keyIds": facts.key_ids,
        "blueprintId": null,
        "identityType": "agentIdentity",
        "additionalInfo": text(info),
        "mitreTechniqueId": text(&facts.techniques),
    }));
    name(&mut members, one.subject.kind, shown);
    let family = family(one.subject.kind, true)?;
    Some(in_order(properties(family, version), members))
}

fn location(one: &RiskDetection, mask: Mask) -> Value {
    let [city, state, country] = &one.facts.location;
    let coordinates = one.facts.coordinates.filter(|_| !mask.addresses);
    json!({
        "city": text(if mask.addresses { "" } else { city }),
        "state": text(state),
        "countryOrRegion": text(country),
        "geoCoordinates": coordinates.map(|(north, east)| json!({
            "altitude": null, "latitude": north, "longitude": east,
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beta_has_more_properties() {
        for one in &super::super::FAMILIES {
            let (v1, beta) = (properties(one, Version::V1), properties(one, Version::Beta));
            assert!(beta.starts_with(v1), "{}", one.name);
            assert!(!v1.iter().any(|name| BETA.contains(name)), "{}", one.name);
        }
        assert_eq!(selected(Some("ID, risklevel"), USER).unwrap(), Some(vec!["id", "riskLevel"]));
        assert!(selected(Some("mitreTechniqueId"), USER).is_err());
    }
}
