//! What a record says, wherever its source put it: members at the top (Graph), under `properties`
//! (diagnostic settings), or with capital letters and JSON inside texts (Log Analytics).

use durward_model::{Event, FieldId, Log, Timestamp};
use serde_json::Value;

/// One record.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) created: Timestamp,
    pub(super) log: Log,
    /// As its source wrote it; null where the caller may not see it.
    pub(super) whole: Value,
}

/// Targets and other members of lists that are named at most.
const NAMED_MAX: usize = 5;

impl Record {
    pub(super) fn of(event: &Event) -> Record {
        Record {
            id: event.cell(FieldId::Id).to_string(),
            created: event.row().created,
            log: event.row().log,
            whole: serde_json::from_str(&event.original()).unwrap_or(Value::Null),
        }
    }

    /// The member at a path of names, inside `properties` or at the top.
    pub(super) fn member(&self, path: &[&str]) -> Value {
        let inside = member(&self.whole, "properties").unwrap_or(Value::Null);
        let at = |from: &Value| {
            let mut value = from.clone();
            for name in path {
                value = member(&value, name)?;
            }
            Some(value).filter(|value| !is_empty(value))
        };
        at(&inside).or_else(|| at(&self.whole)).unwrap_or(Value::Null)
    }

    /// The first of these paths that has a value, as text.
    pub(super) fn text(&self, paths: &[&[&str]]) -> String {
        let texts = paths.iter().map(|path| plain(&self.member(path)));
        texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// Who did it.
    pub(super) fn initiator(&self) -> String {
        self.text(&[
            &["initiatedBy", "user", "userPrincipalName"],
            &["initiatedBy", "user", "displayName"],
            &["initiatedBy", "app", "displayName"],
            &["initiatedBy", "app", "servicePrincipalName"],
            &["initiatedBy", "user", "id"],
            &["initiatedBy", "app", "appId"],
            &["initiatedBy", "displayName"],
            &["identity"],
        ])
    }

    /// What it was done to.
    pub(super) fn targets(&self) -> String {
        let Value::Array(targets) = self.member(&["targetResources"]) else {
            return String::new();
        };
        let name = |target: &Value| {
            let names = ["displayName", "userPrincipalName", "id"];
            let names = names.iter().filter_map(|name| member(target, name));
            names.map(|name| plain(&name)).find(|name| !name.is_empty())
        };
        let named: Vec<String> = targets.iter().filter_map(name).take(NAMED_MAX).collect();
        let more = match targets.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more}", named.join(", "))
    }

    pub(super) fn activity(&self) -> String {
        let activities: [&[&str]; 4] =
            [&["activityDisplayName"], &["operationName"], &["riskEventType"], &["activity"]];
        self.text(&activities)
    }

    pub(super) fn status(&self) -> String {
        self.text(&[
            &["provisioningStatusInfo", "status"],
            &["statusInfo", "status"],
            &["result"],
            &["riskState"],
            &["resultType"],
        ])
    }

    /// What the record's page is called.
    pub(super) fn title(&self) -> String {
        let title = match self.log {
            Log::Provisioning => {
                let action = capitalised(&self.text(&[&["provisioningAction"], &["action"]]));
                format!("{action} {}", identity(self)).trim().to_owned()
            }
            _ => self.activity(),
        };
        if title.is_empty() { "Record".to_owned() } else { title }
    }
}

fn identity(record: &Record) -> String {
    record.text(&[
        &["sourceIdentity", "displayName"],
        &["targetIdentity", "displayName"],
        &["sourceIdentity", "id"],
        &["targetIdentity", "id"],
    ])
}

