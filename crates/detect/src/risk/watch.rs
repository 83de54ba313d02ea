//! What risk takes from the log besides findings: the source's risk records, remediation that
//! sign-ins tell of, and who is behind the sign-ins of a finding.

use std::ops::ControlFlow;

use durward_model::time::DAY_MICROS;
use durward_model::{Event, FieldId, Id, Log, Timestamp};
use durward_query::{Budget, Engine, Filter, ListRequest, Op, Order, QueryError, Value};
use durward_store::{StoreError, View};
use hashbrown::HashMap;
use rusqlite::{Connection, OptionalExtension as _};

use super::subjects::SubjectFacts;
use super::{RiskState, SubjectKey, detail, detections, has_risk, records, subjects};
use crate::book::{Book, BookError};
use crate::class::{self, Class};
use crate::finding::{EVENTS_MAX, Finding, SubjectKind};

/// Events taken in one transaction.
const BATCH: usize = 500;
/// Findings looked up in one call; more wait for the next.
const LOOKS_MAX: usize = 300;
/// Records may become visible so long after they were received: an import waits for the disk.
const RECEIVED_MARGIN_MICROS: i64 = 600_000_000;
/// Sign-ins that tell of remediation are looked for so far back from when they are received.
const SIGN_IN_DELAY_MICROS: i64 = 3 * DAY_MICROS;

/// Why the log could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum RiskWatchError {
    /// The book.
    #[error(transparent)]
    Book(#[from] BookError),
    /// A question to the log.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The log.
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Result<T> = std::result::Result<T, RiskWatchError>;

/// What was taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Records of the source that were looked at.
    pub records: usize,
    /// Sign-ins that tell of remediation.
    pub remediations: usize,
    /// Findings whose sign-ins were looked up.
    pub looks: usize,
    /// Low risks that have become too old.
    pub aged: usize,
    /// There are more findings to be looked up: call again.
    pub has_more: bool,
}

/// Which events are to be taken over since the last time.
struct Question<'a> {
    /// Names the mark.
    what: &'static str,
    filter: Filter,
    logs: &'a [Log],
    /// Later than that after they happened events are not expected, except on the first look.
    delay_micros: Option<i64>,
    take: &'a dyn Fn(&[Event]) -> crate::book::Result<()>,
}

/// Looks at the log for risk, beside the [`crate::Watcher`].
#[derive(Debug, Default)]
pub struct RiskWatch {
    engine: Engine,
}

impl RiskWatch {
    /// Brings the book up to date with a view. What was taken over before is not taken over
    /// again; a call that is cut off is made up for by the next.
    pub fn refresh(&self, book: &Book, view: &View, now_micros: i64) -> Result<Refreshed> {
        let records = self.take_records(book, view, now_micros)?;
        let remediations = self.take_remediations(book, view, now_micros)?;
        let looks = self.look(book, view, now_micros)?;
        let aged = book.write(|db| subjects::age(db, now_micros))?;
        let has_more = looks == LOOKS_MAX;
        Ok(Refreshed { records, remediations, looks, aged, has_more })
    }

    fn take_records(&self, book: &Book, view: &View, now_micros: i64) -> Result<usize> {
        let take = |events: &[Event]| {
            book.write(|db| {
                let mut known = events.iter().filter_map(records::read);
                known.try_for_each(|record| records::merge(db, record, now_micros))
            })
        };
        let question = Question {
            what: "records",
            filter: Filter::All,
            logs: &[Log::Risk],
            delay_micros: None,
            take: &take,
        };
        self.since_mark(book, view, question, now_micros)
    }

    fn take_remediations(&self, book: &Book, view: &View, now_micros: i64) -> Result<usize> {
        let text = |text: &str| Value::Text(text.to_owned());
        let details = detail::NEW_PASSWORD.iter().chain([&detail::PASSED_MFA]);
        let details = details.map(|detail| text(detail)).collect();
        let filter = Filter::field(FieldId::RiskState, Op::Eq(text("remediated")))
            .and(Filter::field(FieldId::RiskDetail, Op::In(details)));
        let logs = [Log::InteractiveUser, Log::NonInteractiveUser];
        let take = |events: &[Event]| {
            book.write(|db| events.iter().try_for_each(|event| remediate(db, event, now_micros)))
        };
        let question = Question {
            what: "remediations",
            filter,
            logs: &logs,
            delay_micros: Some(SIGN_IN_DELAY_MICROS),
            take: &take,
        };
        self.since_mark(book, view, question, now_micros)
    }

