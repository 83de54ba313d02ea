//! Short names for the filter box and the command line.

use durward_model::FieldId::{self, *};

use crate::filter::Property;

/// What a name in a search stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Meaning {
    /// Any of these; a value that is found in one of them will do.
    AnyOf(Vec<Property>),
    /// Like `AnyOf`, but `:` asks for the whole value rather than for a part of it.
    Exactly(Vec<Property>),
    /// IP addresses: an address, a network or a beginning.
    Address,
    Status,
    Log,
    /// `createdDateTime` and other instants.
    Time(FieldId),
}

/// Names and the fields they search, with "is it the whole value that is meant?".
const FIELDS: &[(&[&str], &[FieldId], bool)] = &[
    (&["user", "who"], &[UserDisplayName, UserPrincipalName, UserId], false),
    (&["name"], &[UserDisplayName], false),
    (&["upn", "username"], &[UserPrincipalName], false),
    (&["app", "application"], &[AppDisplayName, AppId], false),
    (&["resource"], &[ResourceDisplayName, ResourceId], false),
    (&["sp", "principal", "serviceprincipal"], &[ServicePrincipalName, ServicePrincipalId], false),
    (&["code", "error", "errorcode"], &[ErrorCode], true),
    (&["reason"], &[FailureReason, AdditionalDetails], false),
    (&["country", "region"], &[CountryOrRegion], true),
    (&["state"], &[State], false),
    (&["city"], &[City], false),
    (&["location", "place"], &[City, State, CountryOrRegion], false),
    (&["asn"], &[AutonomousSystemNumber], true),
    (&["os", "system"], &[OperatingSystem], false),
    (&["browser"], &[Browser], false),
    (&["client", "clientapp"], &[ClientAppUsed], false),
    (&["agent", "ua"], &[UserAgent], false),
    (&["device"], &[DeviceDisplayName, DeviceId], false),
    (&["compliant"], &[IsCompliant], true),
    (&["managed"], &[IsManaged], true),
    (&["join", "trust"], &[TrustType], false),
    (&["id", "request"], &[Id], true),
    (&["correlation"], &[CorrelationId], true),
    (&["session"], &[SessionId], true),
    (&["token", "uti"], &[UniqueTokenIdentifier], true),
    (&["tokentype"], &[IncomingTokenType], true),
    (&["ca"], &[ConditionalAccessStatus], true),
    (&["mfa", "requirement"], &[AuthenticationRequirement], false),
    (&["protocol"], &[AuthenticationProtocol], true),
    (&["transfer"], &[OriginalTransferMethod], true),
    (&["crosstenant"], &[CrossTenantAccessType], true),
    (&["risk"], &[RiskLevelAggregated, RiskLevelDuringSignIn, RiskState], true),
    (&["riskevent"], &[RiskEventTypesV2, RiskEventTypes], false),
    (&["tenant"], &[TenantId, HomeTenantId, ResourceTenantId], true),
    (&["usertype"], &[UserType], true),
    (&["flagged"], &[FlaggedForReview], true),
    (&["interactive"], &[IsInteractive], true),
    (&["latency"], &[ProcessingTimeInMilliseconds], true),
    (&["category"], &[Category], false),
];

/// Names of members inside lists.
const MEMBERS: &[(&[&str], FieldId, &[&str])] = &[
    (&["policy"], AppliedConditionalAccessPolicies, &["displayName", "id"]),
    (&["policyresult"], AppliedConditionalAccessPolicies, &["result"]),
    (&["method"], AuthenticationDetails, &["authenticationMethod", "authenticationMethodDetail"]),
    (&["network"], NetworkLocationDetails, &["networkNames", "networkType"]),
];

/// What `clientAppUsed` says of modern authentication.
pub const MODERN_CLIENTS: &[&str] =
    &["Browser", "Mobile Apps and Desktop clients", "Modern clients"];

/// What it says of legacy authentication: the names of protocols, of clients that are none of
/// them, and short forms that Graph has.
pub const LEGACY_CLIENTS: &[&str] = &[
    "Authenticated SMTP",
    "Autodiscover",
    "Exchange ActiveSync",
    "Exchange Online PowerShell",
    "Exchange Web Services",
    "IMAP4",
    "MAPI over HTTP",
    "Offline Address Book",
    "Outlook Anywhere (RPC over HTTP)",
    "Outlook Service",
    "POP3",
    "Reporting Web Services",
    "Other clients",
    "IMAP",
    "POP",
    "SMTP",
    "MAPI",
];

/// The names searched when a word stands alone.
pub(crate) const FREE_TEXT: &[FieldId] =
    &[UserDisplayName, UserPrincipalName, ServicePrincipalName, AppDisplayName, IpAddress];
/// The identifiers searched when the word is one.
pub(crate) const FREE_IDS: &[FieldId] =
    &[Id, CorrelationId, UserId, AppId, ServicePrincipalId, DeviceId, SessionId];

/// What a name in a search tests: a short name, or any of the catalogue. Empty for no name.
pub fn properties(name: &str) -> Vec<Property> {
    match meaning(name) {
        Some(Meaning::AnyOf(these) | Meaning::Exactly(these)) => these,
        Some(Meaning::Address) => vec![Property::Field(IpAddress)],
        Some(Meaning::Status) => vec![Property::Status],
        Some(Meaning::Log) => vec![Property::Log],
        Some(Meaning::Time(field)) => vec![Property::Field(field)],
        None => Vec::new(),
    }
}

/// The meaning of a name: a short one, or any name of the catalogue.
pub(crate) fn meaning(name: &str) -> Option<Meaning> {
    let is = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if is(&["ip", "address", "ipaddress"]) {
        return Some(Meaning::Address);
    }
    if is(&["status", "result"]) {
        return Some(Meaning::Status);
    }
    if is(&["log", "type", "signInEventTypes"]) {
        return Some(Meaning::Log);
    }
    if is(&["time", "date", "created"]) {
        return Some(Meaning::Time(CreatedDateTime));
    }
    if is(&["received"]) {
        return Some(Meaning::Time(ReceivedDateTime));
    }
    if let Some((_, fields, whole)) = FIELDS.iter().find(|(names, ..)| is(names)) {
        let these = fields.iter().map(|&field| Property::Field(field)).collect();
        return Some(if *whole { Meaning::Exactly(these) } else { Meaning::AnyOf(these) });
    }
    if let Some((_, field, members)) = MEMBERS.iter().find(|(names, ..)| is(names)) {
        let member = |name: &&str| Property::Member(*field, vec![(*name).to_owned()]);
        return Some(Meaning::AnyOf(members.iter().map(member).collect()));
    }
    match Property::resolve(name)? {
        Property::Field(Shape) => None,
        Property::Field(field) if field.field().kind == durward_model::Kind::Time => {
            Some(Meaning::Time(field))
        }
        property => Some(Meaning::AnyOf(vec![property])),
    }
}
