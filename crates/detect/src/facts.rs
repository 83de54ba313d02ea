//! What detections need to know of an entity, worked out once.
//!
//! An event refers to twelve entities by number; most events share theirs with others. So a user
//! agent is searched for tools once, and not for each of the million events that have it.
//!
//! Values are known by *stable keys*: hashes of folded texts. They mean the same after a restart
//! and in another data directory, which numbers of entities do not. Key 0 is "no value".

use std::sync::Arc;

use durward_model::field::Group;
use durward_model::{Cell, FieldId};
use durward_query::fold::fold;
use durward_store::{EntityTable, View};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::class::{self, Class};
use crate::lists::Lists;

mod client;
mod network;
mod steps;

pub use client::OsFamily;
pub use network::NetworkFacts;

/// The stable key of a text; 0 for none.
pub fn key_of(text: &str) -> u64 {
    let text = text.trim();
    if text.is_empty() || text == ZERO_GUID { 0 } else { xxh3_64(fold(text).as_bytes()).max(1) }
}

/// A key of something that is only itself within something else (a user within a tenant).
pub fn key_within(key: u64, outer: u64) -> u64 {
    if key == 0 { 0 } else { xxh3_64_with_seed(&key.to_le_bytes(), outer).max(1) }
}

/// What sources write where an identifier is not known.
const ZERO_GUID: &str = "00000000-0000-0000-0000-000000000000";

/// A user.
#[derive(Clone, Copy, Debug, Default)]
pub struct ActorFacts {
    /// By object identifier, or by name where there is none.
    pub user: u64,
    /// Of another tenant.
    pub is_guest: bool,
    /// On the list of emergency accounts.
    pub is_break_glass: bool,
    /// On the list of privileged accounts.
    pub is_privileged: bool,
    /// On the list of accounts that no person uses.
    pub is_service: bool,
}

/// A workload.
#[derive(Clone, Copy, Debug, Default)]
pub struct PrincipalFacts {
    /// By object identifier, or by name where there is none.
    pub principal: u64,
    /// `clientCredentialType`.
    pub credential_type: u64,
    /// Which secret, certificate or federated credential.
    pub credential: u64,
    /// Does an agent act?
    pub is_agent: bool,
}

/// An application that detections know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KnownApp {
    /// Any other.
    #[default]
    Other,
    /// A command line or developer tool of Microsoft's, with rights on Graph.
    CommandLine,
    /// Microsoft Authentication Broker.
    Broker,
    /// The portal page that phishing proxies aim at.
    OfficeHome,
}

/// An application.
#[derive(Clone, Copy, Debug, Default)]
pub struct AppFacts {
    /// By application identifier, or by name where there is none.
    pub app: u64,
    /// One that detections know.
    pub known: KnownApp,
}

/// A resource that detections know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KnownResource {
    /// Any other.
    #[default]
    Other,
    /// Device Registration Service.
    DeviceRegistration,
    /// Microsoft Graph, or the directory's older interface.
    Graph,
    /// Exchange Online.
    Exchange,
}

/// A resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResourceFacts {
    /// By identifier, or by name where there is none.
    pub resource: u64,
    /// One that detections know.
    pub known: KnownResource,
}

/// A client: device, browser, user agent.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeviceFacts {
    /// A registered device, by identifier; 0 for one that the directory does not know.
    pub device: u64,
    /// Managed or compliant.
    pub is_managed: bool,
    /// Operating system and browser without versions.
    pub client: u64,
    /// The whole user agent.
    pub user_agent: u64,
    /// The client application (`Browser`, `IMAP4` …).
    pub client_app: u64,
    /// The tool whose user agent it is; empty for none.
    pub tool: &'static str,
    /// What the device says of itself.
    pub os: OsFamily,
    /// What the user agent says of it.
    pub user_agent_os: OsFamily,
    class: Class,
}

/// A result.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutcomeFacts {
    /// `status/errorCode`.
    pub code: i64,
    class: Class,
}

