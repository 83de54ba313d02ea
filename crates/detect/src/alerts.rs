//! Alerts: what somebody should look at, one for each attempt or campaign.
//!
//! Findings of medium and high level make alerts, written down in the transaction that writes the
//! finding. A finding joins an alert that is open and shares a sign-in, a correlation identifier
//! or (within a day) the subject with it; alerts that turn out to be one are merged as long as
//! nobody has touched them. What people do with an alert is a line of history each.
//!
//! Whom an alert is delivered to is decided by [`routes`], and written into the outbox in the same
//! transaction: a crash loses no delivery, and a receiver may see one twice only if the process
//! ends between its answer and writing that down.

mod grouping;
mod history;
mod outbox;
mod query;
pub mod routes;
mod suppress;
mod work;

use durward_model::Id;
use durward_model::time::{DAY_MICROS, HOUR_MICROS};
use rusqlite::Transaction;

use crate::book::{Change, Circumstances, Module, Result};
use crate::finding::{Level, Subject};

pub use history::{Entry, What};
pub use outbox::{
    ChannelStatus, Delivery, DeliveryKind, DeliveryQuery, DeliveryState, Due, Ended, FOLD_MICROS,
    FOLD_OVER,
};
pub use query::{AlertCounts, AlertDetails, AlertQuery, Attached, Similar};
pub use routes::{Quiet, Route, Routes, Zone};
pub use suppress::{NewSuppression, Suppression};
pub use work::AlertChange;

/// The same subject within this time of an alert's sign-ins is the same campaign.
pub const JOIN_MICROS: i64 = DAY_MICROS;
/// A campaign whose alert is closed is worth another one if it goes on so much later.
pub const GROWTH_MICROS: i64 = DAY_MICROS;
/// Findings whose last sign-in is older than this are history: nobody is woken for them.
pub const HISTORY_MICROS: i64 = 48 * HOUR_MICROS;
/// Findings of an alert at most; more make another one.
pub const FINDINGS_MAX: i64 = 500;
/// Who closes and merges alerts without being asked.
pub const SYSTEM: &str = "durward";

pub(crate) const SCHEMA: Module = Module { name: "alerts", steps: &[FIRST] };

// Times are µs since 1970; levels are numbers, so that the highest is the largest. What an alert
// says follows from the rows of `alert_finding` that are not detached; once it is closed neither
// changes any more. `alert_finding` has whom each finding is about, as those limited to some
// subjects see an alert only if all of them are theirs.
const FIRST: &str = "
CREATE TABLE alert (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL COLLATE NOCASE,
    state TEXT NOT NULL,
    verdict TEXT,
    severity INTEGER NOT NULL,
    title TEXT NOT NULL,
    detection TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL COLLATE NOCASE,
    subject_name TEXT NOT NULL COLLATE NOCASE,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    sign_ins INTEGER NOT NULL,
    findings INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    closed INTEGER,
    version INTEGER NOT NULL,
    assignee TEXT COLLATE NOCASE,
    is_touched INTEGER NOT NULL DEFAULT 0,
    is_history INTEGER NOT NULL,
    previous INTEGER REFERENCES alert (number),
    merged_into INTEGER REFERENCES alert (number)
) STRICT;
CREATE INDEX alert_last ON alert (last DESC, number DESC);
CREATE INDEX alert_state ON alert (state, last DESC);
CREATE INDEX alert_subject ON alert (subject_kind, subject_id, last DESC);

CREATE TABLE alert_finding (
    alert INTEGER NOT NULL REFERENCES alert (number),
    finding BLOB NOT NULL,
    detection TEXT NOT NULL,
    tenant TEXT NOT NULL COLLATE NOCASE,
    kind TEXT NOT NULL,
    id TEXT NOT NULL COLLATE NOCASE,
    name TEXT NOT NULL COLLATE NOCASE,
    level INTEGER NOT NULL,
    sentence TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    events INTEGER NOT NULL,
    correlation BLOB,
    attached INTEGER NOT NULL,
    detached INTEGER,
    PRIMARY KEY (alert, finding)
) STRICT;
CREATE INDEX alert_finding_finding ON alert_finding (finding, alert DESC);
CREATE INDEX alert_finding_subject ON alert_finding (kind, id, last DESC);
CREATE INDEX alert_finding_detection ON alert_finding (detection, alert);
CREATE INDEX alert_finding_correlation ON alert_finding (correlation)
    WHERE correlation IS NOT NULL;

CREATE TABLE alert_history (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    alert INTEGER NOT NULL REFERENCES alert (number),
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    by_name TEXT NOT NULL,
    what TEXT NOT NULL,
    old TEXT NOT NULL,
    new TEXT NOT NULL
) STRICT;
CREATE INDEX alert_history_alert ON alert_history (alert, number);
CREATE TRIGGER alert_history_stays BEFORE UPDATE ON alert_history
BEGIN SELECT RAISE(ABORT, 'history is only ever added to'); END;
CREATE TRIGGER alert_history_remains BEFORE DELETE ON alert_history
BEGIN SELECT RAISE(ABORT, 'history is only ever added to'); END;

CREATE TABLE suppression (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL,
    created INTEGER NOT NULL,
    by TEXT NOT NULL,
    by_name TEXT NOT NULL,
    until INTEGER,
    ended INTEGER,
    ended_by TEXT,
    hits INTEGER NOT NULL DEFAULT 0,
    last_hit INTEGER
) STRICT;

