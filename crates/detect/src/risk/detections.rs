//! Risk detections: from findings, from the source's records, from confirmations.

use durward_model::Id;
use rusqlite::{Connection, OptionalExtension as _, Transaction};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::subjects::{self, Risk, SubjectFacts};
use super::{RiskLevel, RiskState, SubjectKey, detail, has_risk};
use crate::book::{Change, Circumstances, Result};
use crate::detection::{About, Timing};
use crate::finding::{Finding, SubjectKind};

/// Where a risk detection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A finding of ours.
    Finding,
    /// A record of the source.
    Source,
    /// A confirmation by an administrator.
    Administrator,
}

impl Origin {
    /// All of them.
    pub const ALL: [Origin; 3] = [Origin::Finding, Origin::Source, Origin::Administrator];

    /// As stored.
    pub fn name(self) -> &'static str {
        match self {
            Origin::Finding => "finding",
            Origin::Source => "source",
            Origin::Administrator => "administrator",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Origin> {
        Origin::ALL.into_iter().find(|origin| origin.name() == name)
    }
}

/// What Graph's `riskDetection` tells besides what is decided by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are Graph's")]
pub struct DetectionFacts {
    pub source: String,
    pub activity: String,
    pub token_issuer_type: String,
    pub request_id: String,
    pub correlation_id: String,
    pub address: String,
    /// City, state, country.
    pub location: [String; 3],
    /// Degrees north and east.
    pub coordinates: Option<(f64, f64)>,
    /// JSON, as Graph has it: a list of `Key` and `Value`.
    pub additional_info: String,
    /// MITRE ATT&CK techniques by commas.
    pub techniques: String,
    pub app_id: String,
    pub key_ids: Vec<String>,
}

/// A risk detection to be written down.
pub(super) struct Put {
    pub(super) id: String,
    pub(super) subject: i64,
    pub(super) finding: Option<Id>,
    pub(super) origin: Origin,
    pub(super) event_type: String,
    pub(super) risk: Risk,
    pub(super) timing: String,
    pub(super) activity_micros: i64,
    pub(super) detected_micros: i64,
    pub(super) updated_micros: i64,
    pub(super) events: Vec<Id>,
    pub(super) facts: DetectionFacts,
}

/// A risk detection as it is, as far as a new telling must know.
struct Known {
    risk: Risk,
    updated_micros: i64,
    settled: Option<(RiskLevel, i64)>,
}

fn known(db: &Connection, id: &str) -> Result<Option<Known>> {
    let statement = "SELECT level, state, detail, updated, settled_level, settled_at \
         FROM risk_detection WHERE id = ?1";
    let mut find = db.prepare_cached(statement)?;
    let found = find.query_row([id], |row| {
        let level = row.get::<_, Option<i64>>(4)?.map(RiskLevel::of_number);
        Ok(Known {
            risk: Risk::of(row, 0)?,
            updated_micros: row.get(3)?,
            settled: level.zip(row.get(5)?),
        })
    });
    Ok(found.optional()?)
}

/// Writes down a risk detection. What was settled stays so, unless it has become more than it was
/// or, where the password was changed, went on afterwards.
pub(super) fn put(db: &Connection, put: Put, now_micros: i64) -> Result<()> {
    let known = known(db, &put.id)?;
    let keep = known.filter(|old| match put.origin {
        // The source's newest word about its own detections holds.
        Origin::Source => old.updated_micros >= put.updated_micros,
        _ => old.settled.is_some_and(|(level, at)| {
            let goes_on = old.risk.state == RiskState::Remediated && put.activity_micros > at;
            !old.risk.state.is_active() && put.risk.level <= level && !goes_on
        }),
    });
    if put.origin == Origin::Source && keep.is_some() {
        return Ok(());
    }
    let (state, detail, settled) = match &keep {
        Some(old) => (old.risk.state, old.risk.detail.as_str(), old.settled),
        None if put.risk.state.is_active() => (put.risk.state, put.risk.detail.as_str(), None),
        None => {
            let settled = Some((put.risk.level, put.updated_micros));
            (put.risk.state, put.risk.detail.as_str(), settled)
        }
    };
    let statement = "INSERT INTO risk_detection (id, subject, finding, origin, event_type, level, \
         state, detail, settled_level, settled_at, timing, activity, detected, updated, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) \
         ON CONFLICT (id) DO UPDATE SET subject = excluded.subject, level = excluded.level, \
         event_type = excluded.event_type, state = excluded.state, detail = excluded.detail, \
         settled_level = excluded.settled_level, settled_at = excluded.settled_at, \
         timing = excluded.timing, activity = excluded.activity, detected = excluded.detected, \
         updated = max(updated, excluded.updated), withdrawn = NULL, body = excluded.body \
         RETURNING number";
    let mut insert = db.prepare_cached(statement)?;
    let values = rusqlite::params![
        put.id,
        put.subject,
        put.finding.map(|Id(bytes)| bytes.to_vec()),
        put.origin.name(),
        put.event_type,
        put.risk.level.number(),
        state.name(),
        detail,
        settled.map(|(level, _)| level.number()),
        settled.map(|(_, at)| at),
        put.timing,
        put.activity_micros,
        put.detected_micros,
        put.updated_micros,
        serde_json::to_string(&put.facts)?,
    ];
    let number: i64 = insert.query_row(values, |row| row.get(0))?;
    db.prepare_cached("DELETE FROM risk_event WHERE detection = ?1")?.execute([number])?;
    let mut add = db.prepare_cached("INSERT OR IGNORE INTO risk_event VALUES (?1, ?2)")?;
    for Id(event) in &put.events {
        add.execute((&event[..], number))?;
    }
    settle_by_sign_ins(db, number, now_micros)
}

/// A detection is settled once all sign-ins of it are, and not any more when it gets others.
pub(super) fn settle_by_sign_ins(db: &Connection, number: i64, now_micros: i64) -> Result<()> {
    let statement = "SELECT d.state, d.detail, \
         (SELECT count(*) FROM risk_event WHERE detection = d.number), \
         (SELECT count(*) FROM risk_event e JOIN risk_sign_in s ON s.event = e.event \
             WHERE e.detection = d.number AND s.state IN ('confirmedSafe', 'dismissed')) \
         FROM risk_detection d WHERE d.number = ?1";
    let mut find = db.prepare_cached(statement)?;
    let (state, detail, all, settled) = find.query_row([number], |row| {
        let state = RiskState::of_text(row.get_ref(0)?.as_str()?);
        Ok((state, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
    })?;
    let is_by_sign_ins = [detail::SIGN_IN_SAFE, detail::SIGN_IN_DISMISSED].contains(&&*detail);
    if state.is_active() && all > 0 && all == settled {
        let statement = "SELECT s.state, s.detail FROM risk_event e \
             JOIN risk_sign_in s ON s.event = e.event WHERE e.detection = ?1 \
             ORDER BY s.at DESC LIMIT 1";
        let mut find = db.prepare_cached(statement)?;
        let (state, detail): (String, String) =
            find.query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))?;
        settle(db, number, RiskState::of_text(&state), &detail, now_micros)?;
    } else if is_by_sign_ins && all > settled {
        let statement = "UPDATE risk_detection SET state = 'atRisk', detail = 'none', \
             settled_level = NULL, settled_at = NULL, updated = ?2 WHERE number = ?1";
        db.prepare_cached(statement)?.execute((number, now_micros))?;
    }
    Ok(())
}

/// Settles one detection.
pub(super) fn settle(
    db: &Connection,
    number: i64,
    state: RiskState,
    detail: &str,
    at_micros: i64,
) -> Result<()> {
    let statement = "UPDATE risk_detection SET state = ?2, detail = ?3, settled_level = level, \
         settled_at = ?4, updated = max(updated, ?4) WHERE number = ?1";
    db.prepare_cached(statement)?.execute((number, state.name(), detail, at_micros))?;
    Ok(())
}

/// Settles those detections of a subject that count and whose activity is not after an instant;
/// only the source's own where `only_source`. Gives how many.
pub(super) fn settle_all(
    db: &Connection,
    subject: i64,
    (state, detail): (RiskState, &str),
    until_micros: i64,
    at_micros: i64,
    only_source: bool,
) -> Result<usize> {
    let statement = "UPDATE risk_detection SET state = ?2, detail = ?3, settled_level = level, \
         settled_at = ?5, updated = max(updated, ?5) WHERE subject = ?1 AND withdrawn IS NULL \
         AND state IN ('atRisk', 'confirmedCompromised') AND activity <= ?4 \
         AND (?6 = 0 OR origin = 'source')";
    let values = (subject, state.name(), detail, until_micros, at_micros, only_source);
    Ok(db.prepare_cached(statement)?.execute(values)?)
}

/// What becomes of risk when a finding does.
pub(crate) fn follow(
    db: &Transaction<'_>,
    change: &Change<'_>,
    circumstances: &Circumstances<'_>,
) -> Result<()> {
    let (Change::New(finding) | Change::Changed { now: finding, .. } | Change::Withdrawn(finding)) =
        change;
    let Some(about) = about(finding) else { return Ok(()) };
    let now = circumstances.now_micros;
    if matches!(change, Change::Withdrawn(_)) {
        return withdraw(db, finding.id, &[], now);
    }
    if !has_risk(finding.subject.kind) {
        // Whose risk it is takes a look at its sign-ins: see `watch`.
        return Ok(());
    }
    let subject = &finding.subject;
    let key = SubjectKey::new(&finding.tenant, subject.kind, &subject.id);
    let number = subjects::number_of(db, &key, &subject.name, SubjectFacts::default())?;
    let id = finding.id.to_string();
    put(db, of_finding(about, finding, subject.kind, number, id, &finding.risky), now)?;
    subjects::reassess(db, number, finding.told_micros, None, now)?;
    Ok(())
}

/// What its detection says about itself, if a finding of it is a risk.
pub(super) fn about(finding: &Finding) -> Option<&'static About> {
    let about = crate::detections::about(&finding.detection)?;
    (!about.risk_event_type.is_empty()).then_some(about)
}

