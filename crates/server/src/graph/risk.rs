//! Microsoft Graph's risk: `/identityProtection/…`, and decisions about sign-ins.
//!
//! | collection | of | versions |
//! | --- | --- | --- |
//! | `riskyUsers`, `riskDetections` | users | v1.0, beta |
//! | `riskyServicePrincipals`, `servicePrincipalRiskDetections` | service principals | v1.0, beta |
//! | `riskyAgents`, `agentRiskDetections` | agents | beta |
//!
//! Options and paging are those of sign-ins, with twenty rows a page unless asked for more. What
//! a caller sees is in [`crate::risk`].

mod actions;
mod routes;
mod shapes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use durward_access::Right;
use durward_detect::risk::{Decision, DetectionOrder, DetectionQuery, RiskySubject, SubjectQuery};
use durward_detect::{Book, SubjectKind};
use durward_model::graph::Version;
use durward_model::{Id, Timestamp};
use durward_query::{JsonFilter, Position, cursor};
use serde_json::{Map, Value, json};

use super::options::Options;
use super::{answer, base, invalid_token, next_query, version_of, wants_unknown};
use crate::access::{Asking, Looked};
use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;
use crate::risk::{RiskSight, refused, run};

pub(crate) use actions::{decide_about, decide_about_sign_ins};
pub(crate) use routes::endpoints;
use shapes::{hide_unknown, properties, selected};

/// Rows of a page unless asked for, and the most there can be.
const PAGE_ROWS: usize = 20;
const PAGE_ROWS_MAX: usize = 500;
/// Rows read at once.
const BATCH: usize = 500;
/// Rows looked at for one page; where a filter finds few, a page is shorter and leads on.
const LOOKED_AT_MAX: usize = 20_000;

/// A collection of `identityProtection`.
#[derive(Debug)]
struct Family {
    /// Its name in addresses.
    name: &'static str,
    /// One of it, in words.
    what: &'static str,
    kind: SubjectKind,
    /// Detections, or those whom they are about?
    is_detections: bool,
    /// The member of an action's body.
    ids: &'static str,
    /// What it takes to decide.
    right: Right,
    decisions: &'static [Decision],
    /// The properties that rows can be ordered by; the first is the order unless asked for.
    orders: &'static [(&'static str, DetectionOrder)],
}

const UPDATED: &[(&str, DetectionOrder)] = &[("riskLastUpdatedDateTime", DetectionOrder::Updated)];
const DETECTED: &[(&str, DetectionOrder)] = &[
    ("detectedDateTime", DetectionOrder::Detected),
    ("activityDateTime", DetectionOrder::Activity),
    ("lastUpdatedDateTime", DetectionOrder::Updated),
];

static FAMILIES: [Family; 6] = [
    Family {
        name: "riskyUsers",
        what: "a risky user",
        kind: SubjectKind::User,
        is_detections: false,
        ids: "userIds",
        right: Right::DecideUserRisk,
        decisions: &Decision::ALL,
        orders: UPDATED,
    },
    Family {
        name: "riskyServicePrincipals",
        what: "a risky service principal",
        kind: SubjectKind::Workload,
        is_detections: false,
        ids: "servicePrincipalIds",
        right: Right::DecideWorkloadRisk,
        decisions: &[Decision::ConfirmCompromised, Decision::Dismiss],
        orders: UPDATED,
    },
    Family {
        name: "riskyAgents",
        what: "a risky agent",
        kind: SubjectKind::Agent,
        is_detections: false,
        ids: "agentIds",
        right: Right::DecideWorkloadRisk,
        decisions: &Decision::ALL,
        orders: &[("riskLastModifiedDateTime", DetectionOrder::Updated)],
    },
    Family {
        name: "riskDetections",
        what: "a risk detection",
        kind: SubjectKind::User,
        is_detections: true,
        ids: "",
        right: Right::DecideUserRisk,
        decisions: &[],
        orders: DETECTED,
    },
    Family {
        name: "servicePrincipalRiskDetections",
        what: "a risk detection of a service principal",
        kind: SubjectKind::Workload,
        is_detections: true,
        ids: "",
        right: Right::DecideWorkloadRisk,
        decisions: &[],
        orders: DETECTED,
    },
    Family {
        name: "agentRiskDetections",
        what: "a risk detection of an agent",
        kind: SubjectKind::Agent,
        is_detections: true,
        ids: "",
        right: Right::DecideWorkloadRisk,
        decisions: &[],
        orders: &[
            ("detectedDateTime", DetectionOrder::Detected),
            ("activityDateTime", DetectionOrder::Activity),
            ("lastModifiedDateTime", DetectionOrder::Updated),
        ],
    },
];