CREATE TABLE delivery (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    alert INTEGER REFERENCES alert (number),
    kind TEXT NOT NULL,
    level INTEGER NOT NULL,
    created INTEGER NOT NULL,
    due INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    ended INTEGER,
    error TEXT NOT NULL DEFAULT '',
    folded_into INTEGER REFERENCES delivery (number)
) STRICT;
CREATE INDEX delivery_waiting ON delivery (channel, due) WHERE state = 'waiting';
CREATE INDEX delivery_ended ON delivery (channel, state, ended DESC);
CREATE INDEX delivery_alert ON delivery (alert, channel, number);
CREATE INDEX delivery_folded ON delivery (folded_into) WHERE folded_into IS NOT NULL;
";

/// What came of looking at an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It was an attack.
    TruePositive,
    /// It was none, and should not have been told.
    FalsePositive,
    /// It was as told, and no harm: a test, a journey, somebody's duty.
    BenignPositive,
    /// Records that came later took its reasons away; durward says so itself.
    Withdrawn,
    /// It is part of another alert; durward says so itself.
    Merged,
}

impl Verdict {
    /// Those that people can choose.
    pub const OF_PEOPLE: [Verdict; 3] =
        [Verdict::TruePositive, Verdict::FalsePositive, Verdict::BenignPositive];

    /// As stored and in interfaces.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::TruePositive => "truePositive",
            Verdict::FalsePositive => "falsePositive",
            Verdict::BenignPositive => "benignPositive",
            Verdict::Withdrawn => "withdrawn",
            Verdict::Merged => "merged",
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::TruePositive => "true positive",
            Verdict::FalsePositive => "false positive",
            Verdict::BenignPositive => "benign positive",
            Verdict::Withdrawn => "withdrawn by later records",
            Verdict::Merged => "merged into another alert",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Verdict> {
        let all = Verdict::OF_PEOPLE.into_iter().chain([Verdict::Withdrawn, Verdict::Merged]);
        all.into_iter().find(|verdict| verdict.name() == name)
    }
}

/// How far somebody is with an alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AlertState {
    /// Nobody has looked yet.
    #[default]
    New,
    /// Somebody is at it.
    InProgress,
    /// It is settled.
    Closed(Verdict),
}

impl AlertState {
    /// As stored and in interfaces; what came of it is told apart from it.
    pub fn name(self) -> &'static str {
        match self {
            AlertState::New => "new",
            AlertState::InProgress => "inProgress",
            AlertState::Closed(_) => "closed",
        }
    }

    /// In words.
    pub fn words(self) -> String {
        match self {
            AlertState::New => "New".to_owned(),
            AlertState::InProgress => "In progress".to_owned(),
            AlertState::Closed(verdict) => format!("Closed: {}", verdict.words()),
        }
    }

    /// The state of that name, which a closed one needs a verdict for.
    pub fn from_names(state: &str, verdict: Option<&str>) -> Option<AlertState> {
        match state {
            "new" => Some(AlertState::New),
            "inProgress" => Some(AlertState::InProgress),
            "closed" => verdict.and_then(Verdict::from_name).map(AlertState::Closed),
            _ => None,
        }
    }

    /// What came of it.
    pub fn verdict(self) -> Option<Verdict> {
        match self {
            AlertState::Closed(verdict) => Some(verdict),
            _ => None,
        }
    }

    /// Is it settled?
    pub fn is_closed(self) -> bool {
        self.verdict().is_some()
    }
}

/// An alert, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its number, for ever.
    pub number: i64,
    /// The tenant's identifier.
    pub tenant: String,
    /// How far somebody is with it.
    pub state: AlertState,
    /// The highest level among its findings.
    pub severity: Level,
    /// The sentence of its most severe finding.
    pub title: String,
    /// The detection of that finding.
    pub detection: String,
    /// Whom that finding is about.
    pub subject: Subject,
    /// Its first and its last sign-in, µs since 1970.
    pub first_micros: i64,
    /// See `first_micros`.
    pub last_micros: i64,
    /// How many sign-ins it rests on.
    pub sign_ins: u64,
    /// How many findings it has.
    pub findings: u64,
    /// When it was made, µs since 1970.
    pub opened_micros: i64,
    /// When anything about it changed last.
    pub updated_micros: i64,
    /// When it was closed.
    pub closed_micros: Option<i64>,
    /// Counts its changes.
    pub version: i64,
    /// Who is to look after it.
    pub assignee: Option<String>,
    /// It was old already when it was found, so nobody was told.
    pub is_history: bool,
    /// The closed alert that this one goes on from.
    pub previous: Option<i64>,
    /// The alert that this one became part of.
    pub merged_into: Option<i64>,
}

/// What follows from a finding.
pub(crate) fn follow(
    db: &Transaction<'_>,
    change: &Change<'_>,
    circumstances: &Circumstances<'_>,
) -> Result<()> {
    match change {
        Change::New(finding) | Change::Changed { now: finding, .. } => {
            grouping::place(db, finding, circumstances)
        }
        Change::Withdrawn(finding) => grouping::withdraw(db, finding.id, circumstances.now_micros),
    }
}

fn level_of(number: i64) -> Level {
    Level::ALL.get(number as usize).copied().unwrap_or_default()
}

fn id_of(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Id> {
    row.get::<_, [u8; 16]>(column).map(Id)
}
