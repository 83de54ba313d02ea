//! Access tokens of other issuers, brought by callers of the API.
//!
//! The signature, issuer and audience are checked by `jsonwebtoken`, against an algorithm that is
//! chosen here and not by the token. An issuer is asked for keys only if a token claims to be of
//! it, so that nobody can make durward fetch from elsewhere.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use serde_json::{Map, Value};

use crate::clock::Clock;
use crate::error::OidcError;
use crate::http::{Http, HttpError};
use crate::issuer::Issuer;
use crate::keys::Keys;
use crate::token::{
    Header, MAX_TOKEN_BYTES, Unverified, instant, is_ahead, is_over, seconds, text, texts, words,
};

/// Signatures with a public key; a shared secret would let every validator forge tokens.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// A token without a key's name is tried with so many keys.
const MAX_ATTEMPTS: usize = 8;

/// An issuer whose access tokens count.
#[derive(Clone, Debug)]
pub struct BearerConfig {
    /// The issuer, exactly as its tokens name it.
    pub issuer: String,
    /// Audiences that stand for this durward. A token must be for one of them.
    pub audiences: Vec<String>,
    /// Where its keys are, if not where its metadata says.
    pub jwks_uri: Option<String>,
    /// Roots to trust besides those of the system, in PEM.
    pub ca_file: Option<PathBuf>,
    /// How far clocks may be apart.
    pub clock_skew: Duration,
}

impl BearerConfig {
    /// The usual.
    pub fn new(issuer: impl Into<String>, audiences: Vec<String>) -> BearerConfig {
        BearerConfig {
            issuer: issuer.into(),
            audiences,
            jwks_uri: None,
            ca_file: None,
            clock_skew: Duration::from_secs(120),
        }
    }
}

/// Why a token does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// It is no token, or lacks something that every access token has.
    #[error("not a well-formed access token: {0}")]
    Malformed(&'static str),
    /// It is a token for another purpose, such as an ID token.
    #[error("not an access token")]
    NotAnAccessToken,
    /// Nobody has configured its issuer.
    #[error("the token's issuer is not known here")]
    UnknownIssuer,
    /// It is for somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// It has run out.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It is signed with an algorithm that is not accepted, or that does not fit the key.
    #[error("the token is not signed with an accepted algorithm")]
    Algorithm,
    /// Its issuer does not publish the key that signed it.
    #[error("the token is signed with a key that its issuer does not publish")]
    UnknownKey,
    /// Its signature is wrong.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// Its issuer could not be asked for keys: nobody's fault who brings a token.
    #[error("the token's issuer cannot be asked for its keys now: {0}")]
    ProviderUnreachable(String),
}

impl From<HttpError> for BearerError {
    fn from(error: HttpError) -> BearerError {
        BearerError::ProviderUnreachable(error.to_string())
    }
}

/// What a valid token says. Names in brackets are of its claims.
#[derive(Clone, PartialEq)]
pub struct Claims {
    /// Who issued it (`iss`).
    pub issuer: String,
    /// Who it is about (`sub`). Entra's differs from application to application.
    pub subject: Option<String>,
    /// The configured audience that it is for (`aud`).
    pub audience: String,
    /// The Entra object of the person or application (`oid`).
    pub object_id: Option<String>,
    /// The Entra tenant (`tid`).
    pub tenant_id: Option<String>,
    /// The application that asks (`appid`, `azp` or `client_id`).
    pub app_id: Option<String>,
    /// What the person or application is called (`name` or `app_displayname`).
    pub name: Option<String>,
    /// What the person signs in with (`upn`, `preferred_username` or `unique_name`).
    pub user_principal_name: Option<String>,
    /// What the application may do for the person (`scp` or `scope`).
    pub scopes: Vec<String>,
    /// What an application may do for itself, or app roles of a person (`roles`).
    pub roles: Vec<String>,
    /// An application asks for itself, not for a person.
    pub is_app_only: bool,
    /// When it runs out (`exp`).
    pub expires: SystemTime,
    /// All claims.
    pub raw: Map<String, Value>,
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Claims");
        shown.field("issuer", &self.issuer).field("subject", &self.subject);
        shown.field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

struct Accepted {
    issuer: Issuer,
    audiences: Vec<String>,
    skew: Duration,
}

/// The issuers whose access tokens count.
pub struct Bearers {
    accepted: Vec<Accepted>,
    clock: Clock,
}

impl fmt::Debug for Bearers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.accepted.iter().map(|one| one.issuer.name())).finish()
    }
}

