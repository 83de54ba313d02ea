//! Headers of CSV files: the portal's, in several languages, and column names of Log Analytics.
//!
//! Headers are compared trimmed, with single blanks, in lower case and with plain apostrophes and
//! hyphens: the portal itself writes `Application ID ` and `Autonomous system  number`. A language
//! is added by adding lines to [`LOCALISED`].

use durward_model::field::{FIELDS, FieldId, Log};

use crate::limits::RECORD_BYTES_MAX;
use crate::table::{Action, Entry, Node, TABLES, UNKNOWN};

/// A header and what its column holds.
type Header = (&'static str, Action);

const fn field(header: &'static str, field: FieldId) -> Header {
    (header, Action::Field(field))
}

/// English headers that the catalogue does not have.
const ENGLISH: &[Header] = &[
    ("location", Action::Place),
    ("status", Action::StatusWord),
    field("managed identity id", FieldId::ServicePrincipalId),
    field("managed identity name", FieldId::ServicePrincipalName),
    field("multifactor authentication result", FieldId::MfaResult),
    field("date", FieldId::CreatedDateTime),
    field("token protection - sign in session statuscode", FieldId::TokenProtectionStatusCode),
];

/// French and Spanish. The headers and words that public files show are `Agent utilisateur`,
/// `Exigence d'authentification`, `Opération réussie`, `Requisito de autenticación` and `Motivo
/// del error`; the others follow the portal's own terms.
const LOCALISED: &[Header] = &[
    // French.
    field("id de la demande", FieldId::Id),
    field("id de demande", FieldId::Id),
    field("id de corrélation", FieldId::CorrelationId),
    field("agent utilisateur", FieldId::UserAgent),
    field("utilisateur", FieldId::UserDisplayName),
    field("id d'utilisateur", FieldId::UserId),
    field("id utilisateur", FieldId::UserId),
    field("nom d'utilisateur", FieldId::UserPrincipalName),
    field("type d'utilisateur", FieldId::UserType),
    field("application", FieldId::AppDisplayName),
    field("id d'application", FieldId::AppId),
    field("id de l'application", FieldId::AppId),
    field("ressource", FieldId::ResourceDisplayName),
    field("id de ressource", FieldId::ResourceId),
    field("adresse ip", FieldId::IpAddress),
    ("emplacement", Action::Place),
    ("statut", Action::StatusWord),
    ("état", Action::StatusWord),
    field("code d'erreur de connexion", FieldId::ErrorCode),
    field("raison de l'échec", FieldId::FailureReason),
    field("application cliente", FieldId::ClientAppUsed),
    field("id d'appareil", FieldId::DeviceId),
    field("navigateur", FieldId::Browser),
    field("système d'exploitation", FieldId::OperatingSystem),
    field("conforme", FieldId::IsCompliant),
    field("géré", FieldId::IsManaged),
    field("type de jointure", FieldId::TrustType),
    field("exigence d'authentification", FieldId::AuthenticationRequirement),
    field("accès conditionnel", FieldId::ConditionalAccessStatus),
    field("latence", FieldId::ProcessingTimeInMilliseconds),
    field("id du principal de service", FieldId::ServicePrincipalId),
    field("nom du principal de service", FieldId::ServicePrincipalName),
    // Spanish.
    field("fecha (utc)", FieldId::CreatedDateTime),
    field("id. de solicitud", FieldId::Id),
    field("id de solicitud", FieldId::Id),
    field("id. de correlación", FieldId::CorrelationId),
    field("agente de usuario", FieldId::UserAgent),
    field("usuario", FieldId::UserDisplayName),
    field("id. de usuario", FieldId::UserId),
    field("id de usuario", FieldId::UserId),
    field("nombre de usuario", FieldId::UserPrincipalName),
    field("tipo de usuario", FieldId::UserType),
    field("aplicación", FieldId::AppDisplayName),
    field("id. de aplicación", FieldId::AppId),
    field("id. de la aplicación", FieldId::AppId),
    field("recurso", FieldId::ResourceDisplayName),
    field("id. de recurso", FieldId::ResourceId),
    field("dirección ip", FieldId::IpAddress),
    ("ubicación", Action::Place),
    ("estado", Action::StatusWord),
    field("código de error de inicio de sesión", FieldId::ErrorCode),
    field("motivo del error", FieldId::FailureReason),
    field("aplicación cliente", FieldId::ClientAppUsed),
    field("id. de dispositivo", FieldId::DeviceId),
    field("explorador", FieldId::Browser),
    field("sistema operativo", FieldId::OperatingSystem),
    field("compatible", FieldId::IsCompliant),
    field("administrado", FieldId::IsManaged),
    field("tipo de unión", FieldId::TrustType),
    field("requisito de autenticación", FieldId::AuthenticationRequirement),
    field("acceso condicional", FieldId::ConditionalAccessStatus),
    field("latencia", FieldId::ProcessingTimeInMilliseconds),
    field("id. de entidad de servicio", FieldId::ServicePrincipalId),
    field("nombre de la entidad de servicio", FieldId::ServicePrincipalName),
];

/// Words for a successful sign-in in a `Status` column.
const SUCCESS: &[&str] =
    &["success", "opération réussie", "succès", "réussite", "correcto", "éxito"];

/// Does this status word stand for success?
pub(crate) fn is_success(word: &str) -> bool {
    word.len() <= 64 && SUCCESS.contains(&plain(word).as_str())
}

/// What kind of rows a CSV file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Sign-ins as the portal downloads them.
    Portal,
    /// Rows of a Log Analytics table, or flattened Graph objects.
    LogAnalytics,
    /// Authentication steps without their sign-ins.
    AuthenticationDetails,
    /// Another log of the portal.
    OtherLog(Log),
}

