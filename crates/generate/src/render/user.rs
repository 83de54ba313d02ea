//! Records of people: the two user logs.

use super::access::Evaluated;
use super::{Envelope, Job, Shape, log_of, steps, write_created, write_location, write_status};
use crate::apps::{App, AppKind, Resource, app};
use crate::devices::{self, Client, Device};
use crate::dice::{Dice, Guid, Topic};
use crate::json::Object;
use crate::moment::Moment;
use crate::people::{Factor, Person, PersonKind};
use crate::plan::{Actor, Machine, Planned, Steps, device_of, flag};
use crate::policies::{Risk, Where};
use crate::tenant::Tenant;

/// `authenticationRequirementPolicies` where Conditional Access asked for the second factor.
const BY_POLICIES: &str = concat!(
    r#"[{"requirementProvider":"multiConditionalAccess","#,
    r#""detail":"Conditional Access"}]"#
);
/// `sessionLifetimePolicies` where the sign-in frequency is limited.
const BY_FREQUENCY: &str = concat!(
    r#"[{"expirationRequirement":"signInFrequencyPeriodicReauthentication","#,
    r#""detail":"Sign-in frequency (periodic re-authentication)"}]"#
);

/// Everything a record of a person shows.
pub(crate) struct Scene<'t> {
    tenant: &'t Tenant,
    item: &'t Planned,
    person: &'t Person,
    app: &'t App,
    resource: &'t Resource,
    device: Option<&'t Device>,
    client: Client,
    client_app: &'static str,
    address: String,
    id: Guid,
    correlation: Guid,
    evaluated: &'t Evaluated,
    interactive: bool,
    requires_mfa: bool,
    shape: Shape,
    revised: bool,
    processing_ms: i64,
}

