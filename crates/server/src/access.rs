//! Who may ask: callers, what they may do, and the record of what they did.
//!
//! [`authenticate`] makes a [`caller::Caller`] of every request; [`gate`] stands before every
//! handler and compares the caller with what the table of routes says the endpoint needs;
//! [`record`] writes the look down before the answer leaves. What part of the log a caller sees
//! is their `Sight`, without which the store cannot be asked: see [`crate::app::App::ask`].

mod authenticate;
mod caller;
pub(crate) mod cookies;
pub(crate) mod csrf;
pub(crate) mod gate;
mod record;

use std::sync::Arc;

use durward_access::{AccessError, AccessStore, Hasher, Rules, SessionLimits, Throttle};
use durward_journal::Journal;
use durward_oidc::{Bearers, Provider};
use durward_query::Pseudonyms;

use crate::error::ApiError;

pub(crate) use authenticate::authenticate;
pub(crate) use caller::{Caller, READ, READ_OTHERS, Who};
pub(crate) use gate::{Asking, Known, Need};
pub(crate) use record::Looked;

/// Who may ask, as configured.
#[derive(Debug)]
pub struct AccessOptions {
    /// People, tokens, sessions.
    pub store: Arc<AccessStore>,
    /// The access log.
    pub journal: Arc<Journal>,
    /// How claims become roles, and roles grants.
    pub rules: Rules,
    /// Where people sign in, besides local accounts.
    pub provider: Option<SignInProvider>,
    /// Whose tokens are taken, besides durward's own.
    pub bearers: Bearers,
    /// How long sessions last.
    pub sessions: SessionLimits,
    /// Can anybody get in at all? Without, durward listens on loopback only.
    pub has_way_in: bool,
    /// A demo: whoever is on this machine is its administrator.
    pub is_demo: bool,
}

/// An OpenID provider, and what its claims mean here.
#[derive(Debug)]
pub struct SignInProvider {
    /// What the button says.
    pub name: String,
    /// The provider.
    pub provider: Provider,
    /// Claim with the object identifier by which a person's own sign-ins are found.
    pub object_id_claim: String,
    /// Claim with the tenant of that identifier.
    pub tenant_id_claim: String,
    /// Claim with the name a person signs in by.
    pub name_claim: String,
}

/// Who may ask, while the server runs.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) store: Arc<AccessStore>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) rules: Rules,
    pub(crate) provider: Option<SignInProvider>,
    pub(crate) bearers: Bearers,
    pub(crate) sessions: SessionLimits,
    pub(crate) is_demo: bool,
    /// What changes in a demo carry.
    pub(crate) demo_csrf: String,
    pub(crate) pseudonyms: Arc<Pseudonyms>,
    pub(crate) throttle: Throttle,
    pub(crate) hasher: Hasher,
    /// The tenant that stands for durward itself in the log.
    pub(crate) own_tenant: String,
    /// Encrypts the cookie of a sign-in under way.
    pub(crate) cookie_key: cookie::Key,
}

impl Access {
    pub(crate) fn new(options: AccessOptions) -> Result<Access, AccessError> {
        let pseudonyms = Pseudonyms::new(&options.store.key("pseudonyms")?);
        let own_tenant = crate::sign_in::guid_of(&options.store.key("own tenant")?);
        let cookie_key = cookie::Key::derive_from(&options.store.key("cookies")?);
        Ok(Access {
            demo_csrf: durward_access::random_secret()?,
            pseudonyms: Arc::new(pseudonyms),
            throttle: Throttle::default(),
            hasher: Hasher::default(),
            own_tenant,
            cookie_key,
            store: options.store,
            journal: options.journal,
            rules: options.rules,
            provider: options.provider,
            bearers: options.bearers,
            sessions: options.sessions,
            is_demo: options.is_demo,
        })
    }

    /// Asks the store of people, tokens and sessions, which is blocking code.
    pub(crate) async fn run<T, F>(self: &Arc<Self>, question: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Access) -> Result<T, AccessError> + Send + 'static,
    {
        let own = self.clone();
        let done = tokio::task::spawn_blocking(move || question(&own)).await;
        done.map_err(|error| ApiError::internal(&error))?
            .map_err(|error| ApiError::internal(&error))
    }

    /// As [`Access::run`]; what the store refuses is for the asker to hear.
    pub(crate) async fn try_run<T, F>(
        self: &Arc<Self>,
        question: F,
    ) -> Result<Result<T, AccessError>, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Access) -> Result<T, AccessError> + Send + 'static,
    {
        let asked = self.run(move |access| match question(access) {
            Err(error) if !error.is_refusal() => Err(error),
            answer => Ok(answer),
        });
        asked.await
    }
}
