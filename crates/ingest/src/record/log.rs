//! Which log a record belongs to.

use durward_model::batch::Row;
use durward_model::cell::Cell;
use durward_model::field::{FieldId, Log};

use crate::table::facts;

/// Categories of diagnostic settings and tables of Log Analytics.
const CATEGORIES: [(&str, Log); 28] = [
    ("SignInLogs", Log::InteractiveUser),
    ("SignIn", Log::InteractiveUser),
    ("ADFSSignInLogs", Log::InteractiveUser),
    ("NonInteractiveUserSignInLogs", Log::NonInteractiveUser),
    ("AADNonInteractiveUserSignInLogs", Log::NonInteractiveUser),
    ("ServicePrincipalSignInLogs", Log::ServicePrincipal),
    ("AADServicePrincipalSignInLogs", Log::ServicePrincipal),
    ("MicrosoftServicePrincipalSignInLogs", Log::ServicePrincipal),
    ("AADFirstPartyToFirstPartySignInLogs", Log::ServicePrincipal),
    ("ManagedIdentitySignInLogs", Log::ManagedIdentity),
    ("AADManagedIdentitySignInLogs", Log::ManagedIdentity),
    ("AuditLogs", Log::Audit),
    ("ProvisioningLogs", Log::Provisioning),
    ("AADProvisioningLogs", Log::Provisioning),
    ("RiskyUsers", Log::Risk),
    ("AADRiskyUsers", Log::Risk),
    ("UserRiskEvents", Log::Risk),
    ("AADUserRiskEvents", Log::Risk),
    ("RiskyServicePrincipals", Log::Risk),
    ("AADRiskyServicePrincipals", Log::Risk),
    ("ServicePrincipalRiskEvents", Log::Risk),
    ("AADServicePrincipalRiskEvents", Log::Risk),
    ("RiskyAgents", Log::Risk),
    ("AADRiskyAgents", Log::Risk),
    ("AgentRiskEvents", Log::Risk),
    ("AADAgentRiskEvents", Log::Risk),
    ("MicrosoftGraphActivityLogs", Log::Other),
    ("NetworkAccessTrafficLogs", Log::Other),
];

/// The log of a category or table, in any case; `None` if it is not known.
pub(crate) fn of_category(name: &str) -> Option<Log> {
    CATEGORIES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, log)| *log)
}

/// What was learned about a record while reading it.
pub(crate) struct Signs {
    pub(crate) facts: u16,
    pub(crate) table: Option<Log>,
    pub(crate) called_sign_in: bool,
    /// What the file says of sign-ins that do not say it themselves.
    pub(crate) hint: Option<Log>,
    /// Is the category one of records, not of the audited activity?
    pub(crate) has_envelope: bool,
}

/// The log of a record. What it is called decides before what it has in it.
pub(crate) fn of_record(signs: &Signs, row: &Row<'_>) -> Log {
    if let Some(log) = signs.table {
        return log;
    }
    let category = row.get(FieldId::Category).as_text();
    if let Some(log) = category.and_then(of_category) {
        return log;
    }
    let has = |bits: u16| signs.facts & bits != 0;
    if has(facts::RISKY_ENTITY | facts::RISK) && !signs.called_sign_in {
        return Log::Risk;
    }
    if has(facts::AUDIT) && !signs.called_sign_in {
        return Log::Audit;
    }
    if has(facts::PROVISIONING) && !signs.called_sign_in {
        return Log::Provisioning;
    }
    // A category that is not known names a log that is not known.
    let unknown_category = signs.has_envelope && category.is_some();
    if signs.called_sign_in || (has(facts::SIGN_IN) && !unknown_category) {
        return of_sign_in(row).or(signs.hint).unwrap_or(Log::InteractiveUser);
    }
    Log::Other
}

/// The log a sign-in says it is of. `isInteractive` says nothing: it is false on many records of
/// the interactive log (quirk 7).
fn of_sign_in(row: &Row<'_>) -> Option<Log> {
    if let Some(types) = row.get(FieldId::SignInEventTypes).as_text() {
        let named = |log: &&Log| types.contains(&format!("\"{}\"", log.name()));
        // Kinds after the first are the more special ones.
        if let Some(log) = Log::SIGN_INS.iter().rev().find(named) {
            return Some(*log);
        }
    }
    let filled = |field| matches!(row.get(field), Cell::Text(text) if !text.is_empty());
    if filled(FieldId::UserId) || filled(FieldId::UserPrincipalName) {
        return None;
    }
    let identity = row.get(FieldId::ManagedServiceIdentity).as_text();
    if identity.is_some_and(|json| json.len() > 2 && !json.contains("\"msiType\":\"none\"")) {
        return Some(Log::ManagedIdentity);
    }
    filled(FieldId::ServicePrincipalId).then_some(Log::ServicePrincipal)
}
