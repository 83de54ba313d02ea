//! OpenID Connect sign-in and bearer tokens of other issuers.
//!
//! Two jobs share one foundation. [`Provider`] signs people in: authorization code with PKCE,
//! verification of the ID token, logout. [`Bearers`] validates access tokens that callers of the
//! API bring from elsewhere. Both need the metadata and the signing keys of an issuer, which are
//! fetched when first needed, kept, and renewed (`issuer`, `cache`). Signatures are left to the
//! crates `openidconnect` and `jsonwebtoken`; what they leave open is checked here.
//!
//! Nothing in here knows of roles, sessions or storage.

mod bearer;
mod cache;
mod clock;
mod error;
mod http;
mod id_token;
mod issuer;
mod keys;
mod provider;
mod token;

pub use bearer::{BearerConfig, BearerError, Bearers, Claims};
pub use clock::Clock;
pub use error::OidcError;
pub use id_token::SignedIn;
pub use openidconnect::ClientSecret as Secret;
pub use provider::{Begin, Callback, Pending, Provider, ProviderConfig};
