//! Applications and the resources they ask tokens for.
//!
//! The core are Microsoft's own applications under their published identifiers, because detections
//! and people know them by those; the rest are invented services of invented vendors.

use crate::dice::{Dice, Guid, Topic};

/// How an application signs in, which decides client, user agent and protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AppKind {
    /// In the browser.
    Web,
    /// Installed on a computer.
    Desktop,
    /// Installed on a phone.
    Phone,
    /// A command line or developer tool.
    Tool,
    /// Part of the operating system or of the platform.
    System,
    /// A client that speaks an old mail protocol.
    Mail,
}

/// Who owns an application or resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Microsoft,
    Tenant,
    Vendor,
}

/// An application.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) id: Guid,
    pub(crate) name: String,
    pub(crate) kind: AppKind,
    pub(crate) owner: Owner,
    pub(crate) owner_tenant: Guid,
    /// Resources it asks tokens for, most often the first.
    pub(crate) resources: Vec<u16>,
    /// Part of "Office 365" as Conditional Access sees it.
    pub(crate) office: bool,
    /// Part of the administration portals as Conditional Access sees them.
    pub(crate) admin: bool,
}

/// A resource.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) id: Guid,
    pub(crate) name: String,
    pub(crate) principal: Guid,
    pub(crate) owner_tenant: Guid,
    /// Scopes asked for, as JSON text inside JSON text.
    pub(crate) scopes: &'static str,
}

/// The tenant that owns Microsoft's own services.
const MICROSOFT_TENANT: &str = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";

/// Numbers of resources that other modules refer to.
pub(crate) mod resource {
    pub(crate) const GRAPH: u16 = 0;
    pub(crate) const EXCHANGE: u16 = 1;
    pub(crate) const DEVICE_REGISTRATION: u16 = 7;
}

/// Numbers of applications that other modules refer to.
pub(crate) mod app {
    pub(crate) const OFFICE_HOME: u16 = 0;
    pub(crate) const OUTLOOK_WEB: u16 = 1;
    pub(crate) const AZURE_PORTAL: u16 = 2;
    pub(crate) const TEAMS: u16 = 3;
    pub(crate) const OFFICE: u16 = 4;
    pub(crate) const ONEDRIVE: u16 = 5;
    pub(crate) const OUTLOOK_MOBILE: u16 = 6;
    pub(crate) const BROKER: u16 = 7;
    pub(crate) const WINDOWS: u16 = 8;
    pub(crate) const CLI: u16 = 9;
    pub(crate) const MAIL: u16 = 10;
}

