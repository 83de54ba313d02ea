//! Errors at the edge: what a client is told, and what the log is told.
//!
//! Every error is one JSON shape, Graph's: `{"error":{"code","message","innerError":{"date",
//! "request-id","client-request-id"}}}`, with a few members of our own where they help
//! (`position` in a filter, `parameter`, and for push the counts of what was kept). Handlers give
//! back an [`ApiError`]; the outermost layer, which knows the request's identifiers, writes it.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use durward_query::{ODataError, QueryError, SearchError};
use durward_store::{AppendError, StoreError};
use serde_json::{Map, Value};

/// An answer that is an error.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    /// One word for programs.
    pub(crate) code: &'static str,
    /// One sentence for people.
    pub(crate) message: String,
    /// Seconds after which to try again.
    pub(crate) retry_after: Option<u32>,
    /// Members of `error` besides the usual ones.
    pub(crate) details: Box<Map<String, Value>>,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
    ) -> ApiError {
        let message = message.into();
        ApiError { status, code, message, retry_after: None, details: Box::default() }
    }

    /// 400 with Graph's code for it.
    pub(crate) fn bad_request(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// 404.
    pub(crate) fn not_found(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, "ResourceNotFound", message)
    }

    /// 503: too many questions at once.
    pub(crate) fn busy() -> ApiError {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceBusy",
            "too many requests are being answered; try again in a moment",
        )
        .retry_after(1)
    }

    /// 504: an answer took too long.
    pub(crate) fn too_slow() -> ApiError {
        ApiError::new(
            StatusCode::GATEWAY_TIMEOUT,
            "Timeout",
            "the answer took too long; narrow the time range or the filter",
        )
    }

    /// 500 for what must not happen; the cause goes to the log only.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> ApiError {
        tracing::error!(%cause, "a request failed");
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            "the request could not be answered; the server's log has the reason",
        )
    }

    pub(crate) fn retry_after(mut self, seconds: u32) -> ApiError {
        self.retry_after = Some(seconds);
        self
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> ApiError {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// About this parameter.
    pub(crate) fn parameter(self, name: &str) -> ApiError {
        self.with("parameter", name)
    }
}

impl IntoResponse for ApiError {
    /// An empty answer that carries the error; [`crate::edge`] writes the body.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ODataError> for ApiError {
    fn from(error: ODataError) -> ApiError {
        let api = ApiError::bad_request(error.to_string()).with("position", error.position);
        match error.property {
            Some(property) => api.with("property", property),
            None => api,
        }
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> ApiError {
        let position = error.position;
        ApiError::bad_request(format!("Invalid filter: {error}")).with("position", position)
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> ApiError {
        match error {
            QueryError::Deadline(_) | QueryError::Cancelled => ApiError::too_slow(),
            QueryError::Cursor(error) => {
                ApiError::bad_request(format!("Invalid Skip Token: {error}"))
            }
            QueryError::Hidden { .. } => {
                ApiError::new(StatusCode::FORBIDDEN, "Forbidden", error.to_string())
            }
            QueryError::Store(error) => error.into(),
            QueryError::Rows(_) | QueryError::Results(_) | QueryError::Invalid(_) => {
                ApiError::bad_request(error.to_string())
            }
            other => ApiError::internal(&other),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        ApiError::internal(&error)
    }
}

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> ApiError {
        let message = error.to_string();
        match error {
            AppendError::Backpressure { .. } => {
                ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message)
                    .retry_after(1)
            }
            AppendError::TooLarge { .. } => {
                ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLarge", message)
            }
            AppendError::DiskFull => {
                tracing::error!("the disk is full: pushed records are refused");
                ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "InsufficientStorage", message)
                    .retry_after(30)
            }
            AppendError::Poisoned => {
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
            }
            AppendError::Store(error) if error.is_disk_full() => AppendError::DiskFull.into(),
            AppendError::Store(error) => error.into(),
            other => ApiError::internal(&other),
        }
    }
}