/// The risk detection of a finding that rests on these sign-ins.
pub(super) fn of_finding(
    about: &About,
    finding: &Finding,
    kind: SubjectKind,
    subject: i64,
    id: String,
    events: &[Id],
) -> Put {
    let text = |id: Option<Id>| id.map(|id| id.to_string()).unwrap_or_default();
    let latest = finding.events.iter().rev().find(|event| events.contains(&event.id));
    let activity = match kind {
        SubjectKind::User if events.is_empty() => "user",
        SubjectKind::User => "signin",
        _ => "servicePrincipal",
    };
    let reasons: Vec<String> = std::iter::once(finding.sentence.clone())
        .chain(finding.facts.iter().map(|fact| format!("{}: {}", fact.label, fact.value)))
        .collect();
    let techniques = about.techniques.join(",");
    let additional_info = json!([
        { "Key": "riskReasons", "Value": reasons },
        { "Key": "mitreTechniques", "Value": techniques },
    ]);
    let timing = match about.timing {
        Timing::RealTime => "realtime",
        Timing::Offline => "offline",
    };
    Put {
        id,
        subject,
        finding: Some(finding.id),
        origin: Origin::Finding,
        event_type: about.risk_event_type.to_owned(),
        risk: Risk {
            level: finding.level.into(),
            state: RiskState::AtRisk,
            detail: detail::NONE.to_owned(),
        },
        timing: timing.to_owned(),
        activity_micros: finding.last_micros,
        detected_micros: finding.found_micros,
        updated_micros: finding.told_micros,
        events: events.to_vec(),
        facts: DetectionFacts {
            source: "durward".to_owned(),
            activity: activity.to_owned(),
            token_issuer_type: "AzureAD".to_owned(),
            request_id: text(latest.map(|event| event.id)),
            correlation_id: text(finding.correlation),
            address: finding.address.clone(),
            location: finding.location.clone(),
            coordinates: None,
            additional_info: additional_info.to_string(),
            techniques,
            app_id: String::new(),
            key_ids: Vec::new(),
        },
    }
}

/// Takes back the risk detections of a finding except some, by their identifiers.
pub(super) fn withdraw(
    db: &Connection,
    Id(finding): Id,
    except: &[String],
    now_micros: i64,
) -> Result<()> {
    let statement = "SELECT number, id, subject FROM risk_detection \
         WHERE finding = ?1 AND withdrawn IS NULL";
    let mut find = db.prepare_cached(statement)?;
    let rows = find.query_map([&finding[..]], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
    })?;
    let gone: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
    for (number, _, subject) in gone.iter().filter(|(_, id, _)| !except.contains(id)) {
        let statement = "UPDATE risk_detection SET withdrawn = ?2 WHERE number = ?1";
        db.prepare_cached(statement)?.execute((number, now_micros))?;
        subjects::reassess(db, *subject, now_micros, None, now_micros)?;
    }
    Ok(())
}
