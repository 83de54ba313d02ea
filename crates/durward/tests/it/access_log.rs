//! What the command line shows is in the access log.

use serde_json::{Value, json};

use crate::support::{guid, record, run, write_lines};

/// A directory with three sign-ins.
fn filled() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let records = [
        record(&guid(1), "2026-03-02T07:41:09Z", "Iben", 0),
        record(&guid(2), "2026-03-02T08:00:00Z", "Noor", 50126),
        record(&guid(3), "2026-03-03T09:30:00Z", "Tamsin", 50074),
    ];
    let file = write_lines(&folder.path().join("a.jsonl"), &records);
    run(&data, &["import", file.to_str().unwrap(), "--json"]).json();
    (folder, data)
}

#[test]
fn looks_at_the_command_line_are_recorded() {
    let empty = tempfile::tempdir().unwrap();
    let none = run(&empty.path().join("data"), &["access-log"]);
    assert_eq!(none.code, 1);
    assert!(none.stderr.contains("no access log yet"), "{}", none.stderr);
    let (folder, data) = filled();

    run(&data, &["search", "status:failure user:noor", "--json"]).json_lines();
    run(&data, &["search", "user:nobody"]);
    let file = folder.path().join("x.csv");
    run(&data, &["export", "--format", "csv", "-o", file.to_str().unwrap()]);
    let refused = run(&data, &["search", "nosuchfield:1"]);
    assert_eq!(refused.code, 2);

    let entries = run(&data, &["access-log", "--json"]).json_lines();
    let seen: Vec<Value> = entries
        .iter()
        .map(|one| json!([one["seq"], one["action"], one["route"], one["rows"], one["status"]]))
        .collect();
    assert_eq!(
        seen,
        [
            json!([1, "push", "durward import", 3, 200]),
            json!([2, "list", "durward search", 1, 200]),
            json!([3, "list", "durward search", 0, 200]),
            json!([4, "export", "durward export", null, 200]),
            json!([5, "export-end", "durward export", 3, 200]),
        ]
    );
    let query = entries[1]["query"].as_str().unwrap();
    assert!(query.contains("search 'status:failure user:noor' --json"), "{query}");
    assert_eq!(entries[0]["actor"]["kind"], "operator");
    assert_ne!(entries[0]["actor"]["name"], "");
    assert_eq!(entries[3]["requestId"], entries[4]["requestId"]);
    assert_ne!(entries[0]["requestId"], entries[1]["requestId"]);

    // Reading the log is a look, too, and filters narrow it.
    let own = run(&data, &["access-log", "--json", "--action", "access-log"]).json_lines();
    assert_eq!((own.len(), &own[0]["rows"]), (1, &json!(5)));
    let by_text = ["access-log", "--text", "USER:NOOR", "--from", "-1h", "--format", "csv"];
    let csv = run(&data, &by_text).stdout;
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(lines.len(), 3, "{csv}");
    assert!(lines[0].starts_with("seq,at,action,") && lines[1].starts_with("2,"), "{csv}");
    let table = run(&data, &["access-log", "--limit", "2"]).stdout;
    assert_eq!(table.lines().count(), 3, "{table}");
    assert_eq!(run(&data, &["access-log", "--to", "2026-01-01", "--json"]).stdout, "");
    for wrong in [&["--from", "yesterday"][..], &["--action", "look"], &["--noted", "00"]] {
        assert_eq!(run(&data, &[&["access-log"], wrong].concat()).code, 2, "{wrong:?}");
    }
}

#[test]
fn a_log_that_was_changed_is_found_out() {
    let (_folder, data) = filled();
    for _ in 0..3 {
        run(&data, &["search"]);
    }
    let verified = run(&data, &["access-log", "--verify", "--json"]).json();
    assert_eq!(verified["entries"], 4, "the import and three looks");
    let head = verified["head"].as_str().unwrap();
    run(&data, &["search"]);
    let again = run(&data, &["access-log", "--verify", "--noted", head]);
    assert!(again.code == 0 && again.stdout.starts_with("5 entries from "), "{again:?}");
    let whole = run(&data, &["verify", "--json"]).json();
    assert_eq!((&whole["problems"], &whole["accessLog"]["entries"]), (&json!(0), &json!(5)));

    // One letter of what somebody asked, where the file has it.
    let path = data.join("access/journal.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(14).rposition(|part| part == b"durward search").unwrap();
    bytes[at] = b'D';
    std::fs::write(&path, bytes).unwrap();
    let broken = run(&data, &["access-log", "--verify"]);
    assert_eq!(broken.code, 1);
    assert!(broken.stderr.contains("tampered with at entry"), "{}", broken.stderr);
    let whole = run(&data, &["verify", "--json"]);
    assert_eq!(whole.code, 1);
    assert!(whole.stdout.contains("tampered with at entry"), "{}", whole.stdout);
}
