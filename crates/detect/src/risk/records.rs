//! Risk records of the source: Entra's risk detections and risky users, service principals and
//! agents, as diagnostic settings, Graph or tables of Log Analytics have them.

use durward_model::time::DateOrder;
use durward_model::{Event, FieldId, Id, Timestamp};
use hashbrown::HashMap;
use rusqlite::Connection;
use serde_json::{Map, Value};

use super::detections::{self, DetectionFacts, Origin, Put};
use super::subjects::{self, Risk, SubjectFacts};
use super::{RiskLevel, RiskState, SubjectKey, detail};
use crate::book::Result;
use crate::finding::SubjectKind;

/// A record that could be understood.
#[derive(Debug)]
pub(super) enum Record {
    /// One risk detection.
    Detection(Box<Detection>),
    /// The risk of a subject as a whole.
    Subject(Word),
}

/// A risk detection of the source.
#[derive(Debug)]
pub(super) struct Detection {
    id: String,
    key: SubjectKey,
    name: String,
    subject_facts: SubjectFacts,
    event_type: String,
    risk: Risk,
    timing: String,
    activity_micros: i64,
    detected_micros: i64,
    updated_micros: i64,
    event: Option<Id>,
    facts: DetectionFacts,
}

/// What the source says of a subject as a whole.
#[derive(Debug)]
pub(super) struct Word {
    key: SubjectKey,
    name: String,
    facts: SubjectFacts,
    risk: Risk,
    updated_micros: i64,
}

/// Members of a record by their names in small letters: tables write them in capitals.
struct Members(HashMap<String, Value>);

impl Members {
    fn of(record: Map<String, Value>) -> Members {
        let mut members = HashMap::new();
        let mut inner = None;
        for (name, value) in record {
            match value {
                Value::Object(object) if name.eq_ignore_ascii_case("properties") => {
                    inner = Some(object);
                }
                value => {
                    members.insert(name.to_ascii_lowercase(), value);
                }
            }
        }
        // What is said inside goes before what the envelope repeats.
        let inner = inner.into_iter().flatten();
        members.extend(inner.map(|(name, value)| (name.to_ascii_lowercase(), value)));
        Members(members)
    }

    fn text(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    fn first(&self, names: &[&str]) -> String {
        names.iter().map(|name| self.text(name)).find(|text| !text.is_empty()).unwrap_or_default()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.to_ascii_lowercase().parse().ok(),
            _ => None,
        }
    }

    fn micros(&self, names: &[&str]) -> Option<i64> {
        let texts = names.iter().map(|name| self.text(name));
        let parsed = |text: String| Timestamp::parse(&text, DateOrder::MonthFirst);
        texts.filter(|text| !text.is_empty()).find_map(parsed).map(|time| time.micros)
    }

    /// A member that is an object, or the text of one.
    fn object(&self, name: &str) -> Map<String, Value> {
        let value = match self.0.get(name) {
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
            Some(value) => value.clone(),
            None => Value::Null,
        };
        match value {
            Value::Object(object) => object,
            _ => Map::new(),
        }
    }

    /// JSON as text, whether it was given as text or not.
    fn json(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(value) => value.to_string(),
        }
    }
}

/// What a risk record says; `None` for one that says nothing of risk.
pub(super) fn read(event: &Event) -> Option<Record> {
    let Ok(Value::Object(record)) = serde_json::from_str(&event.original()) else { return None };
    let members = Members::of(record);
    let tenant = event.cell(FieldId::TenantId).to_string();
    let kind = kind_of(&members, &event.cell(FieldId::Category).to_string());
    let level = RiskLevel::from_name(&members.first(&["risklevel", "risklevelaggregated"]));
    let state = RiskState::from_name(&members.text("riskstate"));
    let why = members.text("riskdetail");
    let why = if why.is_empty() { detail::NONE.to_owned() } else { why };
    let risk = Risk { level: level.unwrap_or_default(), state: state?, detail: why };
    let created = event.row().created.micros;
    let event_type = members.first(&["riskeventtype", "risktype"]);
    if event_type.is_empty() {
        return word(&members, &tenant, kind, risk, created).map(Record::Subject);
    }
    let detection = detection(&members, &tenant, kind, risk, event_type, created)?;
    Some(Record::Detection(Box::new(detection)))
}

fn kind_of(members: &Members, category: &str) -> SubjectKind {
    let category = category.to_ascii_lowercase();
    let has = |name: &str| !members.text(name).is_empty();
    if category.contains("agent") || has("agentid") || has("agentdisplayname") {
        SubjectKind::Agent
    } else if category.contains("serviceprincipal")
        || has("serviceprincipalid")
        || has("serviceprincipaltype")
    {
        SubjectKind::Workload
    } else {
        SubjectKind::User
    }
}

