//! Enumerations of the Graph `signIn` resource and the unknown-member rule.
//!
//! Sources spell members differently (`Member` and `member`, `Device code flow` and
//! `deviceCodeFlow`) and diagnostic records give flags as a number; all of it becomes Graph's
//! spelling here.
//!
//! The unknown-member rule (ENUM-1): members listed after `unknownFutureValue` are shown as
//! `unknownFutureValue` unless the caller asks for all of them
//! (`Prefer: include-unknown-enum-members`). A value that is in no list was added after this
//! version was made and is treated like those; asked for, it is shown as its source wrote it.

use std::borrow::Cow;

/// A known set of members, in Graph's spelling.
#[derive(Debug, PartialEq)]
pub struct Enum {
    /// The type's name in Graph, or the member whose type it is.
    pub name: &'static str,
    /// The members in numeric order. A flags enumeration starts with its zero, `none`, and the
    /// member at position n > 0 is bit n - 1.
    pub members: &'static [&'static str],
    /// Can several members hold at once, joined by commas?
    pub flags: bool,
}

impl Enum {
    /// The position of a value among the members. Case, blanks and punctuation do not count.
    pub fn position(&self, value: &str) -> Option<usize> {
        let exact = self.members.iter().position(|member| *member == value);
        exact.or_else(|| self.members.iter().position(|member| same_letters(member, value)))
    }

    /// Graph's spelling of a single member.
    pub fn canonical(&self, value: &str) -> Option<&'static str> {
        self.position(value).map(|position| self.members[position])
    }

    /// The value as a caller may see it: in Graph's spelling, and by the unknown-member rule. In
    /// a flags enumeration the rule applies to each of the comma-joined members.
    pub fn shown<'a>(&self, value: &'a str, include_unknown: bool) -> Cow<'a, str> {
        if !self.flags || !value.contains(',') {
            return self.shown_member(value.trim(), include_unknown);
        }
        let mut members: Vec<Cow<'a, str>> = Vec::new();
        for part in value.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let member = self.shown_member(part, include_unknown);
            if !members.contains(&member) {
                members.push(member);
            }
        }
        Cow::Owned(members.join(","))
    }

    /// The same for a value given as a number: a position, or the sum of flags.
    pub fn shown_number(&self, number: i64, include_unknown: bool) -> Cow<'static, str> {
        let index = |number: i64| usize::try_from(number).ok();
        if !self.flags || number <= 0 {
            let member = index(number).and_then(|index| self.members.get(index));
            return member.map_or(Cow::Borrowed(self.unknown()), |member| {
                self.shown_member(member, include_unknown)
            });
        }
        let mut members: Vec<Cow<'static, str>> = Vec::new();
        for bit in (0..63).filter(|bit| number >> bit & 1 == 1) {
            let member = match self.members.get(bit + 1) {
                Some(member) => self.shown_member(member, include_unknown),
                None => Cow::Borrowed(self.unknown()),
            };
            if !members.contains(&member) {
                members.push(member);
            }
        }
        Cow::Owned(members.join(","))
    }

    fn shown_member<'a>(&self, value: &'a str, include_unknown: bool) -> Cow<'a, str> {
        let sentinel = self.sentinel();
        match self.position(value) {
            Some(position) if include_unknown || position <= sentinel => {
                Cow::Borrowed(self.members[position])
            }
            None if include_unknown => Cow::Borrowed(value),
            _ => Cow::Borrowed(self.unknown()),
        }
    }

    fn sentinel(&self) -> usize {
        self.position("unknownFutureValue").unwrap_or(self.members.len())
    }

    fn unknown(&self) -> &'static str {
        self.members.get(self.sentinel()).copied().unwrap_or("unknownFutureValue")
    }
}

/// Are the letters and digits of both the same, in any case?
fn same_letters(left: &str, right: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = u8> {
        let kept = text.bytes().filter(u8::is_ascii_alphanumeric);
        kept.map(|byte| byte.to_ascii_lowercase())
    }
    !right.is_empty() && letters(left).eq(letters(right))
}

macro_rules! enums {
    ($( $name:ident $graph:literal $flags:literal [$($member:literal)*]; )*) => {
        $(
            #[doc = concat!("Members of `", $graph, "`.")]
            pub static $name: Enum =
                Enum { name: $graph, members: &[$($member),*], flags: $flags };
        )*

        /// All of them.
        pub static ENUMS: &[&Enum] = &[$(&$name),*];
    };
}

