//! A sign-in as detections see it.

use std::borrow::Cow;

use durward_model::field::{Group, Log};
use durward_model::{Cell, FieldId, Id};
use durward_store::View;

use crate::class::Class;
use crate::facts::{
    ActorFacts, AppFacts, AuthenticationFacts, DeviceFacts, Facts, NetworkFacts, OutcomeFacts,
    PrincipalFacts, ResourceFacts, RiskFacts, TokenFacts, key_within,
};

/// How many groups a row refers to that detections look at; Conditional Access is not one.
pub(crate) const GROUPS: [Group; 11] = [
    Group::Source,
    Group::Actor,
    Group::ServicePrincipal,
    Group::Application,
    Group::Resource,
    Group::Device,
    Group::Network,
    Group::Outcome,
    Group::Authentication,
    Group::Token,
    Group::Risk,
];

/// A row, copied out of its chunk. In the order of time, then identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) at_micros: i64,
    pub(crate) id: Id,
    pub(crate) log: Log,
    pub(crate) correlation: Id,
    pub(crate) session: u64,
    pub(crate) keys: [u32; GROUPS.len()],
}

/// A sign-in, with what is known of everything it refers to.
#[derive(Clone, Copy)]
pub struct Sighting<'a> {
    /// When, µs since 1970.
    pub at_micros: i64,
    /// Its request identifier.
    pub id: Id,
    /// The attempt it belongs to.
    pub correlation: Id,
    /// The session, within its tenant; 0 for none.
    pub session: u64,
    /// The log it is in.
    pub log: Log,
    /// What it is.
    pub class: Class,
    /// The tenant.
    pub tenant: u64,
    /// The user within the tenant; 0 for none.
    pub user: u64,
    /// The workload within the tenant; 0 for none.
    pub principal: u64,
    /// The address as seen in this tenant; 0 for none.
    pub address: u64,
    /// The user.
    pub actor: &'a ActorFacts,
    /// The workload.
    pub workload: &'a PrincipalFacts,
    /// The application.
    pub app: &'a AppFacts,
    /// The resource.
    pub resource: &'a ResourceFacts,
    /// The client.
    pub device: &'a DeviceFacts,
    /// The address and its place.
    pub network: &'a NetworkFacts,
    /// The result.
    pub outcome: &'a OutcomeFacts,
    /// The steps.
    pub authentication: &'a AuthenticationFacts,
    /// What was presented.
    pub token: &'a TokenFacts,
    /// What the source says of risk.
    pub risk: &'a RiskFacts,
    view: &'a View,
    keys: &'a [u32; GROUPS.len()],
}

impl std::fmt::Debug for Sighting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sighting").field("id", &self.id).finish_non_exhaustive()
    }
}

impl<'a> Sighting<'a> {
    pub(crate) fn new(row: &'a Row, facts: &'a Facts, view: &'a View) -> Sighting<'a> {
        let [source, actor, principal, app, resource, device, network, outcome, steps, token, risk] =
            row.keys.map(|key| key as usize);
        let tenant = facts.tenants[source];
        let (actor, workload) = (&facts.actors[actor], &facts.principals[principal]);
        let (device, network) = (&facts.devices[device], &facts.networks[network]);
        let (outcome, token) = (&facts.outcomes[outcome], &facts.tokens[token]);
        let (authentication, risk) = (&facts.authentications[steps], &facts.risks[risk]);
        let mut class = outcome
            .class()
            .and(device.class())
            .and(network.class())
            .and(authentication.class())
            .and(token.class())
            .and(risk.class());
        match row.log {
            Log::InteractiveUser => class = class.and(Class::USER).and(Class::INTERACTIVE),
            Log::NonInteractiveUser => class = class.and(Class::USER),
            Log::ServicePrincipal => class = class.and(Class::PRINCIPAL),
            _ => class = class.and(Class::IDENTITY),
        }
        class.add_if(Class::AGENT, workload.is_agent);
        Sighting {
            at_micros: row.at_micros,
            id: row.id,
            correlation: row.correlation,
            session: key_within(row.session, tenant),
            log: row.log,
            class,
            tenant,
            user: key_within(actor.user, tenant),
            principal: key_within(workload.principal, tenant),
            address: key_within(network.address, tenant),
            actor,
            workload,
            app: &facts.apps[app],
            resource: &facts.resources[resource],
            device,
            network,
            outcome,
            authentication,
            token,
            risk,
            view,
            keys: &row.keys,
        }
    }

    /// Is any of these true of it?
    pub fn is(&self, class: Class) -> bool {
        self.class.any(class)
    }

    /// A person's sign-in that succeeded?
    pub fn is_user_success(&self) -> bool {
        self.class.all(Class::SUCCESS.and(Class::USER))
    }

    /// A field of an entity; null for fields of the row itself.
    pub fn cell(&self, field: FieldId) -> Cell<'a> {
        let Some(group) = field.group() else { return Cell::Null };
        let Some(index) = GROUPS.iter().position(|own| *own == group) else { return Cell::Null };
        self.view.entities(group).cell(self.keys[index], field)
    }

    /// A field as text; empty for none.
    pub fn text(&self, field: FieldId) -> Cow<'a, str> {
        match self.cell(field) {
            Cell::Text(text) => text,
            other => Cow::Owned(other.to_string()),
        }
    }

    /// City and country, or what of them is known.
    pub fn place(&self) -> String {
        let parts = [self.text(FieldId::City), self.text(FieldId::CountryOrRegion)];
        let known: Vec<&str> = parts.iter().map(|part| &**part).filter(|p| !p.is_empty()).collect();
        if known.is_empty() { "an unknown place".to_owned() } else { known.join(", ") }
    }

    /// The user's principal name, or what else names them.
    pub fn user_name(&self) -> String {
        self.first_of([FieldId::UserPrincipalName, FieldId::UserDisplayName, FieldId::UserId])
    }

    /// The workload's name.
    pub fn principal_name(&self) -> String {
        self.first_of([
            FieldId::ServicePrincipalName,
            FieldId::AppDisplayName,
            FieldId::ServicePrincipalId,
        ])
    }

    /// The application's name.
    pub fn app_name(&self) -> String {
        self.first_of([FieldId::AppDisplayName, FieldId::AppId, FieldId::AppId])
    }

    /// The address as text.
    pub fn address_text(&self) -> String {
        self.text(FieldId::IpAddress).into_owned()
    }

    fn first_of(&self, fields: [FieldId; 3]) -> String {
        let texts = fields.into_iter().map(|field| self.text(field));
        texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default().into_owned()
    }
}