impl Bearers {
    /// These issuers, which are not asked anything yet.
    pub fn new(configs: Vec<BearerConfig>) -> Result<Bearers, OidcError> {
        Bearers::with_clock(configs, Clock::default())
    }

    /// These issuers by another clock than the system's.
    pub fn with_clock(configs: Vec<BearerConfig>, clock: Clock) -> Result<Bearers, OidcError> {
        let mut accepted: Vec<Accepted> = Vec::new();
        for config in configs {
            if config.audiences.is_empty() || config.audiences.iter().any(String::is_empty) {
                let why = format!("{}: name the audiences that stand for durward", config.issuer);
                return Err(OidcError::Config(why));
            }
            if accepted.iter().any(|other| other.issuer.name() == config.issuer) {
                return Err(OidcError::Config(format!("{} is there twice", config.issuer)));
            }
            let http = Http::new(config.ca_file.as_deref()).map_err(OidcError::Config)?;
            let issuer = Issuer::new(http, config.issuer, config.jwks_uri, &clock);
            accepted.push(Accepted {
                issuer: issuer.map_err(OidcError::Config)?,
                audiences: config.audiences,
                skew: config.clock_skew,
            });
        }
        Ok(Bearers { accepted, clock })
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.accepted.is_empty()
    }

    /// Validates a token.
    pub async fn validate(&self, token: &str) -> Result<Claims, BearerError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(BearerError::Malformed("longer than 16 KiB"));
        }
        let unverified = Unverified::read(token);
        let Unverified { header, claims } = unverified.ok_or(BearerError::Malformed("no JWT"))?;
        let algorithm = header.alg.parse().ok().filter(|alg| ALGORITHMS.contains(alg));
        let algorithm = algorithm.ok_or(BearerError::Algorithm)?;
        if header.crit.is_some() {
            return Err(BearerError::Malformed("with an extension that is not known here"));
        }
        let iss = text(&claims, "iss").ok_or(BearerError::Malformed("no issuer"))?;
        let accepted = self.accepted.iter().find(|one| one.issuer.name() == iss);
        let accepted = accepted.ok_or(BearerError::UnknownIssuer)?;
        if !is_access_token(&header, &claims) {
            return Err(BearerError::NotAnAccessToken);
        }
        let tenant = text(&claims, "tid");
        let attempt = |keys: &Keys| accepted.verify(token, algorithm, &header, tenant, keys);
        let keys = accepted.issuer.keys().await?;
        let mut outcome = attempt(&keys);
        let might_be_new = match outcome {
            Err(BearerError::UnknownKey) => true,
            Err(BearerError::BadSignature) => header.kid.is_none(),
            _ => false,
        };
        if might_be_new && let Some(newer) = accepted.issuer.newer_keys(&keys).await? {
            outcome = attempt(&newer);
        }
        self.claims(accepted, outcome?)
    }

    /// Checks the times of verified claims and picks from them.
    fn claims(&self, accepted: &Accepted, raw: Map<String, Value>) -> Result<Claims, BearerError> {
        let now = self.clock.unix_seconds();
        let broken = |()| BearerError::Malformed("a time that is none");
        let end = seconds(&raw, "exp").map_err(broken)?;
        let end = end.ok_or(BearerError::Malformed("without an end"))?;
        if is_over(end, now, accepted.skew) {
            return Err(BearerError::Expired);
        }
        let start = seconds(&raw, "nbf").map_err(broken)?;
        if start.is_some_and(|start| is_ahead(start, now, accepted.skew)) {
            return Err(BearerError::NotYetValid);
        }
        let audiences = raw.get("aud").map(texts).unwrap_or_default();
        let audience = audiences.into_iter().find(|one| accepted.audiences.contains(one));
        let first =
            |names: &[&str]| names.iter().find_map(|name| text(&raw, name)).map(str::to_owned);
        let mut scopes = words(&raw, "scp");
        if scopes.is_empty() {
            scopes = words(&raw, "scope");
        }
        Ok(Claims {
            issuer: accepted.issuer.name().to_owned(),
            subject: first(&["sub"]),
            audience: audience.ok_or(BearerError::WrongAudience)?,
            object_id: first(&["oid"]),
            tenant_id: first(&["tid"]),
            app_id: first(&["appid", "azp", "client_id"]),
            name: first(&["name", "app_displayname"]),
            user_principal_name: first(&["upn", "preferred_username", "unique_name"]),
            is_app_only: is_app_only(&raw),
            scopes,
            roles: raw.get("roles").map(texts).unwrap_or_default(),
            expires: instant(end).ok_or(BearerError::Malformed("a time that is none"))?,
            raw,
        })
    }
}

