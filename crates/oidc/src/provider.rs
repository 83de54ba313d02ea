//! Signing people in with an OpenID provider: authorization code with PKCE.
//!
//! The provider is asked when somebody signs in and not before, so that durward starts without
//! it. What lies between [`Provider::begin`] and [`Provider::finish`] (`state`, `nonce` and the
//! PKCE verifier) is for the caller to keep, bound to the browser.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm, CoreTokenResponse,
};
use openidconnect::url::Url;
use openidconnect::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndSessionUrl,
    EndpointNotSet, EndpointSet, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, RedirectUrl, Scope,
    TokenResponse as _, TokenUrl,
};

use crate::clock::Clock;
use crate::error::{OidcError, explain};
use crate::http::{Http, check_url};
use crate::id_token::{Check, SignedIn};
use crate::issuer::{Issuer, Metadata, TENANT};

/// Servers commonly take 8 KiB of address; a longer hint for signing out is left out.
const MAX_HINT_BYTES: usize = 4096;

/// How to sign in with a provider.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// The issuer, as its tokens name it. For several tenants of Entra
    /// `https://login.microsoftonline.com/{tenantid}/v2.0`, or with `organizations` in place of
    /// `{tenantid}`.
    pub issuer: String,
    /// The name that the provider knows this durward by.
    pub client_id: String,
    /// What proves that name. Without it the provider must take this for a public client.
    pub client_secret: Option<ClientSecret>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// Roots to trust besides those of the system, in PEM.
    pub ca_file: Option<PathBuf>,
    /// How far clocks may be apart.
    pub clock_skew: Duration,
    /// Names of signature algorithms to accept. Only those with a public key are possible.
    pub allowed_algorithms: Vec<String>,
    /// Identifiers of the tenants whose people may sign in. Needed where the issuer stands for
    /// all tenants of Entra, and not allowed elsewhere.
    pub tenants: Vec<String>,
}

impl ProviderConfig {
    /// The usual, which is right for Entra, Keycloak and most others.
    pub fn new(issuer: impl Into<String>, client_id: impl Into<String>) -> ProviderConfig {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        ProviderConfig {
            issuer: issuer.into(),
            client_id: client_id.into(),
            client_secret: None,
            scopes: owned(&["openid", "profile", "email"]),
            ca_file: None,
            clock_skew: Duration::from_secs(120),
            allowed_algorithms: owned(&["RS256", "PS256", "ES256", "EdDSA"]),
            tenants: Vec::new(),
        }
    }
}

/// The beginning of a sign-in.
pub struct Begin {
    /// Where to send the browser.
    pub url: String,
    /// Comes back with the browser; anything else is not an answer to this.
    pub state: String,
    /// To be kept for [`Pending`].
    pub nonce: String,
    /// To be kept for [`Pending`].
    pub pkce_verifier: String,
}

/// What was kept since [`Provider::begin`].
pub struct Pending {
    /// [`Begin::nonce`].
    pub nonce: String,
    /// [`Begin::pkce_verifier`].
    pub pkce_verifier: String,
}

/// What the browser brings back in the address, besides `state`, which the caller compares.
#[derive(Clone, Copy)]
pub struct Callback<'a> {
    /// `code`.
    pub code: &'a str,
    /// `iss`, of providers that send it (RFC 9207).
    pub iss: Option<&'a str>,
}

macro_rules! secretive {
    ($($name:ty => $text:literal),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($text).finish_non_exhaustive()
            }
        }
    )*};
}
secretive!(Begin => "Begin", Pending => "Pending", Callback<'_> => "Callback");

/// A provider to sign in with.
pub struct Provider {
    issuer: Issuer,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    scopes: Vec<Scope>,
    skew: Duration,
    algorithms: Vec<CoreJwsSigningAlgorithm>,
    tenants: Vec<String>,
    clock: Clock,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Provider");
        shown.field("issuer", &self.issuer.name()).field("client_id", &self.client_id);
        shown.finish_non_exhaustive()
    }
}

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointNotSet,
>;

impl Provider {
    /// A provider, which is not asked anything yet.
    pub fn new(config: ProviderConfig) -> Result<Provider, OidcError> {
        Provider::with_clock(config, Clock::default())
    }

