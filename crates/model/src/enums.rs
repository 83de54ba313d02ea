//! Enumerations of the Graph `signIn` resource and the unknown-member rule.

/// A known set of members, in Graph's spelling.
#[derive(Debug, PartialEq)]
pub struct Enum {
    /// Graph's name of the type.
    pub name: &'static str,
    /// The members in numeric order. Those after `unknownFutureValue` are shown to a caller as
    /// `unknownFutureValue` unless it asks for all (`Prefer: include-unknown-enum-members`).
    pub members: &'static [&'static str],
    /// Can several members hold at once, joined by commas?
    pub flags: bool,
}

macro_rules! enums {
    ($( $name:ident $graph:literal $flags:literal [$($member:literal)*]; )*) => {
        $(
            #[doc = concat!("Graph's `", $graph, "`.")]
            pub static $name: Enum =
                Enum { name: $graph, members: &[$($member),*], flags: $flags };
        )*
    };
}

enums! {
    SIGN_IN_USER_TYPE "signInUserType" false ["member" "guest" "unknownFutureValue"];
    SIGN_IN_IDENTIFIER_TYPE "signInIdentifierType" false [];
    CROSS_TENANT_ACCESS_TYPE "crossTenantAccessType" true [];
    CLIENT_CREDENTIAL_TYPE "clientCredentialType" false [];
    CONDITIONAL_ACCESS_STATUS "conditionalAccessStatus" false [];
    AUTHENTICATION_PROTOCOL "protocolType" true [];
    INCOMING_TOKEN_TYPE "incomingTokenType" true [];
    ORIGINAL_TRANSFER_METHOD "originalTransferMethods" false [];
    TOKEN_ISSUER_TYPE "tokenIssuerType" false [];
    TOKEN_PROTECTION_STATUS "tokenProtectionStatus" false [];
    RISK_DETAIL "riskDetail" false [];
    RISK_LEVEL "riskLevel" false [];
    RISK_STATE "riskState" false [];
}