/// The meaning of a CSV file's header.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) layout: Layout,
    /// The columns' names as they are in the records; the second of two equal ones ends in ` (2)`.
    pub(crate) names: Vec<String>,
    /// The meaning of each name.
    pub(crate) node: Node,
    /// The log of all rows, if it is one.
    pub(crate) log: Option<Log>,
    /// The columns that hold instants.
    pub(crate) instants: Vec<usize>,
}

/// Fewer known columns than this are a coincidence.
const KNOWN_MIN: usize = 3;

/// Most columns; the widest table has about a hundred.
const COLUMNS_MAX: usize = 2048;

/// The meaning of a header, if it is one of a known kind of file. `hint` is the log that the
/// file's name stands for.
pub(crate) fn plan(headers: &[&str], hint: Option<Log>) -> Option<Plan> {
    if headers.len() > COLUMNS_MAX || headers.iter().any(|h| h.len() > RECORD_BYTES_MAX / 64) {
        return None;
    }
    let plain_headers: Vec<String> = headers.iter().map(|header| plain(header)).collect();
    let portal: Vec<Entry> = plain_headers.iter().map(|header| portal_entry(header)).collect();
    let tables: Vec<Entry> = headers.iter().map(|header| table_entry(header)).collect();
    let known = |entries: &[Entry]| {
        let known = |entry: &&Entry| entry.action != Action::Unknown || entry.group.is_some();
        entries.iter().filter(known).count()
    };
    let has = |header: &str| plain_headers.iter().any(|other| other == header);
    let layout = if has("authentication method") && has("succeeded") && has("request id") {
        Layout::AuthenticationDetails
    } else if has("activity") && has("service") && has("result") {
        Layout::OtherLog(Log::Audit)
    } else if has("source system") && has("target system") {
        Layout::OtherLog(Log::Provisioning)
    } else if known(&portal).max(known(&tables)) < KNOWN_MIN {
        return None;
    } else if known(&portal) > known(&tables) {
        Layout::Portal
    } else {
        Layout::LogAnalytics
    };
    let entries = if layout == Layout::LogAnalytics { tables } else { portal };
    let log = match layout {
        Layout::Portal => Some(portal_log(&plain_headers, &entries, hint)),
        Layout::OtherLog(log) => Some(log),
        _ => None,
    };
    let names = distinct(headers);
    let mut node = Node::new();
    for (name, entry) in names.iter().zip(&entries) {
        node.add(name, *entry);
    }
    let is_instant = |entry: &Entry| {
        entry.action == Action::ActivityTime
            || matches!(entry.action, Action::Field(field) | Action::Weak(field)
                if field.field().kind == durward_model::Kind::Time)
    };
    let instants = (0..entries.len()).filter(|at| is_instant(&entries[*at])).collect();
    Some(Plan { layout, names, node, log, instants })
}

