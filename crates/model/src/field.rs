//! The field catalogue: every field of the four sign-in logs, once.
//!
//! Schemas, OData properties, Log Analytics columns, portal labels, CSV headers, filter lists and
//! `docs/fields.md` are derived from [`FIELDS`]. Adding a field is adding one line; its number is
//! stored on disk, so numbers are never reused and never change (FIELD-1).
//!
//! Values are not stored by event but by *entity*: fields that change together (everything about
//! a user, about a device, about an application) form a [`Group`], each distinct combination is
//! stored once, and an event carries one integer a group. Fields whose value is new with almost
//! every event (times, identifiers) are stored with the event itself.

use crate::enums::{self, Enum};

/// Which log an event belongs to. The first four are sign-in logs; records of other logs that
/// arrive in the same files are kept whole under theirs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Log {
    InteractiveUser = 0,
    NonInteractiveUser = 1,
    ServicePrincipal = 2,
    ManagedIdentity = 3,
    Audit = 4,
    Provisioning = 5,
    Risk = 6,
    Other = 7,
}

impl Log {
    /// All logs, in the order of their numbers.
    pub const ALL: [Log; 8] = [
        Log::InteractiveUser,
        Log::NonInteractiveUser,
        Log::ServicePrincipal,
        Log::ManagedIdentity,
        Log::Audit,
        Log::Provisioning,
        Log::Risk,
        Log::Other,
    ];
    /// The four sign-in logs.
    pub const SIGN_INS: [Log; 4] = [
        Log::InteractiveUser,
        Log::NonInteractiveUser,
        Log::ServicePrincipal,
        Log::ManagedIdentity,
    ];

    /// The name used on disk, in URLs and, for sign-in logs, by Graph's `signInEventTypes`.
    pub fn name(self) -> &'static str {
        match self {
            Log::InteractiveUser => "interactiveUser",
            Log::NonInteractiveUser => "nonInteractiveUser",
            Log::ServicePrincipal => "servicePrincipal",
            Log::ManagedIdentity => "managedIdentity",
            Log::Audit => "audit",
            Log::Provisioning => "provisioning",
            Log::Risk => "risk",
            Log::Other => "other",
        }
    }

    /// The log with that [`Log::name`], in any case.
    pub fn from_name(name: &str) -> Option<Log> {
        Log::ALL.into_iter().find(|log| log.name().eq_ignore_ascii_case(name))
    }

    /// Is this one of the four sign-in logs?
    pub fn is_sign_in(self) -> bool {
        (self as u8) < 4
    }
}

/// Fields that change together; each distinct combination of their values is one entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Group {
    /// Where the record came from and how it was written (tenant, category, shape).
    Source = 0,
    /// The user.
    Actor = 1,
    /// The service principal or managed identity.
    ServicePrincipal = 2,
    /// The application signed in with.
    Application = 3,
    /// The resource signed in to.
    Resource = 4,
    /// The client: device, browser, operating system.
    Device = 5,
    /// The address and what is known of it.
    Network = 6,
    /// The result.
    Outcome = 7,
    /// Conditional Access evaluation.
    ConditionalAccess = 8,
    /// Authentication steps and requirements.
    Authentication = 9,
    /// Protocol, tokens and session properties.
    Token = 10,
    /// Risk as the source judged it.
    Risk = 11,
}

/// How many groups there are.
pub const GROUP_COUNT: usize = 12;

impl Group {
    /// All groups, in the order of their numbers.
    pub const ALL: [Group; GROUP_COUNT] = [
        Group::Source,
        Group::Actor,
        Group::ServicePrincipal,
        Group::Application,
        Group::Resource,
        Group::Device,
        Group::Network,
        Group::Outcome,
        Group::ConditionalAccess,
        Group::Authentication,
        Group::Token,
        Group::Risk,
    ];

