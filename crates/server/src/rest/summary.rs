//! `GET /api/security/sign-in-logs/summary`: counts by status, hour and the values of fields.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use durward_model::errors::Status;
use durward_model::{FieldId, Timestamp, field};
use durward_query::summary::ByStatus;
use durward_query::{Reader, Summary, SummaryRequest};
use serde_json::{Map, Value, json};

use crate::access::{Asking, Looked};
use crate::app::App;
use crate::error::ApiError;
use crate::params::Params;
use crate::question::Question;

/// Short names of what is counted by; any name of the field catalogue will do too.
const NAMES: [(&str, FieldId); 11] = [
    ("code", FieldId::ErrorCode),
    ("application", FieldId::AppDisplayName),
    ("resource", FieldId::ResourceDisplayName),
    ("country", FieldId::CountryOrRegion),
    ("client", FieldId::ClientAppUsed),
    ("os", FieldId::OperatingSystem),
    ("browser", FieldId::Browser),
    ("ca", FieldId::ConditionalAccessStatus),
    ("risk", FieldId::RiskLevelDuringSignIn),
    ("riskState", FieldId::RiskState),
    ("requirement", FieldId::AuthenticationRequirement),
];

/// Values of one field unless asked for, and the most there can be.
const TOP: usize = 10;
const TOP_MAX: usize = 1000;
/// Fields counted by in one request.
const FIELDS_MAX: usize = 16;

/// `GET /api/security/sign-in-logs/summary`
pub(crate) async fn summary(
    State(app): State<Arc<App>>,
    Asking(caller): Asking,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    params.only(&["filter", "odata", "from", "to", "type", "by", "top"])?;
    let question = Question::from_params(&params, Timestamp::now())?;
    let top = params.number("top", TOP, TOP_MAX)?;
    let (names, hours) = names_of(&params)?;
    let fields: Vec<FieldId> = names.iter().map(|(_, field)| *field).collect();
    let (from, to) = (question.from, question.to);
    let summary = app.ask(&caller, move |reader| sum_up(reader, &question, fields, top)).await?;

    let mut body = Map::new();
    let time = |time: Option<Timestamp>| time.map(Timestamp::to_rfc3339);
    body.insert("from".to_owned(), time(from).into());
    body.insert("to".to_owned(), time(to).into());
    body.extend(counts(summary.total));
    if hours {
        let hour = |(time, by_status): &(Timestamp, ByStatus)| {
            let mut hour = Map::from_iter([("hour".to_owned(), time.to_rfc3339().into())]);
            hour.extend(counts(*by_status));
            Value::Object(hour)
        };
        body.insert("hours".to_owned(), summary.hours.iter().map(hour).collect());
    }
    let mut by = Map::new();
    for ((name, _), (_, values)) in names.iter().zip(&summary.top) {
        let value = |(text, by_status): &(String, ByStatus)| {
            let mut value = Map::from_iter([("value".to_owned(), text.as_str().into())]);
            value.extend(counts(*by_status));
            Value::Object(value)
        };
        by.insert(name.clone(), values.iter().map(value).collect());
    }
    body.insert("by".to_owned(), Value::Object(by));
    let looked = Looked { rows: Some(summary.total.iter().sum()), ..Looked::default() };
    Ok(looked.on(super::json(json!(body).to_string())))
}

/// Sums up what a question is about.
pub(crate) fn sum_up(
    reader: &Reader,
    question: &Question,
    fields: Vec<FieldId>,
    top: usize,
) -> Result<Summary, ApiError> {
    let Some((oldest, newest)) = reader.bounds(&question.logs)? else {
        let top = fields.into_iter().map(|field| (field, Vec::new())).collect();
        return Ok(Summary { top, ..Summary::default() });
    };
    let from = question.from.map_or(oldest, |from| from.micros.max(oldest));
    let request = SummaryRequest {
        filter: question.filter.clone(),
        logs: question.logs.clone(),
        from_micros: from,
        to_micros: question.to.map_or(newest + 1, |to| to.micros.min(newest + 1)).max(from),
        fields,
        top,
    };
    Ok(reader.summary(&request)?)
}

/// What to count by, and whether hours are wanted too.
fn names_of(params: &Params) -> Result<(Vec<(String, FieldId)>, bool), ApiError> {
    let (mut names, mut hours) = (Vec::new(), false);
    let asked = params.get("by").unwrap_or("status");
    for name in asked.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match name {
            "status" => continue,
            "hour" => {
                hours = true;
                continue;
            }
            _ => {}
        }
        let short = NAMES.iter().find(|(short, _)| short.eq_ignore_ascii_case(name));
        let field = short.map(|(_, field)| *field).or(field::by_name(name).map(|field| field.id));
        let field = field.filter(|field| field.group().is_some());
        let Some(field) = field.filter(|field| *field != FieldId::Shape) else {
            let short = NAMES.map(|(short, _)| short).join(", ");
            let message = format!(
                "cannot count by '{name}'; short names are status, hour, {short}, and fields of \
                 the catalogue are taken too"
            );
            return Err(ApiError::bad_request(message).parameter("by"));
        };
        if names.len() == FIELDS_MAX {
            let message = format!("'by' takes at most {FIELDS_MAX} fields");
            return Err(ApiError::bad_request(message).parameter("by"));
        }
        names.push((name.to_owned(), field));
    }
    Ok((names, hours))
}

fn counts(by_status: ByStatus) -> Map<String, Value> {
    let mut counts = Map::new();
    counts.insert("count".to_owned(), by_status.iter().sum::<u64>().into());
    for status in Status::ALL {
        let count = by_status[status as usize];
        counts.insert(status.name().to_ascii_lowercase(), count.into());
    }
    counts
}
