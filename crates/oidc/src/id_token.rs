//! Verification of an ID token, as OpenID Connect Core 3.1.3.7 asks for it.
//!
//! Signature, issuer, audience, nonce and expiry are checked by `openidconnect`. It leaves open
//! who the token was issued to (`azp`), when it begins to count (`nbf`), and whether it belongs to
//! the access token it came with (`at_hash`).

use std::fmt;
use std::time::{Duration, SystemTime};

use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJwsSigningAlgorithm};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IssuerUrl, Nonce,
    SignatureVerificationError,
};
use serde_json::{Map, Value};

use crate::clock::Clock;
use crate::error::OidcError;
use crate::issuer::{Metadata, TENANT};
use crate::keys::Keys;
use crate::token::{Unverified, is_ahead, text};

/// Somebody who has signed in.
#[derive(Clone, PartialEq)]
pub struct SignedIn {
    /// Who says so.
    pub issuer: String,
    /// Who it is: never reassigned, and unique at this issuer.
    pub subject: String,
    /// All claims of the ID token, which are verified.
    pub claims: Map<String, Value>,
    /// The ID token itself, a hint for signing out later.
    pub id_token: String,
    /// When they proved who they are, if the provider says so.
    pub auth_time: Option<SystemTime>,
    /// They are in more groups than Entra puts into a token, so that the claim `groups` is not
    /// there. App roles, or "groups assigned to the application", avoid this.
    pub groups_overage: bool,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SignedIn");
        shown.field("issuer", &self.issuer).field("subject", &self.subject);
        shown.finish_non_exhaustive()
    }
}

/// What an ID token is held against.
pub(crate) struct Check<'a> {
    pub(crate) client_id: &'a ClientId,
    pub(crate) tenants: &'a [String],
    pub(crate) algorithms: &'a [CoreJwsSigningAlgorithm],
    pub(crate) clock: &'a Clock,
    pub(crate) skew: Duration,
    pub(crate) nonce: &'a Nonce,
    /// The access token that came with it.
    pub(crate) access_token: &'a AccessToken,
}

impl Check<'_> {
    /// Verifies a token.
    pub(crate) fn verify(
        &self,
        token: &CoreIdToken,
        metadata: &Metadata,
        keys: &Keys,
    ) -> Result<SignedIn, OidcError> {
        let id_token = token.to_string();
        let unverified = Unverified::read(&id_token).ok_or(OidcError::Malformed)?;
        let tenant = text(&unverified.claims, "tid").filter(|_| !self.tenants.is_empty());
        let issuer = expected_issuer(&metadata.issuer, self.tenants, tenant)?;
        let verifier = CoreIdTokenVerifier::new_public_client(
            self.client_id.clone(),
            IssuerUrl::new(issuer.clone()).map_err(|_| OidcError::WrongIssuer)?,
            keys.for_id_tokens(&issuer, tenant),
        );
        let now = self.clock.now();
        let latest = self.clock.unix_seconds();
        let verifier = verifier
            .set_allowed_algs(self.algorithms.iter().cloned())
            .set_time_fn(|| now.checked_sub(self.skew).unwrap_or(now).into())
            .set_issue_time_verifier_fn(|issued| {
                let ahead = u64::try_from(issued.timestamp())
                    .is_ok_and(|issued| is_ahead(issued, latest, self.skew));
                if ahead { Err(FUTURE.to_owned()) } else { Ok(()) }
            });
        let claims = token.claims(&verifier, self.nonce).map_err(explain)?;

        // The text is the same as was verified, so its claims may be believed now.
        let all = unverified.claims;
        if crate::token::seconds(&all, "nbf")
            .map_err(|()| OidcError::Malformed)?
            .is_some_and(|start| is_ahead(start, latest, self.skew))
        {
            return Err(OidcError::NotYetValid);
        }
        if claims.authorized_party().is_some_and(|party| party != self.client_id) {
            return Err(OidcError::WrongAudience);
        }
        if let Some(hash) = claims.access_token_hash() {
            let algorithm = token.signing_alg().map_err(|_| OidcError::Algorithm)?;
            let key = token.signing_key(&verifier).map_err(|_| OidcError::BadSignature)?;
            let own = AccessTokenHash::from_token(self.access_token, algorithm, key);
            if own.ok().as_ref() != Some(hash) {
                return Err(OidcError::WrongAccessToken);
            }
        }
        Ok(SignedIn {
            issuer,
            subject: claims.subject().to_string(),
            auth_time: claims.auth_time().map(SystemTime::from),
            groups_overage: has_too_many_groups(&all),
            claims: all,
            id_token,
        })
    }
}

