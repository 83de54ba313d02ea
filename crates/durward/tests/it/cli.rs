//! Commands: what they print, and how they end.

use serde_json::{Value, json};

use crate::support::{Client, Server, durward, guid, record, run, write_lines};

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
fn bad_usage_ends_with_2_and_says_what_would_be_right() {
    let (_folder, data) = filled();
    for (arguments, hint) in [
        (&["nonsense"][..], "Usage"),
        (&["search", "nosuchfield:1"], "nosuchfield"),
        (&["search", "--columns", "nosuchcolumn"], "docs/fields.md"),
        (&["search", "--from", "yesterday"], "2026-03-01"),
        (&["search", "--type", "nosuchlog"], "non-interactive"),
        (&["export"], "--format"),
        (&["export", "--format", "csv", "--layout", "portal"], "--type interactive"),
        (&["export", "--format", "json", "--layout", "portal"], "csv only"),
        (&["error", "no", "such", "words"], "AADSTS50126"),
        (&["error", "--category", "weather"], "conditional_access"),
        (&["generate", "x", "--until", "2026-02-31"], "2026-02-31"),
    ] {
        let ran = run(&data, arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(hint), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
    let version = durward().arg("--version").output().unwrap();
    assert!(version.status.success());
    assert!(version.stdout.starts_with(b"durward "));
}

#[test]
fn an_empty_directory_is_not_made_by_looking_at_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("none");
    for command in [&["status"][..], &["search", "x"], &["export", "--format", "csv"], &["verify"]]
    {
        let ran = run(&data, command);
        assert_eq!(ran.code, 1, "{command:?}");
        assert!(ran.stderr.contains("durward import"), "{}", ran.stderr);
        assert!(!data.exists());
    }
}

#[test]
fn search_finds_newest_first() {
    let (_folder, data) = filled();
    let all = run(&data, &["search", "--json"]).json_lines();
    let ids: Vec<_> = all.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [guid(3), guid(2), guid(1)]);
    assert_eq!(all[0]["status"]["errorCode"], 50074);

    let some = [
        "search",
        "status:failure",
        "--json",
        "--columns",
        "userDisplayName,status/errorCode,status",
    ];
    assert_eq!(
        run(&data, &some).json_lines(),
        [json!({ "userDisplayName": "Noor", "status/errorCode": 50126, "status": "Failure" })]
    );
    let table = run(
        &data,
        &["search", "-user:noor", "--limit", "1", "--columns", "userDisplayName,ipAddress"],
    );
    assert_eq!(table.stdout, "userDisplayName\tipAddress\nTamsin\t203.0.113.7\n");
    let day = ["search", "--from", "2026-03-02", "--to", "2026-03-02", "--json"];
    assert_eq!(run(&data, &day).json_lines().len(), 2);
    assert!(run(&data, &["search", "--type", "sp", "--json"]).json_lines().is_empty());
}

#[test]
fn a_code_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let told = run(folder.path(), &["error", "AADSTS50126: Error validating credentials"]);
    assert_eq!(told.code, 0);
    for part in ["50126", "Failure", "To do"] {
        assert!(told.stdout.contains(part), "{}", told.stdout);
    }
    let told = run(folder.path(), &["error", "50126", "--json"]).json();
    assert_eq!((&told["code"], &told["category"]), (&json!(50126), &json!("credentials")));
    let unknown = run(folder.path(), &["error", "999999999"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("count as Failure"), "{}", unknown.stderr);
}

#[test]
fn codes_are_found_by_words_and_category() {
    let folder = tempfile::tempdir().unwrap();
    let ask = |arguments: &[&str]| run(folder.path(), arguments);
    let found = ask(&["error", "password", "expired"]);
    assert!(found.stdout.lines().any(|line| line.starts_with("50055 ")), "{}", found.stdout);
    let found = ask(&["error", "password", "--category", "password_change", "--json"]).json_lines();
    assert!(!found.is_empty());
    assert!(found.iter().all(|code| code["category"] == "password_change"), "{found:?}");
    let all = ask(&["error", "--category", "risk"]).stdout;
    assert_eq!(all.lines().count(), 4, "{all}");
    let categories = ask(&["error"]).stdout;
    assert_eq!(categories.lines().count(), 24, "{categories}");
}

#[test]
fn a_tenant_is_generated_the_same_from_the_same_seed() {
    let folder = tempfile::tempdir().unwrap();
    let made = ["one", "two"].map(|name| {
        let dir = folder.path().join(name);
        let arguments =
            ["generate", dir.to_str().unwrap(), "--seed", "5", "--users", "15", "--days", "2"];
        let report = run(folder.path(), &[&arguments[..], &["--json"]].concat()).json();
        assert_eq!(report["labels"], json!(folder.path().join(format!("{name}-labels.json"))));
        let data = folder.path().join(format!("{name}-data"));
        let imported = run(&data, &["import", dir.to_str().unwrap(), "--json"]).json();
        assert_eq!((&imported["new"], &imported["rejected"]), (&report["records"], &json!(0)));
        let labels: Vec<Value> =
            serde_json::from_slice(&std::fs::read(report["labels"].as_str().unwrap()).unwrap())
                .unwrap();
        assert_eq!(report["attacks"], labels.len());
        let ids = labels[0]["requestIds"].as_array().unwrap();
        let found = run(
            &data,
            &["search", "--json", "--limit", "1", &format!("id:{}", ids[0].as_str().unwrap())],
        );
        assert_eq!(found.json_lines().len(), 1, "labelled requests are among the records");
        let mut files = std::collections::BTreeMap::new();
        for path in std::fs::read_dir(&dir).unwrap() {
            let path = path.unwrap().path();
            files.insert(path.file_name().unwrap().to_owned(), std::fs::read(path).unwrap());
        }
        files
    });
    assert!(!made[0].is_empty());
    assert!(made[0] == made[1], "two runs differ");
}