/// The subject of a record: identifier, name, facts.
fn subject_of(
    members: &Members,
    tenant: &str,
    kind: SubjectKind,
    own_id: bool,
) -> Option<(SubjectKey, String, SubjectFacts)> {
    let (id, name, display) = match kind {
        SubjectKind::User => ("userid", "userprincipalname", "userdisplayname"),
        SubjectKind::Agent => ("agentid", "agentdisplayname", "agentdisplayname"),
        _ => ("serviceprincipalid", "serviceprincipaldisplayname", "serviceprincipaldisplayname"),
    };
    let mut id = members.text(id);
    // A record of a user as a whole has its identifier as `id`.
    if id.is_empty() && own_id {
        id = members.text("id");
    }
    let name = members.first(&[name, "displayname"]);
    if id.is_empty() && name.is_empty() {
        return None;
    }
    let facts = SubjectFacts {
        display_name: members.first(&[display, "displayname"]),
        app_id: members.text("appid"),
        principal_type: members.text("serviceprincipaltype"),
        is_deleted: members.flag("isdeleted"),
        is_enabled: members.flag("isenabled").or_else(|| members.flag("accountenabled")),
    };
    let id = if id.is_empty() { &name } else { &id };
    Some((SubjectKey::new(tenant, kind, id), name, facts))
}

fn word(
    members: &Members,
    tenant: &str,
    kind: SubjectKind,
    risk: Risk,
    created_micros: i64,
) -> Option<Word> {
    let (key, name, facts) = subject_of(members, tenant, kind, true)?;
    // Agents have other names for it.
    let updated = members.micros(&[
        "risklastupdateddatetime",
        "risklastmodifieddatetime",
        "lastupdateddatetime",
    ]);
    Some(Word { key, name, facts, risk, updated_micros: updated.unwrap_or(created_micros) })
}

fn detection(
    members: &Members,
    tenant: &str,
    kind: SubjectKind,
    risk: Risk,
    event_type: String,
    created_micros: i64,
) -> Option<Detection> {
    let (key, name, subject_facts) = subject_of(members, tenant, kind, false)?;
    let id = members.text("id");
    if id.is_empty() {
        return None;
    }
    let activity = members.micros(&["activitydatetime"]).unwrap_or(created_micros);
    let detected = members.micros(&["detecteddatetime"]).unwrap_or(activity);
    let place = Members::of(members.object("location"));
    let coordinates = place.object("geocoordinates");
    let degrees = |name: &str| coordinates.get(name).and_then(Value::as_f64);
    let request_id = members.text("requestid");
    let keys = members.0.get("keyids").and_then(Value::as_array);
    let keys = keys.map(|keys| keys.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    Some(Detection {
        updated_micros: members
            .micros(&["lastupdateddatetime", "lastmodifieddatetime"])
            .unwrap_or(detected),
        timing: members.first(&["detectiontimingtype"]),
        event: (!request_id.is_empty()).then(|| Id::from_text(&request_id).0),
        facts: DetectionFacts {
            source: members.text("source"),
            activity: members.text("activity"),
            token_issuer_type: members.text("tokenissuertype"),
            request_id,
            correlation_id: members.text("correlationid"),
            address: members.first(&["ipaddress", "calleripaddress"]),
            location: ["city", "state", "countryorregion"].map(|name| place.text(name)),
            coordinates: degrees("latitude").zip(degrees("longitude")),
            additional_info: members.json("additionalinfo"),
            techniques: members.text("mitretechniqueid"),
            app_id: members.text("appid"),
            key_ids: keys.unwrap_or_default(),
        },
        activity_micros: activity,
        detected_micros: detected,
        id,
        key,
        name,
        subject_facts,
        event_type,
        risk,
    })
}

/// Takes a record over. A record that is older than what is known changes nothing.
pub(super) fn merge(db: &Connection, record: Record, now_micros: i64) -> Result<()> {
    match record {
        Record::Detection(detection) => merge_detection(db, *detection, now_micros),
        Record::Subject(word) => merge_word(db, word, now_micros),
    }
}

fn merge_detection(db: &Connection, new: Detection, now_micros: i64) -> Result<()> {
    let subject = subjects::number_of(db, &new.key, &new.name, new.subject_facts)?;
    let put = Put {
        id: new.id,
        subject,
        finding: None,
        origin: Origin::Source,
        event_type: new.event_type,
        risk: new.risk,
        timing: new.timing,
        activity_micros: new.activity_micros,
        detected_micros: new.detected_micros,
        updated_micros: new.updated_micros,
        events: new.event.into_iter().collect(),
        facts: new.facts,
    };
    detections::put(db, put, now_micros)?;
    subjects::reassess(db, subject, new.updated_micros, None, now_micros)?;
    Ok(())
}

fn merge_word(db: &Connection, new: Word, now_micros: i64) -> Result<()> {
    let subject = subjects::number_of(db, &new.key, &new.name, new.facts)?;
    let (_, said) = subjects::word(db, subject)?;
    if said >= new.updated_micros {
        return Ok(());
    }
    subjects::set_word(db, subject, &new.risk, new.updated_micros)?;
    if !new.risk.state.is_active() && new.risk.state != RiskState::None {
        // A new password ends what was found here as well; what somebody put aside elsewhere,
        // who knew nothing of it, does not.
        let only_source = !detail::NEW_PASSWORD.contains(&&*new.risk.detail);
        let how = (new.risk.state, new.risk.detail.as_str());
        let at = new.updated_micros;
        detections::settle_all(db, subject, how, at, at, only_source)?;
    }
    subjects::reassess(db, subject, new.updated_micros, None, now_micros)?;
    Ok(())
}
