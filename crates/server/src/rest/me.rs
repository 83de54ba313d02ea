//! `GET /api/me`: what durward takes the caller for, and what they may do. For scripts that want
//! to know what their token is good for.

use axum::response::Response;
use durward_access::{Grant, Rights};
use durward_model::Timestamp;
use serde_json::{Value, json};

use crate::access::gate::unauthenticated;
use crate::access::{Asking, Caller, Who};
use crate::error::ApiError;

/// `GET /api/me`
pub(crate) async fn me(Asking(caller): Asking) -> Result<Response, ApiError> {
    if matches!(caller.who, Who::Nobody) {
        return Err(unauthenticated("Access token is empty."));
    }
    Ok(super::json(describe(&caller).to_string()))
}

fn describe(caller: &Caller) -> Value {
    let (permissions, expires) = match &caller.who {
        Who::Token(token, _) => (token.permissions.clone(), token.expires),
        Who::Bearer(claims) => {
            let names = if claims.is_app_only { &claims.roles } else { &claims.scopes };
            let since = claims.expires.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
            (names.clone(), Some(Timestamp::from_micros(micros)))
        }
        Who::Person(_, session) => (Vec::new(), Some(session.expires)),
        Who::Nobody | Who::Demo => (Vec::new(), None),
    };
    let actor = caller.actor();
    let rights = caller.grants.iter().fold(Rights::NONE, |all, grant| all.either(grant.rights));
    json!({
        "kind": actor.kind.name(),
        "id": actor.id,
        "name": actor.name,
        "token": actor.token,
        "permissions": permissions,
        "expires": expires.map(Timestamp::to_rfc3339),
        "ownSignInsOf": caller.own().map(|own| json!({
            "userId": own.object_id,
            "tenantId": own.tenant_id,
        })),
        "rights": names(rights),
        "grants": caller.grants.iter().map(grant).collect::<Vec<_>>(),
    })
}

fn grant(grant: &Grant) -> Value {
    json!({
        "role": grant.role,
        "rights": names(grant.rights),
        "scopes": grant.scopes,
        "mask": grant.mask,
    })
}

/// Rights as `{"ReadOwn": "read their own sign-ins"}`.
fn names(rights: Rights) -> Value {
    rights.iter().map(|right| (format!("{right:?}"), Value::from(right.words()))).collect()
}