#[test]
fn the_configuration_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("durward.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        run(folder.path(), &["serve", "--check", "--config", file.to_str().unwrap()])
    };
    let sound = check("[store]\nseal_after = \"5s\"\n");
    assert_eq!(sound.code, 0);
    assert!(sound.stdout.contains("seal_after = \"5s\""), "{}", sound.stdout);
    assert!(sound.stdout.contains("listen = \"127.0.0.1:7400\""), "{}", sound.stdout);
    let unknown = check("[store]\n\nseal_afer = \"5s\"\n");
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.stderr.contains("durward.toml, line 3: unknown key `seal_afer`"),
        "{}",
        unknown.stderr
    );
    let open = run(folder.path(), &["serve", "--check", "--listen", "0.0.0.0:7400"]);
    assert_eq!(open.code, 1);
    assert!(open.stderr.contains("server.tls"), "{}", open.stderr);
}

#[cfg(unix)]
#[test]
fn a_server_answers_tells_where_it_is_and_stops_when_asked() {
    let (_folder, data) = filled();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut server = Server::start(&data, &address, &[]);
    assert_eq!(server.url, format!("http://{address}"));
    let (status, body) = Client::connect(&address, "")
        .unwrap()
        .ask("GET", "/v1.0/auditLogs/signIns?$top=2", "")
        .unwrap();
    assert_eq!(status, 401, "{body}");
    let mut client = Client::connect(&address, &server.token).unwrap();
    let (status, body) = client.ask("GET", "/v1.0/auditLogs/signIns?$top=2", "").unwrap();
    let page: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, page["value"][0]["id"].as_str()), (200, Some(guid(3).as_str())));
    for command in [&["status"][..], &["search", "x"], &["import", "Cargo.toml"]] {
        let told = run(&data, command);
        assert_eq!(told.code, 1, "{command:?}");
        assert!(told.stderr.contains(&server.url), "{}", told.stderr);
    }
    let new = record(&guid(4), "2026-03-03T10:00:00Z", "Iben", 0).to_string();
    assert_eq!(client.ask("POST", "/api/ingest/diagnostic", &new).unwrap().0 / 100, 2);
    // While it runs: the next request is refused.
    for token in run(&data, &["token", "list", "--json"]).json_lines() {
        let revoked = run(&data, &["token", "revoke", token["id"].as_str().unwrap()]);
        assert_eq!(revoked.code, 0, "{revoked:?}");
    }
    assert_eq!(client.ask("GET", "/v1.0/auditLogs/signIns", "").unwrap().0, 401);
    drop(client);
    assert_eq!(server.terminate(), Some(0));
    let status = run(&data, &["status", "--json"]).json();
    assert_eq!((&status["logs"][0]["events"], &status["unsealed_rows"]), (&json!(4), &json!(0)));
}

#[test]
fn small_files_are_merged_and_counts_hold() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for number in 0..4 {
        let one = record(&guid(number), "2026-03-02T07:00:00Z", "Noor", 0);
        let file = write_lines(&folder.path().join(format!("{number}.json")), &[one]);
        run(&data, &["import", file.to_str().unwrap(), "--json"]).json();
    }
    let before = run(&data, &["status", "--json"]).json();
    let merged = run(&data, &["compact", "--rebuild-rollups", "--json"]).json();
    assert_eq!(
        (&before["files"], &merged["files_before"], &merged["files_after"]),
        (&json!(4), &json!(4), &json!(1))
    );
    assert_eq!(merged["rollups_replaced"], 0);
    let after = run(&data, &["status", "--json"]).json();
    assert_eq!((&after["files"], &after["logs"]), (&json!(1), &before["logs"]));
    assert_eq!(run(&data, &["verify", "--json"]).json()["problems"], 0);
}

#[cfg(unix)]
#[test]
fn the_demo_is_alive_and_leaves_nothing_behind() {
    use std::io::{BufRead as _, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let mut demo = durward()
        .args(["demo", "--json", "--days", "1", "--listen", "127.0.0.1:0"])
        .env("TMPDIR", folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(demo.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let address = ready["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
    assert!(ready["events"].as_u64().unwrap() > 0, "{ready}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let mut client = Client::connect(&address, "").unwrap();
    let (status, body) = client.ask("GET", "/v1.0/auditLogs/signIns?$top=1", "").unwrap();
    assert_eq!(status, 200, "{body}");
    assert!(body.contains(".example"), "{body}");
    drop(client);
    let id = demo.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(demo.wait().unwrap().code(), Some(0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the directory is gone");
}
