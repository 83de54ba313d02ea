//! Risk of sign-ins, users, workloads and agents, in Entra's terms.
//!
//! Risk has three sources: findings of detections that have a `riskEventType`, risk records that
//! the source of the log delivers, and what administrators decide. Each finding, each record of a
//! risk detection and each confirmation is a *risk detection* with a state of its own; besides,
//! the newest word about a subject as a whole is kept (the source's record of the user, or a
//! decision). What a subject's risk is follows from these ([`subjects`]) and is written down in
//! the same transaction, with a line of history whenever it changes.
//!
//! - A detection counts while it is at risk or confirmed, not withdrawn, and, if low, not older
//!   than [`LOW_LIFE_MICROS`]. The level of a subject is the highest of those that count.
//! - A decision settles the detections that are known when it is made. A finding keeps its
//!   identifier however often the log is looked at again, so what was decided stays; another
//!   finding puts the subject at risk again, and so does a settled one that rises in level.

mod dashboard;
mod decisions;
mod detections;
mod events;
mod query;
mod reach;
mod records;
mod sign_ins;
mod subjects;
mod watch;

use durward_model::Id;
use durward_model::id::Spelling;
use durward_model::time::DAY_MICROS;

use crate::book::Module;
use crate::finding::{Level, SubjectKind};

pub use dashboard::{AttackCount, DayCount, RiskDashboard};
pub use decisions::{By, Decision, DecisionRecord, RiskySignIn, Standing};
pub(crate) use detections::follow;
pub use detections::{DetectionFacts, Origin};
pub use query::{
    DetectionOrder, DetectionQuery, HistoryItem, RiskDetection, RiskySubject, SubjectQuery,
};
pub use reach::{Reach, ReachPart};
pub use sign_ins::SignInRisk;
pub use subjects::SubjectFacts;
pub use watch::{Refreshed, RiskWatch, RiskWatchError};
pub(crate) use watch::{mark_of, set_mark};

/// A low risk that nothing has added to for six months is none any more.
pub const LOW_LIFE_MICROS: i64 = 183 * DAY_MICROS;

pub(crate) const SCHEMA: Module = Module { name: "risk", steps: &[FIRST] };

// Times are µs since 1970; levels are numbers, so that the highest is the largest. `word_*` is
// the newest word about a subject as a whole. `settled_*`: the level that a detection had when it
// was settled, and up to what moment that counts. `risk_look`: findings whose sign-ins were
// looked up in the log, as told then.
const FIRST: &str = "
CREATE TABLE risk_subject (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL COLLATE NOCASE,
    kind TEXT NOT NULL,
    id TEXT NOT NULL COLLATE NOCASE,
    name TEXT NOT NULL COLLATE NOCASE,
    level INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'none',
    detail TEXT NOT NULL DEFAULT 'none',
    updated INTEGER NOT NULL DEFAULT 0,
    word_level INTEGER NOT NULL DEFAULT 0,
    word_state TEXT NOT NULL DEFAULT 'none',
    word_detail TEXT NOT NULL DEFAULT 'none',
    word_at INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL,
    UNIQUE (kind, id, tenant)
) STRICT;
CREATE INDEX risk_subject_updated ON risk_subject (kind, updated DESC, number DESC);