/// The collection of an address; its route has made sure that there is one.
fn family_of(uri: &Uri) -> Result<&'static Family, ApiError> {
    let name = uri.path().split('/').nth(3).unwrap_or_default();
    let found = FAMILIES.iter().find(|family| family.name == name);
    found.ok_or_else(|| ApiError::not_found(format!("there is no collection '{name}'")))
}

/// A row as its caller sees it, and where it is in the list.
struct Line {
    at_micros: i64,
    number: i64,
    /// `None` where the caller does not see it after all.
    object: Option<Value>,
}

/// One page.
struct Page {
    rows: Vec<Value>,
    /// Leads to the next one.
    token: Option<String>,
    /// How many rows there are on all pages, if that was asked.
    count: Option<u64>,
}

/// What is asked of a list.
struct Question {
    family: &'static Family,
    version: Version,
    sight: RiskSight,
    filter: JsonFilter,
    order: DetectionOrder,
    oldest_first: bool,
    top: usize,
    after: Option<(i64, i64)>,
    count: bool,
    select: Option<Vec<&'static str>>,
    hash: u64,
    /// When an answer would come too late.
    deadline: Instant,
}

impl Question {
    fn read(
        options: &Options,
        version: Version,
        family: &'static Family,
        sight: RiskSight,
        timeout: Duration,
    ) -> Result<Question, ApiError> {
        let text = options.get("$filter").unwrap_or_default();
        let known = properties(family, version);
        let filter = JsonFilter::parse(text, family.what, known)?;
        let (order, oldest_first) = order(options.get("$orderby"), family)?;
        let by = format!("{order:?} {oldest_first}");
        let hash = cursor::question(&["risk", family.name, version.name(), text, &by]);
        let after = options.get("$skiptoken").map(|token| Position::from_token(token, hash));
        let after = after.transpose().map_err(invalid_token)?.map(|position| {
            let (_, number) = position.id.0.split_at(8);
            let number = number.try_into().map(i64::from_be_bytes).unwrap_or_default();
            (position.created.micros, number)
        });
        Ok(Question {
            family,
            version,
            sight,
            filter,
            order,
            oldest_first,
            top: top(options)?,
            after,
            count: options.flag("$count")?,
            select: selected(options.get("$select"), known)?,
            hash,
            deadline: Instant::now() + timeout,
        })
    }

    /// The rows after a place of the list.
    fn batch(&self, book: &Book, after: Option<(i64, i64)>) -> Result<Vec<Line>, ApiError> {
        let (reach, kinds) = (self.sight.reach(), vec![self.family.kind]);
        let (oldest_first, limit) = (self.oldest_first, BATCH);
        if self.family.is_detections {
            let order = self.order;
            let rest = DetectionQuery::default();
            let query = DetectionQuery { reach, kinds, order, oldest_first, after, limit, ..rest };
            let found = book.risk_detections(&query).map_err(refused)?;
            return Ok(found
                .iter()
                .map(|one| Line {
                    at_micros: order.of(one),
                    number: one.number,
                    object: shapes::detection(one, self.version, &self.sight),
                })
                .collect());
        }
        let rest = SubjectQuery::default();
        let query = SubjectQuery { reach, kinds, oldest_first, after, limit, ..rest };
        let found = book.risky_subjects(&query).map_err(refused)?;
        Ok(found
            .iter()
            .map(|one| Line {
                at_micros: one.updated_micros,
                number: one.number,
                object: shapes::subject(one, self.version, &self.sight),
            })
            .collect())
    }

