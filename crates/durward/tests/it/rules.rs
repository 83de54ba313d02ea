//! `durward rules`: trying, adding and switching rules.

use serde_json::json;

use crate::support::{guid, record, run, write_lines};

const OWN: &str = "name = 'Wrong passwords'\nseverity = 'high'\n\
    source = { type = 'filter', text = 'code:50126' }\n\
    shape = { type = 'count', per = ['user'], at_least = 2, window = '10m' }\n";

const SIGMA: &str = "title: From afar\nid: 1f5f0a3e-0000-4000-8000-000000000009\nlevel: low\n\
    logsource:\n    product: azure\n    service: signinlogs\ndetection:\n    sel:\n        \
    ResultType: 0\n    flt:\n        location|expand: '%Known_Location%'\n    \
    condition: sel and not flt\n";

/// A directory with a few sign-ins, and two files of rules.
fn filled() -> (tempfile::TempDir, std::path::PathBuf, [String; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let records = [
        record(&guid(1), "2026-03-01T07:41:09Z", "Iben", 0),
        record(&guid(2), "2026-03-02T08:00:00Z", "Noor", 50126),
        record(&guid(3), "2026-03-02T08:05:00Z", "Noor", 50126),
    ];
    let lines = write_lines(&folder.path().join("a.jsonl"), &records);
    run(&data, &["import", lines.to_str().unwrap(), "--json"]).json();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let files = [file("own.toml", OWN), file("afar.yml", SIGMA)];
    (folder, data, files)
}

#[test]
fn a_rule_is_tried_over_history() {
    let (_folder, data, [own, sigma]) = filled();
    let tried = run(&data, &["rules", "test", &own, "--days", "7", "--json"]).json();
    assert_eq!(tried["verdict"], "loaded");
    assert_eq!((&tried["total"], &tried["matches"]), (&json!(1), &json!(2)));
    let days = tried["perDay"].as_array().unwrap();
    assert_eq!(days.len(), 7);
    assert_eq!(days[6], json!({ "day": "2026-03-02", "findings": 1 }));
    assert_eq!(
        tried["samples"][0]["eventCount"].as_u64().or(tried["samples"][0]["event_count"].as_u64()),
        Some(2)
    );

    let text = run(&data, &["rules", "test", &own]);
    assert_eq!(text.code, 0);
    for part in
        ["Wrong passwords", "1 findings from 2 matching", "2026-03-02", "2 matching records"]
    {
        assert!(text.stdout.contains(part), "{part}: {}", text.stdout);
    }
    // A placeholder without a list is no silent rule.
    let missing = run(&data, &["rules", "test", &sigma]);
    assert_eq!(missing.code, 1);
    assert!(missing.stdout.contains("%Known_Location%"), "{missing:?}");
    let listed = run(&data, &["rules", "test", &sigma, "--list", "known_location=XX", "--json"]);
    assert_eq!(listed.json()["total"], 1);
    let bad = run(&data, &["rules", "test", &sigma, "--list", "nothing"]);
    assert_eq!(bad.code, 2);
    assert!(run(&data, &["rules", "test", "/no/such/file"]).stderr.contains("/no/such/file"));
}

#[test]
fn ready_made_rules_are_added_by_decision() {
    let (_folder, data, [own, _]) = filled();
    let shipped = run(&data, &["rules", "shipped", "--json"]).json_lines();
    assert!(shipped.len() >= 8, "{shipped:?}");
    let listed = run(&data, &["rules", "shipped"]);
    let text = run(&data, &["rules", "shipped", "guest-invited"]);
    assert!(listed.stdout.contains("guest-invited") && text.stdout.contains("logsource:"));
    let tried = run(&data, &["rules", "test", "--shipped", "high-risk-sign-in", "--json"]);
    assert_eq!(tried.json()["verdict"], "loaded");

    let added = run(&data, &["rules", "add", "--shipped", "all"]);
    assert!(added.stdout.contains("guest-invited: added, switched off"), "{added:?}");
    let states = |enabled: bool| {
        let list = run(&data, &["rules", "list", "--json"]).json_lines();
        list.iter().filter(|rule| rule["enabled"] == enabled).count()
    };
    assert_eq!((states(false), states(true)), (shipped.len(), 0));
    let added = run(&data, &["rules", "add", "--shipped", "guest-invited", "--enable"]);
    assert!(added.stdout.contains("guest-invited: added ("), "{added:?}");
    // What was decided stays when a newer version takes the rule's place.
    assert_eq!(run(&data, &["rules", "add", "--shipped", "all"]).code, 0);
    assert_eq!((states(false), states(true)), (shipped.len() - 1, 1));

    for wrong in [
        vec!["rules", "add"],
        vec!["rules", "add", &own, "--enable"],
        vec!["rules", "add", "--shipped", "nothing"],
        vec!["rules", "shipped", "nothing"],
    ] {
        assert_eq!(run(&data, &wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn rules_are_added_switched_and_removed() {
    let (_folder, data, [own, sigma]) = filled();
    let added = run(&data, &["rules", "add", &own]);
    assert!(added.stdout.contains("wrong-passwords: added"), "{added:?}");
    let refused = run(&data, &["rules", "add", &sigma]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let added = run(&data, &["rules", "add", &sigma, "--disabled", "--list", "Known_Location=XX"]);
    assert_eq!(added.code, 0, "{added:?}");
    let list = run(&data, &["rules", "list", "--json"]).json_lines();
    let states: Vec<_> = list.iter().map(|rule| (&rule["name"], &rule["enabled"])).collect();
    assert_eq!(
        states,
        [(&json!("From afar"), &json!(false)), (&json!("Wrong passwords"), &json!(true))]
    );
    assert_eq!(run(&data, &["rules", "disable", "wrong-passwords"]).code, 0);
    let shown = run(&data, &["rules", "show", "wrong-passwords", "--json"]).json();
    assert_eq!(shown["rule"]["enabled"], false);
    assert_eq!(shown["history"].as_array().unwrap().len(), 2);
    let shown = run(&data, &["rules", "show", "wrong-passwords"]);
    // What is shown can be added again.
    assert!(shown.stdout.contains("at_least = 2"), "{}", shown.stdout);
    assert_eq!(run(&data, &["rules", "remove", "wrong-passwords"]).code, 0);
    let none = run(&data, &["rules", "enable", "wrong-passwords"]);
    assert!(none.code == 1 && none.stderr.contains("wrong-passwords"), "{none:?}");
    let log = run(&data, &["access-log", "--json"]);
    assert!(log.stdout.contains("rules remove"), "{}", log.stdout);
}