CREATE TABLE risk_detection (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE COLLATE NOCASE,
    subject INTEGER NOT NULL REFERENCES risk_subject (number),
    finding BLOB,
    origin TEXT NOT NULL,
    event_type TEXT NOT NULL,
    level INTEGER NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL,
    settled_level INTEGER,
    settled_at INTEGER,
    timing TEXT NOT NULL,
    activity INTEGER NOT NULL,
    detected INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    withdrawn INTEGER,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX risk_detection_subject ON risk_detection (subject, activity DESC);
CREATE INDEX risk_detection_finding ON risk_detection (finding) WHERE finding IS NOT NULL;
CREATE INDEX risk_detection_detected ON risk_detection (detected DESC, number DESC);
CREATE INDEX risk_detection_activity ON risk_detection (activity DESC, number DESC);
CREATE INDEX risk_detection_updated ON risk_detection (updated DESC, number DESC);

CREATE TABLE risk_event (
    event BLOB NOT NULL,
    detection INTEGER NOT NULL REFERENCES risk_detection (number) ON DELETE CASCADE,
    PRIMARY KEY (event, detection)
) STRICT, WITHOUT ROWID;
CREATE INDEX risk_event_detection ON risk_event (detection);

CREATE TABLE risk_history (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    subject INTEGER NOT NULL REFERENCES risk_subject (number),
    level INTEGER NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL,
    at INTEGER NOT NULL,
    by TEXT,
    event_types TEXT NOT NULL
) STRICT;
CREATE INDEX risk_history_subject ON risk_history (subject, number DESC);
CREATE INDEX risk_history_at ON risk_history (at);

CREATE TABLE risk_decision (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    subject INTEGER NOT NULL REFERENCES risk_subject (number),
    event BLOB,
    decision TEXT NOT NULL,
    by TEXT NOT NULL,
    by_name TEXT NOT NULL,
    note TEXT NOT NULL,
    at INTEGER NOT NULL,
    old_level INTEGER NOT NULL,
    old_state TEXT NOT NULL,
    new_level INTEGER NOT NULL,
    new_state TEXT NOT NULL
) STRICT;
CREATE INDEX risk_decision_subject ON risk_decision (subject, number DESC);
CREATE INDEX risk_decision_event ON risk_decision (event, number DESC) WHERE event IS NOT NULL;
CREATE TRIGGER risk_decision_stays BEFORE UPDATE ON risk_decision
BEGIN SELECT RAISE(ABORT, 'decisions are only ever added'); END;
CREATE TRIGGER risk_decision_remains BEFORE DELETE ON risk_decision
BEGIN SELECT RAISE(ABORT, 'decisions are only ever added'); END;

CREATE TABLE risk_sign_in (
    event BLOB PRIMARY KEY,
    state TEXT NOT NULL,
    detail TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE risk_look (
    finding BLOB PRIMARY KEY,
    told INTEGER NOT NULL,
    succeeded INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE risk_mark (what TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
";

/// How much risk. In the order of how much it weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RiskLevel {
    /// None.
    #[default]
    None,
    /// The source does not say: the tenant has no licence for it.
    Hidden,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
}

impl RiskLevel {
    /// All, the least first.
    pub const ALL: [RiskLevel; 5] =
        [RiskLevel::None, RiskLevel::Hidden, RiskLevel::Low, RiskLevel::Medium, RiskLevel::High];

    /// As Graph's `riskLevel` has it.
    pub fn name(self) -> &'static str {
        match self {
            RiskLevel::None => "none",
            RiskLevel::Hidden => "hidden",
            RiskLevel::Low => "low",
            RiskLevel::Medium => "medium",
            RiskLevel::High => "high",
        }
    }

    /// The level of that name, in any case.
    pub fn from_name(name: &str) -> Option<RiskLevel> {
        RiskLevel::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name))
    }

    pub(crate) fn number(self) -> i64 {
        self as i64
    }

    pub(crate) fn of_number(number: i64) -> RiskLevel {
        usize::try_from(number)
            .ok()
            .and_then(|n| RiskLevel::ALL.get(n))
            .copied()
            .unwrap_or_default()
    }
}

impl From<Level> for RiskLevel {
    fn from(level: Level) -> RiskLevel {
        match level {
            Level::Low => RiskLevel::Low,
            Level::Medium => RiskLevel::Medium,
            Level::High => RiskLevel::High,
        }
    }
}

/// What became of a risk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RiskState {
    /// There is none.
    #[default]
    None,
    /// Nobody and nothing has settled it.
    AtRisk,
    /// An administrator says that it was no attack.
    ConfirmedSafe,
    /// The user made the password new, or proved to be themselves.
    Remediated,
    /// Put aside.
    Dismissed,
    /// An administrator says that it was an attack.
    ConfirmedCompromised,
}