    /// Takes all events that were received since the last time, oldest first, and remembers how
    /// far it came.
    fn since_mark(
        &self,
        book: &Book,
        view: &View,
        question: Question<'_>,
        now_micros: i64,
    ) -> Result<usize> {
        let mut filter = question.filter;
        if let Some(mark) = book.read(|db| mark_of(db, question.what))? {
            let ge = |micros| Op::Ge(Value::Time(Timestamp::from_micros(micros)));
            let since = mark - RECEIVED_MARGIN_MICROS;
            filter = filter.and(Filter::field(FieldId::ReceivedDateTime, ge(since)));
            if let Some(delay) = question.delay_micros {
                filter = filter.and(Filter::field(FieldId::CreatedDateTime, ge(since - delay)));
            }
        }
        let mut count = 0;
        self.each(view, filter, question.logs, |events| {
            count += events.len();
            (question.take)(events)?;
            Ok(ControlFlow::Continue(()))
        })?;
        book.write(|db| set_mark(db, question.what, now_micros))?;
        Ok(count)
    }

    /// Shows all events that a filter finds, in batches, oldest first.
    fn each(
        &self,
        view: &View,
        filter: Filter,
        logs: &[Log],
        mut show: impl FnMut(&[Event]) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let order = Order::OldestFirst;
        let logs = logs.to_vec();
        let mut request = ListRequest { filter, logs, order, limit: BATCH, after: None };
        loop {
            let page = self.engine.list(view, &request, &Budget::unlimited())?;
            if page.rows.is_empty() || show(&view.events(&page.rows)?)?.is_break() {
                return Ok(());
            }
            let Some(next) = page.next else { return Ok(()) };
            request.after = Some(next);
        }
    }

    /// Looks up the sign-ins of findings that are new or told anew: did any succeed, whose are
    /// they?
    fn look(&self, book: &Book, view: &View, now_micros: i64) -> Result<usize> {
        let waiting = book.read(waiting)?;
        let events: Vec<Vec<Event>> =
            waiting.iter().map(|finding| self.sign_ins(view, finding)).collect::<Result<_>>()?;
        book.write(|db| {
            let mut all = waiting.iter().zip(&events);
            all.try_for_each(|(finding, events)| take_look(db, finding, events, now_micros))
        })?;
        Ok(waiting.len())
    }

