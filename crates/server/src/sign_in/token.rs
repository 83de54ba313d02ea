//! Tokens for programs, in the shape of Entra's token endpoint.
//!
//! Libraries for Microsoft Graph insist on getting their own tokens. Told to ask here instead
//! (`AZURE_AUTHORITY_HOST`, or `authority` in code), they present a token of durward's as the
//! secret of a client whose identifier is the token's identifier or name, and get a short-lived
//! one. Any tenant will do in the address: what a token may see is a property of the token.
//!
//! Libraries that check their authority with Microsoft first have to be told not to:
//! `disable_instance_discovery=True` of azure-identity, `instance_discovery=False` of MSAL,
//! `DisableInstanceDiscovery` elsewhere. They also insist on `https`.

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durward_access::{Person, Token};
use durward_journal::Action;
use durward_model::Timestamp;
use durward_model::time::SECOND_MICROS;
use serde_json::{Value, json};

use super::attempt::{NAME_CHARS_MAX, Outcome, Subject, Way, clean, guid_of};
use super::{Visit, retry_after};
use crate::access::{Caller, Who, gate};
use crate::error::ApiError;
use crate::params::Params;

const ROUTE: &str = "/{tenant}/oauth2/v2.0/token";
/// Longest tenant in an address.
const TENANT_BYTES_MAX: usize = 253;

/// The endpoint has two versions, which differ in small things.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// `POST /{tenant}/oauth2/v2.0/token`
pub(crate) async fn token_v2(visit: Visit, headers: HeaderMap, body: Body) -> Response {
    answer(&visit, Version::V2, &headers, body).await
}

/// `POST /{tenant}/oauth2/token`
pub(crate) async fn token_v1(visit: Visit, headers: HeaderMap, body: Body) -> Response {
    answer(&visit, Version::V1, &headers, body).await
}

async fn answer(visit: &Visit, version: Version, headers: &HeaderMap, body: Body) -> Response {
    match issue(visit, version, headers, body).await {
        Ok(answer) => json_answer(StatusCode::OK, &answer),
        Err(refusal) => refusal.answer(visit),
    }
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    let kind = [(CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, kind, body.to_string()).into_response()
}

/// Why there is no token.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    /// Of OAuth.
    error: &'static str,
    /// Entra's code.
    code: u32,
    message: String,
    retry_after: Option<u64>,
}

impl Refusal {
    fn new(
        status: StatusCode,
        error: &'static str,
        code: u32,
        message: impl Into<String>,
    ) -> Refusal {
        Refusal { status, error, code, message: message.into(), retry_after: None }
    }

    fn missing(parameter: &str) -> Refusal {
        let message =
            format!("The request body must contain the following parameter: '{parameter}'.");
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", 900_144, message)
    }

    fn answer(self, visit: &Visit) -> Response {
        let now = Timestamp::now().to_rfc3339();
        let now = now.get(..19).unwrap_or(&now).replace('T', " ");
        let Refusal { status, error, code, message, retry_after: wait } = self;
        let (trace, correlation) = (&visit.ids.request, &visit.ids.client);
        let mut response = json_answer(
            status,
            &json!({
                "error": error,
                "error_description": format!(
                    "AADSTS{code}: {message} Trace ID: {trace} Correlation ID: {correlation} \
                     Timestamp: {now}Z"
                ),
                "error_codes": [code],
                "timestamp": format!("{now}Z"),
                "trace_id": trace,
                "correlation_id": correlation,
            }),
        );
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Basic realm=\"durward\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        match wait {
            Some(seconds) => retry_after(response, seconds),
            None => response,
        }
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Refusal {
        let kind = match error.status.is_server_error() {
            true => "temporarily_unavailable",
            false => "invalid_request",
        };
        Refusal::new(error.status, kind, 90_014, error.message)
    }
}

/// Identifier and secret of a client.
struct Client {
    id: String,
    secret: String,
}