    /// Shows every row from a place on that the filter holds for, until `take` has enough.
    /// Gives the last row looked at if there may be more.
    fn each(
        &self,
        book: &Book,
        mut after: Option<(i64, i64)>,
        most: usize,
        mut take: impl FnMut(Value, (i64, i64)) -> bool,
    ) -> Result<Option<(i64, i64)>, ApiError> {
        let mut looked_at = 0;
        loop {
            let batch = self.batch(book, after)?;
            let is_last = batch.len() < BATCH;
            for line in batch {
                let at = (line.at_micros, line.number);
                after = Some(at);
                let found = line.object.filter(|object| self.filter.matches(object));
                if found.is_some_and(|object| take(object, at)) {
                    return Ok(after);
                }
            }
            looked_at += BATCH;
            if is_last {
                return Ok(None);
            }
            if looked_at >= most {
                return Ok(after);
            }
            if Instant::now() > self.deadline {
                return Err(ApiError::too_slow());
            }
        }
    }

    /// One page, and where the next begins; and how many there are, if that is asked.
    fn page(&self, book: &Book) -> Result<Page, ApiError> {
        // One more than the page has says whether there is another.
        let mut found = Vec::new();
        let mut next = self.each(book, self.after, LOOKED_AT_MAX, |row, at| {
            found.push((row, at));
            found.len() > self.top
        })?;
        if found.len() > self.top {
            found.truncate(self.top);
            next = found.last().map(|(_, at)| *at);
        }
        let rows = found.into_iter().map(|(row, _)| row).collect();
        let count = match self.count {
            true => {
                let mut count = 0;
                self.each(book, None, usize::MAX, |_, _| {
                    count += 1;
                    false
                })?;
                Some(count)
            }
            false => None,
        };
        let token = next.map(|(at_micros, number)| {
            let mut id = [0; 16];
            id[8..].copy_from_slice(&number.to_be_bytes());
            let created = Timestamp::from_micros(at_micros);
            Position { created, id: Id(id), log: 0, tenant: 0 }.to_token(self.hash)
        });
        Ok(Page { rows, token, count })
    }
}

fn top(options: &Options) -> Result<usize, ApiError> {
    match options.get("$top") {
        Some(_) => options.top(PAGE_ROWS_MAX),
        None => Ok(PAGE_ROWS),
    }
}

fn order(text: Option<&str>, family: &Family) -> Result<(DetectionOrder, bool), ApiError> {
    let Some(text) = text else { return Ok((family.orders[0].1, false)) };
    let mut words = text.split_whitespace();
    let name = words.next().unwrap_or_default();
    let by = family.orders.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let direction = words.next().map(str::to_ascii_lowercase);
    let oldest_first = match direction.as_deref() {
        None | Some("asc") => Some(true),
        Some("desc") => Some(false),
        Some(_) => None,
    };
    match (by, oldest_first, words.next()) {
        (Some((_, by)), Some(oldest_first), None) => Ok((*by, oldest_first)),
        _ => {
            let names: Vec<&str> = family.orders.iter().map(|(name, _)| *name).collect();
            let message = format!("'$orderby' takes {}, with asc or desc.", names.join(" or "));
            Err(ApiError::bad_request(message))
        }
    }
}