/// How somebody proved who they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuthenticationFacts {
    /// One factor was enough.
    pub is_single_factor: bool,
    /// A second factor was given now, not by a claim of an earlier one.
    pub has_fresh_mfa: bool,
    /// A second factor was taken from a claim in the token.
    pub has_mfa_claim: bool,
    /// A password was entered now.
    pub has_password: bool,
    /// The second factor was a code of an app or token.
    pub is_passcode: bool,
    /// The client spoke TLS 1.0, TLS 1.1 or 3DES.
    pub has_legacy_tls: bool,
    class: Class,
}

/// What was presented.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenFacts {
    /// `authenticationProtocol`.
    pub protocol: u64,
    /// A refresh token was presented.
    pub has_refresh_token: bool,
    /// A device's primary refresh token was presented.
    pub has_primary_token: bool,
    /// The session is not bound to a device.
    pub is_unbound: bool,
    /// `tokenIssuerName` and type.
    pub issuer: u64,
    class: Class,
}

/// What the source says of risk: none, low, medium, high as 0 to 3.
#[derive(Clone, Copy, Debug, Default)]
pub struct RiskFacts {
    /// Known during the sign-in.
    pub during: u8,
    /// After all its detections.
    pub aggregated: u8,
    /// Somebody or something has settled it.
    pub is_settled: bool,
    class: Class,
}

/// Facts about all entities of a view, by number.
#[derive(Debug, Default)]
pub struct Facts {
    pub(crate) tenants: Vec<u64>,
    pub(crate) actors: Vec<ActorFacts>,
    pub(crate) principals: Vec<PrincipalFacts>,
    pub(crate) apps: Vec<AppFacts>,
    pub(crate) resources: Vec<ResourceFacts>,
    pub(crate) devices: Vec<DeviceFacts>,
    pub(crate) networks: Vec<NetworkFacts>,
    pub(crate) outcomes: Vec<OutcomeFacts>,
    pub(crate) authentications: Vec<AuthenticationFacts>,
    pub(crate) tokens: Vec<TokenFacts>,
    pub(crate) risks: Vec<RiskFacts>,
    lists: Arc<Lists>,
}

impl Facts {
    /// Facts in the light of the administrator's lists.
    pub fn new(lists: Arc<Lists>) -> Facts {
        Facts { lists, ..Facts::default() }
    }

    /// Extends them to all entities of a view. Entities never change, so facts stay.
    pub fn extend(&mut self, view: &View) {
        let lists = self.lists.clone();
        let of = |group| &**view.entities(group);
        extend(&mut self.tenants, of(Group::Source), |e| e.key(FieldId::TenantId));
        extend(&mut self.actors, of(Group::Actor), |e| actor(e, &lists));
        extend(&mut self.principals, of(Group::ServicePrincipal), principal);
        extend(&mut self.apps, of(Group::Application), app);
        extend(&mut self.resources, of(Group::Resource), resource);
        extend(&mut self.devices, of(Group::Device), client::facts);
        extend(&mut self.networks, of(Group::Network), |e| network::facts(e, &lists));
        extend(&mut self.outcomes, of(Group::Outcome), outcome);
        extend(&mut self.authentications, of(Group::Authentication), steps::facts);
        extend(&mut self.tokens, of(Group::Token), token);
        extend(&mut self.risks, of(Group::Risk), risk);
    }
}

impl DeviceFacts {
    pub(crate) fn class(&self) -> Class {
        self.class
    }
}

impl OutcomeFacts {
    pub(crate) fn class(&self) -> Class {
        self.class
    }
}

impl AuthenticationFacts {
    pub(crate) fn class(&self) -> Class {
        self.class
    }
}

impl TokenFacts {
    pub(crate) fn class(&self) -> Class {
        self.class
    }
}

impl RiskFacts {
    pub(crate) fn class(&self) -> Class {
        self.class
    }
}

