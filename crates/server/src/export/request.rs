//! What is asked of an export: which rows, in what shape, in what file.

use durward_journal::Actor;
use durward_model::{FieldId, Timestamp};
use durward_query::{Filter, Op, Value as Wanted};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::shape::{self, Shape};
use super::{Format, file_time};
use crate::error::ApiError;
use crate::page;
use crate::params::{self, Params, query_string};
use crate::question::{self, Question};

/// Parameters besides those of question and shape.
const PARAMS: [&str; 7] = ["of", "rows", "ids", "format", "layout", "name", "job"];
/// Most events that can be asked for one by one.
const IDS_MAX: usize = 1000;
/// Longest name of a file, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// An export that is asked for.
pub(super) struct Request {
    pub(super) question: Question,
    pub(super) format: Format,
    pub(super) shape: Shape,
    /// The parameters, for formats that can carry them.
    pub(super) asked: Vec<(String, String)>,
    /// The same as the query of an address.
    pub(super) query: String,
    /// Under what name its progress can be watched.
    pub(super) job: Option<String>,
    name: Option<String>,
}

impl Request {
    pub(super) fn read(params: &Params, now: Timestamp) -> Result<Request, ApiError> {
        let params = joined(params);
        params.only(&[question::PARAMS, &PARAMS, &shape::PARAMS].concat())?;
        let question = question_of(&params, now)?;
        let format = Format::from_params(&params, &question)?;
        let shape = Shape::from_params(&params)?;
        if matches!(format, Format::Original) && shape.columns.is_some() {
            let message = "records as they came are whole: they have no columns to choose";
            return Err(ApiError::bad_request(message).parameter("columns"));
        }
        let is_asked = |(name, value): &&(String, String)| {
            !["job", "name"].contains(&name.as_str()) && !value.is_empty()
        };
        let asked: Vec<_> = params.0.iter().filter(is_asked).cloned().collect();
        let query = query_string(asked.iter().map(|(name, value)| (&**name, &**value)));
        let owned = |name: &str| params.get(name).map(str::to_owned);
        Ok(Request {
            question,
            format,
            shape,
            asked,
            query,
            job: owned("job"),
            name: owned("name"),
        })
    }

    /// The file's name: as asked for, or with the time and the beginning of a hash of the query.
    pub(super) fn file_name(&self) -> String {
        let extension = format!(".{}", self.format.extension());
        let belongs = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let name = self.name.as_deref().unwrap_or_default();
        let name = name.strip_suffix(&extension).unwrap_or(name);
        let name: String =
            name.chars().take(NAME_BYTES_MAX).map(|c| if belongs(c) { c } else { '-' }).collect();
        let name = name.trim_start_matches(['.', '-']);
        if !name.is_empty() {
            return format!("{name}{extension}");
        }
        let hash = Sha256::digest(self.query.as_bytes());
        let hash: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("sign-ins-{}-{hash}{extension}", file_time())
    }

    /// What a manifest says of the file, besides how it turned out.
    pub(super) fn about(&self, actor: &Actor) -> Value {
        let time = |at: Option<Timestamp>| at.map(Timestamp::to_rfc3339);
        let question = &self.question;
        let columns = self.shape.columns.as_ref();
        let headers = columns.map(|columns| -> Vec<&str> {
            columns.iter().map(|column| column.header.as_str()).collect()
        });
        json!({
            "program": concat!("durward ", env!("CARGO_PKG_VERSION")),
            "exportedBy": { "id": actor.id, "name": actor.name },
            "query": self.query,
            "asked": self.asked.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "logs": question.logs.iter().map(|log| log.name()).collect::<Vec<_>>(),
            "from": time(question.from),
            "to": time(question.to),
            "columns": headers,
            "file": self.file_name(),
            "completeness": "all rows that matched at the moment of the start and that the \
                             exporter may see, each in its latest revision",
        })
    }
}

/// Boxes that are ticked come as one parameter each: the same as one with commas.
fn joined(params: &Params) -> Params {
    let mut all: Vec<(String, String)> = Vec::new();
    for (name, value) in &params.0 {
        match all.iter_mut().find(|(other, _)| other == name && name == "type") {
            Some((_, values)) => {
                values.push(',');
                values.push_str(value);
            }
            None => all.push((name.clone(), value.clone())),
        }
    }
    Params(all)
}

/// The rows: of the explorer's address in `of`, or of the interface's own parameters.
fn question_of(params: &Params, now: Timestamp) -> Result<Question, ApiError> {
    let bad = |name: &str, message: String| ApiError::bad_request(message).parameter(name);
    let rows = params.get("rows").unwrap_or("filtered");
    if !["filtered", "selected", "all"].contains(&rows) {
        return Err(bad("rows", "'rows' must be filtered, selected or all".to_owned()));
    }
    let mut question = match params.get("of") {
        None => Question::from_params(params, now)?,
        Some(of) => {
            let both = ["filter", "odata", "from", "to", "sort"];
            if let Some(name) = both.into_iter().find(|name| params.get(name).is_some()) {
                let message = format!("'of' is a whole address: '{name}' belongs into it");
                return Err(bad(name, message));
            }
            let mut question = page::question_of(of, rows != "all", now)?;
            if let Some(logs) = params.get("type") {
                question.logs = params::logs(logs)
                    .ok_or_else(|| bad("type", "'type' must be i, n, s, m or all".to_owned()))?;
            }
            question
        }
    };
    if rows == "selected" {
        let ids: Vec<&str> = params.get("ids").unwrap_or_default().split(',').collect();
        if ids.len() > IDS_MAX || ids.iter().all(|id| id.trim().is_empty()) {
            return Err(bad("ids", format!("'ids' has 1 to {IDS_MAX} identifiers, by commas")));
        }
        let ids = ids.into_iter().map(|id| Wanted::Text(id.trim().to_owned())).collect();
        question.filter = question.filter.and(Filter::field(FieldId::Id, Op::In(ids)));
    }
    Ok(question)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(query: &str) -> Result<Request, ApiError> {
        Request::read(&Params::parse(Some(query)).unwrap(), Timestamp::now())
    }

    #[test]
    fn names_of_files_are_plain_and_end_as_their_format() {
        let name = |query: &str| request(query).unwrap_or_else(|e| panic!("{e:?}")).file_name();
        assert_eq!(name("name=march.csv"), "march.csv");
        assert_eq!(name("name=march&format=parquet"), "march.parquet");
        assert_eq!(name("name=../a%22b%0A"), "a-b.csv");
        let (one, other) = (name("filter=user:a"), name("filter=user:b"));
        let hash = |name: &str| name.rsplit_once('-').unwrap().1.to_owned();
        assert!(one.starts_with("sign-ins-20") && hash(&one).len() == 12, "{one}");
        assert_ne!(hash(&one), hash(&other));
    }

    #[test]
    fn rows_are_those_of_an_address() {
        let of = |more: &str| request(&format!("of=type%3Dn%26t%3D7d%26q%3Duser:a{more}"));
        let logs = |more: &str| of(more).map(|request| request.question.logs.len()).unwrap_or(0);
        assert_eq!((logs(""), logs("&type=i&type=s"), logs("&type=all")), (1, 2, 4));
        let filter = |more: &str| of(more).map(|request| request.question.filter);
        assert_eq!(filter("&rows=all").unwrap_or(Filter::All.not()), Filter::All);
        assert_ne!(filter("").unwrap_or(Filter::All), Filter::All);
        for wrong in ["&rows=some", "&filter=user:b", "&type=x", "&of=", "&rows=selected"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        assert!(request("format=original&columns=id").is_err());
    }
}
