//! Permissions of Microsoft Graph, as tokens carry them, and our own scopes of tokens.

use crate::right::{Right, Rights};

/// Names that tokens can be given, what they allow, and in words.
pub const PERMISSIONS: [(&str, Rights, &str); 20] = {
    use Right::*;
    const LOGS: Rights =
        Rights::of(&[ReadOwn, ReadUserSignIns, ReadWorkloadSignIns, ReadAudit, Export]);
    const AUDIT_LOG: Rights = LOGS.either(Rights::of(&[ReadProvisioning]));
    const CONDITIONAL_ACCESS: Rights = Rights::of(&[ReadConditionalAccess]);
    const RISK: Rights = Rights::of(&[ReadRisk]);
    const USER_RISK: Rights = RISK.either(Rights::of(&[DecideUserRisk]));
    const WORKLOAD_RISK: Rights = RISK.either(Rights::of(&[DecideWorkloadRisk]));
    const ALERTS: Rights = RISK.either(Rights::of(&[WorkAlerts]));
    const READ: Rights = AUDIT_LOG.either(CONDITIONAL_ACCESS).either(RISK);
    [
        ("read", READ, "read all logs with all details"),
        ("ingest", Rights::of(&[Ingest]), "push records"),
        ("metrics", Rights::of(&[ReadMetrics]), "read metrics"),
        ("access-log", Rights::of(&[ReadAccessLog]), "read the access log"),
        ("AuditLog.Read.All", AUDIT_LOG, "read sign-in, audit and provisioning logs"),
        ("Directory.Read.All", LOGS, "read sign-in and audit logs"),
        ("ProvisioningLog.Read.All", Rights::of(&[ReadProvisioning]), "read provisioning logs"),
        ("Policy.Read.All", CONDITIONAL_ACCESS, "see Conditional Access details"),
        ("Policy.Read.ConditionalAccess", CONDITIONAL_ACCESS, "see Conditional Access details"),
        (
            "Policy.ReadWrite.ConditionalAccess",
            CONDITIONAL_ACCESS,
            "see Conditional Access details",
        ),
        ("IdentityRiskEvent.Read.All", RISK, "read risk records"),
        ("IdentityRiskEvent.ReadWrite.All", RISK, "read risk records"),
        ("IdentityRiskyUser.Read.All", RISK, "read risk records"),
        ("IdentityRiskyUser.ReadWrite.All", USER_RISK, "decide about the risk of users"),
        ("IdentityRiskyServicePrincipal.Read.All", RISK, "read risk records"),
        (
            "IdentityRiskyServicePrincipal.ReadWrite.All",
            WORKLOAD_RISK,
            "decide about the risk of applications",
        ),
        ("IdentityRiskyAgent.Read.All", RISK, "read risk records"),
        (
            "IdentityRiskyAgent.ReadWrite.All",
            WORKLOAD_RISK,
            "decide about the risk of applications",
        ),
        ("SecurityAlert.Read.All", RISK, "read risk records"),
        ("SecurityAlert.ReadWrite.All", ALERTS, "work on alerts"),
    ]
};

/// What a permission allows; nothing if durward does not know it. Case does not matter.
pub fn rights_of(permission: &str) -> Rights {
    let known = PERMISSIONS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(permission));
    known.map_or(Rights::NONE, |(_, rights, _)| *rights)
}

/// What several permissions allow together.
pub fn rights_of_all<'p>(permissions: impl IntoIterator<Item = &'p str>) -> Rights {
    permissions.into_iter().map(rights_of).fold(Rights::NONE, Rights::either)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graph_permissions_allow_what_they_allow_in_graph() {
        let audit = rights_of("auditlog.read.all");
        assert!(audit.has(Right::ReadUserSignIns) && !audit.has(Right::ReadConditionalAccess));
        assert!(!audit.has(Right::Ingest) && !audit.has(Right::ReadRisk));
        let both = rights_of_all(["AuditLog.Read.All", "Policy.Read.ConditionalAccess"]);
        assert!(both.has(Right::ReadConditionalAccess));
        assert_eq!(rights_of("User.Read"), Rights::NONE);
        let (user, workload) = (Right::DecideUserRisk, Right::DecideWorkloadRisk);
        let decide = rights_of("IdentityRiskyUser.ReadWrite.All");
        assert!(decide.has(user) && decide.has(Right::ReadRisk) && !decide.has(workload));
        for reads in ["read", "IdentityRiskyUser.Read.All", "IdentityRiskEvent.ReadWrite.All"] {
            assert!(!rights_of(reads).has(user) && !rights_of(reads).has(workload), "{reads}");
        }
        let ingest = rights_of("ingest");
        assert_eq!(ingest, Rights::of(&[Right::Ingest]));
    }
}