/// The log of a portal file: its columns tell users from workloads, its name the rest.
fn portal_log(headers: &[String], entries: &[Entry], hint: Option<Log>) -> Log {
    let has = |field| entries.iter().any(|entry| entry.action == Action::Field(field));
    let users = has(FieldId::UserId) || has(FieldId::UserPrincipalName);
    let hint =
        hint.filter(|log| users == matches!(log, Log::InteractiveUser | Log::NonInteractiveUser));
    let managed = headers.iter().any(|header| header.starts_with("managed identity"));
    hint.unwrap_or(match (users, managed) {
        (true, _) => Log::InteractiveUser,
        (false, true) => Log::ManagedIdentity,
        (false, false) => Log::ServicePrincipal,
    })
}

fn portal_entry(header: &str) -> Entry {
    // Originals of rows tell the second of two equal headers so.
    let header = match header.rsplit_once(" (") {
        Some((name, "2)" | "3)")) => name,
        _ => header,
    };
    let listed = ENGLISH.iter().chain(LOCALISED).find(|(known, _)| *known == header);
    let action = match listed {
        Some((_, action)) => *action,
        None => {
            let known =
                |field: &&durward_model::Field| !field.csv.is_empty() && plain(field.csv) == header;
            match FIELDS.iter().find(known) {
                Some(field) => Action::Field(field.id),
                None => return UNKNOWN,
            }
        }
    };
    Entry { action, group: None, facts: 0 }
}

/// What KQL adds to a column's name when the tables of a union disagree on its type.
const TYPE_SUFFIXES: [&str; 9] =
    ["_string", "_dynamic", "_datetime", "_bool", "_boolean", "_long", "_int", "_real", "_guid"];

fn table_entry(header: &str) -> Entry {
    let header = header.trim();
    // The portal adds the time zone: `CreatedDateTime [UTC]`.
    let header = header.split_once(" [").map_or(header, |(name, _)| name);
    let node = TABLES.node(TABLES.log_analytics);
    if node.contains(header) {
        return node.find(header);
    }
    let suffix = TYPE_SUFFIXES.iter().find_map(|suffix| header.strip_suffix(suffix));
    suffix.map_or(UNKNOWN, |name| node.find(name))
}

/// Trimmed, with single blanks, lower case, plain apostrophes and hyphens.
fn plain(header: &str) -> String {
    let mut out = String::with_capacity(header.len());
    for word in header.trim_start_matches('\u{feff}').split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        for letter in word.chars() {
            match letter {
                '\u{2018}' | '\u{2019}' => out.push('\''),
                '\u{2010}'..='\u{2015}' => out.push('-'),
                _ => out.extend(letter.to_lowercase()),
            }
        }
    }
    out
}

