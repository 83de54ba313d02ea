//! From the headers of a request to its caller.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use durward_access::{Grant, Right, Rights, Role, permission};
use durward_model::Timestamp;
use durward_oidc::{BearerError, Claims};

use super::Access;
use super::caller::{Caller, Who};
use super::cookies::{self, Purpose};
use super::gate::unauthenticated;
use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;

/// Longest secret of a token or session that is looked up, in bytes.
const SECRET_BYTES_MAX: usize = 256;

/// Who asks? A token that does not hold is an error; no credentials at all are [`Who::Nobody`].
pub(crate) async fn authenticate(
    app: &Arc<App>,
    client: &Client,
    headers: &HeaderMap,
) -> Result<Caller, ApiError> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let bearer = value.to_str().ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        return match bearer {
            Some("") | None => Err(unauthenticated(
                "The Authorization header must be: Bearer, a space, and a token.",
            )),
            Some(token) => by_token(app, token).await,
        };
    }
    if let Some(secret) = cookies::get(headers, client, Purpose::Session)
        && let Some(caller) = by_session(app, secret).await?
    {
        return Ok(caller);
    }
    let access = &app.access;
    if access.is_demo && client.is_loopback_peer {
        let grants = vec![Grant::of(Role::GlobalAdministrator)];
        let mut caller = Caller::new(Who::Demo, grants, access.pseudonyms.clone());
        caller.csrf = Some(access.demo_csrf.clone());
        return Ok(caller);
    }
    Ok(Caller::new(Who::Nobody, Vec::new(), access.pseudonyms.clone()))
}

async fn by_session(app: &Arc<App>, secret: String) -> Result<Option<Caller>, ApiError> {
    if secret.len() > SECRET_BYTES_MAX {
        return Ok(None);
    }
    let found = app.access.run(move |access| {
        let Some(session) = access.store.check_session(&secret, Timestamp::now())? else {
            return Ok(None);
        };
        let person = access.store.person(&session.person)?;
        Ok(person.filter(|person| !person.disabled).map(|person| (person, session)))
    });
    let Some((person, session)) = found.await? else { return Ok(None) };
    let grants = person.grants(&app.access.rules);
    let who = Who::Person(Box::new(person), Box::new(session));
    Ok(Some(Caller::new(who, grants, app.access.pseudonyms.clone())))
}

async fn by_token(app: &Arc<App>, token: &str) -> Result<Caller, ApiError> {
    if durward_access::is_own_token(token) {
        return by_own_token(app, token.to_owned()).await;
    }
    let access = &app.access;
    let claims = access.bearers.validate(token).await.map_err(|error| bearer_refused(&error))?;
    let grants = grants_of(access, &claims);
    Ok(Caller::new(Who::Bearer(Box::new(claims)), grants, access.pseudonyms.clone()))
}

async fn by_own_token(app: &Arc<App>, secret: String) -> Result<Caller, ApiError> {
    let refused = || unauthenticated("The token is unknown, expired or revoked.");
    if secret.len() > SECRET_BYTES_MAX {
        return Err(refused());
    }
    let found = app.access.run(move |access| {
        let Some(token) = access.store.check_token(&secret, Timestamp::now())? else {
            return Ok(None);
        };
        let owner = match &token.owner {
            Some(owner) => access.store.person(owner)?,
            None => None,
        };
        Ok(Some((token, owner)))
    });
    let (token, owner) = found.await?.ok_or_else(refused)?;
    let grants = token.grants(&app.access.rules, owner.as_ref());
    let who = Who::Token(Box::new(token), owner.map(Box::new));
    Ok(Caller::new(who, grants, app.access.pseudonyms.clone()))
}

/// What the bearer of a token of another issuer may do: an application what its permissions
/// allow, a person what both the permissions and their roles allow.
fn grants_of(access: &Access, claims: &Claims) -> Vec<Grant> {
    let names = if claims.is_app_only { &claims.roles } else { &claims.scopes };
    let permitted = permission::rights_of_all(names.iter().map(String::as_str));
    if claims.is_app_only {
        // An application has no sign-ins of its own.
        let rights = permitted.without(Rights::of(&[Right::ReadOwn]));
        return vec![Grant { role: None, rights, scopes: Vec::new(), mask: Default::default() }];
    }
    let of_person = access.rules.grants(&access.rules.claims_of(&claims.raw));
    let both = |grant: Grant| Grant { rights: grant.rights.both(permitted), ..grant };
    of_person.into_iter().map(both).collect()
}

fn bearer_refused(error: &BearerError) -> ApiError {
    match error {
        BearerError::ProviderUnreachable(_) => {
            tracing::warn!(%error, "a bearer token could not be checked");
            let message = "the keys of the token's issuer cannot be had at the moment";
            let status = axum::http::StatusCode::SERVICE_UNAVAILABLE;
            ApiError::new(status, "ServiceUnavailable", message).retry_after(5)
        }
        _ => unauthenticated(format!("Access token validation failure: {error}.")),
    }
}
