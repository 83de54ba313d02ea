//! Who may look: the section `[access]` of the configuration file.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use durward_access::{Assignment, Mask, Role, Rules, SessionLimits};
use durward_oidc::{BearerConfig, Bearers, Provider, ProviderConfig, Secret};
use durward_server::SignInProvider;
use serde::{Deserialize, Serialize};

use super::units::Span;

/// The environment variable with the client secret, for those who keep it in no file.
const CLIENT_SECRET: &str = "DURWARD_CLIENT_SECRET";

/// Who may look.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Access {
    session_idle: Span,
    session_max: Span,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<ProviderSection>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bearer: Vec<BearerSection>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<Assignment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    masks: Vec<MaskSection>,
}

/// An OpenID provider that people sign in at.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ProviderSection {
    #[serde(default = "provider_name")]
    name: String,
    issuer: String,
    client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_secret_file: Option<PathBuf>,
    #[serde(default = "scopes")]
    scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tenants: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
    #[serde(default = "object_id_claim")]
    object_id_claim: String,
    #[serde(default = "tenant_id_claim")]
    tenant_id_claim: String,
    #[serde(default = "name_claim")]
    name_claim: String,
    #[serde(default = "clock_skew")]
    clock_skew: Span,
}

/// An issuer whose access tokens are taken.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BearerSection {
    issuer: String,
    audiences: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
    #[serde(default = "clock_skew")]
    clock_skew: Span,
}

/// What a role sees as pseudonyms.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct MaskSection {
    role: Role,
    #[serde(default)]
    names: bool,
    #[serde(default)]
    addresses: bool,
}

fn provider_name() -> String {
    "your organisation's account".to_owned()
}

fn scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).to_vec()
}

fn object_id_claim() -> String {
    "oid".to_owned()
}

fn tenant_id_claim() -> String {
    "tid".to_owned()
}

fn name_claim() -> String {
    "preferred_username".to_owned()
}

fn clock_skew() -> Span {
    Span(std::time::Duration::from_secs(120))
}

impl Default for Access {
    fn default() -> Access {
        let limits = SessionLimits::default();
        Access {
            session_idle: Span(limits.idle),
            session_max: Span(limits.absolute),
            provider: None,
            bearer: Vec::new(),
            roles: Vec::new(),
            masks: Vec::new(),
        }
    }
}

impl Access {
    /// Can people or programs be known by something else than durward's own accounts and tokens?
    pub(crate) fn has_issuers(&self) -> bool {
        self.provider.is_some() || !self.bearer.is_empty()
    }

    /// Refuses what cannot work.
    pub(super) fn check(&self) -> Result<()> {
        if self.session_idle.0.is_zero() || self.session_max.0 < self.session_idle.0 {
            bail!("access.session_max: at least session_idle, which is more than no time at all");
        }
        if let Some(provider) = &self.provider {
            check_issuer("access.provider.issuer", &provider.issuer)?;
            if !provider.scopes.iter().any(|scope| scope == "openid") {
                bail!("access.provider.scopes: `openid` is missing");
            }
        }
        for bearer in &self.bearer {
            check_issuer("access.bearer.issuer", &bearer.issuer)?;
            if bearer.audiences.is_empty() {
                bail!("access.bearer.audiences: at least one, or any token of the issuer would do");
            }
        }
        if !self.roles.is_empty() && !self.has_issuers() {
            bail!(
                "access.roles: without [access.provider] or [[access.bearer]] there are no claims"
            );
        }
        Ok(())
    }

    /// How claims become roles, and roles grants.
    pub(crate) fn rules(&self) -> Rules {
        let mask =
            |mask: &MaskSection| (mask.role, Mask { names: mask.names, addresses: mask.addresses });
        Rules { assignments: self.roles.clone(), masks: self.masks.iter().map(mask).collect() }
    }

    /// How long sessions last.
    pub(crate) fn sessions(&self) -> SessionLimits {
        SessionLimits { idle: self.session_idle.0, absolute: self.session_max.0 }
    }

    /// Where people sign in.
    pub(crate) fn provider(&self) -> Result<Option<SignInProvider>> {
        let Some(section) = &self.provider else { return Ok(None) };
        let config = ProviderConfig {
            client_secret: section.secret()?,
            scopes: section.scopes.clone(),
            tenants: section.tenants.clone(),
            ca_file: section.ca_file.clone(),
            clock_skew: section.clock_skew.0,
            ..ProviderConfig::new(&section.issuer, &section.client_id)
        };
        Ok(Some(SignInProvider {
            name: section.name.clone(),
            provider: Provider::new(config).context("access.provider")?,
            object_id_claim: section.object_id_claim.clone(),
            tenant_id_claim: section.tenant_id_claim.clone(),
            name_claim: section.name_claim.clone(),
        }))
    }

    /// Whose access tokens are taken.
    pub(crate) fn bearers(&self) -> Result<Bearers> {
        let config = |section: &BearerSection| BearerConfig {
            issuer: section.issuer.clone(),
            audiences: section.audiences.clone(),
            jwks_uri: section.jwks_uri.clone(),
            ca_file: section.ca_file.clone(),
            clock_skew: section.clock_skew.0,
        };
        Bearers::new(self.bearer.iter().map(config).collect()).context("access.bearer")
    }
}

impl ProviderSection {
    fn secret(&self) -> Result<Option<Secret>> {
        if let Some(file) = &self.client_secret_file {
            let text = std::fs::read_to_string(file).with_context(|| {
                format!("access.provider.client_secret_file: reading {}", file.display())
            })?;
            return Ok(Some(Secret::new(text.trim().to_owned())));
        }
        let named = std::env::var(CLIENT_SECRET).ok().filter(|secret| !secret.is_empty());
        Ok(named.map(Secret::new))
    }
}

/// Issuers are compared letter by letter, and asked for keys: https, or http on this machine.
fn check_issuer(key: &str, issuer: &str) -> Result<()> {
    let host = |rest: &str| rest.split(['/', ':']).next().unwrap_or_default().to_owned();
    let is_local = issuer.strip_prefix("http://").map(host);
    let is_local = is_local.is_some_and(|host| host == "localhost" || host == "127.0.0.1");
    if issuer.starts_with("https://") || is_local {
        return Ok(());
    }
    bail!("{key}: `{issuer}` must begin with https:// (http:// is for localhost only)")
}