/// A column and how its value is read.
pub(super) type Column = (&'static str, fn(&Record) -> String);

/// The columns of a log, after the date.
pub(super) fn columns(log: Log) -> &'static [Column] {
    match log {
        Log::Audit => &[
            ("Service", |record| record.text(&[&["loggedByService"]])),
            ("Category", |record| record.text(&[&["category"]])),
            ("Activity", Record::activity),
            ("Status", Record::status),
            ("Status reason", |record| record.text(&[&["resultReason"], &["resultDescription"]])),
            ("Target(s)", Record::targets),
            ("Initiated by (actor)", Record::initiator),
        ],
        Log::Provisioning => &[
            ("Identity", identity),
            ("Action", |record| capitalised(&record.text(&[&["provisioningAction"], &["action"]]))),
            ("Status", Record::status),
            ("Source System", |record| record.text(&[&["sourceSystem", "displayName"]])),
            ("Target System", |record| record.text(&[&["targetSystem", "displayName"]])),
            ("Duration (ms)", |record| {
                record.text(&[&["durationInMilliseconds"], &["durationMs"]])
            }),
        ],
        _ => &[
            ("Category", |record| record.text(&[&["category"]])),
            ("Activity", Record::activity),
            ("Status", Record::status),
            ("About", |record| {
                record.text(&[&["userPrincipalName"], &["userDisplayName"], &["identity"]])
            }),
            ("IP address", |record| record.text(&[&["ipAddress"], &["callerIpAddress"]])),
        ],
    }
}

/// A member of an object by its name in any case; JSON inside a text is read.
pub(super) fn member(value: &Value, name: &str) -> Option<Value> {
    let members = value.as_object()?;
    let found = members.get(name).or_else(|| {
        members.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    })?;
    if let Value::String(text) = found
        && text.starts_with(['{', '['])
        && let Ok(inner) = serde_json::from_str(text)
    {
        return Some(inner);
    }
    Some(found.clone())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// A value as text; objects and lists as JSON.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(log: Log, whole: Value) -> Record {
        Record { id: "a".to_owned(), created: Timestamp::from_micros(0), log, whole }
    }

    fn row(record: &Record) -> Vec<String> {
        columns(record.log).iter().map(|(_, value)| value(record)).collect()
    }

    #[test]
    fn an_audit_reads_the_same_from_every_source() {
        let properties = json!({
            "id": "Directory_1", "category": "UserManagement", "result": "success",
            "resultReason": "", "activityDisplayName": "Reset user password",
            "loggedByService": "Core Directory",
            "initiatedBy": { "user": { "id": "u", "userPrincipalName": "admin@x.example" } },
            "targetResources": [
                { "id": "t", "displayName": "Maria", "type": "User" },
                { "id": "g", "displayName": null, "type": "Group" },
            ],
        });
        let expected = [
            "Core Directory",
            "UserManagement",
            "Reset user password",
            "success",
            "",
            "Maria, g",
            "admin@x.example",
        ];
        let graph = record(Log::Audit, properties.clone());
        assert_eq!(row(&graph), expected);
        let envelope = json!({
            "category": "AuditLogs", "operationName": "Other", "properties": properties,
        });
        assert_eq!(row(&record(Log::Audit, envelope)), expected);
        let analytics = json!({
            "Category": "UserManagement", "Result": "success", "LoggedByService": "Core Directory",
            "ActivityDisplayName": "Reset user password",
            "InitiatedBy": "{\"user\":{\"userPrincipalName\":\"admin@x.example\"}}",
            "TargetResources": "[{\"displayName\":\"Maria\"},{\"id\":\"g\"}]",
        });
        assert_eq!(row(&record(Log::Audit, analytics)), expected);
    }

    #[test]
    fn a_provisioning_record_has_its_columns() {
        let whole = json!({
            "provisioningAction": "create", "durationInMilliseconds": 1200,
            "sourceIdentity": { "displayName": "Maria", "id": "1" },
            "sourceSystem": { "displayName": "HR" }, "targetSystem": { "displayName": "CRM" },
            "provisioningStatusInfo": { "status": "failure", "errorInformation": {} },
        });
        let record = record(Log::Provisioning, whole);
        assert_eq!(row(&record), ["Maria", "Create", "failure", "HR", "CRM", "1200"]);
        assert_eq!(record.title(), "Create Maria");
    }

    #[test]
    fn a_record_that_says_nothing_has_empty_cells() {
        for log in [Log::Audit, Log::Provisioning, Log::Risk, Log::Other] {
            let record = record(log, Value::Null);
            assert!(row(&record).iter().all(String::is_empty), "{log:?}");
            assert_eq!(record.title(), "Record");
        }
    }
}