enums! {
    // Of the sign-in itself.
    SIGN_IN_USER_TYPE "signInUserType" false ["member" "guest" "unknownFutureValue"];
    SIGN_IN_IDENTIFIER_TYPE "signInIdentifierType" false [
        "userPrincipalName" "phoneNumber" "proxyAddress" "qrCode" "onPremisesUserPrincipalName"
        "unknownFutureValue"];
    CROSS_TENANT_ACCESS_TYPE "crossTenantAccessType" true [
        "none" "b2bCollaboration" "b2bDirectConnect" "microsoftSupport" "serviceProvider"
        "unknownFutureValue" "passthrough"];
    CLIENT_CREDENTIAL_TYPE "clientCredentialType" false [
        "none" "clientSecret" "clientAssertion" "federatedIdentityCredential" "managedIdentity"
        "certificate" "unknownFutureValue"];
    CONDITIONAL_ACCESS_STATUS "conditionalAccessStatus" false [
        "success" "failure" "notApplied" "unknownFutureValue"];
    AUTHENTICATION_PROTOCOL "protocolType" true [
        "none" "oAuth2" "ropc" "wsFederation" "saml20" "deviceCode" "unknownFutureValue"
        "authenticationTransfer" "nativeAuth" "implicitAccessTokenAndGetResponseMode"
        "implicitIdTokenAndGetResponseMode" "implicitAccessTokenAndPostResponseMode"
        "implicitIdTokenAndPostResponseMode" "authorizationCodeWithoutPkce"
        "authorizationCodeWithPkce" "clientCredentials" "refreshTokenGrant"
        "encryptedAuthorizeResponse" "directUserGrant" "kerberos" "prtGrant" "seamlessSso"
        "prtBrokerBased" "prtNonBrokerBased" "onBehalfOf" "samlOnBehalfOf" "officeS2S" "wsTrust"];
    INCOMING_TOKEN_TYPE "incomingTokenType" true [
        "none" "primaryRefreshToken" "saml11" "saml20" "unknownFutureValue" "remoteDesktopToken"
        "refreshToken"];
    ORIGINAL_TRANSFER_METHOD "originalTransferMethods" false [
        "none" "deviceCodeFlow" "authenticationTransfer" "unknownFutureValue"];
    TOKEN_ISSUER_TYPE "tokenIssuerType" false [
        "AzureAD" "ADFederationServices" "UnknownFutureValue" "AzureADBackupAuth"
        "ADFederationServicesMFAAdapter" "NPSExtension"];
    TOKEN_PROTECTION_STATUS "tokenProtectionStatus" false [
        "none" "bound" "unbound" "unknownFutureValue"];
    RISK_DETAIL "riskDetail" false [
        "none" "adminGeneratedTemporaryPassword" "userPerformedSecuredPasswordChange"
        "userPerformedSecuredPasswordReset" "adminConfirmedSigninSafe" "aiConfirmedSigninSafe"
        "userPassedMFADrivenByRiskBasedPolicy" "adminDismissedAllRiskForUser"
        "adminConfirmedSigninCompromised" "hidden" "adminConfirmedUserCompromised"
        "unknownFutureValue" "m365DAdminDismissedDetection"
        "adminConfirmedServicePrincipalCompromised" "adminDismissedAllRiskForServicePrincipal"
        "userChangedPasswordOnPremises" "adminDismissedRiskForSignIn" "adminConfirmedAccountSafe"
        "microsoftRevokedSessions" "adminConfirmedAgentSafe" "adminConfirmedAgentCompromised"
        "adminDismissedRiskForAgent"];
    RISK_LEVEL "riskLevel" false ["low" "medium" "high" "hidden" "none" "unknownFutureValue"];
    RISK_STATE "riskState" false [
        "none" "confirmedSafe" "remediated" "dismissed" "atRisk" "confirmedCompromised"
        "unknownFutureValue"];
    RISK_EVENT_TYPE "riskEventType" false [
        "unlikelyTravel" "anonymizedIPAddress" "maliciousIPAddress" "unfamiliarFeatures"
        "malwareInfectedIPAddress" "suspiciousIPAddress" "leakedCredentials"
        "investigationsThreatIntelligence" "generic" "adminConfirmedUserCompromised"
        "mcasImpossibleTravel" "mcasSuspiciousInboxManipulationRules"
        "investigationsThreatIntelligenceSigninLinked"
        "maliciousIPAddressValidCredentialsBlockedIP" "unknownFutureValue"];

    // Of Conditional Access policies.
    POLICY_RESULT "result" false [
        "success" "failure" "notApplied" "notEnabled" "unknown" "unknownFutureValue"
        "reportOnlySuccess" "reportOnlyFailure" "reportOnlyNotApplied" "reportOnlyInterrupted"];
    CONDITIONS "conditionalAccessConditions" true [
        "none" "application" "users" "devicePlatform" "location" "clientType" "signInRisk"
        "userRisk" "time" "deviceState" "client" "ipAddressSeenByAzureAD"
        "ipAddressSeenByResourceProvider" "unknownFutureValue" "servicePrincipals"
        "servicePrincipalRisk" "authenticationFlows" "insiderRisk"];
    RULE "conditionalAccessRule" false [
        "allApps" "firstPartyApps" "office365" "appId" "acr" "appFilter" "allUsers" "guest"
        "groupId" "roleId" "userId" "allDevicePlatforms" "devicePlatform" "allLocations"
        "insideCorpnet" "allTrustedLocations" "locationId" "allDevices" "deviceFilter"
        "deviceState" "unknownFutureValue" "deviceFilterIncludeRuleNotMatched" "allDeviceStates"
        "anonymizedIPAddress" "unfamiliarFeatures" "nationStateIPAddress"
        "realTimeThreatIntelligence" "internalGuest" "b2bCollaborationGuest"
        "b2bCollaborationMember" "b2bDirectConnectUser" "otherExternalUser" "serviceProvider"
        "microsoftAdminPortals" "deviceCodeFlow" "authenticationTransfer" "insiderRisk"];
    STRENGTH_RESULT "authenticationStrengthResult" false [
        "notSet" "skippedForProofUp" "satisfied" "singleChallengeRequired"
        "multipleChallengesRequired" "singleRegistrationRequired" "multipleRegistrationsRequired"
        "cannotSatisfyDueToCombinationConfiguration" "cannotSatisfy" "unknownFutureValue"];

    // Of authentication.
    REQUIREMENT_PROVIDER "requirementProvider" false [
        "user" "request" "servicePrincipal" "v1ConditionalAccess" "multiConditionalAccess"
        "tenantSessionRiskPolicy" "accountCompromisePolicies" "v1ConditionalAccessDependency"
        "v1ConditionalAccessPolicyIdRequested" "mfaRegistrationRequiredByIdentityProtectionPolicy"
        "baselineProtection" "mfaRegistrationRequiredByBaselineProtection"
        "mfaRegistrationRequiredByMultiConditionalAccess" "enforcedForCspAdmins"
        "securityDefaults" "mfaRegistrationRequiredBySecurityDefaults" "proofUpCodeRequest"
        "crossTenantOutboundRule" "gpsLocationCondition" "riskBasedPolicy" "unknownFutureValue"
        "scopeBasedAuthRequirementPolicy" "authenticationStrengths"];
    EXPIRATION_REQUIREMENT "expirationRequirement" false [
        "rememberMultifactorAuthenticationOnTrustedDevices" "tenantTokenLifetimePolicy"
        "audienceTokenLifetimePolicy" "signInFrequencyPeriodicReauthentication" "ngcMfa"
        "signInFrequencyEveryTime" "unknownFutureValue"];
    CONTEXT_DETAIL "detail" false [
        "required" "previouslySatisfied" "notApplicable" "unknownFutureValue"];
    LISTENER_EVENT_TYPE "eventType" false [
        "tokenIssuanceStart" "pageRenderStart" "unknownFutureValue" "attributeCollectionStart"
        "attributeCollectionSubmit" "emailOtpSend" "passwordSubmit"];
    APP_POLICY_ADMIN "adminConfiguration" false [
        "notApplicable" "enabled" "disabled" "unknownFutureValue"];
    APP_POLICY_EVALUATION "authenticationEvaluation" false [
        "success" "failure" "unknownFutureValue"];
    APP_POLICY_STATUS "status" false [
        "unknown" "appLockOutOfDate" "appLockEnabled" "appLockDisabled" "appContextOutOfDate"
        "appContextShown" "appContextNotShown" "locationContextOutOfDate" "locationContextShown"
        "locationContextNotShown" "numberMatchOutOfDate" "numberMatchCorrectNumberEntered"
        "numberMatchIncorrectNumberEntered" "numberMatchDeny" "tamperResistantHardwareOutOfDate"
        "tamperResistantHardwareUsed" "tamperResistantHardwareNotUsed" "unknownFutureValue"];

    // Of the network, workloads and agents.
    NETWORK_TYPE "networkType" false [
        "intranet" "extranet" "namedNetwork" "trusted" "unknownFutureValue"
        "trustedNamedLocation"];
    MSI_TYPE "msiType" false ["none" "userAssigned" "systemAssigned" "unknownFutureValue"];
    AGENT_TYPE "agentType" false [
        "notAgentic" "agenticApp" "agenticAppInstance" "unknownFutureValue"
        "agentIdentityBlueprintPrincipal" "agentIDuser" "agenticAppBuilder"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enum_1_members_after_the_sentinel_are_hidden_unless_asked_for() {
        let cases: &[(&Enum, &str, &str, &str)] = &[
            (&SIGN_IN_USER_TYPE, "Member", "member", "member"),
            (&ORIGINAL_TRANSFER_METHOD, "Device code flow", "deviceCodeFlow", "deviceCodeFlow"),
            (&POLICY_RESULT, "reportOnlyFailure", "unknownFutureValue", "reportOnlyFailure"),
            (&POLICY_RESULT, "success", "success", "success"),
            (&TOKEN_ISSUER_TYPE, "NPSExtension", "UnknownFutureValue", "NPSExtension"),
            (&TOKEN_ISSUER_TYPE, "azuread", "AzureAD", "AzureAD"),
            (&CONDITIONAL_ACCESS_STATUS, "Paused", "unknownFutureValue", "Paused"),
            (
                &CROSS_TENANT_ACCESS_TYPE,
                "B2BCollaboration, passthrough",
                "b2bCollaboration,unknownFutureValue",
                "b2bCollaboration,passthrough",
            ),
            (
                &AUTHENTICATION_PROTOCOL,
                "kerberos,prtGrant",
                "unknownFutureValue",
                "kerberos,prtGrant",
            ),
            (&RISK_LEVEL, "low,high", "unknownFutureValue", "low,high"),
        ];
        for (enumeration, value, narrow, wide) in cases {
            assert_eq!(enumeration.shown(value, false), *narrow, "{value}");
            assert_eq!(enumeration.shown(value, true), *wide, "{value}");
        }
    }

    #[test]
    fn flags_given_as_a_number_become_names() {
        let cases: &[(i64, &str, &str)] = &[
            (0, "none", "none"),
            (19, "application,users,clientType", "application,users,clientType"),
            (1032, "location,ipAddressSeenByAzureAD", "location,ipAddressSeenByAzureAD"),
            (1 | 65536, "application,unknownFutureValue", "application,insiderRisk"),
            (8192 | 16384, "unknownFutureValue", "servicePrincipals,servicePrincipalRisk"),
            (1 << 40, "unknownFutureValue", "unknownFutureValue"),
            (-1, "unknownFutureValue", "unknownFutureValue"),
        ];
        for (sum, narrow, wide) in cases {
            assert_eq!(CONDITIONS.shown_number(*sum, false), *narrow, "{sum}");
            assert_eq!(CONDITIONS.shown_number(*sum, true), *wide, "{sum}");
        }
        assert_eq!(RULE.shown_number(6, false), "allUsers");
        assert_eq!(RULE.shown_number(36, true), "insiderRisk");
        assert_eq!(RULE.shown_number(37, true), "unknownFutureValue");
        assert_eq!(AUTHENTICATION_PROTOCOL.shown_number(67_108_864, true), "wsTrust");
        assert_eq!(CROSS_TENANT_ACCESS_TYPE.shown_number(32, true), "passthrough");
    }

    #[test]
    fn every_enumeration_has_one_sentinel_and_no_member_twice() {
        for enumeration in ENUMS {
            let sentinels = enumeration
                .members
                .iter()
                .filter(|member| member.eq_ignore_ascii_case("unknownFutureValue"));
            assert_eq!(sentinels.count(), 1, "{}", enumeration.name);
            for (position, member) in enumeration.members.iter().enumerate() {
                assert_eq!(enumeration.position(member), Some(position), "{member}");
            }
            assert_eq!(enumeration.flags, enumeration.flags && enumeration.members[0] == "none");
        }
    }
}
