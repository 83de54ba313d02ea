//! Signing in at an OpenID provider.
//!
//! The browser carries what the second half needs (state, nonce, PKCE verifier) in an encrypted
//! cookie, so that only the browser that began can end, and nothing is kept here for those who
//! never come back. Of the claims that come, those are kept that give roles.

use axum::http::{StatusCode, Uri};
use axum::response::Response;
use durward_access::Federated;
use durward_model::Timestamp;
use durward_oidc::{Callback, OidcError, Pending as Expected, SignedIn};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use super::attempt::{Outcome, Subject, Way, clean};
use super::page::{self, TITLE};
use super::pending::Pending;
use super::return_to::local_path;
use super::session::{self, Arrival};
use super::{Visit, in_words, retry_after};
use crate::access::SignInProvider;
use crate::access::cookies::{self, Purpose};
use crate::access::gate::redirect;
use crate::error::ApiError;
use crate::params::Params;

/// Where the provider sends browsers back to.
const CALLBACK: &str = "/sign-in/callback";
/// Most that is shown of what a provider says.
const SAID_CHARS_MAX: usize = 200;

fn redirect_uri(visit: &Visit) -> String {
    format!("{}{CALLBACK}", visit.origin())
}

fn sorry(visit: &Visit, status: StatusCode, what: &str) -> Response {
    visit.page(status, TITLE, &page::sorry(what))
}

/// `GET /sign-in/provider`
pub(crate) async fn begin(visit: Visit, uri: Uri) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    let return_to = local_path(params.get("return"));
    let Some(configured) = &visit.app.access.provider else { return Ok(redirect("/sign-in")) };
    let begun = match configured.provider.begin(&redirect_uri(&visit)).await {
        Ok(begun) => begun,
        Err(error) => {
            tracing::warn!(%error, "a sign-in at the provider could not begin");
            let what = format!("{} cannot be reached at the moment.", configured.name);
            return Ok(sorry(&visit, StatusCode::SERVICE_UNAVAILABLE, &what));
        }
    };
    let pending = Pending::Provider {
        state: begun.state,
        nonce: begun.nonce,
        verifier: begun.pkce_verifier,
        return_to: return_to.to_owned(),
    };
    let sealed = pending.seal(&visit.app.access.cookie_key, Timestamp::now());
    let mut response = redirect(&begun.url);
    let seconds = Some(pending.seconds());
    cookies::set(response.headers_mut(), &visit.client, Purpose::SigningIn, &sealed, seconds);
    Ok(response)
}

/// `GET /sign-in/callback`
pub(crate) async fn callback(visit: Visit, uri: Uri) -> Result<Response, ApiError> {
    let mut response = end(&visit, &uri).await?;
    // However it ended, what was kept for it is of no further use.
    cookies::clear(response.headers_mut(), &visit.client, Purpose::SigningIn);
    Ok(response)
}

async fn end(visit: &Visit, uri: &Uri) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query())?;
    let Some(configured) = &visit.app.access.provider else { return Ok(redirect("/sign-in")) };
    let sealed = visit.cookie(Purpose::SigningIn);
    let pending = sealed
        .and_then(|sealed| Pending::open(sealed, &visit.app.access.cookie_key, Timestamp::now()));
    let Some(Pending::Provider { state, nonce, verifier, return_to }) = pending else {
        let what = "This sign-in was begun in another browser, or too long ago.";
        return Ok(sorry(visit, StatusCode::BAD_REQUEST, what));
    };
    let given = params.get("state").unwrap_or_default();
    if !bool::from(given.as_bytes().ct_eq(state.as_bytes())) {
        let what = "The answer of the provider belongs to another sign-in.";
        return Ok(sorry(visit, StatusCode::BAD_REQUEST, what));
    }
    // Each address for itself: nobody can keep others from signing in.
    let account = format!("provider {}", visit.client.address);
    let attempt = match visit.admit(&account, None, (Subject::default(), Way::Provider)) {
        Ok(attempt) => attempt,
        Err(seconds) => {
            let what = format!("There were too many attempts. Try again {}.", in_words(seconds));
            let response = sorry(visit, StatusCode::TOO_MANY_REQUESTS, &what);
            return Ok(retry_after(response, seconds));
        }
    };
    if let Some(error) = params.get("error") {
        let said = params.get("error_description").unwrap_or_default();
        let error = clean(error, SAID_CHARS_MAX);
        let said = clean(said, SAID_CHARS_MAX);
        let why = if said.is_empty() { error.clone() } else { format!("{error}: {said}") };
        visit.tell(Subject::default(), Way::Provider, Outcome::Provider(why));
        return Ok(sorry(visit, StatusCode::FORBIDDEN, &refusal(configured, &error, &said)));
    }
    let callback =
        Callback { code: params.get("code").unwrap_or_default(), iss: params.get("iss") };
    let expected = Expected { nonce, pkce_verifier: verifier };
    let finished = configured.provider.finish(&redirect_uri(visit), callback, expected).await;
    match finished {
        Ok(signed_in) => {
            visit.app.access.throttle.succeeded(attempt);
            arrive(visit, configured, signed_in, &return_to).await
        }
        Err(error) => {
            tracing::warn!(%error, "a sign-in at the provider did not hold");
            visit.tell(Subject::default(), Way::Provider, Outcome::Provider(error.to_string()));
            let status = match error {
                OidcError::Unreachable(_) => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::FORBIDDEN,
            };
            Ok(sorry(visit, status, &format!("Signing in did not work: {error}.")))
        }
    }
}

