//! The signing keys of an issuer, read once for both crates that verify with them.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey};
use openidconnect::JsonWebKeySet;
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet};
use serde::Deserialize;
use serde_json::Value;

use crate::issuer::TENANT;

/// Issuers publish a handful.
const MAX_KEYS: usize = 100;

/// A key set as it is published. What nobody here understands is left out.
#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

/// The keys of an issuer that may have signed something.
#[derive(Deserialize)]
#[serde(from = "Published")]
pub(crate) struct Keys(Vec<Key>);

struct Key {
    id: Option<String>,
    /// Entra says which issuer a key signs for, where several share a key set.
    issuer: Option<String>,
    openid: Option<CoreJsonWebKey>,
    bearer: Option<BearerKey>,
}

/// A key in the form in which access tokens are verified.
pub(crate) struct BearerKey {
    pub(crate) key: DecodingKey,
    /// The only algorithm it is for, if it says so.
    algorithm: Option<Algorithm>,
}

impl BearerKey {
    /// Is it of the kind that this algorithm needs, and for it?
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        self.key.family() == algorithm.family()
            && self.algorithm.is_none_or(|only| only == algorithm)
    }
}

impl From<Published> for Keys {
    fn from(published: Published) -> Keys {
        Keys(published.keys.into_iter().filter_map(Key::read).take(MAX_KEYS).collect())
    }
}

impl Key {
    /// A public key for signatures; nothing if it is anything else. A symmetric key in a public
    /// document is no secret, so nothing signed with it counts.
    fn read(value: Value) -> Option<Key> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let is_public = matches!(text("kty")?.as_str(), "RSA" | "EC" | "OKP");
        let is_for_signatures = text("use").is_none_or(|purpose| purpose == "sig");
        if !is_public || !is_for_signatures {
            return None;
        }
        let (id, issuer) = (text("kid"), text("issuer"));
        // A key for an algorithm that is unknown here is of no use.
        let algorithm = text("alg").map(|name| name.parse()).transpose().ok();
        let key = Jwk::deserialize(&value).ok().and_then(|jwk| DecodingKey::from_jwk(&jwk).ok());
        let bearer = key.zip(algorithm).map(|(key, algorithm)| BearerKey { key, algorithm });
        let openid = CoreJsonWebKey::deserialize(value).ok();
        (bearer.is_some() || openid.is_some()).then_some(Key { id, issuer, openid, bearer })
    }

    fn signs_for(&self, issuer: &str, tenant: Option<&str>) -> bool {
        self.issuer.as_deref().is_none_or(|own| {
            own == issuer || tenant.is_some_and(|tenant| own.replace(TENANT, tenant) == issuer)
        })
    }
}

impl Keys {
    /// Keys that may have signed ID tokens of this issuer.
    pub(crate) fn for_id_tokens(&self, issuer: &str, tenant: Option<&str>) -> CoreJsonWebKeySet {
        let own = self.0.iter().filter(|key| key.signs_for(issuer, tenant));
        JsonWebKeySet::new(own.filter_map(|key| key.openid.clone()).collect())
    }

    /// The keys of this issuer with this identifier; all its keys if a token names none.
    pub(crate) fn for_bearer(
        &self,
        issuer: &str,
        tenant: Option<&str>,
        id: Option<&str>,
    ) -> Vec<&BearerKey> {
        let own = self.0.iter().filter(|key| key.signs_for(issuer, tenant));
        let named = own.filter(|key| id.is_none() || key.id.as_deref() == id);
        named.filter_map(|key| key.bearer.as_ref()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // The example key of RFC 8037.
    const ED25519: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn read(keys: Value) -> Keys {
        serde_json::from_value(json!({ "keys": keys })).unwrap()
    }

    #[test]
    fn only_public_signing_keys_count() {
        let keys = read(json!([
            { "kty": "OKP", "crv": "Ed25519", "x": ED25519, "kid": "good" },
            { "kty": "OKP", "crv": "Ed25519", "x": ED25519, "kid": "enc", "use": "enc" },
            { "kty": "oct", "k": "c2VjcmV0", "kid": "secret" },
            { "kty": "lattice", "kid": "tomorrow" },
            { "kid": "nothing" },
            7,
        ]));
        assert_eq!(keys.0.len(), 1);
        assert_eq!(keys.for_bearer("https://i", None, Some("good")).len(), 1);
        assert_eq!(keys.for_bearer("https://i", None, Some("enc")).len(), 0);
        assert_eq!(keys.for_bearer("https://i", None, None).len(), 1);
        assert_eq!(keys.for_id_tokens("https://i", None).keys().len(), 1);
    }

    #[test]
    fn a_key_fits_its_kind_of_algorithm() {
        let keys = read(json!([{ "kty": "OKP", "crv": "Ed25519", "x": ED25519 }]));
        let key = keys.for_bearer("https://i", None, None)[0];
        assert!(key.fits(Algorithm::EdDSA));
        assert!(!key.fits(Algorithm::HS256) && !key.fits(Algorithm::RS256));
    }

    #[test]
    fn a_key_of_another_issuer_does_not_count() {
        let key = |issuer: &str| {
            read(json!([{ "kty": "OKP", "crv": "Ed25519", "x": ED25519, "issuer": issuer }]))
        };
        let count = |keys: Keys| keys.for_bearer("https://i/t1/v2.0", Some("t1"), None).len();
        assert_eq!(count(key("https://i/{tenantid}/v2.0")), 1);
        assert_eq!(count(key("https://i/t1/v2.0")), 1);
        assert_eq!(count(key("https://i/t2/v2.0")), 0);
    }
}