impl<'t> Scene<'t> {
    pub(crate) fn new(
        tenant: &'t Tenant,
        job: Job<'t>,
        number: u32,
        id: Guid,
        shape: Shape,
        evaluated: &'t Evaluated,
    ) -> Scene<'t> {
        let item = job.item;
        let person = &tenant.people[number as usize];
        let app = &tenant.apps[usize::from(item.app)];
        let device = device_of(tenant, Actor::Person(number), item.machine);
        let (client, client_app) = client(item, app, device, number);
        let mut address = Vec::with_capacity(24);
        item.origin.write_address(&mut address);
        let stepped = matches!(item.steps, Steps::PasswordMfa | Steps::Pending | Steps::Refused);
        Scene {
            tenant,
            item,
            person,
            app,
            resource: &tenant.resources[usize::from(item.resource)],
            device,
            client,
            client_app,
            address: String::from_utf8(address).unwrap_or_default(),
            id,
            correlation: Dice::new(tenant.seed, Topic::Correlation, item.correlation, 0).guid(),
            evaluated,
            interactive: item.flags & flag::INTERACTIVE != 0,
            requires_mfa: evaluated.demands.mfa || stepped || item.steps == Steps::Hello,
            shape,
            revised: job.revised,
            processing_ms: 40 + (item.nonce >> 8) as i64 % 260,
        }
    }

    pub(crate) fn envelope(&self) -> Envelope<'t> {
        Envelope {
            signature: "None",
            address: Some(self.address.clone()),
            correlation: self.correlation,
            identity: Some(&self.person.display_name),
            country: Some(self.item.origin.city().country),
        }
    }

    fn graph(&self) -> bool {
        self.shape == Shape::GraphBeta
    }

    /// All members after `id`.
    pub(crate) fn write(&self, object: &mut Object<'_>) {
        self.who_and_how(object);
        self.where_from(object);
        self.verdict(object);
        self.what(object);
        self.authentication(object);
        self.token(object);
        if self.graph() {
            self.only_in_graph(object);
        } else {
            self.only_in_diagnostics(object);
        }
    }

    fn who_and_how(&self, object: &mut Object<'_>) {
        write_created(object, Moment(self.item.at), self.shape);
        object.text("userDisplayName", &self.person.display_name);
        object.text("userPrincipalName", &self.person.principal_name);
        match self.person.kind {
            PersonKind::Phantom => object.text("userId", ""),
            _ => object.guid("userId", self.person.id),
        };
        object.guid("appId", self.app.id);
        object.text("appDisplayName", &self.app.name);
        object.text("ipAddress", &self.address);
        let more = match self.item.steps {
            Steps::PasswordMfa => "MFA completed in Azure AD",
            Steps::Claim if self.requires_mfa => "MFA requirement satisfied by claim in the token",
            _ => "",
        };
        write_status(object, self.item, more, self.shape);
        object.text("clientAppUsed", self.client_app);
        object.text("userAgent", &self.client.user_agent);
    }

    fn where_from(&self, object: &mut Object<'_>) {
        let known = self.device.filter(|device| device.is_known());
        let graph = self.graph();
        object.object("deviceDetail", |detail| {
            match known {
                Some(device) => {
                    detail.guid("deviceId", device.id);
                    detail.text("displayName", &device.name());
                }
                None => {
                    detail.text("deviceId", "");
                    if graph {
                        detail.raw("displayName", "null");
                    }
                }
            }
            detail.text("operatingSystem", self.client.operating_system);
            detail.text("browser", &self.client.browser);
            match known {
                Some(device) => {
                    detail.bool("isCompliant", device.compliant);
                    detail.bool("isManaged", device.managed);
                    detail.text("trustType", device.join.text());
                }
                None if graph => {
                    for key in ["isCompliant", "isManaged", "trustType"] {
                        detail.raw(key, "null");
                    }
                }
                None => {}
            }
        });
        write_location(object, self.item, self.shape);
        let networks = object.key("networkLocationDetails");
        let (kind, name) = match self.tenant.place(self.item.origin) {
            Where::Trusted => {
                ("trustedNamedLocation", format!("Office {}", self.item.origin.city().name))
            }
            Where::Usual => ("namedNetwork", "Countries we work in".to_owned()),
            Where::BlockedCountry => ("namedNetwork", "Blocked countries".to_owned()),
            Where::Elsewhere => return networks.extend_from_slice(b"[]"),
        };
        networks.push(b'[');
        let mut network = Object::open(networks);
        network.text("networkType", kind);
        network.key("networkNames").push(b'[');
        crate::json::write_text(network.out, &name);
        network.out.push(b']');
        network.close();
        networks.push(b']');
    }

    fn verdict(&self, object: &mut Object<'_>) {
        object.guid("correlationId", self.correlation);
        object.text("conditionalAccessStatus", self.evaluated.status);
        object.key("appliedConditionalAccessPolicies").extend_from_slice(&self.evaluated.json);
        object.raw("authenticationContextClassReferences", "[]");
        let (at, nonce) = self.item.original;
        let original = Planned { at, nonce, ..*self.item };
        let own = self.item.original == self.item.order();
        let original = if own { self.id } else { original.id(self.tenant.seed) };
        object.guid("originalRequestId", original);
        object.bool("isInteractive", self.interactive);
        object.key("signInEventTypes").extend_from_slice(b"[\"");
        object.out.extend_from_slice(log_of(self.item).event_type().as_bytes());
        object.out.extend_from_slice(b"\"]");
        object.text("tokenIssuerName", "");
        object.text("tokenIssuerType", "AzureAD");
        object.int("processingTimeInMilliseconds", self.processing_ms);
        self.risk(object);
    }

    fn risk(&self, object: &mut Object<'_>) {
        let word = |risk| match risk {
            Risk::None => "none",
            Risk::Low => "low",
            Risk::Medium => "medium",
            Risk::High => "high",
        };
        let (aggregated, kind) = self.item.suspicion.aggregated();
        let settled = self.revised && kind.is_some();
        let (state, detail) = match (kind, settled) {
            (None, _) => ("none", "none"),
            (Some(_), false) => ("atRisk", "none"),
            (Some(_), true) => ("remediated", "userPassedMFADrivenByRiskBasedPolicy"),
        };
        object.text("riskDetail", detail);
        object.text("riskLevelAggregated", word(aggregated));
        object.text("riskLevelDuringSignIn", word(self.item.suspicion.during()));
        object.text("riskState", state);
        for key in ["riskEventTypes", "riskEventTypes_v2"] {
            if self.graph() && key == "riskEventTypes" {
                continue;
            }
            match kind {
                None => object.raw(key, "[]"),
                Some(kind) => object.raw(key, &format!("[\"{kind}\"]")),
            }
        }
    }

    fn what(&self, object: &mut Object<'_>) {
        object.text("resourceDisplayName", &self.resource.name);
        object.guid("resourceId", self.resource.id);
        object.text("resourceTenantId", &self.tenant.id_text);
        object.guid("homeTenantId", self.person.home_tenant);
        object.guid("resourceServicePrincipalId", self.resource.principal);
        object.guid("appOwnerTenantId", self.app.owner_tenant);
        object.guid("resourceOwnerTenantId", self.resource.owner_tenant);
        let audiences = object.key("conditionalAccessAudiences");
        let (open, close) = if self.shape == Shape::GraphBeta {
            ("[\"", "\"]")
        } else {
            ("[{\"applicationId\":\"", "\",\"audienceReasons\":\"none\"}]")
        };
        audiences.extend_from_slice(open.as_bytes());
        self.resource.id.write(audiences);
        audiences.extend_from_slice(close.as_bytes());
        let guest = self.person.kind == PersonKind::Guest;
        object.text("crossTenantAccessType", if guest { "b2bCollaboration" } else { "none" });
        object.text(
            "userType",
            match (guest, self.graph()) {
                (true, true) => "guest",
                (true, false) => "Guest",
                (false, true) => "member",
                (false, false) => "Member",
            },
        );
        object.int("autonomousSystemNumber", self.item.origin.autonomous_system());
    }

    fn authentication(&self, object: &mut Object<'_>) {
        let (item, factor) = (self.item, self.person.factor);
        if item.steps == Steps::PasswordMfa {
            object.object("mfaDetail", |detail| {
                detail.text("authMethod", steps::method(factor));
                if factor == Factor::Text {
                    let tail = self.person.id.0[15] % 100;
                    detail.text("authDetail", &format!("+XX XXXXXXX{tail:02}"));
                }
            });
        }
        steps::write(object, item.steps, factor, Moment(item.at), self.revised, self.shape);
        let asked = self.requires_mfa;
        let policies = if self.evaluated.demands.mfa { BY_POLICIES } else { "[]" };
        object.raw("authenticationRequirementPolicies", policies);
        let lifetimes = if self.evaluated.demands.frequency { BY_FREQUENCY } else { "[]" };
        object.raw("sessionLifetimePolicies", lifetimes);
        let requirement =
            if asked { "multiFactorAuthentication" } else { "singleFactorAuthentication" };
        object.text("authenticationRequirement", requirement);
        self.processing(object);
    }

    fn processing(&self, object: &mut Object<'_>) {
        let out = object.key("authenticationProcessingDetails");
        out.push(b'[');
        if self.interactive {
            out.extend_from_slice(br#"{"key":"Login Hint Present","value":"True"},"#);
        }
        out.extend_from_slice(br#"{"key":"Legacy TLS (TLS 1.0, 1.1, 3DES)","value":"False"},"#);
        out.extend_from_slice(br#"{"key":"Oauth Scope Info","value":""#);
        out.extend_from_slice(self.resource.scopes.as_bytes());
        let cae = if self.item.flags & flag::CAE != 0 { "True" } else { "False" };
        out.extend_from_slice(br#""},{"key":"Is CAE Token","value":""#);
        out.extend_from_slice(cae.as_bytes());
        out.extend_from_slice(b"\"}]");
    }

    fn token(&self, object: &mut Object<'_>) {
        let flags = self.item.flags;
        let primary = flags & flag::PRIMARY_TOKEN != 0;
        let incoming = match (self.interactive, primary) {
            (true, _) => "none",
            (false, true) => "primaryRefreshToken",
            (false, false) => "refreshToken",
        };
        object.text("incomingTokenType", incoming);
        let protocol = match flags {
            f if f & flag::DEVICE_CODE != 0 => "deviceCode",
            f if f & flag::ROPC != 0 => "ropc",
            _ => "none",
        };
        object.text("authenticationProtocol", protocol);
        let transfer = if flags & flag::FROM_DEVICE_CODE != 0 { "deviceCodeFlow" } else { "none" };
        object.text("originalTransferMethod", transfer);
        let (state, code) = match (primary, self.device.is_some_and(Device::is_known)) {
            (true, _) => ("bound", None),
            (false, true) => ("unbound", Some(1008)),
            (false, false) => ("unbound", Some(1002)),
        };
        object.text("signInTokenProtectionStatus", if primary { "bound" } else { "none" });
        object.object("tokenProtectionStatusDetails", |detail| {
            detail.text("signInSessionStatus", state);
            if let Some(code) = code {
                detail.int("signInSessionStatusCode", code);
            }
        });
        object.text("clientCredentialType", "none");
        let out = object.key("uniqueTokenIdentifier");
        out.push(b'"');
        self.id.write_token(out);
        out.push(b'"');
        match self.item.session {
            0 => object.text("sessionId", ""),
            session => {
                object.guid(
                    "sessionId",
                    Dice::new(self.tenant.seed, Topic::Session, session, 1).guid(),
                );
            }
        }
        if self.interactive || self.graph() {
            object.bool("flaggedForReview", flags & flag::FLAGGED != 0);
            object.text("globalSecureAccessIpAddress", "");
            object.raw("privateLinkDetails", "{}");
            object.text("servicePrincipalId", "");
            object.text("signInIdentifier", &self.person.principal_name);
        }
        object.bool("isTenantRestricted", false);
        object.bool("isThroughGlobalSecureAccess", false);
    }

    fn only_in_diagnostics(&self, object: &mut Object<'_>) {
        if self.interactive {
            object.text("alternateSignInName", &self.person.principal_name);
            object.text("tenantId", &self.tenant.id_text);
            object.text("ssoExtensionVersion", "");
            object.raw("authenticationStrengths", "[]");
            object.raw("appServicePrincipalId", "null");
            object.int("rngcStatus", 0);
        }
    }

    fn only_in_graph(&self, object: &mut Object<'_>) {
        object.raw("servicePrincipalName", "null");
        object.text("signInIdentifierType", "userPrincipalName");
        object.raw("authenticationMethodsUsed", "[]");
        object.raw("agent", r#"{"agentType":"notAgentic","parentAppId":null}"#);
        for key in ["appliedEventListeners", "authenticationAppPolicyEvaluationDetails"] {
            object.raw(key, "[]");
        }
        for key in [
            "appTokenProtectionStatus",
            "authenticationAppDeviceDetails",
            "azureResourceId",
            "clientSessionId",
            "federatedCredentialId",
            "homeTenantName",
            "ipAddressFromResourceProvider",
            "managedServiceIdentity",
            "servicePrincipalCredentialKeyId",
            "servicePrincipalCredentialThumbprint",
        ] {
            object.raw(key, "null");
        }
        if self.item.steps != Steps::PasswordMfa {
            object.raw("mfaDetail", "null");
        }
    }
}

/// What the client says of itself, and Entra's name for that kind of client.
fn client(
    item: &Planned,
    app: &App,
    device: Option<&Device>,
    number: u32,
) -> (Client, &'static str) {
    const PROGRAM: &str = "Mobile Apps and Desktop clients";
    let day = Moment(item.at).day();
    let bare = |user_agent: &str| Client {
        operating_system: "",
        browser: String::new(),
        user_agent: user_agent.to_owned(),
    };
    match (item.machine, device) {
        (Machine::Mail, _) => {
            let protocol = if number.is_multiple_of(2) { "IMAP4" } else { "Authenticated SMTP" };
            (bare("BAV2ROPC"), protocol)
        }
        (Machine::Own(_), Some(device)) if app.kind != AppKind::Web => {
            let program = devices::in_program(device, day);
            (program, if item.app == app::WINDOWS { "" } else { PROGRAM })
        }
        (Machine::Own(_) | Machine::Stranger, Some(device)) => {
            (devices::in_browser(device, day), "Browser")
        }
        _ => (bare("python-requests/2.32.3"), PROGRAM),
    }
}
