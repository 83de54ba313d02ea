//! The gate before every handler: what an endpoint needs, and what those hear who lack it.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use durward_access::Right;
use durward_journal::Action;

use super::caller::{Caller, Who};
use super::csrf::is_token;
use super::record;
use crate::app::App;
use crate::edge;
use crate::error::ApiError;
use crate::params::{self, Params};

/// Largest form, in bytes.
const FORM_BYTES_MAX: usize = 16 << 10;
/// The same for forms of those who are known, which may carry files of rules.
const LARGE_FORM_BYTES_MAX: usize = 1 << 20;

/// What an endpoint needs of a caller. Every endpoint of the table has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: it gives nothing away.
    Nothing,
    /// Any of these rights.
    Any(&'static [Right]),
    /// A person with a session of the pages: tokens cannot make tokens.
    Session,
}

impl Need {
    /// Does the caller have it?
    pub(crate) fn is_met(self, caller: &Caller) -> bool {
        match self {
            Need::Nothing => true,
            Need::Any(rights) => caller.may_any(rights),
            Need::Session => matches!(caller.who, Who::Person(..) | Who::Demo),
        }
    }
}

/// The caller of a request, for handlers.
#[derive(Clone, Debug)]
pub(crate) struct Asking(pub(crate) Arc<Caller>);

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asking, ApiError> {
        match parts.extensions.get::<Known>() {
            Some(Known(Ok(caller))) => Ok(Asking(caller.clone())),
            Some(Known(Err(error))) => Err(error.clone()),
            None => Err(ApiError::internal(&"a handler is outside of the layers")),
        }
    }
}

/// Who a request's caller was found to be; put into every request by [`crate::edge`].
#[derive(Clone, Debug)]
pub(crate) struct Known(pub(crate) Result<Arc<Caller>, ApiError>);

/// The gate of one endpoint.
pub(crate) async fn gate(
    need: Need,
    action: Option<Action>,
    request: Request,
    next: Next,
) -> Response {
    let Some(app) = request.extensions().get::<Arc<App>>().cloned() else {
        return ApiError::internal(&"the gate is outside of the layers").into_response();
    };
    let known = request.extensions().get::<Known>().cloned();
    let caller = match known {
        Some(Known(Ok(caller))) => caller,
        Some(Known(Err(error))) if need != Need::Nothing => return error.into_response(),
        _ if need == Need::Nothing => return next.run(request).await,
        _ => return ApiError::internal(&"the gate is outside of the layers").into_response(),
    };
    let look = record::Look::of(&request, caller.clone(), action);
    if !need.is_met(&caller) {
        return match refuse(need, &caller, &request) {
            Ok(elsewhere) => elsewhere,
            Err(error) => look.denied(&app, error).await,
        };
    }
    let request = match check_token(&caller, request).await {
        Ok(request) => request,
        Err(error) => return look.denied(&app, error).await,
    };
    let response = next.run(request).await;
    look.record(&app, response).await
}

/// What somebody hears who may not: where to sign in, or what they lack.
fn refuse(need: Need, caller: &Caller, request: &Request) -> Result<Response, ApiError> {
    let is_page = edge::prefers_html(request.method(), request.uri().path(), request.headers());
    if matches!(caller.who, Who::Nobody) {
        return match is_page {
            true if request.method().is_safe() => Ok(to_sign_in(request.uri())),
            true => Ok(redirect("/sign-in")),
            false => Err(unauthenticated("Access token is empty.")),
        };
    }
    // The front page of those who only have sign-ins of their own.
    if is_page && request.uri().path() == "/" && caller.may(Right::ReadOwn) {
        return Ok(redirect("/me"));
    }
    Err(forbidden(need, caller))
}

fn to_sign_in(uri: &Uri) -> Response {
    let mut to = String::from("/sign-in");
    let back = uri.path_and_query().map_or("/", |back| back.as_str());
    if back != "/" {
        to.push_str("?return=");
        params::encode(back, &mut to);
    }
    redirect(&to)
}

/// 303: go there and read it.
pub(crate) fn redirect(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(to) => (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response(),
        Err(error) => ApiError::internal(&error).into_response(),
    }
}

/// 401 as Graph says it.
pub(crate) fn unauthenticated(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message)
}

