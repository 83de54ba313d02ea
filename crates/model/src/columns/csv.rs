//! Layout of CSV downloads.
//!
//! Two layouts: *as portal*, the headers and order of the admin centre's own files so that what
//! reads those reads ours, and *all fields*, every field under its name. The portal's blank at the
//! end of `Application ID ` and its double blank in `Autonomous system  number` are kept; its
//! second `Incoming token type` is not, because readers that key cells by header refuse a file
//! that has one twice.

use std::borrow::Cow;

use super::text;
use super::{Column, by_name, export_columns};
use crate::event::Event;
use crate::field::Log;

/// A layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The admin centre's files.
    Portal,
    /// Every field under its name.
    AllFields,
}

/// A column of a file: its header and what fills it.
#[derive(Clone, Copy, Debug)]
pub struct CsvColumn {
    /// The header, to be written exactly.
    pub header: &'static str,
    /// What fills it.
    pub column: &'static Column,
    layout: Layout,
}

/// Headers and columns of the portal's files for users.
const USERS: &[(&str, &str)] = &[
    ("Date (UTC)", "createdDateTime"),
    ("Request ID", "id"),
    ("User agent", "userAgent"),
    ("Correlation ID", "correlationId"),
    ("User ID", "userId"),
    ("User", "userDisplayName"),
    ("Username", "userPrincipalName"),
    ("User type", "userType"),
    ("Cross tenant access type", "crossTenantAccessType"),
    ("Incoming token type", "incomingTokenType"),
    ("Authentication Protocol", "authenticationProtocol"),
    ("Unique token identifier", "uniqueTokenIdentifier"),
    ("Original transfer method", "originalTransferMethod"),
    ("Client credential type", "clientCredentialType"),
    ("Token Protection - Sign In Session", "signInTokenProtectionStatus"),
    (
        "Token Protection - Sign In Session StatusCode",
        "tokenProtectionStatusDetails/signInSessionStatusCode",
    ),
    ("Application", "appDisplayName"),
    ("Application ID ", "appId"),
    ("App owner tenant ID", "appOwnerTenantId"),
    ("Resource", "resourceDisplayName"),
    ("Resource ID ", "resourceId"),
    ("Resource tenant ID", "resourceTenantId"),
    ("Resource owner tenant ID", "resourceOwnerTenantId"),
    ("Home tenant ID", "homeTenantId"),
    ("Home tenant name", "homeTenantName"),
    ("IP address", "ipAddress"),
    ("Location", "location"),
    ("Status", "status"),
    ("Sign-in error code", "status/errorCode"),
    ("Failure reason", "status/failureReason"),
    ("Client app", "clientAppUsed"),
    ("Device ID", "deviceDetail/deviceId"),
    ("Browser", "deviceDetail/browser"),
    ("Operating System", "deviceDetail/operatingSystem"),
    ("Compliant", "deviceDetail/isCompliant"),
    ("Managed", "deviceDetail/isManaged"),
    ("Join Type", "deviceDetail/trustType"),
    ("Multifactor authentication result", "mfaResult"),
    ("Multifactor authentication auth method", "mfaDetail/authMethod"),
    ("Multifactor authentication auth detail", "mfaDetail/authDetail"),
    ("Authentication requirement", "authenticationRequirement"),
    ("Sign-in identifier", "signInIdentifier"),
    ("Session ID", "sessionId"),
    ("IP address (seen by resource)", "ipAddressFromResourceProvider"),
    ("Through Global Secure Access", "isThroughGlobalSecureAccess"),
    ("Global Secure Access IP address", "globalSecureAccessIpAddress"),
    ("Autonomous system  number", "autonomousSystemNumber"),
    ("Flagged for review", "flaggedForReview"),
    ("Token issuer type", "tokenIssuerType"),
    ("Token issuer name", "tokenIssuerName"),
    ("Latency", "processingTimeInMilliseconds"),
    ("Conditional Access", "conditionalAccessStatus"),
    MANAGED_IDENTITY[0],
    MANAGED_IDENTITY[1],
    MANAGED_IDENTITY[2],
    MANAGED_IDENTITY[3],
];

/// Headers and columns of the portal's file for service principals.
const SERVICE_PRINCIPALS: &[(&str, &str)] = &[
    ("Date (UTC)", "createdDateTime"),
    ("Request ID", "id"),
    ("Correlation ID", "correlationId"),
    ("Service principal ID", "servicePrincipalId"),
    ("Service principal name", "servicePrincipalName"),
    ("Credential key ID", "servicePrincipalCredentialKeyId"),
    ("Credential thumbprint", "servicePrincipalCredentialThumbprint"),
    ("Application", "appDisplayName"),
    ("Application ID ", "appId"),
    ("App owner tenant ID", "appOwnerTenantId"),
    ("Resource", "resourceDisplayName"),
    ("Resource ID ", "resourceId"),
    ("Resource tenant ID", "resourceTenantId"),
    ("Resource owner tenant ID", "resourceOwnerTenantId"),
    ("Home tenant ID", "homeTenantId"),
    ("Home tenant name", "homeTenantName"),
    ("IP address", "ipAddress"),
    ("Location", "location"),
    ("Status", "status"),
    ("Sign-in error code", "status/errorCode"),
    ("Failure reason", "status/failureReason"),
    ("Conditional Access", "conditionalAccessStatus"),
];

