//! The values that a field has among the events of the list, the most frequent first.

use durward_model::Timestamp;
use durward_query::aggregate::{AggregateRequest, AggregateRow, Dimension, DimensionValue};
use durward_query::{QueryError, Reader, fold};

use super::subject::{Subject, Values};
use crate::error::ApiError;
use crate::page::state::State;

/// Values with their events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) values: Vec<(String, u64)>,
    /// How many different values there are.
    pub(super) distinct: u64,
    /// Events without a value.
    pub(super) empty: u64,
    pub(super) total: u64,
}

/// Counts what `state` lists by the values of a field, and gives the `top` most frequent of those
/// that contain `part`. `None` where values are not to choose from, or not for this caller.
pub(super) fn count(
    reader: &Reader,
    state: &State,
    subject: &Subject,
    part: Option<&str>,
    top: usize,
) -> Result<Option<Counted>, ApiError> {
    let question = state
        .question(Timestamp::now())
        .map_err(|error| ApiError::bad_request(format!("Invalid filter: {error}")))?;
    let (filter, logs) = (question.full_filter(), &question.logs);
    let found = match subject.values {
        Values::None => return Ok(None),
        Values::Status => return of_words(reader, state, Dimension::Status, part).map(Some),
        Values::Log => return of_words(reader, state, Dimension::Log, part).map(Some),
        Values::Field(field) => reader.facet(field, &filter, logs, top, part),
        Values::Member(field, member) => {
            reader.facet_member(field, member, &filter, logs, top, part)
        }
    };
    match found {
        Ok(facet) => {
            let sum = |(text, by_status): (String, [u64; 3])| (text, by_status.iter().sum());
            Ok(Some(Counted {
                values: facet.values.into_iter().map(sum).collect(),
                distinct: facet.distinct,
                empty: facet.empty,
                total: facet.total,
            }))
        }
        Err(QueryError::Hidden { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Counts by status or by log.
fn of_words(
    reader: &Reader,
    state: &State,
    by: Dimension,
    part: Option<&str>,
) -> Result<Counted, ApiError> {
    let question = state
        .question(Timestamp::now())
        .map_err(|error| ApiError::bad_request(format!("Invalid filter: {error}")))?;
    let request = AggregateRequest {
        filter: question.full_filter(),
        logs: question.logs.clone(),
        by: vec![by],
        ..AggregateRequest::default()
    };
    let mut counted = Counted::default();
    let part = fold::fold(part.unwrap_or_default()).into_owned();
    for AggregateRow { keys, by_status, .. } in reader.aggregate(&request)? {
        let count = by_status.iter().sum();
        counted.total += count;
        let word = match keys.first() {
            Some(DimensionValue::Status(status)) => status.name(),
            Some(DimensionValue::Log(log)) => log.name(),
            _ => continue,
        };
        if fold::fold(word).contains(&part) {
            counted.values.push((word.to_owned(), count));
        }
    }
    counted.distinct = counted.values.len() as u64;
    Ok(counted)
}