fn extend<T>(facts: &mut Vec<T>, entities: &EntityTable, mut make: impl FnMut(&Entity<'_>) -> T) {
    for key in facts.len()..entities.len() {
        facts.push(make(&Entity { entities, key: key as u32 }));
    }
}

/// An entity to be looked at.
pub(crate) struct Entity<'a> {
    entities: &'a EntityTable,
    key: u32,
}

impl Entity<'_> {
    pub(crate) fn cell(&self, field: FieldId) -> Cell<'_> {
        self.entities.cell(self.key, field)
    }

    pub(crate) fn text(&self, field: FieldId) -> String {
        self.cell(field).to_string()
    }

    pub(crate) fn key(&self, field: FieldId) -> u64 {
        key_of(&self.text(field))
    }

    /// The key of the first of these that has a value.
    fn key_of_first(&self, fields: &[FieldId]) -> u64 {
        fields.iter().map(|&field| self.key(field)).find(|&key| key != 0).unwrap_or(0)
    }

    pub(crate) fn is_true(&self, field: FieldId) -> bool {
        match self.cell(field) {
            Cell::Bool(value) => value,
            Cell::Text(text) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    fn is(&self, field: FieldId, text: &str) -> bool {
        self.cell(field).as_text().is_some_and(|own| own.eq_ignore_ascii_case(text))
    }
}

fn actor(entity: &Entity<'_>, lists: &Lists) -> ActorFacts {
    let names = [FieldId::UserId, FieldId::UserPrincipalName].map(|field| entity.text(field));
    let on = |list: &crate::lists::Names| names.iter().any(|name| list.contains(name));
    ActorFacts {
        user: entity.key_of_first(&[FieldId::UserId, FieldId::UserPrincipalName]),
        is_guest: entity.is(FieldId::UserType, "guest"),
        is_break_glass: on(&lists.break_glass),
        is_privileged: on(&lists.privileged),
        is_service: on(&lists.service_accounts),
    }
}

fn principal(entity: &Entity<'_>) -> PrincipalFacts {
    let agent = entity.text(FieldId::Agent);
    PrincipalFacts {
        principal: entity
            .key_of_first(&[FieldId::ServicePrincipalId, FieldId::ServicePrincipalName]),
        credential_type: entity.key(FieldId::ClientCredentialType),
        credential: entity.key_of_first(&[
            FieldId::ServicePrincipalCredentialKeyId,
            FieldId::FederatedCredentialId,
            FieldId::ServicePrincipalCredentialThumbprint,
        ]),
        is_agent: is_agent(&agent),
    }
}

/// Does the `agent` of a record say that one acts? People and plain applications have the object
/// too, and say so in it.
fn is_agent(object: &str) -> bool {
    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Agent {
        #[serde(rename = "agentType", alias = "AgentType")]
        kind: Option<String>,
        #[serde(rename = "agentSubjectType", alias = "AgentSubjectType")]
        subject: Option<String>,
    }
    let agent: Agent = serde_json::from_str(object).unwrap_or_default();
    [agent.kind, agent.subject]
        .into_iter()
        .flatten()
        .any(|kind| kind.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("agent")))
}

/// Microsoft's tools that hold rights on Graph: Azure CLI, Azure PowerShell, Azure AD PowerShell,
/// Microsoft Graph Command Line Tools, Visual Studio Code, Visual Studio.
const COMMAND_LINES: [&str; 6] = [
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    "1950a258-227b-4e31-a9cf-717495945fc2",
    "1b730954-1685-4b74-9bfd-dac224a7b894",
    "14d82eec-204b-4c2f-b7e8-296a70dab67e",
    "aebc6443-996d-45c2-90f0-388ff96faa56",
    "872cd9fa-d31f-45e0-9eab-6e460a02d1f1",
];
const BROKER: &str = "29d9ed98-a469-4536-ade2-f981bc1d605e";
const OFFICE_HOME: &str = "4765445b-32c6-49b0-83e6-1d93765276ca";