impl Client {
    /// From the form, or from the header (RFC 6749, 2.3.1).
    fn of(headers: &HeaderMap, form: &Params) -> Result<Client, Refusal> {
        let basic = headers.get(AUTHORIZATION).map(|value| basic(value).ok_or(()));
        let client = match basic {
            Some(Ok(client)) => client,
            Some(Err(())) => {
                let message = "The Authorization header is not one of a client with a secret.";
                return Err(Refusal::new(
                    StatusCode::UNAUTHORIZED,
                    "invalid_client",
                    7_000_216,
                    message,
                ));
            }
            None => {
                let text = |name| form.get(name).map(str::to_owned);
                let id = text("client_id").ok_or_else(|| Refusal::missing("client_id"))?;
                Client { id, secret: text("client_secret").unwrap_or_default() }
            }
        };
        if client.secret.is_empty() {
            let message = "'client_secret' is required for the 'client_credentials' grant type. \
                           durward takes no assertions and certificates.";
            let status = StatusCode::UNAUTHORIZED;
            return Err(Refusal::new(status, "invalid_client", 7_000_216, message));
        }
        Ok(client)
    }
}

fn basic(value: &HeaderValue) -> Option<Client> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    // Both are encoded like the values of a form.
    let decoded = Params::parse(Some(&format!("id={id}&secret={secret}"))).ok()?;
    let text = |name| decoded.get(name).unwrap_or_default().to_owned();
    Some(Client { id: text("id"), secret: text("secret") })
}

async fn issue(
    visit: &Visit,
    version: Version,
    headers: &HeaderMap,
    body: Body,
) -> Result<Value, Refusal> {
    let form = gate::form(headers, body).await?;
    match form.get("grant_type") {
        None => return Err(Refusal::missing("grant_type")),
        Some("client_credentials") => {}
        Some(_) => {
            let message = "The app requested a grant type that is not supported: durward has \
                           'client_credentials' only.";
            let status = StatusCode::BAD_REQUEST;
            return Err(Refusal::new(status, "unsupported_grant_type", 70_003, message));
        }
    }
    let client = Client::of(headers, &form)?;
    let name = clean(&client.id, NAME_CHARS_MAX);
    // By client and address: the secrets cannot be guessed, so nobody may slow down others.
    let key = format!("client {name} {}", visit.client.address);
    let subject = Subject { id: subject_id(&name), ..Subject::named(&name) };
    let attempt = visit.admit(&key, None, (subject.clone(), Way::Secret)).map_err(too_often)?;
    let (id, secret) = (client.id, client.secret);
    let issued = visit.ask(move |store| {
        let now = Timestamp::now();
        let Some((issued, seconds)) = store.issue_access_token(&id, &secret, now)? else {
            return Ok(None);
        };
        let parent = store.check_token(&secret, now)?;
        let owner = match parent.as_ref().and_then(|token| token.owner.as_ref()) {
            Some(owner) => store.person(owner)?,
            None => None,
        };
        Ok(parent.map(|parent| (issued, seconds, parent, owner)))
    });
    let issued = issued.await?.map_err(|error| ApiError::internal(&error))?;
    let Some((issued, lasts, parent, owner)) = issued else {
        visit.tell(subject, Way::Secret, Outcome::WrongSecret);
        let message = format!(
            "Invalid client secret provided. The secret is a token of durward, and the client \
             '{name}' its identifier or name."
        );
        let status = StatusCode::UNAUTHORIZED;
        return Err(Refusal::new(status, "invalid_client", 7_000_215, message));
    };
    visit.app.access.throttle.succeeded(attempt);
    record(visit, parent, owner).await?;
    Ok(success(version, &issued, lasts, form.get("resource")))
}

fn too_often(seconds: u64) -> Refusal {
    let message = "The client has failed too often; try again later.";
    let status = StatusCode::TOO_MANY_REQUESTS;
    let refusal = Refusal::new(status, "temporarily_unavailable", 50_196, message);
    Refusal { retry_after: Some(seconds), ..refusal }
}

/// The identifier of a client in the log: its own if it has the form of one.
fn subject_id(name: &str) -> String {
    let (id, spelling) = durward_model::Id::from_text(name);
    match spelling {
        durward_model::id::Spelling::Other => guid_of(name.as_bytes()),
        _ => id.to_string(),
    }
}