/// In words, why the provider did not let somebody in.
fn refusal(configured: &SignInProvider, error: &str, said: &str) -> String {
    let name = &configured.name;
    match error {
        "access_denied" => format!("{name} did not let you in, or you said no. {said}"),
        "login_required" | "interaction_required" | "consent_required" => {
            format!("{name} needs you to sign in there first. {said}")
        }
        "temporarily_unavailable" | "server_error" => {
            format!("{name} cannot sign you in at the moment. {said}")
        }
        _ => format!("{name} refused ({error}). {said}"),
    }
    .trim_end()
    .to_owned()
}

/// The provider vouches for somebody.
async fn arrive(
    visit: &Visit,
    configured: &SignInProvider,
    signed_in: SignedIn,
    return_to: &str,
) -> Result<Response, ApiError> {
    let federated = described(configured, &signed_in, visit.app.access.rules.claims());
    let upserted = visit.ask(move |store| store.upsert_federated(&federated, Timestamp::now()));
    let person = match upserted.await? {
        Ok(person) => person,
        Err(refused) => {
            visit.tell(Subject::default(), Way::Provider, Outcome::Provider(refused.to_string()));
            let what = format!("Signing in did not work: {refused}.");
            return Ok(sorry(visit, StatusCode::FORBIDDEN, &what));
        }
    };
    if person.disabled {
        visit.tell(Subject::person(&person), Way::Provider, Outcome::Disabled);
        return Ok(visit.page(StatusCode::FORBIDDEN, TITLE, &page::disabled()));
    }
    let answer = match signed_in.groups_overage {
        true => {
            tracing::warn!(
                person = person.name,
                "the provider did not list the groups of somebody who is in too many: roles by \
                 groups do not hold for them"
            );
            visit.page(StatusCode::OK, "Signed in", &page::too_many_groups(return_to))
        }
        false => redirect(return_to),
    };
    let arrival = Arrival {
        person: &person,
        way: Way::Provider,
        id_token: Some(signed_in.id_token),
        correlation: visit.ids.request.clone(),
        route: CALLBACK,
    };
    session::begin(visit, arrival, answer).await
}

/// What the claims say of somebody; of the rest, nothing is kept.
fn described<'r>(
    configured: &SignInProvider,
    signed_in: &SignedIn,
    wanted: impl Iterator<Item = &'r str>,
) -> Federated {
    let claims = &signed_in.claims;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let first = |names: &[&str]| names.iter().find_map(|name| text(name));
    let name = text(&configured.name_claim)
        .or_else(|| first(&["preferred_username", "upn", "email"]))
        .unwrap_or_else(|| signed_in.subject.clone());
    Federated {
        issuer: signed_in.issuer.clone(),
        subject: signed_in.subject.clone(),
        display_name: text("name").unwrap_or_else(|| name.clone()),
        name,
        object_id: text(&configured.object_id_claim),
        tenant_id: text(&configured.tenant_id_claim),
        claims: values(claims, wanted),
    }
}

/// Names and values of these claims; a claim can have several values.
fn values<'r>(
    claims: &Map<String, Value>,
    wanted: impl Iterator<Item = &'r str>,
) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for name in wanted {
        if pairs.iter().any(|(known, _)| known == name) {
            continue;
        }
        let values = match claims.get(name) {
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        let texts = values.iter().filter_map(|value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
            _ => None,
        });
        pairs.extend(texts.map(|text| (name.to_owned(), text)));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_claims_that_give_roles_are_kept() {
        let claims = json!({
            "groups": ["a", "b"], "role": "admin", "level": 3, "email_verified": true,
            "address": { "street": "x" }, "email": "private@x.example",
        });
        let wanted = ["groups", "role", "groups", "level", "address", "missing"];
        let kept = values(claims.as_object().unwrap(), wanted.into_iter());
        let kept: Vec<(&str, &str)> =
            kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(kept, [("groups", "a"), ("groups", "b"), ("role", "admin"), ("level", "3")]);
    }
}
