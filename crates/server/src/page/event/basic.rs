//! Basic info, and the device.

use durward_model::Timestamp;
use durward_model::errors::Status;
use maud::{Markup, html};

use super::facts::Facts;
use super::fields::{self, Grid};
use super::story::{self, Tone};
use super::{Shown, related, verdict};

/// Fields of Basic info by group.
const RESULT: &[&str] = &["createdDateTime", "status", "status/errorCode"];
/// What only sign-ins have that did not succeed.
const REASON: &[&str] = &["errorName", "status/failureReason"];
const DETAILS: &[&str] = &["status/additionalDetails"];
const RESULT_MORE: &[&str] =
    &["authenticationRequirement", "conditionalAccessStatus", "flaggedForReview"];
const WHO: &[&str] = &[
    "userDisplayName",
    "userPrincipalName",
    "userId",
    "signInIdentifier",
    "userType",
    "servicePrincipalName",
    "servicePrincipalId",
    "servicePrincipalCredentialKeyId",
    "servicePrincipalCredentialThumbprint",
    "managedServiceIdentity/msiType",
    "managedServiceIdentity/associatedResourceId",
];
const WHO_ELSE: &[&str] = &["signInIdentifierType", "agent/agentType"];
const HOW: &[&str] = &[
    "clientAppUsed",
    "clientCredentialType",
    "authenticationProtocol",
    "originalTransferMethod",
    "incomingTokenType",
    "tokenIssuerType",
    "tokenIssuerName",
    "userAgent",
    "processingTimeInMilliseconds",
];
const WHAT: &[&str] = &[
    "appDisplayName",
    "appId",
    "resourceDisplayName",
    "resourceId",
    "resourceTenantId",
    "resourceServicePrincipalId",
    "homeTenantId",
    "homeTenantName",
    "crossTenantAccessType",
];
const IDENTIFIERS: &[&str] =
    &["id", "correlationId", "sessionId", "uniqueTokenIdentifier", "originalRequestId", "tenantId"];
const RISK: &[&str] = &[
    "riskState",
    "riskLevelAggregated",
    "riskLevelDuringSignIn",
    "riskDetail",
    "riskEventTypes_v2",
];
const RECORD: &[&str] = &["log", "category", "publishedDateTime", "receivedDateTime"];
const DEVICE: &[&str] = &[
    "deviceDetail/deviceId",
    "deviceDetail/displayName",
    "deviceDetail/browser",
    "deviceDetail/operatingSystem",
    "deviceDetail/isCompliant",
    "deviceDetail/isManaged",
    "deviceDetail/trustType",
    "deviceDetail/browserId",
    "clientAppUsed",
    "userAgent",
    "authenticationAppDeviceDetails",
];
/// Shown on the tab Location.
pub(super) const PLACE: &[&str] = &[
    "location/city",
    "location/state",
    "location/countryOrRegion",
    "ipAddress",
    "ipAddressFromResourceProvider",
    "autonomousSystemNumber",
    "globalSecureAccessIpAddress",
    "isThroughGlobalSecureAccess",
    "isTenantRestricted",
    "location/geoCoordinates/latitude",
    "location/geoCoordinates/longitude",
];

/// Is a field on one of the tabs of fields?
pub(super) fn has(name: &str) -> bool {
    let basic = [RESULT, REASON, DETAILS, RESULT_MORE, WHO, WHO_ELSE, HOW, WHAT];
    let others = [IDENTIFIERS, RISK, RECORD, DEVICE, PLACE];
    basic.iter().chain(&others).any(|names| names.contains(&name))
}

pub(super) fn tab(shown: Shown<'_>) -> Markup {
    let facts = &shown.pane.facts;
    if !shown.pane.event.row().log.is_sign_in() {
        let fields = ["createdDateTime", "id", "correlationId", "category", "tenantId"];
        return Grid::new(shown).fields(&fields).render("");
    }
    let evaluation = facts
        .list("authenticationProcessingDetails")
        .iter()
        .find(|item| item["key"].as_str() == Some("Is CAE Token"));
    let evaluation = evaluation.map(|item| match item["value"].as_str() {
        Some("True") => html! { "Yes" },
        _ => html! { "No" },
    });
    html! {
        (Grid::new(shown)
            .fields(RESULT)
            .fields(if facts.status == Status::Success { &[] } else { REASON })
            .present(DETAILS)
            .row_if("Continuous access evaluation", evaluation)
            .fields(RESULT_MORE)
            .render(""))
        (Grid::new(shown).fields(WHO).present(WHO_ELSE).render("Who"))
        (Grid::new(shown).fields(HOW).render("How"))
        (Grid::new(shown).fields(WHAT).render("What"))
        h3 { "This attempt" }
        (moments(facts, shown.pane.event.row().created))
        (related::usual_placeholder(shown))
        (Grid::new(shown).fields(IDENTIFIERS).render("Identifiers"))
        (Grid::new(shown).fields(RISK).render("Risk"))
        (Grid::new(shown).fields(RECORD).render("Record"))
    }
}

/// What a request went through, in order.
pub(super) fn moments(facts: &Facts, created: Timestamp) -> Markup {
    html! {
        ol .moments {
            @for moment in &story::timeline(facts, created) {
                li .(tone_class(moment.tone)) {
                    (fields::clock(moment.at))
                    span {
                        (verdict::words(&moment.what))
                        @if moment.tone == Tone::Bad { span .visually-hidden { " (failed)" } }
                    }
                }
            }
        }
    }
}

fn tone_class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "success",
        Tone::Bad => "failure",
        Tone::Waiting => "interrupted",
        Tone::Plain => "plain",
    }
}

/// The tab Device info.
pub(super) fn device(shown: Shown<'_>) -> Markup {
    let facts = &shown.pane.facts;
    let is_foreign = facts.text("deviceDetail/browser") == "PII Removed";
    html! {
        (Grid::new(shown).fields(DEVICE).render(""))
        @if is_foreign {
            p .absent { "Microsoft removes details of devices that belong to another tenant." }
        }
        @if facts.text("deviceDetail/deviceId").is_empty() {
            p .absent {
                "Without a device ID the device is not registered, or the client did not prove \
                 which one it is."
            }
        } @else {
            (related::placeholder(shown, "device", "Last seen, and who else uses it"))
        }
    }
}
