//! Events of a list from any row on, in any order.

use durward_model::{Event, FieldId};
use durward_query::{Expr, Filter, ListRequest, Op, QueryError, Reader, SortedRequest, Value};

use super::super::state::State;
use super::{Refused, cell};
use crate::error::ApiError;
use crate::question::Question;

/// Looks up so many rows from the state's first on.
pub(super) fn look(
    reader: &Reader,
    state: &State,
    question: &Question,
    limit: usize,
) -> Result<Result<Vec<Event>, Refused>, ApiError> {
    let (filter, logs) = (question.full_filter(), question.logs.clone());
    let rows = match state.sort.filter(|sort| !sort.is_by_time()) {
        None => {
            let order = question.order;
            let request = ListRequest { filter, logs, order, limit, after: None };
            reader.page_at(&request, state.at)?.rows
        }
        Some(sort) => {
            let label = sort.column.label;
            let Some(by) = cell::sort_key(sort.column) else {
                return Ok(Err(Refused::new(format!("A list cannot be sorted by {label}"))));
            };
            let descending = sort.descending;
            let request = SortedRequest { filter, logs, by, descending, limit, offset: state.at };
            match reader.sorted(&request) {
                Ok(rows) => rows,
                Err(error) => return refusal(label, error).map(Err),
            }
        }
    };
    Ok(Ok(reader.events(&rows)?))
}

/// Why a list is not sorted, where it is the list that has to change.
fn refusal(label: &str, error: QueryError) -> Result<Refused, ApiError> {
    match error {
        QueryError::Results(most) => Ok(Refused::new(format!(
            "Sorting by {label} takes at most {} sign-ins, and this list has more",
            super::super::state::grouped(most as u64)
        ))),
        QueryError::Deadline(_) | QueryError::Rows(_) => {
            Ok(Refused::new(format!("Sorting this list by {label} takes too long")))
        }
        QueryError::Hidden { right, .. } => {
            Ok(Refused::new(format!("Sorting by {label} needs the right to see {right}")))
        }
        QueryError::Invalid(_) => Ok(Refused::new(format!("A list cannot be sorted by {label}"))),
        error => Err(error.into()),
    }
}

/// Is any of the events about another tenant than its user's?
pub(super) fn crosses_tenants(reader: &Reader, question: &Question) -> Result<bool, ApiError> {
    let access = |op| Filter::field(FieldId::CrossTenantAccessType, op);
    let none = Expr::Or(vec![access(Op::Empty), access(Op::Eq(Value::Text("none".to_owned())))]);
    let request = ListRequest {
        filter: question.full_filter().and(Expr::Not(Box::new(none))),
        logs: question.logs.clone(),
        order: question.order,
        limit: 1,
        after: None,
    };
    Ok(!reader.list(&request)?.rows.is_empty())
}
