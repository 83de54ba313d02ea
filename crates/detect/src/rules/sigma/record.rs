//! Values inside the records of other logs, which are kept as JSON: Graph's, diagnostic records,
//! Log Analytics', with members in any case and JSON inside texts.

use std::borrow::Cow;
use std::collections::HashSet;

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
        // The domain of an address of mail, or of a user's name.
        Value::String(text) if name == "domain" && rest.is_empty() => {
            if let Some((_, domain)) = text.trim().rsplit_once('@') {
                found.push(EventValue::Str(Cow::Owned(domain.to_lowercase())));
            }
        }
        Value::Array(items) => {
            for item in items {
                // A list of names and values is an object written otherwise.
                if let Some(Value::String(key)) = member(item, "key")
                    && key.eq_ignore_ascii_case(name)
                    && let Some(value) = member(item, "value")
                {
                    walk(value, rest, depth + 1, found);
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
        Value::Array(items) => {
            let texts = items.iter().filter_map(Value::as_str).take(VALUES_MAX);
            found.extend(texts.map(|text| EventValue::Str(Cow::Borrowed(text))));
            found.push(EventValue::Str(Cow::Owned(value.to_string())));
        }
        Value::Object(_) => found.push(EventValue::Str(Cow::Owned(value.to_string()))),
        other => found.push(EventValue::from(other)),
    }
}

/// The new values of the modified properties of that name.
fn named(record: &Value, name: &str, found: &mut Vec<EventValue<'_>>) {
    each_change(record, &mut |own, change| {
        if own.eq_ignore_ascii_case(name)
            && let Some(value) = member(change, "newValue")
        {
            let mut values = Vec::new();
            leaf(value, &mut values);
            values.into_iter().for_each(|value| found.push(owned(value)));
        }
    });
}

/// The modified properties of all targets, with their names.
fn each_change(record: &Value, see: &mut dyn FnMut(&str, &Value)) {
    let inside = member(record, "properties").unwrap_or(record);
    let Some(targets) = member(inside, "targetResources") else { return };
    // Log Analytics has the whole list as a text.
    let targets = match targets {
        Value::String(text) => Cow::Owned(serde_json::from_str(text).unwrap_or(Value::Null)),
        other => Cow::Borrowed(other),
    };
    let lists = targets.as_array().into_iter().flatten();
    let lists = lists.filter_map(|target| member(target, "modifiedProperties")?.as_array());
    for change in lists.flatten() {
        see(member(change, "displayName").and_then(Value::as_str).unwrap_or_default(), change);
    }
}

/// What the new values of the modified properties have at a path (in lower case) and the old ones
/// do not, or the other way round. The path begins anywhere in a value, or with the name of the
/// property.
pub(super) fn changed(record: &Value, path: &[String], added: bool) -> Vec<String> {
    let joined = path.join(".");
    let mut found = Vec::new();
    each_change(record, &mut |own, change| {
        // Names of properties have dots of their own.
        let own = own.to_lowercase();
        let rest = joined.strip_prefix(&own).filter(|_| !own.is_empty());
        let rest = match rest {
            Some("") => Some(Vec::new()),
            Some(rest) => {
                rest.strip_prefix('.').map(|rest| rest.split('.').map(str::to_owned).collect())
            }
            None => None,
        };
        let texts = |name: &str| {
            let mut texts = Vec::new();
            match (member(change, name), &rest) {
                (Some(value), Some(rest)) => texts_at(value, rest, 0, &mut texts),
                (Some(value), None) => texts_within(value, path, 0, &mut texts),
                (None, _) => {}
            }
            texts
        };
        let (old, new) = (texts("oldValue"), texts("newValue"));
        let (have, have_not) = if added { (new, old) } else { (old, new) };
        let have_not: HashSet<String> =
            have_not.into_iter().map(|text| text.to_lowercase()).collect();
        let differ = have.into_iter().filter(|text| !have_not.contains(&text.to_lowercase()));
        found.extend(differ.take(VALUES_MAX));
    });
    found.truncate(VALUES_MAX);
    found
}

/// The texts at a path that begins anywhere within a value.
fn texts_within(value: &Value, path: &[String], depth: usize, texts: &mut Vec<String>) {
    let [first, rest @ ..] = path else { return };
    if depth > DEPTH_MAX || texts.len() >= VALUES_MAX {
        return;
    }
    match value {
        Value::String(text) => {
            if let Some(inner) = json_in(text) {
                texts_within(&inner, path, depth + 1, texts);
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|item| texts_within(item, path, depth + 1, texts));
        }
        Value::Object(members) => {
            if let Some(inner) = member(value, first) {
                texts_at(inner, rest, depth + 1, texts);
            }
            members.values().for_each(|inner| texts_within(inner, path, depth + 1, texts));
        }
        _ => {}
    }
}

/// The texts at a path; of a list those of its elements.
fn texts_at(value: &Value, path: &[String], depth: usize, texts: &mut Vec<String>) {
    if depth > DEPTH_MAX || texts.len() >= VALUES_MAX {
        return;
    }
    match (value, path) {
        (Value::Null, _) => {}
        (Value::Array(items), _) => {
            items.iter().for_each(|item| texts_at(item, path, depth + 1, texts));
        }
        (Value::String(text), _) => match json_in(text) {
            Some(inner) => texts_at(&inner, path, depth + 1, texts),
            None if path.is_empty() && !text.trim().is_empty() => texts.push(text.trim().into()),
            None => {}
        },
        (Value::Object(_), [name, rest @ ..]) => {
            if let Some(inner) = member(value, name) {
                texts_at(inner, rest, depth + 1, texts);
            }
        }
        (Value::Object(members), []) if members.is_empty() => {}
        (other, []) => texts.push(other.to_string()),
        _ => {}
    }
}

/// The JSON that a text is: an object, a list, or a text in quotes.
fn json_in(text: &str) -> Option<Value> {
    text.starts_with(['{', '[', '"']).then(|| serde_json::from_str(text).ok()).flatten()
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

    #[test]
    fn what_a_change_adds_and_removes() {
        let policy = |controls: Value, state: &str| {
            json!({"state": state, "grantControls": {"builtInControls": controls}}).to_string()
        };
        let changes = json!([
            {"displayName": "ConditionalAccessPolicy",
             "oldValue": policy(json!(["MFA", "compliantDevice"]), "enabled"),
             "newValue": policy(json!(["compliantDevice", "Block"]), "Enabled")},
            {"displayName": "Role.DisplayName", "oldValue": null, "newValue": "\"Helpdesk\""},
            {"displayName": "Included", "oldValue": "[]", "newValue": "[\"a\",\"b\"]"}]);
        let graph = json!({"targetResources": [{"modifiedProperties": changes}]});
        let analytics = json!({"TargetResources": graph["targetResources"].to_string()});
        for record in [&graph, &json!({"properties": graph}), &analytics] {
            let difference = |path: &str, added| {
                let path: Vec<String> = path.split('.').map(str::to_owned).collect();
                changed(record, &path, added)
            };
            assert_eq!(difference("grantcontrols.builtincontrols", false), ["MFA"]);
            assert_eq!(difference("builtincontrols", true), ["Block"]);
            let whole = "conditionalaccesspolicy.grantcontrols.builtincontrols";
            assert_eq!(difference(whole, false), ["MFA"]);
            // The same in other letters is no change.
            assert!(difference("state", true).is_empty() && difference("state", false).is_empty());
            assert_eq!(difference("role.displayname", true), ["Helpdesk"]);
            assert_eq!(difference("included", true), ["a", "b"]);
            assert!(difference("nothing", true).is_empty());
        }
    }

    #[test]
    fn addresses_have_a_domain() {
        let record = json!({
            "initiatedBy": {"user": {"userPrincipalName": "Ana@Contoso.example"}},
            "additionalDetails": [{"key": "invitedUserEmailAddress", "value": "bo@fabrikam.example"},
                                  {"key": "none", "value": "no address"}]});
        assert_eq!(
            text_at(&record, "initiatedBy.user.userPrincipalName.domain"),
            "contoso.example"
        );
        let invited = "additionalDetails.invitedUserEmailAddress.domain";
        assert_eq!(text_at(&record, invited), "fabrikam.example");
        assert_eq!(text_at(&record, "additionalDetails.none.domain"), "");
    }
}