fn app(entity: &Entity<'_>) -> AppFacts {
    let id = entity.text(FieldId::AppId).to_ascii_lowercase();
    AppFacts {
        app: entity.key_of_first(&[FieldId::AppId, FieldId::AppDisplayName]),
        known: match id.as_str() {
            BROKER => KnownApp::Broker,
            OFFICE_HOME => KnownApp::OfficeHome,
            id if COMMAND_LINES.contains(&id) => KnownApp::CommandLine,
            _ => KnownApp::Other,
        },
    }
}

const DEVICE_REGISTRATION: &str = "01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9";
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
const DIRECTORY_GRAPH: &str = "00000002-0000-0000-c000-000000000000";
const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";

fn resource(entity: &Entity<'_>) -> ResourceFacts {
    let id = entity.text(FieldId::ResourceId).to_ascii_lowercase();
    ResourceFacts {
        resource: entity.key_of_first(&[FieldId::ResourceId, FieldId::ResourceDisplayName]),
        known: match id.as_str() {
            DEVICE_REGISTRATION => KnownResource::DeviceRegistration,
            GRAPH | DIRECTORY_GRAPH => KnownResource::Graph,
            EXCHANGE => KnownResource::Exchange,
            _ => KnownResource::Other,
        },
    }
}

fn outcome(entity: &Entity<'_>) -> OutcomeFacts {
    let code = entity.cell(FieldId::ErrorCode).as_int().unwrap_or(0);
    let mut class = class::of_code(code);
    let status = durward_model::errors::status_of(Some(code));
    class.add_if(Class::FAILED, status == durward_model::errors::Status::Failure);
    class.add_if(Class::INTERRUPTED, status == durward_model::errors::Status::Interrupted);
    let details = entity.text(FieldId::AdditionalDetails);
    class.add_if(Class::USER_DENIED, steps::says_denied(&details));
    OutcomeFacts { code, class }
}

fn token(entity: &Entity<'_>) -> TokenFacts {
    let protocol = entity.text(FieldId::AuthenticationProtocol);
    let transfer = entity.text(FieldId::OriginalTransferMethod).to_ascii_lowercase();
    let incoming = entity.text(FieldId::IncomingTokenType).to_ascii_lowercase();
    let has_device_code = protocol.eq_ignore_ascii_case("deviceCode")
        || transfer.replace(' ', "").contains("devicecode");
    let mut class = Class::NONE;
    class.add_if(Class::DEVICE_CODE, has_device_code);
    class.add_if(Class::ROPC, protocol.eq_ignore_ascii_case("ropc"));
    TokenFacts {
        protocol: key_of(&protocol),
        has_refresh_token: incoming.split(',').any(|one| one.trim() == "refreshtoken"),
        has_primary_token: incoming.contains("primaryrefreshtoken"),
        is_unbound: [FieldId::TokenProtectionStatus, FieldId::SignInTokenProtectionStatus]
            .iter()
            .any(|&field| entity.is(field, "unbound")),
        issuer: entity.key_of_first(&[FieldId::TokenIssuerName, FieldId::TokenIssuerType]),
        class,
    }
}

fn risk(entity: &Entity<'_>) -> RiskFacts {
    let level = |field| match entity.text(field).to_ascii_lowercase().as_str() {
        "low" => 1,
        "medium" => 2,
        "high" => 3,
        _ => 0,
    };
    let state = entity.text(FieldId::RiskState).to_ascii_lowercase();
    let is_settled = matches!(state.as_str(), "remediated" | "dismissed" | "confirmedsafe");
    let (during, aggregated) =
        (level(FieldId::RiskLevelDuringSignIn), level(FieldId::RiskLevelAggregated));
    let mut class = Class::NONE;
    class.add_if(
        Class::SOURCE_RISK,
        !is_settled && (during > 0 || aggregated > 0 || state == "atrisk"),
    );
    RiskFacts { during, aggregated, is_settled, class }
}