    /// A provider by another clock than the system's.
    pub fn with_clock(config: ProviderConfig, clock: Clock) -> Result<Provider, OidcError> {
        if config.client_id.is_empty() {
            return Err(OidcError::Config("the client id is empty".to_owned()));
        }
        if config.issuer.contains(TENANT) && config.tenants.is_empty() {
            let why = format!("{} stands for all tenants; name those accepted", config.issuer);
            return Err(OidcError::Config(why));
        }
        let algorithms = config.allowed_algorithms.iter().map(|name| algorithm(name));
        let algorithms = algorithms.collect::<Result<_, _>>()?;
        let scopes = config.scopes.into_iter().filter(|scope| scope != "openid");
        let http = Http::new(config.ca_file.as_deref()).map_err(OidcError::Config)?;
        let issuer = Issuer::new(http, config.issuer, None, &clock).map_err(OidcError::Config)?;
        Ok(Provider {
            issuer,
            client_id: ClientId::new(config.client_id),
            client_secret: config.client_secret.filter(|secret| !secret.secret().is_empty()),
            scopes: scopes.map(Scope::new).collect(),
            skew: config.clock_skew,
            algorithms,
            tenants: config.tenants,
            clock,
        })
    }

    /// Begins a sign-in that ends at this address of ours.
    pub async fn begin(&self, redirect_uri: &str) -> Result<Begin, OidcError> {
        let metadata = self.metadata().await?;
        let client = self.client(&metadata)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let request = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(self.scopes.iter().cloned())
            .set_pkce_challenge(challenge)
            .set_redirect_uri(Cow::Owned(address(redirect_uri)?));
        let (url, state, nonce) = request.url();
        Ok(Begin {
            url: url.into(),
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            pkce_verifier: verifier.into_secret(),
        })
    }

