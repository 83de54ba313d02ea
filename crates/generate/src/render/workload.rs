//! Records of service principals and managed identities.

use super::{Envelope, Job, Shape, log_of, write_created, write_location, write_status};
use crate::apps::Resource;
use crate::dice::{Dice, Guid, Topic};
use crate::json::Object;
use crate::moment::Moment;
use crate::plan::{Planned, flag};
use crate::tenant::Tenant;
use crate::workloads::{Credential, Identity, Principal};

/// Which of the two.
#[derive(Clone, Copy)]
pub(crate) enum Workload<'t> {
    Principal(&'t Principal),
    Identity(&'t Identity),
}

/// Everything such a record shows.
pub(crate) struct Scene<'t> {
    tenant: &'t Tenant,
    item: &'t Planned,
    workload: Workload<'t>,
    resource: &'t Resource,
    address: String,
    id: Guid,
    correlation: Guid,
    shape: Shape,
}

impl<'t> Scene<'t> {
    pub(crate) fn new(
        tenant: &'t Tenant,
        job: Job<'t>,
        workload: Workload<'t>,
        id: Guid,
        shape: Shape,
    ) -> Scene<'t> {
        let item = job.item;
        let mut address = Vec::with_capacity(16);
        item.origin.write_address(&mut address);
        Scene {
            tenant,
            item,
            workload,
            resource: &tenant.resources[usize::from(item.resource)],
            address: String::from_utf8(address).unwrap_or_default(),
            id,
            correlation: Dice::new(tenant.seed, Topic::Correlation, item.correlation, 0).guid(),
            shape,
        }
    }

    pub(crate) fn envelope(&self) -> Envelope<'t> {
        let (address, identity, country) = match self.workload {
            Workload::Principal(principal) => (
                Some(self.address.clone()),
                Some(principal.name.as_str()),
                Some(self.item.origin.city().country),
            ),
            Workload::Identity(_) => (None, None, None),
        };
        let failed = self.item.outcome.meaning().code != 0;
        Envelope {
            signature: if failed { "FAILURE" } else { "SUCCESS" },
            address,
            correlation: self.correlation,
            identity,
            country,
        }
    }

    fn graph(&self) -> bool {
        self.shape == Shape::GraphBeta
    }

    /// All members after `id`.
    pub(crate) fn write(&self, object: &mut Object<'_>) {
        write_created(object, Moment(self.item.at), self.shape);
        if self.graph() {
            for key in ["userDisplayName", "userPrincipalName"] {
                object.raw(key, "null");
            }
            object.text("userId", "");
        } else {
            object.raw("userId", "null");
        }
        object.raw("agent", r#"{"agentType":"notAgentic","parentAppId":""}"#);
        self.workload(object);
        object.text("ipAddress", &self.address);
        write_status(object, self.item, "", self.shape);
        write_location(object, self.item, self.shape);
        object.guid("correlationId", self.correlation);
        object.text("conditionalAccessStatus", "notApplied");
        object.raw("appliedConditionalAccessPolicies", "[]");
        object.bool("isInteractive", false);
        if self.graph() {
            object.key("signInEventTypes").extend_from_slice(b"[\"");
            object.out.extend_from_slice(log_of(self.item).event_type().as_bytes());
            object.out.extend_from_slice(b"\"]");
            object.text("resourceTenantId", &self.tenant.id_text);
        }
        object.text("tokenIssuerType", "AzureAD");
        object.raw("networkLocationDetails", "[]");
        object.int("processingTimeInMilliseconds", 0);
        for key in ["riskDetail", "riskLevelAggregated", "riskLevelDuringSignIn", "riskState"] {
            object.text(key, "none");
        }
        object.text("resourceDisplayName", &self.resource.name);
        object.guid("resourceId", self.resource.id);
        object.guid("resourceServicePrincipalId", self.resource.principal);
        object.guid("resourceOwnerTenantId", self.resource.owner_tenant);
        object.text("appOwnerTenantId", &self.tenant.id_text);
        self.token(object);
    }

    fn workload(&self, object: &mut Object<'_>) {
        match self.workload {
            Workload::Principal(principal) => {
                object.guid("appId", principal.app);
                object.text("servicePrincipalName", &principal.name);
                object.guid("servicePrincipalId", principal.id);
                self.credential(principal, object);
                if self.graph() {
                    object.text("clientAppUsed", "Unknown");
                }
                let out = object.key("authenticationProcessingDetails");
                out.extend_from_slice(
                    br#"[{"key":"Azure AD App Authentication Library","value":""#,
                );
                out.extend_from_slice(principal.library.as_bytes());
                out.extend_from_slice(b"\"}]");
                object.int("autonomousSystemNumber", self.item.origin.autonomous_system());
            }
            Workload::Identity(identity) => {
                object.guid("appId", identity.app);
                object.text("servicePrincipalName", &identity.name);
                object.guid("servicePrincipalId", identity.id);
                object.text("clientCredentialType", "managedIdentity");
                object.object("managedServiceIdentity", |detail| {
                    let assigned = identity.user_assigned;
                    detail
                        .text("msiType", if assigned { "userAssigned" } else { "systemAssigned" });
                    detail.text("associatedResourceId", &identity.resource_path);
                    detail.text("federatedTokenId", "");
                    detail.text("federatedTokenIssuer", "");
                });
                object.raw("authenticationProcessingDetails", "[]");
            }
        }
    }

    fn credential(&self, principal: &Principal, object: &mut Object<'_>) {
        const KEY: &str = "servicePrincipalCredentialKeyId";
        if self.item.flags & flag::STOLEN_CREDENTIAL != 0 {
            let key = Dice::new(self.tenant.seed, Topic::Session, self.item.session, 2).guid();
            object.text("clientCredentialType", "clientSecret");
            object.guid(KEY, key);
            object.text("userAgent", "python-requests/2.32.3");
            return;
        }
        object.text(
            "clientCredentialType",
            match principal.credential {
                Credential::Secret => "clientSecret",
                Credential::Certificate => "certificate",
                Credential::Federated => "federatedIdentityCredential",
            },
        );
        if principal.credential == Credential::Federated {
            object.guid("federatedCredentialId", principal.key);
        } else {
            object.guid(KEY, principal.key);
        }
        if !principal.thumbprint.is_empty() {
            let thumbprint = &principal.thumbprint;
            object.text("servicePrincipalCredentialThumbprint", thumbprint);
        }
        if !principal.user_agent.is_empty() {
            object.text("userAgent", principal.user_agent);
        }
    }

    fn token(&self, object: &mut Object<'_>) {
        object.bool("flaggedForReview", false);
        object.bool("isTenantRestricted", false);
        object.text("crossTenantAccessType", "none");
        let out = object.key("uniqueTokenIdentifier");
        out.push(b'"');
        self.id.write_token(out);
        out.push(b'"');
        for key in [
            "incomingTokenType",
            "authenticationProtocol",
            "signInTokenProtectionStatus",
            "originalTransferMethod",
        ] {
            object.text(key, "none");
        }
        object.bool("isThroughGlobalSecureAccess", false);
        let audiences = object.key("conditionalAccessAudiences");
        audiences.extend_from_slice(b"[\"");
        self.resource.id.write(audiences);
        audiences.extend_from_slice(b"\"]");
        match self.item.session {
            0 => object.text("sessionId", ""),
            session => {
                object.guid(
                    "sessionId",
                    Dice::new(self.tenant.seed, Topic::Session, session, 1).guid(),
                );
            }
        }
        if !self.graph() {
            object.raw("appServicePrincipalId", "null");
        }
    }
}