    /// Name of the key column in the stored table.
    pub fn column(self) -> &'static str {
        match self {
            Group::Source => "source",
            Group::Actor => "actor",
            Group::ServicePrincipal => "servicePrincipal",
            Group::Application => "application",
            Group::Resource => "resource",
            Group::Device => "device",
            Group::Network => "network",
            Group::Outcome => "outcome",
            Group::ConditionalAccess => "conditionalAccess",
            Group::Authentication => "authentication",
            Group::Token => "token",
            Group::Risk => "risk",
        }
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Free text.
    Text,
    /// Text of a known set of members.
    Enum(&'static Enum),
    /// A whole number.
    Int,
    /// A floating-point number.
    Float,
    /// true or false.
    Bool,
    /// An instant in UTC.
    Time,
    /// An identifier, usually a GUID: stored as 16 bytes (see [`crate::id`]).
    Id,
    /// A JSON object.
    Object,
    /// A JSON array of texts.
    TextList,
    /// A JSON array of objects.
    ObjectList,
}

impl Kind {
    /// Is the value kept as JSON text?
    pub fn is_json(self) -> bool {
        matches!(self, Kind::Object | Kind::TextList | Kind::ObjectList)
    }

    /// Can the field hold several values at once?
    pub fn is_list(self) -> bool {
        matches!(self, Kind::TextList | Kind::ObjectList)
    }
}

/// Where a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// With the event itself.
    Row,
    /// With the entity of this group.
    Entity(Group),
}

/// Which Graph version shows a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GraphVersion {
    /// v1.0 and beta.
    V1,
    /// v1.0 only (dropped in beta).
    V1Only,
    /// beta only.
    Beta,
    /// Not in Graph: diagnostic settings or Log Analytics only.
    None,
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its stable number.
    pub id: FieldId,
    /// Its path in the Graph `signIn` object, parts joined by `/`; for fields that Graph does not
    /// have, the name diagnostic records give it. Unique; this is the name used everywhere.
    pub name: &'static str,
    /// Which Graph version shows it.
    pub graph: GraphVersion,
    /// Its Log Analytics column, members of dynamic columns after a `/`; empty where none.
    pub log_analytics: &'static str,
    /// Its label in the portal's list and pane, and ours.
    pub label: &'static str,
    /// Its header in the portal's CSV download, trimmed and with single blanks; empty where none.
    pub csv: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// Where it is stored.
    pub place: Place,
    /// Which sign-in logs have it: bit n for the log numbered n.
    pub logs: u8,
}

impl Field {
    /// Does this log have the field?
    pub fn in_log(&self, log: Log) -> bool {
        log.is_sign_in() && self.logs & (1 << log as u8) != 0
    }
}

/// Interactive, Non-interactive, Service principal, Managed identity.
const I: u8 = 1;
const N: u8 = 2;
const S: u8 = 4;
const M: u8 = 8;
/// Both user logs.
const IN: u8 = I | N;
/// Both workload logs.
const SM: u8 = S | M;
/// All four.
const ALL: u8 = IN | SM;

macro_rules! catalogue {
    ($( $number:literal $id:ident $name:literal $graph:ident $la:literal $label:literal $csv:literal
        $kind:expr, $place:expr, $logs:expr; )*) => {
        /// The stable number of a field.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the catalogue is the documentation: see `Field`")]
        pub enum FieldId { $( $id = $number, )* }

        /// The catalogue, in the order of the field numbers.
        pub static FIELDS: &[Field] = &[ $( Field {
            id: FieldId::$id, name: $name, graph: GraphVersion::$graph, log_analytics: $la,
            label: $label, csv: $csv, kind: $kind, place: $place, logs: $logs,
        }, )* ];
    };
}

use Group::{
    Actor, Application, Authentication, ConditionalAccess, Device, Network, Outcome, Resource,
    Risk, ServicePrincipal, Source, Token,
};
use Kind::{Bool, Enum as E, Float, Int, Object, ObjectList, Text, TextList, Time};
use Place::{Entity, Row};