async fn record(visit: &Visit, parent: Token, owner: Option<Person>) -> Result<(), ApiError> {
    let who = Who::Token(Box::new(parent), owner.map(Box::new));
    let caller = Caller::new(who, Vec::new(), visit.app.access.pseudonyms.clone());
    visit.record(Action::Token, caller.actor(), ROUTE, None).await
}

/// What a client gets. Version 1 writes numbers as texts.
fn success(version: Version, token: &str, lasts: u64, resource: Option<&str>) -> Value {
    if version == Version::V2 {
        return json!({
            "token_type": "Bearer",
            "expires_in": lasts,
            "ext_expires_in": lasts,
            "access_token": token,
        });
    }
    let now = Timestamp::now().micros / SECOND_MICROS;
    let end = now.saturating_add(i64::try_from(lasts).unwrap_or(i64::MAX));
    json!({
        "token_type": "Bearer",
        "expires_in": lasts.to_string(),
        "ext_expires_in": lasts.to_string(),
        "expires_on": end.to_string(),
        "not_before": now.to_string(),
        "resource": resource.unwrap_or_default(),
        "access_token": token,
    })
}

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`: what clients look up before they ask.
pub(crate) async fn discovery(visit: Visit, Path(path): Path<HashMap<String, String>>) -> Response {
    let tenant = path.get("tenant").map_or("", String::as_str);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if tenant.len() > TENANT_BYTES_MAX || !tenant.bytes().all(is_plain) {
        let status = StatusCode::BAD_REQUEST;
        let message = "The tenant in the address is neither an identifier nor a domain.";
        return Refusal::new(status, "invalid_tenant", 90_002, message).answer(&visit);
    }
    let base = format!("{}/{tenant}", visit.origin());
    json_answer(
        StatusCode::OK,
        &json!({
            "issuer": format!("{base}/v2.0"),
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
            "end_session_endpoint": format!("{base}/oauth2/v2.0/logout"),
            "jwks_uri": format!("{base}/discovery/v2.0/keys"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": [".default"],
            "tenant_region_scope": Value::Null,
        }),
    )
}

/// `GET /{tenant}/discovery/v2.0/keys`: none, as tokens of durward are not signed but looked up.
pub(crate) async fn keys() -> Response {
    json_answer(StatusCode::OK, &json!({ "keys": [] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Params {
        Params::parse(Some(text)).unwrap()
    }

    fn client(authorization: Option<&str>, text: &str) -> Result<(String, String), u32> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value.parse().unwrap());
        }
        let client = Client::of(&headers, &form(text));
        client.map(|client| (client.id, client.secret)).map_err(|refusal| refusal.code)
    }

    #[test]
    fn clients_come_in_the_form_or_in_the_header() {
        let wanted = ("a b".to_owned(), "s:1".to_owned());
        assert_eq!(client(None, "client_id=a+b&client_secret=s%3A1"), Ok(wanted.clone()));
        let basic = format!("Basic {}", STANDARD.encode("a%20b:s%3A1"));
        assert_eq!(client(Some(&basic), ""), Ok(wanted));
        assert_eq!(client(None, "client_secret=s"), Err(900_144));
        assert_eq!(client(None, "client_id=a"), Err(7_000_216));
        for broken in ["Basic", "Basic !!", "Bearer abc", "Basic YQ=="] {
            assert_eq!(client(Some(broken), "client_id=a&client_secret=b"), Err(7_000_216));
        }
    }

    #[test]
    fn version_1_writes_texts() {
        let second = success(Version::V2, "t", 3599, None);
        assert_eq!(second["expires_in"], 3599);
        let first = success(Version::V1, "t", 3599, Some("https://graph.microsoft.com"));
        assert_eq!(first["expires_in"], "3599");
        assert_eq!(first["resource"], "https://graph.microsoft.com");
        assert!(first["expires_on"].as_str().unwrap().parse::<i64>().unwrap() > 1_700_000_000);
    }
}
