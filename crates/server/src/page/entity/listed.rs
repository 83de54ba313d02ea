//! What the lists list.

use durward_model::{FieldId, Log};
use durward_query::aggregate::USERS as USER;

use crate::page::link;

/// A kind of entity.
pub(super) struct Listed {
    pub(super) path: &'static str,
    /// What one of them is called.
    pub(super) one: &'static str,
    /// What it is known by.
    pub(super) id: FieldId,
    /// What it is called, and what else is said of it; stored with the identifier.
    pub(super) names: &'static [FieldId],
    pub(super) logs: &'static [Log],
    /// What its sign-ins have different ones of, and what those are called.
    pub(super) distinct: Option<(&'static [FieldId], &'static str)>,
    pub(super) page: fn(&str) -> String,
}

const USER_LOGS: &[Log] = &[Log::InteractiveUser, Log::NonInteractiveUser];

pub(super) static USERS: Listed = Listed {
    path: "/users",
    one: "user",
    id: FieldId::UserId,
    names: &[FieldId::UserDisplayName, FieldId::UserPrincipalName],
    logs: USER_LOGS,
    distinct: None,
    page: link::user,
};

pub(super) static APPS: Listed = Listed {
    path: "/apps",
    one: "application",
    id: FieldId::AppId,
    names: &[FieldId::AppDisplayName],
    logs: &Log::SIGN_INS,
    distinct: Some((&USER, "Users")),
    page: link::app,
};

pub(super) static RESOURCES: Listed = Listed {
    path: "/resources",
    one: "resource",
    id: FieldId::ResourceId,
    names: &[FieldId::ResourceDisplayName],
    logs: &Log::SIGN_INS,
    distinct: Some((&USER, "Users")),
    page: link::resource,
};

pub(super) static ADDRESSES: Listed = Listed {
    path: "/ips",
    one: "address",
    id: FieldId::IpAddress,
    names: &[FieldId::City, FieldId::CountryOrRegion, FieldId::AutonomousSystemNumber],
    logs: &Log::SIGN_INS,
    distinct: Some((&USER, "Users")),
    page: link::ip,
};

pub(super) static DEVICES: Listed = Listed {
    path: "/devices",
    one: "device",
    id: FieldId::DeviceId,
    names: &[FieldId::DeviceDisplayName, FieldId::OperatingSystem],
    logs: USER_LOGS,
    distinct: Some((&USER, "Users")),
    page: link::device,
};

pub(super) static WORKLOADS: Listed = Listed {
    path: "/workloads",
    one: "workload identity",
    id: FieldId::ServicePrincipalId,
    names: &[FieldId::ServicePrincipalName, FieldId::ClientCredentialType],
    logs: &[Log::ServicePrincipal, Log::ManagedIdentity],
    distinct: Some((&[FieldId::ResourceId], "Resources")),
    page: link::workload,
};

/// All of them, in the order of the way between the lists.
pub(super) static ALL: [&Listed; 6] = [&USERS, &APPS, &RESOURCES, &WORKLOADS, &ADDRESSES, &DEVICES];

/// What the list at a path is called.
pub(super) fn title(path: &str) -> &'static str {
    match path {
        "/users" => "Users",
        "/apps" => "Applications",
        "/resources" => "Resources",
        "/ips" => "Networks",
        "/devices" => "Devices",
        _ => "Workload identities",
    }
}

impl Listed {
    pub(super) fn title(&self) -> &'static str {
        title(self.path)
    }
}
