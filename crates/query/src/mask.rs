//! What a mask does to an event: names of people and addresses become pseudonyms, and what may
//! hold either in a way that nobody can foresee is left out.
//!
//! Applications, service principals and organisations are no people; their names stay. Devices
//! are often called after whoever uses them, so their names go with those of people.
//! Of a place, state and country stay: a city and its coordinates are as good as the address.

use std::cell::OnceCell;

use durward_model::field::{FIELDS, Group};
use durward_model::{Cell, Event, FieldId, cell, errors};

use crate::pseudonym::PseudonymKey;

/// What a caller sees only as a pseudonym.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mask {
    /// Names and identifiers of people.
    pub names: bool,
    /// Network addresses.
    pub addresses: bool,
}

/// What happens to a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// It holds neither a name nor an address.
    Keep,
    PersonId,
    PersonName,
    SignInName,
    Address,
    /// Left out where names are masked.
    TellsNames,
    /// Left out where addresses are masked.
    TellsAddresses,
    /// Free text or JSON of any kind: left out under any mask.
    TellsAnything,
    /// The source's words about an error code, which may quote names: ours instead.
    Reason,
}

impl Mask {
    /// Nothing is masked.
    pub const NONE: Mask = Mask { names: false, addresses: false };

    /// Is nothing masked?
    pub fn is_none(self) -> bool {
        self == Mask::NONE
    }

    /// Does it change this field?
    pub fn changes(self, field: FieldId) -> bool {
        match rule(field) {
            Rule::Keep => false,
            Rule::PersonId | Rule::PersonName | Rule::SignInName | Rule::TellsNames => self.names,
            Rule::Address | Rule::TellsAddresses => self.addresses,
            Rule::TellsAnything | Rule::Reason => !self.is_none(),
        }
    }

    /// Does it change fields of this group?
    pub(crate) fn changes_group(self, group: Group) -> bool {
        let mut fields = FIELDS.iter().map(|field| field.id);
        fields.any(|field| field.group() == Some(group) && self.changes(field))
    }

    /// What stands in for an entity.
    pub(crate) fn entity(self, key: &PseudonymKey, entity: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(entity.len());
        let person = OnceCell::new();
        for (number, cell) in cell::decode(entity) {
            // A field that is not known may hold anything.
            let Some(field) = FieldId::from_number(number) else { continue };
            if !self.changes(field) {
                cell::encode(field, &cell, &mut out);
                continue;
            }
            let Cell::Text(text) = &cell else { continue };
            if text.is_empty() {
                cell::encode(field, &cell, &mut out);
                continue;
            }
            let person = || person.get_or_init(|| key.person(entity));
            let masked = match rule(field) {
                // It says that nobody knows who it was.
                Rule::PersonId if *text == crate::values::ZERO_GUID => text.to_string(),
                Rule::PersonId => person().id(),
                Rule::PersonName => person().name(),
                Rule::SignInName => person().sign_in_name(),
                Rule::Address => key.address(text),
                Rule::Reason => match cell::find(entity, FieldId::ErrorCode).as_int() {
                    Some(code) => errors::lookup(code).map_or("", |entry| entry.reason).to_owned(),
                    None => String::new(),
                },
                _ => continue,
            };
            if !masked.is_empty() {
                cell::encode(field, &Cell::Text(masked.into()), &mut out);
            }
        }
        out
    }

    /// An event under the mask.
    pub(crate) fn event(self, key: &PseudonymKey, event: Event) -> Event {
        if self.is_none() {
            return event;
        }
        let entity = |group, entity: &[u8]| {
            (!entity.is_empty() && self.changes_group(group)).then(|| self.entity(key, entity))
        };
        event.masked(entity, |field| !self.changes(field))
    }
}