catalogue! {
    // Times and identifiers, stored with the event.
    0 Id "id" V1 "Id" "Request ID" "Request ID" Kind::Id, Row, ALL;
    1 CreatedDateTime "createdDateTime" V1 "CreatedDateTime" "Date" "Date (UTC)" Time, Row, ALL;
    2 PublishedDateTime "publishedDateTime" None "TimeGenerated" "Published" "" Time, Row, ALL;
    3 ReceivedDateTime "receivedDateTime" None "" "Received" "" Time, Row, ALL;
    4 CorrelationId "correlationId" V1 "CorrelationId" "Correlation ID" "Correlation ID" Kind::Id, Row, ALL;
    5 SessionId "sessionId" Beta "SessionId" "Session ID" "Session ID" Kind::Id, Row, IN | S;
    6 OriginalRequestId "originalRequestId" Beta "OriginalRequestId" "Original request ID" "" Kind::Id, Row, IN;
    7 ClientSessionId "clientSessionId" Beta "ClientSessionId" "Client session ID" "" Kind::Id, Row, IN;
    8 UniqueTokenIdentifier "uniqueTokenIdentifier" Beta "UniqueTokenIdentifier" "Unique token identifier" "Unique token identifier" Text, Row, ALL;
    9 ProcessingTimeInMilliseconds "processingTimeInMilliseconds" Beta "ProcessingTimeInMilliseconds" "Latency" "Latency" Int, Row, IN;
    10 DurationMs "durationMs" None "DurationMs" "Duration (ms)" "" Int, Row, ALL;

    // Source.
    11 TenantId "tenantId" None "AADTenantId" "Tenant ID" "" Text, Entity(Source), ALL;
    12 Category "category" None "Category" "Category" "" Text, Entity(Source), ALL;
    13 Shape "shape" None "" "Shape of the original record" "" Text, Entity(Source), ALL;

    // Actor.
    20 UserId "userId" V1 "UserId" "User ID" "User ID" Text, Entity(Actor), IN;
    21 UserDisplayName "userDisplayName" V1 "UserDisplayName" "User" "User" Text, Entity(Actor), IN;
    22 UserPrincipalName "userPrincipalName" V1 "UserPrincipalName" "Username" "Username" Text, Entity(Actor), IN;
    23 UserType "userType" Beta "UserType" "User type" "User type" E(&enums::SIGN_IN_USER_TYPE), Entity(Actor), IN;
    24 SignInIdentifier "signInIdentifier" Beta "SignInIdentifier" "Sign-in identifier" "Sign-in identifier" Text, Entity(Actor), IN;
    25 SignInIdentifierType "signInIdentifierType" Beta "SignInIdentifierType" "Sign-in identifier type" "" E(&enums::SIGN_IN_IDENTIFIER_TYPE), Entity(Actor), IN;
    26 AlternateSignInName "alternateSignInName" None "AlternateSignInName" "Alternate sign-in name" "" Text, Entity(Actor), IN;
    27 HomeTenantId "homeTenantId" V1 "HomeTenantId" "Home tenant ID" "Home tenant ID" Text, Entity(Actor), IN | S;
    28 HomeTenantName "homeTenantName" Beta "HomeTenantName" "Home tenant name" "Home tenant name" Text, Entity(Actor), IN | S;
    29 CrossTenantAccessType "crossTenantAccessType" Beta "CrossTenantAccessType" "Cross tenant access type" "Cross tenant access type" E(&enums::CROSS_TENANT_ACCESS_TYPE), Entity(Actor), IN;

    // Service principal and managed identity.
    35 ServicePrincipalId "servicePrincipalId" V1 "ServicePrincipalId" "Service principal ID" "Service principal ID" Text, Entity(ServicePrincipal), SM;
    36 ServicePrincipalName "servicePrincipalName" V1 "ServicePrincipalName" "Service principal name" "Service principal name" Text, Entity(ServicePrincipal), SM;
    37 ServicePrincipalCredentialKeyId "servicePrincipalCredentialKeyId" Beta "ServicePrincipalCredentialKeyId" "Credential key ID" "Credential key ID" Text, Entity(ServicePrincipal), SM;
    38 ServicePrincipalCredentialThumbprint "servicePrincipalCredentialThumbprint" Beta "ServicePrincipalCredentialThumbprint" "Credential thumbprint" "Credential thumbprint" Text, Entity(ServicePrincipal), SM;
    39 FederatedCredentialId "federatedCredentialId" Beta "FederatedCredentialId" "Federated credential ID" "Federated credential ID" Text, Entity(ServicePrincipal), SM;
    40 ClientCredentialType "clientCredentialType" Beta "ClientCredentialType" "Client credential type" "Client credential type" E(&enums::CLIENT_CREDENTIAL_TYPE), Entity(ServicePrincipal), IN | S;
    41 ManagedServiceIdentity "managedServiceIdentity" Beta "ManagedServiceIdentity" "Managed identity" "" Object, Entity(ServicePrincipal), M;
    42 AzureResourceId "azureResourceId" Beta "" "Azure resource ID" "" Text, Entity(ServicePrincipal), SM;
    43 Agent "agent" Beta "Agent" "Agent" "" Object, Entity(ServicePrincipal), IN | S;
    44 AppServicePrincipalId "appServicePrincipalId" None "" "Application's service principal ID" "" Text, Entity(ServicePrincipal), IN;

    // Application.
    50 AppId "appId" V1 "AppId" "Application ID" "Application ID" Text, Entity(Application), ALL;
    51 AppDisplayName "appDisplayName" V1 "AppDisplayName" "Application" "Application" Text, Entity(Application), ALL;
    52 AppOwnerTenantId "appOwnerTenantId" Beta "AppOwnerTenantId" "App owner tenant ID" "App owner tenant ID" Text, Entity(Application), ALL;
    53 SourceAppClientId "sourceAppClientId" None "SourceAppClientId" "Source application ID" "" Text, Entity(Application), ALL;
    54 RedirectUrl "redirectUrl" None "" "Redirect URL" "" Text, Entity(Application), IN;
    55 SsoExtensionVersion "ssoExtensionVersion" None "" "SSO extension version" "" Text, Entity(Application), IN;

    // Resource.
    60 ResourceId "resourceId" V1 "ResourceIdentity" "Resource ID" "Resource ID" Text, Entity(Resource), ALL;
    61 ResourceDisplayName "resourceDisplayName" V1 "ResourceDisplayName" "Resource" "Resource" Text, Entity(Resource), ALL;
    62 ResourceServicePrincipalId "resourceServicePrincipalId" Beta "ResourceServicePrincipalId" "Resource service principal ID" "" Text, Entity(Resource), ALL;
    63 ResourceOwnerTenantId "resourceOwnerTenantId" Beta "ResourceOwnerTenantId" "Resource owner tenant ID" "Resource owner tenant ID" Text, Entity(Resource), ALL;
    64 ResourceTenantId "resourceTenantId" V1 "ResourceTenantId" "Resource tenant ID" "Resource tenant ID" Text, Entity(Resource), ALL;

    // Device and client.
    70 DeviceId "deviceDetail/deviceId" V1 "DeviceDetail/deviceId" "Device ID" "Device ID" Text, Entity(Device), IN;
    71 DeviceDisplayName "deviceDetail/displayName" V1 "DeviceDetail/displayName" "Device name" "" Text, Entity(Device), IN;
    72 OperatingSystem "deviceDetail/operatingSystem" V1 "DeviceDetail/operatingSystem" "Operating System" "Operating System" Text, Entity(Device), IN;
    73 Browser "deviceDetail/browser" V1 "DeviceDetail/browser" "Browser" "Browser" Text, Entity(Device), IN;
    74 BrowserId "deviceDetail/browserId" Beta "DeviceDetail/browserId" "Browser ID" "" Text, Entity(Device), IN;
    75 IsCompliant "deviceDetail/isCompliant" V1 "DeviceDetail/isCompliant" "Compliant" "Compliant" Bool, Entity(Device), IN;
    76 IsManaged "deviceDetail/isManaged" V1 "DeviceDetail/isManaged" "Managed" "Managed" Bool, Entity(Device), IN;
    77 TrustType "deviceDetail/trustType" V1 "DeviceDetail/trustType" "Join Type" "Join Type" Text, Entity(Device), IN;
    78 UserAgent "userAgent" V1 "UserAgent" "User agent" "User agent" Text, Entity(Device), IN | S;
    79 ClientAppUsed "clientAppUsed" V1 "ClientAppUsed" "Client app" "Client app" Text, Entity(Device), IN;
    80 AuthenticationAppDeviceDetails "authenticationAppDeviceDetails" V1 "AuthenticationAppDeviceDetails" "Authentication app device" "" Object, Entity(Device), IN;

    // Network and place.
    90 IpAddress "ipAddress" V1 "IPAddress" "IP address" "IP address" Text, Entity(Network), ALL;
    91 IpAddressFromResourceProvider "ipAddressFromResourceProvider" Beta "IPAddressFromResourceProvider" "IP address (seen by resource)" "IP address (seen by resource)" Text, Entity(Network), IN;
    92 GlobalSecureAccessIpAddress "globalSecureAccessIpAddress" Beta "GlobalSecureAccessIpAddress" "Global Secure Access IP address" "Global Secure Access IP address" Text, Entity(Network), IN;
    93 IsThroughGlobalSecureAccess "isThroughGlobalSecureAccess" Beta "IsThroughGlobalSecureAccess" "Through Global Secure Access" "Through Global Secure Access" Bool, Entity(Network), IN;
    94 IsTenantRestricted "isTenantRestricted" Beta "IsTenantRestricted" "Tenant restricted" "" Bool, Entity(Network), IN;
    95 AutonomousSystemNumber "autonomousSystemNumber" Beta "AutonomousSystemNumber" "Autonomous system number" "Autonomous system number" Int, Entity(Network), IN | S;
    96 City "location/city" V1 "LocationDetails/city" "City" "" Text, Entity(Network), ALL;
    97 State "location/state" V1 "LocationDetails/state" "State or province" "" Text, Entity(Network), ALL;
    98 CountryOrRegion "location/countryOrRegion" V1 "LocationDetails/countryOrRegion" "Country or region" "" Text, Entity(Network), ALL;
    99 Latitude "location/geoCoordinates/latitude" V1 "LocationDetails/geoCoordinates/latitude" "Latitude" "" Float, Entity(Network), ALL;
    100 Longitude "location/geoCoordinates/longitude" V1 "LocationDetails/geoCoordinates/longitude" "Longitude" "" Float, Entity(Network), ALL;
    101 Altitude "location/geoCoordinates/altitude" V1 "LocationDetails/geoCoordinates/altitude" "Altitude" "" Float, Entity(Network), ALL;
    102 NetworkLocationDetails "networkLocationDetails" Beta "NetworkLocationDetails" "Named locations" "" ObjectList, Entity(Network), ALL;
    103 PrivateLinkDetails "privateLinkDetails" Beta "" "Private link" "" Object, Entity(Network), ALL;

    // Result.
    110 ErrorCode "status/errorCode" V1 "Status/errorCode" "Sign-in error code" "Sign-in error code" Int, Entity(Outcome), ALL;
    111 FailureReason "status/failureReason" V1 "Status/failureReason" "Failure reason" "Failure reason" Text, Entity(Outcome), ALL;
    112 AdditionalDetails "status/additionalDetails" V1 "Status/additionalDetails" "Additional details" "" Text, Entity(Outcome), ALL;
    113 ConditionalAccessStatus "conditionalAccessStatus" V1 "ConditionalAccessStatus" "Conditional Access" "Conditional Access" E(&enums::CONDITIONAL_ACCESS_STATUS), Entity(Outcome), ALL;
    114 ResultSignature "resultSignature" None "ResultSignature" "Result signature" "" Text, Entity(Outcome), ALL;

    // Conditional Access.
    120 AppliedConditionalAccessPolicies "appliedConditionalAccessPolicies" V1 "ConditionalAccessPolicies" "Conditional Access policies" "" ObjectList, Entity(ConditionalAccess), ALL;
    121 ConditionalAccessAudiences "conditionalAccessAudiences" Beta "ConditionalAccessAudiences" "Conditional Access audiences" "" TextList, Entity(ConditionalAccess), ALL;

    // Authentication.
    130 AuthenticationRequirement "authenticationRequirement" Beta "AuthenticationRequirement" "Authentication requirement" "Authentication requirement" Text, Entity(Authentication), IN;
    131 AuthenticationDetails "authenticationDetails" Beta "AuthenticationDetails" "Authentication details" "" ObjectList, Entity(Authentication), IN;
    132 AuthenticationMethodsUsed "authenticationMethodsUsed" Beta "AuthenticationMethodsUsed" "Authentication methods used" "" TextList, Entity(Authentication), IN;
    133 AuthenticationRequirementPolicies "authenticationRequirementPolicies" Beta "AuthenticationRequirementPolicies" "Authentication policies applied" "" ObjectList, Entity(Authentication), IN;
    134 SessionLifetimePolicies "sessionLifetimePolicies" Beta "SessionLifetimePolicies" "Session lifetime policies" "" ObjectList, Entity(Authentication), IN;
    135 AuthenticationContextClassReferences "authenticationContextClassReferences" Beta "AuthenticationContextClassReferences" "Authentication contexts" "" ObjectList, Entity(Authentication), ALL;
    136 AuthenticationProcessingDetails "authenticationProcessingDetails" Beta "AuthenticationProcessingDetails" "Processing details" "" ObjectList, Entity(Authentication), ALL;
    137 MfaAuthMethod "mfaDetail/authMethod" Beta "MfaDetail/authMethod" "Multifactor authentication method" "Multifactor authentication auth method" Text, Entity(Authentication), IN;
    138 MfaAuthDetail "mfaDetail/authDetail" Beta "MfaDetail/authDetail" "Multifactor authentication detail" "Multifactor authentication auth detail" Text, Entity(Authentication), IN;
    139 MfaResult "mfaResult" None "" "Multifactor authentication result" "Multifactor authentication result" Text, Entity(Authentication), IN;
    140 AppliedEventListeners "appliedEventListeners" Beta "AppliedEventListeners" "Event listeners" "" ObjectList, Entity(Authentication), IN;
    141 AuthenticationAppPolicyEvaluationDetails "authenticationAppPolicyEvaluationDetails" Beta "AuthenticationAppPolicyEvaluationDetails" "Authentication app policies" "" ObjectList, Entity(Authentication), IN;

    // Protocol, token, session.
    150 IsInteractive "isInteractive" V1 "IsInteractive" "Interactive" "" Bool, Entity(Token), ALL;
    151 SignInEventTypes "signInEventTypes" Beta "SignInEventTypes" "Sign-in event types" "" TextList, Entity(Token), ALL;
    152 AuthenticationProtocol "authenticationProtocol" Beta "AuthenticationProtocol" "Authentication protocol" "Authentication Protocol" E(&enums::AUTHENTICATION_PROTOCOL), Entity(Token), IN;
    153 IncomingTokenType "incomingTokenType" Beta "IncomingTokenType" "Incoming token type" "Incoming token type" E(&enums::INCOMING_TOKEN_TYPE), Entity(Token), IN;
    154 OriginalTransferMethod "originalTransferMethod" Beta "OriginalTransferMethod" "Original transfer method" "Original transfer method" E(&enums::ORIGINAL_TRANSFER_METHOD), Entity(Token), IN;
    155 TokenIssuerType "tokenIssuerType" Beta "TokenIssuerType" "Token issuer type" "Token issuer type" E(&enums::TOKEN_ISSUER_TYPE), Entity(Token), IN;
    156 TokenIssuerName "tokenIssuerName" Beta "TokenIssuerName" "Token issuer name" "Token issuer name" Text, Entity(Token), IN;
    157 SignInTokenProtectionStatus "signInTokenProtectionStatus" Beta "" "Token protection" "Token Protection - Sign In Session" E(&enums::TOKEN_PROTECTION_STATUS), Entity(Token), IN;
    158 AppTokenProtectionStatus "appTokenProtectionStatus" Beta "" "App token protection" "" E(&enums::TOKEN_PROTECTION_STATUS), Entity(Token), IN;
    159 TokenProtectionStatus "tokenProtectionStatusDetails/signInSessionStatus" Beta "TokenProtectionStatusDetails/signInSessionStatus" "Token protection of the session" "" E(&enums::TOKEN_PROTECTION_STATUS), Entity(Token), IN;
    160 TokenProtectionStatusCode "tokenProtectionStatusDetails/signInSessionStatusCode" Beta "TokenProtectionStatusDetails/signInSessionStatusCode" "Token protection status code" "Token Protection - Sign In Session StatusCode" Int, Entity(Token), IN;
    161 FlaggedForReview "flaggedForReview" Beta "FlaggedForReview" "Flagged for review" "Flagged for review" Bool, Entity(Token), IN;

    // Risk.
    170 RiskDetail "riskDetail" V1 "RiskDetail" "Risk detail" "" E(&enums::RISK_DETAIL), Entity(Risk), IN;
    171 RiskLevelAggregated "riskLevelAggregated" V1 "RiskLevelAggregated" "Risk level (aggregate)" "" E(&enums::RISK_LEVEL), Entity(Risk), IN;
    172 RiskLevelDuringSignIn "riskLevelDuringSignIn" V1 "RiskLevelDuringSignIn" "Risk level (real-time)" "" E(&enums::RISK_LEVEL), Entity(Risk), IN;
    173 RiskState "riskState" V1 "RiskState" "Risk state" "" E(&enums::RISK_STATE), Entity(Risk), IN;
    174 RiskEventTypes "riskEventTypes" V1Only "RiskEventTypes" "Risk event types (legacy)" "" TextList, Entity(Risk), IN;
    175 RiskEventTypesV2 "riskEventTypes_v2" V1 "RiskEventTypes_V2" "Risk event types" "" TextList, Entity(Risk), IN;
    176 RiskLevel "riskLevel" None "RiskLevel" "Risk level" "" Text, Entity(Risk), IN;
    177 IsRisky "isRisky" None "IsRisky" "Risky" "" Bool, Entity(Risk), IN;
}