/// The issuer whose tokens count. One for all tenants takes its name from the tenant, which must
/// be among those accepted.
fn expected_issuer(
    issuer: &str,
    tenants: &[String],
    tenant: Option<&str>,
) -> Result<String, OidcError> {
    if tenants.is_empty() {
        return Ok(issuer.to_owned());
    }
    let accepted = tenant.filter(|tenant| tenants.iter().any(|one| one == tenant));
    accepted.map(|tenant| issuer.replace(TENANT, tenant)).ok_or(OidcError::WrongTenant)
}

/// Entra's marks for more groups than fit: a reference to where they are, or just a flag.
fn has_too_many_groups(claims: &Map<String, Value>) -> bool {
    let elsewhere = claims.get("_claim_names").and_then(|names| names.get("groups"));
    elsewhere.is_some()
        || claims.get("hasgroups").is_some_and(|flag| flag == true || flag == "true")
}

/// The library knows one kind of error for a wrong time of issue; this text tells it apart.
const FUTURE: &str = "issued in the future";

fn explain(error: ClaimsVerificationError) -> OidcError {
    use ClaimsVerificationError as Claim;
    use SignatureVerificationError as Signature;
    match error {
        Claim::Expired(why) if why == FUTURE => OidcError::NotYetValid,
        Claim::Expired(_) => OidcError::Expired,
        Claim::InvalidAudience(_) => OidcError::WrongAudience,
        Claim::InvalidIssuer(_) => OidcError::WrongIssuer,
        Claim::InvalidNonce(_) => OidcError::WrongNonce,
        Claim::SignatureVerification(error) => match error {
            Signature::NoMatchingKey | Signature::AmbiguousKeyId(_) => OidcError::UnknownKey,
            Signature::DisallowedAlg(_)
            | Signature::UnsupportedAlg(_)
            | Signature::NoSignature
            | Signature::InvalidKey(_) => OidcError::Algorithm,
            _ => OidcError::BadSignature,
        },
        _ => OidcError::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entras_marks_of_too_many_groups() {
        let marked = |claims: Value| has_too_many_groups(claims.as_object().unwrap());
        assert!(marked(json!({ "_claim_names": { "groups": "src1" } })));
        assert!(marked(json!({ "hasgroups": true })));
        assert!(!marked(json!({ "groups": ["a"] })));
        assert!(!marked(json!({ "_claim_names": { "address": "src1" } })));
    }

    #[test]
    fn the_tenant_decides_the_issuer() {
        let template = "https://login.example/{tenantid}/v2.0";
        let tenants = ["t1".to_owned(), "t2".to_owned()];
        let issuer = |tenant| expected_issuer(template, &tenants, tenant);
        assert_eq!(issuer(Some("t2")).unwrap(), "https://login.example/t2/v2.0");
        assert!(matches!(issuer(Some("t3")), Err(OidcError::WrongTenant)));
        assert!(matches!(issuer(None), Err(OidcError::WrongTenant)));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let signed_in = SignedIn {
            issuer: "https://i.example".to_owned(),
            subject: "s1".to_owned(),
            claims: json!({ "email": "private" }).as_object().unwrap().clone(),
            id_token: "private".to_owned(),
            auth_time: None,
            groups_overage: false,
        };
        let shown = format!("{signed_in:?}");
        assert!(shown.contains("s1") && !shown.contains("private"), "{shown}");
    }
}
