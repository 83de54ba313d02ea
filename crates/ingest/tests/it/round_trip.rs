//! Any record comes back as it was, and what comes back is the same event.

use durward_model::Event;
use durward_model::field::FIELDS;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::support::{assert_same, decode};

/// Texts that are hard on some part of the decoder.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            "",
            "0",
            "50126",
            "-7",
            "1.5",
            "true",
            "False",
            "none",
            "Member",
            "deviceCodeFlow",
            "Device code flow",
            "\u{1}v0\u{2}",
            "a\"b\\c/d\n\u{7f}",
            "é😀日本",
            "2026-03-02T07:41:09.25Z",
            "3/2/2026 7:41:09 AM",
            "2026-03-02T09:41:09+02:00",
            "{}",
            "[]",
            "{\"errorCode\":5}",
            "[{\"a\":\"b\"}]",
            "{ \"city\" : \"Vigo\" }",
            "{\"stepDateTime\":\"2026-03-02T07:41:09.25Z\"}",
            "{broken",
            "[1,2",
            "4b1d0c5e-9a77-4c1f-8a51-6f2f3a9c1200",
            "C0FFEE00-9A77-4C1F-8A51-6F2F3A9C1200",
            "/tenants/t-9/providers/Microsoft.aadiam",
            "Sign-in activity",
            "null",
            "{\"a\":{\"b\":\"{}\"}}",
        ])
        .prop_map(str::to_owned),
        ".{0,20}",
        "[a-z0-9]{60,80}",
    ]
}

fn leaves() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => texts().prop_map(Value::String),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
        2 => any::<i64>().prop_map(Value::from),
        1 => (-1000..1000_i64).prop_map(Value::from),
        1 => any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
        1 => select(vec![json!(0), json!(0.0), json!(-0.0), json!(1e300), json!(1692199690724_i64)]),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    leaves().prop_recursive(3, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((names(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Names of fields and their parts, of columns and envelopes, in some case; and unknown ones.
fn names() -> impl Strategy<Value = String> {
    let mut known: Vec<String> = Vec::new();
    for field in FIELDS {
        known.extend(field.name.split('/').map(str::to_owned));
        known.extend(field.log_analytics.split('/').map(str::to_owned));
    }
    for name in [
        "time",
        "category",
        "tenantId",
        "resourceId",
        "operationName",
        "resultType",
        "level",
        "resultDescription",
        "callerIpAddress",
        "identity",
        "TimeGenerated",
        "Type",
        "p_log_type",
        "activityDateTime",
        "stepDateTime",
        "StatusSequence",
        "a b",
        "x\"y",
        "日本",
        "é",
    ] {
        known.push(name.to_owned());
    }
    known.retain(|name| !name.is_empty());
    known.sort();
    known.dedup();
    prop_oneof![
        8 => (select(known), 0..3_u8).prop_map(|(name, case)| match case {
            0 => name.to_lowercase(),
            1 if name.is_char_boundary(1) => name[..1].to_uppercase() + &name[1..],
            _ => name,
        }),
        1 => "[a-z]{1,6}".prop_filter("no container", |name| {
            !["value", "records", "tables"].contains(&name.as_str())
        }),
    ]
}

fn members() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((names(), values()), 0..25)
        .prop_map(|members| members.into_iter().collect())
}

fn records() -> impl Strategy<Value = Value> {
    let kinds = select(vec!["SignInLogs", "NonInteractiveUserSignInLogs", "AuditLogs", "x"]);
    (members(), members(), 0..4_u8, kinds).prop_map(|(envelope, properties, layout, kind)| {
        let mut record = envelope;
        match layout {
            0 => {
                record.insert("createdDateTime".into(), json!("2026-03-02T07:41:09.25Z"));
                record.insert("isInteractive".into(), json!(true));
            }
            1 => {
                record.insert("time".into(), json!("2026-03-02T07:44:00Z"));
                record.insert("category".into(), json!(kind));
                record.insert("properties".into(), Value::Object(properties));
            }
            2 => {
                record.insert("time".into(), json!("2026-03-02T07:44:00Z"));
                record.insert("category".into(), json!(kind));
                let text = Value::Object(properties).to_string();
                record.insert("properties".into(), json!(text));
            }
            _ => {
                record.insert("TimeGenerated".into(), json!("2026-03-02T07:44:00Z"));
                record.insert("Type".into(), json!("SigninLogs"));
            }
        }
        Value::Object(record)
    })
}

fn only(text: &str) -> Event {
    let mut decoded = decode("x.json", text);
    assert_eq!(decoded.rejections, [], "{text}");
    assert_eq!(decoded.events.len(), 1, "{text}");
    decoded.events.remove(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn any_record_comes_back(record in records(), printed in any::<bool>()) {
        let text = match printed {
            true => serde_json::to_string_pretty(&record).unwrap(),
            false => record.to_string(),
        };
        let event = only(&text);
        let original = event.original();
        assert_same(&original, &text);
        let again = only(&original);
        prop_assert_eq!(again.row(), event.row());
        prop_assert!(again.same_entities(&event), "{}", original);
    }
}