impl RiskState {
    /// All of them.
    pub const ALL: [RiskState; 6] = [
        RiskState::None,
        RiskState::AtRisk,
        RiskState::ConfirmedSafe,
        RiskState::Remediated,
        RiskState::Dismissed,
        RiskState::ConfirmedCompromised,
    ];

    /// As Graph's `riskState` has it.
    pub fn name(self) -> &'static str {
        match self {
            RiskState::None => "none",
            RiskState::AtRisk => "atRisk",
            RiskState::ConfirmedSafe => "confirmedSafe",
            RiskState::Remediated => "remediated",
            RiskState::Dismissed => "dismissed",
            RiskState::ConfirmedCompromised => "confirmedCompromised",
        }
    }

    /// The state of that name, in any case.
    pub fn from_name(name: &str) -> Option<RiskState> {
        RiskState::ALL.into_iter().find(|state| state.name().eq_ignore_ascii_case(name))
    }

    /// Does a risk in this state count?
    pub fn is_active(self) -> bool {
        matches!(self, RiskState::AtRisk | RiskState::ConfirmedCompromised)
    }

    pub(crate) fn of_text(text: &str) -> RiskState {
        RiskState::from_name(text).unwrap_or_default()
    }
}

/// Members of Graph's `riskDetail` that durward gives itself; those of the source are kept as
/// they are.
pub(crate) mod detail {
    pub(crate) const NONE: &str = "none";
    pub(crate) const USER_COMPROMISED: &str = "adminConfirmedUserCompromised";
    pub(crate) const USER_SAFE: &str = "adminConfirmedAccountSafe";
    pub(crate) const USER_DISMISSED: &str = "adminDismissedAllRiskForUser";
    pub(crate) const WORKLOAD_COMPROMISED: &str = "adminConfirmedServicePrincipalCompromised";
    pub(crate) const WORKLOAD_DISMISSED: &str = "adminDismissedAllRiskForServicePrincipal";
    pub(crate) const AGENT_COMPROMISED: &str = "adminConfirmedAgentCompromised";
    pub(crate) const AGENT_SAFE: &str = "adminConfirmedAgentSafe";
    pub(crate) const AGENT_DISMISSED: &str = "adminDismissedRiskForAgent";
    pub(crate) const SIGN_IN_COMPROMISED: &str = "adminConfirmedSigninCompromised";
    pub(crate) const SIGN_IN_SAFE: &str = "adminConfirmedSigninSafe";
    pub(crate) const SIGN_IN_DISMISSED: &str = "adminDismissedRiskForSignIn";
    /// The password is another one now: whoever knew the old one knows nothing.
    pub(crate) const NEW_PASSWORD: [&str; 4] = [
        "userPerformedSecuredPasswordChange",
        "userPerformedSecuredPasswordReset",
        "userChangedPasswordOnPremises",
        "adminGeneratedTemporaryPassword",
    ];
    /// The user has proved to be themselves in this sign-in.
    pub(crate) const PASSED_MFA: &str = "userPassedMFADrivenByRiskBasedPolicy";
}

/// Whom a risk is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubjectKey {
    /// The tenant's identifier.
    pub tenant: String,
    /// A user, a workload or an agent.
    pub kind: SubjectKind,
    /// The object identifier.
    pub id: String,
}

impl SubjectKey {
    /// With GUIDs in lower case, whatever case the log has them in.
    pub fn new(tenant: &str, kind: SubjectKind, id: &str) -> SubjectKey {
        SubjectKey { tenant: canonical(tenant), kind, id: canonical(id) }
    }
}

/// Can things of this kind be at risk?
pub(crate) fn has_risk(kind: SubjectKind) -> bool {
    matches!(kind, SubjectKind::User | SubjectKind::Workload | SubjectKind::Agent)
}

fn canonical(text: &str) -> String {
    match Id::from_text(text) {
        (id, Spelling::Canonical | Spelling::Variant) => id.to_string(),
        (_, Spelling::Other) => text.to_owned(),
    }
}
