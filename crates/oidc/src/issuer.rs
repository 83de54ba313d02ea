//! An issuer: where its endpoints are and which keys it signs with.

use std::sync::Arc;

use serde::Deserialize;

use crate::cache::Cached;
use crate::clock::Clock;
use crate::http::{Http, HttpError, check_url};
use crate::keys::Keys;

/// Stands in Entra's metadata for all tenants where the tenant's identifier is in tokens.
pub(crate) const TENANT: &str = "{tenantid}";
/// Names under which Entra publishes what is common to several tenants.
const SHARED: [&str; 3] = ["organizations", "common", "consumers"];

/// What of the metadata is used. Names are of OpenID Connect Discovery, RFC 8414 and RFC 9207.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) issuer: String,
    pub(crate) jwks_uri: String,
    pub(crate) authorization_endpoint: Option<String>,
    pub(crate) token_endpoint: Option<String>,
    pub(crate) end_session_endpoint: Option<String>,
    #[serde(default)]
    pub(crate) token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

/// An issuer and what is known of it.
pub(crate) struct Issuer {
    http: Http,
    /// As configured.
    name: String,
    /// Where the keys are, if that is not to be looked up.
    jwks_uri: Option<String>,
    metadata: Cached<Metadata>,
    keys: Cached<Keys>,
}

impl Issuer {
    /// An issuer of which nothing is known yet. The error is for the administrator.
    pub(crate) fn new(
        http: Http,
        name: String,
        jwks_uri: Option<String>,
        clock: &Clock,
    ) -> Result<Issuer, String> {
        check_url(&name)?;
        if name.contains(['?', '#']) {
            return Err(format!("{name:?} has a query, which no issuer has"));
        }
        jwks_uri.as_deref().map_or(Ok(()), check_url)?;
        let (metadata, keys) = (Cached::new(clock.clone()), Cached::new(clock.clone()));
        Ok(Issuer { http, name, jwks_uri, metadata, keys })
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) async fn metadata(&self) -> Result<Arc<Metadata>, HttpError> {
        self.metadata.get(self.discover()).await
    }

    pub(crate) async fn keys(&self) -> Result<Arc<Keys>, HttpError> {
        self.keys.get(self.fetch_keys()).await
    }

    /// Other keys than these, which lack one; nothing if they were fetched a moment ago.
    pub(crate) async fn newer_keys(
        &self,
        known: &Arc<Keys>,
    ) -> Result<Option<Arc<Keys>>, HttpError> {
        self.keys.newer_than(known, self.fetch_keys()).await
    }

    async fn discover(&self) -> Result<Metadata, HttpError> {
        let base = self.name.replace(TENANT, SHARED[0]);
        let url = format!("{}/.well-known/openid-configuration", base.trim_end_matches('/'));
        let metadata: Metadata = self.http.get_json(&url).await?;
        if !describes(&metadata.issuer, &self.name) {
            let why = format!("describes the issuer {:?}, not {:?}", metadata.issuer, self.name);
            return Err(HttpError::new(url, why));
        }
        Ok(metadata)
    }

    async fn fetch_keys(&self) -> Result<Keys, HttpError> {
        let url = match &self.jwks_uri {
            Some(url) => url.clone(),
            None => self.metadata().await?.jwks_uri.clone(),
        };
        self.http.get_json(&url).await
    }
}

/// Is metadata of this issuer what was asked for under this name? The two are the same, but for
/// Entra's, where several names lead to the description of all tenants.
fn describes(issuer: &str, name: &str) -> bool {
    let shared = |tenants: &&str| issuer.replace(TENANT, tenants) == name;
    issuer == name || (issuer.contains(TENANT) && SHARED.iter().any(shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_that_of_the_issuer() {
        assert!(describes("https://i.example/a", "https://i.example/a"));
        assert!(!describes("https://i.example/a/", "https://i.example/a"), "exactly");
        assert!(!describes("https://i.example/b", "https://i.example/a"));
        let entra = "https://login.microsoftonline.com/{tenantid}/v2.0";
        assert!(describes(entra, entra));
        assert!(describes(entra, "https://login.microsoftonline.com/organizations/v2.0"));
        assert!(describes(entra, "https://login.microsoftonline.com/common/v2.0"));
        assert!(!describes(entra, "https://login.microsoftonline.com/contoso/v2.0"));
        assert!(!describes(entra, "https://login.example.com/common/v2.0"));
    }
}
