//! Values inside the records of other logs, which are kept as JSON: Graph's, diagnostic records,
//! Log Analytics', with members in any case and JSON inside texts.

use std::borrow::Cow;

use rsigma_eval::EventValue;
use serde_json::Value;

/// Steps of a path, and values of one name, at most.
const DEPTH_MAX: usize = 32;
const VALUES_MAX: usize = 1_000;

/// The value at a path (parts joined by dots) as text; empty for none.
pub(crate) fn text_at(record: &Value, path: &str) -> String {
    let parts: Vec<String> = path.split('.').map(str::to_lowercase).collect();
    let mut found = Vec::new();
    at(record, &parts, &mut found);
    match found.into_iter().next() {
        Some(EventValue::Str(text)) => text.into_owned(),
        Some(other) => other.as_str().map(Cow::into_owned).unwrap_or_default(),
        None => String::new(),
    }
}

/// The values at a path in lower case, inside `properties` or else at the top.
pub(super) fn at<'v>(record: &'v Value, path: &[String], found: &mut Vec<EventValue<'v>>) {
    if let Some(inside) = member(record, "properties") {
        walk(inside, path, 0, found);
    }
    if found.is_empty() {
        walk(record, path, 0, found);
    }
    // What was changed, or told in addition, has a name of its own in these lists.
    if found.is_empty() && path.len() > 1 {
        named(record, &path.join("."), found);
    }
}

fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let members = value.as_object()?;
    members.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn owned(value: EventValue<'_>) -> EventValue<'static> {
    match value {
        EventValue::Str(text) => EventValue::Str(Cow::Owned(text.into_owned())),
        EventValue::Int(number) => EventValue::Int(number),
        EventValue::Float(number) => EventValue::Float(number),
        EventValue::Bool(truth) => EventValue::Bool(truth),
        _ => EventValue::Null,
    }
}

fn walk<'v>(value: &'v Value, path: &[String], depth: usize, found: &mut Vec<EventValue<'v>>) {
    if depth > DEPTH_MAX || found.len() >= VALUES_MAX {
        return;
    }
    let [name, rest @ ..] = path else { return leaf(value, found) };
    match value {
        // JSON inside a text.
        Value::String(text) if text.starts_with(['{', '[']) => {
            let Ok(inner) = serde_json::from_str::<Value>(text) else { return };
            let mut inside = Vec::new();
            walk(&inner, path, depth + 1, &mut inside);
            inside.into_iter().for_each(|value| found.push(owned(value)));
        }
        Value::Array(items) => {
            for item in items {
                // A list of names and values is an object written otherwise.
                if let Some(Value::String(key)) = member(item, "key")
                    && rest.is_empty()
                    && key.eq_ignore_ascii_case(name)
                    && let Some(value) = member(item, "value")
                {
                    leaf(value, found);
                }
                walk(item, path, depth + 1, found);
            }
        }
        other => {
            if let Some(inner) = member(other, name) {
                walk(inner, rest, depth + 1, found);
            }
        }
    }
}

/// A value as rules compare it: texts without blanks around them, objects and lists as JSON.
fn leaf<'v>(value: &'v Value, found: &mut Vec<EventValue<'v>>) {
    match value {
        Value::Null => {}
        Value::String(text) if text.trim().is_empty() || text == "[]" || text == "{}" => {}
        Value::String(text) => {
            found.push(EventValue::Str(Cow::Borrowed(text.trim())));
            // A new value is JSON in a text: `"False"` with its quotes.
            if text.starts_with('"')
                && let Ok(Value::String(inner)) = serde_json::from_str(text)
            {
                found.push(EventValue::Str(Cow::Owned(inner)));
            }
        }
        Value::Array(items) if items.is_empty() => {}
        Value::Object(members) if members.is_empty() => {}
        Value::Array(_) | Value::Object(_) => {
            found.push(EventValue::Str(Cow::Owned(value.to_string())));
        }
        other => found.push(EventValue::from(other)),
    }
}

/// The new values of the modified properties, and the additional details, of that name.
fn named<'v>(record: &'v Value, name: &str, found: &mut Vec<EventValue<'v>>) {
    let inside = member(record, "properties").unwrap_or(record);
    let Some(targets) = member(inside, "targetResources") else { return };
    if let Value::String(text) = targets {
        let inner = serde_json::from_str(text).unwrap_or(Value::Null);
        let mut values = Vec::new();
        changed(&inner, name, &mut values);
        values.into_iter().for_each(|value| found.push(owned(value)));
    } else {
        changed(targets, name, found);
    }
}

fn changed<'v>(targets: &'v Value, name: &str, found: &mut Vec<EventValue<'v>>) {
    let lists = targets.as_array().into_iter().flatten();
    let lists = lists.filter_map(|target| member(target, "modifiedProperties")?.as_array());
    for change in lists.flatten() {
        let own = member(change, "displayName").and_then(Value::as_str);
        if own.is_some_and(|own| own.eq_ignore_ascii_case(name))
            && let Some(value) = member(change, "newValue")
        {
            leaf(value, found);
        }
    }
}

/// Does the predicate hold for any text of a value?
pub(super) fn any_text(value: &Value, holds: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => holds(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, holds)),
        Value::Object(members) => members.values().any(|member| any_text(member, holds)),
        Value::Null => false,
        other => holds(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_found_in_every_spelling() {
        let graph = json!({"activityDisplayName": "Add user ", "result": "success",
            "targetResources": [{"type": "User", "modifiedProperties":
                [{"displayName": "ConsentContext.IsAdminConsent", "newValue": "\"False\""}]}],
            "additionalDetails": [{"key": "additionalInfo", "value": "told"}]});
        let diagnostic = json!({"category": "AuditLogs", "properties": graph});
        let targets = graph["targetResources"].to_string();
        let analytics = json!({"ActivityDisplayName": "Add user", "TargetResources": targets});
        for record in [&graph, &diagnostic, &analytics] {
            assert_eq!(text_at(record, "activityDisplayName"), "Add user");
            assert_eq!(text_at(record, "TargetResources.Type"), "User");
            let mut found = Vec::new();
            let path = ["consentcontext".to_owned(), "isadminconsent".to_owned()];
            at(record, &path, &mut found);
            assert!(found.contains(&EventValue::Str("False".into())), "{found:?}");
        }
        assert_eq!(text_at(&graph, "additionalDetails.additionalInfo"), "told");
        assert_eq!(text_at(&diagnostic, "category"), "AuditLogs");
        assert_eq!(text_at(&graph, "nothing.here"), "");
    }
}
