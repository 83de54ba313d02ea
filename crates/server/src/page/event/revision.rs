//! What differs between two JSON values, member by member.

use serde_json::Value;

/// Members compared at most; a record has some three hundred.
const MEMBERS_MAX: usize = 5_000;
/// How deep members are followed; deeper ones are compared as text.
const DEPTH_MAX: usize = 16;

/// One member that differs: its path, and its text before and after. `None` where it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::page) struct Difference {
    pub(in crate::page) path: String,
    pub(in crate::page) before: Option<String>,
    pub(in crate::page) after: Option<String>,
}

/// All members as paths and texts, in order. Members that are null or empty are as if absent:
/// sources differ in whether they write them.
pub(in crate::page) fn flatten(value: &Value) -> Vec<(String, String)> {
    let mut out = Vec::new();
    add(value, &mut String::new(), 0, &mut out);
    out
}

fn add(value: &Value, path: &mut String, depth: usize, out: &mut Vec<(String, String)>) {
    if out.len() >= MEMBERS_MAX {
        return;
    }
    let mut inner = |name: &str, value: &Value| {
        let end = path.len();
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(name);
        add(value, path, depth + 1, out);
        path.truncate(end);
    };
    match value {
        Value::Null => {}
        Value::Object(members) if depth < DEPTH_MAX => {
            members.iter().for_each(|(name, value)| inner(name, value));
        }
        Value::Array(items) if depth < DEPTH_MAX && items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                inner(&(index + 1).to_string(), item);
            }
        }
        Value::Array(items) if items.is_empty() => {}
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => out.push((path.clone(), text.clone())),
        other => out.push((path.clone(), other.to_string())),
    }
}

/// Members that differ, in the order of the later value, then those that only the earlier has.
pub(in crate::page) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let (before, after) = (flatten(before), flatten(after));
    let find = |all: &[(String, String)], path: &str| {
        all.iter().find(|(other, _)| other == path).map(|(_, text)| text.clone())
    };
    let mut found = Vec::new();
    for (path, text) in &after {
        let earlier = find(&before, path);
        if earlier.as_ref() != Some(text) {
            found.push(Difference {
                path: path.clone(),
                before: earlier,
                after: Some(text.clone()),
            });
        }
    }
    for (path, text) in &before {
        if find(&after, path).is_none() {
            found.push(Difference { path: path.clone(), before: Some(text.clone()), after: None });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_found() {
        let before = json!({ "a": 1, "b": { "c": "x", "d": null }, "e": [{ "f": true }], "g": [] });
        let after = json!({ "a": 1, "b": { "c": "y" }, "e": [{ "f": true }, { "f": false }],
            "h": ["p", "q"] });
        let found = differences(&before, &after);
        let lines: Vec<(&str, Option<&str>, Option<&str>)> = found
            .iter()
            .map(|found| (found.path.as_str(), found.before.as_deref(), found.after.as_deref()))
            .collect();
        assert_eq!(
            lines,
            [
                ("b/c", Some("x"), Some("y")),
                ("e/2/f", None, Some("false")),
                ("h", None, Some("[\"p\",\"q\"]")),
            ]
        );
        assert!(differences(&after, &after).is_empty());
        assert_eq!(differences(&json!({ "z": "1" }), &json!({}))[0].after, None);
    }
}