/// What the file for managed identities has besides; the first four are in the users' file too.
const MANAGED_IDENTITY: [(&str, &str); 5] = [
    ("Managed Identity type", "managedServiceIdentity/msiType"),
    ("Associated Resource Id", "managedServiceIdentity/associatedResourceId"),
    ("Federated Token Id", "managedServiceIdentity/federatedTokenId"),
    ("Federated Token Issuer", "managedServiceIdentity/federatedTokenIssuer"),
    ("Federated credential ID", "federatedCredentialId"),
];

/// The columns of a file with the sign-ins of one log. The portal's files for managed identities
/// are taken to be those for service principals with five more columns. Several logs in one file
/// have no portal layout: [`Layout::AllFields`] is the one for them.
pub fn columns(layout: Layout, log: Log) -> Vec<CsvColumn> {
    let named = |pairs: &[(&'static str, &str)]| -> Vec<CsvColumn> {
        pairs
            .iter()
            .filter_map(|(header, name)| Some(CsvColumn { header, column: by_name(name)?, layout }))
            .collect()
    };
    match (layout, log) {
        (Layout::AllFields, _) => {
            export_columns().map(|c| CsvColumn { header: c.name, column: c, layout }).collect()
        }
        (_, Log::ServicePrincipal) => named(SERVICE_PRINCIPALS),
        (_, Log::ManagedIdentity) => {
            let mut columns = named(SERVICE_PRINCIPALS);
            columns.extend(named(&MANAGED_IDENTITY));
            columns
        }
        _ => named(USERS),
    }
}

/// The header as our own column metadata has it: the portal's, trimmed and with single blanks.
pub fn tidy(header: &str) -> String {
    header.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl CsvColumn {
    /// The cell for an event, not yet quoted.
    pub fn cell<'e>(&self, event: &'e Event) -> Cow<'e, str> {
        match (self.layout, self.column.name) {
            // The portal writes this status in words.
            (Layout::Portal, "conditionalAccessStatus") => {
                Cow::Owned(text::short(self.column, event))
            }
            _ => text::complete(self.column, event),
        }
    }
}

/// Appends cells as one line of CSV (RFC 4180, CRLF).
pub fn write_line<'c>(cells: impl IntoIterator<Item = impl AsRef<str> + 'c>, out: &mut String) {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_cell(cell.as_ref(), out);
    }
    out.push_str("\r\n");
}

fn write_cell(cell: &str, out: &mut String) {
    let edge = |letter: Option<char>| letter.is_some_and(char::is_whitespace);
    let quoted = cell.contains(['"', ',', '\r', '\n'])
        || edge(cell.chars().next())
        || edge(cell.chars().next_back());
    if !quoted {
        out.push_str(cell);
        return;
    }
    out.push('"');
    for (index, part) in cell.split('"').enumerate() {
        if index > 0 {
            out.push_str("\"\"");
        }
        out.push_str(part);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::FIELDS;
    use crate::graph::sample;

    #[test]
    fn portal_files_have_the_portals_headers() {
        let headers =
            |log| columns(Layout::Portal, log).iter().map(|c| c.header).collect::<Vec<_>>();
        assert_eq!(headers(Log::InteractiveUser).len(), 56);
        assert_eq!(headers(Log::NonInteractiveUser), headers(Log::InteractiveUser));
        assert_eq!(headers(Log::ServicePrincipal).len(), 22);
        assert_eq!(headers(Log::ManagedIdentity).len(), 27);
        assert!(headers(Log::InteractiveUser).contains(&"Autonomous system  number"));
    }

    #[test]
    fn the_catalogue_and_the_layouts_name_the_same_headers() {
        let mut listed: Vec<(String, &str)> = [Log::InteractiveUser, Log::ManagedIdentity]
            .into_iter()
            .flat_map(|log| columns(Layout::Portal, log))
            .filter(|c| matches!(c.column.source, super::super::Source::Field(_)))
            .map(|c| (tidy(c.header), c.column.name))
            .collect();
        let with_header = FIELDS.iter().filter(|field| !field.csv.is_empty());
        let mut catalogued: Vec<(String, &str)> =
            with_header.map(|field| (field.csv.to_owned(), field.name)).collect();
        listed.sort_unstable();
        listed.dedup();
        catalogued.sort_unstable();
        assert_eq!(listed, catalogued);
    }

    #[test]
    fn a_line_of_each_layout() {
        let event = sample::interactive();
        let line = |layout, names: &[&str]| {
            let mut out = String::new();
            let columns = columns(layout, Log::InteractiveUser);
            let kept = columns.iter().filter(|c| names.contains(&c.column.name));
            write_line(kept.map(|c| c.cell(&event)), &mut out);
            out
        };
        assert_eq!(
            line(
                Layout::Portal,
                &[
                    "createdDateTime",
                    "userDisplayName",
                    "location",
                    "status",
                    "conditionalAccessStatus"
                ]
            ),
            "2026-03-02T07:41:09.12345Z,\"Ana \"\"A\"\" Ruiz\",\"Vigo, Galicia, ES\",Failure,Failure\r\n"
        );
        assert_eq!(
            line(
                Layout::AllFields,
                &["log", "location/city", "conditionalAccessStatus", "userAgent"]
            ),
            "interactiveUser,,Vigo,failure\r\n"
        );
        let mut header = String::new();
        write_line(
            columns(Layout::Portal, Log::ServicePrincipal).iter().map(|c| c.header),
            &mut header,
        );
        assert!(header.contains(",\"Application ID \","), "{header}");
    }
}