/// The rule for each field. A field that is added to the catalogue needs one too.
fn rule(field: FieldId) -> Rule {
    use FieldId::*;
    match field {
        UserId => Rule::PersonId,
        UserDisplayName => Rule::PersonName,
        UserPrincipalName | SignInIdentifier | AlternateSignInName => Rule::SignInName,
        IpAddress | IpAddressFromResourceProvider | GlobalSecureAccessIpAddress => Rule::Address,
        City | Latitude | Longitude | Altitude | NetworkLocationDetails | PrivateLinkDetails => {
            Rule::TellsAddresses
        }
        // Steps tell telephone numbers, and names of devices as people gave them to an
        // authenticator; "Ana's laptop" is a name; agents may act for somebody.
        AuthenticationDetails
        | MfaAuthDetail
        | AuthenticationAppDeviceDetails
        | DeviceDisplayName
        | Agent => Rule::TellsNames,
        Shape
        | RedirectUrl
        | AdditionalDetails
        | MfaResult
        | AuthenticationProcessingDetails
        | AppliedEventListeners => Rule::TellsAnything,
        FailureReason => Rule::Reason,
        Id
        | CreatedDateTime
        | PublishedDateTime
        | ReceivedDateTime
        | CorrelationId
        | SessionId
        | OriginalRequestId
        | ClientSessionId
        | UniqueTokenIdentifier
        | ProcessingTimeInMilliseconds
        | DurationMs => Rule::Keep,
        TenantId | Category => Rule::Keep,
        UserType | SignInIdentifierType | HomeTenantId | HomeTenantName | CrossTenantAccessType => {
            Rule::Keep
        }
        ServicePrincipalId
        | ServicePrincipalName
        | ServicePrincipalCredentialKeyId
        | ServicePrincipalCredentialThumbprint
        | FederatedCredentialId
        | ClientCredentialType
        | ManagedServiceIdentity
        | AzureResourceId
        | AppServicePrincipalId => Rule::Keep,
        AppId | AppDisplayName | AppOwnerTenantId | SourceAppClientId | SsoExtensionVersion => {
            Rule::Keep
        }
        ResourceId
        | ResourceDisplayName
        | ResourceServicePrincipalId
        | ResourceOwnerTenantId
        | ResourceTenantId => Rule::Keep,
        DeviceId | OperatingSystem | Browser | BrowserId | IsCompliant | IsManaged | TrustType
        | UserAgent | ClientAppUsed => Rule::Keep,
        IsThroughGlobalSecureAccess
        | IsTenantRestricted
        | AutonomousSystemNumber
        | State
        | CountryOrRegion => Rule::Keep,
        ErrorCode | ConditionalAccessStatus | ResultSignature => Rule::Keep,
        AppliedConditionalAccessPolicies | ConditionalAccessAudiences => Rule::Keep,
        AuthenticationRequirement
        | AuthenticationMethodsUsed
        | AuthenticationRequirementPolicies
        | SessionLifetimePolicies
        | AuthenticationContextClassReferences
        | MfaAuthMethod
        | AuthenticationAppPolicyEvaluationDetails => Rule::Keep,
        IsInteractive
        | SignInEventTypes
        | AuthenticationProtocol
        | IncomingTokenType
        | OriginalTransferMethod
        | TokenIssuerType
        | TokenIssuerName
        | SignInTokenProtectionStatus
        | AppTokenProtectionStatus
        | TokenProtectionStatus
        | TokenProtectionStatusCode
        | FlaggedForReview => Rule::Keep,
        RiskDetail
        | RiskLevelAggregated
        | RiskLevelDuringSignIn
        | RiskState
        | RiskEventTypes
        | RiskEventTypesV2
        | RiskLevel
        | IsRisky => Rule::Keep,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Mask = Mask { names: true, addresses: false };
    const ADDRESSES: Mask = Mask { names: false, addresses: true };

    #[test]
    fn rollups_count_nothing_that_a_mask_changes() {
        let both = Mask { names: true, addresses: true };
        assert!(!durward_store::DIMENSIONS.into_iter().any(|field| both.changes(field)));
        assert!(FIELDS.iter().all(|f| f.id.group().is_some() || !both.changes(f.id)));
    }

    #[test]
    fn a_mask_changes_what_it_is_for() {
        let key = PseudonymKey::new(&[1; 32]);
        let mut outcome = Vec::new();
        cell::encode(FieldId::ErrorCode, &Cell::Int(50126), &mut outcome);
        cell::encode(FieldId::FailureReason, &Cell::text("no such ana@x.example"), &mut outcome);
        cell::encode(FieldId::AdditionalDetails, &Cell::text("Ana"), &mut outcome);
        for mask in [NAMES, ADDRESSES] {
            let masked = mask.entity(&key, &outcome);
            let reason = cell::find(&masked, FieldId::FailureReason);
            assert!(reason.as_text().is_some_and(|t| !t.is_empty() && !t.contains("ana@")));
            assert_eq!(cell::find(&masked, FieldId::AdditionalDetails), Cell::Null);
            assert_eq!(cell::find(&masked, FieldId::ErrorCode), Cell::Int(50126));
        }
        let mut actor = Vec::new();
        cell::encode(FieldId::UserId, &Cell::text(crate::values::ZERO_GUID), &mut actor);
        cell::encode(FieldId::UserDisplayName, &Cell::text(""), &mut actor);
        assert_eq!(NAMES.entity(&key, &actor), actor, "nobody needs no pseudonym");
        let mut device = Vec::new();
        cell::encode(FieldId::DeviceDisplayName, &Cell::text("Ana's laptop"), &mut device);
        assert!(NAMES.entity(&key, &device).is_empty());
        assert_eq!(ADDRESSES.entity(&key, &device), device);
        // A field of a later version.
        assert!(NAMES.entity(&key, &[250, 1, 1, b'x']).is_empty());
    }
}
