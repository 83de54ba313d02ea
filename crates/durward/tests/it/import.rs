//! `import` and `export --format original`: everything in once, everything back as it was.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{guid, record, run, write_lines};

fn sample(count: u64) -> Vec<Value> {
    let of = |number: u64| {
        let created = format!("2026-03-02T07:{:02}:{:02}.1234567Z", number / 60, number % 60);
        record(&guid(number), &created, "Iben", if number.is_multiple_of(3) { 50126 } else { 0 })
    };
    (0..count).map(of).collect()
}

/// How often each value is there.
fn counted(values: impl IntoIterator<Item = Value>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value.to_string()).or_default() += 1;
    }
    counts
}

#[test]
fn files_go_in_once_and_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, data) = (folder.path().join("logs"), folder.path().join("data"));
    let records = sample(150);
    write_lines(&logs.join("a.jsonl"), &records[..100]);
    let page = json!({ "records": &records[90..150] });
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(page.to_string().as_bytes()).unwrap();
    std::fs::write(logs.join("b.json.gz"), zipped.finish().unwrap()).unwrap();
    let audit = json!({
        "time": "2026-03-02T08:00:00Z", "category": "AuditLogs", "operationName": "Add user",
        "properties": { "id": "Directory_17", "activityDateTime": "2026-03-02T08:00:00Z" },
    });
    write_lines(&logs.join("sub/audit.json"), std::slice::from_ref(&audit));
    std::fs::write(logs.join("notes.html"), "<p>no log</p>").unwrap();

    let path = logs.to_str().unwrap();
    let first = run(&data, &["import", path, "--json"]).json();
    for (name, count) in
        [("new", 150), ("known", 10), ("revised", 0), ("other", 1), ("rejected", 0)]
    {
        assert_eq!(first[name], count, "{name}: {first}");
    }
    assert_eq!(first["by_log"]["audit"]["new"], 1);
    assert_eq!(first["skipped"], json!([logs.join("notes.html")]));
    let second = run(&data, &["import", path, "--json"]).json();
    for (name, count) in [("new", 0), ("known", 160), ("revised", 0), ("other", 1), ("rejected", 0)]
    {
        assert_eq!(second[name], count, "{name}: {second}");
    }

    let exported = run(&data, &["export", "--format", "original"]).json_lines();
    let expected = records.iter().cloned().chain([audit]);
    assert_eq!(counted(exported), counted(expected));
    let verified = run(&data, &["verify", "--json"]).json();
    assert_eq!((&verified["rows"], &verified["problems"]), (&json!(151), &json!(0)));
}

#[test]
fn a_changed_record_is_a_revision_and_both_can_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = record(&guid(1), "2026-03-02T07:00:00Z", "Noor", 50074);
    let mut second = first.clone();
    second["time"] = "2026-03-02T07:10:00Z".into();
    second["properties"]["riskState"] = "remediated".into();
    for (name, version) in [("one.json", &first), ("two.json", &second)] {
        let file = write_lines(&folder.path().join(name), std::slice::from_ref(version));
        run(&data, &["import", file.to_str().unwrap(), "--json"]).json();
    }
    let latest = run(&data, &["export", "--format", "original"]).json_lines();
    assert_eq!(latest, [second.clone()]);
    let history = run(&data, &["export", "--format", "original", "--history"]).json_lines();
    assert_eq!(counted(history), counted([first, second]));
    let status = run(&data, &["status", "--json"]).json();
    assert_eq!(status["logs"][0]["events"], 1);
    assert_eq!(status["logs"][0]["earlier_revisions"], 1);
}

#[test]
fn what_cannot_be_read_is_kept_with_the_reason_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let records = sample(3);
    let text =
        format!("{}\n{{\"broken\": \n{}\nnot json\n{}\n", records[0], records[1], records[2]);
    let file = folder.path().join("mixed.jsonl");
    std::fs::write(&file, text).unwrap();
    let rejects = folder.path().join("why.jsonl");
    let arguments =
        ["import", file.to_str().unwrap(), "--rejects", rejects.to_str().unwrap(), "--json"];
    let report = run(&data, &arguments).json();
    assert_eq!(report["new"], 3, "{report}");
    assert_eq!(report["rejects"], json!(rejects));
    let why: Vec<Value> = std::fs::read_to_string(&rejects)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(report["rejected"], why.len());
    assert!(!why.is_empty());
    for one in &why {
        assert_eq!(one["file"], json!(file));
        assert!(one["line"].as_u64().is_some_and(|line| (2..=4).contains(&line)), "{one}");
        assert!(one["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{one}");
    }
    // People are told where to look.
    let said = run(&data, &["import", file.to_str().unwrap()]);
    assert_eq!(said.code, 0);
    assert!(said.stdout.contains("rejects"), "{}", said.stdout);
}

#[test]
fn exports_have_every_event_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let records = sample(30);
    let file = write_lines(&folder.path().join("a.jsonl"), &records);
    run(&data, &["import", file.to_str().unwrap(), "--json"]).json();
    let export = |arguments: &[&str]| {
        let ran = run(&data, &[&["export"], arguments].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout
    };
    let ids = |found: Vec<String>| {
        let mut expected: Vec<String> = (0..30).map(guid).collect();
        expected.reverse();
        assert_eq!(found, expected, "newest first");
    };
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();

    let lines = export(&["--format", "ndjson"]);
    ids(lines.lines().map(|line| id(&serde_json::from_str(line).unwrap())).collect());
    let array: Vec<Value> = serde_json::from_str(&export(&["--format", "json"])).unwrap();
    ids(array.iter().map(id).collect());
    let column = |text: &str, header: &str| -> Vec<String> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let at = reader.headers().unwrap().iter().position(|name| name == header).unwrap();
        reader.records().map(|row| row.unwrap()[at].to_owned()).collect()
    };
    ids(column(&export(&["--format", "csv"]), "id"));
    let portal = export(&["--format", "csv", "--layout", "portal", "--type", "interactive"]);
    ids(column(&portal, "Request ID"));
    assert_eq!(column(&portal, "Status")[29], "Failure");

    let some =
        export(&["--format", "ndjson", "--filter", "code:50126", "--to", "2026-03-02T07:00:10Z"]);
    let found: Vec<Value> = some.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(found.iter().map(id).collect::<Vec<_>>(), [guid(9), guid(6), guid(3), guid(0)]);

    let parquet = folder.path().join("out.parquet");
    let arguments = ["export", "--format", "parquet", "-o", parquet.to_str().unwrap(), "--json"];
    assert_eq!(run(&data, &arguments).json()["events"], 30);
    let bytes = std::fs::read(&parquet).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    assert!(!folder.path().join("out.parquet.part").exists());
}

#[test]
fn the_import_of_nothing_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let missing = run(&data, &["import", "/no/such/place.json"]);
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("/no/such/place.json"), "{}", missing.stderr);
    assert!(!Path::new(&data).exists(), "nothing was made");
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let report = run(&data, &["import", empty.to_str().unwrap(), "--json"]).json();
    assert_eq!((&report["files"], &report["new"]), (&json!(0), &json!(0)));
}