/// `GET /{version}/identityProtection/{collection}`
async fn list(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Extension(client): Extension<Client>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (version, family) = (version_of(&uri), family_of(&uri)?);
    let known = ["$filter", "$top", "$orderby", "$select", "$count", "$skiptoken"];
    let options = Options::parse(uri.query(), &known)?;
    let sight = RiskSight::of(&caller);
    let question = Question::read(&options, version, family, sight, app.config.query_timeout)?;
    let select = question.select.clone();
    let Page { mut rows, token, count } = run(&app, move |book| question.page(book)).await?;
    let base = base(&client, version);
    let chosen = options.get("$select").map(|names| format!("({names})")).unwrap_or_default();
    let mut body = Map::new();
    let collection = format!("identityProtection/{}", family.name);
    body.insert(
        "@odata.context".to_owned(),
        format!("{base}/$metadata#{collection}{chosen}").into(),
    );
    if let Some(count) = count {
        body.insert("@odata.count".to_owned(), count.into());
    }
    if let Some(token) = token {
        let link = format!("{base}/{collection}?{}", next_query(&options, &token));
        body.insert("@odata.nextLink".to_owned(), link.into());
    }
    rows.iter_mut().for_each(|row| finish(row, select.as_deref(), &headers));
    let count = rows.len();
    body.insert("value".to_owned(), rows.into());
    Ok(Looked::rows(count).on(answer(Value::Object(body).to_string(), &headers)))
}

/// Leaves what was selected, and of enumerations what the client knows.
fn finish(row: &mut Value, select: Option<&[&str]>, headers: &HeaderMap) {
    if !wants_unknown(headers) {
        hide_unknown(row);
    }
    if let (Value::Object(members), Some(select)) = (row, select) {
        members.retain(|name, _| select.contains(&name.as_str()));
    }
}

/// `GET /{version}/identityProtection/{collection}/{id}`
async fn one(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (version, family) = (version_of(&uri), family_of(&uri)?);
    let options = Options::parse(uri.query(), &["$select"])?;
    let select = selected(options.get("$select"), properties(family, version))?;
    let sight = RiskSight::of(&caller);
    let wanted = id.clone();
    let found = run(&app, move |book| match family.is_detections {
        true => find_detection(book, &sight, version, family, &wanted),
        false => {
            let found = find_subject(book, &sight, family.kind, &wanted)?;
            Ok(found.and_then(|subject| shapes::subject(&subject, version, &sight)))
        }
    });
    let mut object = found.await?.ok_or_else(|| missing(family, &id))?;
    finish(&mut object, select.as_deref(), &headers);
    let context = format!("identityProtection/{}/$entity", family.name);
    Ok(Looked::event(&id).on(entity(&client, version, &context, object, &headers)))
}

fn missing(family: &Family, id: &str) -> ApiError {
    ApiError::not_found(format!("there is no such thing as {} '{id}'", family.what))
}

/// One object with its context.
fn entity(
    client: &Client,
    version: Version,
    context: &str,
    object: Value,
    headers: &HeaderMap,
) -> Response {
    let mut body = Map::new();
    let context = format!("{}/$metadata#{context}", base(client, version));
    body.insert("@odata.context".to_owned(), context.into());
    if let Value::Object(members) = object {
        body.extend(members);
    }
    answer(Value::Object(body).to_string(), headers)
}

/// The subject of an identifier, as the caller knows it: by pseudonym where names are masked.
pub(crate) fn find_subject(
    book: &Book,
    sight: &RiskSight,
    kind: SubjectKind,
    id: &str,
) -> Result<Option<RiskySubject>, ApiError> {
    let shows = |subject: &RiskySubject, id: &str| {
        sight.mask(&subject.key, &subject.name).is_some_and(|mask| {
            let shown = sight.show(&subject.key, &subject.name, "", mask);
            shown.id.eq_ignore_ascii_case(id)
        })
    };
    let direct = book.risk_of(kind, id).map_err(refused)?;
    if let Some(found) = direct.into_iter().find(|subject| shows(subject, id)) {
        return Ok(Some(found));
    }
    if !sight.masks_names() {
        return Ok(None);
    }
    let mut query =
        SubjectQuery { reach: sight.reach(), kinds: vec![kind], ..SubjectQuery::default() };
    loop {
        let batch = book.risky_subjects(&query).map_err(refused)?;
        let Some(last) = batch.last() else { return Ok(None) };
        query.after = Some((last.updated_micros, last.number));
        if let Some(found) = batch.into_iter().find(|subject| shows(subject, id)) {
            return Ok(Some(found));
        }
    }
}