/// 403 as Graph says it: programs lack permissions, people lack roles.
fn forbidden(need: Need, caller: &Caller) -> ApiError {
    let rights = match need {
        Need::Any(rights) => rights,
        Need::Nothing => &[],
        Need::Session => {
            let message = "This needs a person who is signed in to the pages.";
            return ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message);
        }
    };
    let what = rights.iter().map(|right| right.words()).collect::<Vec<_>>().join(", or to ");
    if caller.is_program() {
        return permission_missing(rights);
    }
    let mut roles: Vec<&str> = Vec::new();
    for role in rights.iter().flat_map(|right| right.roles()) {
        if !roles.contains(&role.name()) {
            roles.push(role.name());
        }
    }
    unsupported_role(&format!(
        "User is not in the allowed roles. To {what} takes one of: {}. A Global Administrator of \
         durward can give it.",
        roles.join(", ")
    ))
}

/// 403 for a person without a role for it.
pub(crate) fn unsupported_role(message: &str) -> ApiError {
    let code = "Authentication_RequestFromUnsupportedUserRole";
    ApiError::new(StatusCode::FORBIDDEN, code, message)
}

/// 403 for a program without a permission for it.
pub(crate) fn permission_missing(rights: &[Right]) -> ApiError {
    let known = durward_access::permission::PERMISSIONS.iter();
    let enough = known.filter(|(_, of, _)| rights.iter().any(|right| of.has(*right)));
    let names: Vec<&str> = enough.map(|(name, ..)| *name).collect();
    let message = format!(
        "The principal does not have the required permissions to call this API. Any of these \
         will do: {}.",
        names.join(", ")
    );
    ApiError::new(StatusCode::FORBIDDEN, "Authentication_MSGraphPermissionMissing", message)
}

/// Changes that a browser asks for carry the token of the session: a form in its field `csrf`,
/// anything else in the header `x-csrf-token`.
async fn check_token(caller: &Caller, request: Request) -> Result<Request, ApiError> {
    let Some(expected) = caller.csrf.as_deref().filter(|_| !request.method().is_safe()) else {
        return Ok(request);
    };
    let missing = || {
        let message = "the request does not come from a page of this session; load the page again";
        ApiError::new(StatusCode::FORBIDDEN, "InvalidCsrfToken", message)
    };
    let given = request.headers().get("x-csrf-token").and_then(|value| value.to_str().ok());
    if let Some(given) = given {
        return if is_token(given, expected) { Ok(request) } else { Err(missing()) };
    }
    if !is_form(request.headers()) {
        // In a demo, programs without credentials push records. Pages of other origins cannot:
        // they can send forms only, and the guard looks at where they come from.
        return if matches!(caller.who, Who::Demo) { Ok(request) } else { Err(missing()) };
    }
    let (parts, body) = request.into_parts();
    let bytes = read_form_bytes(body, LARGE_FORM_BYTES_MAX).await?;
    let form = parse_form(&bytes)?;
    if !form.get("csrf").is_some_and(|given| is_token(given, expected)) {
        return Err(missing());
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn read_form_bytes(body: Body, most: usize) -> Result<Bytes, ApiError> {
    let receiving = axum::body::to_bytes(body, most);
    let received = tokio::time::timeout(std::time::Duration::from_secs(10), receiving).await;
    let received = received.map_err(|_| {
        let message = "the form did not arrive in time";
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", message)
    })?;
    received.map_err(|_| {
        let message = format!("the form is larger than {most} bytes");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLarge", message)
    })
}

fn parse_form(bytes: &[u8]) -> Result<Params, ApiError> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| ApiError::bad_request("the form is no text"))?;
    Params::parse(Some(text))
}

/// Reads the fields of a form.
pub(crate) async fn form(headers: &HeaderMap, body: Body) -> Result<Params, ApiError> {
    form_of(headers, body, FORM_BYTES_MAX).await
}

/// Reads the fields of a form that may carry files of rules.
pub(crate) async fn large_form(headers: &HeaderMap, body: Body) -> Result<Params, ApiError> {
    form_of(headers, body, LARGE_FORM_BYTES_MAX).await
}

async fn form_of(headers: &HeaderMap, body: Body, most: usize) -> Result<Params, ApiError> {
    if !is_form(headers) {
        let message = "the Content-Type must be application/x-www-form-urlencoded";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(ApiError::new(status, "UnsupportedMediaType", message));
    }
    parse_form(&read_form_bytes(body, most).await?)
}
