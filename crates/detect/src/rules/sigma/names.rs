//! What the names of fields in Sigma rules mean.
//!
//! Rules for Azure follow no schema: they name members of diagnostic records, of Graph, columns
//! of Log Analytics and of the portal, in any case, with `properties.` before them or without.

use durward_model::field::FIELDS;
use durward_model::{FieldId, Log};
use durward_query::Property;
use hashbrown::HashMap;
use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaRule, SigmaValue};

/// What a name means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Name {
    /// These fields of a sign-in; several are several values.
    Fields(&'static [FieldId]),
    /// One field of the catalogue.
    Field(FieldId),
    /// A member inside a field that is JSON.
    Member(FieldId, Vec<String>),
    /// An object of several fields, as JSON.
    Whole(&'static str),
    /// The word for the result, and the texts of the status object.
    Status,
    /// Always this.
    Constant(&'static str),
    /// The first of these paths into a record of another log.
    Paths(Vec<Vec<String>>),
    /// The same, and the word for the result.
    Result(Vec<Vec<String>>),
    /// What a change of an audited operation added at a path, or else what it took away.
    Changed {
        /// Is it what was added?
        added: bool,
        /// Where, within the values of the modified properties.
        path: Vec<String>,
    },
    /// No record of the log has it.
    Unknown,
}

/// Names in rules for sign-ins that are not in the catalogue, in lower case.
const SIGN_IN_ALIASES: &[(&[&str], Name)] = &[
    (&["resulttype", "errorcode", "status.errorcode"], Name::Field(FieldId::ErrorCode)),
    (
        &["resultdescription", "failurereason"],
        Name::Fields(&[FieldId::FailureReason, FieldId::AdditionalDetails]),
    ),
    (&["status", "result"], Name::Status),
    (&["calleripaddress", "ip", "ipaddr"], Name::Field(FieldId::IpAddress)),
    (&["location", "country"], Name::Field(FieldId::CountryOrRegion)),
    (&["identity"], Name::Field(FieldId::UserDisplayName)),
    (&["upn"], Name::Field(FieldId::UserPrincipalName)),
    (&["operationname"], Name::Constant("Sign-in activity")),
    (&["resourceid"], Name::Field(FieldId::ResourceId)),
    (&["autonomoussystemnumber", "asn"], Name::Field(FieldId::AutonomousSystemNumber)),
];

/// What audit records have, as the beginnings of paths, in lower case.
const AUDIT_MEMBERS: &[&str] = &[
    "id",
    "category",
    "correlationid",
    "result",
    "resultreason",
    "resulttype",
    "resultsignature",
    "resultdescription",
    "activitydisplayname",
    "activitydatetime",
    "loggedbyservice",
    "operationtype",
    "operationname",
    "operationversion",
    "initiatedby",
    "targetresources",
    "additionaldetails",
    "useragent",
    "identity",
    "level",
    "location",
    "tenantid",
    "time",
    "timegenerated",
    "durationms",
    "calleripaddress",
    "resourceid",
    "aadtenantid",
    "aadoperationtype",
    "consentcontext",
];

/// What records of the risk log have, as the beginnings of paths, in lower case.
const RISK_MEMBERS: &[&str] = &[
    "id",
    "requestid",
    "correlationid",
    "riskeventtype",
    "risktype",
    "risklevel",
    "riskstate",
    "riskdetail",
    "source",
    "detectiontimingtype",
    "activity",
    "tokenissuertype",
    "ipaddress",
    "location",
    "activitydatetime",
    "detecteddatetime",
    "lastupdateddatetime",
    "userid",
    "userdisplayname",
    "userprincipalname",
    "additionalinfo",
    "serviceprincipalid",
    "serviceprincipaldisplayname",
    "appid",
    "keyids",
    "isdeleted",
    "isprocessing",
    "risklastupdateddatetime",
    "usertype",
    "isenabled",
    "category",
    "operationname",
    "time",
    "timegenerated",
    "tenantid",
    "identity",
    "calleripaddress",
    "resulttype",
    "level",
    "resourceid",
];

/// Other names in rules for the audit and risk logs, and the members they mean, in lower case.
const RECORD_ALIASES: &[(&[&str], &[&str])] = &[
    (
        &["message", "operationname", "activitydisplayname", "activitytype", "activity"],
        &["activitydisplayname", "operationname"],
    ),
    (&["target"], &["targetresources"]),
    (
        &["initiatedby", "initiatied.by", "initiatiedby", "initiated.by"],
        &["initiatedby", "identity"],
    ),
    (&["failure_status_reason"], &["resultreason", "resultdescription"]),
    (&["ipaddress"], &["ipaddress", "initiatedby.user.ipaddress", "calleripaddress"]),
    (&["riskeventtype", "risktype"], &["riskeventtype", "risktype"]),
];

/// What a rule calls the result of an audited operation.
const RESULT_ALIASES: &[&str] = &["status"];
const RESULT_PATHS: &[&str] = &["result", "resultreason", "resultdescription", "resulttype"];

impl Name {
    /// What a name means in the rules for a log.
    pub(crate) fn new(name: &str, log: Log) -> Name {
        let lower = name.to_lowercase();
        let bare = lower.strip_prefix("properties.").unwrap_or(&lower);
        match log.is_sign_in() {
            true => of_sign_in(&lower, bare),
            false => of_record(bare, log),
        }
    }

    pub(crate) fn is_unknown(&self) -> bool {
        *self == Name::Unknown
    }
}

fn of_sign_in(lower: &str, bare: &str) -> Name {
    // `properties.status` is the object, `Status` the word; a rule may mean either by both.
    if let Some((_, name)) = SIGN_IN_ALIASES.iter().find(|(names, _)| names.contains(&bare)) {
        return name.clone();
    }
    let slashed = bare.replace('.', "/");
    let squeezed = |label: &str| {
        label.chars().filter(|letter| !letter.is_whitespace()).collect::<String>().to_lowercase()
    };
    let by_column = || FIELDS.iter().find(|f| f.log_analytics.to_lowercase() == slashed);
    let by_label = || {
        let is = |label: &str| !label.is_empty() && squeezed(label) == bare;
        FIELDS.iter().find(|field| is(field.label) || is(field.csv))
    };
    match Property::resolve(&slashed) {
        Some(Property::Field(field)) if field != FieldId::Shape => return Name::Field(field),
        Some(Property::Member(field, path)) => return Name::Member(field, path),
        Some(Property::Whole(prefix)) => return Name::Whole(prefix),
        _ => {}
    }
    // Log Analytics has other names for some objects: `LocationDetails.city`.
    if let Some(field) = by_column() {
        return Name::Field(field.id);
    }
    let start = format!("{slashed}/");
    let whole = FIELDS.iter().find(|f| f.log_analytics.to_lowercase().starts_with(&start));
    if let Some((prefix, _)) = whole.and_then(|field| field.name.split_once('/')) {
        return Name::Whole(prefix);
    }
    // `properties.message` is the name of no label, but `Message` could be one.
    match by_label().filter(|_| lower == bare) {
        Some(field) => Name::Field(field.id),
        None => Name::Unknown,
    }
}

fn of_record(bare: &str, log: Log) -> Name {
    let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<String>>();
    let (first, rest) = bare.split_once('.').unwrap_or((bare, ""));
    if log == Log::Audit && !rest.is_empty() && ["added", "removed"].contains(&first) {
        return Name::Changed { added: first == "added", path: path(rest) };
    }
    if log == Log::Audit && RESULT_ALIASES.contains(&bare) {
        return Name::Result(RESULT_PATHS.iter().map(|text| path(text)).collect());
    }
    if let Some((_, paths)) = RECORD_ALIASES.iter().find(|(names, _)| names.contains(&bare)) {
        return Name::Paths(paths.iter().map(|text| path(text)).collect());
    }
    let members = if log == Log::Audit { AUDIT_MEMBERS } else { RISK_MEMBERS };
    if members.contains(&first) {
        return Name::Paths(vec![path(bare)]);
    }
    // `Target.displayName`.
    if first == "target" && !rest.is_empty() {
        return Name::Paths(vec![path(&format!("targetresources.{rest}"))]);
    }
    Name::Unknown
}

/// All names in a rule, as they are written, and what they mean.
pub(super) fn of_rule(rule: &SigmaRule, log: Log) -> HashMap<String, Name> {
    let mut names = HashMap::new();
    for detection in rule.detection.named.values() {
        each_item(detection, &mut |item| {
            if let Some(name) = &item.field.name {
                names.entry(name.clone()).or_insert_with(|| Name::new(name, log));
            }
            if item.field.has_modifier(Modifier::FieldRef) {
                for value in &item.values {
                    let SigmaValue::String(text) = value else { continue };
                    let other = text.original.clone();
                    names.entry(other).or_insert_with_key(|name| Name::new(name, log));
                }
            }
        });
    }
    names
}

fn each_item(detection: &Detection, visit: &mut dyn FnMut(&DetectionItem)) {
    match detection {
        Detection::AllOf(items) => items.iter().for_each(visit),
        Detection::AnyOf(these) | Detection::And(these) => {
            these.iter().for_each(|one| each_item(one, visit));
        }
        Detection::ArrayMatch { body, .. } => each_item(body, visit),
        Detection::Conditional { named, .. } => {
            named.values().for_each(|one| each_item(one, visit));
        }
        Detection::Keywords(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sign_ins_in_many_spellings() {
        for (name, field) in [
            ("ResultType", FieldId::ErrorCode),
            ("status.errorCode", FieldId::ErrorCode),
            ("properties.appId", FieldId::AppId),
            ("AuthenticationRequirement", FieldId::AuthenticationRequirement),
            ("DeviceDetail.trusttype", FieldId::TrustType),
            ("properties.deviceDetail.deviceId", FieldId::DeviceId),
            ("IPaddress", FieldId::IpAddress),
            ("callerIpAddress", FieldId::IpAddress),
            ("Location", FieldId::CountryOrRegion),
            ("LocationDetails.city", FieldId::City),
            ("NetworkLocationDetails", FieldId::NetworkLocationDetails),
            ("RiskEventTypes_V2", FieldId::RiskEventTypesV2),
            ("ConditionalAccessPolicies", FieldId::AppliedConditionalAccessPolicies),
            ("ClientApp", FieldId::ClientAppUsed),
            ("Username", FieldId::UserPrincipalName),
        ] {
            assert_eq!(Name::new(name, Log::InteractiveUser), Name::Field(field), "{name}");
        }
        assert_eq!(Name::new("LocationDetails", Log::InteractiveUser), Name::Whole("location"));
        for name in ["properties.message", "ActivityDetails", "TargetUserName", "Count", "Date"] {
            let meaning = Name::new(name, Log::InteractiveUser);
            // The portal's column `Date` is the time of the sign-in.
            let known = name == "Date";
            assert_eq!(!meaning.is_unknown(), known, "{name}: {meaning:?}");
        }
    }

    #[test]
    fn names_of_audit_records() {
        let operation = Name::new("properties.message", Log::Audit);
        for name in ["operationName", "OperationName", "ActivityDisplayName", "ActivityType"] {
            assert_eq!(Name::new(name, Log::Audit), operation, "{name}");
        }
        for name in
            ["Initiatied.By", "TargetResources.ModifiedProperties.DisplayName", "properties.result"]
        {
            assert!(!Name::new(name, Log::Audit).is_unknown(), "{name}");
        }
        let removed = Name::new("Removed.State", Log::Audit);
        assert_eq!(removed, Name::Changed { added: false, path: vec!["state".to_owned()] });
        assert!(Name::new("Removed", Log::Audit).is_unknown());
        assert!(Name::new("shoe", Log::Audit).is_unknown());
        assert!(!Name::new("riskEventType", Log::Risk).is_unknown());
        assert!(Name::new("targetResources", Log::Risk).is_unknown());
    }
}