impl Accepted {
    /// Verifies signature, issuer and audience.
    fn verify(
        &self,
        token: &str,
        algorithm: Algorithm,
        header: &Header,
        tenant: Option<&str>,
        keys: &Keys,
    ) -> Result<Map<String, Value>, BearerError> {
        let name = self.issuer.name();
        let named = keys.for_bearer(name, tenant, header.kid.as_deref());
        if named.is_empty() {
            return Err(BearerError::UnknownKey);
        }
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[name]);
        validation.set_audience(&self.audiences);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        // By our clock and with our skew, afterwards.
        validation.validate_exp = false;
        let mut outcome = Err(BearerError::Algorithm);
        for key in named.into_iter().filter(|key| key.fits(algorithm)).take(MAX_ATTEMPTS) {
            match jsonwebtoken::decode(token, &key.key, &validation) {
                Ok(data) => return Ok(data.claims),
                Err(error) => outcome = Err(explain(error.kind())),
            }
            if outcome != Err(BearerError::BadSignature) {
                break;
            }
        }
        outcome
    }
}

fn explain(error: &ErrorKind) -> BearerError {
    match error {
        ErrorKind::InvalidSignature => BearerError::BadSignature,
        ErrorKind::InvalidIssuer => BearerError::UnknownIssuer,
        ErrorKind::InvalidAudience => BearerError::WrongAudience,
        ErrorKind::InvalidAlgorithm
        | ErrorKind::UnsupportedAlgorithm
        | ErrorKind::InvalidKeyFormat
        | ErrorKind::InvalidEcdsaKey
        | ErrorKind::InvalidEddsaKey
        | ErrorKind::InvalidRsaKey(_) => BearerError::Algorithm,
        ErrorKind::MissingRequiredClaim(_) => BearerError::Malformed("a claim is missing"),
        _ => BearerError::Malformed("unreadable"),
    }
}

/// ID tokens are signed with the same keys and, where an application calls itself, have the same
/// audience, but prove nothing about what a caller may do. Nor do tokens for signing out.
fn is_access_token(header: &Header, claims: &Map<String, Value>) -> bool {
    let kind = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
    let kind = kind.strip_prefix("application/").unwrap_or(&kind);
    // Keycloak's way of telling its tokens apart.
    let own_kind = text(claims, "typ").is_none_or(|own| own.eq_ignore_ascii_case("Bearer"));
    let of_sign_in = ["nonce", "at_hash", "c_hash"].iter().any(|name| claims.contains_key(*name));
    let of_api = kind == "at+jwt"
        || ["scp", "scope", "typ", "idtyp"].iter().any(|name| claims.contains_key(*name));
    matches!(kind, "jwt" | "at+jwt") && own_kind && (of_api || !of_sign_in)
}

/// Entra says so where that was configured; otherwise the subject is the application itself.
/// A token without scopes need not be an application's.
fn is_app_only(claims: &Map<String, Value>) -> bool {
    if let Some(kind) = text(claims, "idtyp") {
        return kind == "app";
    }
    let own = ["oid", "client_id", "azp", "appid"].iter().find_map(|name| text(claims, name));
    let has_scopes = claims.contains_key("scp");
    !has_scopes && own.is_some() && own == text(claims, "sub")
}