/// One more than the largest field number.
pub const FIELD_SPAN: usize = 178;

/// What only those see who may see Conditional Access details. Whether access was granted
/// (`conditionalAccessStatus`) everybody sees.
pub const CONDITIONAL_ACCESS_DETAILS: [FieldId; 2] =
    [FieldId::AppliedConditionalAccessPolicies, FieldId::ConditionalAccessAudiences];

impl FieldId {
    /// The catalogue entry.
    pub fn field(self) -> &'static Field {
        FieldId::entry(self as u8).unwrap_or(&FIELDS[0])
    }

    /// The field with this number, if there is one.
    pub fn from_number(number: u8) -> Option<FieldId> {
        FieldId::entry(number).map(|field| field.id)
    }

    fn entry(number: u8) -> Option<&'static Field> {
        static BY_NUMBER: std::sync::LazyLock<[Option<&'static Field>; FIELD_SPAN]> =
            std::sync::LazyLock::new(|| {
                let mut table = [None; FIELD_SPAN];
                for field in FIELDS {
                    table[field.id as usize] = Some(field);
                }
                table
            });
        BY_NUMBER.get(usize::from(number)).copied().flatten()
    }

    /// The group the field is stored with, if any.
    pub fn group(self) -> Option<Group> {
        match self.field().place {
            Place::Entity(group) => Some(group),
            Place::Row => None,
        }
    }
}