fn distinct(headers: &[&str]) -> Vec<String> {
    let mut counts = std::collections::HashMap::new();
    let mut names = std::collections::HashSet::new();
    let mut out = Vec::with_capacity(headers.len());
    for header in headers {
        let count: &mut usize = counts.entry(*header).or_default();
        *count += 1;
        let mut name = match count {
            1 => (*header).to_owned(),
            _ => format!("{header} ({count})"),
        };
        // A file may have a column named so itself.
        while !names.insert(name.clone()) {
            name.push('+');
        }
        out.push(name);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(headers: &[&str], name: &str) -> Action {
        plan(headers, None).unwrap().node.find(name).action
    }

    #[test]
    fn the_portals_oddities_are_known() {
        let headers = [
            "\u{feff}Date (UTC)",
            "Request ID",
            "Application ID ",
            "Autonomous system  number",
            "Incoming token type",
            "User ID",
            "Incoming token type",
            "Location",
        ];
        let plan = plan(&headers, None).unwrap();
        assert_eq!((plan.layout, plan.log), (Layout::Portal, Some(Log::InteractiveUser)));
        assert_eq!(plan.names[6], "Incoming token type (2)");
        assert_eq!(plan.instants, [0]);
        for (name, field) in [
            ("Application ID ", FieldId::AppId),
            ("Autonomous system  number", FieldId::AutonomousSystemNumber),
            ("Incoming token type", FieldId::IncomingTokenType),
            ("Incoming token type (2)", FieldId::IncomingTokenType),
        ] {
            assert_eq!(plan.node.find(name).action, Action::Field(field), "{name}");
        }
    }

    #[test]
    fn every_header_of_the_catalogue_is_known() {
        for field in FIELDS.iter().filter(|field| !field.csv.is_empty()) {
            assert_eq!(portal_entry(&plain(field.csv)).action, Action::Field(field.id));
        }
    }

    #[test]
    fn localised_headers_are_known() {
        let french =
            ["Date (UTC)", "Agent utilisateur", "Exigence d\u{2019}authentification", "Statut"];
        assert_eq!(
            meaning(&french, "Exigence d\u{2019}authentification"),
            Action::Field(FieldId::AuthenticationRequirement)
        );
        let spanish = ["Fecha (UTC)", "Requisito de autenticación", "Motivo del error"];
        assert_eq!(meaning(&spanish, "Motivo del error"), Action::Field(FieldId::FailureReason));
        assert!(is_success("Opération réussie") && is_success("Success"));
        assert!(!is_success("Failure") && !is_success("Interrupted") && !is_success(""));
    }

    #[test]
    fn the_log_follows_from_columns_and_then_from_the_name() {
        let users = ["Date (UTC)", "Request ID", "User ID", "Username", "Managed Identity type"];
        let workloads = ["Date (UTC)", "Request ID", "Service principal ID", "Resource"];
        let managed = ["Date (UTC)", "Request ID", "Service principal ID", "Managed Identity type"];
        let log = |headers: &[&str], hint| plan(headers, hint).unwrap().log.unwrap();
        assert_eq!(log(&users, None), Log::InteractiveUser);
        assert_eq!(log(&users, Some(Log::NonInteractiveUser)), Log::NonInteractiveUser);
        assert_eq!(log(&users, Some(Log::ServicePrincipal)), Log::InteractiveUser);
        assert_eq!(log(&workloads, None), Log::ServicePrincipal);
        assert_eq!(log(&workloads, Some(Log::ManagedIdentity)), Log::ManagedIdentity);
        assert_eq!(log(&managed, None), Log::ManagedIdentity);
    }

    #[test]
    fn other_files_are_told_apart() {
        let layout = |headers: &[&str]| plan(headers, None).map(|plan| plan.layout);
        assert_eq!(
            layout(&["Request ID", "Authentication method", "Succeeded", "Requirement"]),
            Some(Layout::AuthenticationDetails)
        );
        assert_eq!(
            layout(&["TimeGenerated [UTC]", "Status_dynamic", "Id", "Category"]),
            Some(Layout::LogAnalytics)
        );
        assert_eq!(
            layout(&["Date (UTC)", "CorrelationId", "Service", "Category", "Activity", "Result"]),
            Some(Layout::OtherLog(Log::Audit))
        );
        assert_eq!(layout(&["name", "size", "price"]), None);
        assert_eq!(layout(&[]), None);
    }
}