fn find_detection(
    book: &Book,
    sight: &RiskSight,
    version: Version,
    family: &'static Family,
    id: &str,
) -> Result<Option<Value>, ApiError> {
    let shown = |detection: &durward_detect::risk::RiskDetection| {
        let object = shapes::detection(detection, version, sight)?;
        let is = object["id"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(id));
        (is && detection.subject.kind == family.kind).then_some(object)
    };
    let direct = book.risk_detection(id).map_err(refused)?;
    if let Some(found) = direct.as_ref().and_then(shown) {
        return Ok(Some(found));
    }
    if !sight.masks_names() {
        return Ok(None);
    }
    let rest = DetectionQuery::default();
    let mut query = DetectionQuery { reach: sight.reach(), kinds: vec![family.kind], ..rest };
    loop {
        let batch = book.risk_detections(&query).map_err(refused)?;
        let Some(last) = batch.last() else { return Ok(None) };
        query.after = Some((query.order.of(last), last.number));
        if let Some(found) = batch.iter().find_map(shown) {
            return Ok(Some(found));
        }
    }
}

/// `GET /{version}/identityProtection/{collection}/{id}/history`
async fn history(
    state: State<Arc<App>>,
    asking: Asking,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (version, family) = (version_of(&uri), family_of(&uri)?);
    let options = Options::parse(uri.query(), &["$top"])?;
    let top = options.top(PAGE_ROWS_MAX)?;
    let mut items = items(state, asking, version, family, &id).await?;
    items.truncate(top);
    items.iter_mut().for_each(|item| finish(item, None, &headers));
    let context = format!("identityProtection/{}('{id}')/history", family.name);
    let body = json!({
        "@odata.context": format!("{}/$metadata#{context}", base(&client, version)),
        "value": items,
    });
    let looked = Looked { rows: Some(items.len() as u64), target: Some(id), ..Looked::default() };
    Ok(looked.on(answer(body.to_string(), &headers)))
}

/// `GET /{version}/identityProtection/{collection}/{id}/history/{item}`
async fn history_item(
    state: State<Arc<App>>,
    asking: Asking,
    Extension(client): Extension<Client>,
    Path((id, item)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (version, family) = (version_of(&uri), family_of(&uri)?);
    Options::parse(uri.query(), &[])?;
    let items = items(state, asking, version, family, &id).await?;
    let found = items.into_iter().find(|one| one["id"] == item.as_str());
    let mut found = found.ok_or_else(|| missing(family, &item))?;
    finish(&mut found, None, &headers);
    let context = format!("identityProtection/{}('{id}')/history/$entity", family.name);
    Ok(Looked::event(&id).on(entity(&client, version, &context, found, &headers)))
}

async fn items(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    version: Version,
    family: &'static Family,
    id: &str,
) -> Result<Vec<Value>, ApiError> {
    let (sight, wanted) = (RiskSight::of(&caller), id.to_owned());
    let found = run(&app, move |book| {
        let Some(subject) = find_subject(book, &sight, family.kind, &wanted)? else {
            return Ok(None);
        };
        let items = book.risk_history(&subject.key).map_err(refused)?;
        let shown = |item| shapes::history(&subject, item, version, &sight);
        Ok(Some(items.iter().filter_map(shown).collect()))
    });
    found.await?.ok_or_else(|| missing(family, id))
}