/// The field of that name (see [`Field::name`]), in any case; parts may be joined by `/` or `.`.
pub fn by_name(name: &str) -> Option<&'static Field> {
    static BY_NAME: std::sync::LazyLock<hashbrown::HashMap<String, &'static Field>> =
        std::sync::LazyLock::new(|| {
            FIELDS.iter().map(|field| (field.name.to_ascii_lowercase(), field)).collect()
        });
    BY_NAME.get(&name.to_ascii_lowercase().replace('.', "/")).copied()
}

/// The fields of a group, in the order of their numbers.
pub fn of_group(group: Group) -> &'static [FieldId] {
    static BY_GROUP: std::sync::LazyLock<[Vec<FieldId>; GROUP_COUNT]> =
        std::sync::LazyLock::new(|| {
            Group::ALL.map(|group| {
                FIELDS.iter().filter(|f| f.place == Entity(group)).map(|f| f.id).collect()
            })
        });
    &BY_GROUP[group as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_1_numbers_grow_and_names_are_unique() {
        assert!(FIELDS.windows(2).all(|pair| (pair[0].id as u8) < pair[1].id as u8));
        assert!(FIELDS.iter().all(|field| (field.id as usize) < FIELD_SPAN));
        let mut names: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FIELDS.len());
    }

    #[test]
    fn every_graph_property_of_the_specification_is_here() {
        let top: std::collections::BTreeSet<&str> = FIELDS
            .iter()
            .filter(|field| field.graph != GraphVersion::None)
            .filter_map(|field| field.name.split('/').next())
            .collect();
        // 76 beta properties and `id`, and `riskEventTypes`, which only v1.0 has.
        assert_eq!(top.len(), 78, "{top:?}");
    }
}