    /// Ends a sign-in: exchanges the code for an ID token and verifies it.
    pub async fn finish(
        &self,
        redirect_uri: &str,
        callback: Callback<'_>,
        pending: Pending,
    ) -> Result<SignedIn, OidcError> {
        let metadata = self.metadata().await?;
        self.check_response_issuer(&metadata, callback.iss)?;
        let client = self.client(&metadata)?;
        let request = client
            .exchange_code(AuthorizationCode::new(callback.code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(pending.pkce_verifier))
            .set_redirect_uri(Cow::Owned(address(redirect_uri)?));
        let answer = request.request_async(self.issuer.http()).await.map_err(explain)?;
        self.verify(&metadata, &answer, &Nonce::new(pending.nonce)).await
    }

    /// Where to send the browser to sign out at the provider too, if that is possible.
    /// `post_logout_redirect_uri` is where it comes back to, with `state`.
    pub async fn logout_url(
        &self,
        id_token_hint: Option<&str>,
        post_logout_redirect_uri: &str,
        state: &str,
    ) -> Option<String> {
        let metadata = self.metadata().await.ok()?;
        let endpoint = metadata.end_session_endpoint.clone()?;
        check_url(&endpoint).ok()?;
        let mut request = LogoutRequest::from(EndSessionUrl::new(endpoint).ok()?)
            .set_client_id(self.client_id.clone())
            .set_post_logout_redirect_uri(
                PostLogoutRedirectUrl::new(post_logout_redirect_uri.to_owned()).ok()?,
            )
            .set_state(CsrfToken::new(state.to_owned()));
        let hint = id_token_hint.filter(|hint| hint.len() <= MAX_HINT_BYTES);
        let hint = hint.and_then(|hint| hint.parse::<openidconnect::core::CoreIdToken>().ok());
        if let Some(hint) = hint {
            request = request.set_id_token_hint(&hint);
        }
        Some(request.http_get_url().into())
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, OidcError> {
        let metadata = self.issuer.metadata().await?;
        // Only now is it known whether one issuer answers or all tenants do.
        match (metadata.issuer.contains(TENANT), self.tenants.is_empty()) {
            (true, true) => Err(OidcError::Config(format!(
                "{} stands for all tenants; name those accepted",
                self.issuer.name()
            ))),
            (false, false) => Err(OidcError::Config(format!(
                "{} is one issuer; tenants cannot be chosen",
                self.issuer.name()
            ))),
            _ => Ok(metadata),
        }
    }

    fn client(&self, metadata: &Metadata) -> Result<Client, OidcError> {
        let endpoint = |name: &str, url: &Option<String>| {
            let url = url.clone().ok_or_else(|| format!("the metadata has no {name}"))?;
            check_url(&url).map(|()| url)
        };
        let authorization = endpoint("authorization_endpoint", &metadata.authorization_endpoint);
        let token = endpoint("token_endpoint", &metadata.token_endpoint);
        let (authorization, token) = authorization
            .and_then(|authorization| Ok((authorization, token?)))
            .map_err(OidcError::Unreachable)?;
        let unusable = |error| OidcError::Unreachable(format!("the metadata is wrong: {error}"));
        let issuer = IssuerUrl::new(metadata.issuer.clone()).map_err(unusable)?;
        let mut client = CoreClient::new(self.client_id.clone(), issuer, Default::default())
            .set_auth_uri(AuthUrl::new(authorization).map_err(unusable)?)
            .set_token_uri(TokenUrl::new(token).map_err(unusable)?)
            .set_auth_type(auth_type(&metadata.token_endpoint_auth_methods_supported));
        if let Some(secret) = &self.client_secret {
            client = client.set_client_secret(secret.clone());
        }
        Ok(client)
    }

    /// RFC 9207: an answer of another issuer must not be exchanged at this one.
    fn check_response_issuer(
        &self,
        metadata: &Metadata,
        iss: Option<&str>,
    ) -> Result<(), OidcError> {
        let of_tenant = |iss: &str| {
            self.tenants.iter().any(|tenant| metadata.issuer.replace(TENANT, tenant) == iss)
        };
        let fine = match iss {
            Some(iss) => iss == metadata.issuer || of_tenant(iss),
            None => !metadata.authorization_response_iss_parameter_supported,
        };
        if fine { Ok(()) } else { Err(OidcError::WrongIssuer) }
    }

    /// Verifies the ID token of an answer, with newer keys if it is signed with an unknown one.
    async fn verify(
        &self,
        metadata: &Metadata,
        answer: &CoreTokenResponse,
        nonce: &Nonce,
    ) -> Result<SignedIn, OidcError> {
        let token = answer.id_token().ok_or(OidcError::Malformed)?;
        let check = Check {
            client_id: &self.client_id,
            tenants: &self.tenants,
            algorithms: &self.algorithms,
            clock: &self.clock,
            skew: self.skew,
            nonce,
            access_token: answer.access_token(),
        };
        let keys = self.issuer.keys().await?;
        let outcome = check.verify(token, metadata, &keys);
        // A provider that does not name its keys shows a new one by a signature that is wrong.
        if !matches!(outcome, Err(OidcError::UnknownKey | OidcError::BadSignature)) {
            return outcome;
        }
        match self.issuer.newer_keys(&keys).await? {
            Some(newer) => check.verify(token, metadata, &newer),
            None => outcome,
        }
    }
}

/// An algorithm with a public key, by its name in RFC 7518.
fn algorithm(name: &str) -> Result<CoreJwsSigningAlgorithm, OidcError> {
    use CoreJwsSigningAlgorithm as Jws;
    Ok(match name {
        "RS256" => Jws::RsaSsaPkcs1V15Sha256,
        "RS384" => Jws::RsaSsaPkcs1V15Sha384,
        "RS512" => Jws::RsaSsaPkcs1V15Sha512,
        "PS256" => Jws::RsaSsaPssSha256,
        "PS384" => Jws::RsaSsaPssSha384,
        "PS512" => Jws::RsaSsaPssSha512,
        "ES256" => Jws::EcdsaP256Sha256,
        "ES384" => Jws::EcdsaP384Sha384,
        "EdDSA" => Jws::EdDsa,
        _ => return Err(OidcError::Config(format!("{name:?} is no algorithm to accept"))),
    })
}

/// How the secret is sent: as a header, unless the provider takes it in the body only.
fn auth_type(methods: &[String]) -> AuthType {
    let has = |wanted: &str| methods.iter().any(|method| method == wanted);
    if has("client_secret_post") && !has("client_secret_basic") {
        AuthType::RequestBody
    } else {
        AuthType::BasicAuth
    }
}

fn address(redirect_uri: &str) -> Result<RedirectUrl, OidcError> {
    let wrong = |error| OidcError::Config(format!("{redirect_uri:?} is no address: {error}"));
    Url::parse(redirect_uri).map_err(wrong)?;
    RedirectUrl::new(redirect_uri.to_owned()).map_err(wrong)
}