    fn sign_ins(&self, view: &View, finding: &Finding) -> Result<Vec<Event>> {
        if finding.risky.is_empty() || detections::about(finding).is_none() {
            return Ok(Vec::new());
        }
        let risky = finding.risky.iter().take(EVENTS_MAX);
        let ids = risky.map(|id| Value::Text(id.to_string())).collect();
        let (first, last) = (finding.first_micros, finding.last_micros);
        let time = Timestamp::from_micros;
        let filter = Filter::field(FieldId::CreatedDateTime, Op::Ge(Value::Time(time(first))))
            .and(Filter::field(FieldId::CreatedDateTime, Op::Le(Value::Time(time(last + 1)))))
            .and(Filter::field(FieldId::Id, Op::In(ids)));
        let mut found = Vec::new();
        self.each(view, filter, &Log::SIGN_INS, |events| {
            found.extend_from_slice(events);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }
}

pub(crate) fn mark_of(db: &Connection, what: &str) -> crate::book::Result<Option<i64>> {
    let mut find = db.prepare_cached("SELECT at FROM risk_mark WHERE what = ?1")?;
    Ok(find.query_row([what], |row| row.get(0)).optional()?)
}

pub(crate) fn set_mark(db: &Connection, what: &str, at_micros: i64) -> crate::book::Result<()> {
    let statement = "INSERT INTO risk_mark VALUES (?1, ?2) \
         ON CONFLICT (what) DO UPDATE SET at = excluded.at";
    db.execute(statement, (what, at_micros))?;
    Ok(())
}

fn user_of(event: &Event) -> (SubjectKey, String, SubjectFacts) {
    let text = |field| event.cell(field).to_string();
    let (id, name) = (text(FieldId::UserId), text(FieldId::UserPrincipalName));
    let id = if id.is_empty() { &name } else { &id };
    let key = SubjectKey::new(&text(FieldId::TenantId), SubjectKind::User, id);
    let display_name = text(FieldId::UserDisplayName);
    (key, name, SubjectFacts { display_name, ..SubjectFacts::default() })
}

/// Takes over what a sign-in tells of remediation: a new password ends what was found before it;
/// a second factor that risk demanded ends what was found about this very sign-in.
fn remediate(db: &Connection, event: &Event, now_micros: i64) -> crate::book::Result<()> {
    let (key, ..) = user_of(event);
    let Some(subject) = subjects::known(db, &key)? else { return Ok(()) };
    let why = event.cell(FieldId::RiskDetail).to_string();
    let at = event.row().created.micros;
    if why.eq_ignore_ascii_case(detail::PASSED_MFA) {
        let statement = "SELECT d.number FROM risk_event e \
             JOIN risk_detection d ON d.number = e.detection WHERE e.event = ?1 \
             AND d.subject = ?2 AND d.state = 'atRisk' AND d.withdrawn IS NULL \
             AND NOT EXISTS (SELECT 1 FROM risk_event o WHERE o.detection = d.number \
                 AND o.event <> e.event)";
        let mut find = db.prepare_cached(statement)?;
        let rows = find.query_map((&event.row().id.0[..], subject), |row| row.get(0))?;
        let numbers: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
        for number in numbers {
            detections::settle(db, number, RiskState::Remediated, detail::PASSED_MFA, at)?;
        }
    } else {
        let how = (RiskState::Remediated, why.as_str());
        detections::settle_all(db, subject, how, at, at, false)?;
        let (mut word, said) = subjects::word(db, subject)?;
        if word.state.is_active() && said <= at {
            (word.level, word.state) = (super::RiskLevel::None, RiskState::Remediated);
            word.detail = why;
            subjects::set_word(db, subject, &word, at)?;
        }
    }
    subjects::reassess(db, subject, at, None, now_micros)?;
    Ok(())
}

/// Findings that were not looked up as they are told now.
fn waiting(db: &Connection) -> crate::book::Result<Vec<Finding>> {
    let statement = format!(
        "SELECT f.body FROM finding f LEFT JOIN risk_look l ON l.finding = f.id \
         WHERE f.withdrawn IS NULL AND f.detection NOT LIKE 'rule:%' \
         AND (l.told IS NULL OR l.told <> f.told) LIMIT {LOOKS_MAX}"
    );
    let mut find = db.prepare_cached(&statement)?;
    let rows = find.query_map([], |row| row.get::<_, String>(0))?;
    rows.map(|row| Ok(serde_json::from_str(&row?)?)).collect()
}

fn take_look(
    db: &Connection,
    finding: &Finding,
    events: &[Event],
    now_micros: i64,
) -> crate::book::Result<()> {
    let code = |event: &Event| event.cell(FieldId::ErrorCode).as_int().unwrap_or(0);
    let succeeded = events.iter().any(|event| code(event) == 0);
    let statement = "INSERT INTO risk_look VALUES (?1, ?2, ?3) ON CONFLICT (finding) \
         DO UPDATE SET told = excluded.told, succeeded = excluded.succeeded";
    let values = (&finding.id.0[..], finding.told_micros, succeeded);
    db.prepare_cached(statement)?.execute(values)?;
    if detections::about(finding).is_none() {
        return Ok(());
    }
    if has_risk(finding.subject.kind) {
        return name_subject(db, finding, events);
    }
    spread(db, finding, events, now_micros)
}

/// What its sign-ins tell of the subject of a finding.
fn name_subject(db: &Connection, finding: &Finding, events: &[Event]) -> crate::book::Result<()> {
    let Some(event) = events.last() else { return Ok(()) };
    let subject = &finding.subject;
    let key = SubjectKey::new(&finding.tenant, subject.kind, &subject.id);
    let facts = match subject.kind {
        SubjectKind::User => user_of(event).2,
        _ => SubjectFacts {
            display_name: subject.name.clone(),
            app_id: event.cell(FieldId::AppId).to_string(),
            ..SubjectFacts::default()
        },
    };
    subjects::number_of(db, &key, &subject.name, facts)?;
    Ok(())
}

/// A finding about an address or a tenant is a risk of the users whose passwords were right.
fn spread(
    db: &Connection,
    finding: &Finding,
    events: &[Event],
    now_micros: i64,
) -> crate::book::Result<()> {
    let Some(about) = detections::about(finding) else { return Ok(()) };
    let mut users: HashMap<SubjectKey, (String, SubjectFacts, Vec<Id>)> = HashMap::new();
    for event in events {
        let code = event.cell(FieldId::ErrorCode).as_int().unwrap_or(0);
        // Conditional Access is asked only after the password.
        let proof = Class::SUCCESS.and(Class::RIGHT_PASSWORD).and(Class::POLICY_BLOCK);
        if event.row().log.is_sign_in() && class::of_code(code).any(proof) {
            let (key, name, facts) = user_of(event);
            if !key.id.is_empty() {
                let user = users.entry(key).or_insert((name, facts, Vec::new()));
                user.2.push(event.row().id);
            }
        }
    }
    let mut told = Vec::new();
    for (key, (name, facts, ids)) in users {
        let subject = subjects::number_of(db, &key, &name, facts)?;
        let text = format!("{}\0{}\0{}", finding.id, key.tenant, key.id);
        let id = Id::hash(text.as_bytes()).to_string();
        told.push(id.clone());
        let put = detections::of_finding(about, finding, key.kind, subject, id, &ids);
        detections::put(db, put, now_micros)?;
        subjects::reassess(db, subject, finding.told_micros, None, now_micros)?;
    }
    detections::withdraw(db, finding.id, &told, now_micros)
}