const RESOURCES: &[(&str, &str, &str)] = &[
    (
        "00000003-0000-0000-c000-000000000000",
        "Microsoft Graph",
        r#"[\"openid\",\"profile\",\"User.Read\",\"Mail.Read\"]"#,
    ),
    (
        "00000002-0000-0ff1-ce00-000000000000",
        "Office 365 Exchange Online",
        r#"[\"EWS.AccessAsUser.All\",\"Mail.ReadWrite\"]"#,
    ),
    (
        "00000003-0000-0ff1-ce00-000000000000",
        "Office 365 SharePoint Online",
        r#"[\"AllSites.Write\",\"MyFiles.Write\"]"#,
    ),
    (
        "00000002-0000-0000-c000-000000000000",
        "Windows Azure Active Directory",
        r#"[\"UserProfile.Read\"]"#,
    ),
    (
        "797f4846-ba00-4fd7-ba43-dac1f8f63013",
        "Windows Azure Service Management API",
        r#"[\"user_impersonation\"]"#,
    ),
    (
        "cc15fd57-2c6c-4117-a88c-83b1d56b4bbe",
        "Microsoft Teams Services",
        r#"[\"user_impersonation\",\"Teams.AccessAsUser.All\"]"#,
    ),
    (
        "00000004-0000-0ff1-ce00-000000000000",
        "Skype for Business Online",
        r#"[\"Contacts.ReadWrite\"]"#,
    ),
    (
        "01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9",
        "Device Registration Service",
        r#"[\"self_service_device_delete\"]"#,
    ),
    ("cfa8b339-82a2-471a-a3c9-0fc0be7a4093", "Azure Key Vault", r#"[\"user_impersonation\"]"#),
    ("e406a681-f3d4-42a8-90b6-c2b029497af1", "Azure Storage", r#"[\"user_impersonation\"]"#),
    ("022907d3-0f1b-48f7-badc-1ba6abab6d66", "Azure SQL Database", r#"[\"user_impersonation\"]"#),
    ("ca7f3f0b-7d91-482c-8e09-c5d840d0eac5", "Log Analytics API", r#"[\"Data.Read\"]"#),
    ("0000000a-0000-0000-c000-000000000000", "Microsoft Intune", r#"[\"user_impersonation\"]"#),
    (
        "00000009-0000-0000-c000-000000000000",
        "Power BI Service",
        r#"[\"Dataset.Read.All\",\"Report.Read.All\"]"#,
    ),
    ("00000005-0000-0ff1-ce00-000000000000", "Yammer", r#"[\"access_as_user\"]"#),
    ("00000007-0000-0000-c000-000000000000", "Dataverse", r#"[\"user_impersonation\"]"#),
];

/// Our own interfaces, behind Microsoft's in the list of resources.
const OWN_RESOURCES: &[&str] =
    &["Order API", "Parts Catalogue API", "Telemetry Intake", "Payroll Bridge", "Badge Service"];

use AppKind::{Desktop, Mail, Phone, System, Tool, Web};

/// Identifier, name, kind, resources, office, administration.
type Known = (&'static str, &'static str, AppKind, &'static [u16], bool, bool);

const KNOWN: &[Known] = &[
    ("4765445b-32c6-49b0-83e6-1d93765276ca", "OfficeHome", Web, &[0, 3], true, false),
    ("9199bf20-a13f-4107-85dc-02114787ef48", "One Outlook Web", Web, &[1, 0], true, false),
    ("c44b4083-3bb0-49c1-b47d-974e53cbdf3c", "Azure Portal", Web, &[4, 0, 3], false, true),
    (
        "1fec8e78-bce4-4aaf-ab1b-5451cc387264",
        "Microsoft Teams",
        Desktop,
        &[5, 0, 1, 2, 6],
        true,
        false,
    ),
    ("d3590ed6-52b3-4102-aeff-aad2292ab01c", "Microsoft Office", Desktop, &[1, 0, 2], true, false),
    ("ab9b8c07-8f02-4f72-87fa-80105867a763", "OneDrive SyncEngine", Desktop, &[2, 0], true, false),
    ("27922004-5251-4030-b22d-91ecd9a37ea4", "Outlook Mobile", Phone, &[1, 0], true, false),
    (
        "29d9ed98-a469-4536-ade2-f981bc1d605e",
        "Microsoft Authentication Broker",
        System,
        &[7, 3, 12],
        false,
        false,
    ),
    ("38aa3b87-a06d-4817-b275-7a316988d93b", "Windows Sign In", System, &[3], false, false),
    ("04b07795-8ddb-461a-bbee-02f9e1bf7b46", "Microsoft Azure CLI", Tool, &[4, 0, 8], false, true),
    ("00000002-0000-0ff1-ce00-000000000000", "Office 365 Exchange Online", Mail, &[1], true, false),
    (
        "5e3ce6c0-2b1f-4285-8d4b-75ee78787346",
        "Microsoft Teams Web Client",
        Web,
        &[5, 0],
        true,
        false,
    ),
    ("89bee1f7-5e6e-4d8a-9f3d-ecd601259da7", "Office365 Shell WCSS-Client", Web, &[0], true, false),
    (
        "08e18876-6177-487e-b8b5-cf950c1e598c",
        "SharePoint Online Web Client Extensibility",
        Web,
        &[2, 0],
        true,
        false,
    ),
    ("2793995e-0a7d-40d7-bd35-6968ba142197", "My Apps", Web, &[3, 0], false, false),
    ("19db86c3-b2b9-44cc-b339-36da233a3be2", "My Signins", Web, &[0], false, false),
    ("0000000c-0000-0000-c000-000000000000", "Microsoft App Access Panel", Web, &[3], false, false),
    (
        "00000006-0000-0ff1-ce00-000000000000",
        "Microsoft Office 365 Portal",
        Web,
        &[0, 3],
        true,
        true,
    ),
    ("871c010f-5e61-4fb1-83ac-98610a7e9110", "Power BI", Web, &[13], true, false),
    ("4e291c71-d680-4d0e-9640-0a3358e31177", "PowerApps", Web, &[15, 0], false, false),
    ("66375f6b-983f-4c2c-9701-d680650f588f", "Microsoft Planner", Web, &[0], true, false),
    ("22098786-6e16-43cc-a27d-191a01a1e3b5", "Microsoft To-Do client", Web, &[1, 0], true, false),
    ("ecd6b820-32c2-49b6-98a6-444530e5a77a", "Microsoft Edge", Desktop, &[0, 3], false, false),
    (
        "9ba1a5c7-f17a-4de9-a1f1-6178c8d51223",
        "Microsoft Intune Company Portal",
        Phone,
        &[12, 0],
        false,
        false,
    ),
    ("f8d98a96-0999-43f5-8af3-69971c7bb423", "Apple Internet Accounts", Phone, &[1], false, false),
    (
        "1950a258-227b-4e31-a9cf-717495945fc2",
        "Microsoft Azure PowerShell",
        Tool,
        &[4, 0],
        false,
        true,
    ),
    (
        "14d82eec-204b-4c2f-b7e8-296a70dab67e",
        "Microsoft Graph Command Line Tools",
        Tool,
        &[0],
        false,
        true,
    ),
    ("aebc6443-996d-45c2-90f0-388ff96faa56", "Visual Studio Code", Tool, &[4, 0], false, false),
];

const BRANDS: &[&str] = &[
    "Quillbeam",
    "Torvane",
    "Mossgate",
    "Brightloom",
    "Halvex",
    "Pinecrest",
    "Orlando Bay",
    "Saltwind",
    "Cobaltic",
    "Driftwell",
    "Emberline",
    "Foxharbor",
    "Glimmerfield",
    "Hollowoak",
];
const PURPOSES: &[&str] = &[
    "Expenses",
    "Travel",
    "Source Hub",
    "Recruiting",
    "Tickets",
    "Signatures",
    "Learning",
    "Whiteboard",
    "Wiki",
    "Benefits",
    "Fleet",
    "Surveys",
    "Design Studio",
    "Build Farm",
    "CRM",
    "Contracts",
    "Time Sheets",
    "Payroll",
    "Warehouse",
    "Video Rooms",
];

/// How many of the invented services come straight after the known applications and are meant
/// for engineers only.
pub(crate) const ENGINEERING_APPS: u16 = 6;

/// The number of the first invented application.
pub(crate) fn first_invented() -> u16 {
    KNOWN.len() as u16
}

/// All applications of a tenant.
pub(crate) fn applications(seed: u64, tenant: Guid, count: u16) -> Vec<App> {
    let microsoft = Guid::of(MICROSOFT_TENANT);
    let mut dice = Dice::new(seed, Topic::Application, 0, 0);
    let mut apps: Vec<App> = KNOWN
        .iter()
        .map(|&(id, name, kind, resources, office, admin)| App {
            id: Guid::of(id),
            name: name.to_owned(),
            kind,
            owner: Owner::Microsoft,
            owner_tenant: microsoft,
            resources: resources.to_vec(),
            office,
            admin,
        })
        .collect();
    let all = BRANDS.len() * PURPOSES.len();
    let start = dice.below(all as u32) as usize;
    for index in 0..usize::from(count).saturating_sub(apps.len()).min(all) {
        // 67 shares no factor with the number of pairs, so no pair comes twice.
        let pair = (start + index * 67) % all;
        let own = dice.chance(250);
        let suffix = if own { " (internal)" } else { "" };
        let third = 16 + dice.below(OWN_RESOURCES.len() as u32) as u16;
        apps.push(App {
            id: dice.guid(),
            name: format!("{} {}{suffix}", BRANDS[pair % 14], PURPOSES[pair / 14]),
            kind: Web,
            owner: if own { Owner::Tenant } else { Owner::Vendor },
            owner_tenant: if own { tenant } else { dice.guid() },
            resources: vec![if dice.chance(600) { 0 } else { 3 }, if own { third } else { 0 }],
            office: false,
            admin: false,
        });
    }
    apps
}

/// All resources of a tenant.
pub(crate) fn resources(seed: u64, tenant: Guid) -> Vec<Resource> {
    let mut dice = Dice::new(seed, Topic::Application, 1, 0);
    let known = RESOURCES
        .iter()
        .map(|&(id, name, scopes)| (Guid::of(id), name, scopes, Guid::of(MICROSOFT_TENANT)));
    let known: Vec<_> = known.collect();
    let own: Vec<_> = OWN_RESOURCES
        .iter()
        .map(|name| (dice.guid(), *name, r#"[\"api.access\"]"#, tenant))
        .collect();
    known
        .into_iter()
        .chain(own)
        .map(|(id, name, scopes, owner_tenant)| {
            let principal = dice.guid();
            Resource { id, name: name.to_owned(), principal, owner_tenant, scopes }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_names_and_identifiers_agree() {
        let (apps, resources) =
            (applications(5, Guid::default(), 120), resources(5, Guid::default()));
        assert_eq!(apps.len(), 120);
        for (number, name) in [
            (app::OFFICE_HOME, "OfficeHome"),
            (app::OUTLOOK_WEB, "One Outlook Web"),
            (app::AZURE_PORTAL, "Azure Portal"),
            (app::TEAMS, "Microsoft Teams"),
            (app::OFFICE, "Microsoft Office"),
            (app::ONEDRIVE, "OneDrive SyncEngine"),
            (app::OUTLOOK_MOBILE, "Outlook Mobile"),
            (app::BROKER, "Microsoft Authentication Broker"),
            (app::WINDOWS, "Windows Sign In"),
            (app::CLI, "Microsoft Azure CLI"),
        ] {
            assert_eq!(apps[usize::from(number)].name, name);
        }
        assert_eq!(resources[usize::from(resource::DEVICE_REGISTRATION)].name, RESOURCES[7].1);
        let ids = apps.iter().map(|app| app.id).chain(resources.iter().map(|r| r.id));
        let ids: Vec<Guid> = ids.collect();
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        // Exchange is both an application and a resource.
        assert_eq!(unique.len(), ids.len() - 1);
        let names: std::collections::BTreeSet<_> = apps.iter().map(|app| &app.name).collect();
        assert_eq!(names.len(), apps.len());
        assert!(apps.iter().flat_map(|a| &a.resources).all(|r| usize::from(*r) < resources.len()));
        assert_eq!(Guid::of(MICROSOFT_TENANT).to_string(), MICROSOFT_TENANT);
        for (text, ..) in RESOURCES {
            assert_eq!(Guid::of(text).to_string(), *text);
        }
        for (text, ..) in KNOWN {
            assert_eq!(Guid::of(text).to_string(), *text);
        }
    }
}
