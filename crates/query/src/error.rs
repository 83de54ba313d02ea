//! Why a query has no answer.

use durward_store::StoreError;

use crate::cursor::CursorError;

/// A query was refused or given up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// It took longer than its budget allows.
    #[error("the query took longer than {0:?}; narrow the time range or the filter")]
    Deadline(std::time::Duration),
    /// It looked at more rows than its budget allows.
    #[error("the query reads more than {0} rows; narrow the time range or the filter")]
    Rows(u64),
    /// It would need more memory for its result than queries may take.
    #[error("the query has more than {0} results; narrow the time range or the filter")]
    Results(usize),
    /// Whoever asked has gone.
    #[error("the query was cancelled")]
    Cancelled,
    /// The page to continue from is not one of this query.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// It asks about something that the caller may not see.
    #[error("'{property}' can only be asked about with the right to see {right}")]
    Hidden {
        /// The property's name.
        property: String,
        /// What the caller would need to be allowed to see, in words.
        right: &'static str,
    },
    /// The question makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Reading failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
