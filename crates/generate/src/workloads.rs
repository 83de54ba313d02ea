//! Service principals and managed identities.

use crate::dice::{Dice, Guid, Topic};
use crate::networks::{NetworkKind, Origin};

/// How a service principal proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    Secret,
    Certificate,
    Federated,
}

/// An application that signs in as itself.
#[derive(Debug)]
pub(crate) struct Principal {
    pub(crate) id: Guid,
    pub(crate) app: Guid,
    pub(crate) name: String,
    pub(crate) credential: Credential,
    pub(crate) key: Guid,
    /// Hexadecimal SHA-1 thumbprint of the certificate.
    pub(crate) thumbprint: String,
    pub(crate) egress: Vec<Origin>,
    pub(crate) resources: Vec<u16>,
    pub(crate) period_minutes: i64,
    pub(crate) user_agent: &'static str,
    pub(crate) library: &'static str,
}

/// An identity that the platform holds for a resource.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) id: Guid,
    pub(crate) app: Guid,
    pub(crate) name: String,
    pub(crate) user_assigned: bool,
    pub(crate) resource_path: String,
    pub(crate) resources: Vec<u16>,
    pub(crate) period_minutes: i64,
}

const DUTIES: &[&str] = &[
    "backup-runner",
    "hr-sync",
    "invoice-export",
    "build-agent",
    "infra-pipeline",
    "metrics-pull",
    "mail-relay",
    "crm-connector",
    "badge-import",
    "license-report",
    "directory-export",
    "ticket-bridge",
    "data-lake-load",
    "secret-rotation",
    "site-monitor",
    "parts-feed",
];
const AGENTS: &[(&str, &str)] = &[
    ("okhttp/4.12.0", "Family: MSAL Library: MSAL.Java 1.17.2 Platform: Java"),
    ("python-requests/2.32.3", "Family: MSAL Library: MSAL.Python 1.31.1 Platform: Python"),
    ("", "Family: MSAL Library: MSAL.NetCore 4.66.2.0 Platform: .NET 8.0"),
    ("Go-http-client/2.0", "Family: MSAL Library: MSAL.Go 1.2.1 Platform: Go"),
    ("azsdk-js/1.0", "Family: MSAL Library: MSAL.Node 2.16.2 Platform: Node"),
];
/// Positions of data-centre cities: Dublin, Amsterdam, Chicago.
const CLOUD_CITIES: [u8; 3] = [2, 6, 33];

/// Resources that workloads ask for, as numbers of the list of resources.
const TARGETS: &[u16] = &[0, 0, 8, 9, 4, 10, 11, 3, 16, 17, 18];

pub(crate) fn principals(seed: u64, count: u16) -> Vec<Principal> {
    (0..count)
        .map(|number| {
            let mut dice = Dice::new(seed, Topic::Workload, 0, u64::from(number));
            let duty = DUTIES[usize::from(number) % DUTIES.len()];
            let credential = match dice.below(10) {
                0..5 => Credential::Secret,
                5..8 => Credential::Certificate,
                _ => Credential::Federated,
            };
            let city = *dice.pick(&CLOUD_CITIES);
            let first = u32::from(number) * 3;
            let hosts = dice.below(3) + 1;
            let (user_agent, library) = *dice.pick(AGENTS);
            let thumbprint = if credential == Credential::Certificate {
                format!("{:016X}{:016X}{:08X}", dice.bits(), dice.bits(), dice.bits() as u32)
            } else {
                String::new()
            };
            let mut resources = vec![*dice.pick(TARGETS)];
            if dice.chance(500) {
                resources.push(*dice.pick(TARGETS));
            }
            Principal {
                id: dice.guid(),
                app: dice.guid(),
                name: format!("{duty}-{:02}", number / DUTIES.len() as u16 + 1),
                credential,
                key: dice.guid(),
                thumbprint,
                egress: (first..first + hosts)
                    .map(|host| Origin { kind: NetworkKind::Cloud, city, host })
                    .collect(),
                resources,
                period_minutes: *dice.pick(&[5, 15, 30, 60, 60, 60, 60, 120, 360]),
                user_agent,
                library,
            }
        })
        .collect()
}

pub(crate) fn identities(seed: u64, count: u16) -> Vec<Identity> {
    const KINDS: &[(&str, &str)] = &[
        ("Microsoft.Compute/virtualMachines", "vm"),
        ("Microsoft.Web/sites", "func"),
        ("Microsoft.Logic/workflows", "flow"),
        ("Microsoft.Automation/automationAccounts", "auto"),
        ("Microsoft.ContainerService/managedClusters", "aks"),
    ];
    let subscription = Dice::new(seed, Topic::Workload, 2, 0).guid();
    (0..count)
        .map(|number| {
            let mut dice = Dice::new(seed, Topic::Workload, 1, u64::from(number));
            let user_assigned = dice.chance(400);
            let (kind, prefix) = *dice.pick(KINDS);
            let duty = DUTIES[(usize::from(number) * 5 + 3) % DUTIES.len()];
            let (kind, prefix) = if user_assigned {
                ("Microsoft.ManagedIdentity/userAssignedIdentities", "id")
            } else {
                (kind, prefix)
            };
            let name = format!("{prefix}-{duty}-{number:02}");
            let resource_path = format!(
                "/subscriptions/{subscription}/resourcegroups/rg-{duty}/providers/{kind}/{name}"
            );
            Identity {
                id: dice.guid(),
                app: dice.guid(),
                name,
                user_assigned,
                resource_path,
                resources: vec![*dice.pick(&[8, 9, 4, 10]), *dice.pick(&[8, 9, 0, 11])],
                period_minutes: *dice.pick(&[20, 60, 60, 240]),
            }
        })
        .collect()
}
